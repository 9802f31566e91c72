//! `hpasim simulate`: what the HPA does under a load.

use std::path::{Path, PathBuf};

use clap::Args;
use rayon::prelude::*;

use super::args::{self, read_standard_input_once};
use super::cluster::{ClusterArgs, NodeArgs};
use super::fail_on::{self, Bound};
use super::load::{self, LoadFiles, LoadOptions};
use super::manifests::ManifestArgs;
use super::output::ColorChoice;
use super::rows::{Keeper, Kept, RowWriter};
use super::{Outcome, output};
use crate::input::load::{Load, as_input_error};
use crate::input::manifests::Manifests;
use crate::input::{Diagnostic, InputError};
use crate::model::{Column, ControllerConfig, HpaSpec, LoadSource, Placed, Target, Workload};
use crate::report::document::{Document, html, markdown};
use crate::report::kubectl::Watch;
use crate::report::plot::Curves;
use crate::report::{self, Run};
use crate::sim::{Lifecycle, Setup, SimError, Summary, simulate_all, typical_startup};
use crate::study::phases::{PhaseRuns, WorldPhases};
use crate::study::{Simulated, TargetLoad};

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
/// Exit codes: 0 done, 1 something is over a bound (--fail-on), 2 wrong usage or input.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  hpasim simulate -f k8s/ --load workday.csv -o out/\n  hpasim simulate -f k8s/ --load requests.csv --cpu-per-request 20m --slo 'p95<300ms' --fail-on slo --fail-on 'replicas>8'\n  helm template ... | hpasim simulate -f - --load trace.csv"
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
    /// Write report.html, report.md, timeline.csv, events.csv, summary.json and timeline.png into this directory
    #[arg(short, long, value_name = "DIR", help_heading = "Output")]
    output: Option<PathBuf>,
    /// End with 1 if a figure is over its bound in any phase: slo, waiting or at-max (times; none unless said, such as waiting>1m), lost
    /// (core-seconds), replicas>N, nodes>N; repeatable
    #[arg(long, value_name = "FIGURE[>BOUND]", help_heading = "Output")]
    fail_on: Vec<Bound>,
    /// Print the lines of `kubectl get hpa --watch` in place of the summary
    #[arg(short, long, help_heading = "Output")]
    watch: bool,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Load")]
struct LoadArgs {
    /// Load trace (CSV), or - for standard input: of every HPA, or HPA=FILE of one of several; repeatable
    #[arg(long, value_name = "[HPA=]FILE|-")]
    load: Vec<String>,
    #[command(flatten)]
    options: LoadOptions,
}

/// Runs the command.
pub(super) fn run(args: &SimulateArgs, color: ColorChoice) -> anyhow::Result<Outcome> {
    let controller = args::controller(args.controller)?;
    let inputs = args.manifests.sources.filenames.iter().map(PathBuf::as_path);
    read_standard_input_once(inputs.chain(LoadFiles::paths(&args.load.load)))?;
    let namespace = args.manifests.sources.namespace.as_deref();
    let manifests = args.manifests.read(controller.version, args.cluster.replicas, false)?;
    let chosen = manifests.chosen(namespace, args.manifests.hpa.as_deref())?;
    let (targets, loads, errors) = targets(args, &controller, &manifests, &chosen)?;
    if targets.is_empty() {
        InputError::unless_empty(errors)?;
        anyhow::bail!("no HPA has a load: give --load FILE, or HPA=FILE for some of them, or --constant cpu=2.5");
    }
    let world = load::world(&args.load.options, &args.cluster, controller);
    let mut setup = Setup { world, targets };
    let workloads: Vec<&Workload> = setup.targets.iter().map(|target| target.workload).collect();
    setup.world.nodes = args.nodes.config(&manifests.inventory, &workloads)?;
    setup.world.quotas = manifests.inventory.shared_quotas(&workloads);
    load::warn_of_shared_quotas(&setup);
    let several = chosen.len() > 1;
    fail_on::check(&args.fail_on, &setup)?;
    let mut done = Simulation::run(args, setup, loads)?;
    done.loads.iter().for_each(load::note_reading);
    let mut written = Vec::new();
    if let Some(directory) = &args.output {
        for first in (0..done.setup.targets.len()).step_by(MOST_AT_ONCE) {
            let some = first..done.setup.targets.len().min(first + MOST_AT_ONCE);
            let runs: Vec<_> = some.clone().map(|index| (done.of(index), done.kept[index].curves.as_ref())).collect();
            let made: Vec<_> = runs.par_iter().map(files).collect();
            for (index, made) in some.zip(made) {
                let own = directory.join(report::world::directory(&done.of(index)));
                let timeline = done.kept[index].timeline.take().map(|timeline| ("timeline.csv", timeline));
                let files = timeline.into_iter().chain(made?).collect();
                written.extend(output::write_files(if several { &own } else { directory }, files)?);
            }
        }
        if several {
            written.extend(output::write_files(directory, done.world_files()?)?);
        }
    }
    if args.watch {
        output::print(&done.watched(several))?;
    } else {
        output::show(&done.document(several), color)?;
    }
    for path in written {
        output::complain("wrote", &path.display().to_string());
    }
    for (target, summary) in done.setup.targets.iter().zip(&done.summaries) {
        load::note_assumptions(target);
        warn_of_surprises(target, summary);
    }
    InputError::unless_empty(errors)?;
    let broken = fail_on::broken(&args.fail_on, &done.all());
    broken.iter().for_each(|what| output::complain("failed", what));
    Ok(if broken.is_empty() { Outcome::Done } else { Outcome::CheckFailed })
}

