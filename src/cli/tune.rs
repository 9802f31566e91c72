//! `hpasim tune`: what to set.

use std::cell::OnceCell;
use std::path::PathBuf;
use std::str::FromStr;

use clap::Args;

use super::output::{self, ColorChoice, Format, Forms};
use super::world::{Prepared, WorldArgs};
use super::{Outcome, load};
use crate::input::InputError;
use crate::input::names::hint;
use crate::input::overrides::Override;
use crate::model::{ControllerConfig, HpaSpec, LoadSource, Placed};
use crate::report::amounts::decimal;
use crate::report::document::{html, markdown};
use crate::report::json;
use crate::report::tune::{PATCH, Tuning};
use crate::study::tune::field::{Field, amount, policies};
use crate::study::tune::{Axis, Problem, Service, tune};
use crate::units::Span;

/// Search what to set: the settings of an HPA that cost least under a load and serve no worse than today's
///
/// Targets, replicas and behavior are varied by thousands, simulated in one phase and the best of them in many, beside what is set today.
/// Service is the time in which the promise about response times is broken (--slo, with a load of requests), or else in which pods use
/// more CPU than they request or work waits; and work that is lost. Cost is node-hours with --nodes, pod-hours without. Of two days or more the last third is held back, and told by itself.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  hpasim tune -f k8s/ --load observed/ --cluster calibrated.yaml\n  hpasim tune -f k8s/ --load workday.csv --search 'maxReplicas=10..30' --search 'metrics[0]=50..80/5' --keep behavior -o out/"
)]
pub(super) struct TuneArgs {
    /// Try these values of a field of the HPA's spec: FIELD=LOW..HIGH, LOW..HIGH/STEP or A,B,C (maxReplicas=10..30,
    /// metrics[0]=50..80/5, behavior.scaleDown.stabilizationWindowSeconds=60,300,600); repeatable
    #[arg(long, value_name = "FIELD=RANGE")]
    search: Vec<Range>,
    /// Leave a field as it is, or all that begins with it (minReplicas, behavior, behavior.scaleUp, metrics[0]); repeatable
    #[arg(long, value_name = "FIELD")]
    keep: Vec<String>,
    /// Hold back the end of the load, such a part of it (30%; 0% for nothing): the search does not see it, and what is found is told of
    /// it besides [default: the last third of the days, if there are two or more]
    #[arg(long, value_name = "PERCENT", value_parser = held_back)]
    holdout: Option<f64>,
    /// By what part the load may be another one, more or less: in each phase it is another of these loads; 0% for as it is
    #[arg(long, value_name = "PERCENT", default_value = "10%", value_parser = held_back)]
    load_uncertainty: f64,
    /// Try about so many settings [default: as many as are simulated in some half a minute, at most 4000]
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    candidates: Option<u32>,
    /// Write tune.json, report.html, report.md and patch.yaml into this directory
    #[arg(short, long, value_name = "DIR", help_heading = "Output")]
    output: Option<PathBuf>,
    /// How to print what was found
    #[arg(long, value_enum, default_value_t = Format::Text, help_heading = "Output")]
    format: Format,
    #[command(flatten)]
    world: WorldArgs,
}

/// Values of a field.
#[derive(Clone, Debug, PartialEq)]
struct Range {
    field: String,
    values: Vec<i64>,
}

/// A day.
const DAY: i64 = 86_400;
/// The best are simulated in so many phases, by default.
const PHASES: usize = 20;
/// So many syncs are simulated to find candidates.
const MOST_SYNCS: i64 = 100_000_000;
const CANDIDATES: (i64, i64) = (300, 4000);
/// No range has more values.
const MOST_VALUES: usize = 1000;

fn held_back(text: &str) -> Result<f64, String> {
    let percent: f64 = text.trim_end_matches('%').parse().map_err(|_| format!("`{text}` is no percentage"))?;
    if (0.0..=90.0).contains(&percent) { Ok(percent / 100.0) } else { Err("it must be from 0% to 90%".to_owned()) }
}

