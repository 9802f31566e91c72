//! `hpasim import`: what was recorded, as a load to simulate.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use jiff::Timestamp;

use super::Outcome;
use super::args::{self, Zone};
use super::output::ColorChoice;
use super::prometheus::{self, PrometheusArgs};
use super::recorded::Common;
use crate::input::open;
use crate::input::recording::{self, Options};
use crate::model::{Recording, Signal, TimeBase};

/// Make a load of what was recorded
///
/// Reads recordings, whatever tool they are of, or asks a Prometheus, and writes a folder that every --load takes: load.csv (what was
/// demanded), recorded.csv (replicas and utilization as they were), events.csv, pods.csv and a report. Known are answers of
/// Prometheus (JSON), OpenMetrics text, CSV of Grafana and others, `kubectl top`, `get hpa --watch` and `get events`, hey, k6, Locust,
/// wrk, JMeter, and access logs of NGINX, Apache and Envoy. What a file is, is found out by what is in it.
#[derive(Debug, Args)]
#[command(
    subcommand_negates_reqs = true,
    args_conflicts_with_subcommands = true,
    after_help = "Examples:\n  hpasim import observed.json -o observed/\n  hpasim import cpu=cpu.json rps=rps.csv -f k8s/ -o observed/\n  kubectl top pods --containers | hpasim import -\n  hpasim import prometheus --url http://localhost:9090 -f k8s/ --start -7d -o observed/"
)]
pub(super) struct ImportArgs {
    #[command(subcommand)]
    from: Option<From>,
    #[command(flatten)]
    files: FilesArgs,
}

#[derive(Debug, Subcommand)]
enum From {
    Prometheus(Box<PrometheusArgs>),
}

#[derive(Debug, Args)]
struct FilesArgs {
    /// A recording, or - for standard input; what its series are if their names do not say it: cpu, memory, rps, clients,
    /// cpu_utilization, memory_utilization, desired, replicas, ready, restarts, or the name of a metric
    #[arg(value_name = "[MEANING=]FILE", required = true)]
    files: Vec<String>,
    /// What a column is: NAME=MEANING, such as 'Requests=rps'; repeatable
    #[arg(long, value_name = "NAME=MEANING", value_parser = column)]
    column: Vec<(String, Signal)>,
    /// When recordings began that count from their own start
    #[arg(long, value_name = "TIMESTAMP")]
    start: Option<Timestamp>,
    /// Zone of times that have none, such as Europe/Berlin or +01:00
    #[arg(long, value_name = "ZONE", default_value = "UTC")]
    zone: Zone,
    #[command(flatten)]
    common: Common,
}

fn column(text: &str) -> Result<(String, Signal), String> {
    let (name, meaning) = text.rsplit_once('=').ok_or("write NAME=MEANING, such as Requests=rps")?;
    Ok((name.to_owned(), Signal::of_name(meaning)))
}

/// Runs the command.
pub(super) fn run(args: &ImportArgs, color: ColorChoice) -> anyhow::Result<Outcome> {
    match &args.from {
        None => of_files(&args.files, color),
        Some(From::Prometheus(args)) => prometheus::run(args, color),
    }
}

fn of_files(args: &FilesArgs, color: ColorChoice) -> anyhow::Result<Outcome> {
    args.common.check()?;
    let named: Vec<(Option<Signal>, &Path)> = args.files.iter().map(|text| args::meant(Path::new(text))).collect();
    let manifests = args.common.sources.filenames.iter().map(PathBuf::as_path);
    args::read_standard_input_once(named.iter().map(|(_, path)| *path).chain(manifests))?;
    let everyone = args.common.whose()?;
    if everyone.len() > 1 && named.iter().any(|(_, path)| *path == Path::new("-")) {
        anyhow::bail!("standard input is read once, and {} HPAs match: choose one with --hpa NAME", everyone.len());
    }
    let mut all = Vec::new();
    for whose in everyone {
        let mut recordings = Vec::new();
        for (signal, path) in &named {
            let name = path.display().to_string();
            let options = Options {
                zone: args.zone.0.clone(),
                columns: args.column.clone(),
                meaning: signal.clone(),
                ..whose.options.clone()
            };
            let mut recording = recording::read(&name, open(path)?, &options)?;
            if let (Some(start), TimeBase::Start) = (args.start, recording.base) {
                shift(&mut recording, start.as_millisecond());
            }
            recordings.push((name, recording));
        }
        all.push((whose, recordings));
    }
    args.common.finish(&all, color)
}

/// The same from an instant on.
fn shift(recording: &mut Recording, start: i64) {
    recording.base = TimeBase::Epoch(0);
    let points = recording.series.iter_mut().flat_map(|series| &mut series.points);
    points.for_each(|(at, _)| *at = at.saturating_add(start));
    recording.events.iter_mut().for_each(|event| event.at = event.at.saturating_add(start));
}
