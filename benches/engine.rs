//! The whole loop: 30 days of the RAG backend, 172,800 syncs. See `benches/README.md`.

mod common;

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};

use hpasim::input::load::LoadSettings;
use hpasim::input::load::drives::drives;
use hpasim::input::load::pattern::parse_column;
use hpasim::input::load::synthetic::Synthetic;
use hpasim::input::manifests::Manifests;
use hpasim::model::{HpaSpec, LoadSource, LoadTable, MetricSource, MetricTarget, Target};
use hpasim::sim::{Setup, World, simulate_one};
use hpasim::units::Span;
use rayon::prelude::*;

fn main() {
    divan::main();
}

/// Full closed loop, CPU and memory metrics, 3 to 10 pods, no timeline kept.
#[divan::bench]
fn rag_30_days(bencher: divan::Bencher<'_, '_>) {
    let manifests = common::rag_manifests();
    let load = load(30);
    let setup = setup(&manifests, &load);
    bencher.with_inputs(|| load.clone()).bench_values(|mut load| {
        let summary = simulate_one(&setup, 0, &mut load, None).expect("the load does not fail");
        assert_eq!(summary.syncs, 172_800);
        summary
    });
}

/// What the others are compared with: as many syncs of the formula alone, with the tolerance, the scale-down window and the bounds.
/// Pods are there at once, metrics are what the load is at the sync.
#[divan::bench]
fn textbook_loop_of_30_days(bencher: divan::Bencher<'_, '_>) {
    let load = load(30);
    bencher.with_inputs(|| load.clone()).bench_values(|mut load| {
        let (mut replicas, mut row, mut recent) = (3.0f64, [0.0; 2], [3.0f64; 20]);
        let mut changes = 0;
        for sync in 0..172_800 {
            if sync % 4 == 0 {
                load.next_row(&mut row).expect("a table does not fail");
            }
            let ratio = |used: f64, request: f64, target: f64| used / (replicas * request) / target;
            let most = ratio(row[0], 0.5, 0.7).max(ratio(row[1], 536_870_912.0, 0.8));
            let proposed = if (most - 1.0).abs() <= 0.1 { replicas } else { (most * replicas).ceil() };
            recent[sync % recent.len()] = proposed;
            let highest = recent.iter().copied().fold(proposed, f64::max);
            let desired = proposed.max(replicas.min(highest)).clamp(3.0, 10.0);
            changes += usize::from(desired != replicas);
            replicas = divan::black_box(desired);
        }
        changes
    });
}

/// The same under a load that stays as it is, and under one that changes every hour.
#[divan::bench(args = ["constant", "hourly"])]
fn rag_30_days_of(bencher: divan::Bencher<'_, '_>, load: &str) {
    let manifests = common::rag_manifests();
    let (columns, step) = match load {
        "constant" => (["cpu=constant:value=1.3", "memory=constant:value=3Gi"], 60),
        _ => {
            (["cpu=diurnal:low=0.5,high=2.6,peak=14h,weekend=0.4+noise:sigma=0.04", "memory=constant:value=3Gi"], 3600)
        }
    };
    let load = synthetic(&columns, 30, step, 7);
    let setup = setup(&manifests, &load);
    bencher.with_inputs(|| load.clone()).bench_values(|mut load| {
        let summary = simulate_one(&setup, 0, &mut load, None).expect("the load does not fail");
        assert_eq!(summary.syncs, 172_800);
        summary
    });
}

/// A fleet: 1,000 HPAs that differ in target, bounds, start-up time, phases and load, a day each, on 2 threads. Their pods start
/// within the 60 s that the startup probe allows.
#[divan::bench(sample_count = 3, sample_size = 1)]
fn fleet_of_1000_for_a_day(bencher: divan::Bencher<'_, '_>) {
    fleet(bencher, 0..60);
}

