//! One target: its load, its pods, their use, its metrics, its HPA. What it does by itself; the world makes it wait for nodes.

mod calls;
mod census;
mod clients;
mod coast;
mod cohort;
mod controller;
mod counters;
mod exports;
mod latency;
mod lifecycle;
mod load;
mod memory;
mod merge;
mod metrics;
mod milestones;
mod observe;
mod on_nodes;
mod places;
mod pods;
mod probes;
mod probing;
mod queue;
mod rate;
mod rules;
mod sampling;
mod steps;
mod traffic;
mod usage;
mod victims;

use census::Outlook;
pub use controller::Rollout;
pub(in crate::sim) use latency::Moments;
pub use lifecycle::{Lifecycle, Patience, typical_startup};
use rate::Lost;
pub(in crate::sim) use traffic::Passed;

use crate::hpa::{Decision, History, Verdict, coast, decide, decide_again, keeps_its_proposal};
use crate::model::{
    Action, Balancing, Column, Delay, Drive, HpaSpec, LoadSource, MOST_PODS, MetricSource, MetricsApi, Target, Which,
    WorkloadController,
};
use crate::sim::draw::Draws;
use crate::sim::record::{Accounts, Ending, Occurrence, Passing, Summary};
use crate::sim::{Listener, PodNumbers, ReadyNodes, ResourceState, SimError, SyncRecord, Turnover, World};
use crate::units::{Bytes, Nanocores, Replicas, SimTime, Span, Work};
use controller::{Controller, same_again};
use counters::Scraping;
use exports::Exports;
use lifecycle::bound;
use load::LoadCursor;
use memory::Memory;
use metrics::{Pipeline, Scraped};
use observe::Observer;
use pods::Pods;
use probes::{Asking, Watch};
use rules::{Outage, Rules};
use sampling::{SampleTimes, Sampling};
use traffic::Traffic;
use usage::{Ask, Asks, Crowd, PodSize, asks};

/// Pods of this age have been measured for long.
const MEASURED: Span = Span::from_seconds(60);

/// A target while it is simulated.
pub(super) struct TargetState<'a> {
    /// Its index in the setup.
    pub index: usize,
    world: &'a World<'a>,
    target: &'a Target<'a>,
    /// The most pods that quotas and limit ranges let it have, those that it shares with other targets left aside.
    allowed: Replicas,
    hpa: &'a HpaSpec,
    rules: Rules<'a>,
    load: LoadCursor<'a>,
    /// The largest value of each column; none for those that a load factor does not change.
    largest: Vec<Option<f64>>,
    /// The load's values, times the load factors, with the calls of other targets.
    values: Vec<f64>,
    factors: Vec<(f64, SimTime)>,
    /// Requests per second from other targets, and the column that they are added to.
    called: f64,
    rps_column: Option<usize>,
    /// The time that its own calls take, as it learns it next.
    heard: Option<Moments>,
    size: PodSize,
    /// Up to when it has been simulated.
    now: SimTime,
    asks: Asks,
    pods: Pods,
    controller: Controller<'a>,
    traffic: Traffic<'a>,
    memory: Memory,
    draws: Draws,
    observer: Observer,
    history: History,
    decision: Decision,
    accounts: Accounts,
    sampling: Sampling,
    times: SampleTimes,
    /// See [`Outlook`]; none if pods have changed.
    outlook: Option<Outlook>,
    next_sync: SimTime,
    /// Probes whose answers may come too late.
    watch: Watch,
    /// The HPA has changed: there is a sync besides.
    reconciled_at_once: bool,
    /// Until when the metrics APIs fail.
    resource_outage: SimTime,
    custom_outage: SimTime,
    /// How many pods there are, as of the last change.
    numbers: PodNumbers,
    /// Nodes that are ready, if nodes are simulated.
    ready_nodes: Option<ReadyNodes>,
    /// Pods, load or limits have changed: what pods do has to be worked out again.
    changed: bool,
    /// Pods have: they have to be counted again.
    pods_changed: bool,
    /// What the HPA sees has changed since its last sync, and which APIs did not answer then.
    unseen: bool,
    down: (bool, bool),
    /// The workload's controller has something to look at.
    to_reconcile: bool,
    /// Seconds up to now that were like the one before them and are not added up yet.
    owed: i64,
    /// How often groups of pods were looked at.
    looks: u64,
    /// CPU used at the last sync, and its time.
    last_sync: (i128, SimTime),
    /// What exporters say, if that is to be kept.
    exports: Option<Box<Exports>>,
}

