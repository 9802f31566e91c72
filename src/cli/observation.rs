//! What was recorded beside a load: replicas, utilization, and what tells settings.

use std::collections::BTreeMap;
use std::path::Path;

use jiff::tz::TimeZone;

use super::output;
use crate::input::load::{FOLDER_LOAD, folder_of};
use crate::input::recording::{self, Options, PodTimes, Subject};
use crate::input::{Diagnostic, InputError, open};
use crate::model::{HpaSpec, MetricTarget, Recording, ResourceName, Series, Signal, TimeBase};
use crate::study::backtest::{Course, Seen, push};
use crate::study::calibrate::direct::Step;
use crate::study::calibrate::loss::Samples;

/// What is known by its name, and when.
type Known<'a> = BTreeMap<&'a str, BTreeMap<i64, f64>>;

/// A folder of `hpasim import`, or a file that has all.
#[derive(Debug)]
pub(super) struct Observation {
    /// Replicas and utilization from the start of the load on, as they change.
    pub seen: Seen,
    /// The same, sample by sample.
    pub samples: Samples,
    /// The replicas at the start of the load.
    pub initial: f64,
    /// CPU, requests and pods, and memory, requests and pods, where all of them are known.
    pub cpu: Vec<Step>,
    pub memory: Vec<Step>,
    /// The pods.
    pub pods: Vec<PodTimes>,
}

impl Observation {
    /// Reads what was recorded of an HPA; `epoch` is the instant of the load's start, if it is known.
    pub fn read(path: &Path, zone: TimeZone, hpa: &HpaSpec, epoch: Option<i64>) -> anyhow::Result<Self> {
        let subject = Subject::of(hpa);
        let path = folder_of(path, &subject);
        let options = Options { zone, ..Options::of(hpa) };
        let is_folder = path.is_dir();
        let file = if is_folder { path.join("recorded.csv") } else { path.to_owned() };
        let name = file.display().to_string();
        let found = recording::read(&name, open(&file)?, &options)?;
        let observed = match is_folder {
            true => None,
            false => Some(recording::observed(&[(name.clone(), found.clone())], &subject, None)?),
        };
        // A folder's times are those of its load; a file's begin where its load does.
        let start = match (found.base, epoch, &observed) {
            (TimeBase::Epoch(_), Some(epoch), _) => epoch,
            (_, _, Some(observed)) => observed.grid.start,
            _ => 0,
        };
        let samples = |signal: &Signal| samples(&found, &subject, signal, start);
        warn_of_another_hpa(hpa, samples);
        let (desired, current) = (samples(&Signal::DesiredReplicas), samples(&Signal::CurrentReplicas));
        let at_start = |samples: &[(i64, f64)]| {
            let before = samples.iter().take_while(|(at, _)| *at <= 0).last();
            before.or(samples.first()).map(|(_, value)| *value)
        };
        let Some(initial) = at_start(&current).or(at_start(&desired)) else {
            let hint = "it takes the HPA's desired or current replicas: kube-state-metrics' kube_horizontalpodautoscaler_status_*, or a \
                        column `desired` or `replicas`";
            return Err(InputError::from(Diagnostic::new(format!("{name} has no replicas")).hint(hint)).into());
        };
        let mut samples = Samples {
            replicas: if desired.is_empty() { current } else { desired },
            utilization: samples(&Signal::CpuUtilization),
            target: target(hpa),
            ..Samples::default()
        };
        let (replicas, utilization) = (course(&samples.replicas), course(&samples.utilization));
        let seen = Seen { replicas, utilization, ..Seen::default() };
        let load = if is_folder { load_in(&path, &options)? } else { Recording::default() };
        let mut known = Known::new();
        let mut pods = Vec::new();
        match &observed {
            Some(observed) => {
                let at = |step: usize| step as i64 * observed.grid.step;
                for (name, values) in &observed.recorded {
                    let values = values.iter().enumerate().filter_map(|(step, value)| Some((at(step), (*value)?)));
                    known.insert(name, values.collect());
                }
                for (column, values) in observed.load.iter().filter(|(column, _)| column.name() == "memory") {
                    let values = values.iter().enumerate().map(|(step, value)| (at(step), *value));
                    known.insert(column.name(), values.collect());
                }
                pods.extend(observed.pods.values().copied());
            }
            None => {
                let is_memory = |series: &&Series| series.signal == Signal::Memory;
                for series in found.series.iter().chain(load.series.iter().filter(is_memory)) {
                    let values = series.points.iter().map(|(at, value)| (at.div_euclid(1000) - start, *value));
                    known.insert(series.signal.name(), values.collect());
                }
                pods = recording::pods(&path)?;
            }
        }
        samples.take_restarts(&known);
        Ok(Self {
            seen,
            samples,
            initial,
            cpu: steps(&known, "cpu", true),
            memory: steps(&known, "memory", false),
            pods,
        })
    }
}

