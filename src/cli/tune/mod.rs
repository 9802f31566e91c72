//! `hpasim tune`: what to set.

mod axes;
mod bounds;
mod job;
mod notes;
mod parts;
mod sizing;
mod spelled;
mod whole;

use std::borrow::Cow;
use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::Args;

use self::axes::{Range, axes, check_names, defaults};
use self::bounds::{Bounded, Minimized, at_most, limits};
use self::notes::{Bound, backtested, bound};
pub(super) use self::parts::{MergeArgs, merge};
use self::parts::{Shard, digest, write};
use self::sizing::{cost, sized};
use self::spelled::{spelled, writable};
use self::whole::Whole;
use super::manifests::SourceArgs;
use super::output::{self, ColorChoice, Contents, Format, Forms};
use super::price::PriceArgs;
use super::world::WorldArgs;
use super::{Outcome, lint, load};
use crate::input::InputError;
use crate::input::manifests::Manifests;
use crate::model::{ControllerConfig, HpaSpec, NodesConfig, Placed, Target};
use crate::report::document::{html, markdown};
use crate::report::json;
use crate::report::tune::{DIFF, Frame, PATCH, Part, Spelled, Told, Tunings};
use crate::study::tune::field::{Defaults, Subject};
use crate::study::tune::vpa::requests;
use crate::study::tune::{Found, Loaded, Problem, Service, search};
use crate::study::{is_stopped, stop};
use crate::units::{Clock, SimTime, Span};

/// Search what to set: the settings of an HPA that cost least under a load and serve no worse than today's
///
/// Targets, replicas and behavior are varied by thousands, simulated in one phase and the best of them in many, beside what is set today.
/// Service is the time in which the promise about response times is broken (--slo, with a load of requests), or else in which pods use
/// more CPU than they request or work waits; and work that is lost. Cost is node-hours with --nodes, pod-hours without, or what pods request by
/// its price (--price, --requests). Of two days or more the last third is held back, and told by itself. Several HPAs
/// are tuned one after the other, each beside those that it shares nodes or quotas with.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  hpasim tune -f k8s/ --load observed/ --cluster calibrated.yaml\n  hpasim tune -f k8s/ --load workday.csv --search 'maxReplicas=10..30' --search 'metrics[0]=50..80/5' --keep behavior -o out/\n  hpasim tune -f k8s/ --load observed/ --searches 16 --shard 3/16 -o parts/"
)]
pub(super) struct TuneArgs {
    /// Try these values of a field of the HPA's spec: FIELD=LOW..HIGH, LOW..HIGH/STEP or A,B,C (maxReplicas=10..30,
    /// metrics[0]=50..80/5, behavior.scaleDown.stabilizationWindowSeconds=60,300,600); repeatable
    #[arg(long, value_name = "FIELD=RANGE")]
    search: Vec<Range>,
    /// Read more of these from a file, one a line; # begins a remark
    #[arg(long, value_name = "FILE")]
    search_file: Option<PathBuf>,
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
    /// Try other requests of the containers, too, in their proportions; cost is then what pods request (--price; OpenCost's prices without),
    /// and what VPA would recommend is told besides
    #[arg(long)]
    requests: bool,
    #[command(flatten)]
    price: PriceArgs,
    /// Keep such a part of the pods spare (34% for a zone of three, 10% for a node of ten): what pods use is held against the requests of
    /// the others
    #[arg(long, value_name = "PERCENT", default_value = "0%", value_parser = held_back)]
    headroom: f64,
    /// What is to be least, within what is allowed: other than cost it may not cost more than today (or what --at-most cost=105% says)
    #[arg(long, value_name = "FIGURE", value_enum, default_value = "cost")]
    minimize: Minimized,
    /// What a setting may come to on a day on average, in place of what today's does: without-service=5m (what service is, is told), lost=10
    /// (core-seconds), events=40 (changes of the replicas, which are not bounded otherwise), above-requests=1h (with --slo);
    /// and cost=105% of today's; repeatable
    #[arg(long, value_name = "FIGURE=VALUE", value_parser = at_most)]
    at_most: Vec<(Bounded, f64)>,
    /// Try about so many settings [default: as many as are simulated in some half a minute, at most 4000]
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    candidates: Option<u32>,
    /// Refuse to tune (exit code 1) unless today's settings, simulated, have the replicas that were recorded with the load, to a mean absolute
    /// error of so many [default: half a replica, or a tenth of them where that is more]
    #[arg(long, value_name = "REPLICAS", num_args = 0..=1, require_equals = true, default_missing_value = "auto", value_parser = bound)]
    require_backtest: Option<Bound>,
    /// Search so many times, each time from another beginning; they share --candidates, and each can be done by itself (--shard)
    #[arg(long, value_name = "COUNT", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    searches: u32,
    /// Do the I-th of N parts of the work, and write it into the directory of -o: `hpasim merge` puts the parts together. In an Indexed
    /// Job JOB_COMPLETION_INDEX (which counts from 0) and HPASIM_SHARDS say the same
    #[arg(long, value_name = "I/N", requires = "output", conflicts_with = "format")]
    shard: Option<Shard>,
    /// Print an Indexed Job that does all parts with this image, with what it reads and the volume that it writes to; nothing is searched here
    #[arg(long, value_name = "IMAGE", conflicts_with = "shard")]
    job_manifest: Option<String>,
    /// Write tune.json, report.html, report.md, front.png, patch.yaml and manifests.diff into this directory
    #[arg(short, long, value_name = "DIR", help_heading = "Output")]
    output: Option<PathBuf>,
    /// How to print what was found
    #[arg(long, value_enum, default_value_t = Format::Text, help_heading = "Output")]
    format: Format,
    #[command(flatten)]
    world: WorldArgs,
    /// The kustomizations that were given.
    #[arg(skip)]
    kustomized: Vec<PathBuf>,
}

