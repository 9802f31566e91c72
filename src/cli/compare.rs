//! `hpasim compare`: configurations under the same load.

use std::cell::OnceCell;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use clap::Args;

use super::fail_on::amount;
use super::output::{self, ColorChoice, Format, Forms};
use super::price::PriceArgs;
use super::world::{Prepared, WorldArgs};
use super::{Outcome, git, load};
use crate::input::names::hint;
use crate::input::overrides::Override;
use crate::input::{InputError, Source};
use crate::model::{LoadSource, Prices, Target};
use crate::report::checks::{Check, Level};
use crate::report::compare::{Alternative, Comparison, Pair, told};
use crate::report::document::{html, markdown};
use crate::report::json;
use crate::sim::{Summary, simulate_all};
use crate::study::backtest::{Listener, Seen};
use crate::study::compare::{Compared, Side};
use crate::study::figure::Figure;
use crate::study::phases::PhaseRuns;

/// Compare two or more configurations under the same load: what changes in replicas, cost and service
///
/// All are simulated with the same load, in the same phases and with the same seed, so that what differs comes from what was changed.
/// The HPAs are paired by namespace and name; -f adds manifests to all sides, and --set and --event change all.
///
/// Exit codes: 0 done, 1 a figure is over its bound (--fail-on), 2 wrong usage or input.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  hpasim compare --base main --head k8s/ --load workday.csv\n  hpasim compare --base main/k8s --head pr/k8s --load workday.csv --fail-on 'cost>+5%' --fail-on 'waiting>1m' --format markdown\n  hpasim compare --base k8s/ --head k8s/ --head-set hpa.web.maxReplicas=14 --other kubelet=k8s-kubelet/ --load workday.csv -o out/"
)]
pub(super) struct CompareArgs {
    /// The manifests before: a file or directory; a git revision, for what the head's files and directories were then, or
    /// REVISION:PATH; repeatable
    #[arg(long, value_name = "FILE|DIR|REVISION", required = true)]
    base: Vec<PathBuf>,
    /// The manifests after: a file or directory, or REVISION:PATH; repeatable
    #[arg(long, value_name = "FILE|DIR", required = true)]
    head: Vec<PathBuf>,
    /// Change a field of the head alone, as --set does of all; repeatable
    #[arg(long, value_name = "PATH=VALUE")]
    head_set: Vec<Override>,
    /// Another configuration that is compared with the base: NAME=FILE, NAME=DIR or NAME=REVISION; one of several files by as many of
    /// these with its name
    #[arg(long, value_name = "NAME=FILE|DIR|REVISION", value_parser = other)]
    other: Vec<(String, PathBuf)>,
    /// Change a field of one of these alone: NAME=PATH=VALUE; a name that has no --other is the head with these changes; repeatable
    #[arg(long, value_name = "NAME=PATH=VALUE", value_parser = other_set)]
    other_set: Vec<(String, Override)>,
    /// End with 1 if a figure of the head or another one is over its bound in any phase: FIGURE>BOUND, FIGURE>+MORE than the base or FIGURE>+PERCENT%, of
    /// pod-hours, core-hours, gib-hours, node-hours, replicas, nodes, at-max, waiting, slo (times), lost, events, restarts, or cost (a month's,
    /// where there are prices; or else node-hours, or core-hours and GiB-hours requested); repeatable
    #[arg(long, value_name = "FIGURE>BOUND", num_args = 1.., help_heading = "Output")]
    fail_on: Vec<Bound>,
    /// Write compare.json, compare.png, report.html and report.md into this directory
    #[arg(short, long, value_name = "DIR", help_heading = "Output")]
    output: Option<PathBuf>,
    /// How to print what differs
    #[arg(long, value_enum, default_value_t = Format::Text, help_heading = "Output")]
    format: Format,
    #[command(flatten)]
    price: PriceArgs,
    #[command(flatten)]
    world: WorldArgs,
}

/// A name, and what comes after it.
fn named<'t>(text: &'t str, usage: &str) -> Result<(String, &'t str), String> {
    let (name, rest) = text.split_once('=').ok_or(usage)?;
    if name.is_empty() || name == "base" || name == "head" || name.chars().any(char::is_control) {
        return Err(format!("`{name}` cannot be the name of another configuration"));
    }
    Ok((name.to_owned(), rest))
}

fn other(text: &str) -> Result<(String, PathBuf), String> {
    named(text, "write NAME=FILE, NAME=DIR or NAME=REVISION").map(|(name, path)| (name, path.into()))
}

