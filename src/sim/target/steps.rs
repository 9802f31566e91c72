//! What a target does at a second, and between two.

use super::controller::Owner;
use super::counters::{Counter, Scraping};
use super::*;

impl<'a> TargetState<'a> {
    /// What is due at its beginning.
    pub fn begin(&mut self) {
        self.sample();
        self.follow_up_samples();
        if self.exports.is_some() {
            self.export((self.now, 0), true);
        }
    }

    /// Lets it be `now`: what passed since is added up, samples are taken, the load changes. Under the load and the pods of the
    /// time before: a sample does not see what begins now.
    pub fn wake(&mut self, now: SimTime) -> Result<(), SimError> {
        self.pass_until(now);
        self.advance_load()
    }

    /// The same without a change of the load.
    pub(super) fn pass_until(&mut self, now: SimTime) {
        let seconds = now.seconds_since(self.now);
        if seconds <= 0 {
            return;
        }
        let is_uniform = self.traffic.is_uniform();
        let passed = self.traffic.work(seconds, &mut self.pods);
        if self.observer.counts() {
            self.requests_pass((self.now, now), is_uniform);
        }
        if self.exports.is_some() {
            self.export((now, seconds), is_uniform);
        }
        self.add_up(seconds, passed);
        self.move_on(seconds, is_uniform);
        if let Some(calls) = self.heard.take() {
            self.traffic.hear(calls);
            self.changed = true;
        }
    }

    /// In a stretch in which no second differs from the next, so many more seconds that are added up when it is over.
    pub(super) fn pass_alike(&mut self, seconds: i64) {
        self.owed += seconds;
        self.move_on(seconds, true);
    }

    /// It is over, or something changes.
    pub(super) fn add_up_alike(&mut self) {
        self.add_up_to(self.now);
    }

    /// The same, of a stretch that ends at an instant.
    pub(super) fn add_up_to(&mut self, end: SimTime) {
        let seconds = std::mem::take(&mut self.owed);
        if seconds > 0 {
            let passed = self.traffic.work(seconds, &mut self.pods);
            if self.observer.counts() {
                self.requests_pass((end.later(-seconds), end), true);
            }
            self.add_up(seconds, passed);
        }
    }

    /// What Prometheus counts goes on. Most targets have nothing of it: it stays out of their way.
    #[cold]
    #[inline(never)]
    fn requests_pass(&mut self, (since, until): (SimTime, SimTime), was_uniform: bool) {
        let scraping = self.rules.scraping.unwrap_or(Scraping::LIVE);
        let seconds = until.seconds_since(since);
        let working = f64::from(self.pods.working().max(1));
        for cohort in self.pods.cohorts_mut().iter_mut().filter(|cohort| cohort.running.is_some()) {
            let mut counters = std::mem::take(&mut cohort.life.counters);
            for (index, column) in self.observer.counted().enumerate() {
                if counters.len() <= index {
                    counters.push(Counter::default());
                }
                let requests = match column {
                    None => self.traffic.served_by(cohort, (was_uniform, seconds)),
                    Some(column) if cohort.works() => self.values[column] / working * seconds as f64,
                    Some(_) => 0.0,
                };
                counters[index].serves(since, until, requests, scraping);
            }
            cohort.life.counters = counters;
        }
    }

    /// What was counted until now is seen, whatever has changed besides.
    #[cold]
    #[inline(never)]
    fn see_counters(&mut self) {
        self.add_up_alike();
        self.unseen = true;
    }

    /// Of pods that have served for long.
    pub(super) fn begin_counters(&mut self, start: SimTime) {
        let scraping = self.rules.scraping.unwrap_or(Scraping::LIVE);
        let working = f64::from(self.pods.working().max(1));
        for cohort in self.pods.cohorts_mut().iter_mut().filter(|cohort| cohort.works()) {
            let rate = |column: Option<usize>| match column {
                None => self.traffic.served_by(cohort, (true, 1)),
                Some(column) => self.values[column] / working,
            };
            cohort.life.counters =
                self.observer.counted().map(|column| Counter::steady(rate(column), start, scraping)).collect();
        }
    }

