//! Recorded against predicted: how far they are apart, and how far the textbook's formula is.

use schemars::JsonSchema;
use serde::Serialize;

use crate::model::{Column, HpaSpec, MetricSource, MetricTarget, ResourceName, ValueTarget};
use crate::sim::{Listen, SyncRecord};

/// A value over time: from each second on, until the next.
pub type Course = Vec<(i64, f64)>;

/// What was recorded, or predicted.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Seen {
    /// Replicas.
    pub replicas: Course,
    /// CPU utilization as the HPA sees it, percent; empty where it is not known.
    pub utilization: Course,
    /// Restarts by liveness probes that there are on average until then.
    pub restarts: Course,
}

/// Keeps what the HPA wants and sees.
#[derive(Clone, Debug)]
pub struct Listener {
    cpu: Option<usize>,
    seen: Seen,
}

impl Listener {
    /// Of an HPA with so many replicas at the start.
    pub fn new(hpa: &HpaSpec, initial: f64) -> Self {
        let is_cpu = |metric: &MetricSource| {
            metric.resource().is_some_and(|resource| {
                *resource.name == ResourceName::Cpu && matches!(resource.target, MetricTarget::Utilization(_))
            })
        };
        let seen = Seen { replicas: vec![(0, initial)], ..Seen::default() };
        Self { cpu: hpa.metrics.iter().position(is_cpu), seen }
    }

    /// All of it.
    pub fn seen(self) -> Seen {
        self.seen
    }
}

impl Listen for Listener {
    fn listens(&self) -> bool {
        true
    }

    fn hear(&mut self, record: &SyncRecord<'_>) {
        let at = record.now.seconds();
        push(&mut self.seen.replicas, at, record.decision.desired.into());
        push(&mut self.seen.restarts, at, record.expected_restarts);
        let status =
            self.cpu.and_then(|index| record.history.current_metrics().get(index)?.as_ref()?.average_utilization);
        if let Some(percent) = status {
            push(&mut self.seen.utilization, at, percent.into());
        }
    }
}

/// Adds a value where it is another one.
pub fn push(course: &mut Course, at: i64, value: f64) {
    if course.last().is_none_or(|(_, last)| *last != value) {
        course.push((at, value));
    }
}

/// How far a prediction is from what was recorded.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Errors {
    /// Mean absolute error of the replicas, over time.
    pub replicas: f64,
    /// Mean error, whose sign says whether too many were predicted.
    pub bias: f64,
    /// The largest error of the replicas.
    pub largest: f64,
    /// Mean absolute error of the times of changes, seconds; null if none came.
    pub change_seconds: Option<f64>,
    /// Changes that were recorded and not predicted.
    pub missed_changes: usize,
    /// Mean absolute error of the CPU utilization, percentage points.
    pub utilization: Option<f64>,
}

/// A change that was recorded, and what was predicted of it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RecordedChange {
    /// When, seconds from the start.
    pub at_seconds: i64,
    /// Replicas before.
    pub from: f64,
    /// Replicas after.
    pub to: f64,
    /// How much later so many replicas are predicted, seconds; null if they are not before the course turns.
    pub late_seconds: Option<i64>,
    /// How many more replicas are predicted at that time.
    pub more_replicas: f64,
}

/// The value at an instant; before the first one there is none.
fn at(course: &[(i64, f64)], second: i64) -> Option<f64> {
    let index = course.partition_point(|(at, _)| *at <= second);
    index.checked_sub(1).map(|index| course[index].1)
}

/// The mean over time of something of two values, where both are known, and the largest.
fn mean(
    one: &[(i64, f64)],
    other: &[(i64, f64)],
    (from, to): (i64, i64),
    of: impl Fn(f64, f64) -> f64,
) -> Option<(f64, f64)> {
    let begin = from.max(one.first()?.0).max(other.first()?.0);
    let mut times: Vec<i64> = one.iter().chain(other).map(|(at, _)| *at).filter(|at| *at > begin && *at < to).collect();
    times.push(begin);
    times.sort_unstable();
    times.dedup();
    let (mut sum, mut seconds, mut largest) = (0.0, 0, 0.0_f64);
    for (index, &time) in times.iter().enumerate() {
        let until = times.get(index + 1).copied().unwrap_or(to);
        if let (Some(one), Some(other)) = (at(one, time), at(other, time)) {
            let value = of(one, other);
            sum += value * (until - time) as f64;
            seconds += until - time;
            largest = largest.max(value);
        }
    }
    (seconds > 0).then(|| (sum / seconds as f64, largest))
}

