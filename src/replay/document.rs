//! What replayed scenarios say: the verdicts, and the decisions behind them.

use super::{Finding, OverPhases, ReadingRun, Replay};
use crate::model::{ClaimVerdict, Reading, Scenario};
use crate::report::checks::{Check, Level};
use crate::report::document::{Block, Claim, Column, Document, Picture, Section, Table};
use crate::report::plot::Curves;
use crate::report::{Run, arithmetic, cluster, kubectl, phases, plot, world};

/// What is drawn of each run of a replay.
pub type Drawn = Vec<Curves>;

/// The verdicts, then each scenario with its decisions; with what is drawn of each replay, where that is kept.
pub fn document(replays: &[Replay<'_>], drawn: Option<&[Drawn]>) -> Document {
    let claims: Vec<Claim> =
        replays.iter().flat_map(|replay| replay.findings.iter().map(move |finding| claim(replay, finding))).collect();
    let scenarios = replays.iter().enumerate().map(|(index, one)| scenario(one, drawn.map(|all| &all[index])));
    let verdicts = Section { title: "Verdicts".to_owned(), blocks: vec![Block::Claims("happens", claims)] };
    Document {
        title: "What the documents promise, put to the test".to_owned(),
        verdict: closing(replays).into_iter().chain(replays.first().and_then(changes)).collect(),
        sections: std::iter::once(verdicts).chain(scenarios).collect(),
    }
}

/// What was changed from outside, in all of them.
fn changes(replay: &Replay<'_>) -> Option<String> {
    crate::report::changed(&replay.scenario.overrides)
}

/// Whether each verdict is the one on record.
pub fn checks(replays: &[Replay<'_>]) -> Vec<Check> {
    let check = |replay: &Replay<'_>, finding: &Finding<'_>| {
        let words = [qualified(replay, finding), instead(replay, finding), why(replay, finding)];
        let words = words.into_iter().filter(|words| !words.is_empty()).collect::<Vec<_>>().join("; ");
        Check {
            suite: replay.scenario.name.clone(),
            name: said(replay, finding),
            location: finding.claim.location.clone(),
            found: format!("{}: {words}", finding.verdict.name()),
            level: if finding.as_expected() { Level::Passed } else { Level::Error },
        }
    };
    replays.iter().flat_map(|replay| replay.findings.iter().map(move |finding| check(replay, finding))).collect()
}

fn claim(replay: &Replay<'_>, finding: &Finding<'_>) -> Claim {
    Claim {
        scenario: Some(replay.scenario.name.clone()),
        says: said(replay, finding),
        section: finding.claim.section.clone(),
        verdict: finding.verdict,
        qualified: qualified(replay, finding),
        found: instead(replay, finding),
        why: why(replay, finding),
        note: finding.claim.note.clone(),
    }
}

/// A claim in its words, with the HPA that it is about where there are several.
pub(super) fn said(replay: &Replay<'_>, finding: &Finding<'_>) -> String {
    let says = &finding.claim.says;
    let targets = &replay.scenario.targets;
    if targets.len() == 1 { says.clone() } else { format!("{says} ({})", targets[finding.claim.target].hpa.name) }
}

/// The shares that a verdict depends on, and the one on record if it differs.
fn qualified(replay: &Replay<'_>, finding: &Finding<'_>) -> String {
    let shares = shares(replay, finding).filter(|_| finding.verdict == ClaimVerdict::Depends);
    let name = finding.claim.expected.name();
    let expected = (!finding.as_expected()).then(|| format!("expected {name}, but it is {}", finding.verdict.name()));
    shares.into_iter().chain(expected).collect::<Vec<_>>().join("; ")
}

/// In how many phases a claim holds: `held 1.1%, demand 100%`. None where there is one phase.
fn shares(replay: &Replay<'_>, finding: &Finding<'_>) -> Option<String> {
    let of = replay.sample.phases.len();
    if of == 1 {
        return None;
    }
    let holding: Vec<usize> = finding.readings.iter().map(OverPhases::holding).collect();
    if let [first, rest @ ..] = holding.as_slice()
        && rest.iter().all(|other| other == first)
    {
        return Some(format!("holds in {} of {of}", first));
    }
    let named = replay.runs.iter().zip(&holding);
    let told: Vec<String> =
        named.map(|(run, count)| format!("{} in {count} of {of}", run.load.reading.name())).collect();
    Some(told.join(", "))
}

/// What happens, in each reading where they differ, over the phases.
pub(super) fn instead(replay: &Replay<'_>, finding: &Finding<'_>) -> String {
    by_reading(replay, finding, OverPhases::instead)
}

/// Why, and what would make the claim true: in the runs that are shown.
pub(super) fn why(replay: &Replay<'_>, finding: &Finding<'_>) -> String {
    let why = by_reading(replay, finding, |over| over.shown().why.clone());
    let remedy = finding.readings.iter().map(|over| over.shown().remedy.as_str()).find(|text| !text.is_empty());
    let parts = [Some(why.as_str()), remedy];
    parts.into_iter().flatten().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("; ")
}

fn by_reading(replay: &Replay<'_>, finding: &Finding<'_>, of: impl Fn(&OverPhases) -> String) -> String {
    let texts: Vec<String> = finding.readings.iter().map(of).collect();
    match texts.as_slice() {
        [] => String::new(),
        [first, rest @ ..] if rest.iter().all(|other| other == first) => first.clone(),
        all => {
            let named = replay.runs.iter().zip(all).filter(|(_, text)| !text.is_empty());
            named.map(|(run, text)| format!("{}: {text}", run.load.reading.name())).collect::<Vec<_>>().join("; ")
        }
    }
}

/// A scenario: what it is, and the decisions in each reading.
fn scenario(replay: &Replay<'_>, drawn: Option<&Drawn>) -> Section {
    let scenario = replay.scenario;
    let mut blocks = vec![Block::Text(about(scenario))];
    if scenario.targets.len() > 1 {
        let runs: Vec<Run<'_>> = replay.runs.iter().map(ReadingRun::run).collect();
        // The decisions are in the files.
        blocks.extend(world::blocks(&runs));
    }
    for (index, run) in replay.runs.iter().enumerate() {
        let stem = &run.stem;
        if scenario.targets.len() == 1 {
            blocks.push(Block::Text(load_line(replay, run)));
            blocks.push(Block::Table(Table::new(decision_columns(), decisions(run))));
            let told = happenings(run);
            if !told.is_empty() {
                let columns = vec![Column::text("WHEN"), Column::text("PODS, REQUESTS AND NODES")];
                blocks.push(Block::Table(Table::new(columns, told)));
            }
        }
        let shows = format!("Replicas, metrics and capacity of {stem}");
        let chart = drawn.map(|curves| plot::chart(&run.run(), &curves[index]));
        blocks.push(Block::Picture(Picture { file: format!("{stem}.png"), shows, chart }));
        blocks.push(Block::File(format!("{stem}.csv"), "Every sync".to_owned()));
    }
    Section { title: scenario.name.clone(), blocks }
}

/// What is simulated, and where that is written.
fn about(scenario: &Scenario) -> String {
    let mut text = format!("{}.", scenario.title.trim_end_matches('.'));
    if let Some(source) = &scenario.source {
        text += &format!(" Source: {source}.");
    }
    // Of several there is a table.
    if let [target] = scenario.targets.as_slice() {
        let hpa = &target.hpa;
        let (least, most, at_first) = (hpa.min_replicas, hpa.max_replicas, target.replicas);
        text += &format!(" HPA {} on {}: {least} to {most} pods, {at_first} at the start.", hpa.name, hpa.target);
    }
    text + &format!(" Kubernetes {}.", scenario.controller.version)
}

/// What happened besides scaling, and what came of it.
fn happenings(run: &ReadingRun<'_>) -> Vec<Vec<String>> {
    let run = run.run();
    let figures =
        cluster::figures(&run).into_iter().map(|f| vec!["in all".to_owned(), format!("{}: {}", f.name, f.value)]);
    cluster::history(&run).into_iter().map(|(at, what)| vec![at, what]).chain(figures).collect()
}

/// What the load is, and in which phase it is shown.
fn load_line(replay: &Replay<'_>, run: &ReadingRun<'_>) -> String {
    let reading = match run.load.reading {
        Reading::Held => "Utilization held, whatever the number of pods",
        Reading::Demand => "Utilization as demand: shared by the pods, so that it falls when there are more",
        Reading::AsGiven => "The load as given",
    };
    let phase = phases::describe(run.target().phase);
    let typical = if replay.sample.phases.len() > 1 { ", a typical phase" } else { "" };
    format!("{reading} ({}; {phase}{typical}):", run.summary.duration)
}

fn decision_columns() -> Vec<Column> {
    vec![
        Column::text("TIME"),
        Column::text("TARGETS"),
        Column::number("READY"),
        Column::text("REPLICAS"),
        Column::text("CALCULATION"),
        Column::text("LIMITED BY").folds(3),
    ]
}

/// With more rows than this, those that change nothing are left out.
const MOST_DECISIONS: usize = 60;

/// The decisions, leaving out those that say the same as the one before.
fn decisions(run: &ReadingRun<'_>) -> Vec<Vec<String>> {
    let mut rows: Vec<Vec<String>> = Vec::new();
    for (row, step) in run.rows.iter().zip(&run.steps) {
        let hpa = run.hpa_at(row.now);
        let decision = &step.decision;
        let replicas = if decision.rescaled {
            format!("{} -> {}", decision.current, decision.desired)
        } else {
            decision.desired.to_string()
        };
        let limits = arithmetic::limits(hpa, decision);
        let told = vec![
            row.now.to_string(),
            kubectl::targets(hpa, &row.metrics),
            row.pods.ready.to_string(),
            replicas,
            arithmetic::formula(hpa, decision),
            if limits.is_empty() { "-".to_owned() } else { limits },
        ];
        if rows.last().is_none_or(|last| last[1..] != told[1..]) {
            rows.push(told);
        }
    }
    if rows.len() > MOST_DECISIONS {
        // A long scenario: the changes only. The CSV file has every sync.
        rows.dedup_by(|later, earlier| later[3] == earlier[3]);
    }
    rows
}

/// How many claims came out how, and whether that is what is on record.
fn closing(replays: &[Replay<'_>]) -> Vec<String> {
    let findings: Vec<&Finding<'_>> = replays.iter().flat_map(|replay| &replay.findings).collect();
    let count = |verdict: ClaimVerdict| findings.iter().filter(|finding| finding.verdict == verdict).count();
    let unexpected = findings.iter().filter(|finding| !finding.as_expected()).count();
    let record = match unexpected {
        0 => "all as on record".to_owned(),
        1 => "1 NOT as on record".to_owned(),
        many => format!("{many} NOT as on record"),
    };
    let counts = format!(
        "{} claims: {} confirmed, {} contradicted, {} depend; {record}",
        findings.len(),
        count(ClaimVerdict::Confirmed),
        count(ClaimVerdict::Contradicted),
        count(ClaimVerdict::Depends),
    );
    vec![counts, phases_line(replays)]
}

/// In which phases the verdicts hold.
fn phases_line(replays: &[Replay<'_>]) -> String {
    let mut samples: Vec<String> = replays.iter().map(|replay| replay.sample.describe()).collect();
    samples.sort();
    samples.dedup();
    format!(
        "A verdict holds in every reading of the load, and in {} of when the HPA syncs after the load begins, \
         metrics-server scrapes and the kubelets sample; otherwise it depends.",
        samples.join(", or ")
    )
}
