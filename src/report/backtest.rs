//! Recorded against predicted: what `hpasim backtest` says.

use schemars::JsonSchema;
use serde::Serialize;

use super::amounts::decimal;
use super::checks::{Check, Level};
use super::document::{Block, Chart, Column, Document, Picture, Section, Table};
use super::json::Kind;
use super::plot::{Axis, Ink, Line, LineStyle, Panel, PlotError, chart_picture};
use crate::study::backtest::{Errors, RecordedChange, Repeatability, Seen};
use crate::units::{Clock, SimTime, Span};

/// A part of the time, and how far predictions are off in it.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Part {
    /// What it is: all, the first part, the rest.
    pub name: String,
    /// Where it begins, seconds from the start.
    pub from_seconds: i64,
    /// Where it ends.
    pub to_seconds: i64,
    /// Of the typical phase.
    pub predicted: Errors,
    /// The least and the largest mean absolute error of the replicas over phases.
    pub over_phases: (f64, f64),
    /// Of the textbook's formula.
    pub textbook: Option<Errors>,
}

/// A backtest.
#[derive(Clone, Debug)]
pub struct Backtest {
    /// The HPA.
    pub name: String,
    /// The recording.
    pub recording: String,
    /// The instant of its start, if it is known.
    pub clock: Option<Clock>,
    /// How long it lasts.
    pub duration: Span,
    /// What was recorded.
    pub recorded: Seen,
    /// What is predicted in the typical phase.
    pub predicted: Seen,
    /// What the textbook's formula says.
    pub textbook: Seen,
    /// The whole time, and its parts.
    pub parts: Vec<Part>,
    /// How far several recordings of the load are apart, if there are several.
    pub repeatability: Option<Repeatability>,
    /// Each change that was recorded.
    pub changes: Vec<RecordedChange>,
    /// In how many phases it was predicted.
    pub phases: usize,
    /// The error that is allowed, if that is said.
    pub most: Option<f64>,
    /// What is to be known.
    pub notes: Vec<String>,
}

/// A backtest for programs.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BacktestResult<'a> {
    hpa: &'a str,
    recording: &'a str,
    /// The instant of the recording's start; null if its times count from their own.
    start: Option<String>,
    duration_seconds: i64,
    phases: usize,
    parts: &'a [Part],
    /// How far several recordings of the load are apart; null if there is one.
    repeatability: Option<Repeatability>,
    changes: &'a [RecordedChange],
    /// The mean absolute error of the replicas that is allowed.
    max_error: Option<f64>,
    passed: bool,
    notes: &'a [String],
}

impl Kind for BacktestResult<'_> {
    const KIND: &'static str = "Backtest";
}

impl Backtest {
    /// The part that counts: the last one, which nothing was fitted to if there are two.
    fn judged(&self) -> Option<&Part> {
        self.parts.last()
    }

    /// Whether the error is as small as it must be.
    pub fn passes(&self) -> bool {
        self.most.zip(self.judged()).is_none_or(|(most, part)| part.predicted.replicas <= most)
    }

