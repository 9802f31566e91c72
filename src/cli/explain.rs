//! `hpasim explain`: every stage of a decision.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde::Serializer;

use super::args::phases_parser;
use super::replay::{named, note_assumptions, read_scenarios};
use super::{Outcome, output};
use crate::model::Scenario;
use crate::replay::{Explained, ReadingRun, Step, explain, replay_to_explain};
use crate::report::phases;
use crate::units::{SimTime, Span};

/// Explain the decisions of a scenario, stage by stage
///
/// Pods as the controller groups them, sums, percentages and ratios, each metric's proposal, stabilization with
/// the recommendations in its window, each policy with what it allows, the bounds and the conditions.
#[derive(Debug, Args)]
pub(super) struct ExplainArgs {
    /// Scenario file or folder [default: the built-in scenarios]
    #[arg(value_name = "FILE|DIR")]
    path: Option<PathBuf>,
    /// Only the scenario of this name
    #[arg(long, value_name = "NAME")]
    scenario: Option<String>,
    /// Only the decision in force at this time [default: every one]
    #[arg(long, value_name = "TIME")]
    at: Option<Span>,
    /// Only this reading of the load
    #[arg(long, value_enum)]
    reading: Option<ReadingArg>,
    /// Of how many phases a typical one is explained, as in replay [default: that of replay]
    #[arg(long, value_name = "N", value_parser = phases_parser())]
    phases: Option<u64>,
    /// How to print
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum ReadingArg {
    Held,
    Demand,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    Json,
}

/// Runs the command.
pub(super) fn run(args: &ExplainArgs) -> anyhow::Result<Outcome> {
    let paths: Vec<PathBuf> = args.path.iter().cloned().collect();
    let names: Vec<String> = args.scenario.iter().cloned().collect();
    let scenarios = read_scenarios(&paths, &names)?;
    let explained = args.at.map_or(Explained::All, |at| Explained::LastUpTo(SimTime::ZERO + at));
    let mut replays = Vec::new();
    for scenario in &scenarios {
        let replayed = replay_to_explain(scenario, args.phases.map(|count| count as usize), explained);
        replays.push(replayed.map_err(|error| named(error, scenario))?);
    }
    let mut chosen = Vec::new();
    for replay in &replays {
        for run in replay.runs.iter().filter(|run| args.wants(run)) {
            chosen.push((replay.scenario, run, steps(args, run)?));
        }
    }
    let text = match args.format {
        Format::Text => chosen.iter().map(|(scenario, run, steps)| in_words(scenario, run, steps)).collect(),
        Format::Json => as_json(&chosen)?,
    };
    output::print(&text)?;
    note_assumptions(&scenarios);
    Ok(Outcome::Done)
}

impl ExplainArgs {
    fn wants(&self, run: &ReadingRun<'_>) -> bool {
        match self.reading {
            None => true,
            Some(ReadingArg::Held) => run.load.reading == crate::model::Reading::Held,
            Some(ReadingArg::Demand) => run.load.reading == crate::model::Reading::Demand,
        }
    }
}

fn in_words(scenario: &Scenario, run: &ReadingRun<'_>, steps: &[&Step]) -> String {
    let phase = phases::describe(run.target().phase);
    let hpa = if scenario.targets.len() > 1 { format!(", {}", run.target().hpa.name) } else { String::new() };
    let mut text = format!("{}{hpa} ({}; {phase})\n\n", scenario.name, run.load.reading.name());
    for step in steps {
        text.push_str(&explain::text(run, step));
        text.push('\n');
    }
    text
}

/// A list of all; only one at a time is in memory but as text.
fn as_json(chosen: &[(&Scenario, &ReadingRun<'_>, Vec<&Step>)]) -> anyhow::Result<String> {
    let all = chosen.iter().flat_map(|(scenario, run, steps)| steps.iter().map(move |step| (scenario, run, step)));
    let values = all.map(|(scenario, run, step)| {
        let mut json = explain::json(run, step);
        json["scenario"] = scenario.name.clone().into();
        json["hpa"] = format!("{}/{}", run.target().hpa.namespace, run.target().hpa.name).into();
        json["phase"] = phases::shown(run.target().phase);
        json
    });
    let mut bytes = Vec::new();
    serde_json::Serializer::pretty(&mut bytes).collect_seq(values)?;
    bytes.push(b'\n');
    Ok(String::from_utf8(bytes)?)
}

fn steps<'a>(args: &ExplainArgs, run: &'a ReadingRun<'_>) -> anyhow::Result<Vec<&'a Step>> {
    let Some(at) = args.at else { return Ok(run.steps.iter().collect()) };
    let end = run.summary.duration;
    if at > end {
        anyhow::bail!("--at {at} is after the end of the scenario, {end}");
    }
    Ok(run.step_at(SimTime::ZERO + at).into_iter().collect())
}