/// A day.
const DAY: i64 = 86_400;
/// The best are simulated in so many phases, by default.
const PHASES: usize = 20;
/// So many syncs are simulated to find candidates.
const MOST_SYNCS: i64 = 100_000_000;
const CANDIDATES: (i64, i64) = (300, 4000);

fn held_back(text: &str) -> Result<f64, String> {
    let percent: f64 = text.trim_end_matches('%').parse().map_err(|_| format!("`{text}` is no percentage"))?;
    if (0.0..=90.0).contains(&percent) { Ok(percent / 100.0) } else { Err("it must be from 0% to 90%".to_owned()) }
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

/// How many settings are tried: as many as are asked for, or can be afforded where so many targets are simulated.
fn candidates(asked: Option<u32>, end: Span, (controller, targets): (&ControllerConfig, usize)) -> usize {
    let each = (end.seconds() / controller.sync_period.seconds().max(1)).max(1);
    let affordable = MOST_SYNCS / each.saturating_mul(targets as i64).max(1);
    asked.map_or(affordable.clamp(CANDIDATES.0, CANDIDATES.1) as usize, |count| count as usize)
}

/// The instant from which on the load is not seen.
fn rest(clock: Option<Clock>, seen: Span) -> String {
    let at = SimTime::ZERO + seen;
    clock.and_then(|clock| clock.rfc3339(at)).unwrap_or_else(|| at.to_string())
}

/// An HPA to be tuned.
struct Task<'a> {
    problem: Problem<'a>,
    service: Service,
    frame: Frame,
    defaults: Defaults,
}

/// Where it is not known what service is.
const UNKNOWN: &str = "nothing tells whether its pods keep up, so that the fewest would seem best: give a load of requests or CPU (rps with \
                       --cpu-per-request, cpu), and pods that request CPU";

