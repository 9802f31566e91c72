//! From recorded series to what a workload was asked for, on a grid of equal steps.
//!
//! Counters become rates whose sum over time is what they counted: between two samples of a pod its rate is constant, a restart
//! begins at zero, and a pod that comes later is counted from a sample's distance before its first one. Of values, each holds until
//! the next; that of a pod for no more than one and a half distances of its samples.

use std::collections::{BTreeMap, BTreeSet};

use crate::input::{Diagnostic, InputError};
use crate::model::{
    About, Column, Gap, Grid, HpaSpec, Kind, LoadTable, Location, Observed, RecordedEvent, Recording, Series, Signal,
    piece,
};
use crate::units::SimTime;

/// Whose recording it is; of what is not named everything counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subject {
    /// The namespace.
    pub namespace: Option<String>,
    /// The HPA.
    pub hpa: Option<String>,
    /// The workload.
    pub workload: Option<String>,
}

/// The longest load, in steps.
const MOST_STEPS: i64 = 20_000_000;
/// Of a step so much may be missing.
const WHOLE: f64 = 0.01;
/// From this share of throttled periods on what was used is not all that was demanded.
const THROTTLED: f64 = 0.05;

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
    let drives = [Signal::Cpu, Signal::Memory, Signal::Rps, Signal::Clients];
    let is_load = |signal: &Signal| drives.contains(signal) || matches!(signal, Signal::Metric(_));
    let mut loads: Vec<&Signal> = merged.keys().copied().filter(|signal| is_load(signal)).collect();
    let utilization = [Signal::CpuUtilization, Signal::MemoryUtilization, Signal::CurrentReplicas];
    if !loads.iter().any(|signal| drives.contains(signal)) && merged.contains_key(&Signal::CurrentReplicas) {
        loads.extend(merged.keys().copied().filter(|signal| utilization.contains(signal)));
    }
    let spans = loads.iter().flat_map(|signal| merged[*signal].iter()).filter_map(Merged::span);
    let Some((first, last)) = spans.reduce(|one, other| (one.0.min(other.0), one.1.max(other.1))) else {
        let message = match subject.workload.as_ref().or(subject.hpa.as_ref()) {
            Some(name) => format!("nothing of {} says how it was used", piece(name)),
            None => "nothing says how a workload was used".to_owned(),
        };
        let hint = "it takes CPU, memory, requests or clients, or the utilization with the replicas";
        return Err(complain(message, hint.to_owned()));
    };
    let distances: Vec<i64> = loads.iter().flat_map(|signal| merged[*signal].iter().map(|one| one.distance)).collect();
    let native = median(distances).unwrap_or(1000);
    let step = step.unwrap_or_else(|| (native as f64 / 1e3).round().max(1.0) as i64);
    let start = first.div_euclid(1000);
    // A step of which only a part was recorded says less than it seems to.
    let steps = ((last - start * 1000) as f64 / (step * 1000) as f64 + WHOLE).floor() as i64;
    if steps > MOST_STEPS {
        return Err(complain(format!("{steps} steps of {step}s are too many"), "make --step longer".to_owned()));
    }
    let grid = Grid { base, start, step, steps: steps.max(1) as usize };
    let mut found = Observed {
        load: Vec::new(),
        recorded: Vec::new(),
        pods: pods(&series),
        events: Vec::new(),
        gaps: Vec::new(),
        resets: merged.values().flatten().map(|one| one.resets).sum(),
        notes,
        grid,
    };
    found.fill(&merged, &loads);
    found.happen(recordings, &merged);
    Ok(found)
}

impl Subject {
    /// That of an HPA.
    pub fn of(hpa: &HpaSpec) -> Self {
        Self {
            namespace: Some(hpa.namespace.clone()),
            hpa: Some(hpa.name.clone()),
            workload: Some(hpa.target.name.clone()),
        }
    }

