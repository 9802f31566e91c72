//! `hpasim simulate`: what the HPA does under a load.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::args::{ControllerArgs, ManifestArgs, amount, positive_span};
use super::{Outcome, output};
use crate::input::manifests::{Manifests, Selection};
use crate::input::plan::{self, RequestCosts};
use crate::input::trace::{TraceReader, parse_value};
use crate::input::{Diagnostic, InputError, manifests, read_sources};
use crate::model::{Column, ControllerConfig, Interpolation, KubernetesVersion, LoadSource, LoadTable};
use crate::report::{self, Run, kubectl};
use crate::sim::{ClusterConfig, Lifecycle, Setup, SimError, Snapshot, Summary, SyncRecord, TimelineRow, simulate};
use crate::units::{Quantity, Replicas, SimTime, Span};

/// Simulate an HPA and its target under a load, and summarize what happens
///
/// Reads the manifests, finds the HPA and its scale target, and runs the closed loop: load makes pods use
/// CPU and memory, use makes metrics, metrics make decisions, decisions make pods.
///
/// The load is a CSV file: a header, a `time` column (seconds, RFC 3339, or durations such as 10m), and any
/// of: cpu (cores, all pods together), memory (bytes, all pods together), rps (with --cpu-per-request),
/// cpu_utilization and memory_utilization (percent of the request, per pod, as observed; with a column
/// `replicas` they are multiplied back into demand), and a column for each custom metric, by its name
/// (Pods metrics: the total over all pods; Object and External metrics: the value).
///
/// Exit codes: 0 done, 2 wrong usage or input.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  hpasim simulate -f k8s/ --load workday.csv -o out/\n  helm template ... | hpasim simulate -f - --load trace.csv"
)]
pub(super) struct SimulateArgs {
    #[command(flatten)]
    manifests: ManifestArgs,
    #[command(flatten)]
    load: LoadArgs,
    #[command(flatten)]
    cluster: ClusterArgs,
    #[command(flatten)]
    controller: ControllerArgs,
    /// Write timeline.csv, events.csv, summary.json and timeline.png into this directory
    #[arg(short, long, value_name = "DIR", help_heading = "Output")]
    output: Option<PathBuf>,
    /// Print the lines of `kubectl get hpa --watch` in place of the summary
    #[arg(short, long, help_heading = "Output")]
    watch: bool,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Load")]
struct LoadArgs {
    /// Load trace (CSV), or - for standard input
    #[arg(long, value_name = "FILE|-")]
    load: Option<PathBuf>,
    /// A column with the same value all the time, such as memory_utilization=40; repeatable.
    /// Without --load it needs --duration
    #[arg(long, value_name = "COLUMN=VALUE", value_parser = constant)]
    constant: Vec<(String, f64)>,
    /// The value between two rows: that of the earlier one, or on a straight line
    #[arg(long, value_enum, default_value_t = InterpolationArg::Hold)]
    interpolation: InterpolationArg,
    /// Mend the trace where it can be: sort rows, drop duplicate and negative times, hold the last good
    /// value over bad ones and gaps; the repairs are counted
    #[arg(long)]
    repair: bool,
    /// How long to simulate [default: as long as the load lasts]
    #[arg(long, value_name = "DURATION", value_parser = positive_span)]
    duration: Option<Span>,
    /// CPU time of one request in core-seconds, such as 40m; for the column rps
    #[arg(long, value_name = "QUANTITY", value_parser = amount)]
    cpu_per_request: Option<Quantity>,
    /// Memory for each request per second, such as 2Mi; for the column rps
    #[arg(long, value_name = "QUANTITY", value_parser = amount)]
    memory_per_rps: Option<Quantity>,
    /// Memory of a pod without load, such as 200Mi
    #[arg(long, value_name = "QUANTITY", value_parser = amount)]
    memory_base: Option<Quantity>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum InterpolationArg {
    Hold,
    Linear,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Cluster")]
struct ClusterArgs {
    /// Pods at the start, ready and in a steady state [default: the workload's spec.replicas]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i32).range(0..))]
    replicas: Option<Replicas>,
    /// Time that the application in a new pod needs until it answers probes and serves
    #[arg(long, value_name = "DURATION", default_value = "20s")]
    startup: Span,
    /// How often metrics-server scrapes pods; a new pod has a sample after its second scrape
    #[arg(long, value_name = "DURATION", default_value = "15s", value_parser = positive_span)]
    metric_resolution: Span,
}

fn constant(text: &str) -> Result<(String, f64), String> {
    let (name, value) = text.split_once('=').ok_or("write COLUMN=VALUE, such as cpu=2.5")?;
    let value = parse_value(&Column::from_name(name), value)
        .filter(|value| value.is_finite())
        .ok_or_else(|| format!("`{value}` is not a number"))?;
    if name.is_empty() { Err("the column has no name".into()) } else { Ok((name.to_owned(), value)) }
}

/// Runs the command.
pub(super) fn run(args: &SimulateArgs) -> anyhow::Result<Outcome> {
    let controller = args.controller.config()?;
    let is_stdin = |path: &PathBuf| path.as_os_str() == "-";
    if args.load.load.as_ref().is_some_and(is_stdin) && args.manifests.filenames.iter().any(is_stdin) {
        anyhow::bail!("standard input cannot be both the manifests (-f -) and the load (--load -)");
    }
    let namespace = args.manifests.namespace.as_deref();
    let sources = read_sources(&args.manifests.filenames, args.manifests.recursive)?;
    let manifests = manifests::read(&sources, controller.version, namespace.unwrap_or("default"))?;
    output::warn(&manifests.warnings);
    note_other_kinds(&manifests);
    let selection = manifests.select(namespace, args.manifests.hpa.as_deref())?;
    let load = Load::open(&args.load)?;
    run_selection(args, controller, &selection, load)
}

fn run_selection(
    args: &SimulateArgs,
    controller: ControllerConfig,
    selection: &Selection<'_>,
    mut load: Load,
) -> anyhow::Result<Outcome> {
    let setup = setup(args, controller, selection, &load)?;
    let mut rows: Vec<TimelineRow> = Vec::new();
    let mut watch = Watch::new(args.watch.then_some(&setup));
    let keep_rows = args.output.is_some();
    let summary = simulate(&setup, load.source(), &mut |record| {
        if keep_rows {
            rows.push(record.into());
        }
        watch.sync(record);
    })
    .map_err(explain_error)?;
    load.note_repairs();
    let columns = load.source().columns().to_vec();
    let run = Run {
        setup: &setup,
        columns: &columns,
        summary: &summary,
        rows: &rows,
        title: None,
        epoch_seconds: load.epoch_seconds(),
    };
    let text = if args.watch { watch.finish() } else { report::summary::render(&run) };
    let written = match &args.output {
        Some(directory) => output::write_files(directory, &files(&run)?)?,
        None => Vec::new(),
    };
    output::print(&text)?;
    for path in written {
        output::complain("wrote", &path.display().to_string());
    }
    warn_of_surprises(&setup, &summary);
    Ok(Outcome::Done)
}

fn setup<'a>(
    args: &SimulateArgs,
    controller: ControllerConfig,
    selection: &Selection<'a>,
    load: &Load,
) -> anyhow::Result<Setup<'a>> {
    let (hpa, workload) = (&selection.hpa.item, &selection.target.item);
    let costs = RequestCosts {
        cpu_per_request: args.load.cpu_per_request,
        memory_per_rps: args.load.memory_per_rps,
        memory_base: args.load.memory_base,
    };
    let mut warnings = Vec::new();
    let plan = plan::plan(load.columns(), hpa, &workload.template, &costs, &mut warnings)
        .map_err(|error| error.located(&selection.hpa.location()))?;
    warn_missing_requests(selection, controller.version, &mut warnings);
    output::warn(&warnings);
    Ok(Setup {
        hpa,
        workload,
        controller,
        cluster: ClusterConfig { startup: args.cluster.startup, metric_resolution: args.cluster.metric_resolution },
        plan,
        interpolation: match args.load.interpolation {
            InterpolationArg::Hold => Interpolation::Hold,
            InterpolationArg::Linear => Interpolation::Linear,
        },
        initial_replicas: args.cluster.replicas.or(workload.replicas).unwrap_or(1),
        duration: args.load.duration,
        lead_in: Span::ZERO,
        every_second: false,
    })
}

/// A utilization target of a pod without that request never gives a replica count.
fn warn_missing_requests(selection: &Selection<'_>, version: KubernetesVersion, warnings: &mut Vec<Diagnostic>) {
    use crate::model::{MetricSource, MetricTarget};
    for (index, metric) in selection.hpa.item.metrics.iter().enumerate() {
        let (container, name) = match metric {
            MetricSource::Resource { name, target: MetricTarget::Utilization(_) } => (None, name),
            MetricSource::ContainerResource { container, name, target: MetricTarget::Utilization(_) } => {
                (Some(container.as_str()), name)
            }
            _ => continue,
        };
        let template = &selection.target.item.template;
        if let Err(missing) = template.hpa_request(container, name, version) {
            let message =
                format!("container `{missing}` has no {name} request, so that this utilization is never known");
            let hint = format!("add resources.requests.{name} to the container at {}", selection.target.location());
            let at = selection.hpa.location();
            warnings.push(Diagnostic::new(message).at(at).field(format!("spec.metrics[{index}]")).hint(hint));
        }
    }
}

fn note_other_kinds(manifests: &Manifests) {
    let total: usize = manifests.other_kinds.values().sum();
    if total > 0 {
        let kinds: Vec<String> =
            manifests.other_kinds.iter().map(|(kind, count)| format!("{kind} ({count})")).collect();
        let objects = if total == 1 { "object" } else { "objects" };
        output::complain("note", &format!("{total} {objects} of other kinds left out: {}", kinds.join(", ")));
    }
}

/// What the summary's numbers alone would not say.
fn warn_of_surprises(setup: &Setup<'_>, summary: &Summary) {
    let lifecycle = Lifecycle::of(&setup.workload.template, setup.cluster.startup);
    if setup.initial_replicas == 0 && summary.rescales.is_empty() {
        let message =
            "the workload is at 0 replicas and the HPA did not put it there: autoscaling is off (--replicas N)";
        output::complain("warning", message);
    }
    let new_pods = summary.rescales.iter().any(|event| event.decision.desired > event.decision.current);
    if new_pods && lifecycle.ready_after.is_none() {
        let message = format!(
            "the startup probe gives up before the application is up ({} after the start): new pods never became ready",
            setup.cluster.startup
        );
        output::complain("warning", &message);
    } else if new_pods && lifecycle.ready_after < lifecycle.serving_after {
        let message = "no readiness probe: new pods count as ready before they serve";
        output::complain("warning", message);
    }
}

/// An error of the load is one of the input; the others say all there is to say.
pub(super) fn explain_error(error: SimError) -> anyhow::Error {
    match error {
        SimError::Load(source) => match source.downcast::<InputError>() {
            Ok(input) => anyhow::Error::new(*input),
            Err(other) => anyhow::anyhow!("{other}"),
        },
        SimError::NotSteady { .. } => {
            let hint = "give start.before values under which the HPA keeps them, or leave start.before out";
            InputError::from(Diagnostic::new(error.to_string()).hint(hint)).into()
        }
        SimError::NoDuration => {
            InputError::from(Diagnostic::new("the load covers no time").hint("say how long with --duration")).into()
        }
        SimError::NoLoad => {
            InputError::from(Diagnostic::new("the load trace has no rows").hint("add at least two rows")).into()
        }
    }
}

fn files(run: &Run<'_>) -> anyhow::Result<Vec<(&'static str, Vec<u8>)>> {
    let mut json = serde_json::to_vec_pretty(&report::json::summary(run))?;
    json.push(b'\n');
    Ok(vec![
        ("timeline.csv", report::csv::timeline(run)?),
        ("events.csv", report::csv::events(run)?),
        ("summary.json", json),
        ("timeline.png", report::plot::png(run)?),
    ])
}

/// The load: a trace, or constants alone.
enum Load {
    Trace(Box<TraceReader>),
    Constant(LoadTable),
}

impl Load {
    fn open(args: &LoadArgs) -> anyhow::Result<Self> {
        let constants: Vec<(Column, f64)> =
            args.constant.iter().map(|(name, value)| (Column::from_name(name), *value)).collect();
        if let Some(path) = &args.load {
            return Ok(Self::Trace(Box::new(TraceReader::open(path, &constants, args.repair)?)));
        }
        if constants.is_empty() || args.duration.is_none() {
            let diagnostic = Diagnostic::new("there is no load");
            let hint = "give a trace with --load FILE, or --constant cpu=2.5 with --duration 1h";
            return Err(InputError::from(diagnostic.hint(hint)).into());
        }
        let (columns, values): (Vec<Column>, Vec<f64>) = constants.into_iter().unzip();
        let mut table = LoadTable::new(columns);
        table.push(SimTime::ZERO, &values);
        Ok(Self::Constant(table))
    }