/// What is scaled under the loads that are given, and what of it cannot be simulated: an error at the end where there are
/// several.
fn targets<'a>(
    args: &SimulateArgs,
    controller: &ControllerConfig,
    manifests: &'a Manifests,
    chosen: &[&'a Placed<HpaSpec>],
) -> anyhow::Result<(Vec<Target<'a>>, Vec<Load>, Vec<Diagnostic>)> {
    let files = LoadFiles::of(&args.load.load, manifests)?;
    let shared = files.is_for_all() || args.load.load.is_empty();
    if chosen.len() > 1 && shared {
        let note = format!(
            "{} HPAs match, and each has the same load; --load HPA=FILE gives one its own, --hpa NAME (and -n NAMESPACE) \
             chooses one",
            chosen.len()
        );
        output::complain("note", &note);
    }
    let (mut targets, mut loads, mut errors) = (Vec::new(), Vec::new(), Vec::new());
    let constants = !args.load.options.constant.is_empty();
    let by_name = manifests.targets();
    let neighbourhood = manifests.inventory.neighbourhood(&files.simulated(&by_name, chosen, constants)?);
    for hpa in chosen {
        let path = match files.of_hpa(&hpa.item, constants)? {
            Some(path) => path,
            None if chosen.len() == 1 => None,
            None => {
                let HpaSpec { namespace, name, .. } = &hpa.item;
                output::complain("note", &format!("{namespace}/{name} has no load: it stays as it is"));
                continue;
            }
        };
        if chosen.len() > 1 && path == Some(Path::new("-")) && files.is_for_all() {
            let all = chosen.len();
            anyhow::bail!("a load from standard input is for one HPA, and {all} match; choose one with --hpa NAME");
        }
        let one = || -> anyhow::Result<(Target<'a>, Load)> {
            let selection = by_name.of(hpa)?;
            let load = load::open(path, &args.load.options)?;
            let (options, columns) = (&args.load.options, load.columns());
            let target = load::target(options, &args.cluster, controller, &neighbourhood, &selection, columns)?;
            Ok((target, load))
        };
        match one() {
            Ok((target, load)) => {
                targets.push(target);
                loads.push(load);
            }
            Err(error) => errors.extend(error.downcast::<InputError>()?.diagnostics().to_vec()),
        }
    }
    Ok((targets, loads, errors))
}

/// A finished simulation of a world.
struct Simulation<'a> {
    setup: Setup<'a>,
    loads: Vec<Load>,
    columns: Vec<Vec<Column>>,
    summaries: Vec<Summary>,
    kept: Vec<Kept<'a>>,
    phases: Option<Vec<PhaseRuns>>,
}

impl<'a> Simulation<'a> {
    fn run(args: &SimulateArgs, mut setup: Setup<'a>, mut loads: Vec<Load>) -> anyhow::Result<Self> {
        let phases = phases_of(args, &setup, &mut loads)?;
        for (target, phases) in setup.targets.iter_mut().zip(phases.iter().flatten()) {
            target.phase = phases.phase();
        }
        let columns: Vec<Vec<Column>> = loads.iter().map(|load| load.columns().to_vec()).collect();
        let mut writers = Vec::new();
        for (index, load) in loads.iter().enumerate() {
            writers.push(match &args.output {
                Some(directory) => {
                    let spool = output::Spool::new(directory, loads.len() > 1)?;
                    let about = (index, columns[index].as_slice(), load.epoch_seconds());
                    Some(RowWriter::new(&setup, about, spool)?)
                }
                None => None,
            });
        }
        let (summaries, kept) = std::thread::scope(|scope| {
            let behind = (setup.targets.len() == 1).then_some(scope);
            let watch = |target: &Target<'a>| args.watch.then(|| Watch::new(target.hpa));
            let mut keepers: Vec<_> = setup
                .targets
                .iter()
                .zip(writers)
                .map(|(target, rows)| Keeper::new(rows, watch(target), behind))
                .collect();
            let summaries = simulate_all(&setup, &mut loads, &mut keepers).map_err(explain_error)?;
            let kept = keepers.into_iter().map(Keeper::finish).collect::<anyhow::Result<Vec<_>>>()?;
            anyhow::Ok((summaries, kept))
        })?;
        Ok(Self { setup, loads, columns, summaries, kept, phases })
    }

