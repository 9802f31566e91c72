//! The life of a pod. Equal pods are one cohort, so that cost does not grow with their number.
//!
//! created, bound to a node, images pulled, init containers in turn, containers started, application up, Ready, in the
//! proxies' tables, warm; restarted by its probes, out of memory or by hand; terminating, gone.
//!
//! Mirrors the kubelet (`SyncPod` and `killPod` in `pkg/kubelet/kuberuntime/kuberuntime_manager.go` and
//! `kuberuntime_container.go`, the probers in `pkg/kubelet/prober`), and what EndpointSlices and kube-proxy make of a pod
//! that becomes ready or ends (`pkg/controller/endpointslice`, `pkg/proxy`).

use std::cmp::Reverse;

use super::counters::Counter;
use super::lifecycle::{Lifecycle, Stop, back_off, crashes_kept};
use super::metrics::Scraped;
use super::milestones::{Milestones, NEVER};
use super::places::merge_places;
use super::probes::Asked;
use super::queue::Queue;
use super::rate::{Lost, Rate};
use super::rules::{Drawn, Outage, Rules};
use crate::hpa::{PodGroup, PodPhase, ReadyCondition};
use crate::model::{Balancing, Delay, PodTemplate};
use crate::units::{Replicas, SimTime, Span};

/// Pods that have lived alike. Where thousands of them differ, all are looked at in each second: what is seen then stands here, what is
/// seen now and then, apart.
#[derive(Clone, Debug)]
pub(super) struct Cohort {
    /// The earliest milestone, kept so that quiet cohorts cost nothing.
    pub(super) due: SimTime,
    /// When the kubelet samples it next, and the CPU of each since it did so last, nanocore-seconds.
    pub next_sample: SimTime,
    pub cpu_since: i64,
    /// When the containers started, if they run.
    pub running: Option<SimTime>,
    /// How much of the work comes to it, relative to others; where sessions are sticky, the part of its even share that has come.
    pub weight: f64,
    pub count: Replicas,
    /// It is to be bound at `at.bound`.
    pub(super) to_bind: bool,
    /// Its containers are to end at `at.gone`.
    pub(super) to_end: bool,
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
    /// The memory of each pod, bytes, what it grows by left aside.
    pub memory: i64,
    pub life: Box<Life>,
}

/// What is known of pods besides.
#[derive(Clone, Debug)]
pub(super) struct Life {
    pub(super) at: Milestones,
    /// The most memory that each had since its containers started, bytes, where it is not given back.
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
    /// What is counted of it, for each metric that is read so, and the work of the stretch that is added up with the CPU
    /// that it used, nanocore-seconds.
    pub counters: Vec<Counter>,
    pub worked: (i64, i64),
    /// Since when it answers, and when in its interval Prometheus scrapes it.
    pub up_since: SimTime,
    pub scraped_at: Span,
    /// Which pod it is for those who read exporters, from one on, and how often it was started again, or killed for its memory.
    pub number: usize,
    pub restarts: u32,
    pub oom_kills: u32,
    /// What is known of its probes, where their answers may come too late; and whether it has served since its containers started.
    pub(super) probed: Vec<Asked>,
    has_served: bool,
    /// Where the pods are: nodes by index, and how many there.
    pub nodes: Vec<(usize, Replicas)>,
}

impl Cohort {
    /// Whether samples say of it what the last one says, as long as it goes on as it has `since` then.
    pub fn is_steady(&self, since: SimTime, resolution: Span) -> bool {
        let uses = (self.rate.cpu, self.memory);
        self.running.is_some_and(|started| self.life.scraped.is_steady(uses, (since, started), resolution))
    }

