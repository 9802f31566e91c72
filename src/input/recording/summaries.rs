//! What load generators tell at the end (hey, wrk), and Locust's history.

use super::instants;
use super::{File, Options};
use crate::input::InputError;
use crate::model::{About, Kind, Recording, Series, Signal, TimeBase, piece};

pub(super) fn is_hey(head: &str) -> bool {
    head.contains("Summary:") && head.contains("Requests/sec:") && head.contains("Total:")
}

pub(super) fn is_wrk(head: &str) -> bool {
    head.contains("Running ") && head.contains(" test @ ") && head.contains("Requests/sec:")
}

/// No load test lasts longer.
const MOST_SECONDS: f64 = 31.0 * 86_400.0;

/// What follows a name, first.
fn after<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines().find_map(|line| line.trim().strip_prefix(name))?.split_whitespace().next()
}

/// A rate that was the same from the start to the end.
fn constant(format: &'static str, rate: f64, seconds: f64, notes: Vec<String>) -> Recording {
    // As many as were sent until each second.
    let points = (0..=seconds.min(MOST_SECONDS) as i64).map(|second| (second * 1000, rate * second as f64)).collect();
    let series = vec![Series { signal: Signal::Rps, kind: Kind::Counter, about: About::default(), points }];
    Recording { format, base: TimeBase::Start, series, notes, ..Recording::default() }
}

pub(super) fn hey(file: &mut File<'_>, _: &Options) -> Result<Recording, InputError> {
    let text = file.text()?;
    let number = |name: &str| after(&text, name).and_then(|text| text.parse::<f64>().ok());
    let (Some(seconds), Some(rate)) = (number("Total:"), number("Requests/sec:")) else {
        return Err(file.place.wrong(0, "has no Total and Requests/sec in its summary").into());
    };
    let mut notes =
        vec!["a summary has one rate from its start to its end: `hey -o csv` tells each request".to_owned()];
    notes.extend(number("Average:").map(|average| format!("answered in {average} s on average")));
    Ok(constant("hey, summary", rate, seconds, notes))
}

pub(super) fn wrk(file: &mut File<'_>, _: &Options) -> Result<Recording, InputError> {
    let text = file.text()?;
    let rate = after(&text, "Requests/sec:").and_then(|text| text.parse::<f64>().ok());
    // "  12000 requests in 30.05s, 1.2MB read"
    let took = text.lines().find_map(|line| line.trim().split_once(" requests in ")).map(|(_, rest)| rest);
    let seconds = took.and_then(|rest| {
        let text = rest.split([',', ' ']).next()?;
        let (number, unit) = text.split_at(text.find(|c: char| c.is_ascii_alphabetic())?);
        let factor = match unit {
            "ms" => 1e-3,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3600.0,
            _ => return None,
        };
        Some(number.parse::<f64>().ok()? * factor)
    });
    let (Some(rate), Some(seconds)) = (rate, seconds) else {
        return Err(file.place.wrong(0, "has no `requests in` and Requests/sec").into());
    };
    let mut notes = vec!["a summary has one rate from its start to its end".to_owned()];
    notes.extend(after(&text, "Latency").map(|average| format!("answered in {average} on average")));
    Ok(constant("wrk", rate, seconds, notes))
}

const USERS: &str = "User Count";

pub(super) fn is_locust(head: &str) -> bool {
    head.lines().next().is_some_and(|line| ["Timestamp", USERS, "Requests/s"].iter().all(|name| line.contains(name)))
}

/// `--csv`'s stats_history: a row a second for each path, and one for all.
pub(super) fn locust(file: &mut File<'_>, options: &Options) -> Result<Recording, InputError> {
    let place = file.place;
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(&mut file.input);
    let wrong = |line: usize, message: String| InputError::from(place.wrong(line, message));
    let names = reader.headers().cloned().map_err(|error| wrong(1, format!("cannot be read: {error}")))?;
    let column = |name: &str| names.iter().position(|known| known == name);
    let (count, average) = (column("Total Request Count"), column("Total Average Response Time"));
    let series = |signal: Signal, kind: Kind| Series { signal, kind, about: About::default(), points: Vec::new() };
    let rate = if count.is_some() { Kind::Counter } else { Kind::Gauge };
    let mut all = [
        series(Signal::Clients, Kind::Gauge),
        series(Signal::Rps, rate),
        series(Signal::ResponseSeconds, Kind::Counter),
    ];
    let mut base = TimeBase::Unknown;
    for (index, record) in reader.records().enumerate() {
        let record = record.map_err(|error| wrong(index + 2, format!("cannot be read: {error}")))?;
        if column("Name").and_then(|column| record.get(column)) != Some("Aggregated") {
            continue;
        }
        let text = record.get(column("Timestamp").unwrap_or_default()).unwrap_or_default();
        let at = instants::parse(text, &options.zone);
        let at = at.ok_or_else(|| wrong(index + 2, format!("`{}` is not a time", piece(text))))?;
        base = at.base();
        let number = |column: Option<usize>| record.get(column?)?.trim().parse::<f64>().ok().filter(|n| n.is_finite());
        let rps = number(count.or_else(|| column("Requests/s")));
        let spent = number(average).zip(number(count)).map(|(average, count)| average * count / 1e3);
        for (series, value) in all.iter_mut().zip([number(column(USERS)), rps, spent]) {
            series.points.extend(value.map(|value| (at.millis, value)));
        }
    }
    Ok(Recording { format: "Locust, stats history", base, series: all.to_vec(), ..Recording::default() })
}