    /// Whether a series is of it, as far as its labels say.
    pub fn has(&self, about: &About) -> bool {
        let same = |wanted: &Option<String>, found: &Option<String>| match (wanted, found) {
            (Some(wanted), Some(found)) => wanted == found,
            _ => true,
        };
        let names = [&self.hpa, &self.workload];
        let is_owner = match &about.owner {
            Some(owner) if names.iter().any(|name| name.is_some()) => {
                names.iter().any(|name| name.as_ref() == Some(owner))
            }
            _ => true,
        };
        let is_pod = match (&self.workload, &about.pod) {
            (Some(workload), Some(pod)) => workload_of(pod) == workload,
            _ => true,
        };
        same(&self.namespace, &about.namespace) && is_owner && is_pod
    }
}

/// The workload of a pod, by its name: without the five characters that a ReplicaSet adds and the hash before them, or without
/// the number that a StatefulSet adds.
fn workload_of(pod: &str) -> &str {
    let is_random = |text: &str| text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    let Some((before, last)) = pod.rsplit_once('-') else { return pod };
    if !last.is_empty() && last.bytes().all(|b| b.is_ascii_digit()) && last.len() < 5 {
        return before;
    }
    if last.len() != 5 || !is_random(last) {
        return pod;
    }
    match before.rsplit_once('-') {
        Some((workload, hash))
            if (6..=10).contains(&hash.len()) && is_random(hash) && hash.bytes().any(|b| b.is_ascii_digit()) =>
        {
            workload
        }
        _ => before,
    }
}

/// Pods of several workloads are not one load.
fn one_workload(series: &[&Series], subject: &Subject) -> Result<(), (String, String)> {
    if subject.workload.is_some() {
        return Ok(());
    }
    let pods = series.iter().filter_map(|series| series.about.pod.as_deref());
    let workloads: BTreeSet<&str> = pods.map(workload_of).collect();
    let owners = series
        .iter()
        .filter(|series| series.signal == Signal::DesiredReplicas || series.signal == Signal::CpuUtilization);
    let hpas: BTreeSet<&str> = owners.filter_map(|series| series.about.owner.as_deref()).collect();
    for (what, names) in [("workloads", workloads), ("HPAs", hpas)] {
        if names.len() > 1 {
            let shown: Vec<String> = names.iter().take(8).map(|name| piece(name).to_string()).collect();
            let more = if names.len() > 8 { ", ..." } else { "" };
            let hint = "say which is meant: --workload NAME (and --namespace), or the manifests with -f and --hpa NAME";
            return Err((format!("{} {what} were recorded: {}{more}", names.len(), shown.join(", ")), hint.to_owned()));
        }
    }
    Ok(())
}

/// The samples of one thing, whichever series and files they come from.
struct Merged {
    kind: Kind,
    /// Whether it is of a pod.
    is_of_pod: bool,
    /// Milliseconds and values; of a counter all until then, resets added up.
    points: Vec<(i64, f64)>,
    /// How far samples are apart, milliseconds.
    distance: i64,
    resets: usize,
}

impl Merged {
    /// From the first sample to the last, which for a value that holds is as long as the others.
    fn span(&self) -> Option<(i64, i64)> {
        let holds = if self.kind == Kind::Gauge && self.points.len() > 1 { self.distance } else { 0 };
        Some((self.points.first()?.0, self.points.last()?.0 + holds))
    }
}

