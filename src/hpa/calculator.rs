//! The replica count that one metric asks for.
//!
//! Mirrors `pkg/controller/podautoscaler/replica_calculator.go` and `metrics/utilization.go`.

use super::convert::{Site, ceil_to_i64, ceil_to_replicas};
use super::groups::{Grouped, PodCounts, group_pods, missing_at, ready_pods};
use super::observation::{MetricValues, Observation};
use crate::model::{ControllerConfig, HpaSpec, MetricSource, MetricTarget, ResourceName, ValueTarget};
use crate::units::Replicas;

/// What one metric came to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MetricOutcome {
    /// How the pods were grouped, for metrics that are measured on pods.
    pub pods: Option<PodCounts>,
    /// A proposal, or why there is none.
    pub result: Result<Proposal, MetricFailure>,
}

impl Default for MetricOutcome {
    /// Before it has been looked at.
    fn default() -> Self {
        Self { pods: None, result: Err(MetricFailure::Unavailable) }
    }
}

/// Why a metric gives no replica count. An outcome, not an error of the simulation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetricFailure {
    /// The metrics API gave an error or nothing.
    Unavailable,
    /// The selector matches no pods.
    NoPods,
    /// There are samples, but none of a pod that counts.
    NoReadyPods,
    /// A container has no request for the resource.
    MissingRequest,
    /// The requests of the pods that count add up to nothing, or nothing can be divided by.
    NoRequests,
}

/// The replica count that a metric asks for, and how it was found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Proposal {
    /// The replica count.
    pub replicas: Replicas,
    /// The metric's entry in `status.currentMetrics`.
    pub status: MetricStatus,
    /// The calculation.
    pub arithmetic: Arithmetic,
}

/// An entry of `status.currentMetrics`; values in thousandths.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MetricStatus {
    /// `averageUtilization`, percent.
    pub average_utilization: Option<i32>,
    /// `averageValue`.
    pub average_value: Option<i64>,
    /// `value`.
    pub value: Option<i64>,
}

/// What is compared with the target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Basis {
    /// Percent of the request.
    Utilization,
    /// The average over the pods.
    AverageValue,
    /// The metric itself.
    Value,
    /// The metric divided by the number of pods.
    ValuePerPod,
}

/// The calculation behind a proposal.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Arithmetic {
    /// What is compared.
    pub basis: Basis,
    /// Sum over the pods that count, or the metric's value; thousandths.
    pub total: i64,
    /// Sum of the requests of the pods that count; thousandths.
    pub request_total: Option<i64>,
    /// What the metric is: percent or thousandths.
    pub current: i64,
    /// What it should be, in the same unit.
    pub target: i64,
    /// `current / target`.
    pub ratio: f64,
    /// The second calculation, with assumptions about pods that do not count.
    pub recount: Option<Recount>,
    /// The number of pods that the ratio is multiplied by.
    pub multiplier: i64,
    /// Why the current replica count is kept, if it is.
    pub kept: Option<KeepReason>,
}

/// The calculation repeated with missing and unready pods.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Recount {
    /// What each missing pod is assumed to use, thousandths; absent if there are none or they are left out.
    pub missing_use: Option<i64>,
    /// Whether unready pods are counted, as using nothing.
    pub with_unready: bool,
    /// The average over all these pods, in the unit of `current`.
    pub current: i64,
    /// `current / target`.
    pub ratio: f64,
}

/// Why a metric proposes the current replica count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeepReason {
    /// The ratio is close enough to 1.
    WithinTolerance,
    /// The recount would turn the direction of scaling.
    WouldReverse,
}

/// One sync's inputs, shared by its metrics.
pub(super) struct Calculator<'a> {
    config: &'a ControllerConfig,
    observation: &'a Observation<'a>,
    tolerance_up: f64,
    tolerance_down: f64,
}

impl<'a> Calculator<'a> {
    pub fn new(spec: &HpaSpec, config: &'a ControllerConfig, observation: &'a Observation<'a>) -> Self {
        let (tolerance_down, tolerance_up) = spec.tolerances(config.tolerance);
        Self { config, observation, tolerance_up, tolerance_down }
    }

