//! The loop.

use thiserror::Error;

use super::controller::{Controller, Hands, same_again};
use super::draw::{Draws, Purpose};
use super::load::LoadCursor;
use super::memory::Memory;
use super::metrics::{Probe, Scraped};
use super::nodes::Nodes;
use super::observe::Observer;
use super::pods::{Outage, Pods, Rules};
use super::summary::{Accounts, Occurrence, Passing, Summary};
use super::traffic::Traffic;
use super::usage::{Asks, PodSize, asks};
use super::{PodNumbers, ResourceState, Setup, SyncRecord};
use crate::hpa::{Decision, History, decide};
use crate::model::{Action, Balancing, Column, Delay, Drive, HpaSpec, LoadError, LoadSource, MetricsApi, WorkloadController};
use crate::units::{Replicas, SimTime, Span};

/// How long the pods at the start have been there: longer than any period of the controller.
const SETTLED: Span = Span::from_seconds(86_400);
/// How long until a node that does not answer is marked (`--node-monitor-grace-period`), and from then on until its
/// pods are deleted (the toleration that the API server gives to every pod).
const NODE_GRACE: Span = Span::from_seconds(50);
const NODE_TOLERATION: Span = Span::from_seconds(300);
/// Controllers and pods answer each other at most so often within a second.
const MOST_ROUNDS: usize = 1000;

/// Why a simulation could not be run to its end.
#[derive(Debug, Error)]
pub enum SimError {
    /// The load source failed.
    #[error("{0}")]
    Load(LoadError),
    /// The load has no rows.
    #[error("the load trace has no rows")]
    NoLoad,
    /// The load covers no time and no duration was given.
    #[error("the load trace covers no time: it has a single row, and no duration is given")]
    NoDuration,
    /// The replica count changed before the start.
    #[error("the state before the start is not steady: {before} before it the HPA goes from {from} to {to} replicas")]
    NotSteady {
        /// How long before the start.
        before: Span,
        /// The replicas that were to be kept.
        from: Replicas,
        /// What the HPA made of them.
        to: Replicas,
    },
}

/// Runs a simulation. `record` is called after every sync.
pub fn simulate(
    setup: &Setup<'_>,
    load: &mut dyn LoadSource,
    record: &mut dyn FnMut(&SyncRecord<'_>),
) -> Result<Summary, SimError> {
    let steady = load.columns().iter().map(|column| *column == Column::Replicas).collect();
    let cursor = LoadCursor::start(load, setup.interpolation)?.ok_or(SimError::NoLoad)?;
    let mut engine = Engine::new(setup, cursor, steady);
    engine.run(record)?;
    Ok(engine.finish())
}

struct Engine<'a> {
    setup: &'a Setup<'a>,
    hpa: &'a HpaSpec,
    rules: Rules<'a>,
    load: LoadCursor<'a>,
    /// Columns that a load factor does not change.
    unscaled: Vec<bool>,
    /// The load's values, times the load factors.
    values: Vec<f64>,
    factors: Vec<(f64, SimTime)>,
    size: PodSize,
    now: SimTime,
    asks: Asks,
    pods: Pods,
    controller: Controller<'a>,
    nodes: Option<Nodes<'a>>,
    traffic: Traffic<'a>,
    memory: Memory,
    draws: Draws,
    observer: Observer,
    history: History,
    decision: Decision,
    accounts: Accounts,
    next_event: usize,
    next_scrape: SimTime,
    next_sync: SimTime,
    /// Until when the metrics APIs fail.
    resource_outage: SimTime,
    custom_outage: SimTime,
    /// Pods, load or limits have changed: what pods do has to be worked out again.
    changed: bool,
    /// The workload's controller has something to look at.
    to_reconcile: bool,
    /// CPU used at the last sync, and its time.
    last_sync: (i128, SimTime),
}

