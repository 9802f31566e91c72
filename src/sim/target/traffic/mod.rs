//! From what the load asks for to what each pod does: sharing it among pods, CPU limits, waiting, response times.
//!
//! Random balancing is what kube-proxy does with new connections (`pkg/proxy/iptables`, statistic mode random), even what
//! round robin and least requests come to. CPU is limited as the kernel's quota does it, averaged over a second.

mod response;

use super::census::Census;
use super::clients::{self, Station};
use super::cohort::Cohort;
use super::latency::Moments;
use super::pods::Pods;
use super::queue::{Queue, Stretch};
use super::rate::Rate;
use super::rules::Rules;
use super::usage::{Ask, Crowd, PodSize};
use crate::model::{Balancing, ClusterConfig, Drives, Queueing, RequestModel};
use crate::units::{Nanocores, SimTime, Span};

/// The work of the load on its way through the pods.
#[derive(Clone, Debug)]
pub(super) struct Traffic<'a> {
    config: &'a ClusterConfig,
    requests: Option<RequestModel>,
    cpu_limit: Option<i64>,
    /// Work in front of the pods.
    front: Queue,
    /// Work that waits at pods.
    at_pods: i128,
    /// What the load asks for.
    ask: Ask,
    /// Work a second that pods take, and that is sent to pods that do not, nanocores.
    demand: i64,
    refused: i64,
    /// Pods that work.
    working: i64,
    /// What all of them can do, nanocores; none is without limit.
    capacity: Option<i64>,
    /// Whether all of them can do the same, so that their parts are equal.
    alike: bool,
    /// What comes to the pods that take it and to those that do not, relative to others: the sums of their weights.
    weights: (f64, f64),
    /// Whether more requests are slow than was promised.
    slow: bool,
    /// Whether every second is like the next one, as long as nothing changes: nothing waits, and pods use and do so much in each,
    /// all together.
    is_uniform: bool,
    cpu_a_second: i128,
    done_a_second: i128,
    /// Whether something changes from second to second, so that no second may be skipped.
    is_restless: bool,
    /// Requests per second in a closed loop, and from a request to its answer, seconds.
    throughput: f64,
    answered_in: f64,
    /// Whether it calls other targets or is called by them, and the time that the calls of a request take.
    is_chained: bool,
    /// Whether what each pod serves is counted from second to second.
    pub is_counted: bool,
    /// The clients, where the load is made of them.
    pub crowd: Crowd,
    calls: Moments,
    /// Since the start.
    pub totals: WorkTotals,
}

/// CPU work since the start, nanocore-seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct WorkTotals {
    pub arrived: i128,
    pub done: i128,
    pub dropped: i128,
    pub lost: i128,
    /// CPU that pods used in all.
    pub cpu: i128,
}

/// What happened in a stretch of time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::sim) struct Passed {
    pub waiting_seconds: i64,
    pub slow_seconds: i64,
    /// Seconds in which work was sent to pods that did not take it.
    pub refusing_seconds: i64,
}

impl<'a> Traffic<'a> {
    pub fn new(config: &'a ClusterConfig, drives: &Drives, size: &PodSize, is_chained: bool) -> Self {
        Self {
            config,
            requests: drives.requests,
            cpu_limit: size.cpu_limit,
            front: Queue::default(),
            at_pods: 0,
            ask: Ask::Nothing,
            demand: 0,
            refused: 0,
            working: 0,
            capacity: None,
            alike: true,
            weights: (0.0, 0.0),
            slow: false,
            is_uniform: false,
            cpu_a_second: 0,
            done_a_second: 0,
            is_restless: false,
            throughput: 0.0,
            answered_in: 0.0,
            is_chained,
            is_counted: false,
            crowd: Crowd::default(),
            calls: Moments::default(),
            totals: WorkTotals::default(),
        }
    }

    /// Whether work waits at its pod.
    fn per_pod(&self) -> bool {
        self.config.queue == Queueing::PerPod || self.config.balancing != Balancing::Even
    }

    /// Work that waits, nanocore-seconds.
    pub fn waiting(&self) -> i128 {
        self.front.waiting + self.at_pods
    }

    fn count_waiting(&mut self, pods: &Pods) {
        let at_pods = pods.cohorts().iter().map(|cohort| cohort.life.queue.waiting * i128::from(cohort.count));
        self.at_pods = if self.per_pod() { at_pods.sum() } else { 0 };
    }

