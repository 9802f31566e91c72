//! The loop.

use thiserror::Error;

use super::lifecycle::Lifecycle;
use super::load::LoadCursor;
use super::metrics::{Probe, Scraped};
use super::pods::Pods;
use super::summary::{Accounts, Summary};
use super::usage::{Ask, Asks, Backlog, PodSize, asks, ceil_tolerant, div_ceil};
use super::{ResourceState, Setup, SyncRecord};
use crate::hpa::{Decision, History, MetricObservation, Observation, PodGroup, Reading, Sample, decide};
use crate::model::{LoadError, LoadSource};
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
    let cursor = LoadCursor::start(load, setup.interpolation)?.ok_or(SimError::NoLoad)?;
    let mut engine = Engine::new(setup, cursor);
    engine.run(record)?;
    Ok(engine.accounts.finish(setup, engine.now, engine.backlog.waiting, engine.work_dropped))
}

struct Engine<'a> {
    setup: &'a Setup<'a>,
    load: LoadCursor<'a>,
    lifecycle: Lifecycle,
    size: PodSize,
    probes: Vec<Probe>,
    requests: Vec<Option<i64>>,
    now: SimTime,
    asks: Asks,
    pods: Pods,
    backlog: Backlog,
    history: History,
    decision: Decision,
    accounts: Accounts,
    next_scrape: SimTime,
    next_sync: SimTime,
    /// CPU work since the start, nanocore-seconds.
    work_arrived: i128,
    work_done: i128,
    work_dropped: i128,
    /// `work_done` at the last sync, and its time.
    last_sync: (i128, SimTime),
    /// Buffers of the observation.
    groups: Vec<PodGroup>,
    metrics: Vec<MetricObservation>,
    samples: Vec<Option<Sample>>,
}

impl<'a> Engine<'a> {
    /// In a steady state under the load of the first row.
    fn new(setup: &'a Setup<'a>, load: LoadCursor<'a>) -> Self {
        let template = &setup.workload.template;
        let size = PodSize::of(template);
        let asks = asks(&setup.plan, &size, load.values());
        let start = SimTime::ZERO - setup.lead_in;
        let rate = per_pod_rate(asks.cpu, setup.initial_replicas.into(), size.cpu_limit);
        let memory = per_pod_memory(asks.memory, setup.initial_replicas.into(), setup.plan.memory_base_bytes);
        let scraped = Scraped::steady(rate, memory, start, &setup.cluster);
        let period = setup.controller.sync_period;
        // The steady state before the start, as the first sync sees it.
        let before = -i128::from(rate) * i128::from(setup.initial_replicas) * i128::from(period.seconds());
        let column = |index: usize| setup.plan.metric_columns.get(index).copied().flatten();
        let metrics = &setup.hpa.metrics;
        Self {
            setup,
            load,
            lifecycle: Lifecycle::of(template, setup.cluster.startup),
            size,
            probes: metrics.iter().enumerate().map(|(i, metric)| Probe::of(metric, template, column(i))).collect(),
            requests: metrics.iter().map(|m| template.metric_request(m, setup.controller.version)).collect(),
            now: start,
            asks,
            pods: Pods::settled(setup.initial_replicas, start - SETTLED, scraped),
            backlog: Backlog::default(),
            history: History::default(),
            decision: Decision::default(),
            accounts: Accounts::new(metrics.len()),
            next_scrape: start + setup.cluster.metric_offset,
            next_sync: start,
            work_arrived: 0,
            work_done: 0,
            work_dropped: 0,
            last_sync: (before, start - period),
            groups: Vec::new(),
            metrics: Vec::new(),
            samples: Vec::new(),
        }
    }

