//! The form of `plan.json`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use crate::report::json::simulation::{OverPhases, Phase};
use crate::units::Replicas;

/// What must be provided. Places are file:line:column of the input.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    pub(super) units: Units,
    /// What was changed before by --set.
    pub(super) overrides: Vec<String>,
    pub(super) workloads: Vec<Workload>,
    pub(super) autoscalers: Vec<Autoscaler>,
    /// By level: minimum, declared, maximum, surge, and under load.
    pub(super) totals: BTreeMap<String, Total>,
    pub(super) storage: Storage,
    pub(super) quotas: Vec<Quota>,
    pub(super) disruption_budgets: Vec<Budget>,
    /// A shape of nodes each.
    pub(super) nodes: Vec<Pool>,
    /// With a load.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) phases: Option<Phases>,
    /// With --runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) uncertainty: Option<Uncertainty>,
    /// With --growth.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) growth: Option<Growth>,
    /// With --claims.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) claims: Vec<Claim>,
}

/// The units of every value.
#[derive(Serialize, JsonSchema)]
pub struct Units {
    pub(super) cpu: &'static str,
    pub(super) memory: &'static str,
    pub(super) storage: &'static str,
}

/// A resource quantity.
#[derive(Serialize, JsonSchema)]
pub struct Amount {
    /// As Kubernetes writes it.
    pub(super) quantity: String,
    pub(super) value: serde_json::Number,
    pub(super) sources: Vec<String>,
}

/// By the name of the resource.
pub(super) type Amounts = BTreeMap<String, Amount>;

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Workload {
    pub(super) kind: String,
    pub(super) name: String,
    pub(super) namespace: String,
    pub(super) source: String,
    pub(super) hpa: Option<String>,
    /// Whether there is a pod on each node, as of a DaemonSet.
    pub(super) per_node: bool,
    pub(super) counted: bool,
    pub(super) qos_class: &'static str,
    pub(super) per_pod: PerPod,
    pub(super) levels: BTreeMap<&'static str, Needs>,
}

#[derive(Serialize, JsonSchema)]
pub struct PerPod {
    pub(super) requests: Amounts,
    pub(super) limits: Amounts,
    /// Resources that some container may use without a limit.
    pub(super) unlimited: Vec<&'static str>,
}

/// What pods need.
#[derive(Serialize, JsonSchema)]
pub struct Needs {
    pub(super) pods: Count,
    pub(super) requests: Amounts,
    pub(super) limits: Amounts,
}

#[derive(Serialize, JsonSchema)]
pub struct Count {
    pub(super) value: i64,
    pub(super) sources: Vec<String>,
}

#[derive(Serialize, JsonSchema)]
pub struct Total {
    pub(super) pods: TotalCount,
    pub(super) requests: Amounts,
    pub(super) limits: Amounts,
}

#[derive(Serialize, JsonSchema)]
pub struct TotalCount {
    /// A mean under load.
    pub(super) value: Option<serde_json::Number>,
    pub(super) sources: Vec<String>,
    /// The files of the loads.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) loads: Option<Vec<String>>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Autoscaler {
    pub(super) kind: String,
    pub(super) name: String,
    pub(super) namespace: String,
    pub(super) target: Option<String>,
    pub(super) min_pods: Option<i64>,
    pub(super) max_pods: Option<i64>,
    pub(super) counted: bool,
    /// Why not.
    pub(super) reason: Option<String>,
    pub(super) source: String,
}

