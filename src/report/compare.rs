//! Configurations beside each other: a document, a picture and JSON.

use schemars::JsonSchema;
use serde::Serialize;

use super::amounts::decimal;
use super::arithmetic;
use super::document::{Block, Chart, Column, Document, Picture, Section, Table};
use super::json::Kind;
use super::plot::{Axis, Ink, Line, LineStyle, Panel, PlotError, chart_picture};
use crate::hpa::Decision;
use crate::model::{HpaSpec, Prices};
use crate::study::backtest::Seen;
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
    /// What is paid for what pods request, if that is to be told.
    pub prices: Option<Prices>,
}

/// A configuration that is compared with the base.
#[derive(Clone, Debug)]
pub struct Alternative<'a> {
    /// What its columns are called.
    pub name: String,
    /// What it was read from.
    pub told: String,
    /// The HPAs that both have.
    pub pairs: Vec<Pair<'a>>,
    /// Those that only one has, with which.
    pub alone: Vec<(String, String)>,
}

/// Configurations under the same load.
#[derive(Clone, Debug)]
pub struct Comparison<'a> {
    /// What the base was read from.
    pub base: String,
    /// What it is compared with: the head, then others.
    pub alternatives: Vec<Alternative<'a>>,
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

/// Another configuration for programs.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct OtherCompared {
    name: String,
    read_from: String,
    hpas: Vec<HpaCompared>,
    alone: Vec<String>,
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
    /// Other configurations, each compared with the base.
    others: Vec<OtherCompared>,
    /// Bounds that are broken.
    broken: Vec<String>,
}

impl Kind for CompareResult {
    const KIND: &'static str = "Comparison";
}

/// What a figure is called, and its unit.
fn title(figure: Figure) -> (&'static str, &'static str) {
    match figure {
        Figure::Cost => ("Cost of a month", "a month"),
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
        compared(&self.base, &self.head, self.prices)
    }

    fn section(&self, title: String, clock: Option<Clock>, names: (&str, &str)) -> Section {
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
        let mut section = Section::new(title, Table::new(columns, rows), Vec::new());
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

    fn verdict(&self, name: &str) -> String {
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
            format!("{name}: no difference that holds in all phases.")
        } else {
            format!("{name}: {}.", all.join("; "))
        }
    }
}

/// So many figures are told in a sentence.
const MOST_TOLD: usize = 4;

impl Alternative<'_> {
    /// The HPAs that only one side has, in words.
    pub fn alone(&self) -> Vec<String> {
        self.alone.iter().map(|(hpa, side)| format!("{hpa} is in {side} only, and is not compared")).collect()
    }

    fn json(&self) -> Vec<HpaCompared> {
        self.pairs.iter().map(Pair::json).collect()
    }
}

