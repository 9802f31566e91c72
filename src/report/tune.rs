//! What to set: what `hpasim tune` says and writes.

use schemars::JsonSchema;
use serde::Serialize;

use super::amounts::decimal;
use super::document::{Block, Column, Document, Section, Table};
use super::json::Kind;
use crate::study::phases::Range;
use crate::study::tune::{Problem, Row, Score, Scores, Service, Step, Tuned};
use crate::units::{Clock, SimTime, Span};

/// What came of tuning an HPA.
#[derive(Clone, Debug)]
pub struct Tuning<'a> {
    /// The HPA, with its namespace.
    pub name: String,
    /// What was tuned.
    pub problem: &'a Problem<'a>,
    /// What came of it.
    pub tuned: &'a Tuned,
    /// The instant of the load's start, if it is known.
    pub clock: Option<Clock>,
    /// The recommended values as options of the commands that simulate; none if they are today's.
    pub options: Vec<String>,
    /// The same as a strategic merge patch.
    pub patch: Option<String>,
    /// What else is to be known.
    pub notes: Vec<String>,
}

/// The file of the patch.
pub const PATCH: &str = "patch.yaml";

/// A figure over the phases.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Over {
    mean: f64,
    least: f64,
    most: f64,
}

/// What a setting comes to.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Figures {
    /// Node-hours or pod-hours, as `costUnit` says.
    cost: Over,
    /// Against today's settings, in the same phases.
    cost_difference: Over,
    /// Time without the service, as `service` says.
    bad_seconds: Over,
    lost_core_seconds: Over,
    scaling_events: Over,
}

/// A field of a setting.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct FieldOf {
    path: String,
    /// Amounts in thousandths, windows in seconds.
    value: i64,
    today: i64,
}

/// A setting.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct SettingOf {
    chosen_for: Vec<&'static str>,
    recommended: bool,
    fields: Vec<FieldOf>,
    seen: Figures,
    /// On the part of the load that the search did not see; null if it saw all.
    unseen: Option<Figures>,
}

/// What a step of a field comes to.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct StepOf {
    path: String,
    value: i64,
    figures: Figures,
}

/// What came of it, for programs.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TuningResult {
    hpa: String,
    cost_unit: &'static str,
    service: &'static str,
    phases: usize,
    tried: usize,
    seen_seconds: i64,
    load_seconds: i64,
    settings: Vec<SettingOf>,
    /// From the recommended setting on.
    steps: Vec<StepOf>,
    options: Vec<String>,
    patch: Option<String>,
    notes: Vec<String>,
}

impl Kind for TuningResult {
    const KIND: &'static str = "Tuning";
}

fn span(seconds: f64) -> String {
    Span::from_seconds(seconds.round() as i64).to_string()
}

fn hours(seconds: f64) -> String {
    decimal(seconds / 3600.0, 2)
}

/// A difference, to one digit.
fn signed(value: f64) -> String {
    let text = decimal(value, 1);
    match text.as_str() {
        "0" | "-0" => "0".to_owned(),
        _ if value > 0.0 => format!("+{text}"),
        _ => text,
    }
}

/// What the time without service is called.
fn without(service: Service) -> &'static str {
    match service {
        Service::Slo => "promise broken",
        Service::Cpu => "above requests",
    }
}

