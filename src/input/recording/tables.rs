//! CSV with a column of times: what Grafana and scripts write, series side by side or below each other.

use csv::StringRecord;

use super::instants::{self, Instant};
use super::meaning::{Labels, Meaning, about, of_column};
use super::prometheus::{Collector, labels_of};
use super::{File, Options, Place};
use crate::input::{Diagnostic, InputError};
use crate::model::{Kind, Recording, Series, Signal, TimeBase, piece};
use crate::units::Quantity;

/// What a column of times is called.
const TIMES: [&str; 13] = [
    "time",
    "timestamp",
    "ts",
    "t",
    "t_s",
    "date",
    "datetime",
    "time_s",
    "seconds",
    "time (utc)",
    "epoch",
    "time_stamp",
    "elapsed_s",
];

/// What a table with a series in each row calls what the series is, and its value.
const SERIES: [&str; 4] = ["series", "metric", "name", "field"];
const VALUES: [&str; 2] = ["value", "values"];

/// So many columns are named in a note.
const MOST_NAMED: usize = 6;

/// The delimiter of a header.
fn delimiter(line: &str) -> u8 {
    // Excel's hint about it is no header.
    let count = |c: char| line.matches(c).count();
    [(',', count(',')), (';', count(';')), ('\t', count('\t'))]
        .into_iter()
        .max_by_key(|(_, count)| *count)
        .map_or(b',', |(c, _)| c as u8)
}

/// The header of a table, if a column is of times.
fn header(head: &str) -> Option<(u8, Vec<String>)> {
    let line = head
        .lines()
        .map(|line| line.trim_start_matches('\u{feff}'))
        .find(|line| !line.trim().is_empty() && !line.starts_with('#') && !line.starts_with("sep="))?;
    let delimiter = delimiter(line);
    let mut reader = csv::ReaderBuilder::new().delimiter(delimiter).has_headers(false).from_reader(line.as_bytes());
    let record = reader.records().next()?.ok()?;
    let names: Vec<String> = record.iter().map(|name| name.trim().to_owned()).collect();
    time_column(&names).map(|_| (delimiter, names))
}

fn time_column(names: &[String]) -> Option<usize> {
    names.iter().position(|name| TIMES.contains(&name.to_lowercase().as_str()))
}

pub(super) fn is_table(head: &str) -> bool {
    header(head).is_some()
}

/// A number, with a unit that says by itself what it is.
fn number(text: &str) -> Option<f64> {
    let text = text.trim();
    if let Ok(number) = text.parse::<f64>() {
        return Some(number);
    }
    if let Some(percent) = text.strip_suffix('%') {
        return percent.trim().parse().ok();
    }
    let (digits, unit) = text.split_at(text.find(|c: char| c.is_alphabetic())?);
    let digits: f64 = digits.trim().replace(',', "").parse().ok()?;
    let factor = match unit.trim() {
        "KiB" => 1024.0,
        "MiB" => 1_048_576.0,
        "GiB" => 1_073_741_824.0,
        "TiB" => 1_099_511_627_776.0,
        "kB" => 1e3,
        "MB" => 1e6,
        "GB" => 1e9,
        "B" | "req/s" | "reqps" | "rps" | "ops/s" | "cores" => 1.0,
        _ => return text.parse::<Quantity>().ok().map(Quantity::as_f64),
    };
    Some(digits * factor)
}

/// Cells that say that there is no value.
fn is_absent(text: &str) -> bool {
    matches!(
        text.trim().to_lowercase().as_str(),
        "" | "null" | "nan" | "undefined" | "none" | "-" | "n/a" | "<unknown>"
    )
}

pub(super) fn table(file: &mut File<'_>, options: &Options) -> Result<Recording, InputError> {
    let place = file.place;
    let (delimiter, names) = header(&file.head).ok_or_else(|| InputError::from(place.nothing()))?;
    let time = time_column(&names).unwrap_or_default();
    let find = |known: &[&str]| names.iter().position(|name| known.contains(&name.to_lowercase().as_str()));
    let mut table = Table {
        place,
        options,
        time,
        first: None,
        series: Vec::new(),
        notes: Vec::new(),
        skipped: 0,
        places: Vec::new(),
    };
    // What tells Excel the delimiter is no header.
    if file.head.starts_with("sep=") {
        file.line(&mut String::new(), 1)?;
        table.skipped = 1;
    }
    let mut collector = Collector::new(options);
    let is_long = find(&SERIES).zip(find(&VALUES));
    let columns = if is_long.is_none() { table.columns(&names, &mut collector) } else { Vec::new() };
    let mut reader =
        csv::ReaderBuilder::new().delimiter(delimiter).comment(Some(b'#')).flexible(true).from_reader(&mut file.input);
    let mut record = StringRecord::new();
    loop {
        let line = reader.position().line() as usize + table.skipped;
        let more = reader.read_record(&mut record);
        if !more.map_err(|error| InputError::from(place.wrong(line, format!("cannot be read: {error}"))))? {
            break;
        }
        match is_long {
            Some((series, value)) => table.long(&record, series, value, &mut collector)?,
            None => table.wide(&record, &columns)?,
        }
    }
    let Table { first, series, mut notes, .. } = table;
    let base = first.map_or(TimeBase::Unknown, Instant::base);
    notes.extend(first.and_then(|first| first.written.note(&options.zone)));
    Ok(Recording { format: "CSV", base, series, events: Vec::new(), notes })
}

struct Table<'a> {
    place: Place<'a>,
    options: &'a Options,
    time: usize,
    first: Option<Instant>,
    series: Vec<Series>,
    notes: Vec<String>,
    /// Lines before the header.
    skipped: usize,
    /// Of a series in each row, by its name: which one it is, and its factor.
    places: Vec<(String, Option<(usize, f64)>)>,
}

