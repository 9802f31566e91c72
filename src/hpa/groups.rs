//! Sorting pods into those that count and those that do not.

use super::observation::{Observation, PodGroup, PodPhase, Sample, SampleSum};
use crate::model::ControllerConfig;

/// How many pods fall into each of the controller's groups.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PodCounts {
    /// Counted with their sample.
    pub ready: i64,
    /// Pending, or with a CPU sample that says nothing yet.
    pub unready: i64,
    /// Without a sample.
    pub missing: i64,
    /// Failed, succeeded or terminating; left out altogether.
    pub ignored: i64,
}

/// The group of one pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Group {
    Ready(Sample),
    Unready,
    Missing,
    Ignored,
}

/// The pods of one metric by group, with the sum over the samples that count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Grouped {
    pub counts: PodCounts,
    /// Sum of the ready pods' samples.
    pub total: i64,
    /// Sums of the requests of the pods of each group, thousandths, if they are needed.
    pub requests: Requests,
}

impl Grouped {
    /// Where all pods count.
    pub fn of(sum: &SampleSum) -> Self {
        Self {
            counts: PodCounts { ready: sum.pods, ignored: sum.terminating, ..PodCounts::default() },
            total: sum.total,
            requests: Requests {
                ready: sum.requests.unwrap_or(0),
                absent: sum.requests.is_none(),
                ..Requests::default()
            },
        }
    }
}

/// Sums of requests, thousandths.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Requests {
    pub ready: i64,
    pub unready: i64,
    pub missing: i64,
    /// Some pod, whatever its group, has no request.
    pub absent: bool,
}

/// Mirrors `groupPods` of `replica_calculator.go`. `is_cpu` because only CPU samples
/// depend on readiness.
pub(super) fn group_pods(
    observation: &Observation<'_>,
    samples: &[Option<Sample>],
    requests: &[Option<i64>],
    is_cpu: bool,
    config: &ControllerConfig,
) -> Grouped {
    let mut grouped = Grouped::default();
    let mut requests = requests.iter();
    for (pod, sample) in observation.pods.iter().zip(samples) {
        let count = i64::from(pod.count);
        let request = requests.next().copied().flatten();
        grouped.requests.absent |= request.is_none();
        let requested = request.unwrap_or(0).wrapping_mul(count);
        match group(pod, *sample, is_cpu, observation, config) {
            Group::Ready(sample) => {
                grouped.counts.ready += count;
                grouped.total = grouped.total.wrapping_add(sample.value.wrapping_mul(count));
                grouped.requests.ready = grouped.requests.ready.wrapping_add(requested);
            }
            Group::Unready => {
                grouped.counts.unready += count;
                grouped.requests.unready = grouped.requests.unready.wrapping_add(requested);
            }
            Group::Missing => {
                grouped.counts.missing += count;
                grouped.requests.missing = grouped.requests.missing.wrapping_add(requested);
            }
            Group::Ignored => grouped.counts.ignored += count,
        }
    }
    grouped
}

/// What the missing pods would use together at so many percent of their requests, each rounded down as the controller
/// does.
pub(super) fn missing_at(observation: &Observation<'_>, metric: usize, percent: i64, config: &ControllerConfig) -> i64 {
    let (samples, requests) = (observation.samples_of(metric), observation.requests_of(metric));
    let mut total = 0i64;
    for (index, (pod, sample)) in observation.pods.iter().zip(samples).enumerate() {
        // Without a sample it does not matter what is measured.
        if group(pod, *sample, false, observation, config) == Group::Missing {
            let request = requests.get(index).copied().flatten().unwrap_or(0);
            total = total.wrapping_add((request.wrapping_mul(percent) / 100).wrapping_mul(pod.count.into()));
        }
    }
    total
}

fn group(
    pod: &PodGroup,
    sample: Option<Sample>,
    is_cpu: bool,
    observation: &Observation<'_>,
    config: &ControllerConfig,
) -> Group {
    // Succeeded pods are left out from 1.38 on (kubernetes/kubernetes#141302).
    let ended = pod.phase == PodPhase::Failed || (pod.phase == PodPhase::Succeeded && config.version.at_least(38));
    if pod.terminating || ended {
        return Group::Ignored;
    }
    if pod.phase == PodPhase::Pending {
        return Group::Unready;
    }
    let Some(sample) = sample else { return Group::Missing };
    if is_cpu && !cpu_sample_counts(pod, sample, observation, config) {
        return Group::Unready;
    }
    Group::Ready(sample)
}

/// Inside the CPU initialization period a sample counts once the pod is ready and has been so
/// for a whole metric window; after it, unless the pod never became ready.
fn cpu_sample_counts(pod: &PodGroup, sample: Sample, observation: &Observation<'_>, config: &ControllerConfig) -> bool {
    let (Some(start_time), Some(ready)) = (pod.start_time, pod.ready) else { return false };
    if start_time + config.cpu_initialization_period > observation.now {
        ready.status && sample.at >= ready.since + sample.window
    } else {
        ready.status || start_time + config.initial_readiness_delay <= ready.since
    }
}

/// Mirrors `getReadyPodsCount`: running pods whose Ready condition is true.
pub(super) fn ready_pods(observation: &Observation<'_>) -> i64 {
    observation
        .pods
        .iter()
        .filter(|pod| pod.phase == PodPhase::Running && pod.ready.is_some_and(|ready| ready.status))
        .map(|pod| i64::from(pod.count))
        .sum()
}
