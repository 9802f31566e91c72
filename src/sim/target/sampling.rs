//! Samples and scrapes: as they are due, or afterwards, when a stretch has passed in which every second was like the next one.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::TargetState;
use super::cohort::Cohort;
use super::milestones::NEVER;
use crate::model::{Balancing, Delay, Target};
use crate::sim::draw::Purpose;
use crate::units::{SimTime, Span};

/// Samples and scrapes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sampling {
    pub next_scrape: SimTime,
    /// Whether there was a scrape that was not followed up yet.
    pub has_scraped: bool,
    /// Whether they can be worked out afterwards: kubelets sample by themselves, and nothing is drawn at a scrape.
    pub can_wait: bool,
    /// Whether besides every interval is as long as the next.
    pub are_regular: bool,
    /// Since when load, pods and limits are as they are.
    pub steady_since: SimTime,
    /// The part of the stretch to come that is not looked at, seconds.
    pub skipped: i64,
}

/// Who is sampled next, and up to when what each pod uses was added up; kept for its memory.
#[derive(Clone, Debug, Default)]
pub(super) struct SampleOrder {
    due: BinaryHeap<Reverse<(SimTime, usize)>>,
    last: Vec<SimTime>,
}

impl Sampling {
    pub fn new(target: &Target<'_>, start: SimTime, next_scrape: SimTime) -> Self {
        let cluster = &target.cluster;
        let interval = cluster.housekeeping_interval;
        // Which samples are missing is drawn for each cohort, and cohorts become one at scrapes.
        let draws = cluster.missing_samples.get() > 0.0 || cluster.balancing == Balancing::Random;
        let can_wait = interval != Delay::ZERO && !draws;
        let are_regular = can_wait && matches!(interval, Delay::Fixed(_));
        Self { next_scrape, has_scraped: false, can_wait, are_regular, steady_since: start, skipped: 0 }
    }
}

