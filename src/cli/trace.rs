//! `hpasim trace`: synthetic load traces, and what loads are like.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use jiff::Timestamp;

use super::args::{Zone, positive_span};
use super::output::{ColorChoice, Format, Forms};
use super::{Outcome, output};
use crate::input::load::pattern::{PATTERNS, parse_column};
use crate::input::load::synthetic::Synthetic;
use crate::input::load::{How, Load, as_input_error};
use crate::input::recording::Options;
use crate::model::{Column, LoadSource};
use crate::report::amounts::decimal;
use crate::report::json;
use crate::report::trace::LoadReport;
use crate::units::Span;

/// Make load traces, and say what they are like
#[derive(Debug, Args)]
pub(super) struct TraceArgs {
    #[command(subcommand)]
    command: TraceCommand,
}

#[derive(Debug, Subcommand)]
enum TraceCommand {
    Generate(GenerateArgs),
    Describe(DescribeArgs),
}

/// Say what a load is like: how it is spread, its fastest rises, its day and its week
///
/// Takes what --load takes: a trace, a recording, a folder of `hpasim import`.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  hpasim trace describe workday.csv --plot\n  hpasim trace describe observed/ --format json"
)]
struct DescribeArgs {
    /// The load
    #[arg(value_name = "FILE|DIR|-")]
    load: PathBuf,
    /// Mend the trace where it can be, as in `simulate`
    #[arg(long)]
    repair: bool,
    /// Zone of times in recordings that have none, such as Europe/Berlin or +01:00
    #[arg(long, value_name = "ZONE", default_value = "UTC")]
    zone: Zone,
    /// Draw it in the terminal
    #[arg(long)]
    plot: bool,
    /// How to print
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
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
pub(super) fn run(args: &TraceArgs, color: ColorChoice) -> anyhow::Result<Outcome> {
    match &args.command {
        TraceCommand::Generate(args) => generate(args),
        TraceCommand::Describe(args) => describe(args, color),
    }
}

fn describe(args: &DescribeArgs, color: ColorChoice) -> anyhow::Result<Outcome> {
    output::check_plot(args.plot, args.format)?;
    if matches!(args.format, Format::Junit | Format::Github) {
        anyhow::bail!(
            "trace describe checks nothing: --format junit and github are for simulate, replay, plan and lint"
        );
    }
    let options = Options { zone: args.zone.0.clone(), ..Options::default() };
    let how = How { repair: args.repair, options, ..How::default() };
    let mut load = Load::open(Some(&args.load), &how, None)?;
    let mut table = load.table(None, Span::LONGEST)?.unwrap_or_default();
    let duration = table.length();
    let clock = table.clock();
    let mut columns: Vec<(Column, Vec<f64>)> =
        table.columns().iter().map(|column| (column.clone(), Vec::new())).collect();
    let (mut times, mut row) = (Vec::new(), vec![0.0; columns.len()]);
    while let Some(at) = table.next_row(&mut row).map_err(as_input_error)? {
        times.push(at.seconds());
        columns.iter_mut().zip(&row).for_each(|((_, values), value)| values.push(*value));
    }
    let name = args.load.display().to_string();
    let report = LoadReport { name, clock, duration, times, columns, notes: load.remarks(), files: Vec::new() };
    let forms = Forms {
        command: "trace describe",
        plot: args.plot,
        document: &|| report.document(),
        json: &|| Ok(json::bytes(&report.json())?),
        checks: &Vec::new,
    };
    output::show(&forms, args.format, color).map(|()| Outcome::Done)
}

fn generate(args: &GenerateArgs) -> anyhow::Result<Outcome> {
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
