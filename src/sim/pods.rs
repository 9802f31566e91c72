//! The pods of the target, each on its way through its life. Equal pods are one cohort, so that cost does not grow with
//! their number.
//!
//! created, bound to a node, images pulled, init containers in turn, containers started, application up, Ready, in the
//! proxies' tables, warm; restarted by its probes, out of memory or by hand; terminating, gone.

use std::cmp::Reverse;

use super::draw::{Draws, Purpose};
use super::lifecycle::{Lifecycle, NOTICED, back_off, crashes_kept, sidecar_started};
use super::metrics::Scraped;
use super::queue::Queue;
use crate::hpa::{PodGroup, PodPhase, ReadyCondition};
use crate::model::{Balancing, ClusterConfig, Delay, PodTemplate, Revision};
use crate::units::{Replicas, SimTime, Span};

/// Never.
const NEVER: SimTime = SimTime::MAX;

/// Something that init containers wait for is down.
#[derive(Clone, Debug)]
pub(super) struct Outage {
    /// The init container that waits; all if it is not named.
    pub container: Option<String>,
    pub from: SimTime,
    pub until: SimTime,
}

/// What the pods' lives depend on.
#[derive(Clone, Debug)]
pub(super) struct Rules<'a> {
    pub template: &'a PodTemplate,
    pub config: &'a ClusterConfig,
    pub min_ready: Span,
    pub outages: Vec<Outage>,
    /// What is different in each revision of the template.
    pub revisions: Vec<Revision>,
    /// No two pods have the same load: each is a cohort by itself.
    pub apart: bool,
    /// Pods have ordinals: a StatefulSet.
    pub ordered: bool,
}

/// The times that were drawn for a pod.
#[derive(Clone, Debug, Default, PartialEq)]
struct Drawn {
    scheduling: Span,
    image_pull: Span,
    /// Of each init container.
    init: Vec<Span>,
    /// None: the application never comes up.
    startup: Option<Span>,
}

/// When things are going to happen to a pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Milestones {
    bound: SimTime,
    running: SimTime,
    up: SimTime,
    ready: SimTime,
    available: SimTime,
    serving: SimTime,
    warm: SimTime,
    /// A probe restarts it.
    fails: SimTime,
    /// The readiness probe notices that it does not answer.
    unready: SimTime,
    /// Proxies do not send work any more.
    unserved: SimTime,
    /// It takes no new work.
    closed: SimTime,
    /// It has ended, if its work is done.
    gone: SimTime,
    /// It is killed, whatever it has to do.
    killed: SimTime,
    /// The node controller deletes it.
    evicted: SimTime,
}

impl Default for Milestones {
    fn default() -> Self {
        Self {
            bound: NEVER,
            running: NEVER,
            up: NEVER,
            ready: NEVER,
            available: NEVER,
            serving: NEVER,
            warm: NEVER,
            fails: NEVER,
            unready: NEVER,
            unserved: NEVER,
            closed: NEVER,
            gone: NEVER,
            killed: NEVER,
            evicted: NEVER,
        }
    }
}

impl Milestones {
    /// The first that is still to come.
    fn next(&self, now: SimTime) -> SimTime {
        let all = [
            self.bound,
            self.running,
            self.up,
            self.ready,
            self.available,
            self.serving,
            self.warm,
            self.fails,
            self.unready,
            self.unserved,
            self.closed,
            self.gone,
            self.killed,
            self.evicted,
        ];
        all.into_iter().filter(|&at| at > now).min().unwrap_or(NEVER)
    }
}