    pub(super) fn new(count: Replicas, created: SimTime, revision: usize, drawn: Drawn) -> Self {
        Self {
            count,
            revision,
            due: created,
            to_bind: true,
            to_end: false,
            unschedulable: false,
            running: None,
            has_run: false,
            up: false,
            ready: false,
            available: false,
            serving: false,
            accepting: false,
            warm: true,
            deleted: false,
            weight: 1.0,
            rate: Rate::default(),
            memory: 0,
            next_sample: NEVER,
            cpu_since: 0,
            life: Box::new(Life {
                at: Milestones { bound: created + drawn.scheduling, ..Milestones::default() },
                memory_high: 0,
                scraped: Scraped::default(),
                first_ordinal: 0,
                created,
                drawn,
                stop: Stop::default(),
                start_time: None,
                ready_since: created,
                serving_since: created,
                crashes: 0,
                queue: Queue::default(),
                counters: Vec::new(),
                up_since: created,
                scraped_at: Span::ZERO,
                worked: (0, 0),
                number: 0,
                restarts: 0,
                oom_kills: 0,
                probed: Vec::new(),
                has_served: false,
                nodes: Vec::new(),
            }),
        }
    }

    /// Nothing happens to it by itself any more.
    pub(super) fn forget_milestones(&mut self) {
        (self.to_bind, self.to_end, self.life.at) = (false, false, Milestones::default());
    }

    /// The pods use so much CPU each, nanocore-seconds.
    pub(super) fn uses(&mut self, cpu: i64) {
        self.cpu_since = self.cpu_since.saturating_add(cpu);
    }

    /// The kubelet samples them, if they run.
    pub(super) fn is_sampled(&mut self, now: SimTime, memory: i64, resolution: Span) {
        if let Some(started) = self.running {
            let used = std::mem::take(&mut self.cpu_since);
            self.life.scraped.kubelet_samples(now, (used, memory), started, resolution);
        }
    }

    /// A part of them: those at these places (nodes, and how many there), then others.
    pub(super) fn split(&mut self, count: Replicas, places: &[(usize, Replicas)]) -> Self {
        let mut part = self.clone();
        part.count = count;
        self.count -= count;
        // The last ordinals go.
        part.life.first_ordinal = self.life.first_ordinal + self.count;
        part.life.nodes.clear();
        let mut left = count;
        let mut take = |node: &mut (usize, Replicas), left: &mut Replicas| {
            let taken = node.1.min(*left);
            if taken > 0 {
                node.1 -= taken;
                *left -= taken;
                part.life.nodes.push((node.0, taken));
            }
        };
        for &(place, wanted) in places {
            for node in self.life.nodes.iter_mut().filter(|node| node.0 == place) {
                let mut wanted = wanted.min(left);
                left -= wanted;
                take(node, &mut wanted);
                left += wanted;
            }
        }
        while left > 0 {
            let Some(fullest) = self.life.nodes.iter_mut().max_by_key(|node| (node.1, Reverse(node.0))) else { break };
            if fullest.1 == 0 {
                break;
            }
            let mut one = 1.min(left);
            take(fullest, &mut one);
            left -= 1;
        }
        self.life.nodes.retain(|node| node.1 > 0);
        merge_places(&mut self.life.nodes);
        merge_places(&mut part.life.nodes);
        part
    }

    /// The pods as the HPA sees them.
    pub fn group(&self) -> PodGroup {
        PodGroup {
            count: self.count,
            phase: if self.life.start_time.is_some() && self.has_run { PodPhase::Running } else { PodPhase::Pending },
            start_time: self.life.start_time,
            ready: self.life.start_time.map(|_| ReadyCondition { status: self.ready, since: self.life.ready_since }),
            terminating: self.deleted,
        }
    }

    /// Whether it is one of the pods that the workload controller counts.
    pub fn active(&self) -> bool {
        !self.deleted
    }

    /// Since when proxies send work, if they do.
    pub fn served_since(&self) -> Option<SimTime> {
        self.serving.then_some(self.life.serving_since)
    }

    /// Whether its load can be told from that of an older pod: it gets and takes work.
    pub fn works(&self) -> bool {
        self.serving && self.accepting
    }

