//! The loop.

mod events;
mod settle;

use thiserror::Error;

use crate::hpa::{Decision, History, decide};
use crate::model::{
    Action, Balancing, Column, Delay, Drive, HpaSpec, LoadError, LoadSource, MOST_PODS, WorkloadController,
};
use crate::sim::controller::Controller;
use crate::sim::draw::{Draws, Purpose};
use crate::sim::lifecycle::bound;
use crate::sim::load::LoadCursor;
use crate::sim::memory::Memory;
use crate::sim::metrics::{Pipeline, Scraped};
use crate::sim::nodes::Nodes;
use crate::sim::observe::Observer;
use crate::sim::pods::Pods;
use crate::sim::rules::{Outage, Rules};
use crate::sim::summary::{Accounts, Ending, Passing, Summary};
use crate::sim::traffic::Traffic;
use crate::sim::usage::{Asks, PodSize, asks};
use crate::sim::{PodNumbers, ResourceState, Setup, SyncRecord, Turnover};
use crate::units::{Replicas, SimTime, Span};

/// How long the pods at the start have been there: longer than any period of the controller.
const SETTLED: Span = Span::from_seconds(86_400);
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
    let largest = |column: &Column| (*column != Column::Replicas).then(|| column.largest());
    let largest = load.columns().iter().map(largest).collect();
    let cursor = LoadCursor::start(load, setup.interpolation)?.ok_or(SimError::NoLoad)?;
    let mut engine = Engine::new(setup, cursor, largest);
    engine.run(record)?;
    Ok(engine.finish())
}

struct Engine<'a> {
    setup: &'a Setup<'a>,
    hpa: &'a HpaSpec,
    rules: Rules<'a>,
    load: LoadCursor<'a>,
    /// The largest value of each column; none for those that a load factor does not change.
    largest: Vec<Option<f64>>,
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
    /// The HPA has changed: there is a sync besides.
    reconciled_at_once: bool,
    /// Until when the metrics APIs fail.
    resource_outage: SimTime,
    custom_outage: SimTime,
    /// How many pods there are, as of the last change.
    numbers: PodNumbers,
    /// Pods, load or limits have changed: what pods do has to be worked out again.
    changed: bool,
    /// The workload's controller has something to look at.
    to_reconcile: bool,
    /// CPU used at the last sync, and its time.
    last_sync: (i128, SimTime),
}

