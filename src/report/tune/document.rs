//! The same for people.

use super::{PICTURE, Tuning, Tunings};
use crate::report::amounts::decimal;
use crate::report::document::{Block, Chart, Column, Document, Picture, Section, Table};
use crate::report::plot::{Area, Axis, Ink, Line, LineStyle, Panel, PlotError, chart_picture};
use crate::study::phases::Range;
use crate::study::tune::{Cost, Objective, Row, Score, Scores, Service, Step};
use crate::units::Span;

pub(super) fn span(seconds: f64) -> String {
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
pub fn without(service: Service) -> &'static str {
    match service {
        Service::Slo => "promise broken",
        Service::Cpu => "above requests",
    }
}

impl Tuning<'_> {
    /// What is not as it is today.
    fn changes(&self, row: &Row) -> String {
        let each = self.frame.axes.iter().zip(&row.known.choice).filter(|(axis, index)| **index != axis.own);
        let told = |(axis, index): (&super::Told, &usize)| {
            format!("{} {} -> {}", axis.title, axis.words[axis.own], axis.words[*index])
        };
        let all: Vec<String> = each.map(told).collect();
        if all.is_empty() { "as it is".to_owned() } else { all.join(", ") }
    }

    /// How much more a setting costs than today's, as a part, over the phases.
    fn part(&self, scores: &Scores, today: &Scores) -> Option<Range<f64>> {
        let each = scores.runs.iter().zip(&today.runs).map(|(own, today)| (ratio(own.cost, today.cost) - 1.0) * 100.0);
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
                let all = signed((ratio(mean(scores), mean(today)) - 1.0) * 100.0);
                let (low, high) = (signed(range.low), signed(range.high));
                if low == high { all } else { format!("{all} ({low} to {high})") }
            }
            None => String::new(),
        }
    }

    /// What it costs, as the column has it.
    fn cost(&self, scores: &Scores, seconds: i64) -> String {
        match self.frame.cost {
            Cost::Requests(_) | Cost::NodePrices => decimal(self.per_month(scores, seconds).unwrap_or(0.0), 2),
            Cost::Pods | Cost::Nodes => hours(scores.mean(|score| score.cost)),
        }
    }

    fn cells(&self, row: &Row, scores: &Scores, (today, seconds): (&Scores, i64)) -> Vec<String> {
        let mut names = row.names.join(", ");
        if row == self.best() {
            names = format!("> {names}");
        }
        let mut cells = vec![
            names,
            self.cost(scores, seconds),
            if row == self.today() { String::new() } else { self.percent(scores, today) },
            span(scores.mean(|score| score.bad)),
        ];
        cells.extend(self.frame.tells_above.then(|| span(scores.mean(|score| score.above))));
        cells.extend(self.frame.tells_others.then(|| span(scores.mean(|score| score.others))));
        cells.extend([decimal(scores.mean(|score| score.lost), 1), decimal(scores.mean(|score| score.events), 1)]);
        if self.is_by_requests() {
            cells.extend([hours(scores.mean(|score| score.cores)), hours(scores.mean(|score| score.gib))]);
        }
        cells
    }

    fn is_by_requests(&self) -> bool {
        matches!(self.frame.cost, Cost::Requests(_))
    }

    /// Whether cost is in the unit of prices.
    fn is_in_money(&self) -> bool {
        self.is_by_requests() || self.frame.cost == Cost::NodePrices
    }

    fn columns(&self) -> Vec<Column> {
        let unit = if self.is_in_money() { "COST/MONTH".to_owned() } else { self.unit().to_uppercase() };
        let mut columns = vec![
            Column::text("CHOSEN FOR"),
            Column::number(unit),
            Column::number("AGAINST TODAY"),
            Column::number(without(self.frame.service).to_uppercase()),
        ];
        columns.extend(self.frame.tells_above.then(|| Column::number("ABOVE REQUESTS")));
        columns.extend(self.frame.tells_others.then(|| Column::number("OTHERS WITHOUT SERVICE")));
        columns.extend([Column::number("LOST CORE-SECONDS"), Column::number("SCALING EVENTS").folds(1)]);
        if self.is_by_requests() {
            columns.extend([Column::number("CORE-HOURS").folds(1), Column::number("GIB-HOURS").folds(1)]);
        }
        columns
    }

    fn settings(&self) -> Table {
        let mut columns = self.columns();
        columns.extend([Column::text("CHANGES").folds(2), Column::text("WHY").folds(3)]);
        let row = |row: &Row| {
            let mut cells = self.cells(row, &row.known.seen, (&self.today().known.seen, self.frame.seen));
            cells.extend([self.changes(row), self.in_short(row).unwrap_or_default()]);
            cells
        };
        Table::new(columns, self.tuned.rows.iter().map(row).collect::<Vec<_>>())
    }

    fn unseen(&self) -> Option<Table> {
        let today = self.today().known.unseen.as_ref()?;
        let seconds = self.frame.end - self.frame.seen;
        let row = |row: &Row| Some(self.cells(row, row.known.unseen.as_ref()?, (today, seconds)));
        Some(Table::new(self.columns(), self.tuned.rows.iter().filter_map(row).collect::<Vec<_>>()))
    }

    fn sensitivity(&self) -> Table {
        let best = &self.best().known.seen;
        let row = |step: &Step| {
            let axis = &self.frame.axes[step.axis];
            let more = |of: fn(&Score) -> f64| step.scores.mean(of) - best.mean(of);
            let seconds = more(|score| score.bad).round();
            let sign = if seconds > 0.0 { "+" } else { "" };
            vec![
                axis.title.clone(),
                axis.words[self.best().known.choice[step.axis]].clone(),
                axis.words[step.value].clone(),
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
            Column::number(without(self.frame.service).to_uppercase()),
            Column::number("LOST CORE-SECONDS"),
        ];
        Table::new(columns, self.tuned.steps.iter().map(row).collect::<Vec<_>>())
    }

    fn verdict(&self) -> Vec<String> {
        let (today, best) = (self.today(), self.best());
        let bounds = self.frame.bounds.join(", ");
        if !self.tuned.is_within {
            return vec![format!("{}: nothing that was tried keeps within the bounds ({bounds}).", self.frame.name)];
        }
        if best.known.choice == today.known.choice && !bounds.is_empty() {
            let least = match self.frame.least {
                Objective::Cost => "costs less",
                Objective::Without | Objective::Lost | Objective::Events => "is better",
            };
            return vec![format!(
                "{}: of what was tried nothing {least} than today within the bounds ({bounds}).",
                self.frame.name
            )];
        }
        if best.known.choice == today.known.choice {
            let none =
                format!("{}: of what was tried nothing costs less than today and serves as well.", self.frame.name);
            return std::iter::once(none).chain(self.but_for_lost_work()).collect();
        }
        let bad = |scores: &Scores| span(scores.mean(|score| score.bad));
        let told = |own: &Scores, today: &Scores| {
            format!(
                "{} {}, {} {} (today {})",
                self.unit(),
                self.percent(own, today),
                without(self.frame.service),
                bad(own),
                bad(today)
            )
        };
        let mut all = vec![
            format!("{}: {}.", self.frame.name, self.changes(best)),
            format!("{}.", told(&best.known.seen, &today.known.seen)),
        ];
        let figure = |what: &str, of: fn(&Score) -> f64| {
            format!("{what}: {} (today {}).", decimal(best.seen(of), 1), decimal(today.seen(of), 1))
        };
        match self.frame.least {
            Objective::Lost => all.push(figure("Core-seconds lost", |score| score.lost)),
            Objective::Events => all.push(figure("Scaling events", |score| score.events)),
            Objective::Cost | Objective::Without => {}
        }
        let month = |scores: &Scores| self.per_month(scores, self.frame.seen);
        if let Some((own, before)) = month(&best.known.seen).zip(month(&today.known.seen)) {
            let what = if self.is_by_requests() { "Price of what pods request" } else { "Nodes' price" };
            all.push(format!("{what}: {} a month (today {}).", decimal(own, 2), decimal(before, 2)));
        }
        all.extend(self.price_decides());
        all.extend(self.fewer_pods());
        if !bounds.is_empty() {
            all.push(format!("The bounds: {bounds}."));
        }
        all.extend(self.spelled.findings.iter().map(|finding| format!("New to lint: {finding}.")));
        match best.known.unseen.as_ref().zip(today.known.unseen.as_ref()) {
            Some((own, before)) => {
                let is_worse = own.mean(|score| score.bad) > before.mean(|score| score.bad) + 0.5;
                let warning = if is_worse { ": worse there than today" } else { "" };
                all.push(format!("From {} on, which the search did not see: {}{warning}.", self.frame.rest, told(own, before)));
            }
            None => all.push("No part of the load was held back: what was found is told of the load that it was found on (--holdout).".to_owned()),
        }
        all
    }

    /// What would cost less if a little more work might be lost: whoever takes pods away loses some.
    fn but_for_lost_work(&self) -> Option<String> {
        let (today, seen) = (self.today(), |row: &Row, of: fn(&Score) -> f64| row.seen(of));
        let is_as_good = |row: &&Row| {
            seen(row, |score| score.bad) <= seen(today, |score| score.bad)
                && seen(row, |score| score.above) <= seen(today, |score| score.above)
                && seen(row, |score| score.others) <= seen(today, |score| score.others)
                && seen(row, |score| score.cost) < seen(today, |score| score.cost)
                && row.known.seen.differs(&today.known.seen, |score| score.cost)
        };
        let all = self.tuned.rows.iter().filter(is_as_good);
        let best =
            all.min_by(|one, other| seen(one, |score| score.cost).total_cmp(&seen(other, |score| score.cost)))?;
        let days = self.frame.seen as f64 / 86_400.0;
        Some(format!(
            "But for work that is lost: {} costs {}, with {} core-seconds lost a day (today {}); --at-most lost={} allows it.",
            self.changes(best),
            self.percent(&best.known.seen, &today.known.seen),
            decimal(seen(best, |score| score.lost) / days, 1),
            decimal(seen(today, |score| score.lost) / days, 1),
            decimal((seen(best, |score| score.lost) / days).ceil(), 0)
        ))
    }

    /// Whether the prices decide: the one resource is less, and the other more.
    fn price_decides(&self) -> Option<String> {
        let Cost::Requests(prices) = self.frame.cost else { return None };
        let more = |of: fn(&Score) -> f64| self.best().seen(of) - self.today().seen(of);
        let (cores, gib) = (more(|score| score.cores), more(|score| score.gib));
        if cores * gib >= 0.0 || prices.gib_hour <= 0.0 {
            return None;
        }
        let (less, other) = if cores < 0.0 { ("CPU", "memory") } else { ("memory", "CPU") };
        let (own, bound) = (prices.core_hour / prices.gib_hour, -gib / cores);
        let side = if cores < 0.0 { "less" } else { "more" };
        Some(format!(
            "It requests less {less} and more {other}: where a core costs {side} than {} GiB (here {}), it costs more than today.",
            decimal(bound, 1),
            decimal(own, 1)
        ))
    }

    /// What the answer depends on.
    pub(super) fn notes(&self) -> Vec<String> {
        let frame = self.frame;
        let first = format!(
            "{} settings were tried in one phase, the best of them in {} (seed {}), with a load that is up to {}% more or \
             less; figures are means over these, with the range of the difference from today.",
            self.tuned.tried,
            if frame.phases == 1 { "this one alone".to_owned() } else { format!("{} phases", frame.phases) },
            frame.seed,
            decimal(frame.uncertainty * 100.0, 1)
        );
        std::iter::once(first).chain(frame.notes.iter().cloned()).chain(self.spelled.notes.iter().cloned()).collect()
    }

    /// The file of its picture.
    fn picture(&self, is_alone: bool) -> String {
        if is_alone { PICTURE.to_owned() } else { format!("front-{}.png", self.frame.name.replace('/', "-")) }
    }

    /// What the settings cost, and how they serve, from cheap to dear.
    fn chart(&self) -> Chart {
        let mut rows: Vec<&Row> = self.tuned.rows.iter().collect();
        rows.sort_by(|one, other| one.seen(|score| score.cost).total_cmp(&other.seen(|score| score.cost)));
        let name = |row: &&Row| {
            let short = |name: &str| {
                if name.starts_with("cheapest") || name.starts_with("best") {
                    "recommended".to_owned()
                } else {
                    name.to_owned()
                }
            };
            let names = row.names.iter().map(|name| short(name)).collect::<Vec<_>>().join(", ");
            let part = ratio(row.seen(|score| score.cost), self.today().seen(|score| score.cost)) - 1.0;
            if row == &self.today() { names } else { format!("{names} {}%", signed(part * 100.0)) }
        };
        let panel = |title: String, color: usize, of: &dyn Fn(&Score) -> f64| {
            let at = |index: usize| 2 * index as i64;
            let means = rows.iter().enumerate().map(|(index, row)| (at(index), row.seen(of)));
            let ranges = rows.iter().enumerate().filter_map(|(index, row)| {
                let range = Range::of(row.known.seen.runs.iter().map(of))?;
                Some((at(index), range.low, range.high))
            });
            let label = format!("in {} phases and loads", self.frame.phases);
            let line = Line {
                label: "mean".to_owned(),
                color,
                style: LineStyle::Solid,
                may_be_cut: false,
                points: means.collect(),
            };
            Panel { title, lines: vec![line], band: None, areas: vec![Area { label, color, points: ranges.collect() }] }
        };
        let panels = vec![
            match self.is_in_money() {
                true => panel("Cost of a month (in the unit of the prices)".to_owned(), 0, &|score| {
                    let one = Scores { runs: vec![*score], days: Vec::new() };
                    self.per_month(&one, self.frame.seen).unwrap_or(0.0)
                }),
                false => panel(format!("Cost ({})", self.unit()), 0, &|score| score.cost / 3600.0),
            },
            panel(format!("{} (minutes)", capital(without(self.frame.service))), 3, &|score| score.bad / 60.0),
        ];
        Chart { panels, axis: Axis::Steps(rows.iter().map(name).collect()), marks: Vec::new() }
    }

    fn sections(&self, is_alone: bool) -> Vec<Section> {
        let title = |title: &str| if is_alone { title.to_owned() } else { format!("{}: {title}", self.frame.name) };
        let code = |name: &str, text: String| Section { title: title(name), blocks: vec![Block::Code(text)] };
        let mut settings = Section::new(title("Settings"), self.settings(), Vec::new());
        if self.tuned.rows.len() > 1 {
            let shows = "What the settings cost and how they serve, from cheap to dear".to_owned();
            let picture = Picture { file: self.picture(is_alone), shows, chart: Some(self.chart()) };
            settings.blocks.push(Block::Picture(picture));
        }
        let mut sections = vec![settings];
        sections.extend(self.sizing(&title));
        sections.push(Section::new(title("Why"), Table::default(), self.sentences()));
        if let Some(table) = self.unseen() {
            let heading = format!("From {} on, which the search did not see", self.frame.rest);
            sections.push(Section::new(title(&heading), table, Vec::new()));
        }
        if !self.spelled.options.is_empty() {
            sections.push(code("What to set", self.spelled.options.join(" \\\n")));
        }
        sections.extend(self.spelled.diff.clone().map(|diff| code("Change of the manifests", diff)));
        sections.extend(self.spelled.patch.clone().map(|patch| code("Patch", patch)));
        sections.push(Section::new(title("One step more or less"), self.sensitivity(), Vec::new()));
        sections.push(Section::new(title("Notes"), Table::default(), self.notes()));
        sections
    }
}

