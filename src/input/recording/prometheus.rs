//! What Prometheus answers (`query`, `query_range`), and what it scrapes: OpenMetrics and its older text format.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::{SeqAccess, Visitor};

use super::instants;
use super::meaning::{Labels, Meaning, about, of_column, of_metric};
use super::{File, Options};
use crate::input::InputError;
use crate::model::{Recording, Series, Signal, TimeBase, piece};

#[derive(Deserialize)]
struct Answer {
    status: Option<String>,
    error: Option<String>,
    data: Option<Data>,
}

#[derive(Deserialize)]
struct Data {
    result: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    #[serde(default)]
    metric: Labels,
    values: Option<Points>,
    value: Option<Point>,
}

/// A sample: seconds, and a number as a text.
struct Point(i64, f64);

struct Points(Vec<(i64, f64)>);

impl<'de> Deserialize<'de> for Point {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Sample;
        impl<'de> Visitor<'de> for Sample {
            type Value = Point;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a sample: [seconds, \"value\"]")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Point, A::Error> {
                use serde::de::Error;
                let at: f64 = seq.next_element()?.ok_or_else(|| A::Error::invalid_length(0, &self))?;
                let value: Value = seq.next_element()?.ok_or_else(|| A::Error::invalid_length(1, &self))?;
                Ok(Point((at * 1e3).round() as i64, value.0))
            }
        }
        deserializer.deserialize_seq(Sample)
    }
}

struct Value(f64);

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = Value;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number as a text")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Value, E> {
                // Rust reads +Inf, -Inf and NaN as Prometheus writes them.
                text.parse().map(Value).map_err(|_| E::custom(format!("`{}` is not a number", piece(text))))
            }

            fn visit_f64<E>(self, number: f64) -> Result<Value, E> {
                Ok(Value(number))
            }

            fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
                Ok(Value(number as f64))
            }

            fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
                Ok(Value(number as f64))
            }
        }
        deserializer.deserialize_any(Text)
    }
}

impl<'de> Deserialize<'de> for Points {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Samples;
        impl<'de> Visitor<'de> for Samples {
            type Value = Points;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("samples")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Points, A::Error> {
                let mut points = Vec::new();
                while let Some(Point(at, value)) = seq.next_element()? {
                    points.push((at, value));
                }
                Ok(Points(points))
            }
        }
        deserializer.deserialize_seq(Samples)
    }
}

/// Answers of Prometheus, several one after the other, too.
pub(super) fn answers(file: &mut File<'_>, options: &Options) -> Result<Recording, InputError> {
    let (place, mut collector) = (file.place, Collector::new(options));
    let wrong = |error: serde_json::Error| place.json_error(&error);
    if file.head.trim_start().starts_with('[') {
        let entries: Vec<Entry> = serde_json::from_reader(&mut file.input).map_err(wrong)?;
        entries.into_iter().for_each(|entry| collector.add(entry));
    } else {
        for answer in serde_json::Deserializer::from_reader(&mut file.input).into_iter::<Answer>() {
            let Answer { status, error, data } = answer.map_err(wrong)?;
            match data {
                Some(data) if status.as_deref() != Some("error") => {
                    data.result.into_iter().for_each(|entry| collector.add(entry));
                }
                _ => {
                    let said = error.unwrap_or_else(|| "there are no data in it".to_owned());
                    let message = format!("Prometheus did not answer the query: {}", piece(&said));
                    return Err(place.wrong(1, message).into());
                }
            }
        }
    }
    Ok(collector.recording("Prometheus, JSON", TimeBase::Epoch(0)))
}

/// Series by what they are, and what is passed over by its name.
pub(super) struct Collector<'a> {
    options: &'a Options,
    series: Vec<Series>,
    passed: BTreeMap<String, usize>,
}

impl<'a> Collector<'a> {
    pub fn new(options: &'a Options) -> Self {
        Self { options, series: Vec::new(), passed: BTreeMap::new() }
    }

    /// What the series of these labels is, if it is one that is looked at.
    pub fn meaning(&mut self, labels: &Labels) -> Option<Meaning> {
        let name = labels.get("__name__").map_or("", String::as_str);
        let custom = |name: &str| self.options.metrics.iter().any(|known| known == name);
        let found = match &self.options.meaning {
            Some(signal) => {
                // What a name says of its kind and its unit is so, whatever it is taken for.
                let named = of_metric(name, labels);
                let counter = ["_total", "_count", "_sum", "_bucket"].iter().any(|ending| name.ends_with(ending));
                Some(match named {
                    Some(named) => Meaning { signal: signal.clone(), ..named },
                    None if counter => Meaning::counter(signal.clone()),
                    None => Meaning::gauge(signal.clone()),
                })
            }
            None if custom(name) => Some(Meaning::gauge(Signal::Metric(name.to_owned()))),
            None => of_metric(name, labels).or_else(|| of_column(name)),
        };
        if found.is_none() {
            let name = if name.is_empty() { "a series without a name" } else { name };
            *self.passed.entry(name.to_owned()).or_default() += 1;
        }
        found
    }

