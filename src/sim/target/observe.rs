//! What the HPA sees at a sync: the pods, and what the metrics APIs answer.

use super::cohort::Cohort;
use super::counters::Scraping;
use super::metrics::{MetricReader, Usage};
use super::pods::Pods;
use super::usage::ceil_tolerant;
use crate::hpa::{MetricValues, Observation, PodGroup, PodPhase, ReadyCondition, Sample, SampleSum};
use crate::model::{PodTemplate, Target};
use crate::sim::World;
use crate::sim::draw::Draws;
use crate::units::{Replicas, SimTime, Span};

/// Buffers of the observation, and what adapters have read.
#[derive(Clone, Debug)]
pub(super) struct Observer {
    readers: Vec<MetricReader>,
    /// What a pod requests, for each metric; then the same of the pods of others.
    requests: Vec<Option<i64>>,
    foreign: Vec<Foreign>,
    ambiguous_selector: bool,
    window: Span,
    /// Whether the groups are those of the pods as they are.
    is_grouped: bool,
    groups: Vec<PodGroup>,
    /// Of which cohort each group is, and whether its samples are missing.
    origins: Vec<(usize, bool)>,
    metrics: Vec<MetricValues>,
    samples: Vec<Option<Sample>>,
    /// For each metric what the samples come to, where all pods count, and whether that is what was seen last. The cohorts that
    /// they are added up from, by index, and how many pods each has.
    sums: Vec<SampleSum>,
    counted: Vec<(usize, i64)>,
    has_summed: bool,
    pod_requests: Vec<Option<i64>>,
    adapter: Adapter,
    /// Whether the load itself is a metric.
    reads_load: bool,
    /// How Prometheus scrapes, if a metric is read so.
    scraping: Option<Scraping>,
    /// Whether pods count anything.
    counts: bool,
    /// Whether no pod was so young that its age matters.
    is_ageless: bool,
    initialization: Span,
}

/// Pods of another workload that the target's selector selects as well.
#[derive(Clone, Debug)]
struct Foreign {
    group: PodGroup,
    requests: Vec<Option<i64>>,
}

/// The adapter of custom and external metrics.
#[derive(Clone, Debug)]
struct Adapter {
    interval: Span,
    /// When it read last, and the values then; with the pods that worked.
    read_at: SimTime,
    values: Vec<f64>,
    working: Replicas,
    next: SimTime,
}

/// The pods of another workload as they are seen: there for long, ready.
fn foreign(world: &World<'_>, target: &Target<'_>, template: &PodTemplate, count: Replicas) -> Foreign {
    let since = SimTime::ZERO - world.lead_in - LONG_AGO;
    let version = world.controller.version;
    Foreign {
        group: PodGroup {
            count,
            phase: PodPhase::Running,
            start_time: Some(since),
            ready: Some(ReadyCondition { status: true, since }),
            terminating: false,
        },
        requests: target.hpa.metrics.iter().map(|metric| template.metric_request(metric, version)).collect(),
    }
}

/// What samples come to over cohorts, by index, of so many pods each; none if one has no sample.
fn total(counted: &[(usize, i64)], pods: &Pods, of: impl Fn(&Usage) -> i64) -> Option<i64> {
    let mut total = 0_i64;
    for &(index, count) in counted {
        let usage = pods.cohorts()[index].life.scraped.sample.as_ref()?;
        total = total.wrapping_add(of(usage).wrapping_mul(count));
    }
    Some(total)
}

/// Whether pods count what a metric is made of.
fn is_counted(reader: &MetricReader, scraping: Option<Scraping>) -> bool {
    matches!(reader, MetricReader::Served) || (scraping.is_some() && matches!(reader, MetricReader::Shared(_)))
}

/// The samples of what pods count, by index. Most targets have nothing of it: it stays out of their way.
#[cold]
#[inline(never)]
fn see_counters<'s>(
    origins: impl Iterator<Item = (&'s mut Option<Sample>, &'s Cohort, bool)>,
    (index, scraping): (usize, Option<Scraping>),
    (at, window): (SimTime, Span),
) {
    origins.for_each(|(sample, cohort, is_missing)| {
        let value = if is_missing { None } else { counted_by(cohort, index, at, scraping) };
        *sample = value.map(|value| Sample { value, at, window });
    });
}

