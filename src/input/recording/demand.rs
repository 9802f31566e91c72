//! From recorded series to what a workload was asked for, on a grid of equal steps.
//!
//! Counters become rates whose sum over time is what they counted: between two samples of a pod its rate is constant, a restart
//! begins at zero, and a pod that comes later is counted from a sample's distance before its first one. Of values, each holds until
//! the next; that of a pod for no more than two distances of its samples. A step has their mean.

use std::collections::{BTreeMap, BTreeSet};

use super::grid::{Merged, median, merge};
use super::happened::happened;
use super::subject::{Subject, one_workload, workloads};
use crate::input::{Diagnostic, InputError};
use crate::model::{Column, Gap, Grid, Kind, LoadTable, Location, Observed, Recording, Series, Signal, piece};
use crate::units::SimTime;

/// The longest load, in steps.
const MOST_STEPS: i64 = 20_000_000;
/// Of a step so much may be missing.
const WHOLE: f64 = 0.01;
/// Steps are no shorter than this part of the usual distance of samples.
const MOST_UNEVEN: i64 = 8;
/// The name of what was recorded of throttled periods.
pub const THROTTLED_SHARE: &str = "throttled_share";
/// From this share of throttled periods on what was used is not all that was demanded.
pub const THROTTLED: f64 = 0.05;

/// What several recordings of one time come to; `step` in seconds, or that of the samples.
pub fn observed(
    recordings: &[(String, Recording)],
    subject: &Subject,
    step: Option<i64>,
) -> Result<Observed, InputError> {
    let base = super::common_base(recordings)?;
    let of_subject =
        recordings.iter().flat_map(|(_, recording)| &recording.series).filter(|series| subject.has(&series.about));
    let series: Vec<&Series> = of_subject.collect();
    let nowhere = || recordings.first().map(|(name, _)| Location { file: name.as_str().into(), line: 0, column: 0 });
    let complain = |message: String, hint: String| {
        let diagnostic = Diagnostic { location: nowhere(), ..Diagnostic::new(message) };
        InputError::from(diagnostic.hint(hint))
    };
    one_workload(&series, subject).map_err(|(message, hint)| complain(message, hint))?;
    let signals: BTreeSet<&Signal> = series.iter().map(|series| &series.signal).collect();
    let mut merged: BTreeMap<&Signal, Vec<Merged>> = BTreeMap::new();
    let mut notes = Vec::new();
    for signal in signals {
        let all = merge(series.iter().filter(|series| series.signal == *signal).copied(), signal, &mut notes);
        merged.insert(signal, all);
    }
    let start = merged.values().flatten().filter_map(|one| one.points.first()).map(|(at, _)| *at).min().unwrap_or(0);
    let is_late = |one: &&Merged| {
        one.kind == Kind::Counter && one.points.first().is_some_and(|(at, _)| at - start > 2 * one.distance)
    };
    let late = merged.get(&Signal::Cpu).into_iter().flatten().filter(is_late).filter(|one| !one.begins).count();
    if late > 0 {
        notes.push(format!(
            "{late} containers had run long before they were first read: what they used until then is not known"
        ));
    }
    let drives = [Signal::Cpu, Signal::Memory, Signal::Rps, Signal::Clients];
    let is_load = |signal: &Signal| drives.contains(signal) || matches!(signal, Signal::Metric(_));
    let mut loads: Vec<&Signal> = merged.keys().copied().filter(|signal| is_load(signal)).collect();
    let utilization = [Signal::CpuUtilization, Signal::MemoryUtilization, Signal::CurrentReplicas];
    if !loads.iter().any(|signal| drives.contains(signal)) && merged.contains_key(&Signal::CurrentReplicas) {
        loads.extend(merged.keys().copied().filter(|signal| utilization.contains(signal)));
    }
    let ends = loads.iter().flat_map(|signal| merged[*signal].iter()).filter_map(Merged::span);
    let Some(ends) = ends.reduce(|one, other| (one.0.min(other.0), one.1.max(other.1))) else {
        let (message, hint) = nothing_of(subject, recordings);
        return Err(complain(message, hint));
    };
    let all = || loads.iter().flat_map(|signal| &merged[*signal]);
    let step = step.unwrap_or_else(|| (native(all) as f64 / 1e3).round().max(1.0) as i64);
    let start = ends.0.div_euclid(1000);
    // A step of which only a part was recorded says less than it seems to.
    let steps = ((ends.1 - start * 1000) as f64 / (step * 1000) as f64 + WHOLE).floor() as i64;
    if steps > MOST_STEPS {
        return Err(complain(format!("{steps} steps of {step}s are too many"), "make --step longer".to_owned()));
    }
    let grid = Grid { base, start, step, steps: steps.max(1) as usize };
    let mut found = Observed {
        load: Vec::new(),
        recorded: Vec::new(),
        pods: pods(&series),
        events: happened(recordings, &merged, (&series, subject), &grid),
        gaps: Vec::new(),
        resets: merged.values().flatten().map(|one| one.resets.len()).sum(),
        notes,
        grid,
    };
    found.fill(&merged, &loads);
    Ok(found)
}