/// Pods that have lived alike.
#[derive(Clone, Debug)]
pub(super) struct Cohort {
    pub count: Replicas,
    /// The ordinal of the first of them, in a StatefulSet.
    pub first_ordinal: Replicas,
    /// Index into the revisions.
    pub revision: usize,
    created: SimTime,
    /// The earliest milestone, kept so that quiet cohorts cost nothing.
    due: SimTime,
    at: Milestones,
    drawn: Drawn,
    /// `status.startTime`: bound to a node.
    start_time: Option<SimTime>,
    /// There is no node for them.
    pub unschedulable: bool,
    /// When the containers started, if they run.
    pub running: Option<SimTime>,
    /// Whether they have started once: until then the phase is Pending.
    has_run: bool,
    /// The application answers.
    pub up: bool,
    pub ready: bool,
    /// The last transition of the Ready condition.
    ready_since: SimTime,
    /// Ready for minReadySeconds.
    pub available: bool,
    /// Proxies send work.
    pub serving: bool,
    serving_since: SimTime,
    /// It takes the work.
    pub accepting: bool,
    pub warm: bool,
    pub deleted: bool,
    crashes: u32,
    /// How much of the work comes to it, relative to others.
    pub weight: f64,
    /// The part of its even share that it has, as sessions come to it.
    pub sessions: f64,
    /// Work that waits at this pod.
    pub queue: Queue,
    /// Use and work a second, set when something changes.
    pub rate: Rate,
    /// The most memory that its work took since its containers started, bytes.
    pub memory_high: i64,
    pub scraped: Scraped,
    /// When the kubelet samples it next.
    pub next_sample: SimTime,
    /// Where the pods are: nodes by index, and how many there.
    pub nodes: Vec<(usize, Replicas)>,
}

/// What a pod does in a second, as long as nothing changes.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Rate {
    /// Work that comes to it, nanocores; or that it does, where nothing can wait.
    pub arrival: i64,
    /// Work that it can do, nanocores; none is unlimited.
    pub capacity: Option<i64>,
    /// CPU besides the work, nanocores.
    pub idle: i64,
    /// CPU for a unit of work.
    pub cpu_factor: f64,
    /// Requests under way.
    pub in_flight: f64,
}

impl Rate {
    /// The CPU that so much work takes in a second.
    pub fn cpu_of(&self, work: i64) -> i64 {
        if self.cpu_factor == 1.0 { work } else { (work as f64 * self.cpu_factor) as i64 }
    }
}

/// What pods were lost with.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Lost {
    /// Work that waited at them, nanocore-seconds.
    pub work: i128,
    /// Requests that were under way.
    pub requests: f64,
}

/// All pods, in the order of their creation; of a StatefulSet, of their ordinals.
#[derive(Clone, Debug, Default)]
pub(super) struct Pods {
    cohorts: Vec<Cohort>,
    /// The order of a scale down; kept for its memory.
    victims: Vec<usize>,
    pub lost: Lost,
    pub created: u64,
    pub deleted: u64,
    pub restarts: u64,
    /// Places on nodes that have become free.
    pub freed: Vec<(usize, Replicas)>,
}

impl Cohort {
    fn new(count: Replicas, created: SimTime, revision: usize, drawn: Drawn) -> Self {
        Self {
            count,
            first_ordinal: 0,
            revision,
            created,
            due: created,
            at: Milestones { bound: created + drawn.scheduling, ..Milestones::default() },
            drawn,
            start_time: None,
            unschedulable: false,
            running: None,
            has_run: false,
            up: false,
            ready: false,
            ready_since: created,
            available: false,
            serving: false,
            serving_since: created,
            accepting: false,
            warm: true,
            deleted: false,
            crashes: 0,
            weight: 1.0,
            sessions: 1.0,
            queue: Queue::default(),
            rate: Rate::default(),
            memory_high: 0,
            scraped: Scraped::default(),
            next_sample: NEVER,
            nodes: Vec::new(),
        }
    }

    /// A part of them.
    fn split(&mut self, count: Replicas, freed_first: Option<usize>) -> Self {
        let mut part = self.clone();
        part.count = count;
        self.count -= count;
        // The last ordinals go.
        part.first_ordinal = self.first_ordinal + self.count;
        part.nodes.clear();
        let mut left = count;
        let mut take = |node: &mut (usize, Replicas), left: &mut Replicas| {
            let taken = node.1.min(*left);
            if taken > 0 {
                node.1 -= taken;
                *left -= taken;
                part.nodes.push((node.0, taken));
            }
        };
        for node in self.nodes.iter_mut().filter(|node| Some(node.0) == freed_first) {
            take(node, &mut left);
        }
        // Where there are most of them first, as the ReplicaSet controller ranks them.
        self.nodes.sort_by_key(|&(node, pods)| (Reverse(pods), node));
        while left > 0 {
            let Some(fullest) = self.nodes.iter_mut().max_by_key(|node| (node.1, Reverse(node.0))) else { break };
            if fullest.1 == 0 {
                break;
            }
            let mut one = 1.min(left);
            take(fullest, &mut one);
            left -= 1;
        }
        self.nodes.retain(|node| node.1 > 0);
        merge_places(&mut self.nodes);
        merge_places(&mut part.nodes);
        part
    }

