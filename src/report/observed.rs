//! The files that a recording is imported into.

use csv::Writer;

use super::trace::exact;
use crate::model::Observed;
use crate::units::{Clock, SimTime};

/// `load.csv`: what was demanded, a row for each step.
pub fn load_csv(observed: &Observed) -> Result<Vec<u8>, csv::Error> {
    let names = observed.load.iter().map(|(column, _)| column.name());
    let values = |step: usize| observed.load.iter().map(move |(_, values)| exact(values[step]));
    table(observed, names, values)
}

/// `recorded.csv`: what was seen besides, nothing where nothing is known.
pub fn recorded_csv(observed: &Observed) -> Result<Vec<u8>, csv::Error> {
    let names = observed.recorded.iter().map(|(name, _)| name.as_str());
    let values =
        |step: usize| observed.recorded.iter().map(move |(_, values)| values[step].map(exact).unwrap_or_default());
    table(observed, names, values)
}

fn table<'a, I: Iterator<Item = String>>(
    observed: &Observed,
    names: impl Iterator<Item = &'a str>,
    values: impl Fn(usize) -> I,
) -> Result<Vec<u8>, csv::Error> {
    let mut writer = Writer::from_writer(Vec::new());
    writer.write_record(std::iter::once("time").chain(names))?;
    let clock = observed.grid.clock();
    for step in 0..observed.grid.steps {
        let at = time(clock, step as i64 * observed.grid.step);
        writer.write_record(std::iter::once(at).chain(values(step)))?;
    }
    finished(writer)
}

/// `events.csv`: what happened.
pub fn events_csv(observed: &Observed) -> Result<Vec<u8>, csv::Error> {
    let mut writer = Writer::from_writer(Vec::new());
    writer.write_record(["time", "reason", "object", "message", "event"])?;
    for (at, event) in &observed.events {
        let simulated = event.simulated.as_deref().unwrap_or_default();
        let at = time(observed.grid.clock(), *at);
        writer.write_record([&at, &event.reason, &event.object, &event.message, simulated])?;
    }
    finished(writer)
}

/// `pods.csv`: how long pods took to be ready.
pub fn pods_csv(observed: &Observed) -> Result<Vec<u8>, csv::Error> {
    let mut writer = Writer::from_writer(Vec::new());
    writer.write_record(["pod", "created", "scheduled", "started", "ready", "startup_seconds"])?;
    let clock = observed.grid.clock();
    for (pod, times) in &observed.pods {
        let told = times.map(|at| at.map_or_else(String::new, |at| time(clock, at - observed.grid.start)));
        let startup = times[0].zip(times[3]).map_or_else(String::new, |(created, ready)| (ready - created).to_string());
        writer.write_record(std::iter::once(pod.clone()).chain(told).chain([startup]))?;
    }
    finished(writer)
}

/// A time as traces have it.
fn time(clock: Option<Clock>, at: i64) -> String {
    clock.and_then(|clock| clock.rfc3339(SimTime::from_seconds(at))).unwrap_or_else(|| at.to_string())
}

fn finished(writer: Writer<Vec<u8>>) -> Result<Vec<u8>, csv::Error> {
    writer.into_inner().map_err(|error| csv::Error::from(error.into_error()))
}
