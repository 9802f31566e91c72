//! The tests of claims as they are written.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::Nothing;
use crate::input::load::Number;
use crate::units::{Span, When};

/// A test of a claim: exactly one of these.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(crate) struct Check {
    /// So many replicas all the time.
    pub stays: Option<CountWithin>,
    /// So many replicas at an instant.
    pub replicas_at: Option<CountAt>,
    /// A change of the replica count in one step.
    pub scales: Option<Change>,
    /// The first change of the replica count.
    pub first_change: Option<FirstChange>,
    /// So many replicas, or more, are reached.
    pub reaches: Option<CountWithin>,
    /// Never more replicas.
    pub at_most: Option<i32>,
    /// Every step up adds so many pods.
    pub every_step_up: Option<i32>,
    /// A change is limited or stabilized for this reason of the controller, such as ScaleUpLimit.
    pub limited_by: Option<ReasonWithin>,
    /// The reason of a rescale is this metric, above its target.
    pub reason: Option<MetricWithin>,
    /// A condition of the HPA has this reason of the controller, such as ScalingDisabled.
    pub condition: Option<ReasonWithin>,
    /// A metric by itself asks for more replicas.
    pub triggers: Option<MetricWithin>,
    /// A figure of the summary.
    pub total: Option<Total>,
    /// The line of kubectl get hpa.
    pub get_hpa: Option<GetHpa>,
    /// The pods of kubectl get pods, counted by workload.
    pub get_pods: Option<GetPods>,
    /// There are never fewer ready pods of the target.
    pub ready_at_least: Option<PodsWithin>,
    /// There are never more ready pods of the target.
    pub ready_at_most: Option<PodsWithin>,
    /// There are never more pods of the target, terminating ones apart.
    pub pods_at_most: Option<PodsWithin>,
    /// No request fails: no work is dropped, lost with its pod, or sent to a pod that does not take it.
    pub nothing_lost: Option<Nothing>,
    /// The last rollout that has begun is complete.
    pub rollout_completes: Option<By>,
    /// The promise about response times (cluster.slo) is broken for no longer than this.
    pub slow_at_most: Option<Span>,
    /// Containers are restarted no more often.
    pub restarts_at_most: Option<u64>,
    /// Containers are restarted so often, or more often.
    pub restarts_at_least: Option<u64>,
    /// There is no node for some pod for no longer than this.
    pub unschedulable_at_most: Option<Span>,
    /// There are never more nodes.
    pub nodes_at_most: Option<i64>,
}

#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct PodsWithin {
    pub pods: i32,
    /// From this time on; by default from the start.
    pub not_before: Option<When>,
    /// Up to this time; by default to the end.
    pub by: Option<When>,
}

#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct By {
    /// Up to this time; by default to the end.
    pub by: Option<When>,
}

#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct CountWithin {
    pub replicas: i32,
    /// From this time on; by default from the start.
    pub not_before: Option<When>,
    /// Up to this time; by default to the end.
    pub by: Option<When>,
}

#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct CountAt {
    pub at: When,
    pub replicas: i32,
}

#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Change {
    pub from: i32,
    pub to: i32,
    pub not_before: Option<When>,
    pub by: Option<When>,
}

#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct FirstChange {
    pub from: Option<i32>,
    pub to: Option<i32>,
    pub not_before: Option<When>,
    pub by: Option<When>,
}

#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ReasonWithin {
    pub reason: String,
    pub not_before: Option<When>,
    pub by: Option<When>,
}

#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct MetricWithin {
    pub metric: String,
    pub not_before: Option<When>,
    pub by: Option<When>,
}

/// Exactly one figure.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(crate) struct Total {
    pub pod_hours: Option<f64>,
    /// Cores, such as 5 or 5000m.
    pub peak_cpu_requests: Option<Number>,
    /// Such as 5Gi.
    pub peak_memory_requests: Option<Number>,
}

#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct GetHpa {
    pub at: When,
    /// The column TARGETS; the names of resources may be left out, as older releases of kubectl do.
    pub targets: String,
    pub min_pods: i32,
    pub max_pods: i32,
}

#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct GetPods {
    pub at: When,
    /// The number of pods of each workload.
    pub pods: BTreeMap<String, i32>,
}