    /// When its load ends, if that is known.
    pub fn load_end(&self) -> Option<SimTime> {
        self.load.end()
    }

    pub(super) fn advance_load(&mut self) -> Result<(), SimError> {
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
        self.asks = asks(&self.target.drives, &self.size, &self.values);
        if self.asks.cpu == Ask::Clients {
            self.traffic.crowd = Crowd::of(&self.target.drives.clients, &self.values);
        }
        self.changed = true;
        self.unseen |= self.observer.sees_load();
    }

    /// Its deadlines have come, before pods and controllers answer each other.
    pub fn begin_to_settle(&mut self) {
        if self.controller.deadline() <= self.now {
            self.to_reconcile = true;
        }
        if self.watch.next <= self.now {
            self.ask_probes();
        }
    }

    /// Whether neither its pods nor its controller have anything to do now.
    pub fn rests(&mut self) -> bool {
        !self.to_reconcile && self.controller.deadline() > self.now && self.is_quiet()
    }

    /// When something happens to its pods next, as far as they stay as they are.
    pub(super) fn outlook(&mut self) -> Outlook {
        let pods = &self.pods;
        *self.outlook.get_or_insert_with(|| pods.census().outlook)
    }

    /// Whether nothing happens to its pods now.
    pub(super) fn is_quiet(&mut self) -> bool {
        let outlook = self.outlook();
        outlook.next > self.now && self.watch.next > self.now && !outlook.is_ending
    }

    /// Its pods and its controller answer once; says whether anything was done.
    pub fn answer(&mut self) -> bool {
        let now = self.now;
        let Outlook { next, is_ending } = self.outlook();
        let mut busy = (next <= now || is_ending) && self.pods.advance(now, &self.rules, is_ending);
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
        if busy {
            self.note_pods_changed();
        }
        busy
    }

    /// What each pod does from now on, if something has changed; says whether a pod was killed for its memory.
    pub fn work_out(&mut self) -> bool {
        let changed = std::mem::take(&mut self.changed);
        if changed {
            self.looks += self.pods.cohorts().len() as u64;
            self.sampling.steady_since = self.now;
            if std::mem::take(&mut self.pods_changed) {
                let census = self.traffic.update_capacity(&mut self.pods, &self.rules);
                (self.numbers, self.outlook) = (census.numbers, Some(census.outlook));
                self.sampling.next_sample = Some(census.next_sample);
                self.watch();
            }
            self.update_use();
        }
        (changed || self.memory.grows()) && self.kill_over_limit()
    }

    /// What pods use from now on.
    pub(super) fn update_use(&mut self) {
        let memory = &mut self.memory;
        memory.begin_update(self.asks.memory, self.numbers.working);
        self.traffic.update(self.asks.cpu, &mut self.pods, |cohort| memory.update_cohort(cohort));
    }

    fn kill_over_limit(&mut self) -> bool {
        let mut killed = false;
        while let Some(index) = self.memory.over_limit(&self.pods, self.now) {
            let count = self.pods.cohorts()[index].count;
            self.accounts.happened(self.now, Occurrence::OomKilled(count));
            self.pods.cohorts_mut()[index].life.oom_kills += 1;
            self.pods.restart_cohort(index, self.now, &self.rules);
            // Those that are left share the load, and what was killed may be up again at once, with nothing of it.
            let working = self.pods.working();
            self.memory.update(&mut self.pods, self.asks.memory, working);
            killed = true;
        }
        if killed {
            self.note_pods_changed();
        }
        killed
    }

    /// Pods, controllers and scheduler have come to rest, or not.
    pub fn end_settling(&mut self, rests: bool) {
        if !rests {
            self.accounts.gave_up();
        }
        self.memory.remember(&mut self.pods);
    }

