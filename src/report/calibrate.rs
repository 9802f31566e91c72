//! What a recording tells of a cluster's settings: what `hpasim calibrate` says and writes.

use std::fmt::Write as _;

use schemars::JsonSchema;
use serde::Serialize;

use super::amounts::decimal;
use super::backtest::{chart, picture};
use super::checks::{Check, Level};
use super::document::{Block, Chart, Column, Document, Picture, Section, Table};
use super::json::Kind;
use super::plot::PlotError;
use crate::study::backtest::Seen;
use crate::study::calibrate::direct::Estimate;
use crate::study::calibrate::setting::{Place, Setting};
use crate::study::calibrate::{Error, Fit, Unknown};
use crate::units::{Clock, SimTime, Span};

/// A calibration.
#[derive(Clone, Debug)]
pub struct Calibration {
    /// The HPA.
    pub name: String,
    /// The recordings.
    pub recording: String,
    /// The instant of the start, if it is known.
    pub clock: Option<Clock>,
    /// How long it lasts.
    pub duration: Span,
    /// What was recorded.
    pub recorded: Seen,
    /// What came of it.
    pub fit: Fit,
    /// Whether CPU follows from requests, where it was recorded, too.
    pub by_requests: bool,
    /// What was not looked at, since it cannot be known: why.
    pub unmeasured: Vec<(Setting, String)>,
    /// The error that is allowed, if that is said.
    pub most: Option<f64>,
    /// What is to be known.
    pub notes: Vec<String>,
}

/// A setting for programs.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Known {
    /// Its name in scenarios.
    setting: &'static str,
    /// Its value as settings have it; null for no limit.
    value: Option<String>,
    /// The value as a number: seconds, core-seconds, cores or bytes; null for no limit.
    number: Option<f64>,
    /// 95% of what it may be: from here.
    low: Option<f64>,
    /// To here; null for no limit.
    high: Option<f64>,
    /// Whether it is of this recording only.
    of_this_recording: bool,
    evidence: String,
}

/// A setting that is not known.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Unidentified {
    setting: &'static str,
    why: String,
    would_tell: &'static str,
}

/// How far a fit is off.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FitError {
    /// Mean absolute error of the replicas.
    replicas: f64,
    from_seconds: i64,
    to_seconds: i64,
}

/// A calibration for programs.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CalibrationResult<'a> {
    hpa: &'a str,
    recording: &'a str,
    /// The instant of the recording's start; null if its times count from their own.
    start: Option<String>,
    duration_seconds: i64,
    known: Vec<Known>,
    unknown: Vec<Unidentified>,
    /// With the settings as they were.
    before: FitError,
    /// Of what it was fitted to.
    fitted: FitError,
    /// Of what a fit of the other part has not seen; null if there is no other part.
    unseen: Option<FitError>,
    simulations: usize,
    max_error: Option<f64>,
    passed: bool,
    notes: &'a [String],
}

impl Kind for CalibrationResult<'_> {
    const KIND: &'static str = "Calibration";
}

fn error(error: Error) -> FitError {
    FitError { replicas: error.replicas, from_seconds: error.from, to_seconds: error.to }
}

/// A value of a setting as settings have it; none for no limit.
pub fn value(setting: Setting, number: f64) -> Option<String> {
    if number.is_infinite() {
        return None;
    }
    Some(match setting {
        Setting::CpuPerRequest | Setting::BackgroundCpu => {
            let milli = number * 1e3;
            format!("{}m", decimal(milli, if milli < 100.0 { 2 } else { 0 }))
        }
        Setting::ProbeLatency => format!("{}ms", decimal(number * 1e3, 1)),
        Setting::MemoryBase | Setting::MemoryPerRps | Setting::MemoryGrowth => {
            format!("{}Mi", decimal(number / f64::from(1 << 20), if number.abs() < 1e7 { 3 } else { 1 }))
        }
        _ => format!("{}s", decimal(number, 0)),
    })
}

fn told(setting: Setting, number: f64) -> String {
    value(setting, number).unwrap_or_else(|| "for ever".to_owned())
}

/// Why a setting is not known.
fn why(one: &Unknown) -> String {
    let is = |number: f64| told(one.setting, number);
    match (one.low, one.high) {
        (Some(low), None) => format!("at least {}: more than that would do the same", is(low)),
        (None, Some(high)) => format!("at most {}: less than that would do the same", is(high)),
        (Some(low), Some(high)) => format!("anything from {} to {} would do the same", is(low), is(high)),
        (None, None) if one.is_censored => {
            "pods were short of CPU while most were restarted: what more was asked of them is not recorded".to_owned()
        }
        (None, None) => "whatever it is, another setting makes up for it, or it does not matter".to_owned(),
    }
}