#[derive(Serialize, JsonSchema)]
pub struct Storage {
    pub(super) volumes: Vec<Volume>,
    /// Of persistent volumes together, by level.
    pub(super) persistent: BTreeMap<&'static str, Amount>,
    pub(super) remarks: Vec<Remark>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Volume {
    pub(super) kind: &'static str,
    pub(super) namespace: String,
    pub(super) name: String,
    pub(super) storage_class: Option<String>,
    pub(super) access_modes: Vec<&'static str>,
    pub(super) size: Option<Amount>,
    pub(super) counts: BTreeMap<&'static str, i64>,
    pub(super) deleted_with_pods: bool,
    pub(super) mounted_by: Vec<String>,
    pub(super) source: String,
}

#[derive(Serialize, JsonSchema)]
pub struct Remark {
    pub(super) source: String,
    pub(super) message: String,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Quota {
    pub(super) name: String,
    pub(super) namespace: String,
    pub(super) resource: String,
    pub(super) hard: Amount,
    /// By level.
    pub(super) used: Option<BTreeMap<&'static str, serde_json::Number>>,
    pub(super) exceeded_at: Option<&'static str>,
    pub(super) refuses: Vec<Refused>,
}

/// Pods that a quota refuses, since these containers do not state the resource.
#[derive(Serialize, JsonSchema)]
pub struct Refused {
    pub(super) workload: String,
    pub(super) containers: Vec<String>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Budget {
    pub(super) name: String,
    pub(super) namespace: String,
    pub(super) workloads: Vec<String>,
    pub(super) pods: Replicas,
    pub(super) allowed_disruptions: Replicas,
    pub(super) refused_for_several_budgets: Vec<String>,
    pub(super) source: String,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Pool {
    pub(super) shape: String,
    pub(super) source: String,
    /// What the numbers of nodes are computed from.
    pub(super) sources: Vec<String>,
    pub(super) capacity: Amounts,
    pub(super) allocatable: Amounts,
    pub(super) after_daemon_sets: Amounts,
    pub(super) max_pods: i64,
    pub(super) zones: i64,
    pub(super) daemon_sets: Vec<String>,
    pub(super) daemon_sets_that_do_not_run: Vec<NotPlaced>,
    pub(super) levels: BTreeMap<&'static str, PoolLevel>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PoolLevel {
    /// A mean may have a fraction.
    pub(super) nodes: f64,
    /// Whether that many do, or only no fewer.
    pub(super) is_packed: Option<bool>,
    pub(super) lower_bound: Option<i64>,
    /// What more nodes are for.
    pub(super) binding: Option<String>,
    pub(super) with_one_node_lost: Option<i64>,
    pub(super) with_one_zone_lost: Option<i64>,
    pub(super) zone_loss_is_bearable: Option<bool>,
    pub(super) cpu_share: Option<f64>,
    pub(super) memory_share: Option<f64>,
    pub(super) cost_per_month: Option<f64>,
    pub(super) unplaced: Vec<NotPlaced>,
}

#[derive(Serialize, JsonSchema)]
pub struct NotPlaced {
    pub(super) workload: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) pods: Option<i64>,
    pub(super) reason: String,
}

#[derive(Serialize, JsonSchema)]
pub struct Phases {
    pub(super) simulated: usize,
    pub(super) possible: Option<u64>,
    pub(super) seed: Option<u64>,
    pub(super) shown: Vec<Shown>,
    pub(super) figures: Vec<PhaseFigure>,
}

/// The phase that is shown of a workload, and its changes.
#[derive(Serialize, JsonSchema)]
pub struct Shown {
    pub(super) workload: String,
    pub(super) phase: Phase,
    pub(super) events: Vec<Change>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Change {
    pub(super) time_seconds: i64,
    pub(super) from: Replicas,
    pub(super) to: Replicas,
    pub(super) over_phases: OverPhases,
}

#[derive(Serialize, JsonSchema)]
pub struct PhaseFigure {
    pub(super) name: String,
    pub(super) unit: &'static str,
    pub(super) typical: f64,
    pub(super) least: f64,
    pub(super) most: f64,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Uncertainty {
    pub(super) runs: usize,
    pub(super) seed: u64,
    /// Of the intervals from low to high.
    pub(super) confidence: f64,
    pub(super) load_level: f64,
    pub(super) load_noise: f64,
    pub(super) startup: f64,
    pub(super) sources: Vec<String>,
    pub(super) figures: Vec<UncertainFigure>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct UncertainFigure {
    pub(super) name: String,
    pub(super) unit: &'static str,
    pub(super) mean: Estimate,
    pub(super) p50: Estimate,
    pub(super) p95: Estimate,
    pub(super) p99: Estimate,
    /// So many runs make the mean exact to one percent.
    pub(super) runs_for_one_percent: Option<u64>,
}

/// A value, and where it may be as well.
#[derive(Serialize, JsonSchema)]
pub struct Estimate {
    pub(super) value: f64,
    pub(super) low: Option<f64>,
    pub(super) high: Option<f64>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Growth {
    pub(super) factor_per_month: f64,
    pub(super) months: Vec<Month>,
    /// What gives way, and when.
    pub(super) bounds: Vec<Bound>,
}

#[derive(Serialize, JsonSchema)]
pub struct Month {
    pub(super) month: u32,
    pub(super) factor: f64,
    pub(super) needs: Vec<MonthNeeds>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MonthNeeds {
    pub(super) workload: String,
    pub(super) p95_pods: Replicas,
    pub(super) peak_pods: Replicas,
    pub(super) sources: Vec<String>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Bound {
    pub(super) bound: String,
    pub(super) first_month: Option<u32>,
    pub(super) detail: String,
}

/// A document's words, and what they come to.
#[derive(Serialize, JsonSchema)]
pub struct Claim {
    pub(super) says: String,
    pub(super) section: Option<String>,
    pub(super) source: String,
    pub(super) verdict: &'static str,
    pub(super) expected: &'static str,
    pub(super) figures: Vec<ClaimedFigure>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClaimedFigure {
    pub(super) figure: String,
    pub(super) says: Claimed,
    /// By what is measured.
    pub(super) computed: Amounts,
    pub(super) verdict: &'static str,
    pub(super) true_if: Vec<String>,
}

#[derive(Serialize, JsonSchema)]
pub struct Claimed {
    pub(super) quantity: String,
    pub(super) value: serde_json::Number,
    pub(super) roughly: bool,
}