/// What is known at an instant of what a pod counts, by index, in thousandths a second.
fn counted_by(cohort: &Cohort, index: usize, at: SimTime, scraping: Option<Scraping>) -> Option<i64> {
    let counter = cohort.life.counters.get(index).filter(|_| cohort.running.is_some())?;
    let value = match scraping {
        Some(scraping) => counter.rate(at, cohort.life.up_since, cohort.life.scraped_at, scraping),
        None => counter.now().filter(|_| cohort.works()),
    };
    value.map(|value| ceil_tolerant(value * 1000.0))
}

/// Longer than any period of the controller.
const LONG_AGO: Span = Span::from_seconds(86_400);

impl Observer {
    pub fn new(world: &World<'_>, target: &Target<'_>) -> Self {
        let interval = target.cluster.adapter_interval;
        let start = SimTime::ZERO - world.lead_in;
        let template = &target.workload.template;
        let version = world.controller.version;
        let column = |index: usize| target.drives.metric_columns.get(index).copied().flatten();
        let of_requests = target.drives.requests.is_some();
        let reader = |(index, metric)| MetricReader::of(metric, template, column(index), of_requests);
        let readers: Vec<MetricReader> = target.hpa.metrics.iter().enumerate().map(reader).collect();
        Self {
            counts: readers.iter().any(|reader| is_counted(reader, super::scraping(target))),
            scraping: super::scraping(target),
            reads_load: readers.iter().any(|reader| {
                matches!(reader, MetricReader::Shared(_) | MetricReader::Value(_) | MetricReader::Served)
            }),
            is_ageless: false,
            initialization: world.controller.cpu_initialization_period,
            readers,
            requests: target.hpa.metrics.iter().map(|metric| template.metric_request(metric, version)).collect(),
            foreign: target
                .neighbours
                .foreign
                .iter()
                .map(|pods| foreign(world, target, &pods.template, pods.pods))
                .collect(),
            ambiguous_selector: !target.neighbours.ambiguous_with.is_empty(),
            window: target.cluster.metric_resolution,
            is_grouped: false,
            groups: Vec::new(),
            origins: Vec::new(),
            metrics: Vec::new(),
            samples: Vec::new(),
            sums: Vec::new(),
            counted: Vec::new(),
            has_summed: false,
            pod_requests: Vec::new(),
            adapter: Adapter {
                interval,
                read_at: start,
                values: Vec::new(),
                working: 0,
                next: if interval > Span::ZERO { start } else { SimTime::MAX },
            },
        }
    }

