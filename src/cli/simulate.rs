//! `hpasim simulate`: what the HPA does under a load.

use std::path::{Path, PathBuf};

use clap::Args;

use super::args::{self, read_standard_input_once};
use super::cluster::{ClusterArgs, NodeArgs};
use super::load::{self, LoadOptions};
use super::manifests::ManifestArgs;
use super::{Outcome, output};
use crate::input::load::as_input_error;
use crate::input::manifests::Manifests;
use crate::input::{Diagnostic, InputError};
use crate::model::{ControllerConfig, HpaSpec, LoadSource, LoadTable, Phases, Placed};
use crate::report::{self, Run, kubectl};
use crate::sim::{Lifecycle, Setup, SimError, Snapshot, Summary, SyncRecord, TimelineRow, simulate, typical_startup};
use crate::study::phases::{PhaseRuns, Sample};

/// Simulate an HPA and its target under a load, and summarize what happens
///
/// Reads the manifests, finds the HPA and its scale target, and runs the closed loop: load makes pods use
/// CPU and memory, use makes metrics, metrics make decisions, decisions make pods.
///
/// The load is a CSV file: a header, a `time` column (seconds, RFC 3339, or durations such as 10m), and any
/// of: cpu (cores, all pods together), memory (bytes, all pods together), rps (with --cpu-per-request), clients
/// (with --cpu-per-request: clients that each wait for their answer, a closed loop), cpu_utilization and memory_utilization (percent of the request, per pod, as observed; with a column
/// `replicas` they are multiplied back into demand), and a column for each custom metric, by its name
/// (Pods metrics: the total over all pods; Object and External metrics: the value).
///
/// Exit codes: 0 done, 2 wrong usage or input.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  hpasim simulate -f k8s/ --load workday.csv -o out/\n  helm template ... | hpasim simulate -f - --load trace.csv"
)]
pub(super) struct SimulateArgs {
    #[command(flatten)]
    manifests: ManifestArgs,
    #[command(flatten)]
    load: LoadArgs,
    #[command(flatten)]
    cluster: ClusterArgs,
    #[command(flatten)]
    nodes: NodeArgs,
    #[command(flatten)]
    controller: ControllerConfig,
    /// Write timeline.csv, events.csv, summary.json and timeline.png into this directory
    #[arg(short, long, value_name = "DIR", help_heading = "Output")]
    output: Option<PathBuf>,
    /// Print the lines of `kubectl get hpa --watch` in place of the summary
    #[arg(short, long, help_heading = "Output")]
    watch: bool,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Load")]
struct LoadArgs {
    /// Load trace (CSV), or - for standard input
    #[arg(long, value_name = "FILE|-")]
    load: Option<PathBuf>,
    #[command(flatten)]
    options: LoadOptions,
}

/// Runs the command.
pub(super) fn run(args: &SimulateArgs) -> anyhow::Result<Outcome> {
    let controller = args::controller(args.controller)?;
    let inputs = args.manifests.sources.filenames.iter().chain(&args.load.load);
    read_standard_input_once(inputs.map(PathBuf::as_path))?;
    let namespace = args.manifests.sources.namespace.as_deref();
    let manifests = args.manifests.read(controller.version, args.cluster.replicas, false)?;
    let chosen = manifests.chosen(namespace, args.manifests.hpa.as_deref())?;
    if let [hpa] = chosen.as_slice() {
        return simulate_one(args, controller, &manifests, hpa, args.output.as_deref());
    }
    simulate_each(args, controller, &manifests, &chosen)
}

/// Several HPAs, each by itself under the same load; what cannot be simulated is an error at the end.
fn simulate_each(
    args: &SimulateArgs,
    controller: ControllerConfig,
    manifests: &Manifests,
    chosen: &[&Placed<HpaSpec>],
) -> anyhow::Result<Outcome> {
    if args.load.load.as_deref() == Some(Path::new("-")) {
        anyhow::bail!(
            "a load from standard input is for one HPA, and {} match; choose one with --hpa NAME",
            chosen.len()
        );
    }
    let note = format!(
        "{} HPAs match: each is simulated by itself, with the same load for each; --hpa NAME (and -n NAMESPACE) chooses one",
        chosen.len()
    );
    output::complain("note", &note);
    let mut errors = Vec::new();
    for (index, hpa) in chosen.iter().enumerate() {
        let (namespace, name) = (&hpa.item.namespace, &hpa.item.name);
        let blank = if index > 0 { "\n" } else { "" };
        output::print(&format!("{blank}# {namespace}/{name}\n\n"))?;
        let directory = args.output.as_ref().map(|directory| directory.join(format!("{namespace}.{name}")));
        match simulate_one(args, controller, manifests, hpa, directory.as_deref()) {
            Ok(_) => {}
            Err(error) => match error.downcast::<InputError>() {
                Ok(input) => {
                    output::print("not simulated, see the errors\n")?;
                    errors.extend(input.diagnostics().to_vec());
                }
                Err(other) => return Err(other),
            },
        }
    }
    InputError::unless_empty(errors)?;
    Ok(Outcome::Done)
}

fn simulate_one(
    args: &SimulateArgs,
    controller: ControllerConfig,
    manifests: &Manifests,
    hpa: &Placed<HpaSpec>,
    directory: Option<&Path>,
) -> anyhow::Result<Outcome> {
    let selection = manifests.selection(hpa)?;
    let mut load = load::open(args.load.load.as_deref(), &args.load.options)?;
    let inventory = &manifests.inventory;
    let mut setup = load::setup(&args.load.options, &args.cluster, controller, inventory, &selection, load.columns())?;
    setup.nodes = args.nodes.config(inventory, &selection.target.item)?;
    let table = load.table(setup.duration, args.cluster.longest(&controller))?;
    let phases = table.map(|table| phases_of(args, &setup, &table)).transpose()?.flatten();
    if let Some(phases) = &phases {
        setup.phase = phases.phase();
    }
    let mut rows: Vec<TimelineRow> = Vec::new();
    let mut watch = Watch::new(args.watch.then_some(&setup));
    let keep_rows = directory.is_some();
    let summary = simulate(&setup, &mut load, &mut |record| {
        if keep_rows {
            rows.push(record.into());
        }
        watch.sync(record);
    })
    .map_err(explain_error)?;
    load::note_reading(&load);
    let columns = load.columns().to_vec();
    let run = Run {
        setup: &setup,
        columns: &columns,
        summary: &summary,
        rows: &rows,
        title: None,
        phases: phases.as_ref(),
        epoch_seconds: load.epoch_seconds(),
    };
    let text = if args.watch { watch.finish() } else { report::summary::render(&run) };
    let written = match directory {
        Some(directory) => output::write_files(directory, &files(&run)?)?,
        None => Vec::new(),
    };
    output::print(&text)?;
    for path in written {
        output::complain("wrote", &path.display().to_string());
    }
    load::note_assumptions(&setup);
    warn_of_surprises(&setup, &summary);
    Ok(Outcome::Done)
}

/// The same in other phases, unless that takes too long.
fn phases_of(args: &SimulateArgs, setup: &Setup<'_>, table: &LoadTable) -> anyhow::Result<Option<PhaseRuns>> {
    let duration = setup.duration.unwrap_or_else(|| table.length());
    let Some(count) = args.cluster.phases(duration, &setup.controller) else { return Ok(None) };
    let all = Phases::of(&setup.cluster, &setup.controller);
    let sample = Sample::of(&all, count, setup.seed, 0);
    PhaseRuns::run(setup, table, sample).map(Some).map_err(explain_error)
}

/// What the summary's numbers alone would not say.
fn warn_of_surprises(setup: &Setup<'_>, summary: &Summary) {
    let template = &setup.workload.template;
    let startup = typical_startup(setup.cluster.startup, template);
    let lifecycle = Lifecycle::of(template, Some(startup));
    if setup.initial_replicas == 0 && summary.rescales.is_empty() {
        let message =
            "the workload is at 0 replicas and the HPA did not put it there: autoscaling is off (--replicas N)";
        output::complain("warning", message);
    }
    let new_pods = summary.rescales.iter().any(|event| event.decision.desired > event.decision.current);
    if new_pods && lifecycle.fails.is_some() {
        let message = format!(
            "a probe gives up before the application is up, which takes {startup} (--startup): new pods never serve"
        );
        output::complain("warning", &message);
    } else if new_pods && lifecycle.ready_after < lifecycle.serving_after {
        let message = "no readiness probe: new pods count as ready, and are sent work, before they can serve";
        output::complain("warning", message);
    }
    if setup.cluster.slo.is_some() && setup.plan.requests.is_none() {
        let message = "--slo has no effect: the load is not made of requests (rps or clients, with --cpu-per-request)";
        output::complain("warning", message);
    }
}

/// An error of the load is one of the input; the others say all there is to say.
pub(super) fn explain_error(error: SimError) -> anyhow::Error {
    match error {
        SimError::Load(error) => as_input_error(error).into(),
        SimError::NotSteady { .. } => {
            let hint = "give start.before values under which the HPA keeps them, or leave start.before out";
            InputError::from(Diagnostic::new(error.to_string()).hint(hint)).into()
        }
        SimError::NoDuration => {
            InputError::from(Diagnostic::new("the load covers no time").hint("say how long with --duration")).into()
        }
        SimError::NoLoad => {
            InputError::from(Diagnostic::new("the load trace has no rows").hint("add at least two rows")).into()
        }
    }
}

fn files(run: &Run<'_>) -> anyhow::Result<Vec<(&'static str, Vec<u8>)>> {
    let mut json = serde_json::to_vec_pretty(&report::json::summary(run))?;
    json.push(b'\n');
    Ok(vec![
        ("timeline.csv", report::csv::timeline(run)?),
        ("events.csv", report::csv::events(run)?),
        ("summary.json", json),
        ("timeline.png", report::plot::png(run)?),
    ])
}

/// The lines of `kubectl get hpa --watch`: one for every sync whose line differs from the last.
struct Watch<'a> {
    setup: Option<&'a Setup<'a>>,
    rows: Vec<Vec<String>>,
}

impl<'a> Watch<'a> {
    fn new(setup: Option<&'a Setup<'a>>) -> Self {
        Self { setup, rows: Vec::new() }
    }

    fn sync(&mut self, record: &SyncRecord<'_>) {
        let Some(setup) = self.setup else { return };
        let snapshot = Snapshot {
            at: record.now,
            current_metrics: record.history.current_metrics().to_vec(),
            replicas: record.replicas,
        };
        let row = kubectl::row(setup.hpa, &snapshot);
        let age = row.len() - 1;
        if self.rows.last().is_none_or(|last| last[..age] != row[..age]) {
            self.rows.push(row);
        }
    }

    fn finish(self) -> String {
        report::table::plain(&kubectl::HEADERS, self.rows)
    }
}