    fn init_done(&self, bound: SimTime, rules: &Rules<'_>) -> SimTime {
        let mut at = bound + self.life.drawn.image_pull;
        for (container, &takes) in rules.template.init_containers.iter().zip(&self.life.drawn.init) {
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

    /// When it is to be bound, if it is.
    pub fn binds_at(&self) -> SimTime {
        if self.to_bind { self.life.at.bound } else { NEVER }
    }

    /// It is bound now, or there is no node.
    pub fn binding_is_over(&mut self) {
        (self.to_bind, self.life.at.bound) = (false, NEVER);
    }

    /// The pod is bound to a node.
    pub fn bind(&mut self, now: SimTime, rules: &Rules<'_>) {
        self.binding_is_over();
        self.unschedulable = false;
        self.life.start_time = Some(now);
        self.life.ready_since = now;
        self.life.at.running = self.init_done(now, rules);
        self.due = now;
    }

    /// Lets everything happen whose time has come, in the order of causes. Binding is the scheduler's.
    pub(super) fn advance(&mut self, now: SimTime, rules: &Rules<'_>) {
        let config = rules.config;
        if self.life.at.running <= now {
            self.life.at.running = NEVER;
            self.starts(now, rules);
        }
        if self.life.at.up <= now {
            self.life.at.up = NEVER;
            self.up = true;
            self.life.up_since = now;
            // Until its preStop hook is over it does not know that it is to end.
            self.accepting = !self.stopping() || self.life.at.closed != NEVER;
        }
        if self.life.at.ready <= now && !self.deleted {
            self.life.at.ready = NEVER;
            self.ready = true;
            self.life.ready_since = now;
            self.life.at.available = now + rules.min_ready;
            self.life.at.serving = now + config.endpoint_propagation;
        }
        if self.life.at.available <= now {
            self.life.at.available = NEVER;
            self.available = true;
        }
        if self.life.at.serving <= now {
            self.life.at.serving = NEVER;
            self.serving = true;
            self.life.serving_since = now;
            if config.warmup > Span::ZERO && !self.life.has_served {
                self.warm = false;
                self.life.at.warm = now + config.warmup;
            }
            self.life.has_served = true;
            if matches!(config.balancing, Balancing::Sticky { .. }) {
                self.weight = 0.0;
            }
        }
        if self.life.at.warm <= now {
            self.life.at.warm = NEVER;
            self.warm = true;
        }
        if self.life.at.unready <= now {
            self.life.at.unready = NEVER;
            self.becomes_unready(now, config.endpoint_propagation);
        }
        if self.life.at.unserved <= now {
            self.life.at.unserved = NEVER;
            self.serving = false;
        }
        if self.life.at.closed <= now {
            self.life.at.closed = NEVER;
            self.accepting = false;
        }
        self.due = self.life.at.next(now);
    }

    /// The containers start.
    fn starts(&mut self, now: SimTime, rules: &Rules<'_>) {
        self.running = Some(now);
        // The kubelet counts when a container is made again, not when the one before it ends.
        self.life.restarts += u32::from(self.has_run);
        self.has_run = true;
        self.life.probed.clear();
        self.life.has_served = false;
        if rules.config.housekeeping_interval != Delay::ZERO {
            let first = rules.config.first_sample;
            if first == Span::ZERO {
                self.is_sampled(now, 0, rules.config.metric_resolution);
                self.next_sample = now + rules.config.housekeeping_interval.typical().max(Span::from_seconds(1));
            } else {
                self.next_sample = now + first;
            }
        }
        let lifecycle = Lifecycle::of(rules.template, self.life.drawn.startup);
        let after = |span: Option<Span>| span.map_or(NEVER, |span| now + span);
        self.life.at.up = after(self.life.drawn.startup);
        self.life.at.ready = after(lifecycle.ready_after);
        self.life.at.fails = after(lifecycle.fails.map(|fails| fails.after));
        self.life.stop = lifecycle.fails.map(|fails| fails.stop).unwrap_or_default();
    }

    pub(super) fn becomes_unready(&mut self, now: SimTime, propagation: Span) {
        if self.ready {
            self.ready = false;
            self.life.ready_since = now;
        }
        self.available = false;
        self.life.at.ready = NEVER;
        self.life.at.available = NEVER;
        self.life.at.serving = NEVER;
        if self.serving {
            self.life.at.unserved = now + propagation;
        }
    }

    /// What is lost when its containers die: what waits at the pods, and requests under way.
    pub(super) fn stops(&mut self, now: SimTime) -> Lost {
        let count = self.count;
        let lost = Lost {
            work: self.life.queue.waiting * i128::from(count),
            requests: if self.up { self.rate.in_flight * f64::from(count) } else { 0.0 },
        };
        self.life.queue = Queue::default();
        self.running = None;
        self.up = false;
        self.accepting = false;
        self.warm = true;
        self.life.memory_high = 0;
        self.next_sample = NEVER;
        self.life.scraped.restarts();
        self.life.counters.clear();
        self.cpu_since = 0;
        let Milestones { unserved, gone, killed, .. } = self.life.at;
        self.life.at = Milestones { unserved, gone, killed, ..Milestones::default() };
        self.to_bind = false;
        self.due = now;
        lost
    }

    /// The kubelet stops the containers. While a preStop hook runs, the application does not know that it is to end.
    pub(super) fn begins_to_stop(&mut self, now: SimTime, stop: Stop, shutdown: Span) {
        self.life.at.fails = NEVER;
        self.life.at.closed = now + stop.hook;
        self.ends_at(now + stop.hook + shutdown);
        self.life.at.killed = now + stop.grace;
        self.due = now;
    }

    /// Its containers are to end, if they are.
    pub(super) fn ends_at(&mut self, at: SimTime) {
        (self.to_end, self.life.at.gone) = (at != NEVER, at);
    }

    /// Whether its containers have been told to end.
    pub(super) fn stopping(&self) -> bool {
        self.deleted || self.to_end
    }

    /// Whether containers that are to end have ended: their work is done, or their time is over.
    fn stopped(&self, now: SimTime) -> bool {
        self.life.at.killed <= now || (self.life.at.gone <= now && (self.life.queue.waiting == 0 || !self.up))
    }

    /// Whether its containers have ended and are to be started again.
    pub(super) fn restarts(&self, now: SimTime) -> bool {
        !self.deleted && self.stopping() && self.stopped(now)
    }

    /// What is lost with containers that have been told to end: requests under way only if they were killed.
    pub(super) fn ends(&mut self, now: SimTime) -> Lost {
        let in_time = self.life.at.gone <= now;
        let lost = self.stops(now);
        if in_time { Lost { requests: 0.0, ..lost } } else { lost }
    }

    /// The containers have died, with what was lost, and are started again after a time, or the kubelet's back-off, unless the pod is
    /// terminating.
    pub(super) fn restart(&mut self, now: SimTime, propagation: Span, after: Option<Span>) -> Lost {
        let ran = self.running.map_or(Span::ZERO, |since| now - since);
        let lost = if self.stopping() { self.ends(now) } else { self.stops(now) };
        if self.deleted {
            self.ends_at(now);
            return lost;
        }
        self.ends_at(NEVER);
        self.life.at.killed = NEVER;
        self.becomes_unready(now, propagation);
        self.life.crashes = crashes_kept(self.life.crashes, ran);
        self.life.at.running = now + after.unwrap_or_else(|| back_off(self.life.crashes));
        self.life.crashes += 1;
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
        self.life.at.unready = readiness.unwrap_or(NEVER);
        self.due = now;
        if self.stopping() {
            // A probe restarts it already.
            return;
        }
        let liveness = template.running().filter_map(|container| {
            let probe = container.liveness_probe.as_ref()?;
            Some((noticed(probe), Stop::of_container(template, container, probe)))
        });
        (self.life.at.fails, self.life.stop) =
            liveness.min_by_key(|failure| failure.0).unwrap_or((NEVER, Stop::default()));
    }

    /// Whether it is done: nothing is sent to it any more, and its work is done or its time is over.
    pub(super) fn is_gone(&self, now: SimTime) -> bool {
        self.deleted && !self.serving && self.stopped(now)
    }
}
