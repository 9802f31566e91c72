//! One report of all scenarios in Markdown, fit to be attached to a review.

use std::fmt::Write;

use super::Replay;
use super::text::{
    DECISION_HEADERS, HAPPENING_HEADERS, decisions, happenings, instead, load_line, phases_line, said, together,
    verdict_cell, why,
};
use crate::model::ClaimVerdict;
use crate::report::markdown::{row, text as escape};

/// The report.
pub fn report(replays: &[Replay<'_>]) -> String {
    let mut text = String::from("# What the documents promise, put to the test\n\n");
    text += &verdict_table(replays);
    for replay in replays {
        section(replay, &mut text);
    }
    text
}

fn verdict_table(replays: &[Replay<'_>]) -> String {
    let count = |wanted: ClaimVerdict| {
        replays.iter().flat_map(|replay| &replay.findings).filter(|finding| finding.verdict == wanted).count()
    };
    let mut text = format!(
        "{} confirmed, {} contradicted, {} depend. {}\n\n",
        count(ClaimVerdict::Confirmed),
        count(ClaimVerdict::Contradicted),
        count(ClaimVerdict::Depends),
        escape(&phases_line(replays))
    );
    let headers = ["scenario", "claim", "verdict", "what happens", "why"];
    let rows = replays.iter().flat_map(|replay| {
        replay.findings.iter().map(move |finding| {
            let verdict = format!("**{}**", verdict_cell(replay, finding));
            vec![
                format!("[{0}](#{0})", replay.scenario.name),
                escape(&said(replay, finding)),
                verdict,
                escape(&instead(replay, finding)),
                escape(&why(replay, finding)),
            ]
        })
    });
    text += &table(&headers, rows);
    text
}

fn section(replay: &Replay<'_>, text: &mut String) {
    let scenario = replay.scenario;
    let _ = write!(text, "\n## {}\n\n{}.", scenario.name, escape(&scenario.title));
    if let Some(source) = &scenario.source {
        let _ = write!(text, " Source: {}.", escape(source));
    }
    for target in &scenario.targets {
        let _ = write!(
            text,
            " HPA {} on {}, {} to {} pods, {} at the start",
            escape(&target.hpa.name),
            escape(&target.hpa.target.to_string()),
            target.hpa.min_replicas,
            target.hpa.max_replicas,
            target.replicas
        );
        text.push_str(if scenario.targets.len() > 1 { "." } else { "," });
    }
    let _ = writeln!(text, " Kubernetes {}.", scenario.controller.version);
    for finding in &replay.findings {
        let section = finding.claim.section.as_ref().map_or_else(String::new, |s| format!(" ({})", escape(s)));
        let _ =
            write!(text, "\n- \"{}\"{section}: **{}**.", escape(&finding.claim.says), verdict_cell(replay, finding));
        if let Some(note) = &finding.claim.note {
            let _ = write!(text, " {}", escape(note));
        }
    }
    text.push('\n');
    if scenario.targets.len() > 1 {
        let _ = write!(text, "\n```text\n{}```\n", together(replay));
    }
    for run in &replay.runs {
        let _ = write!(text, "\n{}\n\n", escape(&load_line(replay, run)));
        let headers = DECISION_HEADERS.map(str::to_lowercase);
        text.push_str(&table(&headers.each_ref().map(String::as_str), escaped(decisions(run))));
        let told = happenings(run);
        if !told.is_empty() {
            text.push('\n');
            text.push_str(&table(
                &HAPPENING_HEADERS.map(str::to_lowercase).each_ref().map(String::as_str),
                escaped(told),
            ));
        }
        let stem = &run.stem;
        let _ = write!(
            text,
            "\n![Replicas, metrics and capacity of {stem}]({stem}.png)\n\nEvery sync: [{stem}.csv]({stem}.csv)\n"
        );
    }
}

fn escaped(rows: impl IntoIterator<Item = Vec<String>>) -> impl Iterator<Item = Vec<String>> {
    rows.into_iter().map(|row| row.iter().map(|cell| escape(cell)).collect())
}

/// A table of cells that are Markdown.
fn table(headers: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let line = |cells: &[String]| row(cells);
    let names: Vec<String> = headers.iter().map(|header| (*header).to_owned()).collect();
    let mut text = line(&names);
    text += &format!("|{}\n", "---|".repeat(headers.len()));
    for row in rows {
        text += &line(&row);
    }
    text
}
