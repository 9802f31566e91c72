//! What must not regress, in counts: no allocation per sync once the buffers have grown.

use hpasim::input::Source;
use hpasim::input::manifests;
use hpasim::model::ControllerConfig;
use hpasim::plan::Level;
use hpasim::plan::Pool;
use hpasim::sim::simulate_one;

use crate::support::{Deployment, many_objects, table};

/// The allocations of a simulation of so many syncs under a load that changes every minute but never
/// scales.
fn allocations(syncs: i64) -> u64 {
    let rag = Deployment::rag();
    let minutes = syncs / 4;
    let gib = 1_073_741_824.0;
    let rows: Vec<(i64, [f64; 2])> =
        (0..minutes).map(|minute| (minute * 60, [0.9 + 0.05 * (minute % 3) as f64, gib])).collect();
    let rows: Vec<(i64, &[f64])> = rows.iter().map(|(at, values)| (*at, values.as_slice())).collect();
    let load = table(&["cpu", "memory"], &rows);
    let setup = rag.setup(&load);
    let mut load = load.clone();
    let counted = allocation_counter::measure(|| {
        let summary = simulate_one(&setup, 0, &mut load, None).unwrap();
        assert_eq!((summary.syncs as i64, summary.rescales.len()), (syncs, 0));
    });
    counted.count_total
}

#[test]
fn a_sync_allocates_nothing_in_steady_state() {
    // Both runs fill the stabilization window; the longer one has 4,000 syncs more.
    assert_eq!(allocations(1_000), allocations(5_000));
}

/// The allocations of reading, planning, linting and simulating so many services of one namespace.
fn of_many(count: usize) -> u64 {
    let source = Source { name: "many.yaml".into(), text: many_objects(count) };
    let counted = allocation_counter::measure(|| {
        let manifests = manifests::read(&[source], manifests::Context::default()).unwrap().accepted().unwrap();
        let inventory = &manifests.inventory;
        let workloads = hpasim::plan::workloads(inventory);
        let storage = hpasim::plan::storage(inventory, &workloads);
        let shapes = hpasim::input::nodes::generic();
        for pool in Pool::all(&shapes[..2], &workloads, &inventory.namespace_labels) {
            assert!(pool.pack_level(&workloads, Level::Maximum).nodes > 0);
        }
        let neighbourhood = inventory.neighbourhood(&[]);
        let context = hpasim::lint::Context {
            inventory,
            workloads: &workloads,
            neighbourhood: &neighbourhood,
            storage: &storage,
            controller: ControllerConfig::default(),
            startup: hpasim::units::Span::from_seconds(20).into(),
            nodes: &shapes,
            held_back: Vec::new(),
            odd: Vec::new(),
            refused: Vec::new(),
            removed: Vec::new(),
        };
        assert!(hpasim::lint::lint(&context).len() >= count);
        let targets: Vec<_> = inventory.workloads.iter().map(|workload| &workload.item).collect();
        assert_eq!(inventory.shared_quotas(&targets).len(), 2);
    });
    counted.count_total
}

#[test]
fn many_objects_take_as_much_each() {
    let (some, more) = (of_many(100), of_many(400));
    assert!(more < some * 9 / 2, "{some} allocations for 100 services, {more} for 400");
}