/// Why an HPA is not tuned.
enum Undone {
    /// It cannot be: its name, and why.
    Impossible(String, &'static str),
    /// The backtest is not as good as was asked for.
    Refused(String),
}

/// What is to be done for a target of a world, beside those of its part; in words why nothing can be.
fn task<'a>(
    args: &TuneArgs,
    (controller, sources, manifests): (&ControllerConfig, &SourceArgs, &Manifests),
    whole: Whole<'a>,
    (own, part): (usize, &[usize]),
) -> anyhow::Result<Result<Task<'a>, Undone>> {
    let Whole { setup, loads, mut rooms, recorded, clocks, mut remarks } = whole;
    let target = &setup.targets[own];
    let hpa = target.hpa;
    let name = format!("{}/{}", hpa.namespace, hpa.name);
    let Some(service) = Service::of(target) else {
        return Ok(Err(Undone::Impossible(name, UNKNOWN)));
    };
    let today = Subject { hpa: hpa.clone(), workload: Cow::Borrowed(target.workload) };
    let defaults = defaults(args, controller, target);
    let axes = axes(&today, &defaults, args)?;
    let writable =
        writable((sources, controller.version), &today, (&axes, &defaults), &option_name(&today.hpa, manifests));
    let (axes, left) = axes::kept(axes, &writable, (&today, &defaults), args);
    if axes.is_empty() {
        return Ok(Err(Undone::Impossible(name, "nothing may change")));
    }
    let loads: Vec<Loaded> = loads.into_iter().filter(|one| part.contains(&one.target)).collect();
    // As in every simulation the shortest load is the end.
    let shortest = loads.iter().map(|one| one.table.length()).min().unwrap_or(Span::ZERO);
    let end = setup.world.duration.unwrap_or(shortest);
    let candidates = candidates(args.candidates, end, (controller, loads.len()));
    let seen = seen(end, args.holdout);
    let (limits, bounds) = limits(args, service, seen);
    let problem = Problem {
        cost: cost(args, setup.world.nodes.as_ref(), &axes)?,
        room: rooms.swap_remove(own),
        headroom: args.headroom,
        axes,
        limits,
        own,
        loads,
        uncertainty: args.load_uncertainty,
        end,
        seen,
        candidates,
        searches: args.searches as usize,
        phases: args.world.cluster.asked_phases().unwrap_or(PHASES),
        setup,
    };
    let (told, is_good) = backtested(args, (&problem, service), recorded[own].as_ref())?;
    if !is_good && args.require_backtest.is_some() {
        return Ok(Err(Undone::Refused(format!("{name}: --require-backtest: {told}"))));
    }
    let (warnings, mut notes) = if is_good { (Vec::new(), vec![told]) } else { (vec![told], Vec::new()) };
    notes.extend(self::notes::notes(&problem, service).into_iter().chain(remarks.swap_remove(own)));
    notes.extend(sizing::notes(args, &problem, defaults.is_known).into_iter().chain(left));
    let words = Words { name, bounds, warnings, notes };
    let frame = frame(args, (&problem, service), (defaults.is_known, clocks[own]), words)?;
    Ok(Ok(Task { problem, service, frame, defaults }))
}

/// What is said of a task.
struct Words {
    name: String,
    bounds: Vec<String>,
    warnings: Vec<String>,
    notes: Vec<String>,
}