impl<'a> Engine<'a> {
    /// In a steady state under the load of the first row.
    fn new(setup: &'a Setup<'a>, load: LoadCursor<'a>, unscaled: Vec<bool>) -> Self {
        let (workload, cluster) = (setup.workload, &setup.cluster);
        let size = PodSize::of(&workload.template);
        let asks = asks(&setup.plan, &size, load.values());
        let start = SimTime::ZERO - setup.lead_in;
        let rules = rules(setup);
        let sampled = cluster.metrics.kubelet_interval != Delay::ZERO;
        let first_sample = if sampled { start + cluster.metrics.kubelet_offset } else { SimTime::MAX };
        let mut pods = Pods::settled(setup.initial_replicas, start - SETTLED, first_sample, &rules);
        let mut nodes = cluster.nodes.as_ref().map(|config| Nodes::new(config, &workload.template, start));
        let mut draws = Draws::new(cluster.seed);
        if let Some(nodes) = &mut nodes {
            settle_on_nodes(&mut pods, nodes, start, &rules, &mut draws);
        }
        pods.set_apart(&rules, &mut draws);
        let mut traffic = Traffic::new(cluster, &setup.plan, &size);
        let memory = Memory::new(&setup.plan, &cluster.consumption, size.memory_limit);
        traffic.update(asks.cpu, &mut pods, &rules);
        // The steady state before the start, as the first sync sees it.
        let period = setup.controller.sync_period;
        let (working, mut used) = (pods.working().into(), 0);
        for cohort in pods.cohorts_mut().iter_mut().filter(|cohort| cohort.running.is_some()) {
            let rate = traffic.steady_rate(cohort);
            let held = memory.of(cohort, asks.memory, working, start);
            cohort.scraped = Scraped::steady(rate, held, start, &cluster.metrics);
            used += i128::from(rate) * i128::from(cohort.count);
        }
        let before = -used * i128::from(period.seconds());
        Self {
            setup,
            hpa: setup.hpa,
            unscaled,
            values: load.values().to_vec(),
            factors: Vec::new(),
            load,
            size,
            now: start,
            asks,
            pods,
            controller: Controller::new(workload, setup.initial_replicas, start),
            nodes,
            traffic,
            memory,
            draws,
            observer: Observer::new(setup),
            history: History::default(),
            decision: Decision::default(),
            accounts: Accounts::new(setup.hpa.metrics.len(), setup.keep_pod_numbers),
            next_event: 0,
            next_scrape: start + cluster.metrics.offset,
            next_sync: start,
            resource_outage: start,
            custom_outage: start,
            changed: true,
            to_reconcile: true,
            last_sync: (before, start - period),
            rules,
        }
    }

