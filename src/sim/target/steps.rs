//! What a target does at a second, and between two.

use super::controller::Owner;
use super::*;

impl<'a> TargetState<'a> {
    /// Lets it be `now`: what passed since is added up, samples are taken, the load changes. Under the load and the pods of the
    /// time before: a sample does not see what begins now.
    pub fn wake(&mut self, now: SimTime) -> Result<(), SimError> {
        if now > self.now {
            self.pass((now - self.now).seconds());
            self.now = now;
            if now == SimTime::ZERO {
                self.start_counting();
            }
            if let Some(calls) = self.heard.take() {
                self.traffic.hear(calls);
                self.changed = true;
            }
        }
        self.sample();
        self.advance_load()
    }

    /// When its load ends, if that is known.
    pub fn load_end(&self) -> Option<SimTime> {
        self.load.end()
    }

    /// The kubelets sample, metrics-server scrapes, adapters read.
    fn sample(&mut self) {
        let (now, cluster) = (self.now, &self.target.cluster);
        let working = self.numbers.working.into();
        let scrape = now == self.next_scrape;
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
        self.observer.adapters_read(now, &self.values, &self.pods);
        if !(scrape || self.has_scraped) {
            return;
        }
        if scrape {
            self.scrape();
        }
        self.has_scraped = false;
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
        self.next_scrape = now + cluster.metric_resolution;
        for cohort in self.pods.cohorts_mut() {
            if now < self.resource_outage {
                cohort.scraped.forget();
            } else {
                cohort.scraped.scrape(cohort.running, cluster.metric_resolution);
            }
        }
    }

    fn advance_load(&mut self) -> Result<(), SimError> {
        let mut moved = self.load.advance(self.now)?;
        let before = self.factors.len();
        self.factors.retain(|(_, until)| *until > self.now);
        moved |= before != self.factors.len();
        if moved {
            self.take_values();
        }
        Ok(())
    }

    pub(super) fn take_values(&mut self) {
        self.values.copy_from_slice(self.load.values());
        if !self.factors.is_empty() {
            let factor: f64 = self.factors.iter().map(|(factor, _)| factor).product();
            for (value, largest) in self.values.iter_mut().zip(&self.largest) {
                if let Some(largest) = largest {
                    *value = (*value * factor).clamp(-largest, *largest);
                }
            }
        }
        if let Some(column) = self.rps_column {
            self.values[column] += self.called;
        }
        self.asks = asks(&self.target.plan, &self.size, &self.values);
        self.changed = true;
    }

    /// Its deadlines have come, before pods and controllers answer each other.
    pub fn begin_to_settle(&mut self) {
        if self.controller.deadline() <= self.now {
            self.to_reconcile = true;
        }
    }

    /// Its pods and its controller answer once; says whether anything was done.
    pub fn answer(&mut self) -> bool {
        let now = self.now;
        let mut busy = self.pods.advance(now, &self.rules);
        if busy {
            self.to_reconcile = true;
        }
        if std::mem::take(&mut self.to_reconcile) {
            let before = (self.pods.created, self.pods.deleted);
            let owner = Owner { pods: &mut self.pods, rules: &self.rules, draws: &mut self.draws, now };
            self.controller.reconcile(owner);
            busy = true;
            self.to_reconcile = before != (self.pods.created, self.pods.deleted);
        }
        self.changed |= busy;
        busy
    }

    /// What each pod does from now on, if something has changed; says whether a pod was killed for its memory.
    pub fn work_out(&mut self) -> bool {
        let changed = std::mem::take(&mut self.changed);
        if changed {
            self.numbers = self.pods.numbers();
            self.traffic.update(self.asks.cpu, &mut self.pods, &self.rules);
        }
        (changed || self.memory.grows()) && self.kill_over_limit()
    }

    fn kill_over_limit(&mut self) -> bool {
        let mut killed = false;
        while let Some(index) = self.memory.over_limit(&self.pods, self.asks.memory, self.now) {
            let count = self.pods.cohorts()[index].count;
            self.accounts.happened(self.now, Occurrence::OomKilled(count));
            self.pods.restart_cohort(index, self.now, &self.rules);
            killed = true;
        }
        self.changed |= killed;
        killed
    }

