//! `hpasim explain`: every stage of a decision.

use std::cell::OnceCell;
use std::collections::BTreeSet;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::output::{ColorChoice, Format, Forms};
use super::replay::{named, note_assumptions, read_scenarios};
use super::world::{Prepared, WorldArgs};
use super::{Outcome, load, output};
use crate::input::InputError;
use crate::model::{HpaSpec, LoadSource, Reading, Scenario, Target};
use crate::replay::{Explained, ReadingRun, Step, StepKeeper, replay_to_explain};
use crate::report::document::{Block, Document, Section};
use crate::report::explain::{self, Remembered, Sync};
use crate::report::json::explanation::{ExplainedSync, Explanation, Origin};
use crate::report::json::{self, Each};
use crate::report::{changed, phases};
use crate::sim::{Setup, simulate_all};
use crate::units::{Clock, SimTime, Span, When};

/// Explain the decisions of an HPA, stage by stage
///
/// Of scenarios, or of manifests under a load (-f, --load) as `simulate` takes them: pods as the controller groups
/// them, sums, percentages and ratios, each metric's proposal, stabilization with the recommendations in its
/// window, each policy with what it allows, the bounds and the conditions.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  hpasim explain --scenario 2-high-load --at 45s\n  hpasim explain -f k8s/ --load workday.csv --changes\n  hpasim explain -f k8s/ --load workday.csv --at 9h1m --format json"
)]
pub(super) struct ExplainArgs {
    /// Scenario file or folder [default: the built-in scenarios]
    #[arg(value_name = "FILE|DIR", conflicts_with_all = ["filenames", "kustomize"])]
    path: Option<PathBuf>,
    /// Only the scenario of this name
    #[arg(long, value_name = "NAME", conflicts_with_all = ["filenames", "kustomize"])]
    scenario: Option<String>,
    /// Only the decision in force at this time [default: every one]
    #[arg(long, value_name = "TIME")]
    at: Option<When>,
    /// Only decisions that change the replica count
    #[arg(long, conflicts_with = "at")]
    changes: bool,
    /// Only this reading of a scenario's load
    #[arg(long, value_enum, conflicts_with_all = ["filenames", "kustomize"])]
    reading: Option<ReadingArg>,
    /// How to print
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    #[command(flatten)]
    world: WorldArgs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum ReadingArg {
    Held,
    Demand,
}

/// What can be said of a scenario, whose load and settings are its own.
const OF_SCENARIOS: [&str; 8] = ["scenario", "set", "cluster", "at", "changes", "reading", "format", "phases"];

/// Decisions of one HPA in one simulation.
struct Told<'a> {
    /// What they are of.
    heading: String,
    origin: Origin,
    setup: &'a Setup<'a>,
    index: usize,
    clock: Option<Clock>,
    steps: Vec<&'a Step>,
    remembered: &'a Remembered,
}

/// Runs the command.
pub(super) fn run(args: &ExplainArgs, given: &[String], color: ColorChoice) -> anyhow::Result<Outcome> {
    if matches!(args.format, Format::Junit | Format::Github) {
        anyhow::bail!("explain checks nothing: --format junit and github are for simulate, replay, plan and lint");
    }
    let sources = &args.world.manifests.sources;
    let is_of_scenarios = args.path.is_some() || args.scenario.is_some();
    if !is_of_scenarios && (!sources.filenames.is_empty() || !sources.kustomize.is_empty()) {
        return of_manifests(args, color);
    }
    if let Some(other) = given.iter().find(|option| !OF_SCENARIOS.contains(&option.as_str())) {
        anyhow::bail!("--{other} is for manifests (-f FILE); a scenario has settings of its own");
    }
    of_scenarios(args, color)
}

fn of_scenarios(args: &ExplainArgs, color: ColorChoice) -> anyhow::Result<Outcome> {
    let paths: Vec<PathBuf> = args.path.iter().cloned().collect();
    let names: Vec<String> = args.scenario.iter().cloned().collect();
    let scenarios =
        read_scenarios(&paths, &names, &args.world.manifests.sources.set.set, args.world.cluster.cluster.as_deref())?;
    let mut replays = Vec::new();
    for scenario in &scenarios {
        let replayed =
            replay_to_explain(scenario, args.world.cluster.asked_phases(), args.explained(clock_of(scenario))?);
        replays.push(replayed.map_err(|error| named(error, scenario))?);
    }
    let (mut told, mut notes) = (Vec::new(), BTreeSet::new());
    for replay in &replays {
        for run in replay.runs.iter().filter(|run| args.wants(run)) {
            let target = run.target();
            let hpa = if run.setup.targets.len() > 1 { format!(", {}", target.hpa.name) } else { String::new() };
            let (name, reading) = (&replay.scenario.name, run.load.reading.name());
            told.push(Told {
                heading: format!("{name}{hpa} ({reading}; {})", phases::describe(target.phase)),
                origin: Origin { scenario: Some(name.clone()), reading: Some(reading), timestamp: None },
                setup: &run.setup,
                index: run.index,
                clock: run.load.table.clock(),
                steps: args.chosen(&run.steps, run.load.table.clock(), run.summary.duration, &mut notes)?,
                remembered: &run.remembered,
            });
        }
    }
    show(args, &told, color)?;
    notes.iter().for_each(|note| output::complain("note", note));
    note_assumptions(&scenarios);
    Ok(Outcome::Done)
}

