//! The whole loop: 30 days of the RAG backend, 172,800 syncs. See `benches/README.md`.

mod common;

use hpasim::input::manifests::Manifests;
use hpasim::input::pattern::parse_column;
use hpasim::input::plan::{RequestCosts, plan};
use hpasim::model::{ClusterConfig, ControllerConfig, Interpolation, LoadSource, LoadTable};
use hpasim::sim::pattern::Synthetic;
use hpasim::sim::{Setup, simulate};
use hpasim::units::Span;

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
        let summary = simulate(&setup, &mut load, &mut |_| {}).expect("the load does not fail");
        assert_eq!(summary.syncs, 172_800);
        summary
    });
}

/// A load like that of `scenarios/rag-system/traces/workday.csv`, with weekends.
fn load(days: i64) -> LoadTable {
    let columns = [
        "cpu=diurnal:low=0.5,high=2.6,peak=14h,weekend=0.4+bursts:every=40m,height=0.35,length=8m+noise:sigma=0.04",
        "memory=diurnal:low=650Mi,high=2500Mi,peak=15h,weekend=0.4+noise:sigma=20Mi",
    ]
    .map(|text| parse_column(text).expect(text));
    let mut trace = Synthetic::new(&columns, Span::from_seconds(days * 86_400), Span::from_seconds(60), 7);
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
    let plan = plan(load.columns(), hpa, &workload.template, &RequestCosts::default(), &mut Vec::new())
        .expect("the load drives both metrics");
    Setup {
        hpa,
        workload,
        controller: ControllerConfig::default(),
        cluster: ClusterConfig::default(),
        plan,
        interpolation: Interpolation::Hold,
        initial_replicas: 3,
        duration: None,
        lead_in: Span::ZERO,
        events: &[],
        keep_pod_numbers: false,
        every_second: false,
    }
}
