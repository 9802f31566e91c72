//! `hpasim trace`: synthetic load traces.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use jiff::Timestamp;

use super::args::positive_span;
use super::{Outcome, output};
use crate::input::load::pattern::{PATTERNS, parse_column};
use crate::input::load::synthetic::Synthetic;
use crate::model::{Column, LoadSource};
use crate::report::amounts::decimal;
use crate::units::Span;

/// Make load traces
#[derive(Debug, Args)]
pub(super) struct TraceArgs {
    #[command(subcommand)]
    command: TraceCommand,
}

#[derive(Debug, Subcommand)]
enum TraceCommand {
    Generate(GenerateArgs),
}

/// Generate a synthetic load trace as CSV
///
/// A column is a sum of patterns: NAME=PATTERN:KEY=VALUE,...+PATTERN:... Values below zero become zero.
/// The same seed gives the same bytes.
#[derive(Debug, Args)]
#[command(after_help = after_help())]
struct GenerateArgs {
    /// A column of the trace; repeatable
    #[arg(long, value_name = "NAME=PATTERN...", required = true)]
    column: Vec<String>,
    /// Length of the trace
    #[arg(long, value_name = "DURATION", default_value = "24h", value_parser = positive_span)]
    duration: Span,
    /// Time between two rows
    #[arg(long, value_name = "DURATION", default_value = "1m", value_parser = positive_span)]
    step: Span,
    /// Seed of the random patterns
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// Write RFC 3339 times from this instant on, in place of seconds
    #[arg(long, value_name = "TIMESTAMP")]
    start: Option<Timestamp>,
    /// Decimals of the values; memory has none
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u8).range(0..=9))]
    decimals: u8,
    /// Write to this file [default: standard output]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// More rows than a trace of a year has at a step of two seconds.
const MOST_ROWS: i64 = 20_000_000;

fn after_help() -> String {
    let mut text = "Patterns and their settings:\n".to_owned();
    for (name, settings) in PATTERNS {
        text += &format!("  {name:<10}{settings}\n");
    }
    text + "\nExample:\n  hpasim trace generate --column cpu=diurnal:low=0.6,high=3.2,peak=14h+noise:sigma=0.05 -o day.csv"
}

/// Runs the command.
pub(super) fn run(args: &TraceArgs) -> anyhow::Result<Outcome> {
    let TraceCommand::Generate(args) = &args.command;
    let columns = args.column.iter().map(|text| parse_column(text)).collect::<Result<Vec<_>, _>>()?;
    let mut trace = Synthetic::new(&columns, args.duration, args.step, args.seed);
    let mut writer = csv::Writer::from_writer(Vec::new());
    let mut record = vec!["time".to_owned()];
    record.extend(columns.iter().map(|spec| spec.column.to_string()));
    let rows = args.duration.seconds() / args.step.seconds();
    if rows > MOST_ROWS {
        anyhow::bail!("{rows} rows are too many: at most {MOST_ROWS}; make --step longer or --duration shorter");
    }
    writer.write_record(&record)?;
    let mut values = vec![0.0; columns.len()];
    while let Some(at) = trace.next_row(&mut values).map_err(|error| anyhow::anyhow!("{error}"))? {
        record.clear();
        record.push(match args.start {
            None => at.seconds().to_string(),
            Some(start) => Timestamp::from_second(start.as_second().saturating_add(at.seconds()))?.to_string(),
        });
        record.extend(columns.iter().zip(&values).map(|(spec, value)| {
            // Bytes have no fractions.
            let decimals = if spec.column == Column::Memory { 0 } else { args.decimals };
            decimal(*value, decimals.into())
        }));
        writer.write_record(&record)?;
    }
    let bytes = writer.into_inner()?;
    match &args.output {
        Some(path) => output::write_file(path, bytes)?,
        None => output::print(&String::from_utf8(bytes)?)?,
    }
    Ok(Outcome::Done)
}