    /// The HPA syncs, if it is due; says whether anything comes of it now.
    pub fn sync(&mut self, listener: Option<&mut Listener<'_>>) -> Result<bool, SimError> {
        let at_once = std::mem::take(&mut self.reconciled_at_once);
        let now = self.now;
        if now != self.next_sync && !at_once {
            return Ok(false);
        }
        let replicas = self.controller.replicas;
        let controller = &self.world.controller;
        let down = (now < self.resource_outage, now < self.custom_outage);
        let missing = self.target.cluster.missing_samples.get();
        let down_before = std::mem::replace(&mut self.down, down);
        let last = (self.decision.verdict, self.decision.current, self.decision.desired);
        if self.observer.counts() {
            self.see_counters();
        }
        let is_same = !std::mem::take(&mut self.unseen)
            && last == (Verdict::Computed, replicas, replicas)
            && replicas > 0
            && down == down_before
            && self.observer.is_ageless()
            && missing == 0.0
            && !self.world.is_stepped();
        if is_same && listener.is_none() && keeps_its_proposal(self.hpa, &self.decision) {
            self.repeat_sync();
            return Ok(false);
        }
        if !is_same {
            self.looks += self.pods.cohorts().len() as u64;
            self.observer.group(&self.pods, missing, &mut self.draws);
            // Samples one by one are there so that the sums can be compared with them.
            let sums_suffice = !self.world.is_stepped();
            self.observer.observe(now, &self.pods, &self.values, (down, sums_suffice));
        }
        let observation = self.observer.observation(now, replicas, self.numbers.existing);
        if is_same {
            decide_again(self.hpa, controller, &mut self.history, &observation, &mut self.decision);
        } else {
            decide(self.hpa, controller, &mut self.history, &observation, &mut self.decision);
        }
        self.record_sync(replicas, listener)?;
        self.end_sync();
        Ok(self.decision.rescaled)
    }

    /// A sync that sees what the last one saw, and decides the same.
    fn repeat_sync(&mut self) {
        let (now, controller) = (self.now, &self.world.controller);
        coast(self.hpa, controller, &mut self.history, &self.decision, (now, 1));
        if now >= SimTime::ZERO {
            self.accounts.sync_again(controller.sync_period, (now, 1));
            self.note_use();
        }
        self.end_sync();
    }

    /// What pods have used since the last sync. In a stretch in which no second differs from the next it is the same from the second
    /// sync on.
    pub(super) fn note_use(&mut self) {
        let began = self.now.later(-self.owed);
        let is_known = self.last_sync.1.seconds_since(began) >= self.world.controller.sync_period.seconds();
        if !is_known || self.memory.grows() {
            let used = self.use_since_last_sync();
            self.accounts.uses(used);
        }
    }

    fn end_sync(&mut self) {
        self.last_sync = (self.traffic.cpu_after(self.owed), self.now);
        if self.now == self.next_sync {
            self.next_sync = self.now.later(self.world.controller.sync_period.seconds());
        }
    }