    /// The pods as the HPA sees them.
    pub fn group(&self) -> PodGroup {
        PodGroup {
            count: self.count,
            phase: if self.start_time.is_some() && self.has_run { PodPhase::Running } else { PodPhase::Pending },
            start_time: self.start_time,
            ready: self.start_time.map(|_| ReadyCondition { status: self.ready, since: self.ready_since }),
            terminating: self.deleted,
        }
    }

    /// Whether it is one of the pods that the workload controller counts.
    pub fn active(&self) -> bool {
        !self.deleted
    }

    /// Since when proxies send work, if they do.
    pub fn served_since(&self) -> Option<SimTime> {
        self.serving.then_some(self.serving_since)
    }

    /// Whether its load can be told from that of an older pod: it gets and takes work.
    pub fn works(&self) -> bool {
        self.serving && self.accepting
    }

    fn init_done(&self, bound: SimTime, rules: &Rules<'_>) -> SimTime {
        let mut at = bound + self.drawn.image_pull;
        for (container, &takes) in rules.template.init_containers.iter().zip(&self.drawn.init) {
            at += takes;
            let waits = |outage: &&Outage| {
                let named = outage.container.as_ref().is_none_or(|name| *name == container.name);
                !container.sidecar && named && outage.from <= at && at < outage.until
            };
            if let Some(outage) = rules.outages.iter().find(waits) {
                at = outage.until;
            }
        }
        at
    }

    /// The pod is bound to a node.
    pub fn bind(&mut self, now: SimTime, rules: &Rules<'_>) {
        self.at.bound = NEVER;
        self.unschedulable = false;
        self.start_time = Some(now);
        self.ready_since = now;
        self.at.running = self.init_done(now, rules);
        self.due = now;
    }

    /// Lets everything happen whose time has come, in the order of causes. Binding is the scheduler's.
    fn advance(&mut self, now: SimTime, rules: &Rules<'_>) {
        let config = rules.config;
        if self.at.running <= now {
            self.at.running = NEVER;
            self.starts(now, rules);
        }
        if self.at.up <= now {
            self.at.up = NEVER;
            self.up = true;
            self.accepting = !self.deleted;
        }
        if self.at.ready <= now && !self.deleted {
            self.at.ready = NEVER;
            self.ready = true;
            self.ready_since = now;
            self.at.available = now + rules.min_ready;
            self.at.serving = now + config.lifecycle.endpoint_propagation;
        }
        if self.at.available <= now {
            self.at.available = NEVER;
            self.available = true;
        }
        if self.at.serving <= now {
            self.at.serving = NEVER;
            self.serving = true;
            self.serving_since = now;
            if config.consumption.warmup > Span::ZERO {
                self.warm = false;
                self.at.warm = now + config.consumption.warmup;
            }
            if matches!(config.traffic.balancing, Balancing::Sticky { .. }) {
                self.sessions = 0.0;
            }
        }
        if self.at.warm <= now {
            self.at.warm = NEVER;
            self.warm = true;
        }
        if self.at.unready <= now {
            self.at.unready = NEVER;
            self.becomes_unready(now, config.lifecycle.endpoint_propagation);
        }
        if self.at.unserved <= now {
            self.at.unserved = NEVER;
            self.serving = false;
        }
        if self.at.closed <= now {
            self.at.closed = NEVER;
            self.accepting = false;
        }
        self.due = self.at.next(now);
    }

    /// The containers start.
    fn starts(&mut self, now: SimTime, rules: &Rules<'_>) {
        self.running = Some(now);
        self.has_run = true;
        if rules.config.metrics.kubelet_interval != Delay::ZERO {
            self.next_sample = now + NOTICED;
        }
        let lifecycle = Lifecycle::of(rules.template, self.drawn.startup);
        let after = |span: Option<Span>| span.map_or(NEVER, |span| now + span);
        self.at.up = after(self.drawn.startup);
        self.at.ready = after(lifecycle.ready_after);
        self.at.fails = after(lifecycle.fails_after);
    }

    fn becomes_unready(&mut self, now: SimTime, propagation: Span) {
        if self.ready {
            self.ready = false;
            self.ready_since = now;
        }
        self.available = false;
        self.at.ready = NEVER;
        self.at.available = NEVER;
        self.at.serving = NEVER;
        if self.serving {
            self.at.unserved = now + propagation;
        }
    }

