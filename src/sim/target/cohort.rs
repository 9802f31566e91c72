//! The life of a pod. Equal pods are one cohort, so that cost does not grow with their number.
//!
//! created, bound to a node, images pulled, init containers in turn, containers started, application up, Ready, in the
//! proxies' tables, warm; restarted by its probes, out of memory or by hand; terminating, gone.
//!
//! Mirrors the kubelet (`SyncPod` and `killPod` in `pkg/kubelet/kuberuntime/kuberuntime_manager.go` and
//! `kuberuntime_container.go`, the probers in `pkg/kubelet/prober`), and what EndpointSlices and kube-proxy make of a pod
//! that becomes ready or ends (`pkg/controller/endpointslice`, `pkg/proxy`).

use std::cmp::Reverse;

use super::lifecycle::{Lifecycle, Stop, back_off, crashes_kept};
use super::metrics::Scraped;
use super::milestones::{Milestones, NEVER};
use super::queue::Queue;
use super::rules::{Drawn, Outage, Rules};
use crate::hpa::{PodGroup, PodPhase, ReadyCondition};
use crate::model::{Balancing, Delay, PodTemplate};
use crate::units::{Replicas, SimTime, Span};

/// Pods that have lived alike. Where thousands of them differ what is looked at in each second stands in the first two lines of the
/// processor's caches, and what is sampled after that.
#[derive(Clone, Debug)]
#[repr(C, align(64))]
pub(super) struct Cohort {
    /// The earliest milestone, kept so that quiet cohorts cost nothing.
    pub(super) due: SimTime,
    /// When the kubelet samples it next.
    pub next_sample: SimTime,
    /// When the containers started, if they run.
    pub running: Option<SimTime>,
    /// How much of the work comes to it, relative to others.
    pub weight: f64,
    /// The part of its even share that it has, as sessions come to it.
    pub sessions: f64,
    pub count: Replicas,
    /// There is no node for them.
    pub unschedulable: bool,
    /// Whether they have started once: until then the phase is Pending.
    pub(super) has_run: bool,
    /// The application answers.
    pub up: bool,
    pub ready: bool,
    /// Ready for minReadySeconds.
    pub available: bool,
    /// Proxies send work.
    pub serving: bool,
    /// It takes the work.
    pub accepting: bool,
    pub warm: bool,
    pub deleted: bool,
    /// Use and work a second, set when something changes.
    pub rate: Rate,
    /// Index into the revisions.
    pub revision: usize,
    pub(super) at: Milestones,
    /// The memory of each pod, bytes, what it grows by left aside.
    pub memory: i64,
    /// The most that it was since its containers started, where it is not given back.
    pub memory_high: i64,
    pub scraped: Scraped,
    /// The ordinal of the first of them, in a StatefulSet.
    pub first_ordinal: Replicas,
    pub(super) created: SimTime,
    pub(super) drawn: Drawn,
    /// How its containers are stopped when `at.fails` comes.
    pub(super) stop: Stop,
    /// `status.startTime`: bound to a node.
    pub(super) start_time: Option<SimTime>,
    /// The last transition of the Ready condition.
    pub(super) ready_since: SimTime,
    pub(super) serving_since: SimTime,
    pub(super) crashes: u32,
    /// Work that waits at this pod.
    pub queue: Queue,
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
    /// CPU in all as long as nothing waits, nanocores.
    pub cpu: i64,
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

impl Cohort {
    /// Whether samples say of it what the last one says, as long as it goes on as it has `since` then.
    pub fn is_steady(&self, since: SimTime, resolution: Span) -> bool {
        let uses = (self.rate.cpu, self.memory);
        self.running.is_some_and(|started| self.scraped.is_steady(uses, (since, started), resolution))
    }

    pub(super) fn new(count: Replicas, created: SimTime, revision: usize, drawn: Drawn) -> Self {
        Self {
            count,
            first_ordinal: 0,
            revision,
            created,
            due: created,
            at: Milestones { bound: created + drawn.scheduling, ..Milestones::default() },
            drawn,
            stop: Stop::default(),
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
            memory: 0,
            memory_high: 0,
            scraped: Scraped::default(),
            next_sample: NEVER,
            nodes: Vec::new(),
        }
    }