impl<'a> TargetState<'a> {
    /// In a steady state under the load of the first row; `place` finds nodes for its pods, where nodes are simulated.
    pub fn new(
        world: &'a World<'a>,
        target: &'a Target<'a>,
        (index, is_chained): (usize, bool),
        most_pods: Replicas,
        load: &'a mut dyn LoadSource,
        place: &mut dyn FnMut(Replicas) -> Option<Vec<(usize, Replicas)>>,
    ) -> Result<Self, SimError> {
        let rps_column = load.columns().iter().position(|column| *column == Column::Rps);
        let largest = load.columns().iter().map(largest).collect();
        let load = LoadCursor::start(load, target.interpolation)?.ok_or(SimError::NoLoad)?;
        let (workload, cluster) = (target.workload, &target.cluster);
        let size = PodSize::of(&workload.template);
        let asks = asks(&target.drives, &size, load.values());
        let start = SimTime::ZERO - world.lead_in;
        let mut rules = rules(world, target, index);
        let allowed = rules.most_pods;
        rules.most_pods = allowed.min(most_pods);
        let pipeline = Pipeline::of(target, start);
        let sampled = cluster.housekeeping_interval != Delay::ZERO;
        let first_sample = if sampled { pipeline.first_sample } else { SimTime::MAX };
        let there = target.initial_replicas.min(rules.most_pods);
        let mut draws = Draws::new(world.seed, index);
        let settled = Pods::settled(there, start - cluster.pods_age, first_sample, &rules);
        let pods = settle_on_nodes(settled, place(there), start, &rules, &mut draws);
        let traffic = Traffic::new(cluster, &target.drives, &size, is_chained);
        let memory = Memory::new(&target.drives, cluster, size.memory_limit, start);
        let mut state = Self {
            index,
            world,
            target,
            allowed,
            hpa: target.hpa,
            largest,
            values: load.values().to_vec(),
            factors: Vec::new(),
            called: 0.0,
            rps_column,
            heard: None,
            load,
            size,
            now: start,
            asks,
            numbers: pods.census().numbers,
            ready_nodes: None,
            pods,
            controller: Controller::new(workload, target.initial_replicas, start),
            traffic,
            memory,
            draws,
            observer: Observer::new(world, target),
            history: History::default(),
            decision: Decision::default(),
            accounts: Accounts::new(target.hpa.metrics.len(), world.keep_pod_numbers),
            sampling: Sampling::new(target, start, pipeline.first_scrape),
            times: SampleTimes::default(),
            outlook: None,
            next_sync: start + target.phase.sync,
            watch: Watch::default(),
            reconciled_at_once: false,
            resource_outage: start,
            custom_outage: start,
            changed: true,
            pods_changed: true,
            unseen: true,
            down: (false, false),
            to_reconcile: true,
            owed: 0,
            looks: 0,
            last_sync: (0, start + target.phase.sync - world.controller.sync_period),
            exports: Exports::new(world),
            rules,
        };
        state.begin_steady();
        Ok(state)
    }

    /// The steady state before the start, as the first sync sees it.
    fn begin_steady(&mut self) {
        self.traffic.is_counted = self.observer.counts();
        self.traffic.crowd = Crowd::of(&self.target.drives.clients, &self.values);
        self.traffic.update_capacity(&mut self.pods, &self.rules);
        self.update_use();
        let (start, period) = (self.now, self.world.controller.sync_period);
        let pipeline = Pipeline::of(self.target, start);
        let mut used = 0;
        for cohort in self.pods.cohorts_mut().iter_mut().filter(|cohort| cohort.running.is_some()) {
            let rate = self.traffic.steady_rate(cohort);
            let held = self.memory.of(cohort, start);
            if self.target.cluster.pods_age >= MEASURED {
                (cohort.life.scraped, cohort.cpu_since) = Scraped::steady(rate, held, start, &pipeline);
            }
            used += i128::from(rate) * i128::from(cohort.count);
        }
        self.begin_counters(start);
        self.last_sync.0 = -used * i128::from(period.seconds() - self.target.phase.sync.seconds());
    }