fn other_set(text: &str) -> Result<(String, Override), String> {
    let (name, change) = named(text, "write NAME=PATH=VALUE, such as more=hpa.web.maxReplicas=14")?;
    Ok((name, change.parse()?))
}

/// What may not be passed.
#[derive(Clone, Debug, PartialEq)]
struct Bound {
    text: String,
    figures: Vec<Figure>,
    most: Most,
}

/// How much is allowed.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Most {
    /// So much.
    Value(f64),
    /// So much more than before.
    More(f64),
    /// Such a part more than before.
    Part(f64),
}

impl FromStr for Bound {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, bound) = text.split_once('>').ok_or("write FIGURE>BOUND, such as cost>+5% or waiting>1m")?;
        let (name, bound) = (name.trim(), bound.trim());
        let of_name = Figure::ALL.into_iter().find(|figure| figure.name() == name);
        let figures = match of_name {
            // What is known of these first.
            Some(Figure::Cost) => vec![Figure::Cost, Figure::NodeHours, Figure::CoreHours, Figure::GibHours],
            Some(figure) => vec![figure],
            None => {
                return Err(format!(
                    "no figure `{name}`; {}",
                    hint(name, Figure::ALL.iter().map(|figure| figure.name()))
                ));
            }
        };
        let number = |text: &str| amount(figures[0], text);
        let most = match (bound.strip_prefix('+'), bound.strip_suffix('%')) {
            (Some(more), Some(_)) => Most::Part(number(more.trim_end_matches('%'))? / 100.0),
            (Some(more), None) => Most::More(number(more)?),
            (None, Some(_)) => return Err(format!("a percentage is of the base: write {name}>+{bound}")),
            (None, None) => Most::Value(number(bound)?),
        };
        Ok(Self { text: format!("{name}>{bound}"), figures, most })
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Bound {
    /// The figures of an HPA that it is about: the cost if there are prices, or else nodes if they are simulated, or what is requested; a value is
    /// one of money.
    fn of<'c>(&self, all: &'c [Compared]) -> Vec<&'c Compared> {
        let has = |figure: Figure| all.iter().any(|one| one.figure == figure);
        let counts = |one: &&Compared| match self.figures.as_slice() {
            [_] => self.figures.contains(&one.figure),
            _ if has(Figure::Cost) || matches!(self.most, Most::Value(_) | Most::More(_)) => one.figure == Figure::Cost,
            _ if has(Figure::NodeHours) => one.figure == Figure::NodeHours,
            _ => self.figures.contains(&one.figure),
        };
        all.iter().filter(counts).collect()
    }

    /// Whether a figure is over it in some phase.
    fn is_broken(&self, one: &Compared) -> bool {
        let more = one.differences.as_ref().map_or(one.head - one.base, |range| range.high.max(one.head - one.base));
        match self.most {
            Most::Value(most) => one.most > most,
            Most::More(most) => more > most,
            Most::Part(part) => more > one.base * part,
        }
    }
}

/// A configuration, and what it is read from.
struct Configuration {
    name: String,
    paths: Vec<PathBuf>,
    set: Vec<Override>,
}

/// All of them, the base first, then the head.
fn configurations(args: &CompareArgs) -> Vec<Configuration> {
    let of = |name: &str, paths: &[PathBuf], set: &[Override]| Configuration {
        name: name.to_owned(),
        paths: paths.to_vec(),
        set: set.to_vec(),
    };
    let mut all = vec![of("base", &args.base, &[]), of("head", &args.head, &args.head_set)];
    for (name, path) in &args.other {
        match all.iter_mut().find(|one| one.name == *name) {
            Some(known) => known.paths.push(path.clone()),
            None => all.push(of(name, std::slice::from_ref(path), &[])),
        }
    }
    for (name, change) in &args.other_set {
        match all.iter_mut().find(|one| one.name == *name) {
            Some(known) => known.set.push(change.clone()),
            None => all.push(of(name, &args.head, &[args.head_set.as_slice(), std::slice::from_ref(change)].concat())),
        }
    }
    all
}

