//! Load traces in CSV.
//!
//! A header; a `time` column; then what [`Column`] knows, or custom metrics by their names. Rows are read as
//! the simulation asks for them, so that memory does not grow with the trace, and checked on the way.

use std::io::Read;

use csv::StringRecord;

use crate::input::times::TimeStyle;
use crate::input::{Diagnostic, InputError, Location};
use crate::model::{Column, LoadError, LoadSource, piece};
use crate::units::{Clock, Quantity, SimTime, Span};

/// Gaps are looked for once so many rows have come at equal distances.
const REGULAR_STEPS: u32 = 10;

/// What was wrong with a trace and has been mended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Repairs {
    /// Rows that stood before an earlier one.
    pub out_of_order: u64,
    /// Rows with the time of another; the last one counts.
    pub duplicate_times: u64,
    /// Rows before the time zero, left out.
    pub negative_times: u64,
    /// Missing, NaN, infinite or negative values; the last good one holds.
    pub bad_values: u64,
    /// Missing rows; the last one holds.
    pub gaps: u64,
}

impl Repairs {
    /// What was mended, in words; `None` if nothing was.
    pub fn describe(&self) -> Option<String> {
        let parts: Vec<String> = [
            (self.out_of_order, "row out of order", "rows out of order"),
            (self.duplicate_times, "duplicate time", "duplicate times"),
            (self.negative_times, "negative time", "negative times"),
            (self.bad_values, "bad value", "bad values"),
            (self.gaps, "gap", "gaps"),
        ]
        .into_iter()
        .filter(|&(count, ..)| count > 0)
        .map(|(count, one, many)| format!("{count} {}", if count == 1 { one } else { many }))
        .collect();
        (!parts.is_empty()).then(|| parts.join(", "))
    }
}

/// Whether the head of a file is that of a trace: a column `time`, and others whose names are plain.
pub fn is_trace(head: &str) -> bool {
    let mut lines = head.trim_start_matches('\u{feff}').lines();
    let header = lines.find(|line| !line.trim().is_empty() && !line.starts_with('#')).unwrap_or_default();
    let mut names = header.split(',').map(|name| name.trim().trim_matches('"'));
    names.any(|name| name == "time") && !header.contains(['{', ';'])
}

/// Whether a text looks like the name of a column.
fn is_name(text: &str) -> bool {
    let name = |c: char| c.is_alphanumeric() || "_-. ".contains(c);
    !text.is_empty() && text.chars().count() <= 40 && text.chars().all(name)
}

/// A trace that is being read.
pub struct TraceReader {
    name: String,
    rows: csv::Reader<Box<dyn Read + Send>>,
    record: StringRecord,
    /// The field of each column.
    fields: Vec<usize>,
    time_field: usize,
    columns: Vec<Column>,
    /// Values of columns that are not in the file but the same in every row.
    constants: Vec<f64>,
    style: Option<TimeStyle>,
    /// The first row's time, seconds (since 1970 for timestamps).
    first_seconds: Option<i64>,
    /// How far the zone of the first timestamp is east of UTC, seconds.
    utc_offset: i32,
    previous: Option<(SimTime, u64)>,
    /// The usual distance of rows and how often it was seen.
    step: (Span, u32),
    /// Rows that were read ahead, in order; only when repairing.
    repaired: Option<std::vec::IntoIter<(SimTime, Vec<f64>)>>,
    repairs: Repairs,
}

impl TraceReader {
    /// Reads the header. `constants` are columns with the same value in every row. With `repair` the whole trace is read and
    /// mended where it can be.
    pub fn new(
        name: String,
        input: Box<dyn Read + Send>,
        constants: &[(Column, f64)],
        repair: bool,
    ) -> Result<Self, InputError> {
        let rows = csv::ReaderBuilder::new().comment(Some(b'#')).from_reader(input);
        let mut reader = Self {
            name,
            rows,
            record: StringRecord::new(),
            fields: Vec::new(),
            time_field: 0,
            columns: Vec::new(),
            constants: constants.iter().map(|&(_, value)| value).collect(),
            style: None,
            first_seconds: None,
            utc_offset: 0,
            previous: None,
            step: (Span::ZERO, 0),
            repaired: None,
            repairs: Repairs::default(),
        };
        reader.read_header()?;
        reader.columns.extend(constants.iter().map(|(column, _)| column.clone()));
        if repair {
            reader.repair()?;
        }
        Ok(reader)
    }

    /// What was mended.
    pub fn repairs(&self) -> Repairs {
        self.repairs
    }

