//! `hpasim lint`: what will go wrong with autoscaling.

use std::path::PathBuf;

use clap::builder::PossibleValue;
use clap::{Args, ValueEnum};

use super::args::{self, read_standard_input_once};
use super::cluster::ClusterArgs;
use super::load::{self, LoadOptions};
use super::manifests::{SourceArgs, note_unread};
use super::output::{ColorChoice, Format, Forms};
use super::{Outcome, output};
use crate::input::load::Load;
use crate::input::manifests::Manifests;
use crate::input::names::hint;
use crate::input::{Diagnostic, InputError, nodes, read_sources};
use crate::lint::{Complaint, Context, Finding, HeldBack, Severity, held_back, lint, rules};
use crate::model::{ControllerConfig, HpaSpec, LoadSource, Location, NodeShape, Placed, Startup};
use crate::plan;
use crate::report::json::{self, findings::Findings};
use crate::report::lint as report;
use crate::sim::Setup;
use crate::study::sample::{Count, Sampled, in_phases};

/// Find what will go wrong with autoscaling, before it does
///
/// Every finding has a code, a severity, a place, the reason and the remedy. With --nodes it is checked whether the
/// pods fit, with --load whether the HPA scales up as fast as the load rises.
///
/// Exit codes: 0 nothing of the chosen severity (--fail-on), 1 findings, 2 wrong usage or input.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  hpasim lint -f k8s/\n  hpasim lint -f k8s/ --format sarif > hpasim.sarif\n  hpasim lint --explain HPA001"
)]
pub(super) struct LintArgs {
    #[command(flatten)]
    sources: SourceArgs,
    /// Name of the HPA that the load is for, where there are several
    #[arg(long, value_name = "NAME")]
    hpa: Option<String>,
    /// Node shapes (YAML) that the pods must fit on
    #[arg(long, value_name = "FILE")]
    nodes: Option<PathBuf>,
    /// Exit with 1 from this severity on
    #[arg(long, value_enum, default_value_t = FailOn::Error)]
    fail_on: FailOn,
    /// How to print the findings
    #[arg(long, value_enum, default_value_t = LintFormat::Of(Format::Text))]
    format: LintFormat,
    /// Explain a rule and name its sources
    #[arg(long, value_name = "CODE", exclusive = true)]
    explain: Option<String>,
    /// Load trace (CSV), or - for standard input
    #[arg(long, value_name = "FILE|-", help_heading = "Load")]
    load: Option<PathBuf>,
    #[command(flatten)]
    options: LoadOptions,
    #[command(flatten)]
    cluster: ClusterArgs,
    #[command(flatten)]
    controller: ControllerConfig,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum FailOn {
    Error,
    Warning,
    Note,
    Never,
}

/// How findings are printed: there is one way more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LintFormat {
    Of(Format),
    Sarif,
}

impl ValueEnum for LintFormat {
    fn value_variants<'a>() -> &'a [Self] {
        &[
            Self::Of(Format::Text),
            Self::Of(Format::Markdown),
            Self::Of(Format::Html),
            Self::Of(Format::Csv),
            Self::Of(Format::Json),
            Self::Of(Format::Junit),
            Self::Of(Format::Github),
            Self::Sarif,
        ]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        match self {
            Self::Of(format) => format.to_possible_value(),
            Self::Sarif => Some(PossibleValue::new("sarif").help("SARIF 2.1.0, as code hosts read it")),
        }
    }
}

/// Runs the command.
pub(super) fn run(args: &LintArgs, color: ColorChoice) -> anyhow::Result<Outcome> {
    if let Some(code) = &args.explain {
        return explain(code);
    }
    let controller = args::controller(args.controller)?;
    let files = args.sources.filenames.iter().chain(&args.nodes).chain(&args.load).map(PathBuf::as_path);
    read_standard_input_once(files)?;
    let manifests = args.sources.read(controller.version, true)?;
    note_unread(&manifests);
    let shapes = match &args.nodes {
        Some(path) => {
            let sources = read_sources(std::slice::from_ref(path), false)?;
            sources.iter().map(nodes::read).collect::<Result<Vec<_>, _>>()?.concat()
        }
        None => Vec::new(),
    };
    let held_back = if args.load.is_some() || !args.options.constant.is_empty() {
        let selection = manifests.select(args.sources.namespace.as_deref(), args.hpa.as_deref())?;
        let mut load = load::open(args.load.as_deref(), &args.options, &selection.hpa.item)?;
        let neighbourhood = manifests.inventory.neighbourhood(&[]);
        let (options, columns) = (&args.options, load.columns());
        let target = load::target(options, &args.cluster, &controller, &neighbourhood, &selection, columns)?;
        let factors = load::factors(&args.sources.set.set, &[(target.hpa, load.clock())])?;
        let mut setup = Setup { world: load::world(options, &args.cluster, controller), targets: vec![target] };
        setup.world.events = &factors;
        let held_back = held_back_in_phases(args, &setup, &mut load)?;
        load::note_assumptions(&setup.targets[0]);
        vec![(selection.hpa, held_back)]
    } else if load::has_factors(&args.sources.set.set) {
        anyhow::bail!("--set load.factor needs a load: give --load FILE, or --constant cpu=2.5 with --duration 1h");
    } else {
        Vec::new()
    };
    let startup = args.cluster.config(&controller)?.startup;
    let findings = findings(&manifests, controller, startup, (&shapes, held_back));
    if manifests.inventory.is_empty() && findings.is_empty() {
        let diagnostic =
            Diagnostic::new("there is nothing to look at: no autoscaler, workload, claim, quota, budget or Service");
        return Err(InputError::from(diagnostic.hint("add the files that have them with another -f")).into());
    }
    let forms = Forms {
        command: "lint",
        plot: false,
        document: &|| report::document(&findings, &args.sources.set.texts()),
        json: &|| Ok(json::bytes(&Findings::new(&findings))?),
        checks: &|| report::checks(&findings),
    };
    match args.format {
        LintFormat::Of(format) => output::show(&forms, format, color)?,
        LintFormat::Sarif => output::print(&(serde_json::to_string_pretty(&report::sarif(&findings))? + "\n"))?,
    }
    let threshold = match args.fail_on {
        FailOn::Error => Severity::Error,
        FailOn::Warning => Severity::Warning,
        FailOn::Note => Severity::Note,
        FailOn::Never => return Ok(Outcome::Done),
    };
    let failed = findings.iter().any(|finding| finding.rule.severity >= threshold);
    Ok(if failed { Outcome::CheckFailed } else { Outcome::Done })
}