impl FromStr for Range {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let usage = "write FIELD=LOW..HIGH, FIELD=LOW..HIGH/STEP or FIELD=A,B,C, such as maxReplicas=10..30";
        let (field, range) = text.split_once('=').ok_or(usage)?;
        let number =
            |text: &str| text.trim().parse::<i64>().map_err(|_| format!("`{text}` is no whole number; {usage}"));
        let values: Vec<i64> = match range.split_once("..") {
            Some((low, high)) => {
                let (high, step) = high.split_once('/').unwrap_or((high, "1"));
                let (low, high, step) = (number(low)?, number(high)?, number(step)?);
                if low > high || step < 1 {
                    return Err(format!("{low}..{high}/{step} has no values; {usage}"));
                }
                let count = (high.saturating_sub(low) / step).saturating_add(1);
                if count > MOST_VALUES as i64 {
                    return Err(format!("{count} values are too many; give a step: {low}..{high}/STEP"));
                }
                (0..count).map(|index| low + index * step).collect()
            }
            None => range.split(',').map(number).collect::<Result<_, _>>()?,
        };
        Ok(Self { field: field.to_owned(), values })
    }
}

/// Whether a path is a field, or begins with it.
fn is_within(path: &str, field: &str) -> bool {
    let field = field.strip_prefix("spec.").unwrap_or(field);
    path.strip_prefix(field).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

/// What may change, and to what.
fn axes(hpa: &HpaSpec, downscale: Span, args: &TuneArgs) -> anyhow::Result<Vec<Axis>> {
    let fields = Field::all(hpa);
    let paths: Vec<String> = fields.iter().map(|field| field.path(hpa)).collect();
    for name in args.search.iter().map(|range| &range.field).chain(&args.keep) {
        if !paths.iter().any(|path| is_within(path, name)) {
            anyhow::bail!(
                "{}: no field `{name}` can be tuned; {}",
                hpa.name,
                hint(name, paths.iter().map(String::as_str))
            );
        }
    }
    let mut axes = Vec::new();
    for (field, path) in fields.into_iter().zip(&paths) {
        let own = field.value(hpa, downscale);
        let asked = args.search.iter().rev().find(|range| is_within(path, &range.field));
        if asked.is_none() && args.keep.iter().any(|name| is_within(path, name)) {
            continue;
        }
        let mut values = match asked {
            Some(range) => {
                // Amounts are in thousandths.
                let is_amount = matches!(field, Field::Target(_)) && !path.ends_with("averageUtilization");
                let scale = if is_amount { 1000 } else { 1 };
                let values: Vec<i64> = range.values.iter().map(|value| value.saturating_mul(scale)).collect();
                for value in &values {
                    field.check(hpa, *value).map_err(|wrong| anyhow::anyhow!("--search {}: {wrong}", range.field))?;
                }
                values
            }
            None => field.values(hpa, downscale),
        };
        values.push(own);
        values.sort_unstable();
        values.dedup();
        let own = values.iter().position(|value| *value == own).unwrap_or(0);
        if values.len() > 1 {
            axes.push(Axis { field, values, own });
        }
    }
    if axes.is_empty() {
        anyhow::bail!("{}: nothing may change", hpa.name);
    }
    Ok(axes)
}

/// The part of the load that the search sees.
fn seen(end: Span, holdout: Option<f64>) -> Span {
    let days = end.seconds() / DAY;
    let back = match holdout {
        Some(part) => (end.seconds() as f64 * part).round() as i64,
        None if days >= 2 => (days / 3).max(1) * DAY,
        None => 0,
    };
    Span::from_seconds(end.seconds() - back)
}

/// The values of an HPA that are not as before, as `--set` has them; in the first form for `autoscaling/v2`, then for v1.
fn options(name: &str, (before, after): (&HpaSpec, &HpaSpec), axes: &[Axis], downscale: Span) -> [Vec<String>; 2] {
    let mut all = [Vec::new(), Vec::new()];
    let mut directions = Vec::new();
    for axis in axes {
        let value = axis.field.value(after, downscale);
        if axis.field.value(before, downscale) == value {
            continue;
        }
        let path = axis.field.path(after);
        let (value, is_percent) = match axis.field {
            Field::Policy(direction, _) => {
                directions.push(direction);
                continue;
            }
            Field::Target(_) if !path.ends_with("averageUtilization") => (amount(value), false),
            Field::Target(_) => (value.to_string(), true),
            _ => (value.to_string(), false),
        };
        all[0].push(format!("hpa.{name}.{path}={value}"));
        let older = if is_percent { "targetCPUUtilizationPercentage" } else { path.as_str() };
        all[1].push(format!("hpa.{name}.{older}={value}"));
    }
    directions.dedup();
    for direction in directions {
        let policies: Vec<String> = policies(after, direction).iter().map(policy).collect();
        let path = format!("hpa.{name}.behavior.{}.policies=[{}]", direction.name(), policies.join(", "));
        all.iter_mut().for_each(|options| options.push(path.clone()));
    }
    all
}

fn policy(policy: &crate::model::ScalingPolicy) -> String {
    let kind = match policy.kind {
        crate::model::PolicyKind::Pods => "Pods",
        crate::model::PolicyKind::Percent => "Percent",
    };
    format!("{{type: {kind}, value: {}, periodSeconds: {}}}", policy.value, policy.period.seconds())
}

/// The options that make the manifests have an HPA as it is to be, read again to be sure of it; and the patch.
fn spelled(
    args: &TuneArgs,
    controller: &ControllerConfig,
    after: &HpaSpec,
    forms: [Vec<String>; 2],
) -> Option<(Vec<String>, String)> {
    let sources = &args.world.manifests.sources;
    for options in forms {
        let overrides: Result<Vec<Override>, String> = options.iter().map(|text| text.parse()).collect();
        let Ok(overrides) = overrides else { continue };
        let Ok(manifests) = sources.changed(controller.version, &overrides) else { continue };
        let is_it = |hpa: &&Placed<HpaSpec>| hpa.item.name == after.name && hpa.item.namespace == after.namespace;
        if manifests.inventory.hpas.iter().find(is_it).is_some_and(|hpa| hpa.item == *after) {
            let identity = (after.namespace.as_str(), after.name.as_str());
            let patch = sources.patch(controller.version, &overrides, identity).ok()??;
            let options = options.iter().map(|option| format!("--set '{option}'")).collect();
            return Some((options, patch));
        }
    }
    None
}

/// Runs the command.
pub(super) fn run(args: &mut TuneArgs, color: ColorChoice) -> anyhow::Result<Outcome> {
    args.world.manifests.sources.keep()?;
    let (controller, manifests) = args.world.read()?;
    let events = OnceCell::new();
    let prepared = args.world.prepare(controller, &manifests, &events)?;
    let Prepared { setup, mut loads, errors, .. } = prepared;
    InputError::unless_empty(errors)?;
    let [target] = setup.targets.as_slice() else {
        anyhow::bail!("tune is for one HPA at a time: choose it with --hpa NAME (and -n NAMESPACE)");
    };
    let hpa = target.hpa;
    let Some(service) = Service::of(target) else {
        anyhow::bail!(
            "{}: nothing tells whether its pods keep up, so that the fewest would seem best: give a load of requests or CPU (rps with \
             --cpu-per-request, cpu), and pods that request CPU",
            hpa.name
        );
    };
    let table = loads[0].table(setup.world.duration, Span::LONGEST)?.unwrap_or_default();
    let end = setup.world.duration.unwrap_or_else(|| table.length());
    let syncs = (end.seconds() / controller.sync_period.seconds().max(1)).max(1);
    let affordable = (MOST_SYNCS / syncs).clamp(CANDIDATES.0, CANDIDATES.1);
    let problem = Problem {
        axes: axes(hpa, controller.downscale_stabilization, args)?,
        varies: args.world.varies(&loads[0]),
        uncertainty: args.load_uncertainty,
        table,
        end,
        seen: seen(end, args.holdout),
        candidates: args.candidates.map_or(affordable as usize, |count| count as usize),
        phases: args.world.cluster.asked_phases().unwrap_or(PHASES),
        setup,
    };
    let tuned = tune(&problem, service).map_err(load::explain_error)?;
    let best = problem.spec(&tuned.rows[tuned.best].choice);
    let mut notes = notes(&problem, service, tuned.tried, tuned.phases);
    // Of two HPAs of one name only this one is meant.
    let is_named = |other: &&Placed<HpaSpec>| other.item.name == hpa.name;
    let is_alone = manifests.inventory.hpas.iter().filter(is_named).count() < 2;
    let name = if is_alone { hpa.name.clone() } else { format!("{}/{}", hpa.namespace, hpa.name) };
    let forms = options(&name, (hpa, &best), &problem.axes, controller.downscale_stabilization);
    let has_changed = !forms[0].is_empty();
    let spelled = if has_changed { spelled(args, &controller, &best, forms) } else { None };
    if has_changed && spelled.is_none() {
        notes.push("There is no patch: the HPA is not written in the manifests as it is read (a ScaledObject, or a kind that makes it); set the same there.".to_owned());
    }
    let (options, patch) = spelled.map_or((Vec::new(), None), |(options, patch)| (options, Some(patch)));
    let result = Tuning {
        name: format!("{}/{}", hpa.namespace, hpa.name),
        problem: &problem,
        tuned: &tuned,
        clock: loads[0].clock(),
        options,
        patch,
        notes: notes.into_iter().chain(loads[0].remarks()).collect(),
    };
    let written = match &args.output {
        Some(directory) => output::write_files(directory, files(&result)?)?,
        None => Vec::new(),
    };
    let forms = Forms {
        command: "tune",
        plot: false,
        document: &|| result.document(),
        json: &|| Ok(json::bytes(&result.json())?),
        checks: &|| Vec::new(),
    };
    output::show(&forms, args.format, color)?;
    for path in written {
        output::complain("wrote", &path.display().to_string());
    }
    load::note_assumptions(&problem.setup.targets[0]);
    Ok(Outcome::Done)
}

fn files(result: &Tuning<'_>) -> anyhow::Result<Vec<(String, Vec<u8>)>> {
    let document = result.document();
    let mut files = vec![
        ("tune.json".to_owned(), json::bytes(&result.json())?),
        ("report.html".to_owned(), html::render(&document).into_bytes()),
        ("report.md".to_owned(), markdown::render(&document).into_bytes()),
    ];
    files.extend(result.patch.iter().map(|patch| (PATCH.to_owned(), patch.clone().into_bytes())));
    Ok(files)
}

/// What the answer depends on.
fn notes(problem: &Problem<'_>, service: Service, tried: usize, phases: usize) -> Vec<String> {
    let mut all = vec![format!(
        "{tried} settings were tried in one phase, the best of them in {phases} phases (seed {}), with a load that is up to {}% more \
         or less; figures are means over these, with the range of the difference from today.",
        problem.setup.world.seed,
        decimal(problem.uncertainty * 100.0, 1)
    )];
    all.push(match service {
        Service::Slo => {
            "Response times are of pods that have CPU up to their limits; what is above their requests nodes need not have.".to_owned()
        }
        Service::Cpu => {
            "Without a promise about response times (--slo, with a load of requests) service is that pods use no more CPU than they \
             request, for that alone is theirs, and that no work waits: at every sync, pods that are ready."
                .to_owned()
        }
    });
    if problem.seen == problem.end && problem.end.seconds() < 2 * DAY {
        all.push("The load is shorter than two days: what is best for one day need not be for the next.".to_owned());
    }
    all.push(
        "What is not in the load is not in the answer: minReplicas is what is left when a node or a zone is lost at the quietest time, and \
         maxReplicas what meets a load that was not recorded."
            .to_owned(),
    );
    all
}