/// The changes of a course.
fn changes(course: &[(i64, f64)]) -> Vec<(i64, f64, f64)> {
    let mut all = Vec::new();
    let mut last = course.first().map(|(_, value)| *value);
    for &(at, value) in course {
        if let Some(before) = last.filter(|before| *before != value) {
            all.push((at, before, value));
        }
        last = Some(value);
    }
    all
}

/// Each change that was recorded within a time, and when as many replicas are predicted: the nearest time until the course turns.
pub fn compared(predicted: &Seen, recorded: &Seen, (from, to): (i64, i64)) -> Vec<RecordedChange> {
    let all = changes(&recorded.replicas);
    let within = |(index, &(time, before, after)): (usize, &(i64, f64, f64))| {
        let rises = after > before;
        // From the last turn to the next one.
        let turns = |other: &&(i64, f64, f64)| (other.2 > other.1) != rises;
        let since = all[..index].iter().rev().find(turns).map_or(i64::MIN, |(at, ..)| *at);
        let until = all[index..].iter().find(turns).map_or(to, |(at, ..)| *at);
        let reached = |value: f64| if rises { value >= after } else { value <= after };
        let mut there = predicted.replicas.windows(2).filter_map(|pair| {
            let arrives = !reached(pair[0].1) && reached(pair[1].1);
            (arrives && pair[1].0 >= since && pair[1].0 < until).then_some(pair[1].0)
        });
        let first = there.by_ref().min_by_key(|at| (at - time).abs());
        RecordedChange {
            at_seconds: time,
            from: before,
            to: after,
            late_seconds: first.map(|at| at - time),
            more_replicas: at(&predicted.replicas, time).unwrap_or(after) - after,
        }
    };
    all.iter().enumerate().filter(|(_, (time, ..))| (from..to).contains(time)).map(within).collect()
}

/// How far a prediction is from what was recorded, within a time; none where nothing was recorded.
pub fn errors(predicted: &Seen, recorded: &Seen, within: (i64, i64)) -> Option<Errors> {
    let replicas = |of: fn(f64, f64) -> f64| mean(&predicted.replicas, &recorded.replicas, within, of);
    let (absolute, largest) = replicas(|one, other| (one - other).abs())?;
    let (bias, _) = replicas(|one, other| one - other)?;
    let all = compared(predicted, recorded, within);
    let late: Vec<f64> = all.iter().filter_map(|change| change.late_seconds).map(|late| late.abs() as f64).collect();
    let utilization = mean(&predicted.utilization, &recorded.utilization, within, |one, other| (one - other).abs());
    Some(Errors {
        replicas: absolute,
        bias,
        largest,
        change_seconds: (!late.is_empty()).then(|| late.iter().sum::<f64>() / late.len() as f64),
        missed_changes: all.len() - late.len(),
        utilization: utilization.map(|(mean, _)| mean),
    })
}

/// The mean of what was recorded over a time.
pub fn mean_replicas(recorded: &Seen, within: (i64, i64)) -> Option<f64> {
    mean(&recorded.replicas, &recorded.replicas, within, |one, _| one).map(|(mean, _)| mean)
}

/// How far recordings of one load are from each other, and a prediction from them: replicas, on average over time.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Repeatability {
    /// How many recordings.
    pub recordings: usize,
    /// The two that are least apart.
    pub least: f64,
    /// All pairs, on average.
    pub mean: f64,
    /// The two that are farthest apart.
    pub most: f64,
    /// The prediction from each of them, on average.
    pub predicted: f64,
}

/// Of several recordings, from their starts on.
pub fn repeatability(predicted: &Seen, recorded: &[Seen], end: i64) -> Option<Repeatability> {
    let apart = |one: &Seen, other: &Seen| errors(one, other, (0, end)).map(|errors| errors.replicas);
    let pairs = recorded.iter().enumerate();
    let pairs: Vec<f64> = pairs
        .flat_map(|(index, one)| recorded[index + 1..].iter().filter_map(move |other| apart(one, other)))
        .collect();
    let from_each: Vec<f64> = recorded.iter().filter_map(|one| apart(predicted, one)).collect();
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let least = pairs.iter().copied().min_by(f64::total_cmp)?;
    let most = pairs.iter().copied().max_by(f64::total_cmp)?;
    Some(Repeatability { recordings: recorded.len(), least, mean: mean(&pairs), most, predicted: mean(&from_each) })
}

