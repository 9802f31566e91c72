//! Decisions, stage by stage.

use schemars::JsonSchema;
use serde::Serialize;

use super::simulation::Phase;
use super::{Each, Kind};
use crate::hpa::{MetricOutcome, PodCounts, StabilizationKind};
use crate::model::MetricSource;
use crate::report::explain::Sync;
use crate::report::{arithmetic, reasons};
use crate::units::Replicas;

/// Decisions of HPAs, with all that they were made of.
#[derive(Serialize, JsonSchema)]
pub struct Explanation<'a> {
    syncs: Each<'a, ExplainedSync>,
}

impl Kind for Explanation<'_> {
    const KIND: &'static str = "Explanation";
}

impl<'a> Explanation<'a> {
    /// Of syncs in the order of time.
    pub fn new(syncs: Each<'a, ExplainedSync>) -> Self {
        Self { syncs }
    }
}

/// Where a sync is from.
#[derive(Clone, Debug, Default)]
pub struct Origin {
    /// The scenario, if it is from one.
    pub scenario: Option<String>,
    /// The reading of its load.
    pub reading: Option<&'static str>,
    /// The instant, RFC 3339, if it is known.
    pub timestamp: Option<String>,
}

/// One sync. Values of metrics are in thousandths, utilization in percent.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExplainedSync {
    scenario: Option<String>,
    /// How the scenario's load is read: held or demand.
    reading: Option<&'static str>,
    /// NAMESPACE/NAME.
    hpa: String,
    phase: Phase,
    time_seconds: i64,
    /// RFC 3339, if the load has timestamps.
    timestamp: Option<String>,
    current_replicas: Replicas,
    metrics: Vec<Metric>,
    /// The metric whose proposal counts.
    winner: Option<String>,
    proposed: Option<Replicas>,
    stabilization: Option<Stabilization>,
    /// What the controller remembered before this sync, oldest first.
    recommendations: Vec<Recommendation>,
    policies: Vec<Policy>,
    rate_limit: Option<RateLimit>,
    desired_replicas: Replicas,
    rescaled: bool,
    /// The reason of the SuccessfulRescale event.
    reason: Option<String>,
    /// What held the replica count back; empty if nothing did.
    limited_by: String,
    conditions: Vec<Condition>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Metric {
    name: String,
    pods: Option<Pods>,
    /// Why there is no proposal.
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<&'static str>,
    #[serde(flatten)]
    proposal: Option<Proposal>,
}

/// Pods as the controller groups them.
#[derive(Serialize, JsonSchema)]
struct Pods {
    ready: i64,
    unready: i64,
    missing: i64,
    ignored: i64,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Proposal {
    total: i64,
    /// The sum of the requests, where utilization is looked at.
    requests: Option<i64>,
    current: i64,
    target: i64,
    ratio: f64,
    recount: Option<Recount>,
    multiplier: i64,
    proposal: Replicas,
    calculation: String,
}

/// The second look, with what is assumed of pods without a sample.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Recount {
    current: i64,
    ratio: f64,
    /// What each pod without a sample is assumed to use.
    missing_use: Option<i64>,
    with_unready: bool,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Stabilization {
    window_seconds: i64,
    /// up or down.
    direction: &'static str,
    replicas: Replicas,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Recommendation {
    time_seconds: i64,
    replicas: Replicas,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Policy {
    policy: String,
    period_start_replicas: Replicas,
    added: Replicas,
    removed: Replicas,
    allowed: Replicas,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct RateLimit {
    limit: Option<Replicas>,
    limited: bool,
    reason: &'static str,
}

#[derive(Serialize, JsonSchema)]
struct Condition {
    r#type: &'static str,
    status: bool,
    reason: &'static str,
}

impl ExplainedSync {
    /// A sync, and where it is from.
    pub fn new(sync: &Sync<'_>, origin: Origin, phase: crate::model::Phase) -> Self {
        let Sync { hpa, controller, now, decision, history } = *sync;
        let up = decision.stabilization.is_some_and(|stage| stage.replicas > decision.current);
        let policies = history.iter().flat_map(|known| {
            known.policies_at(hpa, controller.version, now, decision.current, up).into_iter().map(|policy| Policy {
                policy: policy.policy.to_string(),
                period_start_replicas: policy.period_start_replicas,
                added: policy.added,
                removed: policy.removed,
                allowed: policy.allowed,
            })
        });
        let recommendations = history
            .iter()
            .flat_map(|history| history.recommendations_before(now, decision.proposed.unwrap_or_default()))
            .map(|old| Recommendation { time_seconds: old.at.seconds(), replicas: old.replicas });
        let conditions = reasons::conditions(&decision.conditions)
            .into_iter()
            .map(|(kind, status, reason)| Condition { r#type: kind, status, reason });
        Self {
            scenario: origin.scenario,
            reading: origin.reading,
            hpa: format!("{}/{}", hpa.namespace, hpa.name),
            phase: Phase::new(phase),
            time_seconds: now.seconds(),
            timestamp: origin.timestamp,
            current_replicas: decision.current,
            metrics: hpa.metrics.iter().zip(&decision.metrics).map(|(source, found)| metric(source, found)).collect(),
            winner: decision.winner.and_then(|index| hpa.metrics.get(index)).map(MetricSource::label),
            proposed: decision.proposed,
            stabilization: decision.stabilization.map(|stage| Stabilization {
                window_seconds: stage.window.seconds(),
                direction: match stage.kind {
                    StabilizationKind::Up => "up",
                    StabilizationKind::Down => "down",
                },
                replicas: stage.replicas,
            }),
            recommendations: recommendations.collect(),
            policies: policies.collect(),
            rate_limit: decision.rate_limit.map(|stage| RateLimit {
                limit: stage.limit,
                limited: stage.limited,
                reason: stage.reason.name(),
            }),
            desired_replicas: decision.desired,
            rescaled: decision.rescaled,
            reason: Some(reasons::rescale_reason(hpa, controller.version, decision))
                .filter(|reason| !reason.is_empty()),
            limited_by: arithmetic::limits(hpa, decision),
            conditions: conditions.collect(),
        }
    }
}

fn metric(source: &MetricSource, outcome: &MetricOutcome) -> Metric {
    let pods =
        outcome.pods.map(|PodCounts { ready, unready, missing, ignored }| Pods { ready, unready, missing, ignored });
    let proposal = outcome.result.as_ref().ok().map(|proposal| {
        let a = &proposal.arithmetic;
        Proposal {
            total: a.total,
            requests: a.request_total,
            current: a.current,
            target: a.target,
            ratio: a.ratio,
            recount: a.recount.map(|recount| Recount {
                current: recount.current,
                ratio: recount.ratio,
                missing_use: recount.missing_use,
                with_unready: recount.with_unready,
            }),
            multiplier: a.multiplier,
            proposal: proposal.replicas,
            calculation: arithmetic::proposal_formula(source, proposal, outcome.pods),
        }
    });
    let failure = outcome.result.as_ref().err().map(|failure| reasons::failure(*failure));
    Metric { name: source.label(), pods, failure, proposal }
}