impl<'a> Engine<'a> {
    /// In a steady state under the load of the first row.
    fn new(setup: &'a Setup<'a>, load: LoadCursor<'a>, largest: Vec<Option<f64>>) -> Self {
        let (workload, cluster) = (setup.workload, &setup.cluster);
        let size = PodSize::of(&workload.template);
        let asks = asks(&setup.plan, &size, load.values());
        let start = SimTime::ZERO - setup.lead_in;
        let rules = rules(setup);
        let pipeline = Pipeline::of(setup, start);
        let sampled = cluster.housekeeping_interval != Delay::ZERO;
        let first_sample = if sampled { pipeline.first_sample } else { SimTime::MAX };
        let there = setup.initial_replicas.min(rules.most_pods);
        let mut pods = Pods::settled(there, start - SETTLED, first_sample, &rules);
        let mut nodes = setup.nodes.as_ref().map(|config| Nodes::new(config, &[workload], start));
        let mut draws = Draws::new(setup.seed);
        if let Some(nodes) = &mut nodes {
            settle_on_nodes(&mut pods, nodes, start, &rules, &mut draws);
        }
        pods.set_apart(&rules, &mut draws);
        let mut traffic = Traffic::new(cluster, &setup.plan, &size);
        let memory = Memory::new(&setup.plan, cluster, size.memory_limit, start);
        traffic.update(asks.cpu, &mut pods, &rules);
        // The steady state before the start, as the first sync sees it.
        let period = setup.controller.sync_period;
        let (working, mut used) = (pods.working().into(), 0);
        for cohort in pods.cohorts_mut().iter_mut().filter(|cohort| cohort.running.is_some()) {
            let rate = traffic.steady_rate(cohort);
            let held = memory.of(cohort, asks.memory, working, start);
            cohort.scraped = Scraped::steady(rate, held, start, &pipeline);
            used += i128::from(rate) * i128::from(cohort.count);
        }
        let before = -used * i128::from(period.seconds() - setup.phase.sync.seconds());
        Self {
            setup,
            hpa: setup.hpa,
            largest,
            values: load.values().to_vec(),
            factors: Vec::new(),
            load,
            size,
            now: start,
            asks,
            numbers: pods.numbers(),
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
            next_scrape: pipeline.first_scrape,
            next_sync: start + setup.phase.sync,
            reconciled_at_once: false,
            resource_outage: start,
            custom_outage: start,
            changed: true,
            to_reconcile: true,
            last_sync: (before, start + setup.phase.sync - period),
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
            let at_once = std::mem::take(&mut self.reconciled_at_once);
            if self.now == self.next_sync || at_once {
                self.sync(record)?;
                self.settle();
            }
            if self.changed {
                self.work_out();
            }
            if self.now >= SimTime::ZERO {
                let numbers = self.numbers_now();
                self.accounts.note_pods(self.now, numbers);
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
        let (now, cluster) = (self.now, &self.setup.cluster);
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
        if !scrape {
            return;
        }
        self.next_scrape = now + cluster.metric_resolution;
        for cohort in self.pods.cohorts_mut() {
            if now < self.resource_outage {
                cohort.scraped.forget();
            } else {
                cohort.scraped.scrape(cohort.running, cluster.metric_resolution);
            }
        }
        self.pods.merge(now, self.setup.controller.cpu_initialization_period, &self.rules);
        if let Some(expected) = self.traffic.expected_requests(cluster.metric_resolution) {
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
            for (value, largest) in self.values.iter_mut().zip(&self.largest) {
                if let Some(largest) = largest {
                    *value = (*value * factor).clamp(-largest, *largest);
                }
            }
        }
        self.asks = asks(&self.setup.plan, &self.size, &self.values);
        self.changed = true;
    }

    fn sync(&mut self, record: &mut dyn FnMut(&SyncRecord<'_>)) -> Result<(), SimError> {
        let now = self.now;
        let replicas = self.controller.replicas;
        let controller = &self.setup.controller;
        let down = (now < self.resource_outage, now < self.custom_outage);
        let missing = self.setup.cluster.missing_samples.get();
        self.observer.observe(now, &self.pods, &self.values, missing, down, &mut self.draws);
        let observation = self.observer.observation(now, replicas, self.numbers.existing);
        decide(self.hpa, controller, &mut self.history, &observation, &mut self.decision);
        if now >= SimTime::ZERO {
            self.accounts.sync(self.setup, self.hpa, now, &self.decision, self.history.current_metrics());
            record(&self.record(replicas));
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
            next = next.min(nodes.next());
        }
        if self.now < SimTime::ZERO {
            next = next.min(SimTime::ZERO);
        }
        next.max(soon)
    }

    /// Lets the pods work while nothing changes.
    fn pass(&mut self, seconds: i64) {
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
                pods: self.numbers.existing,
                passed,
                unschedulable: self.numbers.unschedulable > 0,
                refused: self.numbers.existing < self.controller.replicas && self.pods.is_full(&self.rules),
                nodes: self.nodes.as_ref().map(Nodes::ready),
            },
        );
        self.accounts.backlog(self.traffic.waiting());
    }

    /// The start: work is counted from here, with what waits.
    fn start_counting(&mut self) {
        self.traffic.start_counting();
        self.pods.lost = super::cohort::Lost::default();
    }

    /// The numbers of pods and nodes.
    fn numbers_now(&self) -> PodNumbers {
        PodNumbers { nodes: self.nodes.as_ref().map(Nodes::ready), ..self.numbers }
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

    fn finish(self) -> Summary {
        self.accounts.finish(
            self.setup,
            self.now,
            Ending {
                waiting: self.traffic.waiting(),
                dropped: self.traffic.totals.dropped,
                lost: self.traffic.totals.lost + self.pods.lost.work,
                requests_cut_off: self.pods.lost.requests,
                created: self.pods.created,
                deleted: self.pods.deleted,
                restarts: self.pods.restarts,
                rollouts: self.controller.rollouts,
            },
        )
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
    let random = setup.cluster.balancing == Balancing::Random;
    Rules {
        template: &setup.workload.template,
        config: &setup.cluster,
        min_ready: setup.workload.min_ready,
        outages: setup.events.iter().filter_map(outage).collect(),
        revisions: vec![crate::model::Revision::default()],
        apart: (random && open_loop && setup.plan.requests.is_some())
            || !matches!(setup.cluster.housekeeping_interval, Delay::Fixed(_)),
        startup_bound: bound(setup.cluster.startup, &setup.workload.template),
        ordered: matches!(setup.workload.controller, WorkloadController::StatefulSet { .. }),
        most_pods: setup.neighbours.allowance.as_ref().map_or(MOST_PODS, |allowance| allowance.pods.min(MOST_PODS)),
    }
}

/// The pods at the start get their nodes; those for which there is none wait.
fn settle_on_nodes(pods: &mut Pods, nodes: &mut Nodes<'_>, start: SimTime, rules: &Rules<'_>, draws: &mut Draws) {
    let count = pods.count();
    let places = nodes.schedule(0, count);
    let placed: Replicas = places.iter().map(|place| place.1).sum();
    pods.place(places, placed);
    if placed < count {
        pods.create_at(count - placed, 0, placed, start, rules, draws);
    }
}
