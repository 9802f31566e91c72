//! Recorded decisions of the real controller against ours.

use crate::hpa::{Decision, History, MetricStatus, MetricValues, Observation, Sample, Verdict, decide};
use crate::input::conformance::{Case, RecordedReading, Step, Want};
use crate::report::reasons;

/// A recorded decision that ours differs from.
#[derive(Debug)]
pub struct Mismatch {
    /// Index of the step.
    pub step: usize,
    /// What differs: recorded and ours.
    pub differences: Vec<(String, String, String)>,
    /// Our decision.
    pub decision: Decision,
}

/// Replays a case with one controller state. Returns the mismatches.
pub fn replay(case: &Case) -> Vec<Mismatch> {
    let requests: Vec<Option<i64>> =
        case.spec.metrics.iter().map(|source| case.template.metric_request(source, case.config.version)).collect();
    let mut history = History::default();
    let mut decision = Decision::default();
    let mut mismatches = Vec::new();
    for (index, step) in case.steps.iter().enumerate() {
        let metrics: Vec<MetricValues> = step.metrics.iter().map(reading).collect();
        let pod_requests: Vec<Option<i64>> =
            requests.iter().flat_map(|&request| vec![request; step.pods.len()]).collect();
        let samples: Vec<Option<Sample>> = step
            .metrics
            .iter()
            .flat_map(|metric| match metric {
                RecordedReading::Pods(samples) => samples.clone(),
                _ => vec![None; step.pods.len()],
            })
            .collect();
        let observation = Observation {
            now: step.now,
            spec_replicas: step.spec_replicas,
            status_replicas: step.status_replicas,
            pods: &step.pods,
            metrics: &metrics,
            samples: &samples,
            requests: &pod_requests,
            sums: &[],
            ambiguous_selector: false,
        };
        decide(&case.spec, &case.config, &mut history, &observation, &mut decision);
        let differences = differences(case, step, &decision, &history);
        if !differences.is_empty() {
            mismatches.push(Mismatch { step: index, differences, decision: decision.clone() });
        }
    }
    mismatches
}

fn reading(metric: &RecordedReading) -> MetricValues {
    match metric {
        RecordedReading::Unavailable => MetricValues::Unavailable,
        RecordedReading::Pods(_) => MetricValues::Pods,
        RecordedReading::Value(value) => MetricValues::Value(*value),
    }
}

fn differences(case: &Case, step: &Step, decision: &Decision, history: &History) -> Vec<(String, String, String)> {
    let Want { replicas, conditions, rescale_reason, current_metrics, failed } = &step.want;
    let mut found = Vec::new();
    let mut compare = |what: &str, want: String, got: String| {
        if want != got {
            found.push((what.to_owned(), want, got));
        }
    };
    compare("replicas", replicas.to_string(), decision.desired.to_string());
    let ours = reasons::conditions(&decision.conditions);
    // Not every recording has the condition ScaledToZero; where one names it at all, it is compared.
    let records_zero = case.steps.iter().any(|step| step.want.conditions.contains_key("ScaledToZero"));
    let kinds = ["AbleToScale", "ScalingActive", "ScalingLimited"].into_iter();
    for kind in kinds.chain(records_zero.then_some("ScaledToZero")) {
        let want = conditions.get(kind).map_or("absent".into(), |(status, reason)| format!("{status} {reason}"));
        let got = ours.iter().find(|(name, ..)| *name == kind).map_or("absent".into(), |(_, status, reason)| {
            format!("{} {reason}", if *status { "True" } else { "False" })
        });
        compare(kind, want, got);
    }
    let reason = if decision.rescaled {
        reasons::rescale_reason(&case.spec, case.config.version, decision)
    } else {
        String::new()
    };
    compare("rescaleReason", rescale_reason.clone(), reason);
    compare("failed", failed.to_string(), (decision.verdict == Verdict::Failed).to_string());
    let want: Vec<Option<MetricStatus>> = current_metrics.iter().map(|metric| metric.status()).collect();
    if want != history.current_metrics() {
        compare("currentMetrics", format!("{want:?}"), format!("{:?}", history.current_metrics()));
    }
    found
}