impl Calibration {
    /// The error that counts: of what the fit has not seen, if there is such a part.
    fn judged(&self) -> Error {
        self.fit.unseen.unwrap_or(self.fit.seen)
    }

    /// Whether it is as small as it must be.
    pub fn passes(&self) -> bool {
        self.most.is_none_or(|most| self.judged().replicas <= most)
    }

    /// What is not known, with why.
    fn unknown(&self) -> Vec<(Setting, String)> {
        self.unmeasured.iter().cloned().chain(self.fit.unknown.iter().map(|one| (one.setting, why(one)))).collect()
    }

    fn setting(estimate: &Estimate) -> String {
        match (value(estimate.setting, estimate.value), estimate.sigma) {
            (Some(value), Some(sigma)) => format!("lognormal:{value},{}", decimal(sigma, 2)),
            (Some(value), None) => value,
            (None, _) => "for ever".to_owned(),
        }
    }

    /// For programs.
    pub fn json(&self) -> CalibrationResult<'_> {
        let finite = |number: f64| Some(number).filter(|number| number.is_finite());
        let known = |one: &Estimate| Known {
            setting: one.setting.name(),
            value: value(one.setting, one.value).map(|_| Self::setting(one)),
            number: finite(one.value),
            low: finite(one.low),
            high: finite(one.high),
            of_this_recording: one.setting.place() == Place::Phase,
            evidence: one.evidence.clone(),
        };
        CalibrationResult {
            hpa: &self.name,
            recording: &self.recording,
            start: self.clock.and_then(|clock| clock.rfc3339(SimTime::ZERO)),
            duration_seconds: self.duration.seconds(),
            known: self.fit.estimates.iter().map(known).collect(),
            unknown: self
                .unknown()
                .into_iter()
                .map(|(setting, why)| Unidentified { setting: setting.name(), why, would_tell: setting.asks_for() })
                .collect(),
            before: error(self.fit.before),
            fitted: error(self.fit.seen),
            unseen: self.fit.unseen.map(error),
            simulations: self.fit.simulations,
            max_error: self.most,
            passed: self.passes(),
            notes: &self.notes,
        }
    }

    /// What is checked.
    pub fn checks(&self) -> Vec<Check> {
        let check = |most: f64| Check {
            suite: "calibrate".to_owned(),
            name: format!("mean absolute error at most {} replicas", decimal(most, 3)),
            location: None,
            found: self.verdict().join(" "),
            level: if self.passes() { Level::Passed } else { Level::Error },
        };
        self.most.map(check).into_iter().collect()
    }

    fn verdict(&self) -> Vec<String> {
        let Fit { before, seen, unseen, .. } = &self.fit;
        let mut all = vec![format!(
            "{} replicas off on average where it was fitted; {} with the settings as they were, in their best phases.",
            decimal(seen.replicas, 2),
            decimal(before.replicas, 2)
        )];
        match unseen {
            Some(unseen) => all.push(format!(
                "From {} on, which that fit has not seen: {} off.",
                self.time(unseen.from),
                decimal(unseen.replicas, 2)
            )),
            None => all.push(
                "No part was left out: how good it is elsewhere, `hpasim backtest` of another recording says."
                    .to_owned(),
            ),
        }
        if let Some(most) = self.most {
            let is = if self.passes() { "no more than" } else { "more than" };
            all.push(format!("That is {is} the {} that are allowed.", decimal(most, 3)));
        }
        all
    }

    fn time(&self, second: i64) -> String {
        let at = SimTime::from_seconds(second);
        self.clock.and_then(|clock| clock.rfc3339(at)).unwrap_or_else(|| at.to_string())
    }

    /// For people.
    pub fn document(&self) -> Document {
        let columns = vec![
            Column::text("SETTING"),
            Column::number("VALUE"),
            Column::text("95%"),
            Column::text("OF").folds(1),
            Column::text("BY").folds(2),
        ];
        let row = |one: &Estimate| {
            vec![
                one.setting.name().to_owned(),
                Self::setting(one),
                format!("{} to {}", told(one.setting, one.low), told(one.setting, one.high)),
                if one.setting.place() == Place::Phase { "this recording" } else { "the cluster" }.to_owned(),
                one.evidence.clone(),
            ]
        };
        let known = Table::new(columns, self.fit.estimates.iter().map(row).collect::<Vec<_>>());
        let columns = vec![Column::text("SETTING"), Column::text("WHY"), Column::text("WHAT WOULD TELL IT")];
        let row = |(setting, why): &(Setting, String)| {
            vec![setting.name().to_owned(), why.clone(), setting.asks_for().to_owned()]
        };
        let unknown = Table::new(columns, self.unknown().iter().map(row).collect::<Vec<_>>());
        let shows = "Recorded and predicted".to_owned();
        let picture = Picture { file: "calibrated.png".to_owned(), shows, chart: Some(self.chart()) };
        let mut notes = self.notes.clone();
        if self.fit.late > 0 {
            notes.push(format!("What was recorded seems to have been read {}s after it was so.", self.fit.late));
        }
        notes.push(format!(
            "{} simulations. What is of this recording only (where periods happened to lie) is not in the file that is written.",
            self.fit.simulations
        ));
        let mut sections = vec![
            Section {
                title: "What the recording tells".to_owned(),
                blocks: vec![Block::Table(known), Block::Picture(picture)],
            },
            Section::new("Not identifiable from this recording", unknown, Vec::new()),
            Section::new("Notes", Table::default(), notes),
        ];
        sections.retain(|section| !section.blocks.is_empty());
        Document {
            title: format!("The cluster of {}, as its recording tells it", self.name),
            verdict: self.verdict(),
            sections,
        }
    }

    fn chart(&self) -> Chart {
        chart((&self.recorded, &self.fit.predicted, None), self.duration, self.clock)
    }

    /// The picture of it; the bytes of the file.
    pub fn picture(&self) -> Result<Vec<u8>, PlotError> {
        picture(&self.name, &self.chart(), self.clock)
    }

    /// The settings as a file that --cluster takes, with the evidence as comments.
    pub fn yaml(&self) -> String {
        let mut out = String::new();
        let mut line = |text: &str| {
            let _ = writeln!(out, "{text}");
        };
        line(&format!("# Settings of the cluster of {}, made by `hpasim calibrate` of {}.", self.name, self.recording));
        self.verdict().iter().for_each(|one| line(&format!("# {one}")));
        for (place, title) in [(Place::Cluster, "cluster:"), (Place::Load, "load:")] {
            let of_place = self.fit.estimates.iter().filter(|one| one.setting.place() == place);
            let written: Vec<&Estimate> = of_place.filter(|one| !is_of_memory(one.setting)).collect();
            let by_requests = self.by_requests && place == Place::Load;
            if written.is_empty() && !by_requests {
                continue;
            }
            line(title);
            if by_requests {
                line("  # CPU was recorded with that of idle pods in it: what follows from requests is apart from it.");
                line("  cpuFrom: requests");
            }
            for one in written {
                let (low, high) = (told(one.setting, one.low), told(one.setting, one.high));
                line(&format!("  # {low} to {high} (95%): {}", one.evidence));
                match value(one.setting, one.value) {
                    Some(_) => line(&format!("  {}: {}", one.setting.name(), Self::setting(one))),
                    None => line(&format!("  # {}: no limit", one.setting.name())),
                }
            }
        }
        let of = |place: Place| self.fit.estimates.iter().filter(move |one| one.setting.place() == place);
        let memory: Vec<&Estimate> = self.fit.estimates.iter().filter(|one| is_of_memory(one.setting)).collect();
        if !memory.is_empty() {
            line("# For loads without a column `memory`, which has them in it:");
        }
        for one in memory {
            let (low, high) = (told(one.setting, one.low), told(one.setting, one.high));
            line(&format!(
                "#   {}: {} # {low} to {high} (95%): {}",
                one.setting.name(),
                Self::setting(one),
                one.evidence
            ));
        }
        if of(Place::Phase).next().is_some() {
            line("# Where periods happened to lie in this recording; another one has others:");
        }
        for one in of(Place::Phase) {
            let (low, high) = (told(one.setting, one.low), told(one.setting, one.high));
            line(&format!("#   {}: {} # {low} to {high} (95%)", one.setting.name(), Self::setting(one)));
        }
        let unknown = self.unknown();
        if !unknown.is_empty() {
            line("# Not identifiable from this recording:");
        }
        for (setting, why) in unknown {
            line(&format!("#   {}: {why}; {}", setting.name(), setting.asks_for()));
        }
        out
    }
}

/// Settings that are in the column `memory` already.
fn is_of_memory(setting: Setting) -> bool {
    matches!(setting, Setting::MemoryBase | Setting::MemoryPerRps | Setting::MemoryGrowth)
}