/// What the textbook predicts: `ceil(replicas x current / target)` of what is demanded, at once, within the bounds. The largest of the
/// metrics counts; those that the load has no column for do not. `requests` are a pod's CPU (cores) and memory (bytes).
pub fn textbook(
    hpa: &HpaSpec,
    requests: (f64, f64),
    columns: &[Column],
    rows: &[(i64, Vec<f64>)],
    initial: f64,
) -> Seen {
    let mut seen = Seen::default();
    let mut replicas = initial;
    for (at, row) in rows {
        let column = |wanted: &Column| columns.iter().position(|column| column == wanted).map(|index| row[index]);
        let ratio = |source: &MetricSource| textbook_count(source, &column, requests, replicas);
        let wanted = hpa.metrics.iter().filter_map(ratio).reduce(f64::max);
        if let Some(wanted) = wanted {
            replicas = wanted.ceil().clamp(f64::from(hpa.min_replicas), f64::from(hpa.max_replicas));
        }
        seen.replicas.push((*at, replicas));
        let demand = demanded(&column, &Column::Cpu, &Column::CpuUtilization, requests.0);
        if let Some(demand) = demand.filter(|_| requests.0 > 0.0 && replicas > 0.0) {
            seen.utilization.push((*at, demand / (requests.0 * replicas) * 100.0));
        }
    }
    seen
}

/// What all pods together demand, as it is or multiplied back.
fn demanded(column: &impl Fn(&Column) -> Option<f64>, total: &Column, share: &Column, request: f64) -> Option<f64> {
    column(total).or_else(|| Some(column(share)? / 100.0 * request * column(&Column::Replicas)?))
}

/// The replicas that a metric asks for, before they are rounded up.
fn textbook_count(
    source: &MetricSource,
    column: &impl Fn(&Column) -> Option<f64>,
    (cpu, memory): (f64, f64),
    replicas: f64,
) -> Option<f64> {
    let custom = || column(&Column::Metric(source.label()));
    match source {
        MetricSource::Resource { name, target } | MetricSource::ContainerResource { name, target, .. } => {
            let demand = match name {
                ResourceName::Cpu => demanded(column, &Column::Cpu, &Column::CpuUtilization, cpu)?,
                ResourceName::Memory => demanded(column, &Column::Memory, &Column::MemoryUtilization, memory)?,
                ResourceName::Other(_) => return None,
            };
            let request = if *name == ResourceName::Cpu { cpu } else { memory };
            match *target {
                MetricTarget::Utilization(percent) if request > 0.0 => {
                    Some(demand / (request * f64::from(percent) / 100.0))
                }
                MetricTarget::Utilization(_) => None,
                MetricTarget::AverageValue(thousandths) => Some(demand * 1000.0 / thousandths as f64),
            }
        }
        MetricSource::Pods { average_value, .. } => Some(custom()? * 1000.0 / *average_value as f64),
        MetricSource::Object { target, .. } | MetricSource::External { target, .. } => match *target {
            ValueTarget::Value(thousandths) => Some(replicas * custom()? * 1000.0 / thousandths as f64),
            ValueTarget::AverageValue(thousandths) => Some(custom()? * 1000.0 / thousandths as f64),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(replicas: &[(i64, f64)]) -> Seen {
        Seen { replicas: replicas.to_vec(), ..Seen::default() }
    }

    #[test]
    fn errors_are_over_time() {
        let recorded = seen(&[(0, 3.0), (60, 6.0), (360, 3.0)]);
        let errors =
            |predicted: &[(i64, f64)]| errors(&seen(predicted), &recorded, (0, 600)).unwrap_or_else(|| panic!("none"));
        let same = errors(&[(0, 3.0), (60, 6.0), (360, 3.0)]);
        assert_eq!((same.replicas, same.largest, same.change_seconds, same.missed_changes), (0.0, 0.0, Some(0.0), 0));
        // Thirty seconds late up, a replica too many for 120 s, and never down.
        let late = errors(&[(0, 3.0), (90, 6.0), (180, 7.0), (300, 6.0)]);
        assert_eq!(late.replicas, (30.0 * 3.0 + 120.0 + 240.0 * 3.0) / 600.0);
        assert_eq!(late.bias, (-90.0 + 120.0 + 720.0) / 600.0);
        assert_eq!((late.change_seconds, late.missed_changes), (Some(30.0), 1));
    }

    #[test]
    fn a_change_is_looked_for_until_the_course_turns() {
        let recorded = seen(&[(0, 1.0), (30, 2.0), (60, 4.0), (600, 1.0), (900, 4.0)]);
        // Early, then at once to four, down late and in steps.
        let predicted = seen(&[(0, 1.0), (15, 4.0), (615, 2.0), (660, 1.0), (960, 5.0)]);
        let late: Vec<Option<i64>> =
            compared(&predicted, &recorded, (0, 1000)).iter().map(|one| one.late_seconds).collect();
        assert_eq!(late, [Some(-15), Some(-45), Some(60), Some(60)]);
        let late: Vec<Option<i64>> =
            compared(&seen(&[(0, 1.0)]), &recorded, (0, 700)).iter().map(|one| one.late_seconds).collect();
        assert_eq!(late, [None, None, None]);
    }
}