    /// For programs.
    pub fn json(&self) -> BacktestResult<'_> {
        BacktestResult {
            hpa: &self.name,
            recording: &self.recording,
            start: self.clock.and_then(|clock| clock.rfc3339(SimTime::ZERO)),
            duration_seconds: self.duration.seconds(),
            phases: self.phases,
            parts: &self.parts,
            repeatability: self.repeatability,
            changes: &self.changes,
            max_error: self.most,
            passed: self.passes(),
            notes: &self.notes,
        }
    }

    /// What is checked.
    pub fn checks(&self) -> Vec<Check> {
        let check = |(most, part): (f64, &Part)| Check {
            suite: "backtest".to_owned(),
            name: format!("mean absolute error at most {} replicas", decimal(most, 3)),
            location: None,
            found: self.told(part),
            level: if self.passes() { Level::Passed } else { Level::Error },
        };
        self.most.zip(self.judged()).map(check).into_iter().collect()
    }

    fn told(&self, part: &Part) -> String {
        let (low, high) = part.over_phases;
        let range = match self.phases {
            ..=1 => String::new(),
            phases => format!(" ({} to {} over {phases} phases)", decimal(low, 2), decimal(high, 2)),
        };
        let textbook = part.textbook.map_or_else(String::new, |errors| {
            format!("; the textbook's formula is {} off", decimal(errors.replicas, 2))
        });
        format!("{}: {} replicas off on average{range}{textbook}", part.name, decimal(part.predicted.replicas, 2))
    }

    /// For people.
    pub fn document(&self) -> Document {
        let mut verdict: Vec<String> = self.parts.iter().map(|part| self.told(part) + ".").collect();
        if let Some(same) = &self.repeatability {
            verdict.push(format!(
                "{} recordings of this load are {} replicas apart on average ({} to {}); the prediction is {} from each.",
                same.recordings,
                decimal(same.mean, 2),
                decimal(same.least, 2),
                decimal(same.most, 2),
                decimal(same.predicted, 2)
            ));
        }
        if let Some(most) = self.most {
            let is = if self.passes() { "no more than" } else { "more than" };
            verdict.push(format!("That is {is} the {} that are allowed.", decimal(most, 3)));
        }
        let shows = "Recorded and predicted".to_owned();
        let picture = Picture { file: "backtest.png".to_owned(), shows, chart: Some(self.chart()) };
        let mut sections = vec![
            Section { title: "Errors".to_owned(), blocks: vec![Block::Table(self.errors()), Block::Picture(picture)] },
            Section::new("Changes that were recorded", self.table_of_changes(), Vec::new()),
            Section::new("Notes", Table::default(), self.notes.clone()),
        ];
        sections.retain(|section| !section.blocks.is_empty());
        Document { title: format!("{} as it was and as it is predicted", self.name), verdict, sections }
    }

    fn errors(&self) -> Table {
        let columns = vec![
            Column::text("PART"),
            Column::text("BY"),
            Column::number("REPLICAS OFF"),
            Column::number("BIAS").folds(2),
            Column::number("MOST").folds(3),
            Column::number("CHANGES OFF"),
            Column::number("MISSED").folds(1),
            Column::number("UTILIZATION OFF").folds(4),
        ];
        let row = |part: &Part, by: &str, errors: &Errors| {
            vec![
                part.name.clone(),
                by.to_owned(),
                decimal(errors.replicas, 3),
                format!("{}{}", if errors.bias > 0.0 { "+" } else { "" }, decimal(errors.bias, 3)),
                decimal(errors.largest, 1),
                errors.change_seconds.map_or_else(|| "-".to_owned(), |seconds| format!("{}s", decimal(seconds, 0))),
                errors.missed_changes.to_string(),
                errors.utilization.map_or_else(|| "-".to_owned(), |points| format!("{}%", decimal(points, 1))),
            ]
        };
        let rows = self.parts.iter().flat_map(|part| {
            let textbook = part.textbook.as_ref().map(|errors| row(part, "textbook's formula", errors));
            std::iter::once(row(part, "hpasim", &part.predicted)).chain(textbook)
        });
        Table::new(columns, rows.collect::<Vec<_>>())
    }

    fn table_of_changes(&self) -> Table {
        let columns = vec![
            Column::text("TIME"),
            Column::text("REPLICAS"),
            Column::number("PREDICTED LATER BY"),
            Column::number("REPLICAS MORE"),
        ];
        let rows = self.changes.iter().map(|change| {
            let at = SimTime::from_seconds(change.at_seconds);
            vec![
                self.clock.and_then(|clock| clock.rfc3339(at)).unwrap_or_else(|| at.to_string()),
                format!("{} -> {}", decimal(change.from, 1), decimal(change.to, 1)),
                change.late_seconds.map_or_else(|| "not predicted".to_owned(), |late| format!("{late}s")),
                decimal(change.more_replicas, 1),
            ]
        });
        Table::new(columns, rows)
    }

    fn chart(&self) -> Chart {
        chart((&self.recorded, &self.predicted, Some(&self.textbook)), self.duration, self.clock)
    }

    /// The picture of it; the bytes of the file.
    pub fn picture(&self) -> Result<Vec<u8>, PlotError> {
        picture(&self.name, &self.chart(), self.clock)
    }
}

/// The picture of what was recorded and what is predicted; the bytes of the file.
pub(super) fn picture(name: &str, chart: &Chart, clock: Option<Clock>) -> Result<Vec<u8>, PlotError> {
    let zone = clock.map_or_else(String::new, |clock| format!(", times in {}", clock.zone()));
    chart_picture(&format!("{name}: recorded and predicted{zone}"), chart, Ink::Pixels)
}

/// What was recorded, what is predicted, and what the textbook's formula says.
pub(super) fn chart(
    (recorded, predicted, textbook): (&Seen, &Seen, Option<&Seen>),
    duration: Span,
    clock: Option<Clock>,
) -> Chart {
    let line = |label: &str, color: usize, style: LineStyle, points: &[(i64, f64)]| Line {
        label: label.to_owned(),
        color,
        style,
        may_be_cut: false,
        points: points.to_vec(),
    };
    let panel = |title: &str, of: fn(&Seen) -> &[(i64, f64)]| {
        let of_textbook = textbook.map(|seen| {
            let line = line("textbook's formula", 2, LineStyle::Dashed, of(seen));
            Line { may_be_cut: true, ..line }
        });
        let others =
            [line("recorded", 1, LineStyle::Wide, of(recorded)), line("predicted", 0, LineStyle::Solid, of(predicted))];
        let lines = of_textbook.into_iter().chain(others).collect();
        Panel { title: title.to_owned(), lines, band: None, areas: Vec::new() }
    };
    let mut panels = vec![panel("Replicas (pods)", |seen| &seen.replicas)];
    if !recorded.utilization.is_empty() {
        panels.push(panel("CPU as the HPA sees it (% of the request)", |seen| &seen.utilization));
    }
    panels.iter_mut().for_each(|panel| panel.lines.retain(|line| !line.points.is_empty()));
    Chart { panels, axis: Axis::Time(duration, clock), marks: Vec::new() }
}