    /// What the load demands, nanocores, if it says so.
    pub fn demanded(&self) -> Option<i64> {
        match self.ask {
            Ask::Total(demand) => Some(demand),
            _ => None,
        }
    }

    /// What the pods that work can use together, nanocores.
    pub fn capacity(&self) -> Option<i64> {
        self.cpu_limit.map(|limit| limit.saturating_mul(self.working))
    }

    /// Whether something changes from second to second, so that no second may be skipped.
    pub fn is_restless(&self) -> bool {
        self.is_restless
    }

    /// Whether every second is like the next one, as long as nothing changes: nothing waits.
    pub fn is_uniform(&self) -> bool {
        self.is_uniform
    }

    /// The CPU that pods have used in all after so many seconds more, each like the one before, nanocore-seconds.
    pub fn cpu_after(&self, seconds: i64) -> i128 {
        self.totals.cpu + self.cpu_a_second * i128::from(seconds)
    }

    /// What is true of every second as long as nothing changes. What else is to be done with each cohort is done with it.
    fn look_ahead(&mut self, pods: &mut Pods, mut also: impl FnMut(&mut Cohort)) {
        self.is_restless = self.will_be_restless(pods);
        self.is_uniform = match self.ask {
            Ask::Nothing | Ask::PerPod(_) | Ask::Clients => true,
            Ask::Total(_) => self.waiting() == 0 && !self.overloaded(pods),
        };
        if !self.is_uniform {
            pods.cohorts_mut().iter_mut().for_each(also);
            return;
        }
        let (mut all_cpu, mut all_done) = (0, 0);
        for cohort in pods.cohorts_mut() {
            let (done, cpu) = if cohort.running.is_some() { self.in_a_second(cohort) } else { (0, 0) };
            cohort.rate.cpu = cpu;
            also(cohort);
            all_cpu += i128::from(cpu) * i128::from(cohort.count);
            all_done += i128::from(done) * i128::from(cohort.count);
        }
        (self.cpu_a_second, self.done_a_second) = (all_cpu, all_done);
    }

    /// The work that a running pod does in a second in which nothing waits, and the CPU that it uses.
    #[inline]
    fn in_a_second(&self, cohort: &Cohort) -> (i64, i64) {
        let rate = &cohort.rate;
        let done = match self.ask {
            Ask::Nothing => 0,
            Ask::Total(_) if self.per_pod() => rate.arrival,
            Ask::Total(_) if cohort.works() => self.part_of(self.demand, rate.capacity),
            Ask::Total(_) => 0,
            Ask::PerPod(_) => return (rate.arrival, rate.cpu_of(rate.arrival)),
            Ask::Clients => rate.arrival,
        };
        (done, rate.cpu_of(done).saturating_add(rate.idle))
    }

    fn will_be_restless(&self, pods: &Pods) -> bool {
        let sticky = matches!(self.config.balancing, Balancing::Sticky { .. });
        if sticky && pods.cohorts().iter().any(|cohort| cohort.works() && cohort.weight < 1.0) {
            return true;
        }
        let matters = self.is_counted
            || self
                .requests
                .is_some_and(|requests| self.is_chained || self.config.slo.is_some() || requests.memory_bytes > 0);
        // Of queues that are full at different times the sum may be largest in between.
        let is_bounded = self.config.queue_timeout.is_some() || self.config.queue_limit.is_some();
        (matters || (is_bounded && self.per_pod())) && (self.overloaded(pods) || self.waiting() > 0)
    }

    /// Whether more comes than can be done.
    fn overloaded(&self, pods: &Pods) -> bool {
        let over = |cohort: &Cohort| cohort.rate.capacity.is_some_and(|capacity| cohort.rate.arrival > capacity);
        match self.ask {
            Ask::Total(_) if self.working == 0 => self.demand > 0,
            Ask::Total(_) if self.per_pod() => pods.cohorts().iter().any(over),
            Ask::Total(_) => self.capacity.is_some_and(|capacity| self.demand > capacity),
            _ => false,
        }
    }

    /// The load is counted from here, with what waits.
    pub fn start_counting(&mut self) {
        let cpu = self.totals.cpu;
        self.totals = WorkTotals { arrived: self.waiting(), cpu, ..WorkTotals::default() };
    }

