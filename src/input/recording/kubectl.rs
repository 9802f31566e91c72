//! What kubectl lists: `top pods`, `get hpa --watch`, `get events`; once, or again and again in a log with the times between.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::instants::{self, Instant, Written};
use super::{File, Options, has_header};
use crate::input::InputError;
use crate::model::{About, Kind, RecordedEvent, Recording, Series, Signal, TimeBase, piece};
use crate::units::Quantity;

pub(super) fn is_top(head: &str) -> bool {
    has_header(head, &["CPU(cores)", "MEMORY(bytes)"])
}

pub(super) fn is_hpa(head: &str) -> bool {
    has_header(head, &["REFERENCE", "TARGETS", "MINPODS", "MAXPODS", "REPLICAS"])
}

pub(super) fn is_events(head: &str) -> bool {
    has_header(head, &["LAST", "SEEN", "TYPE", "REASON", "OBJECT", "MESSAGE"])
}

/// Series that come sample by sample.
#[derive(Default)]
struct Sampled(BTreeMap<(Signal, About), Vec<(i64, f64)>>);

impl Sampled {
    fn push(&mut self, signal: Signal, about: &About, at: i64, value: f64) {
        self.0.entry((signal, about.clone())).or_default().push((at, value));
    }

    fn series(self) -> Vec<Series> {
        let series = |((signal, about), points)| Series { signal, kind: Kind::Gauge, about, points };
        self.0.into_iter().map(series).collect()
    }
}

/// What `date` begins with.
const WEEKDAYS: [&str; 7] = ["Mon ", "Tue ", "Wed ", "Thu ", "Fri ", "Sat ", "Sun "];

/// A time at the beginning of a line, as `date` and `ts` write it, and the rest.
fn stamped<'a>(line: &'a str, options: &Options) -> Option<(Instant, &'a str)> {
    // Most lines are of pods: they are told by their beginning.
    let begins = |c: char| c.is_ascii_digit() || matches!(c, '[' | '=' | '"');
    let is_day = |text: &str| WEEKDAYS.iter().any(|day| text.starts_with(day));
    if !(line.trim_start().starts_with(begins) || is_day(line.trim_start())) {
        return None;
    }
    let usable = |text: &str| {
        let digits = text.bytes().filter(u8::is_ascii_digit).count();
        let found = instants::parse(text, &options.zone)?;
        // A number alone is a time if it is one of the calendar.
        (digits >= 6 && found.written != Written::Offset).then_some(found)
    };
    if let Some(found) = usable(line.trim()) {
        return Some((found, ""));
    }
    let trimmed = line.trim_start();
    let mut ends: Vec<usize> = trimmed.match_indices(char::is_whitespace).map(|(at, _)| at).take(7).collect();
    ends.reverse();
    ends.into_iter().find_map(|end| {
        let (text, rest) = trimmed.split_at(end);
        usable(text.trim_matches(['[', ']', '='])).map(|found| (found, rest))
    })
}

pub(super) fn top(file: &mut File<'_>, options: &Options) -> Result<Recording, InputError> {
    let mut sampled = Sampled::default();
    let mut names: Vec<String> = Vec::new();
    let (mut now, mut base, mut listings, mut stamps, mut written) = (0, TimeBase::Unknown, 0_i64, 0, None);
    let (place, text) = (file.place, file.text()?);
    for (index, line) in text.lines().enumerate() {
        let (stamp, rest) = stamped(line, options).map_or((None, line), |(stamp, rest)| (Some(stamp), rest));
        if let Some(stamp) = stamp {
            (now, base, written) = (stamp.millis, stamp.base(), Some(stamp.written));
            stamps += 1;
        }
        let fields: Vec<&str> = rest.split_whitespace().collect();
        if fields.contains(&"CPU(cores)") {
            if stamps == 0 {
                now = listings * options.step.unwrap_or(0) * 1000;
                base = TimeBase::Start;
            }
            listings += 1;
            names = fields.iter().map(|field| (*field).to_owned()).collect();
            continue;
        }
        if fields.len() != names.len() || fields.is_empty() {
            continue;
        }
        let column = |name: &str| names.iter().position(|known| known == name).and_then(|at| fields.get(at)).copied();
        let quantity = |name: &str| {
            let text = column(name).unwrap_or_default();
            let wrong =
                || InputError::from(place.wrong(index + 1, format!("`{}` is no quantity", piece(text))).field(name));
            text.parse::<Quantity>().map(Quantity::as_f64).map_err(|_| wrong())
        };
        let own = |name: &str| column(name).map(str::to_owned);
        let is_by_container = names.iter().any(|name| name == "POD");
        let about = About {
            namespace: own("NAMESPACE"),
            pod: if is_by_container { own("POD") } else { own("NAME") },
            container: own("NAME").filter(|_| is_by_container),
            ..About::default()
        };
        sampled.push(Signal::Cpu, &about, now, quantity("CPU(cores)")?);
        sampled.push(Signal::Memory, &about, now, quantity("MEMORY(bytes)")?);
    }
    if listings > 1 && stamps == 0 && options.step.is_none() {
        let message = format!("has {listings} listings without their times");
        return Err(place
            .wrong(1, message)
            .hint("print `date` before each, or say how far they are apart: --step 15s")
            .into());
    }
    let notes = written.and_then(|written| written.note(&options.zone)).into_iter().collect();
    Ok(Recording { format: "kubectl top", base, series: sampled.series(), events: Vec::new(), notes })
}

