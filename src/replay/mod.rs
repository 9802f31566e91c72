//! Putting a document's claims to the test: a scenario is simulated in every reading of its load and in every phase of
//! what knows nothing of each other, and each claim is checked against each timeline.

mod check;
mod cluster_check;
mod document;
pub mod json;
mod outcome;

pub use document::{Drawn, checks, document};
pub use outcome::{Outcome, OverPhases, share};

use std::sync::Arc;

use crate::hpa::Decision;
use crate::model::{
    Action, Check, Claim, ClaimVerdict, Column, HpaSpec, LoadReading, LoadSource, LoadTable, Phase, Phases, Scenario,
    ScenarioTarget, Target,
};
use crate::report::Run;
use crate::report::explain::Remembered;
use crate::sim::{Listen, Setup, SimError, Summary, SyncRecord, TimelineRow, World, simulate_all};
use crate::study::every;
use crate::study::phases::{Steps, total_steps, typical};
use crate::study::sample::Sample;
use crate::units::{Replicas, SimTime};

/// So many syncs are simulated for the phases of a reading, by default: all phases of a scenario of three quarters of an
/// hour.
const MOST_SYNCS: u64 = 400_000;
/// No fewer phases than this, unless one alone takes all of that.
const FEWEST_PHASES: u64 = 10;
/// No more phases of several targets than this: all that there are together are too many.
const MOST_OF_SEVERAL: u64 = 100;

/// A scenario, simulated and checked.
#[derive(Clone, Debug)]
pub struct Replay<'a> {
    /// The scenario.
    pub scenario: &'a Scenario,
    /// The phases that it was simulated in; of several targets those of the first, the others have as many.
    pub sample: Sample,
    /// The typical simulation of each reading of the load, and there of each target.
    pub runs: Vec<ReadingRun<'a>>,
    /// A finding for each claim.
    pub findings: Vec<Finding<'a>>,
}

/// A simulation of one reading.
#[derive(Clone, Debug)]
pub struct ReadingRun<'a> {
    /// The name of its files, without ending.
    pub stem: String,
    /// The reading.
    pub load: &'a LoadReading,
    /// What was changed from outside.
    pub overrides: &'a [String],
    /// What was simulated.
    pub setup: Arc<Setup<'a>>,
    /// Which of the targets this is about.
    pub index: usize,
    /// The load's columns.
    pub columns: Vec<Column>,
    /// The numbers.
    pub summary: Summary,
    /// Sync by sync.
    pub rows: Vec<TimelineRow>,
    /// Every decision.
    pub steps: Vec<Step>,
    /// What the controller remembered after those that are explained.
    pub remembered: Remembered,
}

/// One sync, whole.
#[derive(Clone, Debug)]
pub struct Step {
    /// When.
    pub now: SimTime,
    /// What was decided.
    pub decision: Decision,
}

/// What a claim came to.
#[derive(Clone, Debug)]
pub struct Finding<'a> {
    /// The claim.
    pub claim: &'a Claim,
    /// The verdict.
    pub verdict: ClaimVerdict,
    /// What it came to in each reading.
    pub readings: Vec<OverPhases>,
}

impl<'a> Finding<'a> {
    /// A verdict holds only if it holds in every reading and phase.
    fn new(claim: &'a Claim, readings: Vec<OverPhases>) -> Self {
        let holding: usize = readings.iter().map(OverPhases::holding).sum();
        let verdict = match holding {
            0 => ClaimVerdict::Contradicted,
            all if all == readings.iter().map(|over| over.outcomes.len()).sum::<usize>() => ClaimVerdict::Confirmed,
            _ => ClaimVerdict::Depends,
        };
        Self { claim, verdict, readings }
    }

    /// Whether the verdict is the one on record.
    pub fn as_expected(&self) -> bool {
        self.verdict == self.claim.expected
    }
}

