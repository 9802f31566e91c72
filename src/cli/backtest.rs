//! `hpasim backtest`: what was recorded against what is predicted.

use std::cell::OnceCell;
use std::path::PathBuf;

use clap::Args;

use super::observation::Observation;
use super::output::{self, ColorChoice, Format, Forms};
use super::world::{Prepared, WorldArgs};
use super::{Outcome, args, load};
use crate::model::{ControllerConfig, LoadSource, ResourceName, Target};
use crate::report::backtest::{Backtest, Part};
use crate::report::document::{html, markdown};
use crate::report::json;
use crate::sim::simulate_all;
use crate::study::backtest::{self, Listener, Seen};
use crate::study::phases::PhaseRuns;
use crate::units::Span;

/// Compare what was recorded with what is predicted
///
/// The recorded load is put through the HPA of the manifests, and the replicas are compared with those that were recorded: mean absolute
/// error, the time and size of each change, utilization; and the same for the textbook's formula (replicas x current / target, at
/// once), so that it is seen what the model adds. Take manifests as they were when it was recorded.
///
/// Exit codes: 0 done, 1 the error is over --max-error, 2 wrong usage or input.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  hpasim backtest -f k8s/ --observed observed/\n  hpasim backtest -f k8s/ --observed observed/ --split 50% --max-error 0.8 -o out/"
)]
pub(super) struct BacktestArgs {
    /// A folder of `hpasim import`, or a recording that has both load and replicas
    #[arg(long, value_name = "DIR|FILE", required = true, conflicts_with = "load")]
    observed: Option<PathBuf>,
    /// Another recording of the same load: how far recordings are apart is told, and how far the prediction is from each; repeatable
    #[arg(long, value_name = "DIR|FILE")]
    also: Vec<PathBuf>,
    /// Settings were chosen by this part of the time (50%): the error of the rest is told by itself, and is what counts
    #[arg(long, value_name = "PERCENT", value_parser = args::percent)]
    split: Option<f64>,
    /// End with 1 if the mean absolute error is more replicas than this
    #[arg(long, value_name = "REPLICAS", value_parser = args::replicas)]
    max_error: Option<f64>,
    /// Write backtest.json, backtest.png, report.html and report.md into this directory
    #[arg(short, long, value_name = "DIR")]
    output: Option<PathBuf>,
    /// Draw both in the terminal
    #[arg(long)]
    plot: bool,
    /// How to print
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    #[command(flatten)]
    world: WorldArgs,
}

