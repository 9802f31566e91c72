//! The command line: arguments, one file for each subcommand, exit codes.

mod args;
mod backtest;
mod calibrate;
mod calibrated;
mod cluster;
mod compare;
mod config;
mod conformance;
mod explain;
mod exported;
mod fail_on;
mod git;
mod happening;
mod import;
mod init;
mod lint;
mod load;
mod manifests;
mod observation;
mod output;
mod plan;
mod price;
mod progress;
mod prometheus;
mod recorded;
mod replay;
mod rows;
mod schema;
mod shell;
mod simulate;
mod trace;
mod tune;
mod world;

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::parser::ValueSource;
use clap::{ArgMatches, CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::input::InputError;

/// Simulates the Kubernetes HorizontalPodAutoscaler, exactly and offline: from the manifests that you
/// apply and a load trace to what the autoscaler does, second by second, and what that costs.
#[derive(Debug, Parser)]
#[command(
    name = "hpasim",
    version,
    max_term_width = 100,
    after_help = "Examples:\n  hpasim lint -f k8s/                                     # what will go wrong\n  \
                  hpasim simulate -f k8s/ --load workday.csv -o out/      # what the autoscaler does; open out/report.html\n  \
                  hpasim plan -f k8s/ --nodes nodes.yaml                  # what must be provided\n  \
                  hpasim init -f k8s/ && hpasim replay scenario.yaml      # a scenario of your own"
)]
struct Cli {
    /// When to use colour; auto is on a terminal, unless NO_COLOR is set
    #[arg(long, global = true, value_enum, default_value_t = output::ColorChoice::Auto, help_heading = "Global options")]
    color: output::ColorChoice,
    /// Options that are repeated (TOML): the long name of an option and its value, for all commands or in a table of a command's
    /// name [default: hpasim.toml, if it is there]
    #[arg(long, global = true, value_name = "FILE", env = "HPASIM_CONFIG", help_heading = "Global options")]
    config: Option<PathBuf>,
    /// Say nothing on standard error but warnings and errors
    #[arg(short, long, global = true, help_heading = "Global options")]
    quiet: bool,
    /// Say all that is passed over, and what is read
    #[arg(short, long, global = true, conflicts_with = "quiet", help_heading = "Global options")]
    verbose: bool,
    /// Read no configuration
    #[arg(long, global = true, conflicts_with = "config", help_heading = "Global options")]
    no_config: bool,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    Simulate(Box<simulate::SimulateArgs>),
    Plan(Box<plan::PlanArgs>),
    Lint(Box<lint::LintArgs>),
    Replay(replay::ReplayArgs),
    Explain(Box<explain::ExplainArgs>),
    Init(init::InitArgs),
    Import(Box<import::ImportArgs>),
    Schema(schema::SchemaArgs),
    Calibrate(Box<calibrate::CalibrateArgs>),
    Compare(Box<compare::CompareArgs>),
    Tune(Box<tune::TuneArgs>),
    Merge(tune::MergeArgs),
    Backtest(Box<backtest::BacktestArgs>),
    Conformance(conformance::ConformanceArgs),
    Trace(trace::TraceArgs),
    Completion(shell::CompletionArgs),
    Man(shell::ManArgs),
}

/// How a command ended, if not with an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    /// Everything is done.
    Done,
    /// A check did not hold.
    CheckFailed,
}

/// Parses the command line, runs the command and returns the exit code: 0 done, 1 a check failed,
/// 2 wrong usage or input.
pub fn main() -> ExitCode {
    let command = named(std::env::args_os().next().as_deref());
    let command = match config::applied(command).and_then(calibrated::applied) {
        Ok(command) => command,
        Err(error) => {
            report(&error);
            return ExitCode::from(2);
        }
    };
    let matches = command.get_matches();
    let Cli { command, color, quiet, verbose, .. } =
        Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    output::set_verbosity(quiet, verbose);
    if !quiet {
        progress::show();
    }
    let outcome = match command {
        None => output::print(&definition().render_help().to_string()).map(|()| Outcome::Done),
        Some(Command::Simulate(args)) => simulate::run(&args, color),
        Some(Command::Lint(args)) => lint::run(&args, color),
        Some(Command::Plan(args)) => plan::run(&args, color),
        Some(Command::Replay(args)) => replay::run(&args, color),
        Some(Command::Explain(args)) => explain::run(&args, &given(&matches), color),
        Some(Command::Init(args)) => init::run(&args),
        Some(Command::Import(args)) => import::run(&args, color),
        Some(Command::Schema(args)) => schema::run(&args),
        Some(Command::Calibrate(mut args)) => calibrate::run(&mut args, &given(&matches), color),
        Some(Command::Compare(mut args)) => compare::run(&mut args, color),
        Some(Command::Tune(mut args)) => tune::run(&mut args, color),
        Some(Command::Merge(args)) => tune::merge(&args, color),
        Some(Command::Backtest(mut args)) => backtest::run(&mut args, color),
        Some(Command::Conformance(args)) => conformance::run(&args),
        Some(Command::Trace(args)) => trace::run(&args, color),
        Some(Command::Completion(args)) => shell::complete(&args),
        Some(Command::Man(args)) => shell::man(&args),
    };
    match outcome {
        Ok(Outcome::Done) => ExitCode::SUCCESS,
        Ok(Outcome::CheckFailed) => ExitCode::from(1),
        Err(error) if output::is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            report(&error);
            ExitCode::from(2)
        }
    }
}

/// The command line; what an option of its own says is not said twice.
fn definition() -> clap::Command {
    let observed = |command: clap::Command| command.mut_arg("load", |load| load.hide(true));
    Cli::command().mut_subcommand("backtest", observed).mut_subcommand("calibrate", observed)
}

/// The command by the name that it was called by: kubectl finds it as a plugin.
fn named(called: Option<&OsStr>) -> clap::Command {
    let stem = called.map(Path::new).and_then(Path::file_stem);
    match stem.is_some_and(|stem| stem == "kubectl-hpasim") {
        true => definition().bin_name("kubectl hpasim"),
        false => definition(),
    }
}

/// The options that a subcommand was given, by their names.
fn given(matches: &ArgMatches) -> Vec<String> {
    let command = definition();
    let Some((name, matches)) = matches.subcommand() else { return Vec::new() };
    let known = command.find_subcommand(name).into_iter().flat_map(clap::Command::get_arguments);
    let is_given = |arg: &&clap::Arg| matches.value_source(arg.get_id().as_str()) == Some(ValueSource::CommandLine);
    known.filter(is_given).filter_map(|arg| arg.get_long().map(str::to_owned)).collect()
}

/// Every complaint about the input as an `error:` of its own; other errors with their causes.
fn report(error: &anyhow::Error) {
    match error.downcast_ref::<InputError>() {
        Some(input) => {
            let (shown, more) = input.shown();
            for diagnostic in shown {
                output::complain("error", &diagnostic.to_string());
            }
            if more > 0 {
                output::complain("error", &format!("and {more} more"));
            }
        }
        None => output::complain("error", &format!("{error:#}")),
    }
}

/// The command line's definition, for the reference in the tests.
pub fn command() -> clap::Command {
    definition()
}