fn of_manifests(args: &ExplainArgs, color: ColorChoice) -> anyhow::Result<Outcome> {
    let (controller, manifests) = args.world.read()?;
    let events = OnceCell::new();
    let mut prepared = args.world.prepare(controller, &manifests, &events)?;
    args.world.in_phases(&mut prepared)?;
    let Prepared { setup, mut loads, errors, several, .. } = prepared;
    let clocks: Vec<Option<Clock>> = loads.iter().map(LoadSource::clock).collect();
    let mut keepers = Vec::new();
    for clock in &clocks {
        keepers.push(StepKeeper::new(args.explained(*clock)?));
    }
    let summaries = simulate_all(&setup, &mut loads, &mut keepers).map_err(load::explain_error)?;
    let (mut told, mut notes) = (Vec::new(), BTreeSet::new());
    for (index, (target, keeper)) in setup.targets.iter().zip(&keepers).enumerate() {
        let Target { hpa: HpaSpec { namespace, name, .. }, phase, .. } = target;
        let name = if several { format!("{namespace}/{name}") } else { name.clone() };
        told.push(Told {
            heading: format!("{name} ({})", phases::describe(*phase)),
            origin: Origin::default(),
            setup: &setup,
            index,
            clock: clocks[index],
            steps: args.chosen(keeper.steps(), clocks[index], summaries[index].duration, &mut notes)?,
            remembered: keeper.remembered(),
        });
    }
    show(args, &told, color)?;
    notes.iter().for_each(|note| output::complain("note", note));
    loads.iter().for_each(load::note_reading);
    setup.targets.iter().for_each(load::note_assumptions);
    load::warn_of_late_events(setup.world.events, summaries[0].duration);
    InputError::unless_empty(errors)?;
    Ok(Outcome::Done)
}

fn show(args: &ExplainArgs, told: &[Told<'_>], color: ColorChoice) -> anyhow::Result<()> {
    let all = || {
        told.iter().flat_map(|told| {
            told.steps.iter().map(|step| {
                let origin = Origin { timestamp: told.timestamp(step.now), ..told.origin.clone() };
                ExplainedSync::new(&told.sync(step), origin, told.setup.targets[told.index].phase)
            })
        })
    };
    let forms = Forms {
        command: "explain",
        plot: false,
        document: &|| document(told, &args.world.manifests.sources.set.texts()),
        json: &|| Ok(json::bytes(&Explanation::new(Each::of(all)))?),
        checks: &Vec::new,
    };
    output::show(&forms, args.format, color)
}

fn document(told: &[Told<'_>], overrides: &[String]) -> Document {
    let mut sections = Vec::new();
    for one in told {
        sections.push(Section { title: one.heading.clone(), blocks: Vec::new() });
        for step in &one.steps {
            let (mut title, lines) = explain::outline(&one.sync(step));
            title += &one.timestamp(step.now).map_or_else(String::new, |at| format!(" ({at})"));
            sections.push(Section { title, blocks: vec![Block::Outline(lines)] });
        }
    }
    Document {
        title: "Decisions, stage by stage".to_owned(),
        verdict: changed(overrides).into_iter().collect(),
        sections,
    }
}

impl Told<'_> {
    fn sync<'s>(&'s self, step: &'s Step) -> Sync<'s> {
        Sync {
            hpa: self.setup.hpa_at(self.index, step.now),
            controller: &self.setup.world.controller,
            now: step.now,
            decision: &step.decision,
            history: self.remembered.after(step.now),
        }
    }

    fn timestamp(&self, at: SimTime) -> Option<String> {
        self.clock?.rfc3339(at)
    }
}

/// The instant that a scenario begins at, if it is known.
fn clock_of(scenario: &Scenario) -> Option<Clock> {
    scenario.readings().iter().find_map(|reading| reading.table.clock())
}

impl ExplainArgs {
    fn explained(&self, clock: Option<Clock>) -> anyhow::Result<Explained> {
        Ok(match self.at {
            Some(at) => Explained::LastUpTo(load::instant(at, clock, "--at", &mut BTreeSet::new())?),
            None if self.changes => Explained::Changes,
            None => Explained::All,
        })
    }

    fn wants(&self, run: &ReadingRun<'_>) -> bool {
        match self.reading {
            None => true,
            Some(ReadingArg::Held) => run.load.reading == Reading::Held,
            Some(ReadingArg::Demand) => run.load.reading == Reading::Demand,
        }
    }

    /// The steps that are asked for.
    fn chosen<'a>(
        &self,
        steps: &'a [Step],
        clock: Option<Clock>,
        duration: Span,
        notes: &mut BTreeSet<String>,
    ) -> anyhow::Result<Vec<&'a Step>> {
        let Some(at) = self.at else {
            return Ok(steps.iter().filter(|step| !self.changes || step.decision.rescaled).collect());
        };
        let until = load::instant(at, clock, "--at", notes)?;
        if until.since_start() > duration {
            anyhow::bail!("--at {at} is after the end, {duration}");
        }
        Ok(steps.iter().rev().find(|step| step.now <= until).into_iter().collect())
    }
}