    /// The outcome of one metric. It is worked out in its place: it is large, and there is one for each metric at each sync.
    pub fn work_out(&self, index: usize, source: &MetricSource, out: &mut MetricOutcome) {
        *out = MetricOutcome::default();
        let Some(metric) = self.observation.metrics.get(index) else { return };
        match (source, *metric) {
            (
                MetricSource::Resource { name, target } | MetricSource::ContainerResource { name, target, .. },
                MetricValues::Pods,
            ) => {
                let is_cpu = *name == ResourceName::Cpu;
                match *target {
                    MetricTarget::Utilization(percent) => self.utilization(index, is_cpu, percent, out),
                    MetricTarget::AverageValue(target) => self.average(index, is_cpu, target, out),
                }
            }
            (MetricSource::Pods { average_value, .. }, MetricValues::Pods) => {
                self.average(index, false, *average_value, out);
            }
            // The described object's kind cannot be found.
            (MetricSource::Object { described, .. }, _) if described.resolves().is_err() => {}
            (MetricSource::Object { target, .. }, MetricValues::Value(value)) => {
                out.result = self.value(value, *target, Site::Other);
            }
            (MetricSource::External { target, .. }, MetricValues::Value(value)) => {
                out.result = self.value(value, *target, Site::ExternalPerPod);
            }
            (
                MetricSource::Resource { .. }
                | MetricSource::ContainerResource { .. }
                | MetricSource::Pods { .. }
                | MetricSource::Object { .. }
                | MetricSource::External { .. },
                MetricValues::Unavailable | MetricValues::Pods | MetricValues::Value(_),
            ) => {}
        }
    }

    /// Groups the pods, or says why there is nothing to calculate with.
    #[inline]
    fn grouped(&self, index: usize, is_cpu: bool, with_requests: bool) -> Result<Grouped, MetricFailure> {
        if let Some(sum) = self.observation.sums.get(index) {
            return Ok(Grouped::of(sum));
        }
        let samples = self.observation.samples_of(index);
        let requests = if with_requests { self.observation.requests_of(index) } else { &[] };
        if samples.iter().all(Option::is_none) {
            return Err(MetricFailure::Unavailable);
        }
        if self.observation.pods.is_empty() {
            return Err(MetricFailure::NoPods);
        }
        Ok(group_pods(self.observation, samples, requests, is_cpu, self.config))
    }

    /// `GetResourceReplicas`: a target in percent of the request.
    fn utilization(&self, index: usize, is_cpu: bool, target: i32, out: &mut MetricOutcome) {
        let grouped = match self.grouped(index, is_cpu, true) {
            Ok(grouped) => grouped,
            Err(failure) => return out.result = Err(failure),
        };
        out.pods = Some(grouped.counts);
        let requests = grouped.requests;
        if requests.absent {
            return out.result = Err(MetricFailure::MissingRequest);
        }
        if grouped.counts.ready == 0 {
            return out.result = Err(MetricFailure::NoReadyPods);
        }
        let Some(percent) = utilization(grouped.total, requests.ready) else {
            return out.result = Err(MetricFailure::NoRequests);
        };
        let ratio = f64::from(percent) / f64::from(target);
        let status = MetricStatus {
            average_utilization: Some(percent),
            average_value: Some(grouped.total / grouped.counts.ready),
            value: None,
        };
        let all_count = grouped.counts.missing == 0 && grouped.counts.unready == 0;
        let recount = if all_count { None } else { self.recount_utilization(index, target, &grouped, ratio) };
        let arithmetic = Arithmetic {
            basis: Basis::Utilization,
            total: grouped.total,
            request_total: Some(requests.ready),
            current: i64::from(percent),
            target: i64::from(target),
            ratio,
            recount: None,
            multiplier: grouped.counts.ready,
            kept: None,
        };
        out.result = Ok(self.propose(arithmetic, recount, status));
    }