    fn run(&mut self, record: &mut dyn FnMut(&SyncRecord<'_>)) -> Result<(), SimError> {
        let limit = self.setup.duration.map(|duration| SimTime::ZERO + duration);
        loop {
            // Under the load and the pods of the time before: a scrape does not see what begins now.
            if self.now == self.next_scrape {
                self.scrape();
            }
            if self.load.advance(self.now)? {
                self.asks = asks(&self.setup.plan, &self.size, self.load.values());
            }
            let end = limit.or_else(|| self.load.end());
            if end.is_some_and(|end| end <= self.now) {
                return if self.now > SimTime::ZERO { Ok(()) } else { Err(SimError::NoDuration) };
            }
            self.pods.transition(self.now);
            if self.now == self.next_sync {
                self.sync(record)?;
            }
            let mut next = self
                .load
                .next_change(self.now)
                .min(self.pods.next_transition())
                .min(self.next_scrape)
                .min(self.next_sync)
                .min(end.unwrap_or(SimTime::MAX));
            if self.now < SimTime::ZERO {
                next = next.min(SimTime::ZERO);
            }
            if self.setup.every_second {
                next = self.now + Span::from_seconds(1);
            }
            self.work_until(next);
            self.now = next;
            if next == SimTime::ZERO {
                self.forget_work();
            }
        }
    }

    /// The start: work is counted from here, with what waits.
    fn forget_work(&mut self) {
        self.last_sync.0 -= self.work_done;
        self.work_done = 0;
        self.work_dropped = 0;
        self.work_arrived = self.backlog.waiting;
    }

    /// Lets the pods work while nothing changes.
    fn work_until(&mut self, next: SimTime) {
        let seconds = (next - self.now).seconds();
        let serving = self.pods.serving();
        let (mut waiting_seconds, mut used) = (0, 0i128);
        match self.asks.cpu {
            Ask::Nothing => {}
            Ask::Total(demand) => {
                self.work_arrived += i128::from(demand) * i128::from(seconds);
                let stretch = self.backlog.work_within(
                    seconds,
                    demand,
                    serving.into(),
                    self.size.cpu_limit,
                    self.setup.cluster.queue_timeout,
                );
                self.work_dropped += stretch.dropped;
                waiting_seconds = stretch.waiting_seconds;
                for cohort in self.pods.cohorts_mut().iter_mut().filter(|cohort| cohort.serving) {
                    cohort.scraped.cpu_since = cohort.scraped.cpu_since.saturating_add(stretch.per_serving_pod);
                    used += i128::from(stretch.per_serving_pod) * i128::from(cohort.count);
                }
            }
            Ask::PerPod(rate) => {
                for cohort in self.pods.cohorts_mut() {
                    let work = rate.saturating_mul(seconds);
                    cohort.scraped.cpu_since = cohort.scraped.cpu_since.saturating_add(work);
                    used += i128::from(work) * i128::from(cohort.count);
                }
                self.work_arrived += used;
            }
        }
        self.work_done += used;
        if self.now < SimTime::ZERO {
            return;
        }
        let over_memory = self.size.memory_limit.is_some_and(|limit| self.memory_of(true, serving) > limit);
        let max = self.setup.hpa.max_replicas;
        self.accounts.time_passes(seconds, max, self.pods.count(), waiting_seconds, over_memory);
        self.accounts.backlog(self.backlog.waiting);
    }

    /// The memory of one pod, bytes.
    fn memory_of(&self, serving: bool, serving_pods: Replicas) -> i64 {
        let base = self.setup.plan.memory_base_bytes;
        match self.asks.memory {
            Ask::PerPod(bytes) => bytes,
            ask if serving => per_pod_memory(ask, serving_pods.into(), base),
            _ => base,
        }
    }

    fn scrape(&mut self) {
        let now = self.now;
        let serving = self.pods.serving();
        let memory = [self.memory_of(false, serving), self.memory_of(true, serving)];
        for cohort in self.pods.cohorts_mut() {
            cohort.scraped.scrape(now, memory[usize::from(cohort.serving)]);
        }
        self.pods.merge(now, self.setup.controller.cpu_initialization_period);
        self.next_scrape = now + self.setup.cluster.metric_resolution;
    }

    fn sync(&mut self, record: &mut dyn FnMut(&SyncRecord<'_>)) -> Result<(), SimError> {
        self.observe();
        let replicas = self.pods.count();
        let observation = Observation {
            now: self.now,
            spec_replicas: replicas,
            status_replicas: replicas,
            pods: &self.groups,
            metrics: &self.metrics,
            samples: &self.samples,
        };
        let (hpa, controller) = (self.setup.hpa, &self.setup.controller);
        decide(hpa, controller, &mut self.history, &observation, &mut self.decision);
        if self.now >= SimTime::ZERO {
            self.accounts.sync(self.setup, self.now, &self.decision, self.history.current_metrics());
            record(&self.record(replicas));
        } else if self.decision.rescaled {
            let before = SimTime::ZERO - self.now;
            return Err(SimError::NotSteady { before, from: replicas, to: self.decision.desired });
        }
        if self.decision.rescaled {
            self.pods.scale(self.decision.desired, self.now, &self.lifecycle);
        }
        self.last_sync = (self.work_done, self.now);
        self.next_sync = self.now + controller.sync_period;
        Ok(())
    }

    /// Fills the buffers of the observation.
    fn observe(&mut self) {
        self.groups.clear();
        self.groups.extend(self.pods.cohorts().iter().map(|cohort| cohort.group()));
        self.metrics.clear();
        self.samples.clear();
        let serving = self.pods.serving();
        for (probe, &request) in self.probes.iter().zip(&self.requests) {
            let reading = match probe {
                Probe::Cpu(_) | Probe::Memory(_) | Probe::Shared(_) => Reading::Pods,
                Probe::Value(column) => Reading::Value(ceil_tolerant(self.load.values()[*column] * 1000.0)),
                Probe::Unknown => Reading::Unavailable,
            };
            self.metrics.push(MetricObservation { reading, request });
            for cohort in self.pods.cohorts() {
                let sample = match probe {
                    Probe::Shared(column) if cohort.serving => {
                        let value = self.load.values()[*column] * 1000.0 / f64::from(serving);
                        let window = self.setup.cluster.metric_resolution;
                        Some(Sample { value: ceil_tolerant(value), at: self.now, window })
                    }
                    probe => cohort.scraped.sample.as_ref().and_then(|usage| probe.sample(usage)),
                };
                self.samples.push(sample);
            }
        }
    }

    fn record(&self, replicas: Replicas) -> SyncRecord<'_> {
        let (ready, serving) = (self.pods.ready(), self.pods.serving());
        let idle = self.memory_of(false, serving).saturating_mul((replicas - serving).into());
        let memory_used = self.memory_of(true, serving).saturating_mul(serving.into()).saturating_add(idle);
        let (done_before, before) = self.last_sync;
        let period = (self.now - before).seconds().max(1);
        SyncRecord {
            now: self.now,
            load: self.load.values(),
            decision: &self.decision,
            history: &self.history,
            replicas,
            ready,
            resources: ResourceState {
                cpu_demand: match self.asks.cpu {
                    Ask::Total(demand) => Some(demand),
                    Ask::Nothing | Ask::PerPod(_) => None,
                },
                cpu_used: ((self.work_done - done_before) / i128::from(period)).min(i64::MAX.into()) as i64,
                cpu_capacity: self.size.cpu_limit.map(|limit| limit.saturating_mul(serving.into())),
                memory_used,
                work_arrived: self.work_arrived,
                work_done: self.work_done,
                backlog: self.backlog.waiting,
                work_dropped: self.work_dropped,
            },
        }
    }
}

/// The memory that each of `pods` pods uses, bytes.
fn per_pod_memory(ask: Ask, pods: i64, base: i64) -> i64 {
    match ask {
        Ask::PerPod(bytes) => bytes,
        Ask::Total(bytes) if pods > 0 => base.saturating_add(div_ceil(bytes, pods)),
        Ask::Nothing | Ask::Total(_) => base,
    }
}

/// The CPU that each of `pods` pods uses under a steady load.
fn per_pod_rate(ask: Ask, pods: i64, limit: Option<i64>) -> i64 {
    match ask {
        Ask::Nothing => 0,
        Ask::PerPod(rate) => rate,
        Ask::Total(_) if pods == 0 => 0,
        Ask::Total(demand) => (demand / pods).min(limit.unwrap_or(i64::MAX)),
    }
}
