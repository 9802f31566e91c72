//! From load to use: sharing demand among pods, the CPU limit, and work that waits.

use crate::model::{Drive, LoadPlan, PodTemplate};
use crate::units::Span;

/// What the load asks for at an instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ask {
    /// Nothing is known.
    Nothing,
    /// So much of the workload as a whole (nanocores or bytes).
    Total(i64),
    /// So much of every pod, however many there are.
    PerPod(i64),
}

/// CPU and memory that the load asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Asks {
    pub cpu: Ask,
    pub memory: Ask,
}

/// The amounts of the pod template that use depends on.
#[derive(Clone, Copy, Debug)]
pub(super) struct PodSize {
    pub cpu_request: i64,
    pub cpu_limit: Option<i64>,
    pub memory_request: i64,
    pub memory_limit: Option<i64>,
}

const NANOCORES_PER_MILLICORE: i64 = 1_000_000;

impl PodSize {
    /// In nanocores and bytes.
    pub fn of(template: &PodTemplate) -> Self {
        let nanocores = |cpu: crate::units::Millicores| cpu.get().saturating_mul(NANOCORES_PER_MILLICORE);
        Self {
            cpu_request: nanocores(template.running_request("cpu").into()),
            cpu_limit: template.cpu_limit().map(nanocores),
            memory_request: crate::units::Bytes::from(template.running_request("memory")).get(),
            memory_limit: template.memory_limit().map(|limit| limit.get()),
        }
    }
}

/// Rounds up, but takes a float that is an integer up to rounding errors as that integer.
pub(super) fn ceil_tolerant(value: f64) -> i64 {
    let nearest = value.round();
    let close = (value - nearest).abs() <= 1e-6_f64.max(1e-14 * value.abs());
    (if close { nearest } else { value.ceil() }) as i64
}

/// Division that rounds up.
pub(super) fn div_ceil(value: i64, by: i64) -> i64 {
    value / by + i64::from(value % by > 0)
}

/// What a row of the load asks for.
pub(super) fn asks(plan: &LoadPlan, size: &PodSize, values: &[f64]) -> Asks {
    Asks { cpu: ask(plan.cpu, size.cpu_request, values), memory: ask(plan.memory, size.memory_request, values) }
}

fn ask(drive: Drive, request: i64, values: &[f64]) -> Ask {
    let percent_of_request = |column: usize| values[column] / 100.0 * request as f64;
    match drive {
        Drive::None => Ask::Nothing,
        Drive::Demand { column, factor } => Ask::Total((values[column] * factor).round() as i64),
        Drive::Observed { column } => Ask::PerPod(ceil_tolerant(percent_of_request(column))),
        Drive::Recorded { column, replicas } => {
            Ask::Total(ceil_tolerant(percent_of_request(column) * values[replicas]))
        }
    }
}

/// CPU work over a stretch of time in which nothing else changes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Stretch {
    /// What each serving pod used, nanocore-seconds.
    pub per_serving_pod: i64,
    /// Seconds at whose end work waited.
    pub waiting_seconds: i64,
    /// Work that was dropped, nanocore-seconds.
    pub dropped: i128,
}

/// Work that waits for CPU.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Backlog {
    /// Nanocore-seconds.
    pub waiting: i128,
}

impl Backlog {
    /// The same with a bound on what waits: as much as the pods do, or the load brings if that is more, within the
    /// time-out. What is beyond is dropped.
    pub fn work_within(
        &mut self,
        seconds: i64,
        demand: i64,
        serving: i64,
        limit: Option<i64>,
        timeout: Option<Span>,
    ) -> Stretch {
        let Some(timeout) = timeout else { return self.work(seconds, demand, serving, limit) };
        let capacity = limit.map_or(i64::MAX, |limit| limit.saturating_mul(serving));
        let rate = if serving == 0 { demand } else { demand.max(capacity) };
        let bound = i128::from(rate) * i128::from(timeout.seconds());
        // Fewer pods hold less.
        let mut dropped = self.shed(bound);
        let mut stretch = self.work(seconds, demand, serving, limit);
        dropped += self.shed(bound);
        if bound == 0 {
            stretch.waiting_seconds = 0;
        }
        Stretch { dropped, ..stretch }
    }

