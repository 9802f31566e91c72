//! Access logs: NGINX, ingress-nginx and Apache in the common and combined formats, Envoy's default, and JSON by lines.

use serde_json::Value;

use super::calls::Calls;
use super::instants;
use super::{File, Options};
use crate::input::InputError;
use crate::model::{Recording, TimeBase};

/// A request of a log: when it was logged, what it took in milliseconds, whether the time is that of its beginning.
struct Logged {
    at: instants::Instant,
    took: Option<f64>,
    begun: bool,
}

/// So many lines that are none are passed over before a file is refused.
const MOST_OTHERS: f64 = 0.5;

pub(super) fn is_access_log(head: &str) -> bool {
    let zone = &jiff::tz::TimeZone::UTC;
    head.lines().filter(|line| !line.trim().is_empty()).take(20).any(|line| logged(line, zone).is_some())
}

pub(super) fn access_log(file: &mut File<'_>, options: &Options) -> Result<Recording, InputError> {
    lines(file, "access log", |line| logged(line, &options.zone))
}

/// Reads a log line by line; lines that are no requests are counted.
fn lines(
    file: &mut File<'_>,
    format: &'static str,
    read: impl Fn(&str) -> Option<Logged>,
) -> Result<Recording, InputError> {
    let mut recording = Recording { format, ..Recording::default() };
    let (mut calls, mut others, mut all, mut untimed) = (Calls::default(), 0_u64, 0_u64, 0_u64);
    file.lines(|_, line| {
        all += 1;
        let Some(Logged { at, took, begun }) = read(line) else {
            others += 1;
            return Ok(());
        };
        if recording.base == TimeBase::Unknown {
            recording.base = at.base();
            recording.notes.extend(at.written.note(&jiff::tz::TimeZone::UTC));
        }
        untimed += u64::from(took.is_none());
        // An end is told in whole seconds: in the middle of one, as far as is known.
        let before = if begun { 0.0 } else { took.unwrap_or_default() };
        let within = if begun || at.millis % 1000 != 0 { 0 } else { 500 };
        calls.add(at.millis + within - before.round() as i64, took);
        Ok(())
    })?;
    if others as f64 > MOST_OTHERS * all as f64 {
        return Err(file.place.wrong(0, format!("{others} of {all} lines are no requests of an access log")).into());
    }
    if others > 0 {
        recording.notes.push(format!("{others} lines that are no requests are passed over"));
    }
    if untimed > 0 {
        let hint = "it logs no $request_time";
        recording.notes.push(format!("{untimed} of {} requests have no duration: {hint}", all - others));
    }
    calls.finish(&mut recording);
    Ok(recording)
}

/// `... [time] "request" status ...`: what comes after the quoted texts says what it took.
fn logged(line: &str, zone: &jiff::tz::TimeZone) -> Option<Logged> {
    let (_, rest) = line.split_once('[')?;
    let (time, rest) = rest.split_once(']')?;
    let at = instants::parse(time, zone)?;
    let rest = rest.trim_start().strip_prefix('"')?;
    let (request, rest) = rest.split_once("\" ")?;
    if !request.contains(' ') && request != "-" {
        return None;
    }
    let is_envoy = time.ends_with('Z') && time.contains('T');
    let fields = fields(rest);
    let status: u32 = fields.first()?.parse().ok()?;
    if !(100..600).contains(&status) && status != 0 {
        return None;
    }
    if is_envoy {
        // Code, flags, bytes received, bytes sent, duration; newer ones have details between.
        let numbers: Vec<f64> = fields[1..].iter().skip(1).filter_map(|field| field.parse().ok()).collect();
        return Some(Logged { at, took: numbers.get(2).copied(), begun: true });
    }
    // NGINX writes seconds with three decimals; a number without any could be of whatever unit.
    let seconds = fields[1..].iter().find(|field| {
        field.split_once('.').is_some_and(|(whole, part)| {
            part.len() == 3
                && !whole.is_empty()
                && [whole, part].iter().all(|text| text.bytes().all(|b| b.is_ascii_digit()))
        })
    });
    Some(Logged {
        at,
        took: seconds.and_then(|text| text.parse::<f64>().ok()).map(|seconds| seconds * 1e3),
        begun: false,
    })
}

/// Fields that blanks part, outside of quotes and brackets.
fn fields(text: &str) -> Vec<&str> {
    let mut all = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let end = match rest.as_bytes()[0] {
            b'"' => rest[1..].find('"').map(|end| end + 2),
            b'[' => rest.find(']').map(|end| end + 1),
            _ => rest.find(' '),
        };
        let (field, after) = rest.split_at(end.unwrap_or(rest.len()));
        // What is quoted is no number.
        all.push(field);
        rest = after.trim_start();
    }
    all
}

/// What logs in JSON call the time and the duration, and how many milliseconds one of those is.
const JSON_TIMES: [&str; 8] =
    ["time", "timestamp", "@timestamp", "time_iso8601", "time_local", "start_time", "ts", "msec"];
const JSON_DURATIONS: [(&str, f64); 6] = [
    ("request_time", 1e3),
    ("duration", 1.0),
    ("duration_ms", 1.0),
    ("latency_ms", 1.0),
    ("elapsed_ms", 1.0),
    ("Duration", 1e-6),
];

fn json_line(line: &str, zone: &jiff::tz::TimeZone) -> Option<Logged> {
    let value: Value = serde_json::from_str(line).ok()?;
    let known = ["status", "response_code", "request", "method", "request_method", "path", "uri", "DownstreamStatus"];
    known.iter().find(|key| value.get(**key).is_some())?;
    let (time, at) = JSON_TIMES.iter().find_map(|key| match value.get(*key)? {
        Value::String(text) => Some((*key, instants::parse(text, zone)?)),
        Value::Number(number) => Some((*key, instants::of_number(number.as_f64()?)?)),
        _ => None,
    })?;
    let took = JSON_DURATIONS.iter().find_map(|(key, unit)| {
        let number = match value.get(*key)? {
            Value::String(text) => text.parse().ok()?,
            other => other.as_f64()?,
        };
        Some(number * unit)
    });
    Some(Logged { at, took, begun: time == "start_time" })
}

pub(super) fn is_json(head: &str) -> bool {
    let zone = &jiff::tz::TimeZone::UTC;
    head.lines().find(|line| !line.trim().is_empty()).is_some_and(|line| json_line(line, zone).is_some())
}

pub(super) fn json(file: &mut File<'_>, options: &Options) -> Result<Recording, InputError> {
    lines(file, "access log, JSON", |line| json_line(line, &options.zone))
}
