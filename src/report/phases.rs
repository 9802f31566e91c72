//! The phases of a simulation, and what differs from one to another, in words.

use super::Run;
use super::amounts::{bytes, decimal};
use crate::model::Phase;
use crate::sim::RescaleRecord;
use crate::study::fleet::Course;
use crate::study::phases::{PhaseRuns, Range, Recurrence};
use crate::units::{Replicas, Span, Work};

/// When things happen in a phase.
pub fn describe(phase: Phase) -> String {
    format!("first sync at {}, scrapes {} and kubelet samples {} after it", phase.sync, phase.scrape, phase.kubelet)
}

/// A range in words: one value if there is no more.
pub fn told<T: PartialEq>(range: &Range<T>, text: impl Fn(&T) -> String) -> String {
    let (low, high) = (text(&range.low), text(&range.high));
    if low == high { low } else { format!("{low} to {high}") }
}

/// The runs of other phases, if there are several.
pub(super) fn several<'a>(run: &Run<'a>) -> Option<&'a PhaseRuns> {
    run.phases.filter(|runs| runs.courses.len() > 1)
}

/// The ranges of the summary's figures over the phases.
pub(super) struct Ranges<'a> {
    run: &'a Run<'a>,
    runs: Option<&'a PhaseRuns>,
}

impl<'a> Ranges<'a> {
    pub fn of(run: &'a Run<'a>) -> Self {
        Self { run, runs: several(run) }
    }

    /// A figure's range in words; empty without other phases.
    pub fn figure<T: PartialOrd + Copy>(&self, of: impl Fn(&Course) -> T, text: impl Fn(&T) -> String) -> String {
        self.runs.and_then(|runs| runs.range(of)).map_or_else(String::new, |range| told(&range, text))
    }

    pub fn span(&self, of: impl Fn(&Course) -> Span) -> String {
        self.figure(of, Span::to_string)
    }

    /// Work, in core-seconds.
    pub fn work(&self, of: impl Fn(&Course) -> Work) -> String {
        self.figure(of, |work| format!("{} core-seconds", decimal(work.core_seconds(), 1)))
    }

    /// Whether a figure is more than nothing in some phase.
    pub fn any(&self, of: impl Fn(&Course) -> bool) -> bool {
        self.runs.is_some_and(|runs| runs.courses.iter().any(of))
    }

    pub fn replicas(&self) -> String {
        let mean = self.figure(Course::mean_replicas, |mean| decimal(*mean, 2));
        let most = self.figure(|course| course.max_replicas, Replicas::to_string);
        if mean.is_empty() { mean } else { format!("mean {mean}, max {most}") }
    }

    pub fn pod_hours(&self) -> String {
        self.figure(|course| course.pod_seconds, |seconds| decimal(*seconds as f64 / 3600.0, 2))
    }

    pub fn cpu_requests(&self) -> String {
        let request = self.run.summary.pod_cpu_request.get() as f64 / 1000.0;
        let cores = self.figure(|course| f64::from(course.max_replicas) * request, |cores| decimal(*cores, 2));
        if cores.is_empty() { cores } else { format!("peak {cores} cores") }
    }

    pub fn memory_requests(&self) -> String {
        let request = self.run.summary.pod_memory_request.get() as f64;
        let peak = self.figure(|course| f64::from(course.max_replicas) * request, |amount| bytes(*amount));
        if peak.is_empty() { peak } else { format!("peak {peak}") }
    }
}

/// When a change comes in other phases: `15s to 51s`, with their number if not all have it.
pub fn recurrence(found: Recurrence, all: usize) -> String {
    let times = told(&found.times, ToString::to_string);
    if found.runs == all { times } else { format!("{times} ({} of {all})", found.runs) }
}

/// The changes of the run with when they come in other phases; nothing where they are not those of a phase.
pub(super) fn recurrences<'a>(run: &'a Run<'a>) -> Vec<(&'a RescaleRecord, Option<(&'a PhaseRuns, Recurrence)>)> {
    let rescales = &run.summary.rescales;
    let found = several(run).map(|runs| (runs, runs.changes())).filter(|(_, changes)| changes.len() == rescales.len());
    let of = |(index, event): (usize, &'a RescaleRecord)| {
        (event, found.as_ref().map(|(runs, changes)| (*runs, changes[index].1)))
    };
    rescales.iter().enumerate().map(of).collect()
}

/// What the ranges are over, and which phase is shown.
pub(super) fn note(run: &Run<'_>) -> String {
    let phase = describe(run.target().phase);
    match run.phases {
        Some(runs) if runs.courses.len() > 1 => {
            format!("Ranges over {}; shown is a typical one: {phase}.", runs.sample.describe())
        }
        Some(runs) if runs.sample.is_complete() => format!("One phase, as given: {phase}."),
        Some(_) => format!("One phase of those that there are: {phase}; --phases N gives ranges."),
        None => format!(
            "One phase of those that there are: {phase}. For ranges it takes too long; --phases N gives them all the same."
        ),
    }
}
