//! `hpasim conformance`: replays recorded decisions of the real controller.

use crate::hpa::{Decision, History, MetricObservation, MetricStatus, Observation, Reading, Verdict, decide};
use crate::input::conformance::{Case, RecordedReading, Step, Want};
use crate::model::MetricSource;
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
    let requests: Vec<Option<i64>> = case
        .spec
        .metrics
        .iter()
        .map(|source| match source {
            MetricSource::Resource { name, .. } => {
                case.template.hpa_request(None, name, case.config.version).ok()
            }
            MetricSource::ContainerResource { container, name, .. } => {
                case.template.hpa_request(Some(container), name, case.config.version).ok()
            }
            _ => None,
        })
        .collect();
    let mut history = History::default();
    let mut decision = Decision::default();
    let mut mismatches = Vec::new();
    for (index, step) in case.steps.iter().enumerate() {
        let metrics: Vec<MetricObservation<'_>> = step
            .metrics
            .iter()
            .zip(&requests)
            .map(|(metric, &request)| MetricObservation { reading: reading(metric), request })
            .collect();
        let observation = Observation {
            now: step.now,
            spec_replicas: step.spec_replicas,
            status_replicas: step.status_replicas,
            pods: &step.pods,
            metrics: &metrics,
        };
        decide(&case.spec, &case.config, &mut history, &observation, &mut decision);
        let differences = differences(case, step, &decision, &history);
        if !differences.is_empty() {
            mismatches.push(Mismatch { step: index, differences, decision: decision.clone() });
        }
    }
    mismatches
}

fn reading(metric: &RecordedReading) -> Reading<'_> {
    match metric {
        RecordedReading::Unavailable => Reading::Unavailable,
        RecordedReading::Pods(samples) => Reading::Pods(samples),
        RecordedReading::Value(value) => Reading::Value(*value),
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
    let kinds = ["AbleToScale", "ScalingActive", "ScalingLimited"];
    for kind in kinds {
        let want = conditions.get(kind).map_or("absent".into(), |(status, reason)| format!("{status} {reason}"));
        let got = ours.iter().find(|(name, ..)| *name == kind).map_or("absent".into(), |(_, status, reason)| {
            format!("{} {reason}", if *status { "True" } else { "False" })
        });
        compare(kind, want, got);
    }
    let reason = if decision.rescaled { reasons::rescale_reason(&case.spec, decision) } else { String::new() };
    compare("rescaleReason", rescale_reason.clone(), reason);
    compare("failed", failed.to_string(), (decision.verdict == Verdict::Failed).to_string());
    let want: Vec<Option<MetricStatus>> = current_metrics.iter().map(|metric| metric.status()).collect();
    if want != history.current_metrics() {
        compare("currentMetrics", format!("{want:?}"), format!("{:?}", history.current_metrics()));
    }
    found
}