    /// What pods have to count: requests that they serve (none), or their part of a column of the load.
    pub fn counted(&self) -> impl Iterator<Item = Option<usize>> + '_ {
        let all = self.readers.iter().filter(|reader| is_counted(reader, self.scraping));
        all.map(|reader| if let MetricReader::Shared(column) = reader { Some(*column) } else { None })
    }

    /// Whether what is seen changes though load and pods do not.
    pub fn counts(&self) -> bool {
        self.counts
    }

    /// Whether metrics are the load as it is now.
    pub fn sees_load(&self) -> bool {
        self.reads_load && self.adapter.interval == Span::ZERO
    }

    /// Whether time alone changes nothing of what was seen last: no pod is young.
    pub fn is_ageless(&self) -> bool {
        self.is_ageless
    }

    /// Whether what adapters have read is what they would read now.
    pub fn has_read(&self, values: &[f64], pods: &Pods) -> bool {
        let adapter = &self.adapter;
        !self.reads_load
            || adapter.interval == Span::ZERO
            || (adapter.values == values && adapter.working == pods.working())
    }

    /// Whether adapters have read the load since they were asked last.
    pub fn adapters_are_due(&self, now: SimTime) -> bool {
        self.adapter.next <= now
    }

    /// Up to an instant they have, and it has been as it is; says whether that matters.
    pub fn adapters_read(&mut self, now: SimTime, values: &[f64], pods: &Pods) -> bool {
        let adapter = &mut self.adapter;
        let more = (now - adapter.next).seconds() / adapter.interval.seconds().max(1);
        adapter.read_at = adapter.next + Span::from_seconds(more * adapter.interval.seconds());
        adapter.next = adapter.read_at + adapter.interval;
        adapter.values.clear();
        adapter.values.extend_from_slice(values);
        adapter.working = pods.working();
        self.reads_load
    }

    /// The pods are not what they were when they were grouped.
    pub fn note_pods_changed(&mut self) {
        self.is_grouped = false;
    }

    /// Groups the pods, if they have changed, or if so large a part of the samples is missing: whose is drawn anew.
    #[inline]
    pub fn group(&mut self, pods: &Pods, missing: f64, draws: &mut Draws) {
        if std::mem::replace(&mut self.is_grouped, true) && missing == 0.0 {
            return;
        }
        self.groups.clear();
        self.origins.clear();
        self.is_ageless = false;
        for (index, cohort) in pods.cohorts().iter().enumerate() {
            let group = cohort.group();
            let without = if missing > 0.0 { draws.missing(missing, group.count) } else { 0 };
            for (count, is_missing) in [(group.count - without, false), (without, true)] {
                if count > 0 {
                    self.groups.push(PodGroup { count, ..group });
                    self.origins.push((index, is_missing));
                }
            }
        }
        self.groups.extend(self.foreign.iter().map(|foreign| foreign.group));
        self.pod_requests.clear();
        for (metric, &request) in self.requests.iter().enumerate() {
            self.pod_requests.extend(self.origins.iter().map(|_| request));
            let of_foreign = |foreign: &Foreign| foreign.requests.get(metric).copied().flatten();
            self.pod_requests.extend(self.foreign.iter().map(of_foreign));
        }
        self.sums.clear();
        if missing == 0.0 && self.do_all_count() {
            let number = |terminating: bool| {
                let of_kind = self.groups.iter().filter(|group| group.terminating == terminating);
                of_kind.map(|group| i64::from(group.count)).sum()
            };
            let (pods, terminating) = (number(false), number(true));
            let groups = self.groups.iter().zip(&self.origins).filter(|(group, _)| !group.terminating);
            self.counted.clear();
            self.counted.extend(groups.map(|(group, (index, _))| (*index, i64::from(group.count))));
            self.sums.extend(self.requests.iter().map(|request| SampleSum {
                pods,
                terminating,
                total: 0,
                requests: request.map(|request| request.wrapping_mul(pods)),
            }));
        }
    }

    /// Whether every pod that is not terminating counts with what it is measured to use, once it is old enough and has a sample.
    fn do_all_count(&self) -> bool {
        let is_measured = |reader: &MetricReader| matches!(reader, MetricReader::Cpu(_) | MetricReader::Memory(_));
        let is_ready =
            |group: &PodGroup| group.phase == PodPhase::Running && group.ready.is_some_and(|ready| ready.status);
        self.foreign.is_empty()
            && self.readers.iter().all(is_measured)
            && self.groups.iter().all(|group| group.terminating || is_ready(group))
            && self.groups.iter().any(|group| !group.terminating)
    }

    /// Adds up what the pods use, if all of them count; says whether they do.
    #[inline]
    fn add_up(&mut self, pods: &Pods) -> bool {
        if self.sums.is_empty() || !self.is_ageless {
            return false;
        }
        for (reader, sum) in self.readers.iter().zip(&mut self.sums) {
            let total = match reader {
                MetricReader::Cpu(shares) => total(&self.counted, pods, |usage| shares.of_cpu(usage.cpu)),
                MetricReader::Memory(shares) => total(&self.counted, pods, |usage| shares.of_memory(usage.memory)),
                MetricReader::Shared(_) | MetricReader::Value(_) | MetricReader::Served | MetricReader::Unknown => None,
            };
            let Some(total) = total else { return false };
            sum.total = total;
        }
        if !self.has_summed {
            self.metrics.clear();
            self.metrics.resize(self.readers.len(), MetricValues::Pods);
        }
        true
    }

    /// Time alone makes pods old.
    fn note_age(&mut self, now: SimTime) {
        if !self.is_ageless {
            let is_old = |since: SimTime| since + self.initialization <= now;
            self.is_ageless = self.groups.iter().all(|group| group.start_time.is_none_or(is_old));
        }
    }

    /// Reads the metrics of the pods as they are grouped. `down` says which APIs do not answer: resource metrics, custom and
    /// external metrics. Where sums suffice, samples are not written out one by one.
    #[inline]
    pub fn observe(&mut self, now: SimTime, pods: &Pods, values: &[f64], (down, sums_suffice): ((bool, bool), bool)) {
        self.note_age(now);
        self.has_summed = sums_suffice && !down.0 && self.add_up(pods);
        if self.has_summed {
            return;
        }
        let live = self.adapter.interval == Span::ZERO;
        let (values, working, at) = if live {
            (values, if self.reads_load { pods.working() } else { 0 }, now)
        } else {
            (self.adapter.values.as_slice(), self.adapter.working, self.adapter.read_at)
        };
        let read = |column: usize| values.get(column).map(|value| value * 1000.0);
        let window = self.window;
        self.metrics.clear();
        self.samples.resize(self.readers.len() * self.groups.len(), None);
        let mut rows = self.samples.as_mut_slice();
        let mut counted = 0;
        for reader in &self.readers {
            let row;
            (row, rows) = rows.split_at_mut(self.groups.len());
            let (of_origins, of_foreign) = row.split_at_mut(self.origins.len());
            let is_measured = matches!(reader, MetricReader::Cpu(_) | MetricReader::Memory(_));
            let reading = match reader {
                MetricReader::Unknown => MetricValues::Unavailable,
                _ if if is_measured { down.0 } else { down.1 } => MetricValues::Unavailable,
                MetricReader::Value(column) => {
                    read(*column).map_or(MetricValues::Unavailable, |v| MetricValues::Value(ceil_tolerant(v)))
                }
                _ => MetricValues::Pods,
            };
            self.metrics.push(reading);
            let origins = of_origins.iter_mut().zip(&self.origins);
            let origins = origins.map(|(sample, &(index, is_missing))| (sample, &pods.cohorts()[index], is_missing));
            let sample_of = |usage: &Usage, value: i64| Sample { value, at: usage.at, window: usage.window };
            match reader {
                MetricReader::Cpu(shares) => origins.for_each(|(sample, cohort, is_missing)| {
                    let usage = cohort.life.scraped.sample.as_ref().filter(|_| !is_missing);
                    *sample = usage.map(|usage| sample_of(usage, shares.of_cpu(usage.cpu)));
                }),
                MetricReader::Memory(shares) => origins.for_each(|(sample, cohort, is_missing)| {
                    let usage = cohort.life.scraped.sample.as_ref().filter(|_| !is_missing);
                    *sample = usage.map(|usage| sample_of(usage, shares.of_memory(usage.memory)));
                }),
                MetricReader::Shared(_) | MetricReader::Served if is_counted(reader, self.scraping) => {
                    see_counters(origins, (counted, self.scraping), (at, window));
                    counted += 1;
                }
                MetricReader::Shared(column) => {
                    let each = read(*column).filter(|_| working > 0).map(|all| ceil_tolerant(all / f64::from(working)));
                    origins.for_each(|(sample, cohort, is_missing)| {
                        let known = live || cohort.served_since().is_some_and(|since| since <= at);
                        let value = each.filter(|_| !is_missing && cohort.works() && known);
                        *sample = value.map(|value| Sample { value, at, window });
                    });
                }
                MetricReader::Value(_) | MetricReader::Served | MetricReader::Unknown => {
                    origins.for_each(|(sample, ..)| *sample = None);
                }
            }
            // They are taken to use nothing; custom metrics know nothing of them.
            of_foreign.fill(is_measured.then_some(Sample { value: 0, at: now, window }));
        }
    }

    /// What [`Self::observe`] has seen.
    pub fn observation(&self, now: SimTime, spec_replicas: Replicas, status_replicas: Replicas) -> Observation<'_> {
        Observation {
            now,
            spec_replicas,
            status_replicas,
            pods: &self.groups,
            metrics: &self.metrics,
            samples: &self.samples,
            requests: &self.pod_requests,
            sums: if self.has_summed { &self.sums } else { &[] },
            ambiguous_selector: self.ambiguous_selector,
        }
    }
}