    /// A part of them: those at these places (nodes, and how many there), then others.
    pub(super) fn split(&mut self, count: Replicas, places: &[(usize, Replicas)]) -> Self {
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
        for &(place, wanted) in places {
            for node in self.nodes.iter_mut().filter(|node| node.0 == place) {
                let mut wanted = wanted.min(left);
                left -= wanted;
                take(node, &mut wanted);
                left += wanted;
            }
        }
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
    pub(super) fn advance(&mut self, now: SimTime, rules: &Rules<'_>) {
        let config = rules.config;
        if self.at.running <= now {
            self.at.running = NEVER;
            self.starts(now, rules);
        }
        if self.at.up <= now {
            self.at.up = NEVER;
            self.up = true;
            // Until its preStop hook is over it does not know that it is to end.
            self.accepting = !self.stopping() || self.at.closed != NEVER;
        }
        if self.at.ready <= now && !self.deleted {
            self.at.ready = NEVER;
            self.ready = true;
            self.ready_since = now;
            self.at.available = now + rules.min_ready;
            self.at.serving = now + config.endpoint_propagation;
        }
        if self.at.available <= now {
            self.at.available = NEVER;
            self.available = true;
        }
        if self.at.serving <= now {
            self.at.serving = NEVER;
            self.serving = true;
            self.serving_since = now;
            if config.warmup > Span::ZERO {
                self.warm = false;
                self.at.warm = now + config.warmup;
            }
            if matches!(config.balancing, Balancing::Sticky { .. }) {
                self.sessions = 0.0;
            }
        }
        if self.at.warm <= now {
            self.at.warm = NEVER;
            self.warm = true;
        }
        if self.at.unready <= now {
            self.at.unready = NEVER;
            self.becomes_unready(now, config.endpoint_propagation);
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
        if rules.config.housekeeping_interval != Delay::ZERO {
            self.scraped.kubelet_samples(now, 0, now, rules.config.metric_resolution);
            self.next_sample = now + rules.config.housekeeping_interval.typical().max(Span::from_seconds(1));
        }
        let lifecycle = Lifecycle::of(rules.template, self.drawn.startup);
        let after = |span: Option<Span>| span.map_or(NEVER, |span| now + span);
        self.at.up = after(self.drawn.startup);
        self.at.ready = after(lifecycle.ready_after);
        self.at.fails = after(lifecycle.fails.map(|fails| fails.after));
        self.stop = lifecycle.fails.map(|fails| fails.stop).unwrap_or_default();
    }

    pub(super) fn becomes_unready(&mut self, now: SimTime, propagation: Span) {
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
    pub(super) fn stops(&mut self, now: SimTime) -> Lost {
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

    /// The kubelet stops the containers. While a preStop hook runs, the application does not know that it is to end.
    pub(super) fn begins_to_stop(&mut self, now: SimTime, stop: Stop, shutdown: Span) {
        self.at.fails = NEVER;
        self.at.closed = now + stop.hook;
        self.at.gone = now + stop.hook + shutdown;
        self.at.killed = now + stop.grace;
        self.due = now;
    }

    /// Whether its containers have been told to end.
    pub(super) fn stopping(&self) -> bool {
        self.deleted || self.at.gone != NEVER
    }

    /// Whether containers that are to end have ended: their work is done, or their time is over.
    fn stopped(&self, now: SimTime) -> bool {
        self.at.killed <= now || (self.at.gone <= now && (self.queue.waiting == 0 || !self.up))
    }

    /// Whether its containers have ended and are to be started again.
    pub(super) fn restarts(&self, now: SimTime) -> bool {
        !self.deleted && self.stopping() && self.stopped(now)
    }

    /// What is lost with containers that have been told to end: requests under way only if they were killed.
    pub(super) fn ends(&mut self, now: SimTime) -> Lost {
        let in_time = self.at.gone <= now;
        let lost = self.stops(now);
        if in_time { Lost { requests: 0.0, ..lost } } else { lost }
    }

    /// The containers have died, with what was lost, and are started again after the kubelet's back-off, unless the pod is
    /// terminating.
    pub(super) fn restart(&mut self, now: SimTime, propagation: Span) -> Lost {
        let ran = self.running.map_or(Span::ZERO, |since| now - since);
        let lost = if self.stopping() { self.ends(now) } else { self.stops(now) };
        if self.deleted {
            self.at.gone = now;
            return lost;
        }
        (self.at.gone, self.at.killed) = (NEVER, NEVER);
        self.becomes_unready(now, propagation);
        self.crashes = crashes_kept(self.crashes, ran);
        self.at.running = now + back_off(self.crashes);
        self.crashes += 1;
        lost
    }

    /// The application stops answering: its readiness probe notices, its liveness probe restarts it.
    pub(super) fn hang(&mut self, now: SimTime, template: &PodTemplate) {
        self.up = false;
        self.accepting = false;
        let noticed = |probe: &crate::model::Probe| {
            now + Span::from_seconds(probe.period.seconds() * i64::from(probe.failure_threshold))
        };
        let readiness =
            template.running().filter_map(|container| container.readiness_probe.as_ref().map(noticed)).min();
        self.at.unready = readiness.unwrap_or(NEVER);
        self.due = now;
        if self.stopping() {
            // A probe restarts it already.
            return;
        }
        let liveness = template.running().filter_map(|container| {
            let probe = container.liveness_probe.as_ref()?;
            Some((noticed(probe), Stop::of_container(template, container, probe)))
        });
        (self.at.fails, self.stop) = liveness.min_by_key(|failure| failure.0).unwrap_or((NEVER, Stop::default()));
    }

    /// Whether it is done: nothing is sent to it any more, and its work is done or its time is over.
    pub(super) fn is_gone(&self, now: SimTime) -> bool {
        self.deleted && !self.serving && self.stopped(now)
    }
}

/// One entry for each node.
pub(super) fn merge_places(nodes: &mut Vec<(usize, Replicas)>) {
    nodes.sort_by_key(|&(node, _)| node);
    nodes.dedup_by(|later, earlier| {
        let same = later.0 == earlier.0;
        if same {
            earlier.1 += later.1;
        }
        same
    });
}
