//! Traces of SimKube: the objects of a cluster as they were applied and deleted, as MessagePack or as the JSON that its tools print.
//!
//! Of the loads nothing is in them, but what the autoscaler made of these: the replicas of workloads, the bounds of HPAs, and when pod
//! templates changed. The format is SimKube's `docs/ref/trace-files.md`; of its versions the events are the same.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::{File, LARGEST_TEXT, Options};
use crate::input::InputError;
use crate::input::source::unreadable;
use crate::model::{About, Kind, RecordedEvent, Recording, Series, Signal, TimeBase};

/// A trace; older ones are a list of the same parts without a version.
#[derive(Deserialize)]
#[serde(untagged)]
enum Trace {
    Map { events: Vec<Happened> },
    List(serde::de::IgnoredAny, Vec<Happened>, serde::de::IgnoredAny, serde::de::IgnoredAny),
}

#[derive(Deserialize)]
struct Happened {
    /// Seconds since 1970.
    ts: i64,
    #[serde(default)]
    applied_objs: Vec<Value>,
}

/// The end of the year 9999, seconds since 1970.
const LATEST: i64 = 253_402_300_799;

/// Whether it is one, by its beginning: the configuration comes first, the events after it.
pub(super) fn is_trace(head: &str) -> bool {
    head.contains("trackedObjects") && head.contains("applied_objs") && head.contains("ts")
}

fn text<'a>(value: &'a Value, path: &str) -> Option<&'a str> {
    value.pointer(path)?.as_str()
}

/// What an object is about.
fn about(object: &Value) -> Option<About> {
    Some(About {
        namespace: text(object, "/metadata/namespace").map(str::to_owned),
        owner: Some(text(object, "/metadata/name")?.to_owned()),
        ..About::default()
    })
}

pub(super) fn trace(file: &mut File<'_>, _: &Options) -> Result<Recording, InputError> {
    let place = file.place;
    let mut bytes = Vec::new();
    let read = std::io::Read::read_to_end(&mut std::io::Read::take(&mut file.input, LARGEST_TEXT), &mut bytes);
    read.map_err(|error| unreadable(std::path::Path::new(place.0), &error))?;
    let is_json = matches!(bytes.iter().find(|byte| !byte.is_ascii_whitespace()), Some(b'{' | b'['));
    let trace: Trace = if is_json {
        serde_json::from_slice(&bytes).map_err(|error| place.json_error(&error))?
    } else {
        let wrong = |error: rmp_serde::decode::Error| {
            place.wrong(0, format!("is no trace of SimKube: {error}")).hint("`skctl export` writes them")
        };
        rmp_serde::from_slice(&bytes).map_err(wrong)?
    };
    let (Trace::Map { events } | Trace::List(_, events, _, _)) = trace;
    let mut series: BTreeMap<(About, &str), Series> = BTreeMap::new();
    let mut templates: BTreeMap<About, Value> = BTreeMap::new();
    let mut recording = Recording { format: "SimKube", base: TimeBase::Epoch(0), ..Recording::default() };
    let objects = events.iter().flat_map(|event| event.applied_objs.iter().map(move |object| (event.ts, object)));
    for (seconds, object) in objects {
        let Some(about) = about(object) else { continue };
        if !(0..=LATEST).contains(&seconds) {
            return Err(place.wrong(0, format!("`{seconds}` is no time in seconds since 1970")).field("ts").into());
        }
        let at = seconds * 1000;
        let fields: &[(Signal, &str)] = match text(object, "/kind") {
            Some("Deployment" | "StatefulSet") => &[(Signal::DesiredReplicas, "/spec/replicas")],
            Some("HorizontalPodAutoscaler") => {
                &[(Signal::MinReplicas, "/spec/minReplicas"), (Signal::MaxReplicas, "/spec/maxReplicas")]
            }
            _ => &[],
        };
        for (signal, path) in fields {
            let Some(value) = object.pointer(path).and_then(Value::as_f64) else { continue };
            let empty =
                || Series { signal: signal.clone(), kind: Kind::Gauge, about: about.clone(), points: Vec::new() };
            series.entry((about.clone(), path)).or_insert_with(empty).points.push((at, value));
        }
        let Some(template) = object.pointer("/spec/template").filter(|_| !fields.is_empty()) else { continue };
        let before = templates.insert(about.clone(), template.clone());
        if before.is_some_and(|before| before != *template) {
            let kind = text(object, "/kind").unwrap_or_default();
            recording.events.push(RecordedEvent {
                at,
                reason: "Rollout".to_owned(),
                object: format!("{kind}/{}", about.owner.unwrap_or_default()),
                message: "another pod template was applied".to_owned(),
                namespace: about.namespace,
                simulated: None,
            });
        }
    }
    recording.series = series.into_values().collect();
    if recording.series.is_empty() {
        return Err(place.wrong(0, "has no Deployment, StatefulSet or HorizontalPodAutoscaler").into());
    }
    recording
        .notes
        .push("of a trace of SimKube replicas and changes are known, and not what the pods were asked for".to_owned());
    Ok(recording)
}
