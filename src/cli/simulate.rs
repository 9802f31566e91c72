//! `hpasim simulate`: what the HPA does under a load.

use std::cell::OnceCell;
use std::path::PathBuf;

use clap::Args;
use rayon::prelude::*;

use super::exported::{self, ExportArgs};
use super::fail_on::{self, Bound};
use super::load;
use super::output::{ColorChoice, Format, Forms};
use super::rows::{Keeper, Kept, RowWriter};
use super::world::{Prepared, WorldArgs};
use super::{Outcome, output};
use crate::input::InputError;
use crate::input::load::Load;
use crate::model::{Column, LoadSource, Target};
use crate::report::document::{Document, html, markdown};
use crate::report::json::{self, simulation};
use crate::report::kubectl::Watch;
use crate::report::plot::{Curves, Ink};
use crate::report::{self, Run};
use crate::sim::{Lifecycle, Setup, Summary, simulate_all, typical_startup};
use crate::study::phases::PhaseRuns;

/// Simulate an HPA and its target under a load, and summarize what happens
///
/// Reads the manifests, finds the HPA and its scale target, and runs the closed loop: load makes pods use
/// CPU and memory, use makes metrics, metrics make decisions, decisions make pods.
///
/// The load is a CSV file: a header, a `time` column (seconds, RFC 3339, or durations such as 10m), and any
/// of: cpu (cores, all pods together), memory (bytes, all pods together), rps (with --cpu-per-request), clients
/// (with --cpu-per-request: clients that each wait for their answer, a closed loop; `clients@1s` is a group with a think time of
/// its own), cpu_utilization and memory_utilization (percent of the request, per pod, as observed; with a column
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
    world: WorldArgs,
    /// Write report.html, report.md, timeline.csv, events.csv, summary.json and timeline.png into this directory
    #[arg(short, long, value_name = "DIR", help_heading = "Output")]
    output: Option<PathBuf>,
    /// End with 1 if a figure is over its bound in any phase: slo, waiting or at-max (times; none unless said, such as waiting>1m), lost
    /// (core-seconds), replicas>N, nodes>N, pod-hours, core-hours, gib-hours, node-hours, events or restarts>N; repeatable
    #[arg(long, value_name = "FIGURE[>BOUND]", num_args = 1.., help_heading = "Output")]
    fail_on: Vec<Bound>,
    /// Print the lines of `kubectl get hpa --watch` in place of the summary
    #[arg(short, long, conflicts_with = "format", help_heading = "Output")]
    watch: bool,
    /// Write the picture as SVG, too
    #[arg(long, requires = "output", help_heading = "Output")]
    svg: bool,
    /// Draw the course in the terminal
    #[arg(long, conflicts_with = "watch", help_heading = "Output")]
    plot: bool,
    /// How to print the summary
    #[arg(long, value_enum, default_value_t = Format::Text, help_heading = "Output")]
    format: Format,
    #[command(flatten)]
    exported: ExportArgs,
}