/// The distance of samples that steps are made of, milliseconds: the usual one; where what changes is listed when it does, the shortest
/// time between two changes, or nearly.
fn native<'a, I: Iterator<Item = &'a Merged>>(all: impl Fn() -> I) -> i64 {
    let usual = median(all().map(|one| one.distance).collect()).unwrap_or(1000);
    let shortest = all().filter(|one| !one.is_of_pod).filter_map(Merged::shortest).min();
    shortest.map_or(usual, |shortest| usual.min(shortest.max(usual / MOST_UNEVEN)))
}

/// What is said where nothing says how the workload was used.
fn nothing_of(subject: &Subject, recordings: &[(String, Recording)]) -> (String, String) {
    let message = match subject.workload.as_ref().or(subject.hpa.as_ref()) {
        Some(name) => format!("nothing of {} says how it was used", piece(name)),
        None => "nothing says how a workload was used".to_owned(),
    };
    let others = workloads(recordings.iter().flat_map(|(_, recording)| &recording.series));
    if others.is_empty() {
        let hint = "it takes CPU, memory, requests or clients, or the utilization with the replicas";
        return (message, hint.to_owned());
    }
    let shown: Vec<&str> = others.iter().take(8).map(String::as_str).collect();
    let hint = format!(
        "recorded are pods of {}; -n says the namespace, --workload or the manifests the workload",
        shown.join(", ")
    );
    (message, hint)
}

/// When pods were created and so on, by their names.
fn pods(series: &[&Series]) -> BTreeMap<String, [Option<i64>; 4]> {
    let mut pods: BTreeMap<String, [Option<i64>; 4]> = BTreeMap::new();
    let kinds = [Signal::PodCreated, Signal::PodScheduled, Signal::PodStarted, Signal::PodReady];
    // The start of a pod is when the kubelet took it; that of its containers comes after their images.
    let of_containers = |series: &Series| series.signal == Signal::PodStarted && series.about.container.is_some();
    let known: BTreeSet<&str> =
        series.iter().filter(|one| of_containers(one)).filter_map(|one| one.about.pod.as_deref()).collect();
    for one in series {
        let Some(pod) = &one.about.pod else { continue };
        let times = pods.entry(pod.clone()).or_default();
        if one.signal == Signal::PodStarted && known.contains(pod.as_str()) && !of_containers(one) {
            continue;
        }
        if let Some(kind) = kinds.iter().position(|kind| *kind == one.signal) {
            let first = one.points.iter().map(|(_, value)| *value as i64).filter(|seconds| *seconds > 0).min();
            times[kind] = match (times[kind], first) {
                (Some(one), Some(other)) => Some(one.min(other)),
                (one, other) => one.or(other),
            };
        }
    }
    pods
}