/// How HPAs were held back, in each phase.
type AllHeldBack<'a> = Vec<(&'a Placed<HpaSpec>, Vec<Option<HeldBack>>)>;

/// What is found in manifests, on such nodes and under the loads that HPAs were held back by.
pub(super) fn findings<'a>(
    manifests: &'a Manifests,
    controller: ControllerConfig,
    startup: Startup,
    (nodes, held_back): (&'a [NodeShape], AllHeldBack<'a>),
) -> Vec<Finding> {
    let workloads = plan::workloads(&manifests.inventory);
    let storage = plan::storage(&manifests.inventory, &workloads);
    lint(&Context {
        inventory: &manifests.inventory,
        workloads: &workloads,
        neighbourhood: &manifests.inventory.neighbourhood(&[]),
        storage: &storage,
        controller,
        startup,
        nodes,
        held_back,
        odd: complaints(&manifests.warnings),
        refused: complaints(&manifests.refused),
        removed: complaints(manifests.removed.iter().map(|(removed, _)| removed)),
    })
}

/// A rule at length.
fn explain(code: &str) -> anyhow::Result<Outcome> {
    let Some(rule) = rules().find(|rule| rule.code.eq_ignore_ascii_case(code) || rule.name == code) else {
        if code.to_ascii_uppercase().starts_with("HPA") {
            let codes: Vec<&str> = rules().map(|rule| rule.code).collect();
            anyhow::bail!("no rule `{code}`; there is {}", codes.join(", "));
        }
        let names: Vec<&str> = rules().map(|rule| rule.name).collect();
        anyhow::bail!("no rule `{code}`; {}", hint(code, names.iter().copied()));
    };
    output::print(&report::explain(rule)).map(|()| Outcome::Done)
}

/// How an HPA is held back in each phase, or in one if the load is too long for more.
fn held_back_in_phases(args: &LintArgs, setup: &Setup<'_>, load: &mut Load) -> anyhow::Result<Vec<Option<HeldBack>>> {
    let Some(table) = load.table(setup.world.duration, args.cluster.longest(&setup.world.controller))? else {
        return Ok(vec![held_back(setup, load).map_err(load::explain_error)?.0]);
    };
    let duration = setup.world.duration.unwrap_or_else(|| table.length());
    let count = args.cluster.phases(duration, &setup.world.controller).unwrap_or(Count::Exactly(1));
    let one = |setup: &Setup<'_>| held_back(setup, &mut table.clone());
    let Sampled { samples, mut runs, .. } = Sampled::run(setup, count, one).map_err(load::explain_error)?;
    if runs.is_empty() {
        runs.push(one(&in_phases(setup, &samples, 0)).map_err(load::explain_error)?.0);
    }
    Ok(runs)
}

/// What the reader of the manifests says, with its advice.
fn complaints<'a>(diagnostics: impl IntoIterator<Item = &'a Diagnostic>) -> Vec<Complaint> {
    let complaint = |diagnostic: &Diagnostic| {
        let hint = diagnostic.hint.as_ref().map_or_else(String::new, |hint| format!(" ({hint})"));
        let nowhere = || Location { file: "-".into(), line: 0, column: 0 };
        Complaint {
            location: diagnostic.location.clone().unwrap_or_else(nowhere),
            path: diagnostic.path.clone(),
            message: format!("{}{hint}", diagnostic.message),
        }
    };
    diagnostics.into_iter().map(complaint).collect()
}