    /// Pods, controllers and scheduler have come to rest, or not.
    pub fn end_settling(&mut self, rests: bool) {
        if !rests {
            self.accounts.gave_up();
        }
        self.memory.remember(&mut self.pods, self.asks.memory);
    }

    /// The HPA syncs, if it is due; says whether anything comes of it now.
    pub fn sync(&mut self, record: &mut dyn FnMut(usize, &SyncRecord<'_>)) -> Result<bool, SimError> {
        let at_once = std::mem::take(&mut self.reconciled_at_once);
        let now = self.now;
        if now != self.next_sync && !at_once {
            return Ok(false);
        }
        let replicas = self.controller.replicas;
        let controller = &self.world.controller;
        let down = (now < self.resource_outage, now < self.custom_outage);
        let missing = self.target.cluster.missing_samples.get();
        self.observer.observe(now, &self.pods, &self.values, missing, down, &mut self.draws);
        let observation = self.observer.observation(now, replicas, self.numbers.existing);
        decide(self.hpa, controller, &mut self.history, &observation, &mut self.decision);
        if now >= SimTime::ZERO {
            self.accounts.sync(self.world, self.hpa, now, &self.decision, self.history.current_metrics());
            record(self.index, &self.record(replicas));
        } else if self.decision.rescaled {
            let before = SimTime::ZERO - now;
            return Err(SimError::NotSteady { before, from: replicas, to: self.decision.desired });
        }
        if self.decision.rescaled {
            self.controller.replicas = self.decision.desired.min(MOST_PODS);
            self.to_reconcile = true;
        }
        self.last_sync = (self.traffic.totals.cpu, now);
        if now == self.next_sync {
            self.next_sync = now + controller.sync_period;
        }
        Ok(self.decision.rescaled)
    }

    /// All is done that can be done now.
    pub fn end_second(&mut self) {
        if self.changed {
            self.work_out();
        }
        if self.now >= SimTime::ZERO {
            let numbers = self.numbers_now();
            self.accounts.note_pods(self.now, numbers);
        }
    }

    /// The next second at which something happens to it by itself.
    pub fn next(&self) -> SimTime {
        let soon = self.now + Span::from_seconds(1);
        if self.to_reconcile || self.traffic.is_restless(&self.pods) {
            return soon;
        }
        let samples = if self.may_look_back() { SimTime::MAX } else { self.next_scrape.min(self.pods.next_sample()) };
        let mut next = self
            .load
            .next_change(self.now)
            .min(self.load.end().filter(|end| *end > self.now).unwrap_or(SimTime::MAX))
            .min(self.pods.next())
            .min(samples)
            .min(self.next_sync)
            .min(self.controller.deadline())
            .min(self.observer.next_reading())
            .min(self.memory.next(&self.pods, self.asks.memory, self.now))
            .min(self.traffic.drained(&self.pods, self.now));
        if let Some(until) = self.factors.iter().map(|factor| factor.1).min() {
            next = next.min(until);
        }
        if self.now < SimTime::ZERO {
            next = next.min(SimTime::ZERO);
        }
        next.max(soon)
    }

    /// Whether samples and scrapes can be worked out when a stretch has passed: they are at regular times, nothing is drawn for
    /// them, and every second of the stretch is like the next one.
    fn may_look_back(&self) -> bool {
        self.samples_are_regular && self.traffic.is_uniform(&self.pods)
    }

    /// The samples and scrapes of a stretch that has passed, up to its end. In each of its seconds pods used as much CPU.
    fn look_back(&mut self, seconds: i64) {
        let (from, end) = (self.now, self.now + Span::from_seconds(seconds));
        let (cluster, working) = (&self.target.cluster, self.numbers.working.into());
        let interval = cluster.housekeeping_interval.typical();
        let resolution = cluster.metric_resolution;
        for cohort in self.pods.cohorts_mut() {
            let mut scrape = self.next_scrape;
            let mut at = cohort.next_sample.min(scrape);
            if at >= end {
                continue;
            }
            let used = if cohort.running.is_some() { cohort.used } else { 0 };
            let a_second = used / seconds;
            cohort.scraped.cpu_since -= used;
            let mut last = from;
            while at < end {
                cohort.scraped.cpu_since = cohort.scraped.cpu_since.saturating_add(a_second * (at - last).seconds());
                last = at;
                if cohort.next_sample == at {
                    if let Some(started) = cohort.running {
                        let memory = self.memory.of(cohort, self.asks.memory, working, at);
                        cohort.scraped.kubelet_samples(at, memory, started, resolution);
                    }
                    cohort.next_sample = at + interval.max(Span::from_seconds(1));
                }
                if scrape == at {
                    if at < self.resource_outage {
                        cohort.scraped.forget();
                    } else {
                        cohort.scraped.scrape(cohort.running, resolution);
                    }
                    scrape += resolution;
                }
                at = cohort.next_sample.min(scrape);
            }
            cohort.scraped.cpu_since = cohort.scraped.cpu_since.saturating_add(a_second * (end - last).seconds());
        }
        while self.next_scrape < end {
            self.next_scrape += resolution;
            self.has_scraped = true;
        }
    }

    /// Lets the pods work while nothing changes.
    fn pass(&mut self, seconds: i64) {
        let looks_back = self.may_look_back();
        let passed = self.traffic.work(seconds, &mut self.pods);
        if looks_back {
            self.look_back(seconds);
        }
        if self.traffic.is_restless(&self.pods) {
            self.traffic.sessions_pass(&mut self.pods);
            self.changed = true;
        }
        if self.now < SimTime::ZERO {
            return;
        }
        self.accounts.time_passes(
            seconds,
            self.hpa.max_replicas,
            &Passing {
                pods: self.numbers.existing,
                passed,
                unschedulable: self.numbers.unschedulable > 0,
                refused: self.numbers.existing < self.controller.replicas && self.pods.is_full(&self.rules),
                nodes: self.ready_nodes,
            },
        );
        self.accounts.backlog(self.traffic.waiting());
    }

    /// The start: work is counted from here, with what waits.
    fn start_counting(&mut self) {
        self.traffic.start_counting();
        self.pods.lost = Lost::default();
    }

    /// The numbers of pods and nodes.
    fn numbers_now(&self) -> PodNumbers {
        PodNumbers { nodes: self.ready_nodes, ..self.numbers }
    }

    fn record(&self, replicas: Replicas) -> SyncRecord<'_> {
        let working: i64 = self.numbers.working.into();
        let memory_used = self.pods.cohorts().iter().fold(0i64, |sum, cohort| {
            let each = self.memory.of(cohort, self.asks.memory, working, self.now);
            sum.saturating_add(each.saturating_mul(cohort.count.into()))
        });
        let (cpu_before, before) = self.last_sync;
        let period = (self.now - before).seconds().max(1);
        let totals = self.traffic.totals;
        let cpu_used = ((totals.cpu - cpu_before) / i128::from(period)).min(i64::MAX.into()) as i64;
        SyncRecord {
            now: self.now,
            load: &self.values,
            decision: &self.decision,
            history: &self.history,
            replicas,
            pods: self.numbers_now(),
            turnover: Turnover { created: self.pods.created, deleted: self.pods.deleted },
            newest_sample: self.observer.newest_sample(),
            resources: ResourceState {
                cpu_demand: self.traffic.demanded(),
                cpu_used,
                cpu_capacity: self.traffic.capacity(),
                memory_used,
                work_arrived: totals.arrived,
                work_done: totals.done,
                backlog: self.traffic.waiting(),
                work_dropped: totals.dropped,
                work_lost: totals.lost + self.pods.lost.work,
                slow: self.accounts.slow(),
            },
            response: ResponseSource { traffic: &self.traffic, pods: &self.pods },
        }
    }
}