/// Runs the command.
pub(super) fn run(args: &SimulateArgs, color: ColorChoice) -> anyhow::Result<Outcome> {
    output::check_plot(args.plot, args.format)?;
    let (controller, manifests) = args.world.read()?;
    let events = OnceCell::new();
    let prepared = args.world.prepare(controller, &manifests, &events)?;
    args.exported.check(&prepared.loads)?;
    let services = exported::services(&manifests, &prepared.setup);
    let several = prepared.several;
    fail_on::check(&args.fail_on, &prepared.setup)?;
    let errors = prepared.errors.clone();
    let mut done = Simulation::run(args, prepared)?;
    done.loads.iter().for_each(load::note_reading);
    let mut written = Vec::new();
    if let Some(directory) = &args.output {
        for first in (0..done.setup.targets.len()).step_by(MOST_AT_ONCE) {
            let some = first..done.setup.targets.len().min(first + MOST_AT_ONCE);
            let runs: Vec<_> = some.clone().map(|index| (done.of(index), done.kept[index].curves.as_ref())).collect();
            let made: Vec<_> = runs.par_iter().map(|run| files(run, args.svg)).collect();
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
    written.extend(args.exported.write(&done.all(), &services)?);
    let broken = fail_on::broken(&args.fail_on, &done.all());
    if args.watch {
        output::print(&done.watched(several))?;
    } else {
        let forms = Forms {
            command: "simulate",
            plot: args.plot,
            document: &|| done.document(several, args.plot, args.format),
            json: &|| Ok(json::bytes(&simulation::Simulation::new(&done.all()))?),
            checks: &|| fail_on::checks(&args.fail_on, &done.all()),
        };
        output::show(&forms, args.format, color)?;
    }
    for path in written {
        output::complain("wrote", &path.display().to_string());
    }
    for (target, summary) in done.setup.targets.iter().zip(&done.summaries) {
        load::note_assumptions(target);
        warn_of_surprises(target, summary);
    }
    load::warn_of_late_events(done.setup.world.events, done.summaries[0].duration);
    InputError::unless_empty(errors)?;
    broken.iter().for_each(|what| output::complain("failed", what));
    Ok(if broken.is_empty() { Outcome::Done } else { Outcome::CheckFailed })
}

/// A finished simulation of a world.
struct Simulation<'a> {
    setup: Setup<'a>,
    loads: Vec<Load>,
    columns: Vec<Vec<Column>>,
    summaries: Vec<Summary>,
    kept: Vec<Kept<'a>>,
    phases: Option<Vec<PhaseRuns>>,
    overrides: Vec<String>,
}

impl<'a> Simulation<'a> {
    fn run(args: &SimulateArgs, mut prepared: Prepared<'a>) -> anyhow::Result<Self> {
        let phases = args.world.in_phases(&mut prepared)?;
        prepared.setup.world.export = args.exported.interval();
        let Prepared { setup, mut loads, .. } = prepared;
        let columns: Vec<Vec<Column>> = loads.iter().map(|load| load.columns().to_vec()).collect();
        let mut writers = Vec::new();
        for (index, load) in loads.iter().enumerate() {
            let is_one_of_many = loads.len() > 1;
            let spool =
                args.output.as_ref().map(|directory| output::Spool::new(directory, is_one_of_many)).transpose()?;
            let about = (index, columns[index].as_slice(), load.clock());
            let is_drawn = spool.is_some() || args.plot || args.format == Format::Html;
            writers.push(is_drawn.then(|| RowWriter::new(&setup, about, spool)).transpose()?);
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
            let summaries = simulate_all(&setup, &mut loads, &mut keepers).map_err(load::explain_error)?;
            let kept = keepers.into_iter().map(Keeper::finish).collect::<anyhow::Result<Vec<_>>>()?;
            anyhow::Ok((summaries, kept))
        })?;
        let overrides = args.world.manifests.sources.set.texts();
        Ok(Self { setup, loads, columns, summaries, kept, phases, overrides })
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
            remembered: &self.kept[index].remembered,
            overrides: &self.overrides,
            clock: self.loads[index].clock(),
        }
    }

    fn all(&self) -> Vec<Run<'_>> {
        (0..self.setup.targets.len()).map(|index| self.of(index)).collect()
    }

    /// The summary: of the only HPA, or of all.
    fn document(&self, several: bool, plot: bool, format: Format) -> Document {
        if several && format == Format::Text && !plot {
            // Each has files of its own.
            return report::world::document(&self.all());
        }
        if several {
            let drawn: Vec<_> = self.all().into_iter().zip(self.kept.iter().map(|kept| kept.curves.as_ref())).collect();
            return report::world::report(&drawn);
        }
        report::summary::document(&self.of(0), self.kept[0].curves.as_ref())
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
        let json = json::bytes(&simulation::Simulation::new(&runs))?;
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
}

/// The files of so many targets are made at once, on all threads, and then written.
const MOST_AT_ONCE: usize = 64;

/// The files of a target besides the timeline.
fn files(
    (run, curves): &(Run<'_>, Option<&Curves>),
    svg: bool,
) -> anyhow::Result<Vec<(&'static str, output::Contents)>> {
    let json = json::bytes(&simulation::Summary::new(run))?;
    let mut files = vec![("events.csv", report::csv::events(run)?.into()), ("summary.json", json.into())];
    let document = report::summary::document(run, curves.as_ref().copied());
    files.push(("report.md", markdown::render(&document).into_bytes().into()));
    files.push(("report.html", html::render(&document).into_bytes().into()));
    if let Some(curves) = curves {
        files.push(("timeline.png", report::plot::picture(run, curves, Ink::Pixels)?.into()));
        if svg {
            files.push(("timeline.svg", report::plot::picture(run, curves, Ink::Vectors)?.into()));
        }
    }
    Ok(files)
}