impl TargetState<'_> {
    /// The kubelets sample, metrics-server scrapes, adapters read.
    pub(super) fn sample(&mut self) {
        let (now, cluster) = (self.now, &self.target.cluster);
        let working = self.numbers.working.into();
        let scrape = now == self.sampling.next_scrape;
        let fresh = cluster.housekeeping_interval == Delay::ZERO;
        for cohort in self.pods.cohorts_mut() {
            let due = cohort.next_sample == now || (scrape && fresh);
            if let (true, Some(started)) = (due, cohort.running) {
                let memory = self.memory.of(cohort, self.asks.memory, working, now);
                cohort.scraped.kubelet_samples(now, memory, started, cluster.metric_resolution);
                if !fresh {
                    let interval = self.draws.delay(Purpose::Housekeeping, cluster.housekeeping_interval);
                    cohort.next_sample = now + interval.max(Span::from_seconds(1));
                }
            }
        }
        self.unseen |= self.observer.adapters_read(now, &self.values, &self.pods);
        if !(scrape || self.sampling.has_scraped) {
            return;
        }
        if scrape {
            self.scrape();
        }
        self.sampling.has_scraped = false;
        self.pods.merge(now, self.world.controller.cpu_initialization_period, &self.rules);
        if let Some(expected) = self.traffic.expected_requests(cluster.metric_resolution).filter(|_| scrape) {
            for cohort in self.pods.cohorts_mut() {
                cohort.weight = self.draws.routing(expected);
            }
            self.changed = true;
        }
    }

    /// metrics-server scrapes.
    fn scrape(&mut self) {
        let (now, cluster) = (self.now, &self.target.cluster);
        self.sampling.next_scrape = now + cluster.metric_resolution;
        for cohort in self.pods.cohorts_mut() {
            self.unseen |= scrape_pod(cohort, now < self.resource_outage, cluster.metric_resolution);
        }
    }

    /// Whether samples and scrapes can be worked out when a stretch has passed: every second of it is like the next one, and
    /// nothing depends on them in the meantime.
    pub(super) fn may_look_back(&self) -> bool {
        self.sampling.can_wait && self.traffic.is_uniform()
    }

    /// The samples and scrapes of a stretch that has passed, up to its end. In each of its seconds pods used as much CPU.
    pub(super) fn look_back(&mut self, seconds: i64) {
        if self.sampling.are_regular {
            self.pod_by_pod(seconds);
        } else {
            self.in_order_of_time(seconds);
        }
        let end = self.now + Span::from_seconds(seconds);
        while self.sampling.next_scrape < end {
            self.sampling.next_scrape += self.target.cluster.metric_resolution;
            self.sampling.has_scraped = true;
        }
    }

    /// Nothing is drawn: one pod after the other.
    fn pod_by_pod(&mut self, seconds: i64) {
        let skipped = Span::from_seconds(std::mem::take(&mut self.sampling.skipped));
        let (from, end) = (self.now + skipped, self.now + Span::from_seconds(seconds));
        self.sampling.next_scrape += skipped;
        let (cluster, working) = (&self.target.cluster, self.numbers.working.into());
        let interval = cluster.housekeeping_interval.typical().max(Span::from_seconds(1));
        let resolution = cluster.metric_resolution;
        for cohort in self.pods.cohorts_mut() {
            let mut scrape = self.sampling.next_scrape;
            if skipped > Span::ZERO {
                cohort.scraped.passes(skipped);
                cohort.next_sample = if cohort.next_sample < NEVER { cohort.next_sample + skipped } else { NEVER };
            }
            let (cpu, mut last) = (if cohort.running.is_some() { cohort.rate.cpu } else { 0 }, from);
            loop {
                let at = cohort.next_sample.min(scrape);
                let until = at.min(end);
                cohort.scraped.uses(cpu.saturating_mul((until - last).seconds()));
                if at >= end {
                    break;
                }
                last = at;
                if cohort.next_sample == at {
                    if let Some(started) = cohort.running {
                        let memory = self.memory.of(cohort, self.asks.memory, working, at);
                        cohort.scraped.kubelet_samples(at, memory, started, resolution);
                    }
                    cohort.next_sample = at + interval;
                }
                if scrape == at {
                    self.unseen |= scrape_pod(cohort, at < self.resource_outage, resolution);
                    scrape += resolution;
                }
            }
        }
    }

    /// Intervals are drawn in the order of time, so that it does not matter how long a stretch is.
    fn in_order_of_time(&mut self, seconds: i64) {
        let (from, end) = (self.now, self.now + Span::from_seconds(seconds));
        let (cluster, working) = (&self.target.cluster, self.numbers.working.into());
        let resolution = cluster.metric_resolution;
        let mut scrape = self.sampling.next_scrape;
        let (due, last) = (&mut self.order.due, &mut self.order.last);
        let all = self.pods.cohorts().iter().enumerate().map(|(index, cohort)| Reverse((cohort.next_sample, index)));
        due.clear();
        due.extend(all.filter(|Reverse((at, _))| *at < end));
        last.clear();
        last.resize(self.pods.cohorts().len(), from);
        let mut catch_up = |cohort: &mut Cohort, index: usize, until: SimTime| {
            let seconds = (until - std::mem::replace(&mut last[index], until)).seconds();
            if cohort.running.is_some() {
                cohort.scraped.uses(cohort.rate.cpu.saturating_mul(seconds));
            }
        };
        loop {
            let at = due.peek().map_or(SimTime::MAX, |Reverse((at, _))| *at).min(scrape);
            if at >= end {
                break;
            }
            while let Some(&Reverse((_, index))) = due.peek().filter(|Reverse((when, _))| *when == at) {
                due.pop();
                let cohort = &mut self.pods.cohorts_mut()[index];
                let Some(started) = cohort.running else { continue };
                catch_up(cohort, index, at);
                let memory = self.memory.of(cohort, self.asks.memory, working, at);
                cohort.scraped.kubelet_samples(at, memory, started, resolution);
                let interval = self.draws.delay(Purpose::Housekeeping, cluster.housekeeping_interval);
                cohort.next_sample = at + interval.max(Span::from_seconds(1));
                if cohort.next_sample < end {
                    due.push(Reverse((cohort.next_sample, index)));
                }
            }
            if scrape == at {
                for (index, cohort) in self.pods.cohorts_mut().iter_mut().enumerate() {
                    catch_up(cohort, index, at);
                    self.unseen |= scrape_pod(cohort, at < self.resource_outage, resolution);
                }
                scrape += resolution;
            }
        }
        for (index, cohort) in self.pods.cohorts_mut().iter_mut().enumerate() {
            catch_up(cohort, index, end);
        }
    }
}

/// metrics-server scrapes a pod, or has forgotten it while it is down; says whether its answer is another one, but for its time.
fn scrape_pod(cohort: &mut Cohort, is_down: bool, resolution: Span) -> bool {
    if is_down {
        cohort.scraped.forget();
        return true;
    }
    cohort.scraped.scrape(cohort.running, resolution)
}