impl Tunings<'_> {
    /// For people.
    pub fn document(&self) -> Document {
        let is_alone = self.0.len() == 1;
        let mut sections: Vec<Section> = self.0.iter().flat_map(|tuning| tuning.sections(is_alone)).collect();
        sections.retain(|section| !section.blocks.is_empty());
        let names: Vec<&str> = self.0.iter().map(|tuning| tuning.frame.name.as_str()).collect();
        let title = if is_alone { names.join("") } else { format!("{} HPAs", names.len()) };
        let verdict = self.0.iter().flat_map(|tuning| [tuning.warnings(), tuning.verdict()].concat()).collect();
        Document { title: format!("What to set: {title}"), verdict, sections }
    }

    /// The pictures of the fronts, with their files.
    pub fn pictures(&self) -> Result<Vec<(String, Vec<u8>)>, PlotError> {
        let is_alone = self.0.len() == 1;
        let of = |tuning: &Tuning<'_>| {
            let heading = format!("Settings of {}, from cheap to dear", tuning.frame.name);
            Ok((tuning.picture(is_alone), chart_picture(&heading, &tuning.chart(), Ink::Pixels)?))
        };
        self.0.iter().filter(|tuning| tuning.tuned.rows.len() > 1).map(of).collect()
    }
}

/// A quotient of costs; what is equal is equal, though it be nothing.
fn ratio(own: f64, other: f64) -> f64 {
    if own == other { 1.0 } else { own / other }
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