    /// The second calculation of a target in percent.
    fn recount_utilization(&self, index: usize, target: i32, grouped: &Grouped, ratio: f64) -> Option<(i64, Recount)> {
        let requests = grouped.requests;
        // A missing pod counts as its whole request on the way down, or as the target if that is
        // more (from 1.26 on, kubernetes/kubernetes#112178).
        let fallback = if self.config.version.at_least(26) { i64::from(target).max(100) } else { 100 };
        let missing_total = if ratio < 1.0 && grouped.counts.missing > 0 {
            missing_at(self.observation, index, fallback, self.config)
        } else {
            0
        };
        let missing_use = missing_use(ratio, missing_total.checked_div(grouped.counts.missing).unwrap_or(0));
        self.recount_pods(grouped, ratio, missing_use, missing_total).map(
            |(total, count, missing_use, with_unready)| {
                let missing = if missing_use.is_some() { requests.missing } else { 0 };
                let unready = if with_unready { requests.unready } else { 0 };
                let all = requests.ready.wrapping_add(missing).wrapping_add(unready);
                let percent = utilization(total, all).unwrap_or(0);
                let ratio = f64::from(percent) / f64::from(target);
                (count, Recount { missing_use, with_unready, current: i64::from(percent), ratio })
            },
        )
    }

    /// `calcPlainMetricReplicas`: a target in the metric's own unit per pod.
    fn average(&self, index: usize, is_cpu: bool, target: i64, out: &mut MetricOutcome) {
        let grouped = match self.grouped(index, is_cpu, false) {
            Ok(grouped) => grouped,
            Err(failure) => return out.result = Err(failure),
        };
        out.pods = Some(grouped.counts);
        if grouped.counts.ready == 0 {
            return out.result = Err(MetricFailure::NoReadyPods);
        }
        let current = grouped.total / grouped.counts.ready;
        let ratio = current as f64 / target as f64;
        let status = MetricStatus { average_value: Some(current), ..MetricStatus::default() };
        // Up to 1.27 missing pods count at exactly the target, too (`usageRatio >= 1.0` became `> 1.0`).
        let at_target = (ratio == 1.0 && !self.config.version.at_least(28)).then_some(0);
        let missing_use = missing_use(ratio, target).or(at_target);
        let missing_total = missing_use.unwrap_or(0).wrapping_mul(grouped.counts.missing);
        let recount = self.recount_pods(&grouped, ratio, missing_use, missing_total).map(
            |(total, count, missing_use, with_unready)| {
                let current = total / count;
                (count, Recount { missing_use, with_unready, current, ratio: current as f64 / target as f64 })
            },
        );
        let arithmetic = Arithmetic {
            basis: Basis::AverageValue,
            total: grouped.total,
            request_total: None,
            current,
            target,
            ratio,
            recount: None,
            multiplier: grouped.counts.ready,
            kept: None,
        };
        out.result = Ok(self.propose(arithmetic, recount, status));
    }

    /// The sum and the number of pods of the second calculation, if one is due: with the missing pods
    /// at `missing_use` and, when scaling up, the unready pods at nothing.
    fn recount_pods(
        &self,
        grouped: &Grouped,
        ratio: f64,
        missing_use: Option<i64>,
        missing_total: i64,
    ) -> Option<(i64, i64, Option<i64>, bool)> {
        let PodCounts { ready, unready, missing, .. } = grouped.counts;
        let with_unready = unready > 0 && ratio > 1.0;
        if !with_unready && missing == 0 {
            return None;
        }
        let missing_use = missing_use.filter(|_| missing > 0);
        let (missing, missing_total) = if missing_use.is_some() { (missing, missing_total) } else { (0, 0) };
        let total = grouped.total.wrapping_add(missing_total);
        let count = ready + missing + if with_unready { unready } else { 0 };
        Some((total, count, missing_use, with_unready))
    }

    /// From a ratio to a replica count, with the second calculation if there is one.
    #[inline]
    fn propose(&self, mut arithmetic: Arithmetic, recount: Option<(i64, Recount)>, status: MetricStatus) -> Proposal {
        let current = self.observation.spec_replicas;
        let first = arithmetic.ratio;
        let mut ratio = first;
        if let Some((count, recount)) = recount {
            arithmetic.recount = Some(recount);
            arithmetic.multiplier = count;
            ratio = recount.ratio;
        }
        let replicas = ceil_to_replicas(ratio * arithmetic.multiplier as f64, self.config.version, Site::Other);
        arithmetic.kept = if self.within_tolerance(ratio) {
            Some(KeepReason::WithinTolerance)
        } else if recount.is_some()
            && ((first < 1.0 && ratio > 1.0)
                || (first > 1.0 && ratio < 1.0)
                || (ratio < 1.0 && replicas > current)
                || (ratio > 1.0 && replicas < current))
        {
            Some(KeepReason::WouldReverse)
        } else {
            None
        };
        Proposal { replicas: if arithmetic.kept.is_some() { current } else { replicas }, status, arithmetic }
    }

