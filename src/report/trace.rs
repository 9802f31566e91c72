//! What loads are like, and what recordings came to: documents and JSON.

use schemars::JsonSchema;
use serde::Serialize;

use super::amounts::{bytes, decimal};
use super::document::{Block, Chart, Column, Document, Picture, Section, Table};
use super::json::Kind;
use super::plot::{Axis, Ink, Line, LineStyle, Panel, PlotError, chart_picture};
use crate::model;
use crate::study::describe::{Described, described};
use crate::units::{Clock, SimTime, Span};

/// A load with its columns described.
#[derive(Clone, Debug)]
pub struct LoadReport {
    /// The file or folder.
    pub name: String,
    /// The instant of its start, if it is known.
    pub clock: Option<Clock>,
    /// How long it lasts.
    pub duration: Span,
    /// Times of the rows, seconds.
    pub times: Vec<i64>,
    /// The columns with their values.
    pub columns: Vec<(model::Column, Vec<f64>)>,
    /// How it was read, and what is missing.
    pub notes: Vec<String>,
    /// The files that it was made of.
    pub files: Vec<FileRow>,
}

/// A file of a recording.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FileRow {
    /// Its name.
    pub file: String,
    /// What kind of file it is.
    pub format: String,
    /// How many series it has.
    pub series: usize,
    /// How many samples they have.
    pub samples: usize,
    /// How many events it has.
    pub events: usize,
    /// What was measured.
    pub measures: Vec<String>,
}

/// A load, described for programs.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DescribedLoad {
    name: String,
    /// The instant of its first row; null if its times count from their own start.
    start: Option<String>,
    duration_seconds: i64,
    rows: usize,
    columns: Vec<DescribedColumn>,
    notes: Vec<String>,
    /// Of an import: the files.
    files: Vec<FileRow>,
}

#[derive(Serialize, JsonSchema)]
struct DescribedColumn {
    name: String,
    unit: &'static str,
    #[serde(flatten)]
    described: Described,
}

impl Kind for DescribedLoad {
    const KIND: &'static str = "LoadDescription";
}

/// The unit of a column.
fn unit(column: &model::Column) -> &'static str {
    match column {
        model::Column::Cpu => "cores",
        model::Column::Memory => "bytes",
        model::Column::Rps => "requests/s",
        model::Column::Clients | model::Column::ClientGroup(_) => "clients",
        model::Column::CpuUtilization | model::Column::MemoryUtilization => "% of the request",
        model::Column::Replicas => "pods",
        model::Column::Metric(_) => "metric",
    }
}

fn amount(column: &model::Column, value: f64) -> String {
    match column {
        model::Column::Memory => bytes(value),
        model::Column::Cpu => decimal(value, 3),
        _ => decimal(value, 2),
    }
}

impl LoadReport {
    fn described(&self) -> impl Iterator<Item = (&model::Column, Described)> {
        self.columns
            .iter()
            .map(|(column, values)| (column, described(&self.times, values, self.duration.seconds(), self.clock)))
    }

    /// The picture of it; the bytes of the file.
    pub fn picture(&self) -> Result<Vec<u8>, PlotError> {
        let zone = self.clock.map_or_else(String::new, |clock| format!(", times in {}", clock.zone()));
        chart_picture(&format!("{}{zone}", self.name), &self.chart(), Ink::Pixels)
    }

    /// For programs.
    pub fn json(&self) -> DescribedLoad {
        DescribedLoad {
            name: self.name.clone(),
            start: self.clock.and_then(|clock| clock.rfc3339(SimTime::ZERO)),
            duration_seconds: self.duration.seconds(),
            rows: self.times.len(),
            columns: self
                .described()
                .map(|(column, described)| DescribedColumn {
                    name: column.name().to_owned(),
                    unit: unit(column),
                    described,
                })
                .collect(),
            notes: self.notes.clone(),
            files: self.files.clone(),
        }
    }

    /// Of several HPAs, each under its name.
    pub fn together(all: &[Self]) -> Document {
        if let [one] = all {
            return one.document();
        }
        let each: Vec<Document> = all.iter().map(Self::document).collect();
        let verdict =
            all.iter().zip(&each).map(|(one, document)| format!("{}: {}", one.name, document.verdict.join(" ")));
        let named = |(one, document): (&Self, Document)| -> Vec<Section> {
            let title = |section: Section| Section { title: format!("{}: {}", one.name, section.title), ..section };
            document.sections.into_iter().map(title).collect()
        };
        Document {
            title: format!("{} HPAs, as they were recorded", all.len()),
            verdict: verdict.collect(),
            sections: all.iter().zip(each.iter().cloned()).flat_map(named).collect(),
        }
    }

    /// For people.
    pub fn document(&self) -> Document {
        let all: Vec<(&model::Column, Described)> = self.described().collect();
        let start = self.clock.and_then(|clock| clock.rfc3339(SimTime::ZERO));
        let from = start.map_or_else(String::new, |start| format!(" from {start}"));
        let mut told = format!("{} rows over {}{from}.", self.times.len(), self.duration);
        for (column, one) in &all {
            let over = if one.max > 1.05 * one.mean && one.mean > 0.0 {
                format!(", {} times its mean", decimal(one.max / one.mean, 1))
            } else {
                String::new()
            };
            // Bytes have their unit already, a metric none that is known.
            let unit = match column {
                model::Column::Memory | model::Column::Metric(_) => String::new(),
                column => format!(" {}", unit(column)),
            };
            told += &format!(" {column} up to {}{unit}{over}.", amount(column, one.max));
        }
        let mut sections = Vec::new();
        if !self.files.is_empty() {
            sections.push(Section::new("Files", self.files_table(), Vec::new()));
        }
        let shows = "The load".to_owned();
        let picture = Picture { file: "load.png".to_owned(), shows, chart: Some(self.chart()) };
        sections.push(Section {
            title: "Load".to_owned(),
            blocks: vec![Block::Table(spread(&all)), Block::Picture(picture)],
        });
        sections.push(Section::new("Fastest rises", self.rises(&all), Vec::new()));
        sections.extend(periods(&all));
        sections.push(Section::new("Notes", Table::default(), self.notes.clone()));
        sections.retain(|section| !section.blocks.is_empty());
        Document { title: format!("Load {}", self.name), verdict: vec![told], sections }
    }

