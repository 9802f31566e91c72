//! `hpasim conformance`: replays recorded decisions of the real controller.

use std::fmt::Write;
use std::path::PathBuf;

use clap::Args;

use super::{Outcome, output};
use crate::conformance::{Mismatch, replay};
use crate::input::conformance::{Case, read};
use crate::report::{arithmetic, reasons};

/// Replay recorded decisions of the real controller and compare every one
///
/// Each line of a file is a case: settings, an HPA, and syncs with what the controller saw and decided.
/// Replicas, conditions, the rescale reason and the current metrics must all agree.
///
/// Exit codes: 0 all agree, 1 some differ, 2 a file cannot be read.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  hpasim conformance hpa-v1.37.jsonl.gz")]
pub(super) struct ConformanceArgs {
    /// Recorded decisions (.jsonl or .jsonl.gz)
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
}

/// Runs the command.
pub(super) fn run(args: &ConformanceArgs) -> anyhow::Result<Outcome> {
    let mut any = false;
    for file in &args.files {
        let (mut cases, mut decisions, mut differing) = (0, 0, 0);
        let mut text = String::new();
        read(file, |case| {
            cases += 1;
            decisions += case.steps.len();
            for mismatch in replay(&case) {
                differing += 1;
                describe(&case, &mismatch, &mut text);
            }
        })?;
        let _ = writeln!(
            text,
            "{}: {decisions} decisions compared in {cases} cases, {} agree, {differing} differ",
            file.display(),
            decisions - differing
        );
        output::print(&text)?;
        any |= differing > 0;
    }
    Ok(if any { Outcome::CheckFailed } else { Outcome::Done })
}

/// A mismatch: the step, what was expected, and the stages of our decision.
fn describe(case: &Case, mismatch: &Mismatch, text: &mut String) {
    let step = &case.steps[mismatch.step];
    let _ = writeln!(
        text,
        "{}: {}: step {} (t = {}s, Kubernetes {})",
        case.location,
        case.name,
        mismatch.step,
        step.now.seconds(),
        case.config.version
    );
    for (what, want, got) in &mismatch.differences {
        let _ = writeln!(text, "  {what}: recorded {want}, ours {got}");
    }
    let decision = &mismatch.decision;
    let _ = writeln!(text, "  ours: current {}, desired {}", decision.current, decision.desired);
    for (source, outcome) in case.spec.metrics.iter().zip(&decision.metrics) {
        let what = match &outcome.result {
            Ok(proposal) => arithmetic::proposal_formula(source, proposal, outcome.pods),
            Err(failure) => format!("no proposal: {}", reasons::failure(*failure)),
        };
        let _ = writeln!(text, "    {}: {what}", source.label());
    }
    if let (Some(proposed), Some(stage)) = (decision.proposed, decision.stabilization) {
        let _ = writeln!(
            text,
            "    proposed {proposed}, stabilized {} ({} recommendations within {})",
            stage.replicas, stage.recommendations, stage.window
        );
    }
    if let Some(stage) = decision.rate_limit {
        let limit = stage.limit.map_or_else(|| "none".into(), |limit| limit.to_string());
        let _ = writeln!(text, "    rate limit {limit}, {}", stage.reason.name());
    }
}