    /// Object and External metrics.
    fn value(&self, value: i64, target: ValueTarget, per_pod_site: Site) -> Result<Proposal, MetricFailure> {
        match target {
            ValueTarget::Value(target) => self.value_as_is(value, target),
            ValueTarget::AverageValue(target) => Ok(self.value_per_pod(value, target, per_pod_site)),
        }
    }

    /// `getUsageRatioReplicaCount`: the ratio times the ready pods, or the ratio itself at zero.
    fn value_as_is(&self, value: i64, target: i64) -> Result<Proposal, MetricFailure> {
        let current = self.observation.spec_replicas;
        let ratio = value as f64 / target as f64;
        let status = MetricStatus { value: Some(value), ..MetricStatus::default() };
        let mut arithmetic = Arithmetic {
            basis: Basis::Value,
            total: value,
            request_total: None,
            current: value,
            target,
            ratio,
            recount: None,
            multiplier: 1,
            kept: None,
        };
        if current != 0 {
            if self.within_tolerance(ratio) {
                arithmetic.kept = Some(KeepReason::WithinTolerance);
                return Ok(Proposal { replicas: current, status, arithmetic });
            }
            if self.observation.pods.is_empty() {
                return Err(MetricFailure::NoPods);
            }
            arithmetic.multiplier = ready_pods(self.observation);
        }
        let replicas = ceil_to_replicas(ratio * arithmetic.multiplier as f64, self.config.version, Site::UsageRatio);
        Ok(Proposal { replicas, status, arithmetic })
    }

    /// `GetObjectPerPodMetricReplicas` and `GetExternalPerPodMetricReplicas`: pods that are not ready
    /// count as well.
    fn value_per_pod(&self, value: i64, target: i64, site: Site) -> Proposal {
        let pods = self.observation.status_replicas;
        let version = self.config.version;
        // External metrics only, from 1.34 on: a sum below zero is taken for an overflow, and the largest sum is not
        // divided (#127050).
        let guarded = site == Site::ExternalPerPod && version.at_least(34);
        let value = if guarded && value < 0 { i64::MAX } else { value };
        let ratio = value as f64 / (target as f64 * f64::from(pods));
        let per_pod = if guarded && value as f64 >= i64::MAX as f64 {
            i64::MAX
        } else if pods == 0 && version.at_least(38) {
            0
        } else {
            ceil_to_i64(value as f64 / f64::from(pods))
        };
        let kept = self.within_tolerance(ratio).then_some(KeepReason::WithinTolerance);
        let replicas = if kept.is_some() {
            pods
        } else {
            ceil_to_replicas(value as f64 / target as f64, self.config.version, site)
        };
        Proposal {
            replicas,
            status: MetricStatus { average_value: Some(per_pod), ..MetricStatus::default() },
            arithmetic: Arithmetic {
                basis: Basis::ValuePerPod,
                total: value,
                request_total: None,
                current: per_pod,
                target,
                ratio,
                recount: None,
                multiplier: i64::from(pods),
                kept,
            },
        }
    }

    /// Up to 1.32 `|1 - ratio| <= tolerance`; later an interval, each direction with its own
    /// tolerance. They differ in the last bit: at a ratio of 1.1 only the interval holds.
    fn within_tolerance(&self, ratio: f64) -> bool {
        if self.config.version.at_least(33) {
            1.0 - self.tolerance_down <= ratio && ratio <= 1.0 + self.tolerance_up
        } else {
            (1.0 - ratio).abs() <= self.tolerance_up
        }
    }
}

/// What a missing pod is assumed to use, so that it dampens the change: the fallback on the way down,
/// nothing on the way up. At exactly the target missing pods are left out.
fn missing_use(ratio: f64, fallback: i64) -> Option<i64> {
    if ratio < 1.0 {
        Some(fallback)
    } else if ratio > 1.0 {
        Some(0)
    } else {
        None
    }
}

/// `GetResourceUtilizationRatio`: percent, truncated to an integer. `None` without requests.
fn utilization(total: i64, requests: i64) -> Option<i32> {
    if requests == 0 {
        return None;
    }
    Some(total.wrapping_mul(100).wrapping_div(requests) as i32)
}
