//! The controller's own words: condition reasons and rescale messages.

use crate::hpa::{Condition, Conditions, Decision, MetricFailure, RescaleReason};
use crate::model::{
    HpaSpec, KubernetesVersion, LabelSelector, MetricIdentifier, MetricSource, MetricTarget, ValueTarget,
};

/// The conditions that are set: type, status, reason.
pub fn conditions(conditions: &Conditions) -> Vec<(&'static str, bool, &'static str)> {
    let mut all = Vec::new();
    if let Some(Condition { status, reason }) = conditions.able_to_scale {
        all.push(("AbleToScale", status, reason.name()));
    }
    if let Some(Condition { status, reason }) = conditions.scaling_active {
        all.push(("ScalingActive", status, reason.name()));
    }
    if let Some(Condition { status, reason }) = conditions.scaling_limited {
        all.push(("ScalingLimited", status, reason.name()));
    }
    if let Some(Condition { status, reason }) = conditions.scaled_to_zero {
        all.push(("ScaledToZero", status, reason.name()));
    }
    all
}

/// The reason in the event SuccessfulRescale; empty where only stabilization asked for the change.
pub fn rescale_reason(spec: &HpaSpec, version: KubernetesVersion, decision: &Decision) -> String {
    match decision.reason {
        None => String::new(),
        Some(RescaleReason::AboveMaxReplicas | RescaleReason::BelowMinReplicas) => bounds_reason(decision).into(),
        Some(RescaleReason::AllBelowTarget) => "All metrics below target".into(),
        Some(RescaleReason::AboveTarget { metric }) => {
            format!("{} above target", metric_name(&spec.metrics[metric], version))
        }
    }
}

/// The reason of a correction to the bounds, which looks at no metric.
pub fn bounds_reason(decision: &Decision) -> &'static str {
    match decision.reason {
        Some(RescaleReason::AboveMaxReplicas) => "Current number of replicas above Spec.MaxReplicas",
        _ => "Current number of replicas below Spec.MinReplicas",
    }
}

/// A metric as the controller of a release names it in messages.
pub fn metric_name(source: &MetricSource, version: KubernetesVersion) -> String {
    match source {
        MetricSource::Resource { name, target: MetricTarget::Utilization(_) } => {
            format!("{name} resource utilization (percentage of request)")
        }
        MetricSource::ContainerResource { name, target: MetricTarget::Utilization(_), .. } => {
            format!("{name} container resource utilization (percentage of request)")
        }
        // The controller does not say that it is a container's.
        MetricSource::Resource { name, target: MetricTarget::AverageValue(_) }
        | MetricSource::ContainerResource { name, target: MetricTarget::AverageValue(_), .. } => {
            format!("{name} resource")
        }
        MetricSource::Pods { metric, .. } => format!("pods metric {}", metric.name),
        MetricSource::Object { metric, described, target: ValueTarget::Value(_) } => {
            format!("{} metric {}", described.kind, metric.name)
        }
        MetricSource::Object { metric, described, .. } if version.at_least(38) => {
            format!("{} metric {}", described.kind, metric.name)
        }
        // Up to 1.37 the controller says "external" for these Object metrics, too.
        MetricSource::Object { metric, target: ValueTarget::AverageValue(_), .. }
        | MetricSource::External { metric, .. } => with_selector(metric),
    }
}

fn with_selector(metric: &MetricIdentifier) -> String {
    let selector = metric.selector.as_ref().map_or_else(|| "nil".to_owned(), selector);
    format!("external metric {}({selector})", metric.name)
}

/// A label selector as Go prints the generated type.
fn selector(selector: &LabelSelector) -> String {
    let labels: String = selector.match_labels.iter().map(|(key, value)| format!("{key}: {value},")).collect();
    let expressions: String = selector
        .match_expressions
        .iter()
        .map(|r| {
            let values = r.values.join(" ");
            format!("LabelSelectorRequirement{{Key:{},Operator:{},Values:[{values}],}},", r.key, r.operator)
        })
        .collect();
    format!(
        "&LabelSelector{{MatchLabels:map[string]string{{{labels}}},\
         MatchExpressions:[]LabelSelectorRequirement{{{expressions}}},}}"
    )
}

/// Why a metric gives no replica count.
pub fn failure(failure: MetricFailure) -> &'static str {
    match failure {
        MetricFailure::Unavailable => "the metrics API has no value",
        MetricFailure::NoPods => "there are no pods",
        MetricFailure::NoReadyPods => "there are no metrics of a pod that counts (pods may not be ready)",
        MetricFailure::MissingRequest => "a container has no request for the resource",
        MetricFailure::NoRequests => "the requests of the pods add up to nothing",
    }
}
