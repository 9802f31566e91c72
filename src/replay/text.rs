//! The verdicts and the decisions behind them, for a terminal of 100 columns.

use std::fmt::Write;

use super::{Finding, OverPhases, ReadingRun, Replay};
use crate::model::{ClaimVerdict, Reading, escaped_lines};
use crate::report::{Run, arithmetic, cluster, kubectl, phases, table, world};

const WIDTH: u16 = 100;

/// How the words of a verdict are made to stand out.
pub type Paint = fn(ClaimVerdict, &str) -> String;

/// What is printed: the table of verdicts, then each scenario with its decisions.
pub fn render(replays: &[Replay<'_>], paint: Paint) -> String {
    // Names are data: what is not our own colour must not act on the terminal.
    let mut text = colored(&escaped_lines(&verdicts(replays)), paint);
    for replay in replays {
        text += &escaped_lines(&scenario(replay));
    }
    text + &closing(replays)
}

/// Scenario, claim, verdict, what happens instead, why.
fn verdicts(replays: &[Replay<'_>]) -> String {
    let rows = replays.iter().flat_map(|replay| {
        replay.findings.iter().enumerate().map(|(index, finding)| {
            vec![
                // The name stands once.
                if index == 0 { replay.scenario.name.clone() } else { String::new() },
                said(replay, finding),
                verdict_cell(replay, finding),
                instead(replay, finding),
                why(replay, finding),
            ]
        })
    });
    table::wrapped(&["SCENARIO", "CLAIM", "VERDICT", "WHAT HAPPENS", "WHY"], rows, WIDTH)
}

/// A claim in its words, with the HPA that it is about where there are several.
pub(super) fn said(replay: &Replay<'_>, finding: &Finding<'_>) -> String {
    let says = &finding.claim.says;
    let targets = &replay.scenario.targets;
    if targets.len() == 1 { says.clone() } else { format!("{says} ({})", targets[finding.claim.target].hpa.name) }
}

/// The verdict, with the shares that it depends on; and the one on record if it differs.
pub(super) fn verdict_cell(replay: &Replay<'_>, finding: &Finding<'_>) -> String {
    let mut text = finding.verdict.name().to_owned();
    if let (ClaimVerdict::Depends, Some(shares)) = (finding.verdict, shares(replay, finding)) {
        text += &format!(": {shares}");
    }
    if !finding.as_expected() {
        text += &format!(" (expected {})", finding.claim.expected.name());
    }
    text
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
fn scenario(replay: &Replay<'_>) -> String {
    let scenario = replay.scenario;
    let mut text =
        format!("\n{}\n", textwrap::fill(&format!("{}: {}", scenario.name, scenario.title), usize::from(WIDTH)));
    for finding in &replay.findings {
        if let Some(note) = &finding.claim.note {
            let options = textwrap::Options::new(WIDTH.into()).initial_indent("  ").subsequent_indent("  ");
            let _ = writeln!(text, "{}", textwrap::fill(&format!("\"{}\": {note}", finding.claim.says), options));
        }
    }
    if scenario.targets.len() > 1 {
        text.push('\n');
        text += &together(replay);
        return text;
    }
    for run in &replay.runs {
        let _ = writeln!(text, "\n{}", textwrap::fill(&load_line(replay, run), usize::from(WIDTH)));
        text += &table::wrapped(&DECISION_HEADERS, decisions(run), WIDTH);
        let told = happenings(run);
        if !told.is_empty() {
            text.push('\n');
            text += &table::wrapped(&HAPPENING_HEADERS, told, WIDTH);
        }
    }
    text
}

/// Several targets: a row for each and what they come to together; their decisions are in the files.
pub(super) fn together(replay: &Replay<'_>) -> String {
    let runs: Vec<Run<'_>> = replay.runs.iter().map(ReadingRun::run).collect();
    world::render(&runs)
}

pub(super) const HAPPENING_HEADERS: [&str; 2] = ["WHEN", "PODS, REQUESTS AND NODES"];

/// What happened besides scaling, and what came of it.
pub(super) fn happenings(run: &ReadingRun<'_>) -> Vec<Vec<String>> {
    let run = run.run();
    let figures =
        cluster::figures(&run).into_iter().map(|f| vec!["in all".to_owned(), format!("{}: {}", f.name, f.value)]);
    cluster::history(&run).into_iter().map(|(at, what)| vec![at, what]).chain(figures).collect()
}

/// What the load is, and in which phase it is shown.
pub(super) fn load_line(replay: &Replay<'_>, run: &ReadingRun<'_>) -> String {
    let reading = match run.load.reading {
        Reading::Held => "Utilization held, whatever the number of pods",
        Reading::Demand => "Utilization as demand: shared by the pods, so that it falls when there are more",
        Reading::AsGiven => "The load as given",
    };
    let phase = phases::describe(run.target().phase);
    let typical = if replay.sample.phases.len() > 1 { ", a typical phase" } else { "" };
    format!("{reading} ({}; {phase}{typical}):", run.summary.duration)
}

pub(super) const DECISION_HEADERS: [&str; 6] = ["TIME", "TARGETS", "READY", "REPLICAS", "CALCULATION", "LIMITED BY"];

/// With more rows than this, those that change nothing are left out.
const MOST_DECISIONS: usize = 60;

/// The decisions, leaving out those that say the same as the one before.
pub(super) fn decisions(run: &ReadingRun<'_>) -> Vec<Vec<String>> {
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

/// The words of the verdicts, painted where they stand in the table's column.
fn colored(text: &str, paint: Paint) -> String {
    let mut painted = text.to_owned();
    for verdict in [ClaimVerdict::Confirmed, ClaimVerdict::Contradicted, ClaimVerdict::Depends] {
        let cell = format!("  {}", verdict.name());
        for after in [' ', ':'] {
            let word = paint(verdict, verdict.name());
            painted = painted.replace(&format!("{cell}{after}"), &format!("  {word}{after}"));
        }
    }
    painted
}

/// How many claims came out how, and whether that is what is on record.
fn closing(replays: &[Replay<'_>]) -> String {
    let findings: Vec<&Finding<'_>> = replays.iter().flat_map(|replay| &replay.findings).collect();
    let count = |verdict: ClaimVerdict| findings.iter().filter(|finding| finding.verdict == verdict).count();
    let unexpected = findings.iter().filter(|finding| !finding.as_expected()).count();
    let record = match unexpected {
        0 => "all as on record".to_owned(),
        1 => "1 NOT as on record".to_owned(),
        many => format!("{many} NOT as on record"),
    };
    format!(
        "\n{} claims: {} confirmed, {} contradicted, {} depend; {record}\n{}\n",
        findings.len(),
        count(ClaimVerdict::Confirmed),
        count(ClaimVerdict::Contradicted),
        count(ClaimVerdict::Depends),
        textwrap::fill(&phases_line(replays), usize::from(WIDTH))
    )
}

/// In which phases the verdicts hold.
pub(super) fn phases_line(replays: &[Replay<'_>]) -> String {
    let mut samples: Vec<String> = replays.iter().map(|replay| replay.sample.describe()).collect();
    samples.sort();
    samples.dedup();
    format!(
        "A verdict holds in every reading of the load, and in {} of when the HPA syncs after the load begins, \
         metrics-server scrapes and the kubelets sample; otherwise it depends.",
        samples.join(", or ")
    )
}