impl Comparison<'_> {
    /// All pairs of an HPA, with the names of their configurations.
    fn of_hpa<'c>(&'c self, name: &'c str) -> impl Iterator<Item = (&'c str, &'c Pair<'c>)> + Clone {
        self.alternatives.iter().flat_map(move |alternative| {
            let of_name = alternative.pairs.iter().filter(move |pair| pair.name() == name);
            of_name.map(|pair| (alternative.name.as_str(), pair))
        })
    }

    /// The HPAs that are compared.
    fn hpas(&self) -> Vec<String> {
        let mut all: Vec<String> = Vec::new();
        for pair in self.alternatives.iter().flat_map(|alternative| &alternative.pairs) {
            if !all.contains(&pair.name()) {
                all.push(pair.name());
            }
        }
        all
    }

    /// All configurations beside each other.
    fn overview(&self, name: &str) -> Table {
        let mut columns = vec![Column::text("FIGURE"), Column::number("BASE")];
        columns.extend(self.of_hpa(name).map(|(name, _)| Column::number(name.to_uppercase())));
        let all: Vec<Vec<Compared>> = self.of_hpa(name).map(|(_, pair)| pair.figures()).collect();
        let row = |one: &Compared| {
            let same = all.iter().map(|figures| figures.iter().find(|other| other.figure == one.figure));
            let told = |one: Option<&Compared>| {
                one.map_or_else(String::new, |one| format!("{}{}", number(one.figure, one.head), percent(one)))
            };
            [heading(one.figure), number(one.figure, one.base)].into_iter().chain(same.map(told)).collect()
        };
        let rows: Vec<Vec<String>> = all.first().into_iter().flatten().map(row).collect();
        Table::new(columns, rows)
    }

    /// What the HPA wants and sees in each of them.
    fn chart(&self, name: &str) -> Chart {
        let mut lines: Vec<(&str, &Seen)> = Vec::new();
        let mut duration = Span::ZERO;
        for (name, pair) in self.of_hpa(name) {
            if lines.is_empty() {
                lines.push(("base", pair.base.seen));
            }
            lines.push((name, pair.head.seen));
            duration = duration.max(pair.head.summary.duration);
        }
        let panel = |title: &str, of: fn(&Seen) -> &[(i64, f64)]| {
            let line = |(color, (name, seen)): (usize, &(&str, &Seen))| Line {
                label: (*name).to_owned(),
                color: COLORS[color.min(COLORS.len() - 1)],
                style: if color == 0 { LineStyle::Wide } else { LineStyle::Solid },
                may_be_cut: false,
                points: of(seen).to_vec(),
            };
            let lines = lines.iter().enumerate().map(line).filter(|line| !line.points.is_empty()).collect();
            Panel { title: title.to_owned(), lines, band: None, areas: Vec::new() }
        };
        let mut panels = vec![panel("Replicas (pods)", |seen| &seen.replicas)];
        panels.push(panel("CPU as the HPA sees it (% of the request)", |seen| &seen.utilization));
        panels.retain(|panel| !panel.lines.is_empty());
        Chart { panels, axis: Axis::Time(duration, self.clock), marks: Vec::new() }
    }

    fn file(&self, name: &str) -> String {
        if self.hpas().len() == 1 { PICTURE.to_owned() } else { format!("compare-{}.png", name.replace('/', "-")) }
    }

    /// The pictures, with their files.
    pub fn pictures(&self) -> Result<Vec<(String, Vec<u8>)>, PlotError> {
        let of = |name: &String| {
            let zone = self.clock.map_or_else(String::new, |clock| format!(", times in {}", clock.zone()));
            let heading = format!("{name}: {}{zone}", self.told().join(", "));
            Ok((self.file(name), chart_picture(&heading, &self.chart(name), Ink::Pixels)?))
        };
        self.hpas().iter().map(of).collect()
    }

    /// The names of all configurations.
    fn told(&self) -> Vec<&str> {
        std::iter::once("base").chain(self.alternatives.iter().map(|one| one.name.as_str())).collect()
    }

    fn sections(&self, name: &str) -> Vec<Section> {
        let pairs: Vec<(&str, &Pair<'_>)> = self.of_hpa(name).collect();
        let is_one = self.alternatives.len() == 1;
        let mut sections = Vec::new();
        if !is_one {
            sections.push(Section::new(name.to_owned(), self.overview(name), Vec::new()));
        }
        for (other, pair) in &pairs {
            let title = if is_one { name.to_owned() } else { format!("{name}: {other} against base") };
            sections.push(pair.section(title, self.clock, ("base", other)));
        }
        let shows = format!("Replicas and utilization of {}", self.told().join(", "));
        let picture = Picture { file: self.file(name), shows, chart: Some(self.chart(name)) };
        sections.last_mut().into_iter().for_each(|last| last.blocks.push(Block::Picture(picture.clone())));
        sections
    }

    /// For people.
    pub fn document(&self) -> Document {
        let mut sections: Vec<Section> = self.hpas().iter().flat_map(|name| self.sections(name)).collect();
        let alone = self.alternatives.iter().flat_map(Alternative::alone).collect();
        sections.push(Section::new("Notes", Table::default(), alone));
        sections.retain(|section| !section.blocks.is_empty());
        let is_one = self.alternatives.len() == 1;
        let of = |alternative: &Alternative<'_>| {
            let name =
                |pair: &Pair<'_>| if is_one { pair.name() } else { format!("{}, {}", pair.name(), alternative.name) };
            alternative.pairs.iter().map(|pair| pair.verdict(&name(pair))).collect::<Vec<_>>()
        };
        let mut verdict: Vec<String> = self.alternatives.iter().flat_map(of).collect();
        verdict.extend(self.broken.iter().map(|what| format!("Failed: {what}.")));
        let against: Vec<&str> = self.alternatives.iter().map(|one| one.told.as_str()).collect();
        Document { title: format!("{} against {}", against.join(" and "), self.base), verdict, sections }
    }

    /// For programs.
    pub fn json(&self) -> CompareResult {
        let mut all = self.alternatives.iter();
        let head = all.next();
        let other = |one: &Alternative<'_>| OtherCompared {
            name: one.name.clone(),
            read_from: one.told.clone(),
            hpas: one.json(),
            alone: one.alone(),
        };
        CompareResult {
            base: self.base.clone(),
            head: head.map(|head| head.told.clone()).unwrap_or_default(),
            hpas: head.map(Alternative::json).unwrap_or_default(),
            alone: head.map(Alternative::alone).unwrap_or_default(),
            others: all.map(other).collect(),
            broken: self.broken.clone(),
        }
    }
}

/// The file of the picture.
const PICTURE: &str = "compare.png";
/// The colours of the configurations, in their order; more than there are share the last.
const COLORS: [usize; 6] = [1, 0, 2, 3, 4, 5];
