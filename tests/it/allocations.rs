//! What must not regress, in counts: no allocation per sync once the buffers have grown.

use hpasim::sim::simulate_one;

use crate::support::{Deployment, table};

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