/// Series of one signal, by what they are of. Where containers were measured, sums over the pod are left out, and what was
/// measured twice counts once.
fn merge<'a>(series: impl Iterator<Item = &'a Series>, signal: &Signal, notes: &mut Vec<String>) -> Vec<Merged> {
    let mut by_thing: BTreeMap<About, Vec<&Series>> = BTreeMap::new();
    let is_of_containers = matches!(
        signal,
        Signal::Cpu
            | Signal::Memory
            | Signal::CpuPeriods
            | Signal::ThrottledPeriods
            | Signal::OomKills
            | Signal::Restarts
    );
    for one in series {
        let about = &one.about;
        // The container that holds a pod's network uses nothing that counts.
        if about.container.as_deref() == Some("POD") {
            continue;
        }
        // Of containers the other labels are of who measured them.
        let others = if is_of_containers && about.pod.is_some() { String::new() } else { about.others.clone() };
        let owner = if signal.is_summed() { about.owner.clone() } else { None };
        let container = about.container.clone().filter(|name| !name.is_empty());
        by_thing.entry(About { others, owner, container, ..about.clone() }).or_default().push(one);
    }
    let with_containers: BTreeSet<(Option<String>, Option<String>)> = by_thing
        .keys()
        .filter(|about| about.container.is_some())
        .map(|about| (about.namespace.clone(), about.pod.clone()))
        .collect();
    by_thing.retain(|about, _| {
        about.container.is_some()
            || about.pod.is_none()
            || !with_containers.contains(&(about.namespace.clone(), about.pod.clone()))
    });
    let mut twice = 0;
    let all = by_thing.into_iter().map(|(about, mut parts)| {
        parts.sort_by_key(|part| part.points.first().map(|(at, _)| *at));
        let mut points: Vec<(i64, f64)> = Vec::new();
        for part in &parts {
            let end = points.last().map_or(i64::MIN, |(at, _)| *at);
            let new = part.points.iter().filter(|(at, _)| *at > end);
            let before = points.len();
            points.extend(new);
            // Pieces of one series follow each other; what lies beside it was measured by another.
            let is_beside = end > i64::MIN && points.len() - before < part.points.len() / 2;
            twice += usize::from(is_beside);
        }
        let kind = parts.first().map_or(Kind::Gauge, |part| part.kind);
        let distance = median(points.windows(2).map(|pair| pair[1].0 - pair[0].0).collect()).unwrap_or(60_000).max(1);
        let resets = if kind == Kind::Counter { add_up(&mut points) } else { 0 };
        Merged { kind, is_of_pod: about.pod.is_some(), points, distance, resets }
    });
    let all: Vec<Merged> = all.collect();
    if twice > 0 {
        notes.push(format!("{signal}: {twice} series measure what another one measures, and count once"));
    }
    all
}

fn median(mut values: Vec<i64>) -> Option<i64> {
    values.sort_unstable();
    values.get(values.len() / 2).copied()
}

/// Makes a counter that begins anew go on; how often it did.
fn add_up(points: &mut [(i64, f64)]) -> usize {
    let (mut base, mut last, mut resets) = (0.0, 0.0, 0);
    for (_, value) in points {
        if *value < last {
            base += last;
            resets += 1;
        }
        last = *value;
        *value += base;
    }
    resets
}

impl Grid {
    /// The start of a step, milliseconds.
    fn at(&self, step: usize) -> i64 {
        (self.start + step as i64 * self.step) * 1000
    }

    /// The step that an instant lies in, or would.
    fn step_of(&self, millis: i64) -> i64 {
        (millis - self.start * 1000).div_euclid(self.step * 1000)
    }

    /// Adds what a counter counted to the steps, as rates a second. The first value of a pod that comes later counts, too.
    fn add_rates(&self, one: &Merged, sums: &mut [Option<f64>]) {
        let mut pairs: Vec<((i64, f64), (i64, f64))> = one.points.windows(2).map(|pair| (pair[0], pair[1])).collect();
        if let Some(&(at, value)) = one.points.first()
            && one.is_of_pod
            && at > self.start * 1000 + one.distance * 3 / 2
        {
            pairs.insert(0, ((at - one.distance, 0.0), (at, value)));
        }
        // At either end of the recording what is nearest goes on, as far as a sample is away.
        let (begin, end) = (self.at(0), self.at(self.steps));
        if let Some(&((from, before), (to, after))) = pairs.first()
            && from > begin
            && from - begin <= one.distance * 3 / 2
            && to > from
        {
            let rate = (after - before) / (to - from) as f64;
            pairs.insert(0, ((begin, before - rate * (from - begin) as f64), (from, before)));
        }
        if let Some(&((from, before), (to, after))) = pairs.last()
            && to < end
            && to > from
        {
            // A pod that ends earlier lives for half a sample's distance more, as far as is known.
            let until = if end - to <= one.distance * 3 / 2 { end } else { to + one.distance / 2 };
            let rate = (after - before) / (to - from) as f64;
            if one.is_of_pod || until == end {
                pairs.push(((to, after), (until, after + rate * (until - to) as f64)));
            }
        }
        for ((from, before), (to, after)) in pairs {
            if to <= from {
                continue;
            }
            let rate = (after - before) / (to - from) as f64;
            let first = self.step_of(from).max(0);
            for step in first..=self.step_of(to - 1).min(self.steps as i64 - 1) {
                let (start, end) = (self.at(step as usize), self.at(step as usize + 1));
                let shared = (to.min(end) - from.max(start)).max(0) as f64;
                *sums[step as usize].get_or_insert(0.0) += rate * shared / self.step as f64;
            }
        }
    }

