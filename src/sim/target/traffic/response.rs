//! How long answers take, how many requests are served, and what the calls of a request to other targets add.

use super::{Ask, Cohort, Nanocores, Pods, Rate, RequestModel, Traffic};
use crate::sim::target::latency::{self, Moments, PodRequests};

impl Traffic<'_> {
    /// The requests at each pod that works, by pods, in an open loop.
    fn pod_requests<'b>(
        &'b self,
        requests: RequestModel,
        pods: &'b Pods,
    ) -> impl Iterator<Item = (f64, PodRequests)> + 'b {
        let per_pod = self.per_pod();
        let front_share = self.front.waiting as f64 / self.working.max(1) as f64;
        pods.cohorts().iter().filter(|cohort| cohort.works()).map(move |cohort| {
            let cpu_nanos = requests.cpu_seconds * Nanocores::PER_CORE;
            let (arrival, waiting) = if per_pod {
                (cohort.rate.arrival as f64, cohort.life.queue.waiting as f64)
            } else {
                (self.part_of(self.demand, cohort.rate.capacity) as f64, front_share)
            };
            let capacity = cohort.rate.capacity.map(|capacity| capacity as f64);
            let saturated = waiting > 0.0 || capacity.is_some_and(|capacity| arrival >= capacity);
            let queued = capacity.map_or(0.0, |capacity| waiting / capacity.max(1.0));
            let pod = PodRequests {
                rate: arrival.min(capacity.unwrap_or(f64::MAX)) / cpu_nanos,
                cpu_seconds: requests.cpu_seconds,
                cores: capacity.map(|capacity| capacity / Nanocores::PER_CORE),
                fixed_seconds: requests.wait_seconds + queued,
                saturated,
                calls: self.calls,
            };
            (f64::from(cohort.count), pod)
        })
    }

    /// Requests under way, and whether too many are slow.
    pub(super) fn respond(&mut self, pods: &mut Pods) {
        let Some(requests) = self.requests.filter(|_| matches!(self.ask, Ask::Total(_))) else { return };
        let in_flight: Vec<f64> = self.pod_requests(requests, pods).map(|(_, pod)| pod.rate * pod.mean()).collect();
        for (cohort, in_flight) in pods.cohorts_mut().iter_mut().filter(|cohort| cohort.works()).zip(in_flight) {
            cohort.rate.in_flight = in_flight;
        }
        let Some(slo) = self.config.slo else { return };
        let (mut sent, mut slow) = (0.0, 0.0);
        for (count, pod) in self.pod_requests(requests, pods) {
            sent += count * pod.rate;
            slow += count * pod.rate * pod.slower_than(slo.within_seconds);
        }
        let cpu_nanos = requests.cpu_seconds * Nanocores::PER_CORE;
        let mut not_served = self.refused as f64 / cpu_nanos;
        if self.working == 0 {
            not_served += self.demand as f64 / cpu_nanos;
        }
        let all = sent + not_served;
        self.slow = all > 0.0 && (slow + not_served) / all > 1.0 - slo.quantile;
    }

    /// The response time that the promised part of the requests does not exceed, seconds; of 95% without a promise.
    pub fn response_seconds(&self, pods: &Pods) -> Option<f64> {
        let requests = self.requests?;
        let part = self.config.slo.map_or(0.95, |slo| slo.quantile);
        match self.ask {
            Ask::Total(demand) if demand > 0 && self.working > 0 => {
                let all: Vec<(f64, PodRequests)> = self.pod_requests(requests, pods).collect();
                Some(latency::quantile(&all, part))
            }
            Ask::Clients if !self.crowd.is_empty() && self.throughput > 0.0 => {
                Some(closed_loop_quantile(self.answered_in, &requests, part))
            }
            _ => None,
        }
    }

    /// The work that a running pod has done in a stretch that has been added up, and the CPU that it has used, nanocore-seconds.
    pub fn done_by(&self, cohort: &Cohort, (was_uniform, seconds): (bool, i64)) -> (i64, i64) {
        if !was_uniform {
            return cohort.life.worked;
        }
        let (work, cpu) = self.in_a_second(cohort);
        (work.saturating_mul(seconds), cpu.saturating_mul(seconds))
    }

    /// The requests that a running pod has served in a stretch that has been added up.
    pub fn served_by(&self, cohort: &Cohort, (was_uniform, seconds): (bool, i64)) -> f64 {
        let (work, _) = self.done_by(cohort, (was_uniform, seconds));
        let cpu = self.requests.map_or(f64::INFINITY, |requests| requests.cpu_seconds);
        work as f64 / (cpu * Nanocores::PER_CORE)
    }

    /// How many times as long as at a pod without work an answer takes at a pod, on average: as with one server that is shared by all
    /// that is under way, and without end where work waits. A pod that has no limit is never short of CPU.
    pub fn slowdown(&self, cohort: &Cohort) -> f64 {
        let Some(capacity) = cohort.rate.capacity.map(|capacity| capacity as f64) else { return 1.0 };
        let arrival = match self.ask {
            Ask::Nothing => return 1.0,
            Ask::Clients => {
                let Some(requests) = self.requests else { return 1.0 };
                let alone = requests.cpu_seconds / (capacity / Nanocores::PER_CORE).clamp(f64::MIN_POSITIVE, 1.0);
                let took = self.answered_in - requests.wait_seconds - self.calls.mean;
                return if cohort.works() { (took / alone).max(1.0) } else { 1.0 };
            }
            Ask::Total(_) if cohort.life.queue.waiting > 0 => return f64::INFINITY,
            Ask::Total(_) if !cohort.works() => 0.0,
            Ask::Total(_) if !self.per_pod() && self.front.waiting > 0 => return f64::INFINITY,
            Ask::Total(_) if !self.per_pod() => self.part_of(self.demand, cohort.rate.capacity) as f64,
            Ask::Total(_) => cohort.rate.arrival as f64,
            // All of a pod's CPU, that without work in it.
            Ask::PerPod(rate) => (rate - cohort.rate.idle) as f64,
        };
        if arrival < capacity { capacity / (capacity - arrival) } else { f64::INFINITY }
    }

    /// The time that the calls of a request take from now on.
    pub fn hear(&mut self, calls: Moments) {
        self.calls = calls;
    }

    /// Requests per second that are served in the second to come.
    pub fn served(&self, pods: &Pods) -> f64 {
        let Some(requests) = self.requests else { return 0.0 };
        let done = |demand: i64, waiting: i128, capacity: Option<i64>| {
            (i128::from(demand) + waiting).min(capacity.map_or(i128::MAX, i128::from)) as f64
        };
        let work = match self.ask {
            Ask::Clients => return self.throughput,
            Ask::Total(_) if self.working == 0 => 0.0,
            Ask::Total(_) if !self.per_pod() => done(self.demand, self.front.waiting, self.capacity),
            Ask::Total(_) => {
                let of_pod = |cohort: &Cohort| {
                    let Rate { arrival, capacity, .. } = cohort.rate;
                    done(arrival, cohort.life.queue.waiting, capacity) * f64::from(cohort.count)
                };
                pods.cohorts().iter().filter(|cohort| cohort.works()).map(of_pod).sum()
            }
            Ask::Nothing | Ask::PerPod(_) => 0.0,
        };
        work / Nanocores::PER_CORE / requests.cpu_seconds
    }

    /// From a request to its answer.
    pub fn response(&self, pods: &Pods) -> Moments {
        let Some(requests) = self.requests else { return Moments::default() };
        match self.ask {
            Ask::Clients => {
                let random = (self.answered_in - requests.wait_seconds).max(0.0);
                Moments { mean: self.answered_in, variance: random * random }
            }
            // Nobody answers: as long as what waits has been coming.
            Ask::Total(demand) if self.working == 0 => {
                Moments { mean: self.front.waiting as f64 / demand.max(1) as f64, variance: 0.0 }
            }
            Ask::Total(_) => {
                let all: Vec<(f64, Moments)> = self
                    .pod_requests(requests, pods)
                    .map(|(count, pod)| (count * pod.rate.max(f64::MIN_POSITIVE), pod.moments()))
                    .collect();
                let weight: f64 = all.iter().map(|(weight, _)| weight).sum();
                let over = |of: &dyn Fn(&Moments) -> f64| all.iter().map(|(w, m)| w * of(m)).sum::<f64>() / weight;
                let mean = over(&|m| m.mean);
                Moments { mean, variance: (over(&|m| m.variance + m.mean * m.mean) - mean * mean).max(0.0) }
            }
            Ask::Nothing | Ask::PerPod(_) => Moments::default(),
        }
    }
}

/// The response time that a part of the requests of a closed loop does not exceed: what is spent at the pods, on CPU and
/// in line for it, is taken as exponential.
pub(super) fn closed_loop_quantile(mean: f64, requests: &RequestModel, part: f64) -> f64 {
    requests.wait_seconds + (mean - requests.wait_seconds).max(0.0) * -(1.0 - part).ln()
}
