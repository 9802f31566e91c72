//! Recordings of clusters and load tests, as their tools write them, told apart by what is in them.

mod calls;
mod datasets;
mod demand;
mod folder;
mod grid;
mod happened;
mod instants;
mod kubectl;
mod logs;
mod meaning;
mod prometheus;
mod simkube;
mod subject;
mod summaries;
mod tables;

use std::io::{BufRead, BufReader, Cursor, ErrorKind, Read};
use std::path::Path;

use jiff::tz::TimeZone;

pub use demand::{THROTTLED, THROTTLED_SHARE, observed};
pub use folder::{FOLDER_PODS, PodTimes, pods};
pub use subject::Subject;

use crate::input::source::unreadable;
use crate::input::{Diagnostic, InputError, Location};
use crate::model::{HpaSpec, MetricSource, MetricTarget, Recording, ResourceName, Signal, TimeBase};

/// How recordings are read.
#[derive(Clone, Debug)]
pub struct Options {
    /// The zone of times that have none.
    pub zone: TimeZone,
    /// What all of a file's series are, whatever they are called.
    pub meaning: Option<Signal>,
    /// What columns are, by their names.
    pub columns: Vec<(String, Signal)>,
    /// Custom and external metrics that are looked for by their names.
    pub metrics: Vec<String>,
    /// Of each metric of the HPA which utilization it is, if it is one.
    pub utilization: Vec<Option<Signal>>,
    /// The time between two listings without one, seconds.
    pub step: Option<i64>,
}

impl Default for Options {
    fn default() -> Self {
        let (columns, metrics, utilization) = (Vec::new(), Vec::new(), Vec::new());
        Self { zone: TimeZone::UTC, meaning: None, columns, metrics, utilization, step: None }
    }
}

impl Options {
    /// With the metrics of an HPA.
    pub fn of(hpa: &HpaSpec) -> Self {
        let custom = hpa.metrics.iter().filter(|metric| metric.resource().is_none());
        let utilization = |metric: &MetricSource| {
            let resource = metric.resource().filter(|one| matches!(one.target, MetricTarget::Utilization(_)))?;
            match resource.name {
                ResourceName::Cpu => Some(Signal::CpuUtilization),
                ResourceName::Memory => Some(Signal::MemoryUtilization),
                ResourceName::Other(_) => None,
            }
        };
        Self {
            metrics: custom.map(MetricSource::label).collect(),
            utilization: hpa.metrics.iter().map(utilization).collect(),
            ..Self::default()
        }
    }
}

/// A file, for what is wrong in it.
#[derive(Clone, Copy)]
struct Place<'a>(&'a str);

impl Place<'_> {
    fn wrong(&self, line: usize, message: impl Into<String>) -> Diagnostic {
        Diagnostic::new(message).at(Location { file: self.0.into(), line, column: 0 })
    }

    fn json_error(&self, error: &serde_json::Error) -> InputError {
        let location = Location { file: self.0.into(), line: error.line(), column: error.column() };
        let text = error.to_string();
        let message = text.split(" at line ").next().unwrap_or_default();
        Diagnostic::new(format!("cannot be read as JSON: {message}")).at(location).into()
    }

    /// There is nothing in it that says how a cluster was used.
    fn nothing(&self) -> Diagnostic {
        self.wrong(0, "has no series whose meaning is known").hint(
            "say what it is: cpu=FILE, memory=FILE, rps=FILE, replicas=FILE, ...; or record the metrics of cAdvisor and kube-state-metrics",
        )
    }
}

/// A file that is read, with its name and its beginning.
struct File<'a> {
    place: Place<'a>,
    head: String,
    input: Box<dyn BufRead + 'a>,
}

impl<'a> File<'a> {
    fn open(name: &'a str, mut input: impl Read + 'a) -> Result<Self, InputError> {
        let mut bytes = Vec::new();
        let read = (&mut input).take(HEAD).read_to_end(&mut bytes);
        read.map_err(|error| unreadable(Path::new(name), &error))?;
        if bytes.starts_with(b"\xef\xbb\xbf") {
            bytes.drain(..3);
        }
        let head = String::from_utf8_lossy(&bytes).into_owned();
        Ok(Self { place: Place(name), head, input: Box::new(BufReader::new(Cursor::new(bytes).chain(input))) })
    }

    /// All of it, for what is short.
    fn text(&mut self) -> Result<String, InputError> {
        let mut text = String::new();
        let read = (&mut self.input).take(LARGEST_TEXT).read_to_string(&mut text);
        read.map_err(|error| unreadable(Path::new(self.place.0), &error))?;
        Ok(text)
    }

    /// The next line, without its end; none after the last.
    fn line(&mut self, line: &mut String, number: usize) -> Result<bool, InputError> {
        line.clear();
        let read = (&mut self.input).take(LONGEST_LINE).read_line(line);
        let length = read.map_err(|error| match error.kind() {
            ErrorKind::InvalidData => self.place.wrong(number, "is not UTF-8 text").into(),
            _ => unreadable(Path::new(self.place.0), &error),
        })?;
        if length as u64 == LONGEST_LINE {
            return Err(self.place.wrong(number, "is a line that is too long").into());
        }
        line.truncate(line.trim_end_matches(['\n', '\r']).len());
        Ok(length > 0)
    }

