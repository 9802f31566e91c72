//! Putting a document's claims to the test: a scenario is simulated in every reading of its load and in every phase of
//! what knows nothing of each other, and each claim is checked against each timeline.

mod check;
mod cluster_check;
pub mod explain;
pub mod markdown;
mod outcome;
pub mod text;

pub use outcome::{Outcome, OverPhases, share};

use crate::hpa::{Decision, History};
use crate::model::{
    Action, Check, Claim, ClaimVerdict, Column, HpaSpec, LoadReading, LoadSource, LoadTable, Phase, Phases, Scenario,
    Target,
};
use crate::report::Run;
use crate::sim::{Setup, SimError, Summary, TimelineRow, World, simulate_one};
use crate::study::every;
use crate::study::phases::{Sample, Steps, typical};
use crate::units::{Replicas, SimTime};

/// So many syncs are simulated for the phases of a reading, by default: all phases of a scenario of three quarters of an
/// hour.
const MOST_SYNCS: u64 = 400_000;
/// No fewer phases than this, unless one alone takes all of that.
const FEWEST_PHASES: u64 = 10;

/// A scenario, simulated and checked.
#[derive(Clone, Debug)]
pub struct Replay<'a> {
    /// The scenario.
    pub scenario: &'a Scenario,
    /// The phases that it was simulated in.
    pub sample: Sample,
    /// The typical simulation of each reading of the load.
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
    /// What was simulated.
    pub setup: Setup<'a>,
    /// The load's columns.
    pub columns: Vec<Column>,
    /// The numbers.
    pub summary: Summary,
    /// Sync by sync.
    pub rows: Vec<TimelineRow>,
    /// Every decision.
    pub steps: Vec<Step>,
}

/// One sync, whole.
#[derive(Clone, Debug)]
pub struct Step {
    /// When.
    pub now: SimTime,
    /// What was decided.
    pub decision: Decision,
    /// What the controller remembered afterwards.
    pub history: History,
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
            index: 0,
            columns: &self.columns,
            summary: &self.summary,
            rows: &self.rows,
            title: Some(self.stem.clone()),
            phases: None,
            epoch_seconds: None,
        }
    }

    /// What is scaled.
    pub fn target(&self) -> &Target<'_> {
        &self.setup.targets[0]
    }

    /// The HPA at an instant: events may change it.
    pub fn hpa_at(&self, at: SimTime) -> &HpaSpec {
        self.setup.hpa_at(0, at)
    }

    /// `spec.replicas` just after an instant: what the HPA or somebody else made of it last.
    pub fn replicas_at(&self, at: SimTime) -> Replicas {
        let rescales = self.summary.rescales.iter().map(|event| (event.at, event.decision.desired));
        let by_hand = self.setup.world.events.iter().filter_map(|event| match event.action {
            Action::Scale(replicas) => Some((event.at, replicas)),
            _ => None,
        });
        // At the same instant the HPA comes after.
        let changes = by_hand.chain(rescales).filter(|(when, _)| *when <= at);
        changes.max_by_key(|(when, _)| *when).map_or(self.target().initial_replicas, |(_, replicas)| replicas)
    }

    /// The last sync up to an instant.
    pub fn step_at(&self, at: SimTime) -> Option<&Step> {
        self.steps.iter().rev().find(|step| step.now <= at)
    }
}

/// Simulates a scenario in so many phases, by default as many as a budget of syncs allows, and checks its claims.
pub fn replay(scenario: &Scenario, phases: Option<usize>) -> Result<Replay<'_>, SimError> {
    let sample = sample(scenario, phases);
    let (mut runs, mut readings) = (Vec::new(), Vec::new());
    for load in &scenario.readings {
        let mut checked = every(sample.phases.len(), |index| checked(scenario, load, sample.phases[index]))?;
        let figures: Vec<Vec<f64>> = checked.iter().map(Checked::figures).collect();
        let steps: Vec<Steps> = checked.iter_mut().map(|checked| std::mem::take(&mut checked.steps)).collect();
        let shown = typical(&steps, scenario.duration, &figures);
        let typical = run(scenario, load, sample.phases[shown], true)?;
        checked[shown].outcomes = outcomes(scenario, &typical, true);
        runs.push(typical);
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
    Ok(Replay { scenario, sample, runs, findings })
}

