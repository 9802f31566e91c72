//! `hpasim replay`: what documents promise, put to the test.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use clap::Args;

use super::args::phases_parser;
use super::load::{self, explain_error};
use super::manifests::SetArgs;
use super::output::{ColorChoice, Format, Forms};
use super::{Outcome, calibrated, output};
use crate::input::names::hint;
use crate::input::overrides::Override;
use crate::input::scenario::{self, BUILTIN_FOLDERS, Choice, Files};
use crate::model::{Scenario, ScenarioTarget};
use crate::replay::json::Replayed;
use crate::replay::{Drawn, Explained, Replay, checks, document, replay_to_explain, stem};
use crate::report;
use crate::report::document::{Document, html, markdown};
use crate::report::json;
use crate::report::plot::{Curves, Ink};
use crate::sim::SimError;

/// Replay scenarios and say which of a document's claims are true
///
/// A scenario file has manifests, a load, and claims of a document. Each claim is confirmed, contradicted, or
/// depends on how the load is read; the file records which is expected. Without a path the built-in scenarios of
/// a RAG system are replayed.
///
/// Exit codes: 0 every verdict is as recorded, 1 some are not, 2 wrong usage or input.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  hpasim replay                                # the built-in scenarios\n  hpasim replay scenario.yaml -o out/ --plot\n  hpasim replay scenarios/ --format junit > verdicts.xml"
)]
pub(super) struct ReplayArgs {
    /// Scenario files, or folders with them [default: the built-in scenarios]
    #[arg(value_name = "FILE|DIR")]
    paths: Vec<PathBuf>,
    /// Only the scenario of this name; repeatable
    #[arg(long, value_name = "NAME")]
    scenario: Vec<String>,
    #[command(flatten)]
    set: SetArgs,
    /// Write a CSV and a PNG file for each scenario, and report.html and report.md with all of them, into this directory
    #[arg(short, long, value_name = "DIR")]
    output: Option<PathBuf>,
    /// Settings of the cluster in a file (YAML), as `hpasim calibrate` writes it, in place of those of the scenarios
    #[arg(long, value_name = "FILE")]
    cluster: Option<PathBuf>,
    /// In how many phases of syncs, scrapes and samples the claims are tested [default: all, or what a budget of
    /// simulated syncs allows]
    #[arg(long, value_name = "N", value_parser = phases_parser())]
    phases: Option<u64>,
    /// Write the pictures as SVG, too
    #[arg(long, requires = "output")]
    svg: bool,
    /// Draw the course in the terminal
    #[arg(long)]
    plot: bool,
    /// How to print the verdicts
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// Reads the scenarios behind the paths, or the built-in ones; of these, those with the names, or all. They are changed as it
/// is asked for, and have the settings of a file in place of their own.
pub(super) fn read_scenarios(
    paths: &[PathBuf],
    names: &[String],
    overrides: &[Override],
    cluster: Option<&Path>,
) -> anyhow::Result<Vec<Scenario>> {
    let mut warnings = Vec::new();
    let cluster = cluster.map(calibrated::read).transpose()?;
    let choice = Choice { names, overrides, cluster: cluster.as_ref() };
    let mut scenarios = Vec::new();
    if paths.is_empty() {
        for folder in BUILTIN_FOLDERS {
            let found = scenario::read(Files::Builtin, folder.as_ref(), choice, &mut warnings)?;
            let of_first = folder == BUILTIN_FOLDERS[0];
            scenarios.extend(found.into_iter().filter(|scenario| of_first || names.contains(&scenario.name)));
        }
    }
    for path in paths {
        scenarios.extend(scenario::read(Files::Disk, path, choice, &mut warnings)?);
    }
    output::warn(&warnings);
    for name in names {
        if !scenarios.iter().any(|scenario| scenario.name == *name) {
            let known = scenarios.iter().map(|scenario| scenario.name.as_str());
            anyhow::bail!("no scenario `{name}`; {}", hint(name, known));
        }
    }
    scenarios.retain(|scenario| names.is_empty() || names.contains(&scenario.name));
    for scenario in &mut scenarios {
        let targets: Vec<_> = scenario.targets.iter().map(|target| (&target.hpa, target.clock())).collect();
        let factors = load::factors(overrides, &targets)?;
        load::warn_of_late_events(&factors, scenario.duration);
        scenario.events.extend(factors);
        scenario.events.sort_by_key(|event| event.at);
    }
    Ok(scenarios)
}

/// Says what was assumed in simulations, once, however many scenarios assume it.
pub(super) fn note_assumptions(scenarios: &[Scenario]) {
    let assumed = |target: &ScenarioTarget| {
        report::assumptions::startup(target.cluster.startup, &target.workload, "cluster.startup")
    };
    let targets = scenarios.iter().flat_map(|scenario| &scenario.targets);
    for note in targets.filter_map(assumed).collect::<BTreeSet<String>>() {
        output::complain("note", &note);
    }
}

/// Runs the command.
pub(super) fn run(args: &ReplayArgs, color: ColorChoice) -> anyhow::Result<Outcome> {
    output::check_plot(args.plot, args.format)?;
    let scenarios = read_scenarios(&args.paths, &args.scenario, &args.set.set, args.cluster.as_deref())?;
    if args.output.is_some() {
        check_file_names(&scenarios)?;
    }
    let phases = args.phases.map(|count| count as usize);
    let needs_pictures = args.output.is_some() || args.plot || args.format == Format::Html;
    let explained = if needs_pictures { Explained::Changes } else { Explained::Nothing };
    let replays = scenarios
        .iter()
        .map(|one| replay_to_explain(one, phases, explained).map_err(|error| named(error, one)))
        .collect::<anyhow::Result<Vec<_>>>()?;
    let drawn = needs_pictures.then(|| replays.iter().map(drawn).collect::<Vec<_>>());
    let document = document(&replays, drawn.as_deref());
    let written = match args.output.as_ref().zip(drawn.as_ref()) {
        Some((directory, drawn)) => output::write_files(directory, files(&replays, drawn, &document, args.svg)?)?,
        None => Vec::new(),
    };
    let forms = Forms {
        command: "replay",
        plot: args.plot,
        document: &|| document.clone(),
        json: &|| Ok(json::bytes(&Replayed::new(&replays))?),
        checks: &|| checks(&replays),
    };
    output::show(&forms, args.format, color)?;
    for path in written {
        output::complain("wrote", &path.display().to_string());
    }
    note_assumptions(&scenarios);
    let as_expected = replays.iter().flat_map(|replay| &replay.findings).all(|finding| finding.as_expected());
    Ok(if as_expected { Outcome::Done } else { Outcome::CheckFailed })
}

/// No two runs may write the same file, on file systems that know no capitals either.
fn check_file_names(scenarios: &[Scenario]) -> anyhow::Result<()> {
    let mut names: BTreeMap<String, &str> = BTreeMap::new();
    for scenario in scenarios {
        for (reading, target) in
            scenario.readings().iter().flat_map(|one| (0..scenario.targets.len()).map(move |t| (one, t)))
        {
            let name = stem(scenario, reading, target);
            if let Some(other) = names.insert(name.to_lowercase(), &scenario.name) {
                anyhow::bail!("scenarios `{other}` and `{}` would both write {name}.csv: rename one", scenario.name);
            }
        }
    }
    Ok(())
}

/// An error with the scenario that it is about.
pub(super) fn named(error: SimError, scenario: &Scenario) -> anyhow::Error {
    explain_error(error).context(format!("scenario {}", scenario.name))
}

/// What is drawn of each run.
fn drawn(replay: &Replay<'_>) -> Drawn {
    replay.runs.iter().map(|run| Curves::of(run.run().hpa(), &run.rows)).collect()
}

/// The report, and CSV and PNG for each reading of each scenario.
fn files(
    replays: &[Replay<'_>],
    drawn: &[Drawn],
    document: &Document,
    svg: bool,
) -> anyhow::Result<Vec<(String, Vec<u8>)>> {
    let mut files = vec![("report.md".to_owned(), markdown::render(document).into_bytes())];
    files.push(("report.html".to_owned(), html::render(document).into_bytes()));
    for (replay, drawn) in replays.iter().zip(drawn) {
        for (run, curves) in replay.runs.iter().zip(drawn) {
            let (stem, rows, run) = (&run.stem, &run.rows, run.run());
            files.push((format!("{stem}.csv"), report::csv::timeline(&run, rows)?));
            files.push((format!("{stem}.png"), report::plot::picture(&run, curves, Ink::Pixels)?));
            if svg {
                files.push((format!("{stem}.svg"), report::plot::picture(&run, curves, Ink::Vectors)?));
            }
        }
    }
    Ok(files)
}