    fn shed(&mut self, bound: i128) -> i128 {
        let dropped = (self.waiting - bound).max(0);
        self.waiting -= dropped;
        dropped
    }

    /// `seconds` of demand shared by `serving` pods, each limited to `limit`; the same as stepping
    /// second by second.
    pub fn work(&mut self, seconds: i64, demand: i64, serving: i64, limit: Option<i64>) -> Stretch {
        if serving == 0 {
            self.waiting += i128::from(demand) * i128::from(seconds);
            return Stretch {
                per_serving_pod: 0,
                waiting_seconds: if self.waiting > 0 { seconds } else { 0 },
                dropped: 0,
            };
        }
        let share = |work: i64| work / serving;
        let Some(limit) = limit else {
            // Without a limit all that waits is done within the first second.
            let first = demand.saturating_add(self.waiting.min(i64::MAX.into()) as i64);
            self.waiting = 0;
            return Stretch {
                per_serving_pod: share(first).saturating_add(share(demand).saturating_mul(seconds - 1)),
                waiting_seconds: 0,
                dropped: 0,
            };
        };
        let capacity = limit.saturating_mul(serving);
        if self.waiting == 0 && demand <= capacity {
            return Stretch { per_serving_pod: share(demand).saturating_mul(seconds), waiting_seconds: 0, dropped: 0 };
        }
        if demand >= capacity {
            self.waiting += i128::from(demand - capacity) * i128::from(seconds);
            return Stretch {
                per_serving_pod: limit.saturating_mul(seconds),
                waiting_seconds: if self.waiting > 0 { seconds } else { 0 },
                dropped: 0,
            };
        }
        let drained_per_second = i128::from(capacity - demand);
        let full = (self.waiting / drained_per_second).min(seconds.into()) as i64;
        self.waiting -= drained_per_second * i128::from(full);
        let mut per_serving_pod = limit.saturating_mul(full);
        let waiting_seconds = if self.waiting > 0 { full } else { full - 1 };
        if full < seconds {
            let rest = share(demand).saturating_mul(seconds - full - 1);
            per_serving_pod = per_serving_pod.saturating_add(share(demand + self.waiting as i64)).saturating_add(rest);
            self.waiting = 0;
        }
        Stretch { per_serving_pod, waiting_seconds: waiting_seconds.max(0), dropped: 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig {
            rng_seed: proptest::test_runner::RngSeed::Fixed(7), failure_persistence: None, ..ProptestConfig::default()
        })]

        #[test]
        fn a_stretch_equals_its_seconds(
            waiting in 0i128..2000, seconds in 1i64..30, demand in 0i64..300, serving in 0i64..5,
            limit in proptest::option::of(1i64..100), timeout in proptest::option::of(0i64..5),
        ) {
            let timeout = timeout.map(Span::from_seconds);
            let mut whole = Backlog { waiting };
            let stretch = whole.work_within(seconds, demand, serving, limit, timeout);
            let mut stepped = Backlog { waiting };
            let mut sum = Stretch::default();
            for _ in 0..seconds {
                let second = stepped.work_within(1, demand, serving, limit, timeout);
                sum.per_serving_pod += second.per_serving_pod;
                sum.waiting_seconds += second.waiting_seconds;
                sum.dropped += second.dropped;
            }
            prop_assert_eq!((whole, stretch), (stepped, sum));
        }

        #[test]
        fn no_work_is_lost(
            waiting in 0i128..2000, demand in 0i64..300, serving in 1i64..5, limit in 1i64..100,
        ) {
            let mut backlog = Backlog { waiting };
            let stretch = backlog.work(1, demand, serving, Some(limit));
            let done = i128::from(stretch.per_serving_pod * serving);
            let left = waiting + i128::from(demand) - done - backlog.waiting;
            prop_assert!((0..i128::from(serving)).contains(&left), "only the rest of a division: {left}");
        }
    }

    #[test]
    fn percentages_of_a_request_are_not_off_by_one() {
        assert_eq!(ceil_tolerant(0.8 * 500_000_000.0), 400_000_000);
        assert_eq!(ceil_tolerant(400_000_000.000_000_06), 400_000_000);
        assert_eq!(ceil_tolerant(60.0 / 100.0 * 536_870_912.0), 322_122_548);
    }
}