    /// What is lost when its containers die: what waits at the pods, and requests under way.
    fn stops(&mut self, now: SimTime) -> Lost {
        let count = self.count;
        let lost = Lost {
            work: self.queue.waiting * i128::from(count),
            requests: if self.up { self.rate.in_flight * f64::from(count) } else { 0.0 },
        };
        self.queue = Queue::default();
        self.running = None;
        self.up = false;
        self.accepting = false;
        self.warm = true;
        self.memory_high = 0;
        self.next_sample = NEVER;
        self.scraped.restarts();
        let keep = self.at;
        self.at = Milestones { unserved: keep.unserved, gone: keep.gone, killed: keep.killed, ..Milestones::default() };
        self.due = now;
        lost
    }

    /// The containers die and are started again after the kubelet's back-off.
    fn restart(&mut self, now: SimTime, propagation: Span) -> Lost {
        let ran = self.running.map_or(Span::ZERO, |since| now - since);
        let lost = self.stops(now);
        self.becomes_unready(now, propagation);
        self.crashes = crashes_kept(self.crashes, ran);
        self.at.running = now + back_off(self.crashes);
        self.crashes += 1;
        lost
    }

    /// The application stops answering: its readiness probe notices, its liveness probe restarts it.
    fn hang(&mut self, now: SimTime, template: &PodTemplate) {
        self.up = false;
        self.accepting = false;
        let noticed = |probe: &crate::model::Probe| {
            now + Span::from_seconds(probe.period.seconds() * i64::from(probe.failure_threshold))
        };
        let first = |of: fn(&crate::model::Container) -> Option<crate::model::Probe>| {
            template.running().filter_map(|container| of(container).as_ref().map(noticed)).min().unwrap_or(NEVER)
        };
        self.at.unready = first(|container| container.readiness_probe);
        self.at.fails = first(|container| container.liveness_probe);
        self.due = now;
    }

    /// Whether it is done: nothing is sent to it any more, and its work is done or its time is over.
    fn is_gone(&self, now: SimTime) -> bool {
        self.deleted
            && !self.serving
            && (self.at.killed <= now || (self.at.gone <= now && (self.queue.waiting == 0 || !self.up)))
    }
}

/// One entry for each node.
fn merge_places(nodes: &mut Vec<(usize, Replicas)>) {
    nodes.sort_by_key(|&(node, _)| node);
    nodes.dedup_by(|later, earlier| {
        let same = later.0 == earlier.0;
        if same {
            earlier.1 += later.1;
        }
        same
    });
}

impl Pods {
    /// Pods that have been serving for long.
    pub fn settled(count: Replicas, since: SimTime, first_sample: SimTime, rules: &Rules<'_>) -> Self {
        let mut pods = Self::default();
        if count == 0 {
            return pods;
        }
        let startup = Some(rules.config.lifecycle.startup.typical());
        let mut cohort = Cohort::new(count, since, 0, Drawn { startup, ..Drawn::default() });
        cohort.at = Milestones::default();
        cohort.due = NEVER;
        cohort.start_time = Some(since);
        cohort.running = Some(since);
        cohort.has_run = true;
        cohort.next_sample = first_sample;
        for flag in [&mut cohort.up, &mut cohort.ready, &mut cohort.available, &mut cohort.serving] {
            *flag = true;
        }
        cohort.accepting = true;
        pods.cohorts.push(cohort);
        pods
    }

    pub fn cohorts(&self) -> &[Cohort] {
        &self.cohorts
    }

    pub fn cohorts_mut(&mut self) -> &mut [Cohort] {
        &mut self.cohorts
    }

    fn sum(&self, counts: impl Fn(&Cohort) -> bool) -> Replicas {
        self.cohorts.iter().filter(|cohort| counts(cohort)).map(|cohort| cohort.count).sum()
    }

    /// How many pods there are, terminating ones apart: `status.replicas`.
    pub fn count(&self) -> Replicas {
        self.sum(Cohort::active)
    }

    /// How many of them are ready.
    pub fn ready(&self) -> Replicas {
        self.sum(|cohort| cohort.active() && cohort.ready)
    }

    /// How many pods get and take work.
    pub fn working(&self) -> Replicas {
        self.sum(Cohort::works)
    }