impl ReadingRun<'_> {
    /// The run as reports take it.
    pub fn run(&self) -> Run<'_> {
        Run {
            setup: &self.setup,
            index: self.index,
            columns: &self.columns,
            summary: &self.summary,
            title: Some(self.stem.clone()),
            phases: None,
            remembered: &self.remembered,
            overrides: self.overrides,
            clock: self.load.table.clock(),
        }
    }

    /// What is scaled.
    pub fn target(&self) -> &Target<'_> {
        &self.setup.targets[self.index]
    }

    /// The HPA at an instant: events may change it.
    pub fn hpa_at(&self, at: SimTime) -> &HpaSpec {
        self.setup.hpa_at(self.index, at)
    }

    /// The last sync up to an instant.
    pub fn step_at(&self, at: SimTime) -> Option<&Step> {
        self.steps.iter().rev().find(|step| step.now <= at)
    }

    /// `spec.replicas` just after an instant: what the HPA or somebody else made of it last.
    pub fn replicas_at(&self, at: SimTime) -> Replicas {
        let rescales = self.summary.rescales.iter().map(|event| (event.at, event.decision.desired));
        let events = self.setup.world.events.iter().filter(|event| event.target == self.index);
        let by_hand = events.filter_map(|event| match event.action {
            Action::Scale(replicas) => Some((event.at, replicas)),
            _ => None,
        });
        // At the same instant the HPA comes after.
        let changes = by_hand.chain(rescales).filter(|(when, _)| *when <= at);
        changes.max_by_key(|(when, _)| *when).map_or(self.target().initial_replicas, |(_, replicas)| replicas)
    }
}

/// The decisions that are explained: those whose history is kept, which takes more room than all else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Explained {
    /// None.
    Nothing,
    /// The last one up to an instant.
    LastUpTo(SimTime),
    /// Those that change the replica count.
    Changes,
    /// All.
    All,
}

/// Simulates a scenario in so many phases, by default as many as a budget of syncs allows, and checks its claims.
pub fn replay(scenario: &Scenario, phases: Option<usize>) -> Result<Replay<'_>, SimError> {
    replay_to_explain(scenario, phases, Explained::Nothing)
}

/// The same, with what it takes to explain decisions.
pub fn replay_to_explain(
    scenario: &Scenario,
    phases: Option<usize>,
    explained: Explained,
) -> Result<Replay<'_>, SimError> {
    let samples = samples(scenario, phases);
    let count = samples.iter().map(|sample| sample.phases.len()).max().unwrap_or(1);
    let (mut runs, mut readings) = (Vec::new(), Vec::new());
    for reading in 0..scenario.readings().len() {
        let at = |index: usize| samples.iter().map(|sample| sample.phase(index)).collect::<Vec<Phase>>();
        let mut checked = every(count, |index| checked(scenario, reading, &at(index)))?;
        let figures: Vec<Vec<f64>> = checked.iter().map(Checked::figures).collect();
        let steps: Vec<Steps> = checked.iter_mut().map(|checked| std::mem::take(&mut checked.steps)).collect();
        let shown = typical(&steps, scenario.duration, &figures);
        let typical = run(scenario, reading, &at(shown), Some(explained))?;
        checked[shown].outcomes = outcomes(scenario, &typical, true);
        runs.extend(typical);
        readings.push((checked, shown));
    }
    let over = |index: usize| {
        let of = |(checked, shown): &(Vec<Checked>, usize)| OverPhases {
            outcomes: checked.iter().map(|checked| checked.outcomes[index].clone()).collect(),
            shown: *shown,
        };
        readings.iter().map(of).collect()
    };
    let claims = scenario.claims.iter().enumerate();
    let findings = claims.map(|(index, claim)| Finding::new(claim, over(index))).collect();
    let sample = samples.into_iter().next().unwrap_or_default();
    Ok(Replay { scenario, sample, runs, findings })
}

/// The phases of each target. Of several all that there are together are too many: never more than a sample of each.
fn samples(scenario: &Scenario, phases: Option<usize>) -> Vec<Sample> {
    let seconds = (scenario.duration + scenario.lead_in).seconds().unsigned_abs();
    let targets = scenario.targets.len() as u64;
    let syncs = (seconds / scenario.controller.sync_period.seconds().unsigned_abs().max(1)).max(1) * targets;
    let fewest = if syncs <= MOST_SYNCS { FEWEST_PHASES } else { 1 };
    let most = if targets > 1 { MOST_OF_SEVERAL } else { u64::MAX };
    let affordable = usize::try_from((MOST_SYNCS / syncs).max(fewest).min(most)).unwrap_or(usize::MAX);
    let sample = |(stream, target): (usize, &ScenarioTarget)| {
        let all = Phases::of(&target.cluster, &scenario.controller);
        Sample::of(&all, phases.unwrap_or(affordable), scenario.seed, stream)
    };
    scenario.targets.iter().enumerate().map(sample).collect()
}