/// Runs the command.
pub(super) fn run(args: &mut BacktestArgs, color: ColorChoice) -> anyhow::Result<Outcome> {
    output::check_plot(args.plot, args.format)?;
    let path = args.observed.clone().unwrap_or_default();
    args.world.take_load(&path);
    let (controller, manifests) = args.world.read()?;
    let events = OnceCell::new();
    let mut prepared = args.world.prepare(controller, &manifests, &events)?;
    let [target] = prepared.setup.targets.as_slice() else {
        anyhow::bail!("a backtest is of one HPA: choose it with --hpa NAME (and -n NAMESPACE)");
    };
    let (hpa, requests) = (target.hpa, requests(target, &controller));
    let epoch = prepared.loads[0].clock().map(|clock| clock.epoch_seconds());
    let Observation { seen: recorded, initial, .. } = Observation::read(&path, args.world.zone(), hpa, epoch)?;
    args.world.note_recorded_events(&path);
    let others = args.world.others(&args.also, hpa)?;
    if args.world.cluster.replicas.is_none() {
        prepared.setup.targets[0].initial_replicas = initial.round() as i32;
    }
    let phases = args.world.in_phases(&mut prepared)?.and_then(|mut phases| phases.pop());
    let Prepared { setup, mut loads, errors, .. } = prepared;
    crate::input::InputError::unless_empty(errors)?;
    let table = loads[0].table(setup.world.duration, Span::LONGEST)?.unwrap_or_default();
    let rows: Vec<(i64, Vec<f64>)> = table.rows().map(|(at, row)| (at.seconds(), row.to_vec())).collect();
    let mut kept = [Listener::new(hpa, initial)];
    let summaries = simulate_all(&setup, &mut [table.clone()], &mut kept).map_err(load::explain_error)?;
    let duration = summaries[0].duration;
    let all: Vec<Seen> = std::iter::once(recorded.clone()).chain(others).collect();
    let [kept] = kept;
    let predicted = kept.seen();
    let textbook = backtest::textbook(hpa, requests, table.columns(), &rows, initial);
    let result = Backtest {
        name: hpa.name.clone(),
        recording: path.display().to_string(),
        clock: loads[0].clock(),
        duration,
        parts: parts(args.split, duration, (&predicted, &textbook, &recorded), phases.as_ref()),
        changes: backtest::compared(&predicted, &recorded, (0, duration.seconds())),
        repeatability: backtest::repeatability(&predicted, &all, duration.seconds()),
        phases: phases.as_ref().map_or(1, |phases| phases.courses.len().max(1)),
        most: args.max_error,
        notes: loads[0].remarks(),
        recorded,
        predicted,
        textbook,
    };
    if result.parts.is_empty() {
        anyhow::bail!("{}: no replicas are recorded in the time of the load", path.display());
    }
    let written = match &args.output {
        Some(directory) => output::write_files(directory, files(&result)?)?,
        None => Vec::new(),
    };
    let forms = Forms {
        command: "backtest",
        plot: args.plot,
        document: &|| result.document(),
        json: &|| Ok(json::bytes(&result.json())?),
        checks: &|| result.checks(),
    };
    output::show(&forms, args.format, color)?;
    for path in written {
        output::complain("wrote", &path.display().to_string());
    }
    load::note_assumptions(&setup.targets[0]);
    Ok(if result.passes() { Outcome::Done } else { Outcome::CheckFailed })
}

fn files(result: &Backtest) -> anyhow::Result<Vec<(String, Vec<u8>)>> {
    let document = result.document();
    Ok(vec![
        ("backtest.json".to_owned(), json::bytes(&result.json())?),
        ("backtest.png".to_owned(), result.picture()?),
        ("report.html".to_owned(), html::render(&document).into_bytes()),
        ("report.md".to_owned(), markdown::render(&document).into_bytes()),
    ])
}

/// The whole time; where it is split, its parts.
fn parts(
    split: Option<f64>,
    duration: Span,
    (predicted, textbook, recorded): (&Seen, &Seen, &Seen),
    phases: Option<&PhaseRuns>,
) -> Vec<Part> {
    let end = duration.seconds();
    let spans = match split {
        None => vec![("all of it", 0, end)],
        Some(part) => {
            let middle = (end as f64 * part).round() as i64;
            vec![("the first part", 0, middle), ("the rest", middle, end)]
        }
    };
    let one = |(name, from, to): (&str, i64, i64)| {
        let errors = backtest::errors(predicted, recorded, (from, to))?;
        let each = phases.iter().flat_map(|phases| &phases.courses).filter_map(|course| {
            let replicas = course.steps.iter().map(|(at, pods)| (at.seconds(), f64::from(*pods))).collect();
            backtest::errors(&Seen { replicas, ..Seen::default() }, recorded, (from, to))
        });
        let over = each.fold((errors.replicas, errors.replicas), |(low, high), one| {
            (one.replicas.min(low), one.replicas.max(high))
        });
        Some(Part {
            name: name.to_owned(),
            from_seconds: from,
            to_seconds: to,
            predicted: errors,
            over_phases: over,
            textbook: backtest::errors(textbook, recorded, (from, to)),
        })
    };
    spans.into_iter().filter_map(one).collect()
}

/// What a pod requests: cores, and bytes.
fn requests(target: &Target<'_>, controller: &ControllerConfig) -> (f64, f64) {
    let of = |name: ResourceName| {
        target.workload.template.hpa_request(None, &name, controller.version).map_or(0.0, |milli| milli as f64 / 1e3)
    };
    (of(ResourceName::Cpu), of(ResourceName::Memory))
}