    /// How many have not started yet.
    pub fn pending(&self) -> Replicas {
        self.sum(|cohort| cohort.active() && !cohort.has_run)
    }

    /// How many wait for a node.
    pub fn unschedulable(&self) -> Replicas {
        self.sum(|cohort| cohort.active() && cohort.unschedulable)
    }

    /// How many are on their way out.
    pub fn terminating(&self) -> Replicas {
        self.sum(|cohort| cohort.deleted)
    }

    /// The pods of a revision: how many, and how many of these are available.
    pub fn of_revision(&self, revision: usize) -> (Replicas, Replicas) {
        let active = |cohort: &Cohort| cohort.active() && cohort.revision == revision;
        (self.sum(active), self.sum(|cohort| active(cohort) && cohort.available))
    }

    /// Creates pods of a revision; pods that draw the same times are one cohort.
    pub fn create(&mut self, count: Replicas, revision: usize, now: SimTime, rules: &Rules<'_>, draws: &mut Draws) {
        self.create_at(count, revision, 0, now, rules, draws);
    }

    /// The same with ordinals from `first_ordinal` on.
    pub fn create_at(
        &mut self,
        count: Replicas,
        revision: usize,
        first_ordinal: Replicas,
        now: SimTime,
        rules: &Rules<'_>,
        draws: &mut Draws,
    ) {
        self.created += u64::from(count.unsigned_abs());
        let from = self.cohorts.len();
        let all_alike = rules.all_alike();
        let mut left = count;
        let mut ordinal = first_ordinal;
        while left > 0 {
            let drawn = rules.draw(revision, draws);
            let weight = match rules.config.traffic.balancing {
                Balancing::Weighted { sigma } => draws.weight(sigma),
                _ => 1.0,
            };
            let number = if all_alike { left } else { 1 };
            let same = |cohort: &&mut Cohort| cohort.drawn == drawn && cohort.weight.to_bits() == weight.to_bits();
            match self.cohorts[from..].last_mut().filter(|cohort| !rules.apart && same(cohort)) {
                Some(cohort) => cohort.count += number,
                None => {
                    let mut cohort = Cohort::new(number, now, revision, drawn);
                    cohort.weight = weight;
                    cohort.first_ordinal = ordinal;
                    self.cohorts.push(cohort);
                }
            }
            left -= number;
            ordinal += number;
        }
    }

    /// Deletes pods of a revision (or of any) in the order of the ReplicaSet controller.
    ///
    /// Mirrors `ActivePodsWithRanks` in `pkg/controller/controller_utils.go`: those without a node first, then pending
    /// ones, then unready ones, then those on nodes with most of them, then the latest to become ready, then those that
    /// restarted most, then the latest created. Upstream compares ages in powers of two and leaves the rest to chance;
    /// here the latest goes.
    pub fn delete(&mut self, mut count: Replicas, revision: Option<usize>, now: SimTime, rules: &Rules<'_>) {
        let mut victims = std::mem::take(&mut self.victims);
        victims.clear();
        victims.extend((0..self.cohorts.len()).filter(|&index| {
            let cohort = &self.cohorts[index];
            cohort.active() && revision.is_none_or(|revision| cohort.revision == revision)
        }));
        let cohorts = &self.cohorts;
        victims.sort_by_key(|&index| {
            let cohort = &cohorts[index];
            let fullest = cohort.nodes.iter().map(|node| node.1).max().unwrap_or(0);
            (
                cohort.start_time.is_some(),
                cohort.has_run,
                cohort.ready,
                Reverse(fullest),
                cohort.ready.then_some(Reverse(cohort.ready_since)),
                Reverse(cohort.crashes),
                Reverse(cohort.created),
            )
        });
        for &index in &victims {
            let deleted = count.min(self.cohorts[index].count);
            if deleted > 0 {
                self.delete_of(index, deleted, None, now, rules);
            }
            count -= deleted;
        }
        self.victims = victims;
        self.cohorts.retain(|cohort| cohort.count > 0);
    }