    fn files_table(&self) -> Table {
        let has_events = self.files.iter().any(|row| row.events > 0);
        let mut columns = vec![
            Column::text("FILE"),
            Column::text("KIND"),
            Column::text("MEASURES").folds(1),
            Column::number("SERIES"),
            Column::number("SAMPLES"),
        ];
        columns.extend(has_events.then(|| Column::number("EVENTS")));
        let rows = self.files.iter().map(|row| {
            let counts = [row.series, row.samples].into_iter().chain(has_events.then_some(row.events));
            let names = vec![row.file.clone(), row.format.clone(), row.measures.join(", ")];
            names.into_iter().chain(counts.map(|count| count.to_string())).collect()
        });
        Table::new(columns, rows)
    }

    fn rises(&self, all: &[(&model::Column, Described)]) -> Table {
        let columns = ["COLUMN", "WITHIN"].map(Column::text).into_iter().chain([
            Column::number("BY"),
            Column::number("FROM"),
            Column::number("TIMES"),
            Column::text("AT"),
        ]);
        let rows = all.iter().flat_map(|(column, one)| {
            one.rises.iter().filter(|rise| rise.by > 1e-6 * one.max).map(|rise| {
                let times =
                    if rise.from > 0.0 { decimal((rise.from + rise.by) / rise.from, 2) } else { "-".to_owned() };
                let at = SimTime::from_seconds(rise.at_seconds);
                let at = self.clock.and_then(|clock| clock.rfc3339(at)).unwrap_or_else(|| at.to_string());
                vec![
                    column.name().to_owned(),
                    Span::from_seconds(rise.within_seconds).to_string(),
                    amount(column, rise.by),
                    amount(column, rise.from),
                    times,
                    at,
                ]
            })
        });
        Table::new(columns.collect(), rows.collect::<Vec<_>>())
    }

    fn chart(&self) -> Chart {
        let panel = |(index, (column, values)): (usize, &(model::Column, Vec<f64>))| {
            let factor = if *column == model::Column::Memory { 1.0 / 1_073_741_824.0 } else { 1.0 };
            let unit = if *column == model::Column::Memory { "GiB" } else { unit(column) };
            let points = self.times.iter().zip(values).map(|(at, value)| (*at, value * factor)).collect();
            let line = Line {
                label: column.name().to_owned(),
                color: index % 5,
                style: LineStyle::Solid,
                may_be_cut: false,
                points,
            };
            Panel { title: format!("{column} ({unit})"), lines: vec![line], band: None, areas: Vec::new() }
        };
        let panels = self.columns.iter().enumerate().map(panel).collect();
        Chart { panels, axis: Axis::Time(self.duration, self.clock), marks: Vec::new() }
    }
}

fn spread(all: &[(&model::Column, Described)]) -> Table {
    let columns = vec![
        Column::text("COLUMN"),
        Column::text("UNIT").folds(1),
        Column::number("MIN"),
        Column::number("MEAN"),
        Column::number("P50").folds(2),
        Column::number("P95"),
        Column::number("P99").folds(3),
        Column::number("MAX"),
        Column::number("VARIATION").folds(4),
    ];
    let rows = all.iter().map(|(column, one)| {
        let values = [one.min, one.mean, one.p50, one.p95, one.p99, one.max].map(|value| amount(column, value));
        let names = vec![column.name().to_owned(), unit(column).to_owned()];
        names.into_iter().chain(values).chain([decimal(one.variation, 2)]).collect()
    });
    Table::new(columns, rows)
}

/// The shape of the day, and of the week.
fn periods(all: &[(&model::Column, Described)]) -> Vec<Section> {
    let table = |first: &str, names: &[String], of: &dyn Fn(&Described) -> Option<Vec<f64>>| {
        let known: Vec<(&model::Column, Vec<f64>)> =
            all.iter().filter_map(|(column, one)| Some((*column, of(one)?))).collect();
        if known.is_empty() {
            return Table::default();
        }
        let columns = std::iter::once(Column::text(first))
            .chain(known.iter().map(|(column, _)| Column::number(column.name().to_uppercase())));
        let rows = names.iter().enumerate().map(|(index, name)| {
            std::iter::once(name.clone())
                .chain(known.iter().map(|(column, values)| amount(column, values[index])))
                .collect()
        });
        Table::new(columns.collect(), rows)
    };
    let hours: Vec<String> = (0..24).map(|hour| format!("{hour:02}:00")).collect();
    let days = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"].map(str::to_owned);
    vec![
        Section::new("Mean of each hour", table("HOUR", &hours, &|one| one.hours.clone()), Vec::new()),
        Section::new("Mean of each day", table("DAY", &days, &|one| one.weekdays.clone()), Vec::new()),
    ]
}

/// A number for a file: as short as it is exact to a millionth.
pub fn exact(value: f64) -> String {
    if value.abs() >= 1e6 { decimal(value, 0) } else { decimal(value, 6) }
}