    /// Something happens to it.
    pub fn act(&mut self, action: &'a Action) {
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
            Action::KillPods(pods, which) => {
                let picks = self.pods.picks(*pods, *which, &mut self.draws);
                self.pods.kill(&picks, now, &self.rules);
            }
            Action::RestartContainers { pods, which, after } => {
                let picks = self.pods.picks(*pods, *which, &mut self.draws);
                self.pods.restart_containers(&picks, now, *after, &self.rules);
            }
            Action::HangPods(pods) => {
                let picks = self.pods.picks(*pods, Which::Newest, &mut self.draws);
                self.pods.hang(&picks, now, &self.rules);
            }
            Action::MetricsOutage { which, lasts } => {
                let until = now + *lasts;
                if *which != MetricsApi::Custom {
                    self.resource_outage = self.resource_outage.max(until);
                    for cohort in self.pods.cohorts_mut() {
                        cohort.life.scraped.forget();
                    }
                }
                if *which != MetricsApi::Resource {
                    self.custom_outage = self.custom_outage.max(until);
                }
            }
            // Known from the start: see `rules`. Nodes are the world's.
            Action::DependencyDown { .. } | Action::LoseNodes(_) => {}
            Action::ChangeHpa(hpa) => {
                self.hpa = hpa;
                // From 1.37 on a changed HPA is reconciled at once (kubernetes/kubernetes#138294), besides the syncs.
                self.reconciled_at_once = self.world.controller.version.at_least(37);
            }
            Action::LoadFactor { factor, lasts } => {
                self.factors.push((*factor, lasts.map_or(SimTime::MAX, |lasts| now + lasts)));
                self.take_values();
            }
        }
        self.pods_change();
    }

    /// Pods come, go or change: it has to be looked at all of them again.
    fn pods_change(&mut self) {
        self.to_reconcile = true;
        self.note_pods_changed();
    }

    /// They have come, gone or changed.
    fn note_pods_changed(&mut self) {
        (self.changed, self.pods_changed, self.unseen, self.outlook) = (true, true, true, None);
        self.sampling.next_sample = None;
        self.observer.note_pods_changed();
    }

    fn roll_out(&mut self, revision: crate::model::Revision) {
        self.rules.revisions.push(revision);
        self.controller.roll_out(self.rules.revisions.len() - 1, self.now);
    }

    /// What is known at the end.
    pub fn finish(self) -> Summary {
        self.accounts.finish(
            self.target.workload,
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
                current_metrics: self.history.current_metrics().to_vec(),
                looks: self.looks,
                exported: self.exports.map(|exports| exports.finish()),
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

/// The largest value of a column, if load factors change it.
fn largest(column: &Column) -> Option<f64> {
    (*column != Column::Replicas).then(|| column.largest())
}

/// What the pods' lives depend on.
fn rules<'a>(world: &'a World<'a>, target: &'a Target<'a>, index: usize) -> Rules<'a> {
    let events = world.events.iter().filter(|event| event.target == index);
    let outage = |event: &crate::model::ScheduledEvent| match &event.action {
        Action::DependencyDown { init_container, lasts } => {
            Some(Outage { container: init_container.clone(), from: event.at, until: event.at + *lasts })
        }
        _ => None,
    };
    let open_loop = matches!(target.drives.cpu, Drive::Demand { .. } | Drive::Recorded { .. });
    let random = target.cluster.balancing == Balancing::Random;
    let scraping = scraping(target);
    let probes = Asking::all(&target.workload.template, &target.cluster);
    Rules {
        template: &target.workload.template,
        config: &target.cluster,
        min_ready: target.workload.min_ready,
        outages: events.filter_map(outage).collect(),
        revisions: vec![crate::model::Revision::default()],
        one_cohort_each: (random && open_loop && target.drives.requests.is_some())
            || !matches!(target.cluster.housekeeping_interval, Delay::Fixed(_))
            || scraping.is_some()
            || !probes.is_empty()
            || world.export.is_some(),
        scraping,
        probes,
        startup_bound: bound(target.cluster.startup, &target.workload.template),
        ordered: matches!(target.workload.controller, WorkloadController::StatefulSet { .. }),
        most_pods: target.neighbours.allowance.as_ref().map_or(MOST_PODS, |allowance| allowance.pods.min(MOST_PODS)),
    }
}

/// How Prometheus scrapes, if a metric of the HPA is read so.
fn scraping(target: &Target<'_>) -> Option<Scraping> {
    let cluster = &target.cluster;
    let has_pods = target.hpa.metrics.iter().any(|metric| matches!(metric, MetricSource::Pods { .. }));
    (cluster.scrape_interval > Span::ZERO && has_pods).then_some(Scraping {
        interval: cluster.scrape_interval,
        window: cluster.rate_window,
        kept: cluster.adapter_interval,
    })
}

/// The pods at the start get their nodes, where nodes are simulated; those for which there is none wait.
fn settle_on_nodes(
    mut pods: Pods,
    places: Option<Vec<(usize, Replicas)>>,
    start: SimTime,
    rules: &Rules<'_>,
    draws: &mut Draws,
) -> Pods {
    if let Some(places) = places {
        let count = pods.count();
        let placed: Replicas = places.iter().map(|place| place.1).sum();
        pods.place(places, placed);
        if placed < count {
            pods.create_at(count - placed, 0, placed, start, rules, draws);
        }
    }
    pods.set_apart(start, rules, draws);
    pods
}
