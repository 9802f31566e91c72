//! Planning: many simulated days, and packing. See `benches/README.md`.

mod common;

use hpasim::input::load::LoadSettings;
use hpasim::input::load::drives::drives;
use hpasim::input::manifests::Manifests;
use hpasim::input::scenario::{self, Files};
use hpasim::model::{Column, LoadTable, Target};
use hpasim::plan::Pool;
use hpasim::plan::workloads;
use hpasim::replay::replay;
use hpasim::sim::{Setup, World};
use hpasim::study::montecarlo::{Uncertainty, runs};
use hpasim::study::phases::WorldPhases;
use hpasim::study::sample::Count;
use hpasim::study::{Simulated, TargetLoad};
use hpasim::units::SimTime;

fn main() {
    divan::main();
}

/// A hundred days of the RAG backend with everything uncertain, on all cores.
#[divan::bench(sample_count = 20)]
fn a_hundred_runs_of_a_day(bencher: divan::Bencher<'_, '_>) {
    let manifests = common::rag_manifests();
    let plans = workloads(&manifests.inventory);
    let simulated = simulated(&manifests);
    let uncertainty = Uncertainty { level: 0.1, noise: 0.1, startup: 0.3 };
    bencher.bench(|| {
        let results = runs(&plans, &simulated, uncertainty, 1, 100).expect("the load does not fail");
        assert_eq!(results.len(), 100);
        results
    });
}

/// A hundred phases of a day, as `simulate` takes them, on all cores.
#[divan::bench(sample_count = 20)]
fn a_hundred_phases_of_a_day(bencher: divan::Bencher<'_, '_>) {
    let manifests = common::rag_manifests();
    let simulated = simulated(&manifests);
    bencher.bench(|| WorldPhases::run(&simulated, Count::Exactly(100)).expect("the load does not fail"));
}

/// The built-in scenarios in all of their phases, as `replay` tests them.
#[divan::bench(sample_count = 5, sample_size = 1)]
fn replay_in_every_phase(bencher: divan::Bencher<'_, '_>) {
    let scenarios = scenario::read(
        Files::Builtin,
        scenario::BUILTIN_FOLDERS[0].as_ref(),
        scenario::Choice::default(),
        &mut Vec::new(),
    );
    let scenarios = scenarios.expect("the built-in scenarios are valid");
    bencher.bench(|| {
        for scenario in &scenarios {
            divan::black_box(replay(scenario, None).expect("they are steady"));
        }
    });
}

/// First-fit decreasing of a thousand pods, their bound and what binds.
#[divan::bench]
fn pack_a_thousand_pods(bencher: divan::Bencher<'_, '_>) {
    let manifests = common::rag_manifests();
    let plans = workloads(&manifests.inventory);
    let shapes = hpasim::input::nodes::generic();
    let pool = Pool::new(&shapes[1], &plans, &manifests.inventory.namespace_labels);
    let pods: Vec<i32> = plans.iter().map(|_| 1000 / plans.len() as i32).collect();
    bencher.bench(|| pool.pack(&plans, divan::black_box(&pods)));
}

/// The RAG backend under a load that rises and falls once a day, a row a minute.
fn simulated(manifests: &Manifests) -> Simulated<'_> {
    let selection = manifests.select(None, None).expect("there is one HPA");
    let (hpa, workload) = (&selection.hpa.item, &selection.target.item);
    let mut load = LoadTable::new(vec![Column::Cpu, Column::Memory]);
    for minute in 0..1440 {
        let phase = f64::from(minute) / 1440.0 * std::f64::consts::TAU;
        let level = 0.5 - 0.5 * phase.cos();
        load.push(SimTime::from_seconds(i64::from(minute) * 60), &[0.6 + 3.0 * level, 1.5e9 + 2.0e9 * level]);
    }
    let columns = [Column::Cpu, Column::Memory];
    let drives = drives(&columns, hpa, &workload.template, &LoadSettings::default(), &mut Vec::new());
    let target =
        Target { initial_replicas: 3, ..Target::new(hpa, workload, drives.expect("the load drives both metrics")) };
    let setup = Setup { world: World::default(), targets: vec![target] };
    Simulated { setup, loads: vec![TargetLoad { workload: 0, table: load, varies: vec![true, true] }] }
}