/// What is the same for all searches of a task.
fn frame(
    args: &TuneArgs,
    (problem, service): (&Problem<'_>, Service),
    (is_known, clock): ([bool; 2], Option<Clock>),
    words: Words,
) -> anyhow::Result<Frame> {
    Ok(Frame {
        name: words.name,
        axes: problem.axes.iter().map(|axis| Told::of(problem, axis)).collect(),
        service,
        cost: problem.cost,
        tells_above: problem.watches_requests() && service == Service::Slo,
        sized: if args.requests { Some(sized(problem, service, is_known)?) } else { None },
        price: problem.setup.world.nodes.as_ref().and_then(NodesConfig::price_per_month),
        phases: problem.phases,
        seen: problem.seen.seconds(),
        end: problem.end.seconds(),
        rest: rest(clock, problem.seen),
        clock,
        tells_others: problem.has_others(),
        uncertainty: problem.uncertainty,
        seed: problem.setup.world.seed,
        least: problem.limits.least,
        bounds: words.bounds,
        warnings: words.warnings,
        notes: words.notes,
    })
}

/// Runs the command.
pub(super) fn run(args: &mut TuneArgs, color: ColorChoice) -> anyhow::Result<Outcome> {
    let shard = parts::shard(args.shard)?;
    if shard.is_some() && args.output.is_none() {
        anyhow::bail!("a part of the work is written into a directory: give -o DIR");
    }
    args.search.splice(0..0, axes::from_file(args.search_file.as_deref())?);
    args.kustomized.clone_from(&args.world.manifests.sources.kustomize);
    args.world.manifests.sources.keep()?;
    let sources = args.world.manifests.sources.clone();
    let (controller, manifests) = args.world.read()?;
    let events = OnceCell::new();
    let first = args.world.prepare(controller, &manifests, &events)?;
    let hpas: Vec<_> = first.setup.targets.iter().map(|target| target.hpa).collect();
    let today =
        |target: &Target<'_>| Subject { hpa: target.hpa.clone(), workload: Cow::Owned(target.workload.clone()) };
    check_names(args, &first.setup.targets.iter().map(today).collect::<Vec<_>>())?;
    let errors = first.errors.clone();
    let cells: Vec<OnceCell<_>> = hpas.iter().map(|_| OnceCell::new()).collect();
    let mut found = Vec::new();
    let parts = first.setup.parts();
    let whole = Whole::read(args, &manifests, first)?;
    for (own, (hpa, cell)) in hpas.iter().zip(&cells).enumerate() {
        let part = parts.iter().find(|part| part.contains(&own)).map_or(&[][..], Vec::as_slice);
        if part.len() > 1 || hpas.len() == 1 {
            found.push(task(args, (&controller, &sources, &manifests), whole.clone(), (own, part))?);
            continue;
        }
        // Who bears on nobody is alone.
        let chosen = &mut args.world.manifests;
        (chosen.hpa, chosen.sources.namespace) = (Some(hpa.name.clone()), Some(hpa.namespace.clone()));
        let alone = Whole::read(args, &manifests, args.world.prepare(controller, &manifests, cell)?)?;
        found.push(task(args, (&controller, &sources, &manifests), alone, (0, &[0]))?);
    }
    let (mut tasks, mut others, mut refused) = (Vec::new(), BTreeMap::<&str, Vec<String>>::new(), false);
    for found in found {
        match found {
            Ok(task) => tasks.push(task),
            Err(Undone::Impossible(name, why)) => others.entry(why).or_default().push(name),
            Err(Undone::Refused(why)) => {
                output::complain("error", &why);
                refused = true;
            }
        }
    }
    let others: Vec<String> = others.into_iter().map(|(why, names)| format!("{}: {why}", names.join(", "))).collect();
    if tasks.is_empty() && !refused {
        InputError::unless_empty(errors)?;
        anyhow::bail!("{}", others.join("; "));
    }
    for why in others {
        output::complain("note", &format!("not tuned: {why}"));
    }
    if let Some(image) = args.job_manifest.as_ref().filter(|_| !tasks.is_empty()) {
        job::print(args, image, &tasks)?;
    } else if !tasks.is_empty() {
        work(args, &tasks, (&controller, &sources, &manifests), shard, color)?;
    }
    InputError::unless_empty(errors)?;
    Ok(if refused { Outcome::CheckFailed } else { Outcome::Done })
}

/// Does the work, or the part of it that is asked for.
fn work(
    args: &TuneArgs,
    tasks: &[Task<'_>],
    (controller, sources, manifests): (&ControllerConfig, &SourceArgs, &Manifests),
    shard: Option<Shard>,
    color: ColorChoice,
) -> anyhow::Result<Outcome> {
    let searches = args.searches as usize;
    let all = tasks.len() * searches;
    if let Some(shard) = shard.filter(|shard| shard.count > all) {
        anyhow::bail!(
            "--shard {shard}: there are {all} parts to be done (HPAs times --searches): N is at most {all}, or --searches more"
        );
    }
    // A part is whole or not there.
    if shard.is_none() {
        stop_on_interrupt();
    }
    let mut parts: Vec<Part> = Vec::new();
    for index in (0..all).filter(|index| shard.is_none_or(|shard| shard.has(*index))) {
        let (hpa, number) = (index / searches, index % searches);
        let task = &tasks[hpa];
        if is_stopped() && !parts.is_empty() {
            if parts.iter().all(|part| part.hpa != hpa) {
                output::complain("warning", &format!("not tuned: {}: the search was stopped", task.frame.name));
            }
            continue;
        }
        let found = search(&task.problem, task.service, number).map_err(load::explain_error)?;
        let spelled = spell(task, &found, controller, sources, manifests)?;
        parts.push(Part { hpa, search: number, found, spelled });
    }
    let frames: Vec<Frame> = tasks.iter().map(|task| task.frame.clone()).collect();
    for task in tasks {
        load::note_assumptions(task.problem.target());
    }
    match (shard, &args.output) {
        (Some(shard), Some(directory)) => {
            let problems: Vec<_> = tasks.iter().map(|task| (&task.problem, task.service)).collect();
            write(directory, shard, searches, digest(&problems), frames, parts)?;
            Ok(Outcome::Done)
        }
        _ => show(&Tunings::of(&frames, &parts), args.output.as_deref(), args.format, color),
    }
}

/// The first SIGINT ends the search with what it has found, the second all of it.
fn stop_on_interrupt() {
    #[cfg(unix)]
    {
        let Ok(mut signals) = signal_hook::iterator::Signals::new([signal_hook::consts::SIGINT]) else { return };
        std::thread::spawn(move || {
            for signal in signals.forever() {
                if is_stopped() {
                    let _ = signal_hook::low_level::emulate_default_handler(signal);
                }
                stop();
                output::complain("note", "the search ends with what it has found; interrupt again to end at once");
            }
        });
    }
}

/// What an HPA is called in options: of two of one name only this one is meant.
fn option_name(hpa: &HpaSpec, manifests: &Manifests) -> String {
    let is_named = |other: &&Placed<HpaSpec>| other.item.name == hpa.name;
    let is_alone = manifests.inventory.hpas.iter().filter(is_named).count() < 2;
    if is_alone { hpa.name.clone() } else { format!("{}/{}", hpa.namespace, hpa.name) }
}

/// How the best of a search is set.
fn spell(
    task: &Task<'_>,
    found: &Found,
    controller: &ControllerConfig,
    sources: &SourceArgs,
    manifests: &Manifests,
) -> anyhow::Result<Spelled> {
    let name = option_name(task.problem.target().hpa, manifests);
    let (today, best) = (task.problem.today(), task.problem.subject(&found.best));
    let all = (&task.problem.axes[..], &task.defaults);
    let startup = task.problem.target().cluster.startup;
    let nodes = task.problem.setup.world.nodes.iter().flat_map(|nodes| &nodes.pools);
    let shapes: Vec<_> = nodes.map(|pool| pool.shape.clone()).collect();
    let check = |manifests: &Manifests| lint::findings(manifests, *controller, startup, (&shapes, Vec::new()));
    let spelled = spelled((sources, controller.version), (manifests, &check), (&today, &best), all, &name);
    let is_sized = task.frame.sized.is_some();
    Ok(Spelled {
        requests: is_sized.then(|| requests(&best)),
        sizes: if is_sized { sizing::sizes(&today, &best) } else { Vec::new() },
        ..spelled
    })
}

/// Prints what was found, and writes it.
fn show(found: &Tunings<'_>, output: Option<&Path>, format: Format, color: ColorChoice) -> anyhow::Result<Outcome> {
    let written = match output {
        Some(directory) => output::write_files(directory, files(found)?)?,
        None => Vec::new(),
    };
    let forms = Forms {
        command: "tune",
        plot: false,
        document: &|| found.document(),
        json: &|| Ok(json::bytes(&found.json())?),
        checks: &|| Vec::new(),
    };
    output::show(&forms, format, color)?;
    for path in written {
        output::complain("wrote", &path.display().to_string());
    }
    Ok(Outcome::Done)
}

fn files(found: &Tunings<'_>) -> anyhow::Result<Vec<(String, Contents)>> {
    let document = found.document();
    let mut files = vec![
        ("tune.json".to_owned(), json::bytes(&found.json())?),
        ("report.html".to_owned(), html::render(&document).into_bytes()),
        ("report.md".to_owned(), markdown::render(&document).into_bytes()),
    ];
    files.extend(found.pictures()?);
    files.extend(found.patch().map(|patch| (PATCH.to_owned(), patch.into_bytes())));
    files.extend(found.diff().map(|diff| (DIFF.to_owned(), diff.into_bytes())));
    Ok(files.into_iter().map(|(name, bytes)| (name, bytes.into())).collect())
}