impl Tuning<'_> {
    fn today(&self) -> &Row {
        &self.tuned.rows[0]
    }

    fn best(&self) -> &Row {
        &self.tuned.rows[self.tuned.best]
    }

    fn unit(&self) -> &'static str {
        if self.tuned.by_nodes { "node-hours" } else { "pod-hours" }
    }

    /// What is not as it is today.
    fn changes(&self, row: &Row) -> String {
        let hpa = self.problem.setup.targets[0].hpa;
        let each = self.problem.axes.iter().zip(&row.choice).filter(|(axis, index)| **index != axis.own);
        let told = |(axis, index): (&crate::study::tune::Axis, &usize)| {
            let value = |index: usize| axis.field.told(hpa, axis.values[index]);
            format!("{} {} -> {}", axis.field.title(hpa), value(axis.own), value(*index))
        };
        let all: Vec<String> = each.map(told).collect();
        if all.is_empty() { "as it is".to_owned() } else { all.join(", ") }
    }

    /// How much more a setting costs than today's, as a part, over the phases.
    fn part(&self, scores: &Scores, today: &Scores) -> Option<Range<f64>> {
        let each = scores.0.iter().zip(&today.0).map(|(own, today)| (own.cost / today.cost.max(1.0) - 1.0) * 100.0);
        Range::of(each)
    }

    fn percent(&self, scores: &Scores, today: &Scores) -> String {
        let mean = |scores: &Scores| scores.mean(|score| score.cost);
        let signed = |value: f64| format!("{}%", signed(value));
        match self.part(scores, today) {
            Some(range) if !scores.differs(today, |score| score.cost) && signed(range.low) != signed(range.high) => {
                format!("none that holds ({} to {})", signed(range.low), signed(range.high))
            }
            Some(range) => {
                let all = signed((mean(scores) / mean(today).max(1.0) - 1.0) * 100.0);
                let (low, high) = (signed(range.low), signed(range.high));
                if low == high { all } else { format!("{all} ({low} to {high})") }
            }
            None => String::new(),
        }
    }

    fn cells(&self, row: &Row, scores: &Scores, today: &Scores) -> Vec<String> {
        let mut names = row.names.join(", ");
        if row == self.best() {
            names = format!("> {names}");
        }
        vec![
            names,
            hours(scores.mean(|score| score.cost)),
            if row == self.today() { String::new() } else { self.percent(scores, today) },
            span(scores.mean(|score| score.bad)),
            decimal(scores.mean(|score| score.lost), 1),
            decimal(scores.mean(|score| score.events), 1),
        ]
    }

    fn columns(&self) -> Vec<Column> {
        vec![
            Column::text("CHOSEN FOR"),
            Column::number(self.unit().to_uppercase()),
            Column::number("AGAINST TODAY"),
            Column::number(without(self.tuned.service).to_uppercase()),
            Column::number("LOST CORE-SECONDS"),
            Column::number("SCALING EVENTS").folds(1),
        ]
    }

    fn settings(&self) -> Table {
        let mut columns = self.columns();
        columns.push(Column::text("CHANGES").folds(2));
        let row = |row: &Row| {
            let mut cells = self.cells(row, &row.seen, &self.today().seen);
            cells.push(self.changes(row));
            cells
        };
        Table::new(columns, self.tuned.rows.iter().map(row).collect::<Vec<_>>())
    }

    fn unseen(&self) -> Option<Table> {
        let today = self.today().unseen.as_ref()?;
        let row = |row: &Row| Some(self.cells(row, row.unseen.as_ref()?, today));
        Some(Table::new(self.columns(), self.tuned.rows.iter().filter_map(row).collect::<Vec<_>>()))
    }

    fn sensitivity(&self) -> Table {
        let hpa = self.problem.setup.targets[0].hpa;
        let best = &self.best().seen;
        let row = |step: &Step| {
            let axis = &self.problem.axes[step.axis];
            let own = axis.values[self.best().choice[step.axis]];
            let more = |of: fn(&Score) -> f64| step.scores.mean(of) - best.mean(of);
            let seconds = more(|score| score.bad).round();
            let sign = if seconds > 0.0 { "+" } else { "" };
            vec![
                axis.field.title(hpa),
                axis.field.told(hpa, own),
                axis.field.told(hpa, axis.values[step.value]),
                self.percent(&step.scores, best),
                format!("{}{}", if seconds < 0.0 { "-" } else { sign }, span(seconds.abs())),
                signed(more(|score| score.lost)),
            ]
        };
        let columns = vec![
            Column::text("FIELD"),
            Column::number("VALUE"),
            Column::number("IN ITS PLACE"),
            Column::number(self.unit().to_uppercase()),
            Column::number(without(self.tuned.service).to_uppercase()),
            Column::number("LOST CORE-SECONDS"),
        ];
        Table::new(columns, self.tuned.steps.iter().map(row).collect::<Vec<_>>())
    }

    /// The instant from which on the load was not seen.
    fn rest(&self) -> String {
        let at = SimTime::ZERO + self.problem.seen;
        self.clock.and_then(|clock| clock.rfc3339(at)).unwrap_or_else(|| at.to_string())
    }

    fn verdict(&self) -> Vec<String> {
        let (today, best) = (self.today(), self.best());
        if best.choice == today.choice {
            return vec![format!("{}: of what was tried nothing costs less than today and serves as well.", self.name)];
        }
        let bad = |scores: &Scores| span(scores.mean(|score| score.bad));
        let told = |own: &Scores, today: &Scores| {
            format!(
                "{} {}, {} {} (today {})",
                self.unit(),
                self.percent(own, today),
                without(self.tuned.service),
                bad(own),
                bad(today)
            )
        };
        let mut all =
            vec![format!("{}: {}.", self.name, self.changes(best)), format!("{}.", told(&best.seen, &today.seen))];
        match best.unseen.as_ref().zip(today.unseen.as_ref()) {
            Some((own, before)) => {
                let is_worse = own.mean(|score| score.bad) > before.mean(|score| score.bad) + 0.5;
                let warning = if is_worse { ": worse there than today" } else { "" };
                all.push(format!("From {} on, which the search did not see: {}{warning}.", self.rest(), told(own, before)));
            }
            None => all.push("No part of the load was held back: what was found is told of the load that it was found on (--holdout).".to_owned()),
        }
        all
    }

    /// For people.
    pub fn document(&self) -> Document {
        let mut sections = vec![Section::new("Settings", self.settings(), Vec::new())];
        if let Some(table) = self.unseen() {
            sections.push(Section::new(
                format!("From {} on, which the search did not see", self.rest()),
                table,
                Vec::new(),
            ));
        }
        if !self.options.is_empty() {
            let code = Block::Code(self.options.join(" \\\n"));
            sections.push(Section { title: "What to set".to_owned(), blocks: vec![code] });
        }
        if let Some(patch) = &self.patch {
            sections.push(Section { title: "Patch".to_owned(), blocks: vec![Block::Code(patch.clone())] });
        }
        sections.push(Section::new("One step more or less", self.sensitivity(), Vec::new()));
        sections.push(Section::new("Notes", Table::default(), self.notes.clone()));
        sections.retain(|section| !section.blocks.is_empty());
        Document { title: format!("What to set: {}", self.name), verdict: self.verdict(), sections }
    }

    fn figures(&self, scores: &Scores, today: &Scores) -> Figures {
        let over = |values: &dyn Fn(&Score) -> f64| {
            let range = Range::of(scores.0.iter().map(values));
            let (least, most) = range.map_or((0.0, 0.0), |range| (range.low, range.high));
            Over { mean: scores.mean(values), least, most }
        };
        let more = scores.more(today, |score| score.cost / 3600.0);
        let (least, most) = more.map_or((0.0, 0.0), |range| (range.low, range.high));
        let mean = |scores: &Scores| scores.mean(|score| score.cost / 3600.0);
        Figures {
            cost: over(&|score| score.cost / 3600.0),
            cost_difference: Over { mean: mean(scores) - mean(today), least, most },
            bad_seconds: over(&|score| score.bad),
            lost_core_seconds: over(&|score| score.lost),
            scaling_events: over(&|score| score.events),
        }
    }

    /// For programs.
    pub fn json(&self) -> TuningResult {
        let hpa = self.problem.setup.targets[0].hpa;
        let today = self.today();
        let setting = |row: &Row| SettingOf {
            chosen_for: row.names.clone(),
            recommended: row == self.best(),
            fields: self
                .problem
                .axes
                .iter()
                .zip(&row.choice)
                .map(|(axis, index)| FieldOf {
                    path: axis.field.path(hpa),
                    value: axis.values[*index],
                    today: axis.values[axis.own],
                })
                .collect(),
            seen: self.figures(&row.seen, &today.seen),
            unseen: row.unseen.as_ref().zip(today.unseen.as_ref()).map(|(own, today)| self.figures(own, today)),
        };
        let step = |step: &Step| StepOf {
            path: self.problem.axes[step.axis].field.path(hpa),
            value: self.problem.axes[step.axis].values[step.value],
            figures: self.figures(&step.scores, &today.seen),
        };
        TuningResult {
            hpa: self.name.clone(),
            cost_unit: self.unit(),
            service: match self.tuned.service {
                Service::Slo => "slo",
                Service::Cpu => "aboveRequests",
            },
            phases: self.tuned.phases,
            tried: self.tuned.tried,
            seen_seconds: self.problem.seen.seconds(),
            load_seconds: self.problem.end.seconds(),
            settings: self.tuned.rows.iter().map(setting).collect(),
            steps: self.tuned.steps.iter().map(step).collect(),
            options: self.options.clone(),
            patch: self.patch.clone(),
            notes: self.notes.clone(),
        }
    }
}