fn sample(scenario: &Scenario, phases: Option<usize>) -> Sample {
    let all = Phases::of(&scenario.cluster, &scenario.controller);
    let seconds = (scenario.duration + scenario.lead_in).seconds().unsigned_abs();
    let syncs = (seconds / scenario.controller.sync_period.seconds().unsigned_abs().max(1)).max(1);
    let fewest = if syncs <= MOST_SYNCS { FEWEST_PHASES } else { 1 };
    let affordable = usize::try_from((MOST_SYNCS / syncs).max(fewest)).unwrap_or(usize::MAX);
    Sample::of(&all, phases.unwrap_or(affordable), scenario.seed, 0)
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

fn checked(scenario: &Scenario, load: &LoadReading, phase: Phase) -> Result<Checked, SimError> {
    let run = run(scenario, load, phase, false)?;
    let outcomes = outcomes(scenario, &run, false);
    let changes = run.summary.rescales.iter().map(|event| (event.at, event.decision.desired));
    let steps = std::iter::once((SimTime::ZERO, scenario.replicas)).chain(changes).collect();
    Ok(Checked { outcomes, steps })
}

fn outcomes(scenario: &Scenario, run: &ReadingRun<'_>, explain: bool) -> Vec<Outcome> {
    scenario.claims.iter().map(|claim| check::outcome(scenario, run, &claim.check, explain)).collect()
}

/// Simulates a reading in a phase; what only reports need is kept if it is asked for.
fn run<'a>(
    scenario: &'a Scenario,
    load: &'a LoadReading,
    phase: Phase,
    keep_all: bool,
) -> Result<ReadingRun<'a>, SimError> {
    let target = Target {
        hpa: &scenario.hpa,
        workload: &scenario.workload,
        cluster: scenario.cluster.clone(),
        phase,
        plan: load.plan.clone(),
        interpolation: scenario.interpolation,
        initial_replicas: scenario.replicas,
        neighbours: scenario.neighbours.clone(),
        callers: Vec::new(),
    };
    let world = World {
        controller: scenario.controller,
        nodes: scenario.nodes.clone(),
        seed: scenario.seed,
        lead_in: scenario.lead_in,
        duration: Some(scenario.duration),
        events: &scenario.events,
        keep_pod_numbers: true,
        every_second: false,
    };
    let setup = Setup { world, targets: vec![target] };
    let mut table: LoadTable = load.table.clone();
    let (mut rows, mut steps) = (Vec::new(), Vec::new());
    // What no claim looks at is not kept: copying it takes longer than the simulation.
    let needs = |check: fn(&Check) -> bool| keep_all || scenario.claims.iter().any(|claim| check(&claim.check));
    let needs_rows = needs(|check| matches!(check, Check::GetHpa { .. }));
    let needs_steps = needs(looks_at_decisions);
    let summary = simulate_one(&setup, 0, &mut table, &mut |record| {
        if needs_rows {
            rows.push(record.into());
        }
        if needs_steps {
            let history = if keep_all { record.history.clone() } else { History::default() };
            steps.push(Step { now: record.now, decision: record.decision.clone(), history });
        }
    })?;
    Ok(ReadingRun { stem: stem(scenario, load), load, setup, columns: table.columns().to_vec(), summary, rows, steps })
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
        | Check::NodesAtMost { .. } => false,
    }
}

/// The name of a run's files: the scenario's, with that of the reading if there are several.
pub fn stem(scenario: &Scenario, load: &LoadReading) -> String {
    if scenario.readings.len() == 1 {
        return scenario.name.clone();
    }
    format!("{}-{}", scenario.name, load.reading.name().replace(' ', "-"))
}
