//! Lists of requests, one by one: hey and k6 as CSV, k6 as JSON, JMeter. They become counters, second by second.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::instants::{self, Instant, Written};
use super::{File, Options, Place};
use crate::input::InputError;
use crate::model::{About, Kind, Recording, Series, Signal, TimeBase, piece};

/// Requests, by the second in which they were sent.
#[derive(Debug, Default)]
pub(super) struct Calls {
    /// How many, and what their answers took together in milliseconds.
    seconds: BTreeMap<i64, (u64, f64)>,
    /// How many took so long, by steps of a hundredth.
    durations: BTreeMap<i32, u64>,
    /// How many have a duration, and how many there are.
    timed: u64,
    count: u64,
}

impl Calls {
    /// A request, and how long its answer took, if that is known; milliseconds.
    pub fn add(&mut self, sent: i64, took: Option<f64>) {
        let second = self.seconds.entry(sent.div_euclid(1000)).or_default();
        second.0 += 1;
        self.count += 1;
        let Some(took) = took.filter(|took| took.is_finite() && *took >= 0.0) else { return };
        second.1 += took;
        self.timed += 1;
        *self.durations.entry((took.max(1e-3).ln() * 100.0).round() as i32).or_default() += 1;
    }

    fn quantile(&self, part: f64) -> f64 {
        let wanted = (part * self.timed as f64).ceil() as u64;
        let mut seen = 0;
        let found = self.durations.iter().find(|(_, count)| {
            seen += **count;
            seen >= wanted
        });
        found.map_or(0.0, |(step, _)| (f64::from(*step) / 100.0).exp())
    }

    /// The counters, and what the durations are.
    pub fn finish(self, recording: &mut Recording) {
        let (Some((&first, _)), false) = (self.seconds.first_key_value(), self.count == 0) else { return };
        let mut series = [Signal::Rps, Signal::ResponseSeconds].map(|signal| Series {
            signal,
            kind: Kind::Counter,
            about: About::default(),
            points: vec![(first * 1000, 0.0)],
        });
        let mut sums = (0.0, 0.0);
        for (&second, &(count, took)) in &self.seconds {
            // Nothing comes between the seconds that are there.
            for (series, sum) in series.iter_mut().zip([sums.0, sums.1]) {
                if series.points.last().is_some_and(|(at, _)| *at < second * 1000) {
                    series.points.push((second * 1000, sum));
                }
            }
            sums = (sums.0 + count as f64, sums.1 + took / 1e3);
            series[0].points.push((second * 1000 + 1000, sums.0));
            series[1].points.push((second * 1000 + 1000, sums.1));
        }
        let [requests, responses] = series;
        recording.series.push(requests);
        if self.timed > 0 {
            let [half, most, nearly] = [0.5, 0.95, 0.99].map(|part| self.quantile(part));
            recording.notes.push(format!(
                "{} requests, answered in {half:.1} ms (p50), {most:.1} ms (p95), {nearly:.1} ms (p99), to one hundredth",
                self.count
            ));
            if self.timed == self.count {
                recording.series.push(responses);
            }
        }
    }
}

/// What the columns of a list are called: the time, in which unit what it took is, what it took, and what else there is.
struct Kinds {
    format: &'static str,
    needs: &'static [&'static str],
    time: &'static str,
    /// The column, and how many milliseconds one is.
    took: (&'static str, f64),
    clients: Option<&'static str>,
}

const TABLES: [Kinds; 2] = [
    Kinds {
        format: "hey, CSV",
        needs: &["response-time", "offset"],
        time: "offset",
        took: ("response-time", 1e3),
        clients: None,
    },
    Kinds {
        format: "JMeter",
        needs: &["timeStamp", "elapsed"],
        time: "timeStamp",
        took: ("elapsed", 1.0),
        clients: Some("allThreads"),
    },
];

fn names(head: &str) -> Vec<&str> {
    head.lines()
        .next()
        .map_or_else(Vec::new, |line| line.trim().split(',').map(|name| name.trim_matches('"')).collect())
}

pub(super) fn is_table(head: &str) -> bool {
    let names = names(head);
    names.starts_with(&["metric_name", "timestamp", "metric_value"])
        || TABLES.iter().any(|kind| kind.needs.iter().all(|name| names.contains(name)))
}

pub(super) fn table(file: &mut File<'_>, options: &Options) -> Result<Recording, InputError> {
    let names = names(&file.head);
    match TABLES.iter().find(|kind| kind.needs.iter().all(|name| names.contains(name))) {
        Some(kind) => listed(file, kind, options),
        None => k6_csv(file, options),
    }
}

/// The records of a table with their lines.
pub(super) fn records(
    file: &mut File<'_>,
    mut each: impl FnMut(usize, &csv::StringRecord) -> Result<(), InputError>,
) -> Result<(), InputError> {
    let place = file.place;
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(&mut file.input);
    let mut record = csv::StringRecord::new();
    loop {
        let line = reader.position().line() as usize;
        match reader.read_record(&mut record) {
            Ok(true) => each(line, &record)?,
            Ok(false) => return Ok(()),
            Err(error) => return Err(place.wrong(line, format!("cannot be read: {error}")).into()),
        }
    }
}

/// A number of a record.
fn field(
    place: Place<'_>,
    line: usize,
    record: &csv::StringRecord,
    column: usize,
    name: &str,
) -> Result<f64, InputError> {
    let text = record.get(column).unwrap_or_default().trim();
    let wrong = || InputError::from(place.wrong(line, format!("`{}` is not a number", piece(text))).field(name));
    text.parse::<f64>().ok().filter(|number| number.is_finite()).ok_or_else(wrong)
}