/// An age as kubectl writes it, seconds: 90s, 2m15s, 3h, 2d4h.
fn age(text: &str) -> Option<i64> {
    let (mut seconds, mut digits) = (0, String::new());
    for c in text.chars() {
        if c.is_ascii_digit() {
            digits.push(c);
            continue;
        }
        let unit = match c {
            's' => 1,
            'm' => 60,
            'h' => 3600,
            'd' => 86_400,
            'y' => 31_536_000,
            _ => return None,
        };
        seconds += digits.parse::<i64>().ok()?.checked_mul(unit)?;
        digits.clear();
    }
    (digits.is_empty() && !text.is_empty()).then_some(seconds)
}

/// `cpu: 62%/70%, memory: 40%/80%`, or without names.
fn targets<'a>(text: &'a str, options: &'a Options) -> impl Iterator<Item = (Option<Signal>, f64)> + 'a {
    text.split(',').enumerate().filter_map(|(index, one)| {
        let (name, value) = one.split_once(": ").map_or((None, one), |(name, value)| (Some(name.trim()), value));
        let current = value.split('/').next()?.trim();
        let percent = current.strip_suffix('%')?.parse::<f64>().ok()?;
        let signal = match name {
            Some("cpu") => Some(Signal::CpuUtilization),
            Some("memory") => Some(Signal::MemoryUtilization),
            Some(_) => None,
            // Before 1.30 there were no names, in the order of the HPA's metrics.
            None => options.utilization.get(index).cloned().flatten(),
        };
        Some((signal, percent))
    })
}

pub(super) fn hpa(file: &mut File<'_>, options: &Options) -> Result<Recording, InputError> {
    let mut sampled = Sampled::default();
    let (mut base, mut written, mut unnamed, mut first_age) = (TimeBase::Start, None, 0, None);
    let mut notes = Vec::new();
    let text = file.text()?;
    for line in text.lines() {
        let (stamp, rest) = stamped(line, options).map_or((None, line), |(stamp, rest)| (Some(stamp), rest));
        let fields: Vec<&str> = rest.split_whitespace().collect();
        // From the end: TARGETS may have blanks.
        let [.., minimum, maximum, replicas, since] = fields[..] else { continue };
        let counts = [minimum, maximum, replicas].map(|text| text.parse::<f64>().ok());
        let ([Some(_), Some(_), Some(replicas)], Some(since)) = (counts, age(since)) else { continue };
        let reference =
            fields.iter().position(|field| field.contains('/') && field.starts_with(|c: char| c.is_ascii_uppercase()));
        let Some(reference) = reference.filter(|at| *at > 0) else { continue };
        let at = match stamp {
            Some(stamp) => {
                (base, written) = (stamp.base(), Some(stamp.written));
                stamp.millis
            }
            None => 1000 * (since - *first_age.get_or_insert(since)),
        };
        let about = About {
            namespace: (reference > 1).then(|| fields[0].to_owned()),
            owner: Some(fields[reference - 1].to_owned()),
            ..About::default()
        };
        sampled.push(Signal::CurrentReplicas, &about, at, replicas);
        let list = fields[reference + 1..fields.len() - 4].join(" ");
        for (signal, percent) in targets(&list, options) {
            match signal {
                Some(signal) => sampled.push(signal, &about, at, percent),
                None => unnamed += 1,
            }
        }
    }
    notes.extend(written.and_then(|written| written.note(&options.zone)));
    if first_age.is_some() {
        notes.push(
            "times are ages of the HPA: to the second below two minutes, to the minute from ten minutes on, coarser later".to_owned(),
        );
    }
    if unnamed > 0 {
        notes.push(format!(
            "{unnamed} targets without a name of their metric (kubectl before 1.30) are passed over: the manifests (-f) tell the names"
        ));
    }
    Ok(Recording { format: "kubectl get hpa", base, series: sampled.series(), events: Vec::new(), notes })
}

