//! `hpasim calibrate`: what a recording tells of a cluster's settings.

use std::cell::OnceCell;
use std::path::PathBuf;

use clap::Args;

use super::observation::Observation;
use super::output::{self, ColorChoice, Format, Forms};
use super::world::{Prepared, WorldArgs};
use super::{Outcome, args, load};
use crate::input::InputError;
use crate::input::recording::PodTimes;
use crate::model::{Container, LoadSource, PodTemplate, Probe, option_name};
use crate::report::calibrate::Calibration;
use crate::report::document::{html, markdown};
use crate::report::json;
use crate::study::calibrate::direct::{self, Estimate};
use crate::study::calibrate::setting::Setting;
use crate::study::calibrate::{Problem, fit};
use crate::units::Span;

/// Fit settings of the cluster to what was recorded
///
/// What a recording has of CPU, requests, memory and pods is read from it; the rest (start-up, the age of samples, patience, where syncs
/// and scrapes lie) is fitted by simulating the recorded load and comparing with the recorded replicas and utilization. Each setting
/// has an interval that it is in with 95%, or is said not to be identifiable from this recording, with what would tell it. Options that
/// are given are taken as known. The file that is written is for --cluster.
///
/// Exit codes: 0 done, 1 the error is over --max-error, 2 wrong usage or input.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  hpasim calibrate -f k8s/ --observed observed/ -o calibrated.yaml\n  hpasim backtest -f k8s/ --observed another/ --cluster calibrated.yaml"
)]
pub(super) struct CalibrateArgs {
    /// A folder of `hpasim import`, or a recording that has both load and replicas
    #[arg(long, value_name = "DIR|FILE", required = true, conflicts_with = "load")]
    observed: Option<PathBuf>,
    /// Fit this part of the time (50%) and say the error of the rest, which it has not seen [default: fit all; the error of the second
    /// half is that of a fit of the first]
    #[arg(long, value_name = "PERCENT", value_parser = args::percent)]
    split: Option<f64>,
    /// About how many times to simulate the recording [default: as often as some ten seconds allow, 1,800 to 36,000]
    #[arg(long, value_name = "N", value_parser = args::simulations)]
    simulations: Option<usize>,
    /// End with 1 if the mean absolute error is more replicas than this
    #[arg(long, value_name = "REPLICAS", value_parser = args::replicas)]
    max_error: Option<f64>,
    /// Write the settings into this file (YAML)
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Write calibrate.json, calibrated.png, report.html and report.md into this directory
    #[arg(long, value_name = "DIR")]
    report: Option<PathBuf>,
    /// Draw both in the terminal
    #[arg(long)]
    plot: bool,
    /// How to print
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    #[command(flatten)]
    world: WorldArgs,
}

/// Runs the command; `given` are the options that were.
pub(super) fn run(args: &mut CalibrateArgs, given: &[String], color: ColorChoice) -> anyhow::Result<Outcome> {
    output::check_plot(args.plot, args.format)?;
    let path = args.observed.clone().unwrap_or_default();
    args.world.take_load(&path);
    args.world.guess_cpu_per_request();
    let (controller, manifests) = args.world.read()?;
    let observation = args.world.observation(&path, &manifests)?;
    args.world.note_recorded_events(&path);
    // What pods used has that of idle pods in it, and goes with their number: requests say better what is asked for.
    let seed = args.world.cluster.seed;
    let cpu = direct::cpu(&observation.cpu, seed);
    let by_requests = cpu.is_ok() && args.world.prefer_requests();
    let is_of_use = !observation.cpu.is_empty() && (cpu.is_err() || by_requests);
    let cpu = is_of_use.then_some(cpu);
    let events = OnceCell::new();
    let prepared = args.world.prepare(controller, &manifests, &events)?;
    let Prepared { mut setup, mut loads, errors, .. } = prepared;
    InputError::unless_empty(errors)?;
    let [target] = setup.targets.as_mut_slice() else {
        anyhow::bail!("a calibration is of one HPA: choose it with --hpa NAME (and -n NAMESPACE)");
    };
    if args.world.cluster.replicas.is_none() {
        target.initial_replicas = observation.initial.round() as i32;
    }
    let is_given = |setting: &Setting| given.contains(&option_name(setting.name()));
    let stated: Vec<Setting> = STATED.into_iter().filter(is_given).collect();
    let (measured, unmeasured) = measured((&observation, cpu), &target.workload.template, seed, &stated);
    let table = loads[0].table(setup.world.duration, Span::LONGEST)?.unwrap_or_default();
    let duration = setup.world.duration.unwrap_or_else(|| table.length());
    let by_probes = args.world.events.is_empty() && setup.targets[0].workload.template.may_be_restarted_by_probes();
    let name = setup.targets[0].hpa.name.clone();
    let problem = Problem {
        setup,
        table,
        recorded: observation.samples,
        measured,
        stated,
        by_probes,
        end: duration.seconds(),
        split: args.split,
        simulations: args.simulations,
    };
    let result = Calibration {
        name,
        recording: path.display().to_string(),
        clock: loads[0].clock(),
        duration,
        recorded: observation.seen,
        fit: fit(&problem).map_err(load::explain_error)?,
        by_requests,
        unmeasured,
        most: args.max_error,
        notes: loads[0].remarks(),
    };
    let mut written = Vec::new();
    if let Some(file) = &args.output {
        output::write_file(file, result.yaml().into_bytes())?;
        written.push(file.clone());
    }
    if let Some(directory) = &args.report {
        written.extend(output::write_files(directory, files(&result)?)?);
    }
    let forms = Forms {
        command: "calibrate",
        plot: args.plot,
        document: &|| result.document(),
        json: &|| Ok(json::bytes(&result.json())?),
        checks: &|| result.checks(),
    };
    output::show(&forms, args.format, color)?;
    for path in written {
        output::complain("wrote", &path.display().to_string());
    }
    Ok(if result.passes() { Outcome::Done } else { Outcome::CheckFailed })
}

