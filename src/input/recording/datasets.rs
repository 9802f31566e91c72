//! Published traces of clouds whose columns say what they are: Azure Functions (invocations of each function in each minute of a day) and
//! Alibaba's microservices (utilization of each instance).

use std::collections::{BTreeMap, BTreeSet};

use super::calls::records;
use super::{File, Options, Place};
use crate::input::InputError;
use crate::model::{About, Kind, Recording, Series, Signal, TimeBase, piece};

/// The columns of Azure's table before those of the minutes.
const AZURE: [&str; 4] = ["HashOwner", "HashApp", "HashFunction", "Trigger"];
/// Those of Alibaba's that are looked at.
const ALIBABA: [&str; 4] = ["timestamp", "msname", "msinstanceid", "cpu_utilization"];

fn names(head: &str) -> Vec<&str> {
    head.lines().next().unwrap_or_default().split(',').map(str::trim).collect()
}

pub(super) fn is_azure(head: &str) -> bool {
    let names = names(head);
    names.starts_with(&AZURE) && names.get(AZURE.len()).is_some_and(|name| name.parse::<u32>().is_ok())
}

pub(super) fn is_alibaba(head: &str) -> bool {
    let names = names(head);
    ALIBABA.iter().all(|name| names.contains(name))
}

/// A century, milliseconds: no trace is longer.
const LONGEST: f64 = 3.2e12;

/// A number of a cell.
fn number(place: Place<'_>, line: usize, text: &str, column: &str) -> Result<f64, InputError> {
    let found = text.trim().parse::<f64>().ok().filter(|number| number.is_finite() && *number >= 0.0);
    let wrong = || place.wrong(line, format!("`{}` is no number of at least 0", piece(text))).field(column);
    found.ok_or_else(|| InputError::from(wrong()))
}

/// The invocations of all functions together, as requests a second.
pub(super) fn azure(file: &mut File<'_>, _: &Options) -> Result<Recording, InputError> {
    let place = file.place;
    let (mut counts, mut functions): (Vec<f64>, usize) = (Vec::new(), 0);
    records(file, |line, record| {
        functions += 1;
        for (minute, cell) in record.iter().skip(AZURE.len()).enumerate() {
            if counts.len() <= minute {
                counts.resize(minute + 1, 0.0);
            }
            counts[minute] += number(place, line, cell, &(minute + 1).to_string())?;
        }
        Ok(())
    })?;
    let points = counts.iter().enumerate().map(|(minute, count)| (minute as i64 * 60_000, count / 60.0)).collect();
    let series = Series { signal: Signal::Rps, kind: Kind::Gauge, about: About::default(), points };
    let notes =
        vec![format!("the invocations of {functions} functions are added up; keep the rows of one to have its own")];
    Ok(Recording {
        format: "Azure Functions",
        base: TimeBase::Start,
        series: vec![series],
        notes,
        ..Recording::default()
    })
}

/// The mean utilization of the instances of a microservice, and how many there are.
pub(super) fn alibaba(file: &mut File<'_>, _: &Options) -> Result<Recording, InputError> {
    let place = file.place;
    let head = file.head.clone();
    let at_of = |name: &str| names(&head).iter().position(|known| *known == name).unwrap_or_default();
    let columns = ALIBABA.map(at_of);
    let memory = names(&head).iter().position(|name| *name == "memory_utilization");
    let mut services: BTreeSet<String> = BTreeSet::new();
    // By instants: instances, and the sums of what they use.
    let mut rows: BTreeMap<i64, (f64, f64, f64)> = BTreeMap::new();
    records(file, |line, record| {
        let cell = |column: usize| record.get(column).unwrap_or_default();
        let at = number(place, line, cell(columns[0]), ALIBABA[0])?;
        if at > LONGEST {
            return Err(place.wrong(line, "is later than any trace").field(ALIBABA[0]).into());
        }
        services.insert(cell(columns[1]).to_owned());
        let row = rows.entry(at.round() as i64).or_default();
        row.0 += 1.0;
        row.1 += number(place, line, cell(columns[3]), ALIBABA[3])?;
        row.2 += memory.map_or(Ok(0.0), |column| number(place, line, cell(column), "memory_utilization"))?;
        Ok(())
    })?;
    if services.len() > 1 {
        let shown: Vec<String> = services.iter().take(8).map(|name| piece(name).to_string()).collect();
        let wrong = place.wrong(0, format!("has {} microservices: {}", services.len(), shown.join(", ")));
        return Err(wrong.hint("keep the rows of one: their utilizations are no load of one workload").into());
    }
    let course = |signal: Signal, of: &dyn Fn(&(f64, f64, f64)) -> f64| Series {
        signal,
        kind: Kind::Gauge,
        about: About::default(),
        points: rows.iter().map(|(at, row)| (*at, of(row))).collect(),
    };
    let mut series = vec![
        course(Signal::CurrentReplicas, &|row| row.0),
        course(Signal::CpuUtilization, &|row| 100.0 * row.1 / row.0),
    ];
    if memory.is_some() {
        series.push(course(Signal::MemoryUtilization, &|row| 100.0 * row.2 / row.0));
    }
    let notes =
        vec!["times are milliseconds; utilization is a part of one of what an instance has, and is taken as that of its request".to_owned()];
    Ok(Recording { format: "Alibaba microservices", base: TimeBase::Start, series, notes, ..Recording::default() })
}