    fn source(&mut self) -> &mut dyn LoadSource {
        match self {
            Self::Trace(reader) => reader.as_mut(),
            Self::Constant(table) => table,
        }
    }

    fn columns(&self) -> &[Column] {
        match self {
            Self::Trace(reader) => reader.columns(),
            Self::Constant(table) => table.columns(),
        }
    }

    fn note_repairs(&self) {
        if let Self::Trace(reader) = self
            && let Some(repairs) = reader.repairs().describe()
        {
            output::complain("note", &format!("the load trace was repaired: {repairs}"));
        }
    }

    fn epoch_seconds(&self) -> Option<i64> {
        match self {
            Self::Trace(reader) => reader.start().map(|start| start.as_second()),
            Self::Constant(_) => None,
        }
    }
}

/// The lines of `kubectl get hpa --watch`: one for every sync whose line differs from the last.
struct Watch<'a> {
    setup: Option<&'a Setup<'a>>,
    rows: Vec<Vec<String>>,
}

impl<'a> Watch<'a> {
    fn new(setup: Option<&'a Setup<'a>>) -> Self {
        Self { setup, rows: Vec::new() }
    }

    fn sync(&mut self, record: &SyncRecord<'_>) {
        let Some(setup) = self.setup else { return };
        let snapshot = Snapshot {
            at: record.now,
            current_metrics: record.history.current_metrics().to_vec(),
            replicas: record.replicas,
        };
        let row = kubectl::row(setup.hpa, &snapshot);
        let age = row.len() - 1;
        if self.rows.last().is_none_or(|last| last[..age] != row[..age]) {
            self.rows.push(row);
        }
    }

    fn finish(self) -> String {
        report::table::plain(&kubectl::HEADERS, self.rows)
    }
}