    /// What was assumed of its times.
    pub fn times_note(&self) -> Option<String> {
        let said = match self.style? {
            TimeStyle::Milliseconds => "the times of the load trace are read as milliseconds since 1970",
            TimeStyle::Local => "the times of the load trace have no zone: they are read as UTC",
            _ => return None,
        };
        Some(said.to_owned())
    }

    fn at_line(&self, line: u64) -> Location {
        Location { file: self.name.as_str().into(), line: line as usize, column: 0 }
    }

    fn csv_error(&self, error: &csv::Error) -> Diagnostic {
        let line = error.position().map_or(0, csv::Position::line);
        let message = match error.kind() {
            csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
                format!("has {len} fields, the header has {expected_len}")
            }
            csv::ErrorKind::Utf8 { .. } => "is not UTF-8 text".to_owned(),
            _ => format!("cannot be read: {error}"),
        };
        Diagnostic::new(message).at(self.at_line(line))
    }

    fn read_header(&mut self) -> Result<(), InputError> {
        let header = self.rows.headers().cloned().map_err(|error| self.csv_error(&error))?;
        let header: Vec<String> =
            header.iter().map(|name| name.trim_start_matches('\u{feff}').trim().to_owned()).collect();
        let here = self.at_line(1);
        let Some(time_field) = header.iter().position(|name| name == "time") else {
            // A file that is something else altogether is not shown.
            let names: Vec<&str> = header.iter().map(String::as_str).filter(|name| is_name(name)).take(20).collect();
            let found = match names.as_slice() {
                [] if header.iter().all(String::is_empty) => "; it has nothing".to_owned(),
                names if names.len() == header.len() && names.len() > 1 => format!("; it has {}", names.join(", ")),
                _ => String::new(),
            };
            let diagnostic = Diagnostic::new(format!("the header has no `time` column{found}")).at(here);
            return Err(diagnostic.hint("the first line names the columns, for example `time,cpu,memory`").into());
        };
        for (index, name) in header.iter().enumerate() {
            if name.is_empty() {
                return Err(Diagnostic::new(format!("column {} has no name", index + 1)).at(here).into());
            }
            if header[..index].contains(name) {
                return Err(Diagnostic::new("appears twice in the header").at(here).field(piece(name)).into());
            }
            if index != time_field {
                self.fields.push(index);
                self.columns.push(Column::from_name(name));
            }
        }
        self.time_field = time_field;
        Ok(())
    }

    /// Reads the next record; says whether there is one.
    fn read_record(&mut self) -> Result<bool, Diagnostic> {
        let mut record = std::mem::take(&mut self.record);
        let more = self.rows.read_record(&mut record);
        self.record = record;
        more.map_err(|error| self.csv_error(&error))
    }

    /// The place of a field of the current record; the column is that of unquoted fields.
    fn at_field(&self, index: usize) -> Location {
        let before: usize = self.record.iter().take(index).map(|field| field.chars().count() + 1).sum();
        Location { column: before + 1, ..self.at_line(self.line()) }
    }

    fn line(&self) -> u64 {
        self.record.position().map_or(0, csv::Position::line)
    }

    /// A field of the current record.
    fn field(&self, index: usize) -> &str {
        self.record.get(index).unwrap_or_default().trim()
    }

    /// The time of the current record in seconds.
    fn seconds(&mut self) -> Result<i64, Diagnostic> {
        let text = self.field(self.time_field);
        let style = self.style.unwrap_or_else(|| TimeStyle::of(text));
        let seconds = style.parse(text).ok_or_else(|| {
            Diagnostic::new(format!("`{}` is not a time", piece(text)))
                .at(self.at_field(self.time_field))
                .field("time")
                .hint(format!("write {}", style.expected()))
        })?;
        if self.style.is_none() {
            self.utc_offset = Clock::parse(self.field(self.time_field)).map_or(0, Clock::utc_offset);
        }
        self.style = Some(style);
        Ok(seconds)
    }

    /// One value of the current record. `Err(None)`: there is a number, but not a usable one.
    fn value(&self, column: usize) -> Result<f64, Option<Diagnostic>> {
        let text = self.field(self.fields[column]);
        let kind = &self.columns[column];
        if text.is_empty() {
            return Err(None);
        }
        let value = parse_value(kind, text).ok_or_else(|| {
            let hint = match kind {
                Column::Cpu => "write cores: `2.5` or `2500m`",
                Column::Memory => "write bytes: `6442450944` or `6Gi`",
                _ => "write a number",
            };
            let diagnostic = Diagnostic::new(format!("`{}` is not a number", piece(text)));
            Some(diagnostic.at(self.at_field(self.fields[column])).field(kind.name()).hint(hint))
        })?;
        if kind.check(value).is_ok() { Ok(value) } else { Err(None) }
    }

    fn bad_value(&self, column: usize) -> Diagnostic {
        let text = self.field(self.fields[column]);
        let kind = &self.columns[column];
        let problem = parse_value(kind, text).and_then(|value| kind.check(value).err());
        let message = match (text, problem) {
            ("", _) => "is empty".to_owned(),
            (text, Some(problem)) => format!("is {} and {problem}", piece(text)),
            (text, None) => format!("is {}, which is not a usable number", piece(text)),
        };
        Diagnostic::new(message)
            .at(self.at_field(self.fields[column]))
            .field(self.columns[column].name())
            .hint("--repair holds the last good value")
    }

    /// The next row as it stands, strictly checked.
    fn strict_row(&mut self, values: &mut [f64]) -> Result<Option<SimTime>, Diagnostic> {
        if !self.read_record()? {
            return Ok(None);
        }
        let (seconds, line) = (self.seconds()?, self.line());
        if seconds < 0 && !self.style.is_some_and(TimeStyle::is_instant) {
            let diagnostic = Diagnostic::new(format!("is {seconds}s and must not be negative"));
            return Err(diagnostic
                .at(self.at_field(self.time_field))
                .field("time")
                .hint("--repair leaves such rows out"));
        }
        let first = *self.first_seconds.get_or_insert(seconds);
        let time = SimTime::from_seconds(seconds - first);
        if time.since_start() > Span::LONGEST {
            let diagnostic = Diagnostic::new("is more than a hundred years after the first row");
            return Err(diagnostic.at(self.at_field(self.time_field)).field("time"));
        }
        if let Some((previous, previous_line)) = self.previous {
            self.check_order(time, previous, previous_line)?;
        }
        self.previous = Some((time, line));
        for (column, slot) in (0..self.fields.len()).zip(values.iter_mut()) {
            *slot = self.value(column).map_err(|error| error.unwrap_or_else(|| self.bad_value(column)))?;
        }
        values[self.fields.len()..].copy_from_slice(&self.constants);
        Ok(Some(time))
    }

    fn check_order(&mut self, time: SimTime, previous: SimTime, previous_line: u64) -> Result<(), Diagnostic> {
        let problem = |message: String, hint: &str| {
            Err(Diagnostic::new(message).at(self.at_field(self.time_field)).field("time").hint(hint.to_owned()))
        };
        if time == previous {
            return problem(
                format!("is the same as on line {previous_line}"),
                "remove one of the rows; --repair keeps the last",
            );
        }
        if time < previous {
            return problem(
                format!("is {} before line {previous_line}: rows must be in order of time", previous - time),
                "sort the rows; --repair does",
            );
        }
        let step = time - previous;
        if self.is_gap(step) {
            return problem(
                format!("is {step} after line {previous_line}, in a trace with a row every {}", self.step.0),
                "add the missing rows; --repair holds the last row",
            );
        }
        self.step = if step == self.step.0 { (step, self.step.1 + 1) } else { (step, 1) };
        Ok(())
    }

    fn is_gap(&self, step: Span) -> bool {
        self.step.1 >= REGULAR_STEPS && step.seconds() * 2 > self.step.0.seconds() * 3
    }

    /// Reads everything and mends it.
    fn repair(&mut self) -> Result<(), InputError> {
        let mut rows: Vec<(i64, Vec<Option<f64>>)> = Vec::new();
        while self.read_record()? {
            let seconds = self.seconds()?;
            if seconds < 0 && !self.style.is_some_and(TimeStyle::is_instant) {
                self.repairs.negative_times += 1;
                continue;
            }
            if rows.last().is_some_and(|(last, _)| seconds < *last) {
                self.repairs.out_of_order += 1;
            }
            let mut values = Vec::with_capacity(self.fields.len());
            for column in 0..self.fields.len() {
                values.push(match self.value(column) {
                    Ok(value) => Some(value),
                    Err(None) => {
                        self.repairs.bad_values += 1;
                        None
                    }
                    Err(Some(diagnostic)) => return Err(diagnostic.into()),
                });
            }
            rows.push((seconds, values));
        }
        rows.sort_by_key(|(seconds, _)| *seconds);
        let first = rows.first().map_or(0, |(seconds, _)| *seconds);
        let years = |(seconds, _): &&(i64, Vec<Option<f64>>)| seconds - first > Span::LONGEST.seconds();
        if rows.iter().any(|row| years(&row)) {
            let diagnostic = Diagnostic::new("has rows more than a hundred years after the first one");
            return Err(diagnostic.at(self.at_line(0)).field("time").into());
        }
        let first = rows.first().map_or(0, |(seconds, _)| *seconds);
        self.first_seconds = Some(first);
        // Before the first good value of a column, that value holds.
        let mut held: Vec<f64> = (0..self.fields.len())
            .map(|column| rows.iter().find_map(|(_, values)| values[column]).unwrap_or(0.0))
            .collect();
        let mut mended: Vec<(SimTime, Vec<f64>)> = Vec::new();
        for (seconds, values) in rows {
            for (slot, value) in held.iter_mut().zip(values) {
                *slot = value.unwrap_or(*slot);
            }
            let row: Vec<f64> = held.iter().chain(&self.constants).copied().collect();
            let time = SimTime::from_seconds(seconds - first);
            match mended.last_mut() {
                Some((previous, old)) if *previous == time => {
                    self.repairs.duplicate_times += 1;
                    *old = row;
                    continue;
                }
                Some((previous, _)) => {
                    let step = time - *previous;
                    if self.is_gap(step) {
                        self.repairs.gaps += 1;
                    } else {
                        self.step = if step == self.step.0 { (step, self.step.1 + 1) } else { (step, 1) };
                    }
                }
                None => {}
            }
            mended.push((time, row));
        }
        self.repaired = Some(mended.into_iter());
        Ok(())
    }
}

