//! What pods hold in memory, and when they are killed for it.
//!
//! A pod over its limit is OOM-killed by the kernel (its cgroup's `memory.max`) and restarted by the kubelet. Memory that a runtime does not give
//! back stays at the most that it ever was until the container restarts; then a memory target never scales down.

use super::cohort::Cohort;
use super::pods::Pods;
use super::usage::{Ask, div_ceil};
use crate::model::{ClusterConfig, Drives};
use crate::units::{Bytes, Replicas, SimTime, Span};

const SECONDS_PER_HOUR: i64 = 3600;

/// What the memory of a pod depends on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Memory {
    base: i64,
    per_request: i64,
    growth_per_hour: i64,
    released: bool,
    limit: Option<i64>,
    /// Pods that were there at the start have not grown before it.
    start: SimTime,
    /// What the load asks for, and of each pod that works.
    ask: Ask,
    each: i64,
    /// What all pods used when it was last added up, bytes; none if something has changed since.
    used: Option<i64>,
    /// The most that a pod uses, growth left aside.
    largest: i64,
}

impl Memory {
    pub fn new(drives: &Drives, cluster: &ClusterConfig, limit: Option<i64>, start: SimTime) -> Self {
        Self {
            base: drives.memory_base_bytes,
            per_request: drives.requests.map_or(0, |requests| requests.memory_bytes),
            growth_per_hour: Bytes::from(cluster.memory_growth.get()).get(),
            released: !cluster.memory_kept,
            limit,
            start,
            ask: Ask::Nothing,
            each: 0,
            used: None,
            largest: 0,
        }
    }

    /// What the load alone makes of it.
    fn of_load(&self, cohort: &Cohort) -> i64 {
        let under_way = (cohort.rate.in_flight * self.per_request as f64) as i64;
        match self.ask {
            Ask::PerPod(bytes) => bytes,
            Ask::Total(_) if cohort.works() => self.base.saturating_add(self.each).saturating_add(under_way),
            _ => self.base.saturating_add(under_way),
        }
    }

    /// Works out what pods use from now on, growth left aside: they, or what they do, have changed. So many of them work.
    pub fn update(&mut self, pods: &mut Pods, ask: Ask, working: Replicas) {
        self.begin_update(ask, working);
        pods.cohorts_mut().iter_mut().for_each(|cohort| self.update_cohort(cohort));
    }

    /// The same, each cohort by itself after this.
    pub fn begin_update(&mut self, ask: Ask, working: Replicas) {
        (self.ask, self.used, self.largest) = (ask, None, 0);
        self.each = match ask {
            Ask::Total(bytes) if working > 0 => div_ceil(bytes, working.into()),
            _ => 0,
        };
    }

    /// See `begin_update`.
    pub fn update_cohort(&mut self, cohort: &mut Cohort) {
        let of_load = self.of_load(cohort);
        cohort.memory = if self.released { of_load } else { of_load.max(cohort.life.memory_high) };
        self.largest = self.largest.max(cohort.memory);
    }

    fn grown(&self, running: SimTime, now: SimTime) -> i64 {
        if self.growth_per_hour == 0 {
            return 0;
        }
        let grown = i128::from(self.growth_per_hour) * i128::from((now - running.max(self.start)).seconds());
        (grown / i128::from(SECONDS_PER_HOUR)).min(i64::MAX.into()) as i64
    }

    /// The memory of each pod of a cohort at an instant, bytes.
    pub fn of(&self, cohort: &Cohort, now: SimTime) -> i64 {
        cohort.running.map_or(0, |running| cohort.memory.saturating_add(self.grown(running, now)))
    }

    /// The memory that all pods use, bytes.
    pub fn used(&mut self, pods: &Pods, now: SimTime) -> i64 {
        match self.used {
            Some(used) if !self.grows() => used,
            _ => self.add_up(pods, now),
        }
    }

    fn add_up(&mut self, pods: &Pods, now: SimTime) -> i64 {
        let used = pods
            .cohorts()
            .iter()
            .fold(0i64, |sum, cohort| sum.saturating_add(self.of(cohort, now).saturating_mul(cohort.count.into())));
        *self.used.insert(used)
    }

    /// Whether it changes by itself.
    pub fn grows(&self) -> bool {
        self.growth_per_hour > 0
    }

    /// Remembers the most that the load made of it, where it is not given back.
    pub fn remember(&self, pods: &mut Pods) {
        if self.released {
            return;
        }
        for cohort in pods.cohorts_mut().iter_mut().filter(|cohort| cohort.running.is_some()) {
            cohort.life.memory_high = cohort.memory;
        }
    }

    /// A cohort that is over its limit, by index.
    pub fn over_limit(&self, pods: &Pods, now: SimTime) -> Option<usize> {
        let limit = self.limit?;
        if self.largest <= limit && !self.grows() {
            return None;
        }
        pods.cohorts().iter().position(|cohort| cohort.running.is_some() && self.of(cohort, now) > limit)
    }

    /// When growth alone takes a pod over its limit next.
    pub fn next(&self, pods: &Pods, now: SimTime) -> SimTime {
        let (Some(limit), true) = (self.limit, self.growth_per_hour > 0) else { return SimTime::MAX };
        let crosses = |cohort: &Cohort| {
            let running = cohort.running?;
            let left = limit - cohort.memory + 1;
            let seconds = div_ceil(left.max(0).saturating_mul(SECONDS_PER_HOUR), self.growth_per_hour);
            Some(running.max(self.start) + Span::from_seconds(seconds)).filter(|&at| at > now)
        };
        pods.cohorts().iter().filter_map(crosses).min().unwrap_or(SimTime::MAX)
    }
}
