//! Two configurations beside each other: a document and JSON.

use schemars::JsonSchema;
use serde::Serialize;

use super::amounts::decimal;
use super::arithmetic;
use super::document::{Block, Column, Document, Section, Table};
use super::json::Kind;
use crate::hpa::Decision;
use crate::model::HpaSpec;
use crate::study::compare::{Compared, Side, compared, first_difference, pairs};
use crate::study::figure::Figure;
use crate::units::{Clock, Span};

/// An HPA that both configurations have.
#[derive(Clone, Debug)]
pub struct Pair<'a> {
    /// Before.
    pub base: Side<'a>,
    /// After.
    pub head: Side<'a>,
}

/// Two configurations under the same load.
#[derive(Clone, Debug)]
pub struct Comparison<'a> {
    /// The names of both.
    pub names: (String, String),
    /// The HPAs that both have.
    pub pairs: Vec<Pair<'a>>,
    /// Those that only one has, with which.
    pub alone: Vec<(String, String)>,
    /// The instant of the load's start, if it is known.
    pub clock: Option<Clock>,
    /// What is over its bound.
    pub broken: Vec<String>,
}

/// A figure for programs.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct FigureOf {
    figure: &'static str,
    unit: &'static str,
    base: f64,
    head: f64,
    difference: f64,
    /// Over the phases that both sides have; null if there are not several.
    least_difference: Option<f64>,
    most_difference: Option<f64>,
}

/// A scaling event for programs.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct EventOf {
    at_seconds: i64,
    from: i32,
    to: i32,
    calculation: String,
}

/// An HPA for programs.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct HpaCompared {
    namespace: String,
    name: String,
    /// Phases that both sides were simulated in.
    phases: usize,
    figures: Vec<FigureOf>,
    /// The first scaling event of either side that the other does not have; null if all are the same.
    base_first: Option<EventOf>,
    head_first: Option<EventOf>,
}

/// A comparison for programs.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CompareResult {
    base: String,
    head: String,
    hpas: Vec<HpaCompared>,
    /// HPAs that only one of both has.
    alone: Vec<String>,
    /// Bounds that are broken.
    broken: Vec<String>,
}

impl Kind for CompareResult {
    const KIND: &'static str = "Comparison";
}

/// What a figure is called, and its unit.
fn title(figure: Figure) -> (&'static str, &'static str) {
    match figure {
        Figure::PodHours => ("Pod-hours", "pod-hours"),
        Figure::CoreHours => ("CPU requested", "core-hours"),
        Figure::GibHours => ("Memory requested", "GiB-hours"),
        Figure::NodeHours => ("Node-hours", "node-hours"),
        Figure::Replicas => ("Most replicas", "pods"),
        Figure::Nodes => ("Most nodes", "nodes"),
        Figure::AtMax => ("At maxReplicas", "s"),
        Figure::Waiting => ("Work waiting for CPU", "s"),
        Figure::Slo => ("Promise broken", "s"),
        Figure::Lost => ("Work lost or dropped", "core-seconds"),
        Figure::Events => ("Scaling events", "events"),
        Figure::Restarts => ("Container restarts", "containers"),
    }
}

/// Its heading in a table.
fn heading(figure: Figure) -> String {
    let (title, unit) = title(figure);
    let needs_unit = matches!(figure, Figure::CoreHours | Figure::GibHours | Figure::Lost);
    if needs_unit { format!("{title} ({unit})") } else { title.to_owned() }
}

/// A value of a figure, without its unit where that is no part of it.
fn number(figure: Figure, value: f64) -> String {
    if figure.is_time() { Span::from_seconds(value.round() as i64).to_string() } else { decimal(value, 2) }
}

/// The same with its unit.
pub fn told(figure: Figure, value: f64) -> String {
    if figure.is_time() { number(figure, value) } else { format!("{} {}", number(figure, value), title(figure).1) }
}

/// A difference.
fn more(figure: Figure, value: f64) -> String {
    let sign = match value {
        0.0 => return "0".to_owned(),
        0.0.. => "+",
        _ => "-",
    };
    format!("{sign}{}", number(figure, value.abs()))
}

fn percent(compared: &Compared) -> String {
    if compared.base == 0.0 || compared.base == compared.head {
        return String::new();
    }
    let part = (compared.head / compared.base - 1.0) * 100.0;
    format!(" ({}{}%)", if part > 0.0 { "+" } else { "" }, decimal(part, 1))
}

fn event(hpa: &HpaSpec, decision: &Decision) -> String {
    format!("{} -> {}: {}", decision.current, decision.desired, arithmetic::formula(hpa, decision))
}