/// The claims in one phase, and the replicas over time.
struct Checked {
    outcomes: Vec<Outcome>,
    steps: Steps,
}

impl Checked {
    /// What makes it like another besides its replicas: what the claims come to.
    fn figures(&self) -> Vec<f64> {
        self.outcomes.iter().map(|outcome| f64::from(u8::from(outcome.holds))).collect()
    }
}

fn checked(scenario: &Scenario, reading: usize, phases: &[Phase]) -> Result<Checked, SimError> {
    let runs = run(scenario, reading, phases, None)?;
    let outcomes = outcomes(scenario, &runs, false);
    let steps = |run: &ReadingRun<'_>| {
        let changes = run.summary.rescales.iter().map(|event| (event.at, event.decision.desired));
        std::iter::once((SimTime::ZERO, run.target().initial_replicas)).chain(changes).collect::<Steps>()
    };
    Ok(Checked { outcomes, steps: total_steps(&runs.iter().map(steps).collect::<Vec<_>>()) })
}

fn outcomes(scenario: &Scenario, runs: &[ReadingRun<'_>], explain: bool) -> Vec<Outcome> {
    scenario.claims.iter().map(|claim| check::outcome(scenario, runs, claim, explain)).collect()
}

/// What is simulated in a reading.
fn setup<'a>(scenario: &'a Scenario, reading: usize, phases: &[Phase]) -> Setup<'a> {
    let target = |(target, phase): (&'a ScenarioTarget, &Phase)| Target {
        hpa: &target.hpa,
        workload: &target.workload,
        cluster: target.cluster.clone(),
        phase: *phase,
        drives: target.reading(reading).drives.clone(),
        interpolation: target.interpolation,
        initial_replicas: target.replicas,
        neighbours: target.neighbours.clone(),
        callers: target.callers.clone(),
    };
    let world = World {
        controller: scenario.controller,
        nodes: scenario.nodes.clone(),
        quotas: scenario.quotas.clone(),
        seed: scenario.seed,
        lead_in: scenario.lead_in,
        duration: Some(scenario.duration),
        events: &scenario.events,
        keep_pod_numbers: true,
        every_second: false,
        export: None,
    };
    Setup { world, targets: scenario.targets.iter().zip(phases).map(target).collect() }
}

/// Simulates a reading in a phase of each target. For a `report` all rows and decisions are kept, with the history of those
/// that are explained; without it only what the claims look at.
fn run<'a>(
    scenario: &'a Scenario,
    reading: usize,
    phases: &[Phase],
    report: Option<Explained>,
) -> Result<Vec<ReadingRun<'a>>, SimError> {
    let setup = Arc::new(setup(scenario, reading, phases));
    // What no claim looks at is not kept: copying it takes longer than the simulation.
    let needs = |target: usize, check: fn(&Check) -> bool| {
        report.is_some() || scenario.claims.iter().any(|claim| claim.target == target && check(&claim.check))
    };
    let mut runs: Vec<Keeper<'a>> = Vec::new();
    let mut tables: Vec<LoadTable> = Vec::new();
    for (index, target) in scenario.targets.iter().enumerate() {
        let load = target.reading(reading);
        let (summary, rows, steps, remembered) = (Summary::default(), Vec::new(), Vec::new(), Remembered::default());
        let (stem, columns) = (stem(scenario, load, index), load.table.columns().to_vec());
        let overrides = scenario.overrides.as_slice();
        runs.push(Keeper {
            run: ReadingRun {
                stem,
                load,
                overrides,
                setup: Arc::clone(&setup),
                index,
                columns,
                summary,
                rows,
                steps,
                remembered,
            },
            needs_rows: needs(index, |check| matches!(check, Check::GetHpa { .. })),
            needs_steps: needs(index, looks_at_decisions),
            steps: StepKeeper::new(report.unwrap_or(Explained::Nothing)),
        });
        tables.push(load.table.clone());
    }
    let summaries = simulate_all(&setup, &mut tables, &mut runs)?;
    let with = |(keeper, summary): (Keeper<'a>, Summary)| {
        let StepKeeper { steps, remembered, .. } = keeper.steps;
        ReadingRun { summary, steps, remembered, ..keeper.run }
    };
    Ok(runs.into_iter().zip(summaries).map(with).collect())
}