    fn add(&mut self, Entry { metric: labels, values, value }: Entry) {
        let Some(meaning) = self.meaning(&labels) else { return };
        let single = value.map(|Point(at, value)| vec![(at, value)]);
        let mut points = values.map(|Points(points)| points).or(single).unwrap_or_default();
        points.shrink_to_fit();
        // Where there is no number there is a gap.
        points.retain(|(_, value)| value.is_finite());
        points.iter_mut().for_each(|(_, value)| *value *= meaning.factor);
        self.series.push(Series { points, ..meaning.series(about(labels)) });
    }

    /// All of it.
    pub fn recording(self, format: &'static str, base: TimeBase) -> Recording {
        let notes = self.passed.iter().map(|(name, count)| match count {
            1 => format!("{}: passed over, not known", piece(name)),
            count => format!("{}: {count} series passed over, not known", piece(name)),
        });
        let notes: Vec<String> = notes.collect();
        Recording { format, base, series: self.series, events: Vec::new(), notes }
    }
}

/// OpenMetrics, or the text format of Prometheus, with timestamps.
pub(super) fn exposition(file: &mut File<'_>, options: &Options) -> Result<Recording, InputError> {
    let (place, mut collector) = (file.place, Collector::new(options));
    // Lines of one series follow each other: each is looked up once.
    let mut known: BTreeMap<String, Option<usize>> = BTreeMap::new();
    let mut factors: Vec<f64> = Vec::new();
    let mut last: (String, Option<usize>) = (String::new(), None);
    file.lines(|number, line| {
        let line = line.trim();
        if line.starts_with('#') {
            return Ok(());
        }
        let wrong = |message: &str| InputError::from(place.wrong(number, message.to_owned()));
        let (key, rest) = split_sample(line).ok_or_else(|| wrong("is no sample: NAME{LABELS} VALUE TIMESTAMP"))?;
        if key != last.0 {
            let found = match known.get(key) {
                Some(found) => *found,
                None => {
                    let labels = labels_of(key).ok_or_else(|| wrong("has labels that cannot be read"))?;
                    let found = collector.meaning(&labels).map(|meaning| {
                        factors.push(meaning.factor);
                        collector.series.push(meaning.series(about(labels)));
                        factors.len() - 1
                    });
                    known.insert(key.to_owned(), found);
                    found
                }
            };
            last = (key.to_owned(), found);
        }
        let Some(series) = last.1 else { return Ok(()) };
        let mut fields = rest.split_whitespace();
        let value: f64 = fields.next().and_then(|text| text.parse().ok()).ok_or_else(|| wrong("has no value"))?;
        // Seconds, or in the older format milliseconds.
        let at = fields.next().and_then(|text| instants::of_number(text.parse().ok()?));
        let at = at.ok_or_else(|| wrong("has no timestamp: one scrape tells nothing of a course"))?;
        if value.is_finite() {
            collector.series[series].points.push((at.millis, value * factors[series]));
        }
        Ok(())
    })?;
    Ok(collector.recording("OpenMetrics", TimeBase::Epoch(0)))
}

/// The name with its labels, and what follows.
fn split_sample(line: &str) -> Option<(&str, &str)> {
    let end = match line.find('{') {
        Some(open) if line[..open].chars().all(is_of_name) => {
            let (mut quoted, mut escaped, mut end) = (false, false, None);
            for (at, c) in line[open..].char_indices() {
                match c {
                    _ if escaped => escaped = false,
                    '\\' => escaped = true,
                    '"' => quoted = !quoted,
                    '}' if !quoted => {
                        end = Some(open + at + 1);
                        break;
                    }
                    _ => {}
                }
            }
            end?
        }
        _ => line.find(char::is_whitespace)?,
    };
    let (key, rest) = line.split_at(end);
    let name = key.split('{').next().unwrap_or_default();
    (name.chars().all(is_of_name) && !rest.trim().is_empty()).then_some((key, rest))
}

fn is_of_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | ':' | '.')
}

/// Whether a line is a sample.
pub(super) fn is_sample(line: &str) -> bool {
    split_sample(line).is_some_and(|(_, rest)| {
        let fields: Vec<&str> = rest.split_whitespace().collect();
        (1..=2).contains(&fields.len()) && fields.iter().all(|field| field.parse::<f64>().is_ok())
    })
}

/// The labels of `NAME{KEY="VALUE",...}`, the name among them.
pub(super) fn labels_of(key: &str) -> Option<Labels> {
    let (name, rest) = key.split_once('{').unwrap_or((key, "}"));
    let mut labels = Labels::new();
    if !name.is_empty() {
        labels.insert("__name__".to_owned(), name.to_owned());
    }
    let mut rest = rest.strip_suffix('}')?.trim();
    while !rest.is_empty() {
        let (key, quoted) = rest.split_once('=')?;
        let mut value = String::new();
        let mut chars = quoted.trim_start().strip_prefix('"')?.chars();
        loop {
            match chars.next()? {
                '"' => break,
                '\\' => match chars.next()? {
                    'n' => value.push('\n'),
                    c => value.push(c),
                },
                c => value.push(c),
            }
        }
        labels.insert(key.trim().trim_matches('"').to_owned(), value);
        rest = chars.as_str().trim_start().trim_start_matches(',').trim_start();
    }
    Some(labels)
}