    /// Pods are as they will be for a while: what each can do in a second. They are counted with it.
    pub fn update_capacity(&mut self, pods: &mut Pods, rules: &Rules<'_>) -> Census {
        let mut census = Census::default();
        let (mut all, mut alike, mut first) = (Some(0), true, None);
        self.weights = (0.0, 0.0);
        for cohort in pods.cohorts_mut() {
            census.add(cohort);
            cohort.rate.idle = self.idle(cohort);
            cohort.rate.cpu_factor = rules.revisions.get(cohort.revision).map_or(1.0, |revision| revision.cpu_factor);
            cohort.rate.capacity = self.pod_capacity(cohort);
            cohort.rate.arrival = 0;
            cohort.rate.in_flight = 0.0;
            Self::add_weight(&mut self.weights, cohort);
            if cohort.works() {
                let (count, capacity) = (i64::from(cohort.count), cohort.rate.capacity);
                all = all.zip(capacity).map(|(all, each)| all + i128::from(each) * i128::from(count));
                alike &= *first.get_or_insert(capacity) == capacity;
            }
        }
        self.working = census.numbers.working.into();
        self.capacity = all.map(|capacity| capacity.min(i64::MAX.into()) as i64);
        self.alike = alike && first.flatten() != Some(0);
        census
    }

    /// The load is as it will be for a while, and so are the pods as they were when capacities were worked out last: what each does in a second.
    /// What else is to be done with each cohort then is done with it.
    pub fn update(&mut self, ask: Ask, pods: &mut Pods, also: impl FnMut(&mut Cohort)) {
        self.ask = ask;
        (self.demand, self.refused, self.throughput, self.slow) = (0, 0, 0.0, false);
        match ask {
            Ask::Nothing => {}
            Ask::PerPod(rate) => {
                for cohort in pods.cohorts_mut().iter_mut().filter(|cohort| cohort.running.is_some()) {
                    cohort.rate.arrival = rate;
                }
            }
            Ask::Total(demand) => self.share(demand, pods),
            Ask::Clients => self.closed_loop(pods),
        }
        self.count_waiting(pods);
        self.respond(pods);
        self.look_ahead(pods, also);
    }

    /// The CPU that a pod uses as long as nothing changes and nothing waits, nanocores.
    pub fn steady_rate(&self, cohort: &Cohort) -> i64 {
        let rate = cohort.rate;
        let capacity = rate.capacity.unwrap_or(i64::MAX);
        match self.ask {
            Ask::PerPod(rate) => rate,
            Ask::Total(_) if !self.per_pod() => self.part_of(self.demand, rate.capacity).min(capacity) + rate.idle,
            _ => rate.arrival.min(capacity) + rate.idle,
        }
    }

    /// CPU of a pod besides its work.
    fn idle(&self, cohort: &Cohort) -> i64 {
        if cohort.running.is_none() {
            return 0;
        }
        let background = self.config.background_cpu.get().nano_value();
        let idle = if cohort.up { background } else { self.config.startup_cpu.get().nano_value().max(background) };
        idle.min(self.cpu_limit.unwrap_or(i64::MAX))
    }

    /// Work that a pod can do in a second.
    fn pod_capacity(&self, cohort: &Cohort) -> Option<i64> {
        let limit = self.cpu_limit?;
        let mut capacity = (limit - cohort.rate.idle).max(0);
        let speed = if cohort.warm { 1.0 } else { self.config.warmup_speed.get() };
        let factor = speed / cohort.rate.cpu_factor;
        if factor != 1.0 {
            capacity = (capacity as f64 * factor) as i64;
        }
        Some(capacity)
    }

    /// Adds what comes to a cohort to the sums.
    fn add_weight((taken, refused): &mut (f64, f64), cohort: &Cohort) {
        if cohort.serving {
            let sum = if cohort.accepting { taken } else { refused };
            *sum += cohort.weight * f64::from(cohort.count);
        }
    }