/// Reads a value in the unit of its column.
pub fn parse_value(column: &Column, text: &str) -> Option<f64> {
    let number = match column {
        Column::CpuUtilization | Column::MemoryUtilization => text.strip_suffix('%').unwrap_or(text),
        _ => text,
    };
    number.parse().ok().or_else(|| match column {
        Column::Cpu | Column::Memory => text.parse::<Quantity>().ok().map(Quantity::as_f64),
        _ => None,
    })
}

impl LoadSource for TraceReader {
    fn clock(&self) -> Option<Clock> {
        let first = self.first_seconds.filter(|_| self.style.is_some_and(TimeStyle::is_instant))?;
        Some(Clock::new(first, self.utc_offset))
    }

    fn columns(&self) -> &[Column] {
        &self.columns
    }

    fn next_row(&mut self, values: &mut [f64]) -> Result<Option<SimTime>, LoadError> {
        if let Some(rows) = &mut self.repaired {
            return Ok(rows.next().map(|(time, row)| {
                values.copy_from_slice(&row);
                time
            }));
        }
        self.strict_row(values).map_err(|diagnostic| InputError::from(diagnostic).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Rows = Vec<(i64, Vec<f64>)>;

    fn rows(text: &'static str, repair: bool) -> Result<(Rows, Repairs), String> {
        let input: Box<dyn Read + Send> = Box::new(text.as_bytes());
        let mut reader = TraceReader::new("t.csv".into(), input, &[], repair).map_err(|error| error.to_string())?;
        let mut values = vec![0.0; reader.columns().len()];
        let mut all = Vec::new();
        while let Some(time) = reader.next_row(&mut values).map_err(|error| error.to_string())? {
            all.push((time.seconds(), values.clone()));
        }
        Ok((all, reader.repairs()))
    }

    #[test]
    fn times_read_in_four_styles_relative_to_the_first() {
        for text in [
            "time,cpu\n0,1\n60,2\n",
            "time,cpu\n1700000000,1\n1700000060,2\n",
            "time,cpu\n1700000000000,1\n1700000060000,2\n",
            "time,cpu\n1.7e12,1\n1700000060000.0,2\n",
            "time,cpu\n0s,1\n1m,2\n",
            "cpu,time\n1,2026-11-02T09:00:00Z\n2,2026-11-02T10:01:00+01:00\n",
        ] {
            assert_eq!(rows(text, false).unwrap().0, [(0, vec![1.0]), (60, vec![2.0])], "{text}");
        }
        assert!(rows("time,cpu\n1700000000000,1\n1700000060500,2\n", false).is_err(), "half a second");
    }

    #[test]
    fn values_may_be_quantities_or_percentages() {
        let (all, _) = rows("time,cpu,memory,cpu_utilization\n0,1500m,6Gi,80%\n", false).unwrap();
        assert_eq!(all[0].1, [1.5, 6_442_450_944.0, 80.0]);
    }

    #[test]
    fn repairs_are_counted() {
        let text = "time,cpu\n-5,9\n0,1\n20,3\n10,NaN\n10,2\n30,\n40,-1\n";
        let (all, repairs) = rows(text, true).unwrap();
        assert_eq!(all, [(0, vec![1.0]), (10, vec![2.0]), (20, vec![3.0]), (30, vec![3.0]), (40, vec![3.0])]);
        let expected = Repairs { out_of_order: 1, duplicate_times: 1, negative_times: 1, bad_values: 3, gaps: 0 };
        assert_eq!(repairs, expected);
    }
}
