//! `hpasim schema`: JSON Schemas of what is read and of what is written.

use clap::{Args, ValueEnum};

use super::{Outcome, output};
use crate::input::scenario;
use crate::replay::json::Replayed;
use crate::report::backtest::BacktestResult;
use crate::report::calibrate::CalibrationResult;
use crate::report::compare::CompareResult;
use crate::report::json::explanation::Explanation;
use crate::report::json::findings::Findings;
use crate::report::json::schema;
use crate::report::json::simulation::{Simulation, Summary};
use crate::report::plan::Plan;
use crate::report::trace::DescribedLoad;
use crate::report::tune::TuningResult;

/// Print a JSON Schema: of scenario files, for editors, or of what a command prints with --format json
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  hpasim schema > scenario.schema.json\n  hpasim schema simulate")]
pub(super) struct SchemaArgs {
    /// Of what
    #[arg(value_enum, value_name = "KIND", default_value_t = Of::Scenario)]
    of: Of,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Of {
    /// Scenario files
    Scenario,
    /// What `simulate --format json` prints; also world.json
    Simulate,
    /// summary.json of an HPA
    Summary,
    /// What `plan --format json` prints; also plan.json
    Plan,
    /// What `replay --format json` prints
    Replay,
    /// What `explain --format json` prints
    Explain,
    /// What `lint --format json` prints
    Lint,
    /// What `backtest --format json` prints
    Backtest,
    /// What `calibrate --format json` prints
    Calibrate,
    /// What `compare --format json` prints
    Compare,
    /// What `tune --format json` prints
    Tune,
    /// What `import` and `trace describe` print with --format json
    Load,
}

/// Runs the command.
pub(super) fn run(args: &SchemaArgs) -> anyhow::Result<Outcome> {
    let schema = match args.of {
        Of::Scenario => scenario::schema(),
        Of::Simulate => schema::<Simulation>(),
        Of::Summary => schema::<Summary>(),
        Of::Plan => schema::<Plan>(),
        Of::Replay => schema::<Replayed>(),
        Of::Explain => schema::<Explanation<'_>>(),
        Of::Lint => schema::<Findings>(),
        Of::Backtest => schema::<BacktestResult<'_>>(),
        Of::Calibrate => schema::<CalibrationResult<'_>>(),
        Of::Compare => schema::<CompareResult>(),
        Of::Tune => schema::<TuningResult>(),
        Of::Load => schema::<DescribedLoad>(),
    };
    let text = serde_json::to_string_pretty(&schema)?;
    output::print(&(text + "\n")).map(|()| Outcome::Done)
}