    /// Adds the values at the beginning of the steps, or takes the largest.
    fn add_values(&self, one: &Merged, is_summed: bool, sums: &mut [Option<f64>]) {
        let mut next = 0;
        // A pod whose first sample is near the start was there at the start.
        let (begin, first) = (self.at(0), one.points.first().copied());
        let mut held = first.filter(|(at, _)| one.is_of_pod && at - begin <= one.distance * 3 / 2);
        for (step, slot) in sums.iter_mut().enumerate() {
            // A sample within the first half of a step is of its beginning.
            let at = self.at(step) + (self.step * 500).min(one.distance / 2);
            while next < one.points.len() && one.points[next].0 <= at {
                held = Some(one.points[next]);
                next += 1;
            }
            let Some((since, value)) = held else { continue };
            if one.is_of_pod && at - since > one.distance * 2 {
                continue;
            }
            *slot = Some(match *slot {
                Some(sum) if is_summed => sum + value,
                Some(other) => other.max(value),
                None => value,
            });
        }
    }

    fn values(&self, signal: &Signal, all: &[Merged]) -> Vec<Option<f64>> {
        let mut sums = vec![None; self.steps];
        for one in all {
            match one.kind {
                Kind::Counter => self.add_rates(one, &mut sums),
                Kind::Gauge => self.add_values(one, signal.is_summed(), &mut sums),
            }
        }
        sums
    }
}

/// When pods were created and so on, by their names.
fn pods(series: &[&Series]) -> BTreeMap<String, [Option<i64>; 4]> {
    let mut pods: BTreeMap<String, [Option<i64>; 4]> = BTreeMap::new();
    let kinds = [Signal::PodCreated, Signal::PodScheduled, Signal::PodStarted, Signal::PodReady];
    for one in series {
        let Some(pod) = &one.about.pod else { continue };
        let times = pods.entry(pod.clone()).or_default();
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
        self.ratio(merged, (&Signal::ThrottledPeriods, &Signal::CpuPeriods), ("throttled_share", 1.0));
        self.ratio(merged, (&Signal::ResponseSeconds, &Signal::Rps), ("response_ms", 1e3));
        self.load.sort_by_key(|(column, _)| {
            Column::NAMES.iter().position(|name| *name == column.name()).unwrap_or(usize::MAX)
        });
        if let Some((_, shares)) = self.recorded.iter().find(|(name, _)| name == "throttled_share") {
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

    /// What happened: as it was recorded, and restarts as they were counted.
    fn happen(&mut self, recordings: &[(String, Recording)], merged: &BTreeMap<&Signal, Vec<Merged>>) {
        let seconds = |millis: i64| millis.div_euclid(1000) - self.grid.start;
        let told = recordings.iter().flat_map(|(_, recording)| &recording.events);
        let mut events: Vec<(i64, RecordedEvent)> = told.map(|event| (seconds(event.at), event.clone())).collect();
        for (signal, reason) in [(Signal::Restarts, "Restarted"), (Signal::OomKills, "OOMKilled")] {
            let counters = merged.get(&signal).into_iter().flatten();
            let steps = counters.flat_map(|one| one.points.windows(2).filter(|pair| pair[1].1 > pair[0].1));
            for pair in steps {
                let count = (pair[1].1 - pair[0].1).round();
                let message = format!("{count} since {} s before", (pair[1].0 - pair[0].0) / 1000);
                let object = "Pod/".to_owned();
                events.push((
                    seconds(pair[1].0),
                    RecordedEvent { at: pair[1].0, reason: reason.to_owned(), object, message },
                ));
            }
        }
        events.sort_by_key(|(at, _)| *at);
        self.events = events;
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