/// Runs the command.
pub(super) fn run(args: &mut CompareArgs, color: ColorChoice) -> anyhow::Result<Outcome> {
    let common = args.world.manifests.sources.filenames.clone();
    let is_standard_input = |path: &PathBuf| path == Path::new("-");
    let all = configurations(args);
    if all.iter().flat_map(|one| &one.paths).chain(&common).any(is_standard_input) {
        anyhow::bail!("manifests are compared from files: standard input can be read once only");
    }
    let own = args.world.manifests.sources.set.set.clone();
    let mut read = Vec::new();
    for one in &all {
        let recursive = args.world.manifests.sources.recursive;
        let found = files_and_sources(&one.paths, &args.head, recursive)?;
        args.world.manifests.sources.filenames = common.iter().chain(&found.0).cloned().collect();
        args.world.manifests.sources.sources = found.1;
        args.world.manifests.sources.set.set = [own.as_slice(), &one.set].concat();
        read.push(args.world.read()?);
    }
    args.world.manifests.sources.set.set = own;
    let events: Vec<OnceCell<_>> = all.iter().map(|_| OnceCell::new()).collect();
    let mut sides: Vec<Done<'_>> = Vec::new();
    let mut prices = None;
    for ((controller, manifests), events) in read.iter().zip(&events) {
        let prepared = args.world.prepare(*controller, manifests, events)?;
        prices = args.price.prices(prepared.setup.world.nodes.is_some())?;
        sides.push(Done::run(args, prepared, sides.first())?);
    }
    let Some((base, others)) = sides.split_first() else { anyhow::bail!("there are two sides") };
    // What is assumed of the head is assumed of the others, too.
    others.iter().take(1).flat_map(|side| &side.prepared.setup.targets).for_each(load::note_assumptions);
    let mut comparison = comparison(&all, base, others, prices);
    if let Some(empty) = comparison.alternatives.iter().find(|one| one.pairs.is_empty()) {
        anyhow::bail!("no HPA is in both the base and {}: {}", empty.name, empty.alone().join("; "));
    }
    let checks = checks(&args.fail_on, &comparison.alternatives)?;
    let broken = checks.iter().filter(|check| check.level == Level::Error);
    comparison.broken = broken.map(|check| format!("{}: {}", check.name, check.found)).collect();
    let mut written = Vec::new();
    if let Some(directory) = &args.output {
        let document = comparison.document();
        let mut files = vec![
            ("compare.json".to_owned(), json::bytes(&comparison.json())?),
            ("report.html".to_owned(), html::render(&document).into_bytes()),
            ("report.md".to_owned(), markdown::render(&document).into_bytes()),
        ];
        files.extend(comparison.pictures()?);
        written.extend(output::write_files(directory, files)?);
    }
    let forms = Forms {
        command: "compare",
        plot: false,
        document: &|| comparison.document(),
        json: &|| Ok(json::bytes(&comparison.json())?),
        checks: &|| checks.clone(),
    };
    output::show(&forms, args.format, color)?;
    for path in written {
        output::complain("wrote", &path.display().to_string());
    }
    let errors = sides.iter().flat_map(|side| side.prepared.errors.clone());
    InputError::unless_empty(errors.collect())?;
    Ok(if comparison.broken.is_empty() { Outcome::Done } else { Outcome::CheckFailed })
}

/// What is there as it is named, and what git has of the rest: REVISION:PATH, or a revision of the head's files.
fn files_and_sources(
    paths: &[PathBuf],
    head: &[PathBuf],
    recursive: bool,
) -> anyhow::Result<(Vec<PathBuf>, Vec<Source>)> {
    let (mut files, mut sources) = (Vec::new(), Vec::new());
    for path in paths {
        if path.exists() {
            files.push(path.clone());
            continue;
        }
        let text = path.display().to_string();
        match text.split_once(':') {
            Some((revision, path)) => sources.extend(git::sources(revision, Path::new(path), recursive)?),
            None if paths == head => files.push(path.clone()),
            None => {
                for path in head.iter().filter(|path| path.exists()) {
                    sources.extend(git::sources(&text, path, recursive)?);
                }
            }
        }
    }
    Ok((files, sources))
}

/// What it is called.
fn name(target: &Target<'_>) -> String {
    format!("{}/{}", target.hpa.namespace, target.hpa.name)
}

/// A side that has been simulated.
struct Done<'a> {
    prepared: Prepared<'a>,
    phases: Option<Vec<PhaseRuns>>,
    summaries: Vec<Summary>,
    seen: Vec<Seen>,
}