/// The same with pods that take longer: the kubelet kills them again and again, and Deployment and HPA have to do with it.
#[divan::bench(sample_count = 3, sample_size = 1)]
fn fleet_of_1000_that_crash(bencher: divan::Bencher<'_, '_>) {
    fleet(bencher, 61..90);
}

fn fleet(bencher: divan::Bencher<'_, '_>, startups: Range<i64>) {
    let manifests = common::rag_manifests();
    let loads: Vec<LoadTable> = (0..8).map(|seed| seeded_load(1, seed)).collect();
    let base = setup(&manifests, &loads[0]);
    let hpas: Vec<HpaSpec> = (0..1000).map(|index| different(base.targets[0].hpa, index)).collect();
    let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().expect("two threads");
    let syncs = AtomicU64::new(0);
    bencher.bench_local(|| {
        pool.install(|| {
            hpas.par_iter().enumerate().for_each(|(index, hpa)| {
                let mut setup = base.clone();
                let startup = startups.start + index as i64 % (startups.end - startups.start);
                setup.targets[0].hpa = hpa;
                setup.targets[0].cluster.startup = Span::from_seconds(startup).into();
                setup.targets[0].phase.scrape = Span::from_seconds(index as i64 % 15);
                setup.targets[0].phase.kubelet = Span::from_seconds(index as i64 % 10);
                let mut load = loads[index % loads.len()].clone();
                let summary = simulate_one(&setup, 0, &mut load, None).expect("the load does not fail");
                syncs.fetch_add(summary.syncs, Ordering::Relaxed);
            });
        });
    });
    assert_eq!(syncs.load(Ordering::Relaxed) % 5_760_000, 0);
}

/// An HPA with another target and other bounds.
fn different(hpa: &HpaSpec, index: usize) -> HpaSpec {
    let mut hpa = hpa.clone();
    hpa.max_replicas = 5 + (index % 40) as i32;
    hpa.min_replicas = 1 + (index % 4) as i32;
    for (metric, change) in hpa.metrics.iter_mut().zip([index % 50, index % 30]) {
        if let MetricSource::Resource { target: MetricTarget::Utilization(percent), .. } = metric {
            *percent = 40 + change as i32;
        }
    }
    hpa
}

/// A load like that of `scenarios/rag-system/traces/workday.csv`, with weekends.
fn load(days: i64) -> LoadTable {
    seeded_load(days, 7)
}

fn seeded_load(days: i64, seed: u64) -> LoadTable {
    let columns = [
        "cpu=diurnal:low=0.5,high=2.6,peak=14h,weekend=0.4+bursts:every=40m,height=0.35,length=8m+noise:sigma=0.04",
        "memory=diurnal:low=650Mi,high=2500Mi,peak=15h,weekend=0.4+noise:sigma=20Mi",
    ];
    synthetic(&columns, days, 60, seed)
}

/// A load made of patterns, a row every `step` seconds.
fn synthetic(columns: &[&str], days: i64, step: i64, seed: u64) -> LoadTable {
    let columns: Vec<_> = columns.iter().map(|text| parse_column(text).expect(text)).collect();
    let mut trace = Synthetic::new(&columns, Span::from_seconds(days * 86_400), Span::from_seconds(step), seed);
    let mut table = LoadTable::new(trace.columns().to_vec());
    let mut values = [0.0; 2];
    while let Some(at) = trace.next_row(&mut values).expect("patterns do not fail") {
        table.push(at, &values);
    }
    table
}

/// The simulation of the RAG backend under such a load.
fn setup<'a>(manifests: &'a Manifests, load: &LoadTable) -> Setup<'a> {
    let selection = manifests.select(None, None).expect("there is one HPA");
    let (hpa, workload) = (&selection.hpa.item, &selection.target.item);
    let drives = drives(load.columns(), hpa, &workload.template, &LoadSettings::default(), &mut Vec::new())
        .expect("the load drives both metrics");
    let target = Target { initial_replicas: 3, ..Target::new(hpa, workload, drives) };
    Setup { world: World::default(), targets: vec![target] }
}
