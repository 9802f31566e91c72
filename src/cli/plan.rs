//! `hpasim plan`: what must be provided.

use std::cell::OnceCell;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use clap::Args;

use super::args::{self, read_standard_input_once};
use super::cluster::ClusterArgs;
use super::happening::EventArgs;
use super::load::{self, LoadFiles, LoadOptions};
use super::manifests::ManifestArgs;
use super::output::{ColorChoice, Format, Forms};
use super::{Outcome, output};
use crate::input::manifests::{Manifests, Selection};
use crate::input::{Diagnostic, InputError, claims, nodes, read_sources};
use crate::model::{Column, ControllerConfig, Drive, LoadSource, ScheduledEvent, Target};
use crate::plan::Pool;
use crate::plan::claims::{ClaimFinding, Facts};
use crate::plan::{self, AutoscalerRow, Counted, WorkloadPlan};
use crate::report::document::{html, markdown};
use crate::report::json;
use crate::report::plan::{PhaseReport, PlanReport, UncertaintyReport};
use crate::report::plot::Ink;
use crate::report::{self, plot};
use crate::sim::Setup;
use crate::study::growth::{self, Growth};
use crate::study::montecarlo::{self, Uncertainty};
use crate::study::phases::FleetPhases;
use crate::study::sample::Count;
use crate::study::{Simulated, TargetLoad};
use crate::units::Span;