impl<'a> Done<'a> {
    /// In the phase that is typical, or that of the base.
    fn run(args: &CompareArgs, mut prepared: Prepared<'a>, base: Option<&Done<'_>>) -> anyhow::Result<Self> {
        let phases = args.world.in_phases(&mut prepared)?;
        for other in base.iter().flat_map(|base| &base.prepared.setup.targets) {
            let is_same = |target: &&mut Target<'_>| name(target) == name(other);
            prepared.setup.targets.iter_mut().filter(is_same).for_each(|target| target.phase = other.phase);
        }
        let listener = |target: &Target<'_>| Listener::new(target.hpa, target.initial_replicas.into());
        let mut kept: Vec<Listener> = prepared.setup.targets.iter().map(listener).collect();
        let summaries = simulate_all(&prepared.setup, &mut prepared.loads, &mut kept).map_err(load::explain_error)?;
        let seen = kept.into_iter().map(Listener::seen).collect();
        Ok(Self { prepared, phases, summaries, seen })
    }

    fn side(&self, index: usize) -> Side<'_> {
        Side {
            target: &self.prepared.setup.targets[index],
            summary: &self.summaries[index],
            phases: self.phases.as_ref().map(|phases| &phases[index]),
            seen: &self.seen[index],
        }
    }

    fn names(&self) -> Vec<String> {
        self.prepared.setup.targets.iter().map(name).collect()
    }
}

fn comparison<'a>(
    all: &[Configuration],
    base: &'a Done<'a>,
    others: &'a [Done<'a>],
    prices: Option<Prices>,
) -> Comparison<'a> {
    let told = |one: &Configuration| {
        let paths = one.paths.iter().map(|path| path.display().to_string());
        paths.chain(one.set.iter().map(ToString::to_string)).collect::<Vec<_>>().join(", ")
    };
    let before = base.names();
    let alternative = |(own, side): (&Configuration, &'a Done<'a>)| {
        let after = side.names();
        let alone = |own: &[String], other: &[String], side: String| -> Vec<(String, String)> {
            own.iter().filter(|name| !other.contains(name)).map(|name| (name.clone(), side.clone())).collect()
        };
        let pair = |(index, name): (usize, &String)| {
            let earlier = before.iter().position(|other| other == name)?;
            Some(Pair { base: base.side(earlier), head: side.side(index), prices })
        };
        Alternative {
            name: own.name.clone(),
            told: told(own),
            pairs: after.iter().enumerate().filter_map(pair).collect(),
            alone: [
                alone(&before, &after, "the base".to_owned()),
                alone(&after, &before, if own.name == "head" { "the head".to_owned() } else { own.name.clone() }),
            ]
            .concat(),
        }
    };
    Comparison {
        base: all.first().map(told).unwrap_or_default(),
        alternatives: all.iter().skip(1).zip(others).map(alternative).collect(),
        clock: base.prepared.loads[0].clock(),
        broken: Vec::new(),
    }
}

/// What each bound comes to, of each HPA.
fn checks(bounds: &[Bound], alternatives: &[Alternative<'_>]) -> anyhow::Result<Vec<Check>> {
    let mut all = Vec::new();
    for bound in bounds {
        let before = all.len();
        for alternative in alternatives {
            // The head needs no name.
            let own = if alternative.name == "head" { String::new() } else { format!(" in {}", alternative.name) };
            for pair in &alternative.pairs {
                let figures = pair.figures();
                for one in bound.of(&figures) {
                    let is_broken = bound.is_broken(one);
                    let (name, figure) = (name(pair.head.target), one.figure);
                    all.push(Check {
                        suite: "compare --fail-on".to_owned(),
                        name: bound.to_string(),
                        location: None,
                        found: format!("{name} has {}{own}, before {}", told(figure, one.head), told(figure, one.base)),
                        level: if is_broken { Level::Error } else { Level::Passed },
                    });
                }
            }
        }
        if all.len() == before {
            anyhow::bail!(
                "--fail-on {bound}: not known of any HPA here (slo needs --slo and requests, nodes need --nodes, a value \
                 of cost prices: --price, or pricePerMonth of the nodes)"
            );
        }
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_values_or_more_than_before() {
        let most = |text: &str| text.parse::<Bound>().map(|bound| bound.most);
        assert_eq!(most("cost>+5%"), Ok(Most::Part(0.05)));
        assert_eq!(most("waiting > 1m30s"), Ok(Most::Value(90.0)));
        assert_eq!(most("waiting>+90"), Ok(Most::More(90.0)));
        assert_eq!(most("replicas>+2"), Ok(Most::More(2.0)));
        assert!(most("replica>2").unwrap_err().contains("replicas"));
        assert_eq!(most("cost>120"), Ok(Most::Value(120.0)));
        for wrong in ["cost", "cost>5%", "pod-hours>-1", "slo>+often", "pod-hours>NaN", "lost>1m", ""] {
            assert!(most(wrong).is_err(), "{wrong}");
        }
    }
}
