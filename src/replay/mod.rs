//! Putting a document's claims to the test: a scenario is simulated in every reading of its load, and each
//! claim is checked against each timeline.

mod check;
mod cluster_check;
pub mod explain;
pub mod markdown;
pub mod text;

use crate::hpa::{Decision, History};
use crate::model::{Action, Claim, ClaimVerdict, Column, LoadReading, LoadSource, Phases, Scenario};
use crate::report::Run;
use crate::sim::{Setup, SimError, Summary, TimelineRow, simulate};
use crate::units::{Replicas, SimTime};

/// A scenario, simulated and checked.
#[derive(Clone, Debug)]
pub struct Replay<'a> {
    /// The scenario.
    pub scenario: &'a Scenario,
    /// A simulation for each reading of the load.
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
    /// The outcome in each reading.
    pub outcomes: Vec<Outcome>,
}

/// What a claim came to in one reading.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Whether it holds.
    pub holds: bool,
    /// What happens.
    pub instead: String,
    /// Why, in a line.
    pub why: String,
    /// What would make it hold; empty if it does, or if nothing is known.
    pub remedy: String,
}

impl Outcome {
    fn new(holds: bool, instead: String, why: String) -> Self {
        Self { holds, instead, why, remedy: String::new() }
    }
}

impl Finding<'_> {
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
            columns: &self.columns,
            summary: &self.summary,
            rows: &self.rows,
            title: Some(self.stem.clone()),
            epoch_seconds: None,
        }
    }

    /// `spec.replicas` just after an instant: what the HPA or somebody else made of it last.
    pub fn replicas_at(&self, at: SimTime) -> Replicas {
        let rescales = self.summary.rescales.iter().map(|event| (event.at, event.decision.desired));
        let by_hand = self.setup.events.iter().filter_map(|event| match event.action {
            Action::Scale(replicas) => Some((event.at, replicas)),
            _ => None,
        });
        // At the same instant the HPA comes after.
        let changes = by_hand.chain(rescales).filter(|(when, _)| *when <= at);
        changes.max_by_key(|(when, _)| *when).map_or(self.setup.initial_replicas, |(_, replicas)| replicas)
    }

    /// The last sync up to an instant.
    pub fn step_at(&self, at: SimTime) -> Option<&Step> {
        self.steps.iter().rev().find(|step| step.now <= at)
    }
}

/// Simulates a scenario and checks its claims.
pub fn replay(scenario: &Scenario) -> Result<Replay<'_>, SimError> {
    let runs = scenario.readings.iter().map(|load| run(scenario, load)).collect::<Result<Vec<_>, _>>()?;
    let findings = scenario.claims.iter().map(|claim| finding(scenario, claim, &runs)).collect();
    Ok(Replay { scenario, runs, findings })
}

fn run<'a>(scenario: &'a Scenario, load: &'a LoadReading) -> Result<ReadingRun<'a>, SimError> {
    let setup = Setup {
        hpa: &scenario.hpa,
        workload: &scenario.workload,
        controller: scenario.controller,
        cluster: scenario.cluster.clone(),
        nodes: scenario.nodes.clone(),
        phase: Phases::of(&scenario.cluster, &scenario.controller).nth(0),
        seed: scenario.seed,
        plan: load.plan.clone(),
        interpolation: scenario.interpolation,
        initial_replicas: scenario.replicas,
        lead_in: scenario.lead_in,
        duration: Some(scenario.duration),
        events: &scenario.events,
        neighbours: scenario.neighbours.clone(),
        keep_pod_numbers: true,
        every_second: false,
    };
    let mut table = load.table.clone();
    let (mut rows, mut steps) = (Vec::new(), Vec::new());
    let summary = simulate(&setup, &mut table, &mut |record| {
        rows.push(record.into());
        let (decision, history) = (record.decision.clone(), record.history.clone());
        steps.push(Step { now: record.now, decision, history });
    })?;
    Ok(ReadingRun { stem: stem(scenario, load), load, setup, columns: table.columns().to_vec(), summary, rows, steps })
}

/// The name of a run's files: the scenario's, with that of the reading if there are several.
pub fn stem(scenario: &Scenario, load: &LoadReading) -> String {
    if scenario.readings.len() == 1 {
        return scenario.name.clone();
    }
    format!("{}-{}", scenario.name, load.reading.name().replace(' ', "-"))
}

fn finding<'a>(scenario: &Scenario, claim: &'a Claim, runs: &[ReadingRun<'_>]) -> Finding<'a> {
    let outcomes: Vec<Outcome> = runs.iter().map(|run| check::outcome(scenario, run, &claim.check)).collect();
    let holding = outcomes.iter().filter(|outcome| outcome.holds).count();
    let verdict = match holding {
        0 => ClaimVerdict::Contradicted,
        all if all == outcomes.len() => ClaimVerdict::Confirmed,
        _ => ClaimVerdict::Depends,
    };
    Finding { claim, verdict, outcomes }
}