/// Plan capacity: pods, CPU, memory, storage and nodes, at the minimum, the maximum and under a load
///
/// Adds up what the manifests request and may use, packs it onto nodes, checks quotas and disruption budgets, and
/// compares the figures of a document with the computed ones. With a load, the HPA is simulated; with --runs, many
/// times under uncertainty; with --growth, for the months to come.
///
/// Exit codes: 0 done, 1 a claim's verdict is not the expected one, 2 wrong usage or input.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  hpasim plan -f k8s/ --load workday.csv --runs 200 --nodes nodes.yaml -o out/\n  hpasim plan -f k8s/ --claims claims.yaml"
)]
pub(super) struct PlanArgs {
    #[command(flatten)]
    manifests: ManifestArgs,
    /// Load trace (CSV) of the HPA; where there are several HPAs, HPA=FILE, repeatable
    #[arg(long, value_name = "[HPA=]FILE", help_heading = "Load")]
    load: Vec<String>,
    #[command(flatten)]
    options: LoadOptions,
    #[command(flatten)]
    events: EventArgs,
    /// Node shapes to compare (YAML); pictures have the first that all pods can run on [default: generic shapes]
    #[arg(long, value_name = "FILE", help_heading = "Plan")]
    nodes: Option<PathBuf>,
    /// Figures of a document to compare (YAML)
    #[arg(long, value_name = "FILE", help_heading = "Plan")]
    claims: Option<PathBuf>,
    #[command(flatten)]
    outlook: OutlookArgs,
    #[command(flatten)]
    cluster: ClusterArgs,
    #[command(flatten)]
    controller: ControllerConfig,
    /// Write plan.html, plan.md, plan.csv, storage.csv, plan.json and capacity.png into this directory
    #[arg(short, long, value_name = "DIR", help_heading = "Output")]
    output: Option<PathBuf>,
    /// Write the picture as SVG, too
    #[arg(long, requires = "output", help_heading = "Output")]
    svg: bool,
    /// Draw the course in the terminal
    #[arg(long, help_heading = "Output")]
    plot: bool,
    /// How to print the plan
    #[arg(long, value_enum, default_value_t = Format::Text, help_heading = "Output")]
    format: Format,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Uncertainty and growth")]
struct OutlookArgs {
    /// Simulate so many times, with what is uncertain drawn at random
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    runs: Option<u64>,
    /// How uncertain the load is as a whole (standard deviation of its logarithm)
    #[arg(long, value_name = "PERCENT", default_value = "10%", value_parser = percent)]
    load_level: f64,
    /// How much the load wanders from minute to minute (likewise)
    #[arg(long, value_name = "PERCENT", default_value = "10%", value_parser = percent)]
    load_noise: f64,
    /// How uncertain --startup is (likewise)
    #[arg(long, value_name = "PERCENT", default_value = "30%", value_parser = percent)]
    startup_spread: f64,
    /// Growth of the load, such as 20%/year or 2%/month
    #[arg(long, value_name = "PERCENT/TIME", value_parser = growth_rate, allow_hyphen_values = true)]
    growth: Option<f64>,
    /// How far to look ahead, such as 12mo or 2y
    #[arg(long, value_name = "TIME", default_value = "12mo", value_parser = horizon)]
    horizon: u32,
}

fn percent(text: &str) -> Result<f64, String> {
    let number = text.strip_suffix('%').and_then(|number| number.trim().parse::<f64>().ok());
    match number.filter(|number| number.is_finite() && (0.0..=300.0).contains(number)) {
        Some(number) => Ok(number / 100.0),
        None => Err("write a percentage from 0% to 300%, such as 10%".into()),
    }
}

/// The factor of a month.
fn growth_rate(text: &str) -> Result<f64, String> {
    let wrong = || "write PERCENT/year or PERCENT/month, such as 20%/year".to_owned();
    let (rate, time) = text.split_once('/').unwrap_or((text, "year"));
    let rate: f64 = rate.trim().strip_suffix('%').and_then(|number| number.trim().parse().ok()).ok_or_else(wrong)?;
    if !rate.is_finite() || !(-99.0..=10_000.0).contains(&rate) {
        return Err("it must be from -99% to 10000%".into());
    }
    match time.trim() {
        "year" | "y" | "a" => Ok((1.0 + rate / 100.0).powf(1.0 / 12.0)),
        "month" | "mo" => Ok(1.0 + rate / 100.0),
        _ => Err(wrong()),
    }
}

fn horizon(text: &str) -> Result<u32, String> {
    let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
    let months = match (&text[digits.len()..], digits.parse::<u32>()) {
        ("mo" | "month" | "months" | "", Ok(months)) => Some(months),
        ("y" | "year" | "years", Ok(years)) => years.checked_mul(12),
        _ => None,
    };
    months.filter(|months| (1..=120).contains(months)).ok_or_else(|| "write 1mo to 120mo, or years: 2y".into())
}

/// Runs the command.
pub(super) fn run(args: &PlanArgs, color: ColorChoice) -> anyhow::Result<Outcome> {
    output::check_plot(args.plot, args.format)?;
    let controller = args::controller(args.controller)?;
    let files = args.manifests.sources.filenames.iter().chain(&args.nodes).chain(&args.claims).map(PathBuf::as_path);
    read_standard_input_once(files.chain(LoadFiles::paths(&args.load)))?;
    let has_load = !args.load.is_empty() || !args.options.constant.is_empty();
    let needs_load = [
        (args.outlook.runs.is_some(), "--runs"),
        (args.outlook.growth.is_some(), "--growth"),
        (load::has_factors(&args.manifests.sources.set.set), "--set load.factor"),
        (!args.events.is_empty(), "--event"),
        (args.plot, "--plot"),
    ];
    for (given, option) in needs_load {
        if given && !has_load {
            anyhow::bail!("{option} needs a load: give --load FILE, or --constant cpu=2.5 with --duration 1h");
        }
    }
    let manifests = args.manifests.read(controller.version, args.cluster.replicas, true)?;
    let inventory = &manifests.inventory;
    let scalers = inventory.hpas.len() + inventory.other_scalers.len() + inventory.unread.len();
    if inventory.workloads.is_empty() && inventory.volume_claims.is_empty() && scalers == 0 {
        let diagnostic = Diagnostic::new("the manifests contain nothing that makes pods or asks for storage");
        let hint = "add the files that do with another -f, or -R for subdirectories";
        return Err(InputError::from(diagnostic.hint(hint)).into());
    }
    let shapes = match &args.nodes {
        Some(path) => nodes::read(&one_source(path)?)?,
        None => nodes::generic(),
    };
    let document = match &args.claims {
        Some(path) => claims::read(&one_source(path)?, inventory)?,
        None => Vec::new(),
    };
    let workloads = plan::workloads(inventory);
    let storage = plan::storage(inventory, &workloads);
    let facts = Facts { inventory, workloads: &workloads, storage: &storage };
    let findings = document.iter().map(|claim| facts.compare(claim)).collect();
    let autoscalers = plan::autoscalers(inventory, &workloads);
    warn_of_uncounted(&workloads, &autoscalers);
    let mut report = PlanReport {
        inventory,
        workloads: &workloads,
        autoscalers,
        storage: &storage,
        remarks: plan::storage_remarks(inventory, &workloads, &storage),
        quotas: plan::quotas(inventory, &workloads, &storage),
        budgets: plan::budgets(inventory, &workloads),
        pools: Pool::all(&shapes, &workloads, &inventory.namespace_labels),
        fleet: None,
        courses: Vec::new(),
        overrides: args.manifests.sources.set.texts(),
        clock: None,
        phases: None,
        uncertainty: None,
        growth: None,
        claims: findings,
        packed: Mutex::default(),
    };
    let events = OnceCell::new();
    if has_load {
        under_load(args, controller, &manifests, &events, &mut report)?;
    }
    finish(args, &report, color)
}

/// What is missing from the sums.
fn warn_of_uncounted(workloads: &[WorkloadPlan<'_>], autoscalers: &[AutoscalerRow]) {
    for row in autoscalers {
        let Counted::No(why) = &row.counted else { continue };
        let pods = row.pods.map_or_else(String::new, |(least, most)| format!(" ({least} to {most} pods)"));
        let message = format!("not in the sums: {}/{}{pods}: {why}", row.namespace, row.reference);
        output::warn(&[Diagnostic::new(message).at(row.location.clone())]);
    }
    for workload in workloads.iter().filter(|workload| workload.is_uncounted()) {
        let message = format!(
            "not in the sums: {} has no spec.replicas, and how many pods it has is not known",
            workload.label()
        );
        output::warn(&[Diagnostic::new(message).at(workload.origin.locate("spec"))]);
    }
}

fn finish(args: &PlanArgs, report: &PlanReport<'_>, color: ColorChoice) -> anyhow::Result<Outcome> {
    let document = report::plan::document(report);
    let written = match &args.output {
        Some(directory) => {
            let json = json::bytes(&report::plan::Plan::new(report))?;
            let mut files = vec![
                ("plan.csv", report::plan::plan_csv(report)?),
                ("storage.csv", report::plan::storage_csv(report)?),
                ("plan.json", json),
                ("plan.md", markdown::render(&document).into_bytes()),
                ("plan.html", html::render(&document).into_bytes()),
                ("capacity.png", plot::capacity_picture(report, Ink::Pixels)?),
            ];
            if args.svg {
                files.push(("capacity.svg", plot::capacity_picture(report, Ink::Vectors)?));
            }
            output::write_files(directory, files)?
        }
        None => Vec::new(),
    };
    let forms = Forms {
        command: "plan",
        plot: args.plot,
        document: &|| document.clone(),
        json: &|| Ok(json::bytes(&report::plan::Plan::new(report))?),
        checks: &|| report::plan::checks(report),
    };
    output::show(&forms, args.format, color)?;
    for path in written {
        output::complain("wrote", &path.display().to_string());
    }
    let as_expected = report.claims.iter().all(ClaimFinding::as_expected);
    Ok(if as_expected { Outcome::Done } else { Outcome::CheckFailed })
}

fn one_source(path: &Path) -> anyhow::Result<crate::input::Source> {
    let mut sources = read_sources(&[path.to_owned()], false)?;
    if sources.len() != 1 {
        anyhow::bail!("{} must be one file, and is a directory", path.display());
    }
    Ok(sources.swap_remove(0))
}

/// The worlds that are simulated: the HPAs that have a load, with the names of their files.
fn simulated<'a>(
    args: &PlanArgs,
    controller: ControllerConfig,
    manifests: &'a Manifests,
    workloads: &[WorkloadPlan<'a>],
) -> anyhow::Result<(Simulated<'a>, Vec<String>)> {
    let files = LoadFiles::of(&args.load, manifests)?;
    let constants: Vec<Column> = args.options.constant.iter().map(|(name, _)| Column::from_name(name)).collect();
    let setup = Setup { world: load::world(&args.options, &args.cluster, controller), targets: Vec::new() };
    let mut simulated = Simulated { setup, loads: Vec::new() };
    let mut names = Vec::new();
    let chosen = manifests.chosen(args.manifests.sources.namespace.as_deref(), args.manifests.hpa.as_deref())?;
    let targets = manifests.targets();
    let all = files.simulated(&targets, &chosen, !constants.is_empty())?;
    simulated.setup.world.quotas = manifests.inventory.shared_quotas(&all);
    let neighbourhood = manifests.inventory.neighbourhood(&all);
    for hpa in chosen {
        let Some(path) = files.of_hpa(&hpa.item, !constants.is_empty())? else { continue };
        let selection = targets.of(hpa)?;
        let mut load = load::open(path, &args.options, &hpa.item)?;
        let (options, columns) = (&args.options, load.columns());
        let target = load::target(options, &args.cluster, &controller, &neighbourhood, &selection, columns)?;
        let table = load.table(args.options.duration, Span::LONGEST)?.unwrap_or_default();
        load::note_reading(&load);
        let varies = load.columns().iter().map(|column| path.is_none() || !constants.contains(column)).collect();
        simulated.loads.push(TargetLoad { workload: index_of(workloads, &selection), table, varies });
        simulated.setup.targets.push(target);
        names.push(path.map_or_else(|| "constant".to_owned(), |path| path.display().to_string()));
    }
    load::warn_of_shared_quotas(&simulated.setup);
    Ok((simulated, names))
}

fn under_load<'a>(
    args: &PlanArgs,
    controller: ControllerConfig,
    manifests: &'a Manifests,
    events: &'a OnceCell<Vec<ScheduledEvent>>,
    report: &mut PlanReport<'a>,
) -> anyhow::Result<()> {
    let (mut simulated, files) = simulated(args, controller, manifests, report.workloads)?;
    let targets = simulated.setup.targets.iter().zip(&simulated.loads);
    let happens: Vec<_> = targets.map(|(target, load)| (target, load.table.clock())).collect();
    let happening = args.events.all(&args.manifests.sources.set.set, &happens, false, controller)?;
    load::warn_of_late_events(&happening, simulated.length());
    simulated.setup.world.events = events.get_or_init(|| happening);
    let count = args.cluster.phases(simulated.length(), &controller);
    let phases = FleetPhases::run(report.workloads, &simulated, count.unwrap_or(Count::Exactly(1)))
        .map_err(load::explain_error)?;
    for (index, target) in simulated.setup.targets.iter_mut().enumerate() {
        target.phase = phases.phase(index);
    }
    simulated.setup.targets.iter().for_each(load::note_assumptions);
    let shown = phases.shown().clone();
    report.fleet = Some(shown.fleet);
    let mut clocks = simulated.loads.iter().map(|load| load.table.clock());
    report.clock = clocks.next().flatten().filter(|first| clocks.all(|other| other == Some(*first)));
    report.courses = simulated
        .loads
        .iter()
        .zip(shown.courses)
        .zip(files)
        .map(|((load, course), file)| (load.workload, course, file))
        .collect();
    let too_long = count.is_none() || (phases.is_cut && phases.runs.len() == 1);
    report.phases = Some(PhaseReport { phases, too_long });
    report.uncertainty = uncertainty(args, report.workloads, &simulated)?;
    if let Some(per_month) = args.outlook.growth {
        let observed = |target: &Target<'_>| matches!(target.drives.cpu, Drive::Observed { .. });
        if simulated.setup.targets.iter().any(observed) {
            anyhow::bail!(
                "--growth needs a load as demand (cpu, rps): observed utilization does not fall with more pods"
            );
        }
        let growth = Growth { per_month, months: args.outlook.horizon };
        let months = growth::months(report.workloads, &simulated, growth).map_err(load::explain_error)?;
        report.growth = Some((growth, months));
    }
    Ok(())
}

fn index_of(workloads: &[WorkloadPlan<'_>], selection: &Selection<'_>) -> usize {
    let target = &selection.target.item;
    workloads.iter().position(|workload| std::ptr::eq(workload.workload, target)).unwrap_or_default()
}

fn uncertainty(
    args: &PlanArgs,
    workloads: &[WorkloadPlan<'_>],
    simulated: &Simulated<'_>,
) -> anyhow::Result<Option<UncertaintyReport>> {
    let Some(count) = args.outlook.runs else { return Ok(None) };
    let uncertainty = Uncertainty {
        level: args.outlook.load_level,
        noise: args.outlook.load_noise,
        startup: args.outlook.startup_spread,
    };
    let seed = args.cluster.seed;
    let runs = montecarlo::runs(workloads, simulated, uncertainty, seed, count);
    Ok(Some(UncertaintyReport { uncertainty, seed, runs: runs.map_err(load::explain_error)? }))
}
