//! One decision. See `benches/README.md`.

mod common;

use divan::black_box;
use hpasim::hpa::{Decision, History, MetricValues, Observation, PodGroup, PodPhase, ReadyCondition, Sample, decide};
use hpasim::model::ControllerConfig;
use hpasim::units::{SimTime, Span};

fn main() {
    divan::main();
}

/// A sync of the RAG backend's HPA with this many groups of pods, in a full stabilization window.
#[divan::bench(args = [1, 4, 100])]
fn rag_sync(bencher: divan::Bencher<'_, '_>, groups: i32) {
    let manifests = common::rag_manifests();
    let selection = manifests.select(None, None).expect("there is one HPA");
    let spec = selection.hpa.item.clone();
    let config = ControllerConfig::default();
    let long_ago = SimTime::from_seconds(-86_400);
    let pod = PodGroup {
        count: 1,
        phase: PodPhase::Running,
        start_time: Some(long_ago),
        ready: Some(ReadyCondition { status: true, since: long_ago }),
        terminating: false,
    };
    let pods = vec![pod; groups as usize];
    let metrics = [MetricValues::Pods; 2];
    let requests: Vec<Option<i64>> =
        [500, 536_870_912_000].iter().flat_map(|&request| vec![Some(request); pods.len()]).collect();
    let mut history = History::default();
    let mut decision = Decision::default();
    let mut now = SimTime::ZERO;
    let mut samples = vec![None; 2 * pods.len()];
    bencher.bench_local(|| {
        now += Span::from_seconds(15);
        let sample = |value| Some(Sample { value, at: now, window: Span::from_seconds(15) });
        samples[..pods.len()].fill(sample(350));
        samples[pods.len()..].fill(sample(322_122_548_000));
        let observation = Observation {
            now,
            spec_replicas: groups.clamp(3, 10),
            status_replicas: groups.clamp(3, 10),
            pods: &pods,
            metrics: &metrics,
            samples: &samples,
            requests: &requests,
            sums: &[],
            ambiguous_selector: false,
        };
        decide(black_box(&spec), &config, &mut history, &observation, &mut decision);
        decision.desired
    });
}