impl Samples {
    /// Restarts of containers, and when pods were short of CPU.
    fn take_restarts(&mut self, known: &Known<'_>) {
        let of = |name: &str| known.get(name).into_iter().flatten();
        // What the kernel killed for its memory no probe restarted.
        let killed = |at: &i64| known.get("oom_kills").and_then(|values| values.get(at)).copied().unwrap_or(0.0);
        self.restarts = of("restarts").map(|(at, count)| (*at, (count - killed(at)).max(0.0))).collect();
        let throttled = of(recording::THROTTLED_SHARE).filter(|(_, share)| **share > recording::THROTTLED);
        self.censor(throttled.map(|(at, _)| *at));
    }
}

/// The load of a folder.
fn load_in(folder: &Path, options: &Options) -> anyhow::Result<Recording> {
    let path = folder.join(FOLDER_LOAD);
    Ok(recording::read(&path.display().to_string(), open(&path)?, options)?)
}

/// What is predicted is what the HPA of the manifests does: it should be the one that was recorded.
fn warn_of_another_hpa(hpa: &HpaSpec, samples: impl Fn(&Signal) -> Vec<(i64, f64)>) {
    let bounds = [
        (Signal::MinReplicas, "minReplicas", Some(f64::from(hpa.min_replicas))),
        (Signal::MaxReplicas, "maxReplicas", Some(f64::from(hpa.max_replicas))),
        (Signal::CpuTarget, "target of CPU utilization", target(hpa)),
    ];
    for (signal, name, ours) in bounds {
        if let (Some((_, recorded)), Some(ours)) = (samples(&signal).first().copied(), ours)
            && recorded != ours
        {
            let message = format!(
                "the HPA that was recorded had {name} {recorded}, and that of the manifests has {ours}: what is predicted is not what was recorded"
            );
            output::complain("warning", &message);
        }
    }
}

/// The HPA's target of CPU utilization.
fn target(hpa: &HpaSpec) -> Option<f64> {
    let of = |resource: crate::model::ResourceMetric<'_>| match resource.target {
        MetricTarget::Utilization(percent) if *resource.name == ResourceName::Cpu => Some(f64::from(percent)),
        _ => None,
    };
    hpa.metrics.iter().find_map(|metric| metric.resource().and_then(of))
}

/// The samples of a signal, in seconds from the start on.
fn samples(recording: &Recording, subject: &Subject, signal: &Signal, start: i64) -> Vec<(i64, f64)> {
    let found = recording.series.iter().find(|series| series.signal == *signal && subject.has(&series.about));
    let points = found.iter().flat_map(|series| &series.points);
    points.map(|&(at, value)| (at.div_euclid(1000) - start, value)).collect()
}

/// The same as a course: what was before the start is there at the start.
fn course(samples: &[(i64, f64)]) -> Course {
    let mut course = Course::new();
    for &(at, value) in samples {
        if at < 0 {
            course = vec![(0, value)];
        } else {
            push(&mut course, at, value);
        }
    }
    course
}

/// The steps in which something is known together with pods, and with requests if it must be.
fn steps(known: &Known<'_>, used: &str, needs_requests: bool) -> Vec<Step> {
    let of = |name: &str, at: i64| known.get(name).and_then(|values| values.get(&at)).copied();
    let step = |(&at, &used): (&i64, &f64)| {
        let rps = of("rps", at).or((!needs_requests).then_some(0.0))?;
        let pods = of("measured_pods", at)
            .or_else(|| of("ready", at))
            .or_else(|| of("replicas", at))
            .or_else(|| of("desired", at))?;
        Some(Step { at, used, rps, pods, has_restarts: of("restarts", at).is_some_and(|count| count > 0.0) })
    };
    known.get(used).into_iter().flatten().filter_map(step).collect()
}
