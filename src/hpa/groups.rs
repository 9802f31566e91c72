//! Sorting pods into those that count and those that do not.

use super::observation::{Observation, PodGroup, PodPhase, Sample};
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
    /// Failed or terminating; left out altogether.
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
}

/// Mirrors `groupPods` of `replica_calculator.go`. `is_cpu` because only CPU samples
/// depend on readiness.
pub(super) fn group_pods(
    observation: &Observation<'_>,
    samples: &[Option<Sample>],
    is_cpu: bool,
    config: &ControllerConfig,
) -> Grouped {
    let mut grouped = Grouped::default();
    for (pod, sample) in observation.pods.iter().zip(samples) {
        let count = i64::from(pod.count);
        match group(pod, *sample, is_cpu, observation, config) {
            Group::Ready(sample) => {
                grouped.counts.ready += count;
                grouped.total = grouped.total.wrapping_add(sample.value.wrapping_mul(count));
            }
            Group::Unready => grouped.counts.unready += count,
            Group::Missing => grouped.counts.missing += count,
            Group::Ignored => grouped.counts.ignored += count,
        }
    }
    grouped
}

fn group(
    pod: &PodGroup,
    sample: Option<Sample>,
    is_cpu: bool,
    observation: &Observation<'_>,
    config: &ControllerConfig,
) -> Group {
    if pod.terminating || pod.phase == PodPhase::Failed {
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