/// What an option may say.
const STATED: [Setting; 14] = [
    Setting::SyncOffset,
    Setting::MetricOffset,
    Setting::HousekeepingOffset,
    Setting::MetricResolution,
    Setting::ScrapeInterval,
    Setting::ProbeLatency,
    Setting::Startup,
    Setting::RecordedAge,
    Setting::CpuPerRequest,
    Setting::BackgroundCpu,
    Setting::QueueTimeout,
    Setting::MemoryBase,
    Setting::MemoryPerRps,
    Setting::MemoryGrowth,
];

fn files(result: &Calibration) -> anyhow::Result<Vec<(String, Vec<u8>)>> {
    let document = result.document();
    Ok(vec![
        ("calibrate.json".to_owned(), json::bytes(&result.json())?),
        ("calibrated.png".to_owned(), result.picture()?),
        ("report.html".to_owned(), html::render(&document).into_bytes()),
        ("report.md".to_owned(), markdown::render(&document).into_bytes()),
    ])
}

/// What is known of settings, and what is not: why.
type Measured = (Vec<Estimate>, Vec<(Setting, String)>);

/// What the recording tells without a simulation. What an option states is not looked for; what a simulation may tell is not
/// complained of.
fn measured(
    (observation, cpu): (&Observation, Option<Result<Vec<Estimate>, String>>),
    template: &PodTemplate,
    seed: u64,
    stated: &[Setting],
) -> Measured {
    let (mut known, mut unknown) = (Vec::new(), Vec::new());
    match cpu {
        Some(Ok(found)) => known.extend(found),
        Some(Err(why)) => unknown.extend([(Setting::CpuPerRequest, why.clone()), (Setting::BackgroundCpu, why)]),
        None => {}
    }
    match direct::memory(&observation.memory, seed) {
        Ok(found) => {
            if !found.iter().any(|one| one.setting == Setting::MemoryGrowth) {
                let why = "the number of pods never stayed for half an hour".to_owned();
                unknown.push((Setting::MemoryGrowth, why));
            }
            known.extend(found);
        }
        Err(why) if observation.memory.is_empty() => drop(why),
        Err(why) => unknown.push((Setting::MemoryBase, why)),
    }
    let seconds: Vec<i64> = observation.pods.iter().filter_map(took).collect();
    let probes = || template.running().filter_map(|container| container.readiness_probe.as_ref());
    let longest = |of: fn(&Probe) -> Span| probes().map(of).max().map_or(0, Span::seconds);
    let waits = (longest(|probe| probe.initial_delay), longest(|probe| probe.period));
    // Without a probe that waits for the application a pod is ready as soon as its containers run.
    let is_waited_for =
        |container: &Container| container.readiness_probe.is_some() || container.startup_probe.is_some();
    if let Ok(found) = direct::startup(&seconds, waits, seed)
        && template.containers.iter().any(is_waited_for)
    {
        known.push(found);
    }
    known.retain(|one| !stated.contains(&one.setting));
    unknown.retain(|(setting, _)| !stated.contains(setting));
    (known, unknown)
}

/// How long a pod took from the start of its containers, or its creation, until it was ready.
fn took(times: &PodTimes) -> Option<i64> {
    let [created, _, started, ready] = *times;
    Some(ready? - started.or(created)?)
}