    /// Deletes the pods with these ordinals.
    pub fn delete_ordinal(&mut self, ordinal: Replicas, now: SimTime, rules: &Rules<'_>) {
        let has = |cohort: &Cohort| {
            cohort.active() && (cohort.first_ordinal..cohort.first_ordinal + cohort.count).contains(&ordinal)
        };
        if let Some(index) = self.cohorts.iter().position(has) {
            // Those after it stay.
            let after = self.cohorts[index].first_ordinal + self.cohorts[index].count - ordinal - 1;
            if after > 0 {
                let rest = self.cohorts[index].split(after, None);
                self.cohorts.insert(index + 1, rest);
            }
            self.delete_of(index, 1, None, now, rules);
        }
        self.cohorts.retain(|cohort| cohort.count > 0);
    }

    /// Deletes some pods of a cohort, those on a node first. A cohort without pods may be left.
    fn delete_of(
        &mut self,
        index: usize,
        count: Replicas,
        node: Option<usize>,
        now: SimTime,
        rules: &Rules<'_>,
    ) {
        self.deleted += u64::from(count.unsigned_abs());
        let mut part = self.cohorts[index].split(count, node);
        if part.running.is_none() {
            // Nothing runs: nothing to wait for.
            self.freed.append(&mut part.nodes);
            return;
        }
        let lifecycle = &rules.config.lifecycle;
        part.deleted = true;
        part.available = false;
        let hook = rules.template.pre_stop();
        let at = &mut part.at;
        at.ready = NEVER;
        at.available = NEVER;
        at.serving = NEVER;
        at.fails = NEVER;
        at.unready = NEVER;
        at.evicted = NEVER;
        if part.serving {
            at.unserved = now + lifecycle.endpoint_propagation;
        }
        // While its preStop hook runs, the application does not know that it is to end.
        at.closed = now + hook;
        at.gone = now + (hook + lifecycle.shutdown).min(rules.template.grace_period);
        at.killed = now + rules.template.grace_period;
        part.due = now;
        part.advance(now, rules);
        if part.is_gone(now) {
            let lost = part.stops(now);
            self.loses(lost);
            self.freed.append(&mut part.nodes);
        } else {
            self.cohorts.push(part);
        }
    }

    fn loses(&mut self, lost: Lost) {
        self.lost.work += lost.work;
        self.lost.requests += lost.requests;
    }

    /// Everything whose time has come happens; says whether anything did. Pods that are to be bound are left to the
    /// scheduler.
    pub fn advance(&mut self, now: SimTime, rules: &Rules<'_>) -> bool {
        let propagation = rules.config.lifecycle.endpoint_propagation;
        let mut changed = false;
        for index in 0..self.cohorts.len() {
            let cohort = &mut self.cohorts[index];
            if cohort.due > now {
                continue;
            }
            changed = true;
            if cohort.at.fails <= now {
                self.restarts += u64::from(cohort.count.unsigned_abs());
                let lost = cohort.restart(now, propagation);
                self.lost.work += lost.work;
                self.lost.requests += lost.requests;
            }
            self.cohorts[index].advance(now, rules);
            if self.cohorts[index].at.evicted <= now {
                let count = self.cohorts[index].count;
                self.delete_of(index, count, None, now, rules);
            }
        }
        changed |= self.reap(now);
        changed
    }

    /// Removes pods that have ended.
    pub fn reap(&mut self, now: SimTime) -> bool {
        let mut lost = Lost::default();
        let freed = &mut self.freed;
        let before = self.cohorts.len();
        self.cohorts.retain_mut(|cohort| {
            let gone = cohort.count == 0 || cohort.is_gone(now);
            if gone && cohort.count > 0 {
                let with_it = cohort.stops(now);
                lost.work += with_it.work;
                // Requests under way end with the pod in time, unless it is killed.
                lost.requests += if cohort.at.gone <= now { 0.0 } else { with_it.requests };
                freed.append(&mut cohort.nodes);
            }
            !gone
        });
        self.loses(lost);
        self.cohorts.len() != before
    }

    /// Kills the containers of so many pods, the latest first.
    pub fn kill(&mut self, count: Replicas, now: SimTime, rules: &Rules<'_>) {
        self.on_running(count, |pods, index| pods.restart_cohort(index, now, rules));
    }

    /// The application in so many pods stops answering.
    pub fn hang(&mut self, count: Replicas, now: SimTime, rules: &Rules<'_>) {
        self.on_running(count, |pods, index| pods.cohorts[index].hang(now, rules.template));
    }