    fn run(&mut self, record: &mut dyn FnMut(&SyncRecord<'_>)) -> Result<(), SimError> {
        let limit = self.setup.duration.map(|duration| SimTime::ZERO + duration);
        loop {
            // Under the load and the pods of the time before: a sample does not see what begins now.
            self.sample();
            self.advance_load()?;
            let end = limit.or_else(|| self.load.end());
            if end.is_some_and(|end| end <= self.now) {
                return if self.now > SimTime::ZERO { Ok(()) } else { Err(SimError::NoDuration) };
            }
            self.happen();
            self.settle();
            if self.now == self.next_sync {
                self.sync(record)?;
                self.settle();
            }
            if self.now >= SimTime::ZERO {
                self.accounts.note_pods(self.now, || numbers(&self.pods, self.nodes.as_ref(), self.now));
            }
            let next = self.next(end.unwrap_or(SimTime::MAX));
            self.pass((next - self.now).seconds());
            self.now = next;
            if next == SimTime::ZERO {
                self.start_counting();
            }
        }
    }

    /// The kubelets sample, metrics-server scrapes, adapters read.
    fn sample(&mut self) {
        let (now, metrics) = (self.now, self.setup.cluster.metrics);
        let working = self.pods.working().into();
        let scrape = now == self.next_scrape;
        let fresh = metrics.kubelet_interval == Delay::ZERO;
        for cohort in self.pods.cohorts_mut() {
            let due = cohort.next_sample == now || (scrape && fresh);
            if let (true, Some(started)) = (due, cohort.running) {
                let memory = self.memory.of(cohort, self.asks.memory, working, now);
                cohort.scraped.kubelet_samples(now, memory, started, metrics.resolution);
                if !fresh {
                    let interval = self.draws.delay(Purpose::Housekeeping, metrics.kubelet_interval);
                    cohort.next_sample = now + interval.max(Span::from_seconds(1));
                }
            }
        }
        self.observer.adapters_read(now, &self.values, &self.pods);
        if !scrape {
            return;
        }
        self.next_scrape = now + metrics.resolution;
        for cohort in self.pods.cohorts_mut() {
            if now < self.resource_outage {
                cohort.scraped.forget();
            } else {
                cohort.scraped.scrape(cohort.running, metrics.resolution);
            }
        }
        self.pods.merge(now, self.setup.controller.cpu_initialization_period, &self.rules);
        if let Some(expected) = self.traffic.expected_requests(metrics.resolution) {
            for cohort in self.pods.cohorts_mut() {
                cohort.weight = self.draws.routing(expected);
            }
            self.changed = true;
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

    fn take_values(&mut self) {
        self.values.copy_from_slice(self.load.values());
        if !self.factors.is_empty() {
            let factor: f64 = self.factors.iter().map(|(factor, _)| factor).product();
            for (value, unscaled) in self.values.iter_mut().zip(&self.unscaled) {
                *value *= if *unscaled { 1.0 } else { factor };
            }
        }
        self.asks = asks(&self.setup.plan, &self.size, &self.values);
        self.changed = true;
    }

    /// The scenario's events.
    fn happen(&mut self) {
        let setup = self.setup;
        while let Some(event) = setup.events.get(self.next_event).filter(|event| event.at <= self.now) {
            self.next_event += 1;
            self.accounts.happened(self.now, Occurrence::Action(self.next_event - 1));
            self.act(&event.action);
            self.to_reconcile = true;
            self.changed = true;
        }
    }

    fn act(&mut self, action: &'a Action) {
        let now = self.now;
        match action {
            Action::Rollout(revision) => self.roll_out(*revision),
            Action::Restart => self.roll_out(same_again(&self.rules.revisions, self.controller.target())),
            Action::Rollback => {
                self.controller.roll_back(now);
            }
            Action::Pause => self.controller.paused = true,
            Action::Resume => self.controller.paused = false,
            Action::Scale(replicas) => self.controller.replicas = *replicas,
            Action::KillPods(pods) => self.pods.kill(*pods, now, &self.rules),
            Action::HangPods(pods) => self.pods.hang(*pods, now, &self.rules),
            Action::LoseNodes(count) => {
                for node in self.nodes.as_mut().map(|nodes| nodes.lose(*count, now)).unwrap_or_default() {
                    self.pods.lose_node(node, now, NODE_GRACE, NODE_TOLERATION);
                }
            }
            Action::MetricsOutage { which, lasts } => {
                let until = now + *lasts;
                if *which != MetricsApi::Custom {
                    self.resource_outage = self.resource_outage.max(until);
                    for cohort in self.pods.cohorts_mut() {
                        cohort.scraped.forget();
                    }
                }
                if *which != MetricsApi::Resource {
                    self.custom_outage = self.custom_outage.max(until);
                }
            }
            // Known from the start: see `rules`.
            Action::DependencyDown { .. } => {}
            Action::ChangeHpa(hpa) => self.hpa = hpa,
            Action::LoadFactor { factor, lasts } => {
                self.factors.push((*factor, lasts.map_or(SimTime::MAX, |lasts| now + lasts)));
                self.take_values();
            }
        }
    }

    fn roll_out(&mut self, revision: crate::model::Revision) {
        self.rules.revisions.push(revision);
        self.controller.roll_out(self.rules.revisions.len() - 1, self.now);
    }

    /// Pods, controllers, scheduler and autoscaler answer each other until all is done that can be done now.
    fn settle(&mut self) {
        let now = self.now;
        if self.controller.deadline() <= now {
            self.to_reconcile = true;
        }
        if let Some(nodes) = &mut self.nodes {
            nodes.arrive(now);
        }
        for _ in 0..MOST_ROUNDS {
            let mut busy = self.pods.advance(now, &self.rules);
            if busy {
                self.to_reconcile = true;
            }
            if std::mem::take(&mut self.to_reconcile) {
                let before = (self.pods.created, self.pods.deleted);
                let hands = Hands { pods: &mut self.pods, rules: &self.rules, draws: &mut self.draws, now };
                self.controller.reconcile(hands);
                busy = true;
                self.to_reconcile = before != (self.pods.created, self.pods.deleted);
            }
            if self.schedule() {
                busy = true;
                self.to_reconcile = true;
            }
            self.changed |= busy;
            if self.changed {
                self.traffic.update(self.asks.cpu, &mut self.pods, &self.rules);
                self.changed = false;
            }
            busy |= self.kill_over_limit();
            if !busy {
                break;
            }
        }
        self.scan_nodes();
        self.memory.remember(&mut self.pods, self.asks.memory);
    }

    /// Binds pods whose time has come, and those that wait for a node if there is room again.
    fn schedule(&mut self) -> bool {
        let now = self.now;
        let mut retry = false;
        if let Some(nodes) = &mut self.nodes {
            nodes.release(&mut self.pods.freed);
            retry = std::mem::take(&mut nodes.changed);
        } else {
            self.pods.freed.clear();
        }
        let mut busy = false;
        // From the last to the first, since binding may split a cohort.
        while let Some(index) = self.pods.last_unbound(now, retry) {
            let count = self.pods.cohorts()[index].count;
            let places = self.nodes.as_mut().map(|nodes| nodes.schedule(count, now));
            let placed: Replicas = places.iter().flatten().map(|place| place.1).sum();
            let anywhere = places.is_none();
            let waited = self.pods.cohorts()[index].unschedulable;
            self.pods.bind(index, places.unwrap_or_default(), anywhere, now, &self.rules);
            if !anywhere && placed < count {
                // Nothing more fits for now.
                retry = false;
                if !waited {
                    self.accounts.happened(now, Occurrence::Unschedulable(count - placed));
                }
            }
            busy |= anywhere || placed > 0;
        }
        busy
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

    fn scan_nodes(&mut self) {
        let Some(nodes) = &mut self.nodes else { return };
        if let Some(node) = nodes.scan(self.now, self.pods.unschedulable(), &mut self.draws) {
            self.pods.evict(node, self.now, &self.rules);
            self.accounts.happened(self.now, Occurrence::NodeRemoved);
            self.to_reconcile = true;
            self.changed = true;
        }
    }

    fn sync(&mut self, record: &mut dyn FnMut(&SyncRecord<'_>)) -> Result<(), SimError> {
        let now = self.now;
        let replicas = self.controller.replicas;
        let controller = &self.setup.controller;
        let down = (now < self.resource_outage, now < self.custom_outage);
        let missing = self.setup.cluster.metrics.missing;
        self.observer.observe(now, &self.pods, &self.values, missing, down, &mut self.draws);
        let observation = self.observer.observation(now, replicas, self.pods.count());
        decide(self.hpa, controller, &mut self.history, &observation, &mut self.decision);
        if now >= SimTime::ZERO {
            self.accounts.sync(self.setup, self.hpa, now, &self.decision, self.history.current_metrics());
            record(&self.record(replicas));
        } else if self.decision.rescaled {
            let before = SimTime::ZERO - now;
            return Err(SimError::NotSteady { before, from: replicas, to: self.decision.desired });
        }
        if self.decision.rescaled {
            self.controller.replicas = self.decision.desired;
            self.to_reconcile = true;
        }
        self.last_sync = (self.traffic.totals.cpu, now);
        self.next_sync = now + controller.sync_period;
        Ok(())
    }

    /// The next second at which something happens.
    fn next(&self, end: SimTime) -> SimTime {
        let soon = self.now + Span::from_seconds(1);
        if self.setup.every_second || self.to_reconcile || self.traffic.is_restless(&self.pods) {
            return soon;
        }
        let mut next = self
            .load
            .next_change(self.now)
            .min(self.pods.next())
            .min(self.next_scrape)
            .min(self.next_sync)
            .min(self.controller.deadline())
            .min(self.observer.next_reading())
            .min(self.memory.next(&self.pods, self.asks.memory, self.now))
            .min(self.traffic.drained(&self.pods, self.now))
            .min(end);
        if let Some(event) = self.setup.events.get(self.next_event) {
            next = next.min(event.at);
        }
        if let Some(until) = self.factors.iter().map(|factor| factor.1).min() {
            next = next.min(until);
        }
        if let Some(nodes) = &self.nodes {
            next = next.min(nodes.next(self.now));
        }
        if self.now < SimTime::ZERO {
            next = next.min(SimTime::ZERO);
        }
        next.max(soon)
    }

    /// Lets the pods work while nothing changes.
    fn pass(&mut self, seconds: i64) {
        if self.changed {
            self.traffic.update(self.asks.cpu, &mut self.pods, &self.rules);
            self.changed = false;
        }
        let passed = self.traffic.work(seconds, &mut self.pods);
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
                pods: self.pods.count(),
                passed,
                unschedulable: self.pods.unschedulable() > 0,
                nodes: self.nodes.as_ref().map(|nodes| nodes.ready(self.now)),
            },
        );
        self.accounts.backlog(self.traffic.waiting(&self.pods));
    }

    /// The start: work is counted from here, with what waits.
    fn start_counting(&mut self) {
        self.traffic.start_counting(&self.pods);
        self.pods.lost = super::pods::Lost::default();
    }

    fn record(&self, replicas: Replicas) -> SyncRecord<'_> {
        let working: i64 = self.pods.working().into();
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
            pods: numbers(&self.pods, self.nodes.as_ref(), self.now),
            newest_sample: self.observer.newest_sample(),
            resources: ResourceState {
                cpu_demand: self.traffic.demanded(),
                cpu_used,
                cpu_capacity: self.traffic.capacity(),
                memory_used,
                work_arrived: totals.arrived,
                work_done: totals.done,
                backlog: self.traffic.waiting(&self.pods),
                work_dropped: totals.dropped,
                work_lost: totals.lost + self.pods.lost.work,
            },
            response: ResponseSource { traffic: &self.traffic, pods: &self.pods },
        }
    }

    fn finish(self) -> Summary {
        let waiting = self.traffic.waiting(&self.pods);
        let mut summary = self.accounts.finish(self.setup, self.now, waiting);
        summary.work_dropped = self.traffic.totals.dropped;
        summary.work_lost = self.traffic.totals.lost + self.pods.lost.work;
        summary.requests_failed = self.pods.lost.requests;
        summary.pods_created = self.pods.created;
        summary.pods_deleted = self.pods.deleted;
        summary.restarts = self.pods.restarts;
        summary.rollouts = self.controller.rollouts;
        summary
    }
}

/// Response times, worked out only if they are asked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct ResponseSource<'a> {
    traffic: &'a Traffic<'a>,
    pods: &'a Pods,
}