impl Pair<'_> {
    fn name(&self) -> String {
        format!("{}/{}", self.head.target.hpa.namespace, self.head.target.hpa.name)
    }

    /// All figures.
    pub fn figures(&self) -> Vec<Compared> {
        compared(&self.base, &self.head)
    }

    fn section(&self, clock: Option<Clock>, names: (&str, &str)) -> Section {
        let count = pairs(&self.base, &self.head);
        let over = if count > 1 { format!("OVER {count} PHASES") } else { String::new() };
        let mut columns = vec![
            Column::text("FIGURE"),
            Column::number(names.0.to_uppercase()),
            Column::number(names.1.to_uppercase()),
            Column::number("DIFFERENCE"),
        ];
        if count > 1 {
            columns.push(Column::text(over).folds(1));
        }
        let row =
            |one: &Compared| {
                let mut cells = vec![
                    heading(one.figure),
                    number(one.figure, one.base),
                    number(one.figure, one.head),
                    format!("{}{}", more(one.figure, one.head - one.base), percent(one)),
                ];
                if count > 1 {
                    cells.push(one.differences.as_ref().map_or_else(String::new, |range| {
                        super::phases::told(range, |value| more(one.figure, *value))
                    }));
                }
                cells
            };
        let rows: Vec<Vec<String>> = self.figures().iter().map(row).collect();
        let mut section = Section::new(self.name(), Table::new(columns, rows), Vec::new());
        section.blocks.push(Block::Text(self.first(clock, names)));
        section
    }

    /// The first difference in words.
    fn first(&self, clock: Option<Clock>, names: (&str, &str)) -> String {
        let Some((base, head)) = first_difference(self.base.summary, self.head.summary) else {
            return "All scaling events are the same.".to_owned();
        };
        let at = [base, head].into_iter().flatten().map(|event| event.at).min().unwrap_or_default();
        let does = |side: &Side<'_>, found: Option<&crate::sim::RescaleRecord>| match found.filter(|one| one.at == at) {
            Some(found) => event(side.target.hpa, &found.decision),
            None => "no change".to_owned(),
        };
        let when = clock.and_then(|clock| clock.rfc3339(at)).unwrap_or_else(|| at.to_string());
        format!(
            "The first difference is at {when}. {}: {}; {}: {}.",
            names.0,
            does(&self.base, base),
            names.1,
            does(&self.head, head)
        )
    }

    fn json(&self) -> HpaCompared {
        let figure = |one: Compared| FigureOf {
            figure: one.figure.name(),
            unit: title(one.figure).1,
            base: one.base,
            head: one.head,
            difference: one.head - one.base,
            least_difference: one.differences.as_ref().map(|range| range.low),
            most_difference: one.differences.as_ref().map(|range| range.high),
        };
        let event = |side: &Side<'_>, found: Option<&crate::sim::RescaleRecord>| {
            found.map(|one| EventOf {
                at_seconds: one.at.seconds(),
                from: one.decision.current,
                to: one.decision.desired,
                calculation: arithmetic::formula(side.target.hpa, &one.decision),
            })
        };
        let (base, head) = first_difference(self.base.summary, self.head.summary).unwrap_or_default();
        HpaCompared {
            namespace: self.head.target.hpa.namespace.clone(),
            name: self.head.target.hpa.name.clone(),
            phases: pairs(&self.base, &self.head),
            figures: self.figures().into_iter().map(figure).collect(),
            base_first: event(&self.base, base),
            head_first: event(&self.head, head),
        }
    }

    fn verdict(&self) -> String {
        let figures = self.figures();
        // What comes out one way in some phases and the other way in others is no difference.
        let is_sure = |one: &&Compared| one.differences.as_ref().is_none_or(|range| range.low * range.high > 0.0);
        let changed = figures.iter().filter(|one| one.base != one.head).filter(is_sure);
        let told = |one: &Compared| {
            format!(
                "{} {} -> {}{}",
                heading(one.figure),
                number(one.figure, one.base),
                number(one.figure, one.head),
                percent(one)
            )
        };
        let all: Vec<String> = changed.take(MOST_TOLD).map(told).collect();
        if all.is_empty() {
            format!("{}: no difference that holds in all phases.", self.name())
        } else {
            format!("{}: {}.", self.name(), all.join("; "))
        }
    }
}

/// So many figures are told in a sentence.
const MOST_TOLD: usize = 4;

impl Comparison<'_> {
    /// The HPAs that only one side has, in words.
    pub fn alone(&self) -> Vec<String> {
        self.alone.iter().map(|(hpa, side)| format!("{hpa} is in {side} only, and is not compared")).collect()
    }

    /// For people.
    pub fn document(&self) -> Document {
        let names = (self.names.0.as_str(), self.names.1.as_str());
        let mut sections: Vec<Section> =
            self.pairs.iter().map(|pair| pair.section(self.clock, ("base", "head"))).collect();
        sections.push(Section::new("Notes", Table::default(), self.alone()));
        sections.retain(|section| !section.blocks.is_empty());
        let mut verdict: Vec<String> = self.pairs.iter().map(Pair::verdict).collect();
        verdict.extend(self.broken.iter().map(|what| format!("Failed: {what}.")));
        Document { title: format!("{} against {}", names.1, names.0), verdict, sections }
    }

    /// For programs.
    pub fn json(&self) -> CompareResult {
        CompareResult {
            base: self.names.0.clone(),
            head: self.names.1.clone(),
            hpas: self.pairs.iter().map(Pair::json).collect(),
            alone: self.alone(),
            broken: self.broken.clone(),
        }
    }
}