pub(super) fn events(file: &mut File<'_>, _: &Options) -> Result<Recording, InputError> {
    let mut events = Vec::new();
    let text = file.text()?;
    for line in text.lines() {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let kind = fields.iter().position(|field| matches!(*field, "Normal" | "Warning"));
        let Some(kind) = kind.filter(|at| (1..=2).contains(at)) else { continue };
        let [reason, object, message @ ..] = &fields[kind + 1..] else { continue };
        let Some(since) = age(fields[kind - 1]) else { continue };
        events.push(RecordedEvent {
            at: -1000 * since,
            reason: (*reason).to_owned(),
            object: (*object).to_owned(),
            message: message.join(" "),
            namespace: (kind == 2).then(|| fields[0].to_owned()),
            simulated: None,
        });
    }
    events.sort_by_key(|event| event.at);
    let first = events.first().map_or(0, |event| event.at);
    events.iter_mut().for_each(|event| event.at -= first);
    let notes = vec![
        "the times of events are ages, told coarsely: `kubectl get events -o json` has the times themselves".to_owned(),
    ];
    Ok(Recording { format: "kubectl get events", base: TimeBase::Start, series: Vec::new(), events, notes })
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct List {
    items: Vec<Event>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event {
    reason: Option<String>,
    #[serde(alias = "note")]
    message: Option<String>,
    #[serde(alias = "regarding")]
    involved_object: Option<Object>,
    last_timestamp: Option<String>,
    first_timestamp: Option<String>,
    event_time: Option<String>,
    count: Option<u64>,
    metadata: Metadata,
}

#[derive(Deserialize)]
struct Object {
    kind: Option<String>,
    name: Option<String>,
    namespace: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    creation_timestamp: Option<String>,
}

pub(super) fn is_events_json(head: &str) -> bool {
    head.trim_start().starts_with('{')
        && head.contains("\"items\"")
        && (head.contains("\"kind\": \"Event\"") || head.contains("\"kind\":\"Event\"") || head.contains("EventList"))
}

pub(super) fn events_json(file: &mut File<'_>, options: &Options) -> Result<Recording, InputError> {
    let place = file.place;
    let list: List = serde_json::from_str(&file.text()?).map_err(|error| place.json_error(&error))?;
    let mut recording = Recording { format: "events, JSON", base: TimeBase::Epoch(0), ..Recording::default() };
    let mut several = false;
    for event in list.items {
        let times = [event.last_timestamp, event.event_time, event.first_timestamp, event.metadata.creation_timestamp];
        let at = times.into_iter().flatten().find_map(|text| instants::parse(&text, &options.zone));
        let (Some(at), Some(object)) = (at, event.involved_object) else { continue };
        several |= event.count.is_some_and(|count| count > 1);
        recording.events.push(RecordedEvent {
            at: at.millis,
            reason: event.reason.unwrap_or_default(),
            object: format!("{}/{}", object.kind.unwrap_or_default(), object.name.unwrap_or_default()),
            message: event.message.unwrap_or_default(),
            namespace: object.namespace,
            simulated: None,
        });
    }
    if several {
        recording.notes.push("of what happened several times events have the last time only".to_owned());
    }
    recording.events.sort_by_key(|event| event.at);
    if recording.events.is_empty() {
        return Err(place.wrong(0, "has no events").into());
    }
    Ok(recording)
}