    /// What concerns one target.
    fn of(&self, index: usize) -> Run<'_> {
        Run {
            setup: &self.setup,
            index,
            columns: &self.columns[index],
            summary: &self.summaries[index],
            title: None,
            phases: self.phases.as_ref().map(|phases| &phases[index]),
            epoch_seconds: self.loads[index].epoch_seconds(),
        }
    }

    fn all(&self) -> Vec<Run<'_>> {
        (0..self.setup.targets.len()).map(|index| self.of(index)).collect()
    }

    /// The summary: of the only HPA, or of all.
    fn document(&self, several: bool) -> Document {
        if several { report::world::document(&self.all()) } else { report::summary::document(&self.of(0), None) }
    }

    /// The lines of `kubectl get hpa --watch`, of several HPAs under their names.
    fn watched(&self, several: bool) -> String {
        if !several {
            return self.kept[0].table();
        }
        let one = |(target, kept): (&Target<'_>, &Kept<'_>)| {
            format!("# {}/{}\n\n{}", target.hpa.namespace, target.hpa.name, kept.table())
        };
        self.setup.targets.iter().zip(&self.kept).map(one).collect::<Vec<_>>().join("\n")
    }

    fn world_files(&self) -> anyhow::Result<Vec<(&'static str, Vec<u8>)>> {
        let runs = self.all();
        let mut json = serde_json::to_vec_pretty(&report::world::json(&runs))?;
        json.push(b'\n');
        let drawn: Vec<_> = runs.iter().cloned().zip(self.kept.iter().map(|kept| kept.curves.as_ref())).collect();
        let document = report::world::report(&drawn);
        Ok(vec![
            ("world.csv", report::world::csv(&runs)?),
            ("world.json", json),
            ("report.md", markdown::render(&document).into_bytes()),
            ("report.html", html::render(&document).into_bytes()),
        ])
    }
}

/// The same in other phases, unless that takes too long.
fn phases_of(args: &SimulateArgs, setup: &Setup<'_>, loads: &mut [Load]) -> anyhow::Result<Option<Vec<PhaseRuns>>> {
    let controller = &setup.world.controller;
    let mut tables = Vec::new();
    for load in loads.iter_mut() {
        let Some(table) = load.table(setup.world.duration, args.cluster.longest(controller))? else { return Ok(None) };
        tables.push(TargetLoad { workload: 0, table, varies: Vec::new() });
    }
    let simulated = Simulated { setup: setup.clone(), loads: tables };
    let Some(count) = args.cluster.phases(simulated.length(), controller) else { return Ok(None) };
    let phases = WorldPhases::run(&simulated, count).map_err(explain_error)?;
    let is_one = phases.is_cut && phases.runs.len() == 1;
    Ok((!is_one).then(|| (0..loads.len()).map(|index| phases.of(index)).collect()))
}

/// What the summary's numbers alone would not say.
fn warn_of_surprises(target: &Target<'_>, summary: &Summary) {
    let template = &target.workload.template;
    let startup = typical_startup(target.cluster.startup, template);
    let lifecycle = Lifecycle::of(template, Some(startup));
    if target.initial_replicas == 0 && summary.rescales.is_empty() {
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
    if target.cluster.slo.is_some() && target.drives.requests.is_none() {
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

/// The files of so many targets are made at once, on all threads, and then written.
const MOST_AT_ONCE: usize = 64;

/// The files of a target besides the timeline.
fn files((run, curves): &(Run<'_>, Option<&Curves>)) -> anyhow::Result<Vec<(&'static str, output::Contents)>> {
    let mut json = serde_json::to_vec_pretty(&report::json::summary(run))?;
    json.push(b'\n');
    let mut files = vec![("events.csv", report::csv::events(run)?.into()), ("summary.json", json.into())];
    let document = report::summary::document(run, curves.as_ref().copied());
    files.push(("report.md", markdown::render(&document).into_bytes().into()));
    files.push(("report.html", html::render(&document).into_bytes().into()));
    if let Some(curves) = curves {
        files.push(("timeline.png", report::plot::png(run, curves)?.into()));
    }
    Ok(files)
}