    /// Does something to so many running pods, the latest first.
    fn on_running(&mut self, mut count: Replicas, mut act: impl FnMut(&mut Self, usize)) {
        let mut index = self.cohorts.len();
        while index > 0 && count > 0 {
            index -= 1;
            let cohort = &mut self.cohorts[index];
            if !cohort.active() || cohort.running.is_none() {
                continue;
            }
            let hit = count.min(cohort.count);
            count -= hit;
            if hit < cohort.count {
                let part = cohort.split(hit, None);
                self.cohorts.insert(index + 1, part);
                act(self, index + 1);
            } else {
                act(self, index);
            }
        }
    }

    /// The containers of a cohort die and are started again.
    pub fn restart_cohort(&mut self, index: usize, now: SimTime, rules: &Rules<'_>) {
        let cohort = &mut self.cohorts[index];
        self.restarts += u64::from(cohort.count.unsigned_abs());
        let lost = cohort.restart(now, rules.config.lifecycle.endpoint_propagation);
        cohort.advance(now, rules);
        self.loses(lost);
    }

    /// The pods on a node are dead; the node controller marks them after `noticed` and deletes them after `evicted`.
    pub fn lose_node(&mut self, node: usize, now: SimTime, noticed: Span, evicted: Span) {
        let mut index = 0;
        while index < self.cohorts.len() {
            let there: Replicas = self.cohorts[index].nodes.iter().filter(|n| n.0 == node).map(|n| n.1).sum();
            if there == 0 {
                index += 1;
                continue;
            }
            let hit = if there < self.cohorts[index].count {
                let part = self.cohorts[index].split(there, Some(node));
                self.cohorts.insert(index + 1, part);
                index + 1
            } else {
                index
            };
            let cohort = &mut self.cohorts[hit];
            cohort.nodes.clear();
            let lost = cohort.stops(now);
            cohort.at.unready = now + noticed;
            cohort.at.evicted = now + noticed + evicted;
            // A pod that was terminating there is gone.
            cohort.at.gone = if cohort.deleted { now } else { NEVER };
            self.loses(lost);
            index = hit + 1;
        }
        self.cohorts.retain(|cohort| cohort.count > 0);
    }

    /// Evicts the pods on a node: they are deleted, and the workload's controller makes others.
    pub fn evict(&mut self, node: usize, now: SimTime, rules: &Rules<'_>) {
        for index in 0..self.cohorts.len() {
            let cohort = &self.cohorts[index];
            let there: Replicas = cohort.nodes.iter().filter(|n| n.0 == node).map(|n| n.1).sum();
            if cohort.active() && there > 0 {
                self.delete_of(index, there, Some(node), now, rules);
            }
        }
        self.cohorts.retain(|cohort| cohort.count > 0);
    }

    /// The last cohort that is to be bound to a node now, by index. Those that wait for a node are tried again only if
    /// there is room, and if `retry` says so.
    pub fn last_unbound(&self, now: SimTime, retry: bool) -> Option<usize> {
        let waits = |cohort: &Cohort| cohort.active() && (cohort.at.bound <= now || (retry && cohort.unschedulable));
        self.cohorts.iter().rposition(waits)
    }

    /// Binds the pods of a cohort to nodes, as many as there are places; the rest waits. Without nodes there is always
    /// room.
    pub fn bind(
        &mut self,
        index: usize,
        mut places: Vec<(usize, Replicas)>,
        anywhere: bool,
        now: SimTime,
        rules: &Rules<'_>,
    ) {
        let placed: Replicas = places.iter().map(|place| place.1).sum();
        let cohort = &mut self.cohorts[index];
        cohort.at.bound = NEVER;
        if !anywhere && placed < cohort.count {
            cohort.unschedulable = true;
            cohort.due = cohort.at.next(now);
            if placed == 0 {
                return;
            }
            let mut rest = cohort.clone();
            rest.count -= placed;
            rest.first_ordinal += placed;
            cohort.count = placed;
            self.cohorts.insert(index + 1, rest);
        }
        merge_places(&mut places);
        let cohort = &mut self.cohorts[index];
        cohort.nodes = places;
        cohort.bind(now, rules);
        cohort.advance(now, rules);
    }

    /// Settled pods get their places; there may be fewer than pods.
    pub fn place(&mut self, places: Vec<(usize, Replicas)>, placed: Replicas) {
        if let Some(cohort) = self.cohorts.first_mut() {
            cohort.count = placed;
            cohort.nodes = places;
            merge_places(&mut cohort.nodes);
        }
        self.cohorts.retain(|cohort| cohort.count > 0);
    }