    /// Each line with its number; what is blank is passed over.
    fn lines(&mut self, mut each: impl FnMut(usize, &str) -> Result<(), InputError>) -> Result<(), InputError> {
        let mut line = String::new();
        let mut number = 0;
        loop {
            number += 1;
            if !self.line(&mut line, number)? {
                return Ok(());
            }
            if !line.trim().is_empty() {
                each(number, &line)?;
            }
        }
    }
}

/// Whether the head of a text is of a kind.
type Is = fn(&str) -> bool;
type Reader = fn(&mut File<'_>, &Options) -> Result<Recording, InputError>;

/// What is known, in the order in which it is looked for: whether the head of a text is of it, and what reads it.
const FORMATS: [(Is, Reader); 17] = [
    (simkube::is_trace, simkube::trace),
    (calls::is_k6_json, calls::k6_json),
    (kubectl::is_events_json, kubectl::events_json),
    (logs::is_json, logs::json),
    (is_json, prometheus::answers),
    (kubectl::is_top, kubectl::top),
    (kubectl::is_hpa, kubectl::hpa),
    (kubectl::is_events, kubectl::events),
    (summaries::is_hey, summaries::hey),
    (summaries::is_wrk, summaries::wrk),
    (calls::is_table, calls::table),
    (datasets::is_azure, datasets::azure),
    (datasets::is_alibaba, datasets::alibaba),
    (summaries::is_locust, summaries::locust),
    (logs::is_access_log, logs::access_log),
    (is_exposition, prometheus::exposition),
    (tables::is_table, tables::table),
];

/// So much of a file says what it is.
const HEAD: u64 = 1 << 16;
/// No listing is larger.
const LARGEST_TEXT: u64 = 256 << 20;
/// No line is longer.
const LONGEST_LINE: u64 = 1 << 24;

/// Reads a recording, whatever kind it is.
pub fn read(name: &str, input: impl Read, options: &Options) -> Result<Recording, InputError> {
    let mut file = File::open(name, input)?;
    let Some(reader) = format_of(&file.head) else {
        let known = "known are answers of Prometheus (JSON), OpenMetrics, CSV with a column of times, kubectl top, get hpa --watch and \
                     get events, hey, k6, Locust, wrk, JMeter, access logs of NGINX, Apache and Envoy, and the traces of SimKube, Azure Functions and \
                     Alibaba's microservices";
        return Err(file.place.wrong(0, "is none of the recordings that are known").hint(known).into());
    };
    let recording = sorted(reader(&mut file, options)?);
    if recording.series.is_empty() && recording.events.is_empty() {
        return Err(file.place.nothing().into());
    }
    Ok(recording)
}

/// What Prometheus answers to a query, which may be nothing.
pub fn answer(name: &str, input: impl Read, options: &Options) -> Result<Recording, InputError> {
    prometheus::answers(&mut File::open(name, input)?, options).map(sorted)
}

/// The same with its samples in their order, each once.
fn sorted(mut recording: Recording) -> Recording {
    for series in &mut recording.series {
        series.points.sort_by_key(|(at, _)| *at);
        series.points.dedup_by_key(|(at, _)| *at);
    }
    recording.series.retain(|series| !series.points.is_empty());
    recording
}

/// Whether a text is a recording of a known kind, by its head.
pub fn is_known(head: &str) -> bool {
    format_of(head).is_some()
}

fn format_of(head: &str) -> Option<Reader> {
    let head = head.trim_start_matches('\u{feff}');
    FORMATS.iter().find(|(is_of, _)| is_of(head)).map(|(_, reader)| *reader)
}

/// An object, or a list of them.
fn is_json(head: &str) -> bool {
    let head = head.trim_start();
    let inner = head.strip_prefix('[').map_or(head, str::trim_start);
    inner.starts_with('{') || (inner.starts_with(']') && inner != head)
}

fn is_exposition(head: &str) -> bool {
    let mut lines = head.lines().map(str::trim).filter(|line| !line.is_empty());
    lines.clone().any(|line| line.starts_with("# TYPE ") || line.starts_with("# HELP "))
        || lines.next().is_some_and(prometheus::is_sample)
}

/// Whether one of the first lines is a listing's header.
fn has_header(head: &str, names: &[&str]) -> bool {
    head.lines().take(50).any(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        names.iter().all(|name| fields.contains(name))
    })
}

/// What the times of several recordings count from, which must be the same.
pub fn common_base(recordings: &[(String, Recording)]) -> Result<TimeBase, InputError> {
    let mut common = TimeBase::Unknown;
    for (name, recording) in recordings {
        common = match (common, recording.base) {
            (known, TimeBase::Unknown) => known,
            (TimeBase::Unknown, base) => base,
            // Of several zones the first that is not Greenwich counts.
            (TimeBase::Epoch(0), TimeBase::Epoch(zone)) => TimeBase::Epoch(zone),
            (TimeBase::Epoch(zone), TimeBase::Epoch(_)) => TimeBase::Epoch(zone),
            (TimeBase::Start, TimeBase::Start) => TimeBase::Start,
            (TimeBase::Epoch(_), TimeBase::Start) | (TimeBase::Start, TimeBase::Epoch(_)) => {
                let message = "some recordings have clock times and some count from their own start";
                let hint = "say when those began: --start 2026-11-24T09:00:00Z";
                return Err(Diagnostic::new(message)
                    .at(Location { file: name.as_str().into(), line: 0, column: 0 })
                    .hint(hint)
                    .into());
            }
        };
    }
    Ok(common)
}