    /// What comes of a decision.
    fn record_sync(&mut self, replicas: Replicas, listener: Option<&mut Listener<'_>>) -> Result<(), SimError> {
        let (now, period) = (self.now, self.world.controller.sync_period);
        if now >= SimTime::ZERO {
            self.accounts.sync(period, self.hpa, now, &self.decision, self.history.current_metrics());
            self.note_use();
            if let Some(listener) = listener {
                let used = self.use_since_last_sync();
                listener(self.index, &self.record(replicas, used));
            }
        } else if self.decision.rescaled {
            let before = SimTime::ZERO - now;
            return Err(SimError::NotSteady { before, from: replicas, to: self.decision.desired });
        }
        if self.decision.rescaled {
            self.add_up_alike();
            self.controller.replicas = self.decision.desired.min(MOST_PODS);
            self.to_reconcile = true;
        }
        Ok(())
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
    pub fn next(&mut self) -> SimTime {
        let soon = self.now + Span::from_seconds(1);
        if self.to_reconcile || self.traffic.is_restless() {
            return soon;
        }
        let samples = if self.may_look_back() {
            SimTime::MAX
        } else {
            let pods = &self.pods;
            let sample = *self.sampling.next_sample.get_or_insert_with(|| pods.next_sample());
            debug_assert_eq!(sample, pods.next_sample(), "what is known of the next sample is so");
            self.sampling.next_scrape.min(sample)
        };
        let next = self.next_change().min(samples).min(self.next_sync);
        next.max(soon)
    }

    /// The next second at which something happens that is no sample, scrape, reading or sync.
    pub(super) fn next_change(&mut self) -> SimTime {
        let outlook = self.outlook();
        let next = self
            .load
            .next_change(self.now)
            .min(self.load.end().filter(|end| *end > self.now).unwrap_or(SimTime::MAX))
            .min(outlook.next)
            .min(self.watch.next)
            .min(self.controller.deadline())
            .min(self.memory.next(&self.pods, self.now));
        let next = if outlook.is_ending { next.min(self.traffic.drained(&self.pods, self.now)) } else { next };
        let next = self.factors.iter().map(|factor| factor.1).fold(next, SimTime::min);
        if self.now < SimTime::ZERO { next.min(SimTime::ZERO) } else { next }
    }

    /// To the end of a stretch in which nothing changed, with the samples of it.
    pub(super) fn move_on(&mut self, seconds: i64, is_uniform: bool) {
        let now = self.now.later(seconds);
        let has_sampled = is_uniform && self.sampling.can_wait;
        if has_sampled {
            self.look_back(seconds);
        }
        if !is_uniform {
            // What waited was worked off: nothing says that the pods use as much as before.
            self.sampling.steady_since = now;
        } else if !self.sampling.can_wait {
            let running = self.pods.cohorts_mut().iter_mut().filter(|cohort| cohort.running.is_some());
            running.for_each(|cohort| cohort.uses(cohort.rate.cpu.saturating_mul(seconds)));
        }
        if self.traffic.is_restless() {
            self.traffic.sessions_pass(&mut self.pods);
            self.changed = true;
        }
        self.now = now;
        if now == SimTime::ZERO {
            self.start_counting();
        }
        if !has_sampled {
            self.sample();
        }
        self.follow_up_samples();
    }

    /// What follows from samples and scrapes that have been taken.
    #[inline]
    fn follow_up_samples(&mut self) {
        if self.observer.adapters_are_due(self.now) {
            self.unseen |= self.observer.adapters_read(self.now, &self.values, &self.pods);
        }
        if std::mem::take(&mut self.sampling.has_scraped) && self.pods.cohorts().len() > 1 {
            self.merge_alike();
        }
    }

    /// Adds up what passed.
    fn add_up(&mut self, seconds: i64, passed: Passed) {
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
        PodNumbers { nodes: self.ready_nodes.map(|nodes| nodes.count), ..self.numbers }
    }

    /// The CPU that all pods used on average since the last sync, nanocores, and the memory that they use, bytes.
    pub(super) fn use_since_last_sync(&mut self) -> (Nanocores, Bytes) {
        let (cpu_before, before) = self.last_sync;
        let period = self.now.seconds_since(before).max(1);
        let used = self.traffic.cpu_after(self.owed) - cpu_before;
        // Dividing so wide a number takes long.
        let cpu = match i64::try_from(used) {
            Ok(used) => used / period,
            Err(_) => (used / i128::from(period)).min(i64::MAX.into()) as i64,
        };
        (Nanocores::new(cpu), Bytes::new(self.memory.used(&self.pods, self.now)))
    }

    fn record(&self, replicas: Replicas, (cpu_used, memory_used): (Nanocores, Bytes)) -> SyncRecord<'_> {
        let totals = self.traffic.totals;
        SyncRecord {
            now: self.now,
            load: &self.values,
            decision: &self.decision,
            history: &self.history,
            replicas,
            pods: self.numbers_now(),
            turnover: Turnover { created: self.pods.created, deleted: self.pods.deleted },
            expected_restarts: self.watch.expected_restarts,
            newest_sample: self.pods.newest_sample(),
            resources: ResourceState {
                cpu_demand: self.traffic.demanded().map(Nanocores::new),
                cpu_used,
                cpu_capacity: self.traffic.capacity().map(Nanocores::new),
                memory_used,
                work_arrived: Work::new(totals.arrived),
                work_done: Work::new(totals.done),
                backlog: Work::new(self.traffic.waiting()),
                work_dropped: Work::new(totals.dropped),
                work_lost: Work::new(totals.lost + self.pods.lost.work),
                slow: self.accounts.slow(),
            },
            response: ResponseSource { traffic: &self.traffic, pods: &self.pods },
        }
    }
}
