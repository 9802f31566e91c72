//! `hpasim import`: what was recorded, as a load to simulate.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use jiff::Timestamp;

use super::args::{Zone, positive_span};
use super::manifests::SourceArgs;
use super::output::{ColorChoice, Format, Forms};
use super::prometheus::{self, PrometheusArgs};
use super::{Outcome, args, output};
use crate::input::load::{FOLDER_LOAD, said};
use crate::input::open;
use crate::input::recording::{self, Options, Subject, observed};
use crate::model::{KubernetesVersion, Observed, Recording, Signal, TimeBase};
use crate::report::document::html;
use crate::report::document::markdown;
use crate::report::trace::{FileRow, LoadReport};
use crate::report::{json, observed as files};
use crate::units::Span;

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

/// Whose recording it is, and what becomes of it.
#[derive(Debug, Args)]
pub(super) struct Common {
    /// Write load.csv, recorded.csv, events.csv, pods.csv, report.html and report.md into this directory
    #[arg(short, long, value_name = "DIR")]
    output: Option<PathBuf>,
    /// Which HPA it is of, where the manifests have several
    #[arg(long, value_name = "NAME")]
    pub hpa: Option<String>,
    /// Which workload it is of, where several were recorded
    #[arg(long, value_name = "NAME")]
    workload: Option<String>,
    /// The time between two rows [default: that between samples]; also of listings that have no times
    #[arg(long, value_name = "DURATION", value_parser = positive_span)]
    pub step: Option<Span>,
    /// Draw the load in the terminal
    #[arg(long)]
    plot: bool,
    /// How to print what was found
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    #[command(flatten)]
    pub sources: SourceArgs,
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
    let (subject, mut options) = args.common.subject()?;
    options.zone = args.zone.0.clone();
    options.columns.clone_from(&args.column);
    let named: Vec<(Option<Signal>, &Path)> = args.files.iter().map(|text| meaning(text)).collect();
    let manifests = args.common.sources.filenames.iter().map(PathBuf::as_path);
    args::read_standard_input_once(named.iter().map(|(_, path)| *path).chain(manifests))?;
    let mut recordings = Vec::new();
    for (signal, path) in named {
        let name = path.display().to_string();
        let options = Options { meaning: signal, ..options.clone() };
        let mut recording = recording::read(&name, open(path)?, &options)?;
        if let (Some(start), TimeBase::Start) = (args.start, recording.base) {
            shift(&mut recording, start.as_millisecond());
        }
        recordings.push((name, recording));
    }
    args.common.finish(&recordings, &subject, color)
}

/// What all series of a file are, if that is said, and the file.
fn meaning(text: &str) -> (Option<Signal>, &Path) {
    match text.split_once('=') {
        Some((name, file)) if !Path::new(text).exists() => (Some(Signal::of_name(name)), Path::new(file)),
        _ => (None, Path::new(text)),
    }
}

/// The same from an instant on.
fn shift(recording: &mut Recording, start: i64) {
    recording.base = TimeBase::Epoch(0);
    let points = recording.series.iter_mut().flat_map(|series| &mut series.points);
    points.for_each(|(at, _)| *at = at.saturating_add(start));
    recording.events.iter_mut().for_each(|event| event.at = event.at.saturating_add(start));
}

impl Common {
    /// Refuses what is for other commands.
    pub fn check(&self) -> anyhow::Result<()> {
        output::check_plot(self.plot, self.format)?;
        if matches!(self.format, Format::Junit | Format::Github) {
            anyhow::bail!("import checks nothing: --format junit and github are for simulate, replay, plan and lint");
        }
        if !self.sources.set.set.is_empty() {
            anyhow::bail!("--set changes a run, and a recording is as it was");
        }
        Ok(())
    }

    /// Whether there are manifests.
    pub fn has_manifests(&self) -> bool {
        !self.sources.filenames.is_empty() || !self.sources.kustomize.is_empty()
    }

    /// Whose recording it is, as the manifests say or the options, and how it is read.
    fn subject(&self) -> anyhow::Result<(Subject, Options)> {
        let (mut subject, mut options) = (Subject::default(), Options::default());
        if self.has_manifests() {
            let manifests = self.sources.read(KubernetesVersion::default(), false)?.accepted()?;
            let selection = manifests.select(self.sources.namespace.as_deref(), self.hpa.as_deref())?;
            (subject, options) = (Subject::of(&selection.hpa.item), Options::of(&selection.hpa.item));
        } else {
            subject.namespace.clone_from(&self.sources.namespace);
            subject.hpa.clone_from(&self.hpa);
        }
        if self.workload.is_some() {
            subject.workload.clone_from(&self.workload);
        }
        options.step = self.step.map(Span::seconds);
        Ok((subject, options))
    }

    /// Writes what recordings come to, and says it.
    pub fn finish(
        &self,
        recordings: &[(String, Recording)],
        subject: &Subject,
        color: ColorChoice,
    ) -> anyhow::Result<Outcome> {
        let observed = observed(recordings, subject, self.step.map(Span::seconds))?;
        let report = self.report(&observed, recordings);
        let written = match &self.output {
            Some(directory) => output::write_files(directory, written(&observed, &report)?)?,
            None => Vec::new(),
        };
        let forms = Forms {
            command: "import",
            plot: self.plot,
            document: &|| report.document(),
            json: &|| Ok(json::bytes(&report.json())?),
            checks: &Vec::new,
        };
        output::show(&forms, self.format, color)?;
        for path in written {
            output::complain("wrote", &path.display().to_string());
        }
        Ok(Outcome::Done)
    }

    fn report(&self, observed: &Observed, recordings: &[(String, Recording)]) -> LoadReport {
        let row = |(name, recording): &(String, Recording)| {
            let mut measures: Vec<String> = recording.series.iter().map(|series| series.signal.to_string()).collect();
            measures.sort();
            measures.dedup();
            FileRow {
                file: name.clone(),
                format: recording.format.to_owned(),
                series: recording.series.len(),
                samples: recording.series.iter().map(|series| series.points.len()).sum(),
                events: recording.events.len(),
                measures,
            }
        };
        let of_files = recordings
            .iter()
            .flat_map(|(name, recording)| recording.notes.iter().map(move |note| format!("{name}: {note}")));
        let grid = &observed.grid;
        LoadReport {
            name: self
                .output
                .as_ref()
                .map_or_else(|| "as it was recorded".to_owned(), |path| path.display().to_string()),
            clock: grid.clock(),
            duration: Span::from_seconds(grid.step * grid.steps as i64),
            times: (0..grid.steps as i64).map(|step| step * grid.step).collect(),
            columns: observed.load.clone(),
            notes: of_files.chain(said(observed)).collect(),
            files: recordings.iter().map(row).collect(),
        }
    }
}

/// The files of the folder.
fn written(observed: &Observed, report: &LoadReport) -> anyhow::Result<Vec<(String, Vec<u8>)>> {
    let document = report.document();
    let mut all = vec![(FOLDER_LOAD.to_owned(), files::load_csv(observed)?)];
    if !observed.recorded.is_empty() {
        all.push(("recorded.csv".to_owned(), files::recorded_csv(observed)?));
    }
    if !observed.events.is_empty() {
        all.push(("events.csv".to_owned(), files::events_csv(observed)?));
    }
    if !observed.pods.is_empty() {
        all.push(("pods.csv".to_owned(), files::pods_csv(observed)?));
    }
    all.push(("report.html".to_owned(), html::render(&document).into_bytes()));
    all.push(("report.md".to_owned(), markdown::render(&document).into_bytes()));
    Ok(all)
}