    fn share(&mut self, demand: i64, pods: &mut Pods) {
        if matches!(self.config.balancing, Balancing::Random | Balancing::Sticky { .. }) {
            // Weights change while pods stay as they are.
            self.weights = (0.0, 0.0);
            pods.cohorts().iter().for_each(|cohort| Self::add_weight(&mut self.weights, cohort));
        }
        let (taken, refused) = self.weights;
        if refused > 0.0 {
            self.refused = (demand as f64 * (refused / (taken + refused))).round() as i64;
        }
        self.demand = demand - self.refused;
        if !self.per_pod() || self.working == 0 {
            return;
        }
        let even = self.config.balancing == Balancing::Even;
        // What waited for a pod is sent to those that are there now.
        let share_of_front = self.front.waiting / i128::from(self.working);
        self.front.waiting -= share_of_front * i128::from(self.working);
        for cohort in pods.cohorts_mut().iter_mut().filter(|cohort| cohort.works()) {
            cohort.life.queue.waiting += share_of_front;
            cohort.rate.arrival = if even || taken <= 0.0 {
                self.demand / self.working
            } else {
                (self.demand as f64 * (cohort.weight / taken)) as i64
            };
        }
    }

    fn closed_loop(&mut self, pods: &mut Pods) {
        let crowd = self.crowd;
        let Some(requests) = self.requests else { return };
        let station = |cohort: &Cohort| Station {
            pods: cohort.count.into(),
            weight: cohort.weight,
            cores: cohort.rate.capacity.map(|capacity| capacity as f64 / Nanocores::PER_CORE),
            cpu_seconds: requests.cpu_seconds,
        };
        let stations: Vec<Station> = pods.cohorts().iter().filter(|cohort| cohort.works()).map(station).collect();
        // For the clients the calls are one more wait.
        let waits = requests.wait_seconds + self.calls.mean;
        let solution = clients::solve(&crowd, waits, &stations, self.config.balancing);
        (self.throughput, self.answered_in) = (solution.throughput, solution.response_seconds);
        let working = pods.cohorts_mut().iter_mut().filter(|cohort| cohort.works());
        for (cohort, rate) in working.zip(&solution.per_pod) {
            let nanocores = rate * requests.cpu_seconds * Nanocores::PER_CORE;
            cohort.rate.arrival = (nanocores.round() as i64).min(cohort.rate.capacity.unwrap_or(i64::MAX));
            cohort.rate.in_flight = rate * solution.response_seconds;
        }
        if let Some(slo) = self.config.slo {
            let within = response::closed_loop_quantile(solution.response_seconds, &requests, slo.quantile)
                <= slo.within_seconds;
            self.slow = !(crowd.is_empty() || within && solution.throughput > 0.0);
        }
    }

    /// A pod's part of a second's work in front of all.
    fn part_of(&self, work: i64, capacity: Option<i64>) -> i64 {
        if self.alike {
            return work / self.working.max(1);
        }
        match (capacity, self.capacity) {
            (Some(capacity), Some(all)) if all > 0 => {
                (i128::from(work) * i128::from(capacity) / i128::from(all)) as i64
            }
            (Some(_), Some(_)) => 0,
            _ => work / self.working.max(1),
        }
    }

    /// The most that may wait, nanocore-seconds: what a time-out and a limit leave.
    fn bound(&self, demand: i64, capacity: Option<i64>, pods: i64) -> Option<i128> {
        let timeout = self.config.queue_timeout.map(|timeout| {
            let rate = if pods == 0 { demand } else { demand.max(capacity.unwrap_or(i64::MAX)) };
            i128::from(rate) * i128::from(timeout.seconds())
        });
        let limit = self.config.queue_limit.map(|limit| i128::from(limit.get().nano_value()) * i128::from(pods));
        timeout.into_iter().chain(limit).min()
    }