/// A run and what is kept of it.
struct Keeper<'a> {
    run: ReadingRun<'a>,
    needs_rows: bool,
    needs_steps: bool,
    steps: StepKeeper,
}

/// Keeps every decision, and the history of those that are to be explained.
#[derive(Clone, Debug)]
pub struct StepKeeper {
    explained: Explained,
    steps: Vec<Step>,
    remembered: Remembered,
}

impl StepKeeper {
    /// With nothing yet.
    pub fn new(explained: Explained) -> Self {
        Self { explained, steps: Vec::new(), remembered: Remembered::default() }
    }

    /// What was decided, in the order of time.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// What was remembered after those that are to be explained.
    pub fn remembered(&self) -> &Remembered {
        &self.remembered
    }
}

impl Listen for StepKeeper {
    fn listens(&self) -> bool {
        true
    }

    fn hear(&mut self, record: &SyncRecord<'_>) {
        let is_explained = match self.explained {
            Explained::Nothing => false,
            Explained::LastUpTo(at) => record.now <= at,
            Explained::Changes => record.decision.rescaled,
            Explained::All => true,
        };
        if is_explained {
            if matches!(self.explained, Explained::LastUpTo(_)) {
                self.remembered.clear();
            }
            self.remembered.push(record.now, record.history);
        }
        self.steps.push(Step { now: record.now, decision: record.decision.clone() });
    }
}

impl Listen for Keeper<'_> {
    fn listens(&self) -> bool {
        self.needs_rows || self.needs_steps
    }

    fn hear(&mut self, record: &SyncRecord<'_>) {
        if self.needs_rows {
            self.run.rows.push(record.into());
        }
        if self.needs_steps {
            self.steps.hear(record);
        }
    }
}

/// Whether a claim is tested by decisions that change nothing, too.
fn looks_at_decisions(check: &Check) -> bool {
    match check {
        Check::LimitedBy { .. } | Check::Reason { .. } | Check::Condition { .. } | Check::Triggers { .. } => true,
        Check::Stays { .. }
        | Check::ReplicasAt { .. }
        | Check::Scales { .. }
        | Check::FirstChange { .. }
        | Check::Reaches { .. }
        | Check::AtMost { .. }
        | Check::EveryStepUp { .. }
        | Check::Total { .. }
        | Check::GetHpa { .. }
        | Check::GetPods { .. }
        | Check::ReadyAtLeast { .. }
        | Check::ReadyAtMost { .. }
        | Check::PodsAtMost { .. }
        | Check::NothingLost
        | Check::RolloutCompletes { .. }
        | Check::SlowAtMost { .. }
        | Check::RestartsAtMost { .. }
        | Check::RestartsAtLeast { .. }
        | Check::UnschedulableAtMost { .. }
        | Check::NodesAtMost { .. } => false,
    }
}

/// The name of a run's files: the scenario's, with that of the reading and of the HPA if there are several.
pub fn stem(scenario: &Scenario, load: &LoadReading, target: usize) -> String {
    let mut stem = scenario.name.clone();
    if scenario.readings().len() > 1 {
        stem += &format!("-{}", load.reading.name().replace(' ', "-"));
    }
    if scenario.targets.len() > 1 {
        let hpa = &scenario.targets[target].hpa;
        if scenario.targets.iter().filter(|other| other.hpa.name == hpa.name).count() > 1 {
            stem += &format!("-{}", hpa.namespace);
        }
        stem += &format!("-{}", hpa.name);
    }
    stem
}
