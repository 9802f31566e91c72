//! The load of a scenario, in each of its readings.

use super::{Reader, raw};
use crate::input::load::drives::drives;
use crate::input::load::pattern::parse_column;
use crate::input::load::synthetic::Synthetic;
use crate::input::load::trace::parse_value;
use crate::input::load::{How, LoadSettings, Number, Row, StatedReading, Values, as_input_error, has_recorded};
use crate::input::names::hint;
use crate::input::recording::{Options, Subject};
use crate::input::{Diagnostic, InputError};
use crate::model::{Column, HpaSpec, LoadReading, LoadSource, LoadTable, MetricSource, Reading, Workload, piece};
use crate::units::{Clock, Replicas, SimTime, Span};

/// A load that has been read: columns and rows.
struct Rows {
    columns: Vec<Column>,
    rows: Vec<(SimTime, Vec<f64>)>,
    /// The instant of the first row, if it is known.
    clock: Option<Clock>,
}

/// A load as it is written, and where.
#[derive(Clone, Copy, Debug)]
pub(super) struct Written<'a> {
    pub raw: &'a raw::Scenario,
    pub settings: &'a LoadSettings,
    /// The path of the load, such as `load`, and of the state at the start.
    pub path: &'a str,
    pub start: &'a raw::Start,
    pub start_path: &'a str,
}