    /// Lets the pods work while nothing changes. Where every second is like the next one, what each pod uses is left to those who
    /// sample it.
    pub fn work(&mut self, seconds: i64, pods: &mut Pods) -> Passed {
        let mut passed = Passed::default();
        if self.slow {
            passed.slow_seconds = seconds;
        }
        if self.refused > 0 {
            passed.refusing_seconds = seconds;
        }
        if let Ask::Total(demand) = self.ask {
            self.totals.arrived += i128::from(demand) * i128::from(seconds);
            self.totals.lost += i128::from(self.refused) * i128::from(seconds);
        }
        if self.is_uniform {
            let (done, span) = (self.done_a_second, i128::from(seconds));
            self.totals.cpu += self.cpu_a_second * span;
            self.totals.done += done * span;
            if !matches!(self.ask, Ask::Total(_)) {
                self.totals.arrived += done * span;
            }
            return passed;
        }
        // Without a pod that works, all waits in front.
        let in_front = !self.per_pod() || self.working == 0;
        let front = if in_front { self.work_in_front(seconds, &mut passed) } else { Stretch::default() };
        for index in 0..pods.cohorts().len() {
            let cohort = &pods.cohorts()[index];
            let Some(_) = cohort.running else { continue };
            let rate = cohort.rate;
            let (work, cpu) = if self.per_pod() {
                let bound = self.bound(rate.arrival, rate.capacity, 1);
                let capacity = if cohort.up { rate.capacity } else { Some(0) };
                let cohort = &mut pods.cohorts_mut()[index];
                let stretch = cohort.life.queue.advance(seconds, rate.arrival, capacity, bound);
                self.totals.dropped += stretch.dropped * i128::from(cohort.count);
                passed.waiting_seconds = passed.waiting_seconds.max(stretch.waiting_seconds);
                let capacity = capacity.unwrap_or(0);
                let cpu = stretch.part(rate.cpu_of(capacity), rate.arrival, |work| rate.cpu_of(work));
                (stretch.part(capacity, rate.arrival, |work| work), cpu)
            } else if cohort.works() {
                let part = |work: i64| self.part_of(work, rate.capacity);
                let capacity = rate.capacity.unwrap_or(0);
                let cpu = || front.part(rate.cpu_of(capacity), self.demand, |work| rate.cpu_of(part(work)));
                let work = front.part(capacity, self.demand, part);
                (work, if rate.cpu_factor == 1.0 { work } else { cpu() })
            } else {
                (0, 0)
            };
            self.account(&mut pods.cohorts_mut()[index], work, cpu, seconds);
        }
        self.count_waiting(pods);
        self.look_ahead(pods, |_| {});
        passed
    }

    fn work_in_front(&mut self, seconds: i64, passed: &mut Passed) -> Stretch {
        let capacity = if self.working == 0 { Some(0) } else { self.capacity };
        let bound = self.bound(self.demand, self.capacity, self.working);
        let stretch = self.front.advance(seconds, self.demand, capacity, bound);
        self.totals.dropped += stretch.dropped;
        passed.waiting_seconds = stretch.waiting_seconds;
        stretch
    }

    /// Work that a pod did, the CPU that it took, and what the pod used besides.
    fn account(&mut self, cohort: &mut Cohort, work: i64, cpu: i64, seconds: i64) {
        let count = i128::from(cohort.count);
        let cpu = cpu.saturating_add(cohort.rate.idle.saturating_mul(seconds));
        cohort.uses(cpu);
        cohort.life.worked = (work, cpu);
        self.totals.cpu += i128::from(cpu) * count;
        self.totals.done += i128::from(work) * count;
    }

    /// Sessions end and begin: pods that are new get their share. Second by second, as long as it changes.
    pub fn sessions_pass(&self, pods: &mut Pods) {
        let Balancing::Sticky { session } = self.config.balancing else { return };
        let kept = (-1.0 / session.seconds().max(1) as f64).exp();
        for cohort in pods.cohorts_mut().iter_mut().filter(|cohort| cohort.works() && cohort.weight < 1.0) {
            cohort.weight = 1.0 - (1.0 - cohort.weight) * kept;
            if cohort.weight > 0.999 {
                cohort.weight = 1.0;
            }
        }
    }

    /// The requests that go to each pod in an interval, in expectation.
    pub fn expected_requests(&self, interval: Span) -> Option<f64> {
        let requests = self.requests.filter(|_| self.config.balancing == Balancing::Random)?;
        let rate = self.demand as f64 / Nanocores::PER_CORE / requests.cpu_seconds / self.working.max(1) as f64;
        matches!(self.ask, Ask::Total(_)).then_some(rate * interval.seconds() as f64)
    }

    /// When a pod that is to end has done what waits at it.
    pub fn drained(&self, pods: &Pods, now: SimTime) -> SimTime {
        let drain = |cohort: &Cohort| {
            let capacity = i128::from(cohort.rate.capacity.unwrap_or(i64::MAX).max(1));
            let seconds = (cohort.life.queue.waiting + capacity - 1) / capacity;
            now + Span::from_seconds(seconds.clamp(1, i128::from(i32::MAX)) as i64)
        };
        let draining =
            pods.cohorts().iter().filter(|cohort| cohort.stopping() && cohort.up && cohort.life.queue.waiting > 0);
        draining.map(drain).min().unwrap_or(SimTime::MAX)
    }
}
