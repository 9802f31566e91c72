//! The pods of the target. Equal pods are one cohort, so that cost does not grow with their number.

use std::cmp::Reverse;

use super::lifecycle::Lifecycle;
use super::metrics::Scraped;
use crate::hpa::{PodGroup, PodPhase, ReadyCondition};
use crate::units::{Replicas, SimTime, Span};

/// Pods that were created together and have lived alike since.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cohort {
    pub count: Replicas,
    created: SimTime,
    ready_at: Option<SimTime>,
    serving_at: Option<SimTime>,
    pub ready: bool,
    pub serving: bool,
    pub scraped: Scraped,
}

/// All pods, in the order of their creation.
#[derive(Clone, Debug, Default)]
pub(super) struct Pods {
    cohorts: Vec<Cohort>,
    /// The order of a scale down; kept for its memory.
    victims: Vec<usize>,
}

impl Pods {
    /// Pods that have been serving for long.
    pub fn settled(count: Replicas, since: SimTime, scraped: Scraped) -> Self {
        let cohort = Cohort {
            count,
            created: since,
            ready_at: Some(since),
            serving_at: Some(since),
            ready: true,
            serving: true,
            scraped,
        };
        Self { cohorts: if count > 0 { vec![cohort] } else { Vec::new() }, victims: Vec::new() }
    }

    pub fn cohorts(&self) -> &[Cohort] {
        &self.cohorts
    }

    pub fn cohorts_mut(&mut self) -> &mut [Cohort] {
        &mut self.cohorts
    }

    /// How many pods there are.
    pub fn count(&self) -> Replicas {
        self.cohorts.iter().map(|cohort| cohort.count).sum()
    }

    /// How many of them are ready.
    pub fn ready(&self) -> Replicas {
        self.cohorts.iter().filter(|cohort| cohort.ready).map(|cohort| cohort.count).sum()
    }

    /// How many of them share the load.
    pub fn serving(&self) -> Replicas {
        self.cohorts.iter().filter(|cohort| cohort.serving).map(|cohort| cohort.count).sum()
    }

    /// Creates or deletes pods.
    pub fn scale(&mut self, replicas: Replicas, now: SimTime, lifecycle: &Lifecycle) {
        let change = replicas - self.count();
        if change > 0 {
            self.cohorts.push(Cohort {
                count: change,
                created: now,
                ready_at: lifecycle.ready_after.map(|after| now + after),
                serving_at: lifecycle.serving_after.map(|after| now + after),
                ready: false,
                serving: false,
                scraped: Scraped::default(),
            });
            self.transition(now);
        } else {
            self.delete(-change);
        }
    }

    /// Deletes pods in the order of the ReplicaSet controller (`ActivePodsWithRanks` in
    /// `pkg/controller/controller_utils.go`): those not ready first, then the latest to become ready, then
    /// the latest created.
    fn delete(&mut self, mut count: Replicas) {
        self.victims.clear();
        self.victims.extend(0..self.cohorts.len());
        let cohorts = &mut self.cohorts;
        self.victims.sort_by_key(|&index| {
            let cohort = &cohorts[index];
            (cohort.ready, cohort.ready.then_some(Reverse(cohort.ready_at)), Reverse(cohort.created))
        });
        for &index in &self.victims {
            let deleted = count.min(cohorts[index].count);
            cohorts[index].count -= deleted;
            count -= deleted;
        }
        cohorts.retain(|cohort| cohort.count > 0);
    }

    /// Makes pods ready and serving whose time has come.
    pub fn transition(&mut self, now: SimTime) {
        for cohort in &mut self.cohorts {
            cohort.ready |= cohort.ready_at.is_some_and(|at| at <= now);
            cohort.serving |= cohort.serving_at.is_some_and(|at| at <= now);
        }
    }

    /// When a pod becomes ready or serving next; [`SimTime::MAX`] if none does.
    pub fn next_transition(&self) -> SimTime {
        let pending = |cohort: &Cohort| {
            let ready = cohort.ready_at.filter(|_| !cohort.ready);
            let serving = cohort.serving_at.filter(|_| !cohort.serving);
            ready.into_iter().chain(serving).min()
        };
        self.cohorts.iter().filter_map(pending).min().unwrap_or(SimTime::MAX)
    }

    /// Joins cohorts that neither the load nor the HPA can tell apart any more: serving, past the CPU
    /// initialization period, and with the same scrapes.
    pub fn merge(&mut self, now: SimTime, cpu_initialization_period: Span) {
        let settled = |cohort: &Cohort| cohort.serving && cohort.created + cpu_initialization_period <= now;
        self.cohorts.dedup_by(|later, earlier| {
            let same = settled(later) && settled(earlier) && later.scraped == earlier.scraped;
            if same {
                earlier.count += later.count;
            }
            same
        });
    }
}

impl Cohort {
    /// The pods as the HPA sees them.
    pub fn group(&self) -> PodGroup {
        let since = self.ready_at.filter(|_| self.ready).unwrap_or(self.created);
        PodGroup {
            count: self.count,
            phase: PodPhase::Running,
            start_time: Some(self.created),
            ready: Some(ReadyCondition { status: self.ready, since }),
            terminating: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> SimTime {
        SimTime::from_seconds(seconds)
    }

    #[test]
    fn scale_down_takes_the_unready_then_the_latest_ready() {
        let lifecycle =
            Lifecycle { ready_after: Some(Span::from_seconds(20)), serving_after: Some(Span::from_seconds(20)) };
        let mut pods = Pods::settled(2, at(-3600), Scraped::default());
        pods.scale(4, at(0), &lifecycle);
        pods.transition(at(20));
        pods.scale(7, at(30), &lifecycle);
        let counts = |pods: &Pods| pods.cohorts().iter().map(|cohort| cohort.count).collect::<Vec<_>>();
        assert_eq!(counts(&pods), [2, 2, 3]);
        pods.scale(5, at(40), &lifecycle);
        assert_eq!(counts(&pods), [2, 2, 1], "unready pods go first");
        pods.scale(3, at(40), &lifecycle);
        assert_eq!(counts(&pods), [2, 1], "then those that became ready last");
        assert_eq!(pods.next_transition(), SimTime::MAX);
    }
}