fn listed(file: &mut File<'_>, kind: &Kinds, options: &Options) -> Result<Recording, InputError> {
    let (place, head) = (file.place, file.head.clone());
    let names = names(&head);
    let find = |name: &str| names.iter().position(|known| *known == name).unwrap_or_default();
    let (time, took) = (find(kind.time), find(kind.took.0));
    let clients = kind.clients.filter(|name| names.contains(name)).map(|name| (find(name), name));
    let mut recording = Recording { format: kind.format, ..Recording::default() };
    let (mut calls, mut clients_at) = (Calls::default(), BTreeMap::new());
    records(file, |line, record| {
        let text = record.get(time).unwrap_or_default();
        let at = instants::parse(text, &options.zone);
        let at = at.ok_or_else(|| {
            InputError::from(place.wrong(line, format!("`{}` is not a time", piece(text))).field(kind.time))
        })?;
        recording.base = at.base();
        calls.add(at.millis, Some(field(place, line, record, took, kind.took.0)? * kind.took.1));
        if let Some((column, name)) = clients {
            clients_at.insert(at.millis.div_euclid(1000) * 1000, field(place, line, record, column, name)?);
        }
        Ok(())
    })?;
    calls.finish(&mut recording);
    recording.series.extend(gauge(Signal::Clients, clients_at));
    Ok(recording)
}

fn gauge(signal: Signal, points: BTreeMap<i64, f64>) -> Option<Series> {
    let points: Vec<(i64, f64)> = points.into_iter().collect();
    (!points.is_empty()).then_some(Series { signal, kind: Kind::Gauge, about: About::default(), points })
}

/// What k6 measures that is looked at.
#[derive(Default)]
struct K6 {
    calls: Calls,
    clients: BTreeMap<i64, f64>,
    /// When the answers came, with what they took: from these follows when they were sent.
    base: TimeBase,
    requests: u64,
}

impl K6 {
    /// A sample: its metric's name, the instant, the value.
    fn add(&mut self, name: &str, at: Instant, value: f64) {
        match name {
            "http_reqs" => self.requests += 1,
            // Samples are of the end of a request.
            "http_req_duration" => self.calls.add(at.millis - value.round() as i64, Some(value)),
            "vus" => {
                self.clients.insert(at.millis.div_euclid(1000) * 1000, value);
            }
            _ => return,
        }
        self.base = at.base();
    }

    fn recording(self, format: &'static str) -> Recording {
        let mut recording = Recording { format, base: self.base, ..Recording::default() };
        let (requests, timed) = (self.requests, self.calls.count);
        if requests != timed {
            recording.notes.push(format!("{requests} requests, and {timed} with a duration, which are counted"));
        }
        self.calls.finish(&mut recording);
        recording.series.extend(gauge(Signal::Clients, self.clients));
        recording
    }
}

fn k6_csv(file: &mut File<'_>, options: &Options) -> Result<Recording, InputError> {
    let (place, mut k6) = (file.place, K6::default());
    records(file, |line, record| {
        let (name, text) = (record.get(0).unwrap_or_default(), record.get(1).unwrap_or_default());
        let at = instants::parse(text, &options.zone);
        let at = at.ok_or_else(|| {
            InputError::from(place.wrong(line, format!("`{}` is not a time", piece(text))).field("timestamp"))
        })?;
        k6.add(name, at, field(place, line, record, 2, "metric_value")?);
        Ok(())
    })?;
    Ok(k6.recording("k6, CSV"))
}

/// A line of k6's JSON.
#[derive(Deserialize)]
struct Sample<'a> {
    metric: Option<std::borrow::Cow<'a, str>>,
    #[serde(rename = "type")]
    kind: std::borrow::Cow<'a, str>,
    #[serde(borrow)]
    data: Option<&'a serde_json::value::RawValue>,
}

#[derive(Deserialize)]
struct Data<'a> {
    time: std::borrow::Cow<'a, str>,
    value: f64,
}

pub(super) fn is_k6_json(head: &str) -> bool {
    let line = head.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    line.starts_with('{')
        && line.contains("\"metric\"")
        && (line.contains("\"type\":\"Metric\"") || line.contains("\"type\":\"Point\""))
}

pub(super) fn k6_json(file: &mut File<'_>, options: &Options) -> Result<Recording, InputError> {
    let (place, mut k6) = (file.place, K6::default());
    file.lines(|number, line| {
        let wrong = |error: serde_json::Error| {
            InputError::from(place.wrong(number, format!("cannot be read as JSON: {error}")))
        };
        let sample: Sample<'_> = serde_json::from_str(line).map_err(wrong)?;
        let (Some(metric), Some(data), "Point") = (&sample.metric, sample.data, sample.kind.as_ref()) else {
            return Ok(());
        };
        if !matches!(metric.as_ref(), "http_reqs" | "http_req_duration" | "vus") {
            return Ok(());
        }
        let data: Data<'_> = serde_json::from_str(data.get()).map_err(wrong)?;
        let at = instants::parse(&data.time, &options.zone).filter(|at| at.written == Written::Instant);
        let at =
            at.ok_or_else(|| InputError::from(place.wrong(number, format!("`{}` is not a time", piece(&data.time)))))?;
        k6.add(metric, at, data.value);
        Ok(())
    })?;
    Ok(k6.recording("k6, JSON"))
}
