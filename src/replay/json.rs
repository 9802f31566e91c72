//! Verdicts for programs.

use schemars::JsonSchema;
use serde::Serialize;

use super::document::{instead, said, why};
use super::{Finding, OverPhases, Replay};
use crate::model::ClaimVerdict;
use crate::report::json::Kind;
use crate::report::json::simulation::Summary;

/// Scenarios that were replayed, and what became of their claims.
#[derive(Serialize, JsonSchema)]
pub struct Replayed {
    claims: Counts,
    scenarios: Vec<Scenario>,
}

impl Kind for Replayed {
    const KIND: &'static str = "Replay";
}

/// Claims by their verdict.
#[derive(Serialize, JsonSchema)]
struct Counts {
    confirmed: usize,
    contradicted: usize,
    depends: usize,
    /// Those with another verdict than the one on record.
    unexpected: usize,
}

#[derive(Serialize, JsonSchema)]
struct Scenario {
    name: String,
    title: String,
    /// Where what it is about is written.
    source: Option<String>,
    phases: Phases,
    claims: Vec<Claim>,
    /// The typical phase of each reading of the load, of each target.
    runs: Vec<Run>,
}

#[derive(Serialize, JsonSchema)]
struct Phases {
    simulated: usize,
    /// How many there are.
    possible: u64,
    /// What the sample was drawn with.
    seed: u64,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Claim {
    says: String,
    /// Where in the document.
    section: Option<String>,
    /// file:line:column of the scenario.
    place: Option<String>,
    /// confirmed, contradicted or depends.
    verdict: &'static str,
    /// The verdict on record.
    expected: &'static str,
    as_expected: bool,
    happens: String,
    why: String,
    note: Option<String>,
    /// In how many phases it holds, for each reading of the load.
    holds: Vec<Holding>,
}

#[derive(Serialize, JsonSchema)]
struct Holding {
    /// held, demand or as given.
    reading: &'static str,
    phases: usize,
    of: usize,
}

#[derive(Serialize, JsonSchema)]
struct Run {
    /// held, demand or as given.
    reading: &'static str,
    /// The name of its files, without ending.
    stem: String,
    summary: Summary,
}

impl Replayed {
    /// Of all that was replayed.
    pub fn new(replays: &[Replay<'_>]) -> Self {
        let findings: Vec<&Finding<'_>> = replays.iter().flat_map(|replay| &replay.findings).collect();
        let count = |verdict: ClaimVerdict| findings.iter().filter(|finding| finding.verdict == verdict).count();
        let claims = Counts {
            confirmed: count(ClaimVerdict::Confirmed),
            contradicted: count(ClaimVerdict::Contradicted),
            depends: count(ClaimVerdict::Depends),
            unexpected: findings.iter().filter(|finding| !finding.as_expected()).count(),
        };
        Self { claims, scenarios: replays.iter().map(scenario).collect() }
    }
}

fn scenario(replay: &Replay<'_>) -> Scenario {
    let run = |run: &super::ReadingRun<'_>| Run {
        reading: run.load.reading.name(),
        stem: run.stem.clone(),
        summary: Summary::new(&run.run()),
    };
    Scenario {
        name: replay.scenario.name.clone(),
        title: replay.scenario.title.clone(),
        source: replay.scenario.source.clone(),
        phases: Phases { simulated: replay.sample.phases.len(), possible: replay.sample.of, seed: replay.sample.seed },
        claims: replay.findings.iter().map(|finding| claim(replay, finding)).collect(),
        runs: replay.runs.iter().map(run).collect(),
    }
}

fn claim(replay: &Replay<'_>, finding: &Finding<'_>) -> Claim {
    let readings = replay.scenario.readings().iter();
    let holds = |(reading, over): (&crate::model::LoadReading, &OverPhases)| Holding {
        reading: reading.reading.name(),
        phases: over.holding(),
        of: over.outcomes.len(),
    };
    Claim {
        says: said(replay, finding),
        section: finding.claim.section.clone(),
        place: finding.claim.location.as_ref().map(ToString::to_string),
        verdict: finding.verdict.name(),
        expected: finding.claim.expected.name(),
        as_expected: finding.as_expected(),
        happens: instead(replay, finding),
        why: why(replay, finding),
        note: finding.claim.note.clone(),
        holds: readings.zip(&finding.readings).map(holds).collect(),
    }
}