impl Observed {
    fn fill(&mut self, merged: &BTreeMap<&Signal, Vec<Merged>>, loads: &[&Signal]) {
        for (signal, all) in merged {
            let pods =
                matches!(signal, Signal::PodCreated | Signal::PodScheduled | Signal::PodStarted | Signal::PodReady);
            if pods || matches!(signal, Signal::ThrottledPeriods | Signal::CpuPeriods | Signal::ResponseSeconds) {
                continue;
            }
            let values = self.grid.values(signal, all);
            self.find_gaps(signal, all);
            if loads.contains(signal) {
                let column = match signal {
                    Signal::Metric(name) => Column::Metric(name.clone()),
                    signal => Column::from_name(signal.name()),
                };
                self.load.push((column, held(&values)));
            }
            if !matches!(signal, Signal::Metric(_) | Signal::Clients | Signal::Memory) {
                let per_second = matches!(signal, Signal::Restarts | Signal::OomKills);
                let factor = if per_second { self.grid.step as f64 } else { 1.0 };
                let values = values.into_iter().map(|value| value.map(|value| value * factor)).collect();
                self.recorded.push((signal.name().to_owned(), values));
            }
        }
        if let Some(of_pods) = merged.get(&Signal::Cpu)
            && of_pods.iter().any(|one| one.is_of_pod && one.kind == Kind::Counter)
        {
            self.recorded.push((Signal::MeasuredPods.name().to_owned(), self.grid.measured(of_pods)));
        }
        self.ratio(merged, (&Signal::ThrottledPeriods, &Signal::CpuPeriods), (THROTTLED_SHARE, 1.0));
        self.ratio(merged, (&Signal::ResponseSeconds, &Signal::Rps), ("response_ms", 1e3));
        self.load.sort_by_key(|(column, _)| {
            Column::NAMES.iter().position(|name| *name == column.name()).unwrap_or(usize::MAX)
        });
        if let Some((_, shares)) = self.recorded.iter().find(|(name, _)| name == THROTTLED_SHARE) {
            let throttled = shares.iter().filter(|share| share.is_some_and(|share| share > THROTTLED)).count();
            if throttled > 0 {
                let part = throttled as f64 * 100.0 / self.grid.steps as f64;
                self.notes.push(format!(
                    "for {part:.1}% of the time over {:.0}% of the periods were throttled: there cpu is a lower bound of the demand",
                    THROTTLED * 100.0
                ));
            }
        }
    }

    /// One sum of counters for each of another.
    fn ratio(
        &mut self,
        merged: &BTreeMap<&Signal, Vec<Merged>>,
        (over, under): (&Signal, &Signal),
        (name, factor): (&str, f64),
    ) {
        let (Some(over), Some(below)) = (merged.get(over), merged.get(under)) else { return };
        if below.iter().any(|one| one.kind == Kind::Gauge) {
            return;
        }
        let (over, below) = (self.grid.values(&Signal::Cpu, over), self.grid.values(&Signal::Cpu, below));
        let ratio = over.iter().zip(&below).map(|(over, below)| match (over, below) {
            (Some(over), Some(below)) if *below > 0.0 => Some(over / below * factor),
            _ => None,
        });
        self.recorded.push((name.to_owned(), ratio.collect()));
    }

    /// Where there is no sample of a signal for far longer than usual.
    fn find_gaps(&mut self, signal: &Signal, all: &[Merged]) {
        let mut times: Vec<i64> = all.iter().flat_map(|one| one.points.iter().map(|(at, _)| *at)).collect();
        times.sort_unstable();
        let usual = median(all.iter().map(|one| one.distance).collect()).unwrap_or(1).max(1000);
        let is_of_pods = all.iter().any(|one| one.is_of_pod || one.kind == Kind::Counter);
        for pair in times.windows(2).filter(|pair| is_of_pods && pair[1] - pair[0] > 3 * usual) {
            let second = |millis: i64| millis.div_euclid(1000) - self.grid.start;
            self.gaps.push(Gap { signal: signal.clone(), from: second(pair[0]), to: second(pair[1]) });
        }
    }

    /// The load as a table, from the start of the grid on, with columns that do not change.
    pub fn table(&self, constants: &[(Column, f64)]) -> LoadTable {
        let columns = self.load.iter().map(|(column, _)| column).chain(constants.iter().map(|(column, _)| column));
        let mut table = LoadTable::new(columns.cloned().collect()).from_instant(self.grid.clock());
        let mut row = vec![0.0; self.load.len()];
        row.extend(constants.iter().map(|(_, value)| *value));
        for step in 0..self.grid.steps {
            for (slot, (_, values)) in row.iter_mut().zip(&self.load) {
                *slot = values[step];
            }
            table.push(SimTime::from_seconds(step as i64 * self.grid.step), &row);
        }
        table
    }
}

/// The last value where there is none; before the first one, that.
fn held(values: &[Option<f64>]) -> Vec<f64> {
    let mut last = values.iter().flatten().next().copied().unwrap_or(0.0);
    let hold = |value: &Option<f64>| {
        last = value.unwrap_or(last);
        last
    };
    values.iter().map(hold).collect()
}