/// A column with a series: where, its name, its factor, and whether what is no number is an error.
struct Wide {
    column: usize,
    name: String,
    factor: f64,
    is_known: bool,
}

impl Table<'_> {
    fn wrong(&self, record: &StringRecord, message: String) -> Diagnostic {
        self.place.wrong(record.position().map_or(0, csv::Position::line) as usize + self.skipped, message)
    }

    /// The time of a row, which all rows write in the same way.
    fn at(&mut self, record: &StringRecord) -> Result<i64, InputError> {
        let text = record.get(self.time).unwrap_or_default();
        let found = instants::parse(text, &self.options.zone);
        let found = found.ok_or_else(|| {
            let hint = "write seconds, milliseconds since 1970, RFC 3339, or 2026-11-24 09:00:00";
            InputError::from(self.wrong(record, format!("`{}` is not a time", piece(text))).hint(hint))
        })?;
        let first = *self.first.get_or_insert(found);
        if first.base() != found.base() && (first.base() == TimeBase::Start) != (found.base() == TimeBase::Start) {
            let message = format!("`{}` is written in another way than the time of the first row", piece(text));
            return Err(self.wrong(record, message).into());
        }
        Ok(found.millis)
    }

    fn value(&self, record: &StringRecord, column: usize, name: &str) -> Result<Option<f64>, InputError> {
        let text = record.get(column).unwrap_or_default();
        if is_absent(text) {
            return Ok(None);
        }
        let value = number(text).ok_or_else(|| {
            InputError::from(self.wrong(record, format!("`{}` is not a number", piece(text))).field(piece(name)))
        })?;
        Ok(Some(value).filter(|value| value.is_finite()))
    }

    /// What a column is: as the user says, or by its name.
    fn meaning(&self, name: &str, collector: &mut Collector<'_>) -> Option<(Meaning, Labels)> {
        let stated = self.options.columns.iter().find(|(column, _)| column == name);
        let labels = if name.contains('{') { labels_of(name) } else { None };
        if let Some((_, signal)) = stated {
            return Some((Meaning::gauge(signal.clone()), labels.unwrap_or_default()));
        }
        // What a column is called sets it apart from the others: in legends that is a pod.
        let labels = match labels {
            Some(labels) => labels,
            None => {
                [("__name__", name), ("column", name)].map(|(key, value)| (key.to_owned(), value.to_owned())).into()
            }
        };
        if self.options.meaning.is_none()
            && let Some(meaning) = of_column(name)
        {
            return Some((meaning, labels));
        }
        collector.meaning(&labels).map(|meaning| (meaning, labels))
    }

    /// A series in each column.
    fn columns(&mut self, names: &[String], collector: &mut Collector<'_>) -> Vec<Wide> {
        let (mut columns, mut unknown) = (Vec::new(), Vec::new());
        for (index, name) in names.iter().enumerate().filter(|(index, name)| *index != self.time && !name.is_empty()) {
            let found = self.meaning(name, collector);
            let is_known = found.is_some();
            // Labels without a name say nothing of what was measured.
            if !is_known && name.starts_with('{') {
                continue;
            }
            // Any other column is a custom metric, if it has numbers.
            let (meaning, labels) =
                found.unwrap_or_else(|| (Meaning::gauge(Signal::Metric(name.clone())), Labels::new()));
            if meaning.kind == Kind::Gauge && is_known && *name != meaning.signal.name() {
                let (signal, unit) = (&meaning.signal, meaning.signal.unit());
                self.notes.push(format!("column {} is taken as {signal} ({unit})", piece(name)));
            }
            if !is_known && !self.options.metrics.contains(name) {
                unknown.push(piece(name).to_string());
            }
            columns.push(Wide { column: index, name: name.clone(), factor: meaning.factor, is_known });
            self.series.push(meaning.series(about(labels)));
        }
        if !unknown.is_empty() {
            let more = if unknown.len() > MOST_NAMED { ", ..." } else { "" };
            unknown.truncate(MOST_NAMED);
            self.notes.push(format!(
                "not known, and taken as custom metrics of these names if they have numbers: {}{more} (--column NAME=MEANING says what \
                 one is, cpu=FILE what all are)",
                unknown.join(", ")
            ));
        }
        columns
    }

    fn wide(&mut self, record: &StringRecord, columns: &[Wide]) -> Result<(), InputError> {
        let at = self.at(record)?;
        for (place, Wide { column, name, factor, is_known }) in columns.iter().enumerate() {
            match self.value(record, *column, name) {
                Ok(value) => self.series[place].points.extend(value.map(|value| (at, value * factor))),
                Err(error) if *is_known => return Err(error),
                Err(_) => {}
            }
        }
        Ok(())
    }

    /// A series in each row.
    fn long(
        &mut self,
        record: &StringRecord,
        series: usize,
        value: usize,
        collector: &mut Collector<'_>,
    ) -> Result<(), InputError> {
        let name = record.get(series).unwrap_or_default();
        let known = self.places.iter().rev().find(|(known, _)| known == name).map(|(_, place)| *place);
        let place = match known {
            Some(place) => place,
            None => {
                let place = self.meaning(name, collector).map(|(meaning, labels)| {
                    self.series.push(meaning.series(about(labels)));
                    (self.series.len() - 1, meaning.factor)
                });
                self.places.push((name.to_owned(), place));
                place
            }
        };
        let at = self.at(record)?;
        if let (Some((place, factor)), Some(value)) = (place, self.value(record, value, name)?) {
            self.series[place].points.push((at, value * factor));
        }
        Ok(())
    }
}