impl Reader<'_> {
    pub(super) fn readings(
        &self,
        written: Written<'_>,
        hpa: &HpaSpec,
        workload: &Workload,
        replicas: Replicas,
        lead_in: Span,
    ) -> Result<Vec<LoadReading>, InputError> {
        let mut load = self.rows(written, hpa)?;
        if has_recorded(&load.columns) {
            let mut table = LoadTable::new(load.columns.clone());
            load.rows.iter().for_each(|(at, row)| table.push(*at, row));
            let earlier = table.earlier(written.settings.recorded_age);
            load.rows = earlier.rows().map(|(at, row)| (at, row.to_vec())).collect();
        }
        let Written { path, settings, .. } = written;
        self.known_columns(written, &load.columns, hpa)?;
        if let Some(before) = &written.start.before {
            let values = self.values(&format!("{}.before", written.start_path), before, &load.columns, None)?;
            // Up to the last second before the start, whatever the interpolation.
            load.rows.insert(0, (SimTime::ZERO - Span::from_seconds(1), values.clone()));
            load.rows.insert(0, (SimTime::ZERO - lead_in, values));
        } else if let Some((_, first)) = load.rows.first().filter(|_| lead_in > Span::ZERO) {
            // It has been as it is at first.
            load.rows.insert(0, (SimTime::ZERO - lead_in, first.clone()));
        }
        if settings.from.is_some() {
            self.add_requests(written, &mut load)?;
        }
        let observed = |c: &Column| matches!(c, Column::CpuUtilization | Column::MemoryUtilization);
        let has_observed = load.columns.iter().any(observed);
        let readings = match &settings.readings {
            Some(list) if list.is_empty() => {
                let wrong = self.wrong(&format!("{path}.readings"), "must not be empty");
                return Err(wrong.hint("use held, demand or both").into());
            }
            Some(_) if !has_observed => {
                let message = "only utilization can be read in two ways; the load has none";
                return Err(self.wrong(&format!("{path}.readings"), message).hint("remove it").into());
            }
            Some(list) => list
                .iter()
                .map(|reading| match reading {
                    StatedReading::Held => Reading::Held,
                    StatedReading::Demand => Reading::Demand,
                })
                .collect(),
            None if has_observed && !load.columns.contains(&Column::Replicas) => vec![Reading::Held],
            None => vec![Reading::AsGiven],
        };
        readings.into_iter().map(|reading| self.reading(reading, &load, hpa, workload, replicas, written)).collect()
    }

    fn reading(
        &self,
        reading: Reading,
        load: &Rows,
        hpa: &HpaSpec,
        workload: &Workload,
        replicas: Replicas,
        Written { settings, path, .. }: Written<'_>,
    ) -> Result<LoadReading, InputError> {
        let mut columns = load.columns.clone();
        if reading == Reading::Demand {
            columns.push(Column::Replicas);
        }
        let mut warnings = Vec::new();
        let drives = drives(&columns, hpa, &workload.template, settings, &mut warnings)
            .map_err(|error| self.elsewhere(path, &error))?;
        if let Some(warning) = warnings.first() {
            return Err(Diagnostic { hint: warning.hint.clone(), ..self.wrong(path, warning.message.clone()) }.into());
        }
        let mut table = LoadTable::new(columns).from_instant(load.clock);
        for (at, values) in &load.rows {
            let mut values = values.clone();
            if reading == Reading::Demand {
                values.push(replicas.into());
            }
            table.push(*at, &values);
        }
        Ok(LoadReading { reading, table, drives })
    }

    /// Refuses columns that nothing reads.
    fn known_columns(&self, written: Written<'_>, columns: &[Column], hpa: &HpaSpec) -> Result<(), Diagnostic> {
        let labels: Vec<String> = hpa.metrics.iter().map(MetricSource::label).collect();
        let unknown = columns.iter().find_map(|column| match column {
            Column::Metric(name) if !labels.contains(name) => Some(name),
            _ => None,
        });
        let Some(name) = unknown else { return Ok(()) };
        let path = match written.settings {
            load if load.values.is_some() => format!("{}.values.{name}", written.path),
            load if load.rows.is_some() => format!("{}.rows[0].values.{name}", written.path),
            load if load.patterns.is_some() => format!("{}.patterns.{name}", written.path),
            _ => format!("{}.trace", written.path),
        };
        let known = Column::NAMES.into_iter().chain(labels.iter().map(String::as_str));
        let message = format!("`{}` is neither a column of loads nor a metric of the HPA", piece(name));
        Err(self.wrong(&path, message).hint(hint(name, known)))
    }

    /// The rows from the start on, whatever they are made of.
    fn rows(&self, Written { raw, settings: load, path, .. }: Written<'_>, hpa: &HpaSpec) -> Result<Rows, InputError> {
        let at = |field: &str| format!("{path}.{field}");
        let given = [load.values.is_some(), load.rows.is_some(), load.trace.is_some(), load.patterns.is_some()];
        let given = given.iter().filter(|&&given| given).count();
        if given == 0 && load.from.is_some() {
            return Ok(Rows { columns: vec![Column::Rps], rows: vec![(SimTime::ZERO, vec![0.0])], clock: None });
        }
        if given != 1 {
            return Err(self.wrong(path, "must have exactly one of values, rows, trace and patterns").into());
        }
        if let Some(values) = &load.values {
            let columns: Vec<Column> = values.keys().map(|name| Column::from_name(name)).collect();
            let row = self.values(&at("values"), values, &columns, None)?;
            return Ok(Rows { columns, rows: vec![(SimTime::ZERO, row)], clock: None });
        }
        if let Some(rows) = &load.rows {
            return self.given_rows(rows, path);
        }
        if let Some(patterns) = &load.patterns {
            let columns = patterns
                .iter()
                .map(|(name, pattern)| parse_column(&format!("{name}={pattern}")))
                .collect::<Result<Vec<_>, _>>()
                .map_err(|error| self.wrong(&at("patterns"), error.to_string()))?;
            return collect(&mut Synthetic::new(&columns, raw.duration, Span::from_seconds(15), raw.seed));
        }
        let file = load.trace.as_deref().unwrap_or_default();
        let how = How { subject: Subject::of(hpa), options: Options::of(hpa), ..How::default() };
        let found = self.files.load(self.source, file, &how);
        collect(&mut found.map_err(|e| self.wrong(&at("trace"), e.to_string()))?)
    }

    /// Requests of others come on top of its own: there is a column for them, and they cost CPU.
    fn add_requests(&self, written: Written<'_>, load: &mut Rows) -> Result<(), Diagnostic> {
        let path = format!("{}.from", written.path);
        if load.columns.iter().any(|column| {
            matches!(column, Column::Clients | Column::ClientGroup(_) | Column::Cpu | Column::CpuUtilization)
        }) {
            let message = "requests of others cannot be added to clients or CPU";
            return Err(self.wrong(&path, message).hint("give its own load as rps, or leave it out"));
        }
        if written.settings.cpu_per_request.is_none() {
            let message = "what a request costs is not known";
            return Err(self.wrong(&path, message).hint("add cpuPerRequest, such as 5m"));
        }
        if !load.columns.contains(&Column::Rps) {
            load.columns.push(Column::Rps);
            load.rows.iter_mut().for_each(|(_, values)| values.push(0.0));
        }
        Ok(())
    }

    fn given_rows(&self, raw: &[Row], of: &str) -> Result<Rows, InputError> {
        let Some(first) = raw.first() else {
            return Err(self.wrong(&format!("{of}.rows"), "must not be empty").into());
        };
        let columns: Vec<Column> = first.values.keys().map(|name| Column::from_name(name)).collect();
        let mut rows: Vec<(SimTime, Vec<f64>)> = Vec::new();
        for (index, row) in raw.iter().enumerate() {
            let path = format!("{of}.rows[{index}]");
            let at = SimTime::ZERO + row.at;
            let last = rows.last();
            if last.is_none() && at != SimTime::ZERO {
                return Err(self.wrong(&format!("{path}.at"), "the first row must be at 0s").into());
            }
            if last.is_some_and(|(before, _)| at <= *before) {
                return Err(self.wrong(&format!("{path}.at"), "must be after the row before").into());
            }
            let values =
                self.values(&format!("{path}.values"), &row.values, &columns, last.map(|(_, v)| v.as_slice()))?;
            rows.push((at, values));
        }
        Ok(Rows { columns, rows, clock: None })
    }

    /// The values of the columns; those that are not given keep their last value.
    fn values(
        &self,
        path: &str,
        raw: &Values,
        columns: &[Column],
        last: Option<&[f64]>,
    ) -> Result<Vec<f64>, Diagnostic> {
        if let Some(name) = raw.keys().find(|name| !columns.iter().any(|column| column.name() == **name)) {
            let known = columns.iter().map(Column::name);
            return Err(self.wrong(&format!("{path}.{name}"), "is not a column of the load").hint(hint(name, known)));
        }
        let value = |(index, column): (usize, &Column)| match raw.get(column.name()) {
            Some(number) => self.number(&format!("{path}.{column}"), column, number),
            None => last.map(|values| values[index]).ok_or_else(|| self.wrong(path, format!("`{column}` is missing"))),
        };
        columns.iter().enumerate().map(value).collect()
    }

    fn number(&self, path: &str, column: &Column, raw: &Number) -> Result<f64, Diagnostic> {
        let value = match raw {
            Number::Number(number) => Some(*number),
            Number::Text(text) => parse_value(column, text),
        };
        let value = value.ok_or_else(|| self.wrong(path, "is not a number of zero or more"))?;
        column.check(value).map(|()| value).map_err(|problem| self.wrong(path, problem))
    }
}

fn collect(source: &mut dyn LoadSource) -> Result<Rows, InputError> {
    let columns = source.columns().to_vec();
    let mut values = vec![0.0; columns.len()];
    let mut rows = Vec::new();
    loop {
        match source.next_row(&mut values) {
            Ok(Some(at)) => rows.push((at, values.clone())),
            Ok(None) => return Ok(Rows { columns, rows, clock: source.clock() }),
            Err(error) => return Err(as_input_error(error)),
        }
    }
}