    /// Settled pods that do not have the same load are cohorts by themselves.
    pub fn set_apart(&mut self, rules: &Rules<'_>, draws: &mut Draws) {
        let sigma = match rules.config.traffic.balancing {
            Balancing::Weighted { sigma } => Some(sigma),
            _ if rules.apart => None,
            _ => return,
        };
        let mut all = Vec::new();
        for mut cohort in std::mem::take(&mut self.cohorts) {
            while cohort.count > 0 {
                let mut one = cohort.split(1, None);
                if let interval @ (Delay::Uniform { .. } | Delay::Exponential { .. } | Delay::Lognormal { .. }) =
                    rules.config.metrics.kubelet_interval
                {
                    // Its first sample is anywhere within an interval.
                    let late = draws.delay(Purpose::Housekeeping, Delay::Uniform { low: Span::ZERO, high: interval.typical() });
                    one.next_sample = one.next_sample + late;
                }
                one.weight = sigma.map_or(1.0, |sigma| draws.weight(sigma));
                all.push(one);
            }
        }
        self.cohorts = all;
        if rules.ordered {
            self.sort_by_ordinal();
        }
    }

    /// When something happens to a pod next; [`SimTime::MAX`] if nothing does.
    pub fn next(&self) -> SimTime {
        self.cohorts.iter().map(|cohort| cohort.due.min(cohort.next_sample)).min().unwrap_or(NEVER)
    }

    /// Joins cohorts that neither the load nor the HPA can tell apart any more: serving, past the CPU initialization
    /// period, and with the same samples.
    pub fn merge(&mut self, now: SimTime, cpu_initialization_period: Span, rules: &Rules<'_>) {
        if rules.apart || self.cohorts.len() < 2 {
            return;
        }
        let settled = |cohort: &Cohort| {
            cohort.due == NEVER
                && cohort.works()
                && cohort.available
                && cohort.at == Milestones::default()
                && cohort.created + cpu_initialization_period <= now
        };
        self.cohorts.dedup_by(|later, earlier| {
            let same = settled(later)
                && settled(earlier)
                && later.scraped == earlier.scraped
                && later.next_sample == earlier.next_sample
                && later.revision == earlier.revision
                && later.rate == earlier.rate
                && later.queue == earlier.queue
                && later.sessions.to_bits() == earlier.sessions.to_bits()
                && later.memory_high == earlier.memory_high
                && later.weight.to_bits() == earlier.weight.to_bits()
                && (!rules.ordered || later.first_ordinal == earlier.first_ordinal + earlier.count);
            if same {
                earlier.count += later.count;
                earlier.nodes.append(&mut later.nodes);
                merge_places(&mut earlier.nodes);
            }
            same
        });
    }

    /// Puts the cohorts in the order of their ordinals.
    pub fn sort_by_ordinal(&mut self) {
        self.cohorts.sort_by_key(|cohort| (cohort.first_ordinal, cohort.deleted));
    }
}

impl Rules<'_> {
    /// Draws the times of a pod.
    fn draw(&self, revision: usize, draws: &mut Draws) -> Drawn {
        let config = &self.config.lifecycle;
        let revision = &self.revisions[revision];
        let init = self.template.init_containers.iter().map(|container| {
            if container.sidecar { sidecar_started(container) } else { draws.delay(Purpose::Init, config.init) }
        });
        Drawn {
            init: init.collect(),
            scheduling: draws.delay(Purpose::Scheduling, config.scheduling),
            image_pull: draws.delay(Purpose::ImagePull, revision.image_pull.unwrap_or(config.image_pull)),
            startup: match revision.broken {
                true => None,
                false => Some(draws.delay(Purpose::Startup, revision.startup.unwrap_or(config.startup))),
            },
        }
    }

    /// Whether pods that are created together live alike.
    fn all_alike(&self) -> bool {
        let config = &self.config.lifecycle;
        let fixed = |delay: &Delay| matches!(delay, Delay::Fixed(_));
        let revisions = self.revisions.iter().flat_map(|revision| revision.startup.iter().chain(&revision.image_pull));
        let mut all =
            [&config.scheduling, &config.image_pull, &config.init, &config.startup].into_iter().chain(revisions);
        all.all(fixed)
            && !matches!(self.config.traffic.balancing, Balancing::Weighted { .. })
            && !self.apart
    }
}