impl ResponseSource<'_> {
    /// The response time that the promised part of the requests does not exceed, seconds.
    pub fn seconds(&self) -> Option<f64> {
        self.traffic.response_seconds(self.pods)
    }

    /// Requests per second that are served.
    pub fn throughput(&self, cpu_used: i64) -> Option<f64> {
        self.traffic.throughput(cpu_used)
    }
}

/// The numbers of pods and nodes.
fn numbers(pods: &Pods, nodes: Option<&Nodes<'_>>, now: SimTime) -> PodNumbers {
    PodNumbers {
        existing: pods.count(),
        ready: pods.ready(),
        working: pods.working(),
        pending: pods.pending(),
        unschedulable: pods.unschedulable(),
        terminating: pods.terminating(),
        nodes: nodes.map(|nodes| nodes.ready(now)),
    }
}

/// What the pods' lives depend on.
fn rules<'a>(setup: &'a Setup<'a>) -> Rules<'a> {
    let outage = |event: &crate::model::ScheduledEvent| match &event.action {
        Action::DependencyDown { init_container, lasts } => {
            Some(Outage { container: init_container.clone(), from: event.at, until: event.at + *lasts })
        }
        _ => None,
    };
    let open_loop = matches!(setup.plan.cpu, Drive::Demand { .. } | Drive::Recorded { .. });
    let random = setup.cluster.traffic.balancing == Balancing::Random;
    Rules {
        template: &setup.workload.template,
        config: &setup.cluster,
        min_ready: setup.workload.min_ready,
        outages: setup.events.iter().filter_map(outage).collect(),
        revisions: vec![crate::model::Revision::default()],
        apart: (random && open_loop && setup.plan.requests.is_some())
            || !matches!(setup.cluster.metrics.kubelet_interval, Delay::Fixed(_)),
        ordered: matches!(setup.workload.controller, WorkloadController::StatefulSet { .. }),
    }
}

/// The pods at the start get their nodes; those for which there is none wait.
fn settle_on_nodes(pods: &mut Pods, nodes: &mut Nodes<'_>, start: SimTime, rules: &Rules<'_>, draws: &mut Draws) {
    let count = pods.count();
    let places = nodes.schedule(count, start);
    let placed: Replicas = places.iter().map(|place| place.1).sum();
    pods.place(places, placed);
    if placed < count {
        pods.create_at(count - placed, 0, placed, start, rules, draws);
    }
}

/// How a metric of the HPA is read: used by the observer.
pub(super) fn probes(setup: &Setup<'_>) -> Vec<Probe> {
    let template = &setup.workload.template;
    let column = |index: usize| setup.plan.metric_columns.get(index).copied().flatten();
    setup.hpa.metrics.iter().enumerate().map(|(i, metric)| Probe::of(metric, template, column(i))).collect()
}
