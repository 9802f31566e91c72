//! Arguments about the load and the cluster, and opening the load: what `simulate` and `plan` share.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::Path;

use clap::Args;

use super::args::{Zone, meant, positive_span};
use super::cluster::ClusterArgs;
use super::output;
use crate::input::load::drives;
use crate::input::load::trace::parse_value;
use crate::input::load::{FOLDER_LOAD, How, Load, LoadSettings, as_input_error};
use crate::input::manifests::{Manifests, Selection, Targets};
use crate::input::names::hint;
use crate::input::overrides::{LoadFactor, Override, Until};
use crate::input::recording::{Options, Subject};
use crate::input::{Diagnostic, InputError};
use crate::model::{
    Action, Column, ControllerConfig, HpaSpec, KubernetesVersion, LoadSource as _, MetricTarget, Neighbourhood,
    Neighbours, Phases, Placed, ResourceMetric, ScheduledEvent, Signal, Target, Workload,
};
use crate::report::assumptions;
use crate::sim::{Setup, SimError, World};
use crate::units::{Clock, Quantity, SimTime, Span, When};

/// How the load is read and what requests cost.
#[derive(Debug, Args)]
#[command(next_help_heading = "Load")]
pub(super) struct LoadOptions {
    /// A column with the same value all the time, such as memory_utilization=40; repeatable.
    /// Without --load it needs --duration
    #[arg(long, value_name = "COLUMN=VALUE", value_parser = constant)]
    pub constant: Vec<(String, f64)>,
    /// Mend the trace where it can be: sort rows, drop duplicate and negative times, hold the last good
    /// value over bad ones and gaps; the repairs are counted
    #[arg(long)]
    pub repair: bool,
    /// Zone of times in recordings that have none, such as Europe/Berlin or +01:00
    #[arg(long, value_name = "ZONE", default_value = "UTC")]
    pub zone: Zone,
    /// How long to simulate [default: as long as the load lasts]
    #[arg(long, value_name = "DURATION", value_parser = positive_span)]
    pub duration: Option<Span>,
    #[command(flatten)]
    pub settings: LoadSettings,
}

fn constant(text: &str) -> Result<(String, f64), String> {
    let (name, value) = text.rsplit_once('=').ok_or("write COLUMN=VALUE, such as cpu=2.5")?;
    let column = Column::from_name(name);
    let number = parse_value(&column, value).ok_or_else(|| format!("`{value}` is not a number"))?;
    column.check(number).map_err(|problem| format!("`{value}` {problem}"))?;
    if name.is_empty() { Err("the column has no name".into()) } else { Ok((name.to_owned(), number)) }
}

/// What is scaled: an HPA, its target and what its load's columns drive.
pub(super) fn target<'a>(
    options: &LoadOptions,
    cluster: &ClusterArgs,
    controller: &ControllerConfig,
    neighbourhood: &Neighbourhood<'_>,
    selection: &Selection<'a>,
    columns: &[Column],
) -> anyhow::Result<Target<'a>> {
    let (hpa, workload) = (&selection.hpa.item, &selection.target.item);
    let cluster_config = cluster.config(controller)?;
    let mut warnings = Vec::new();
    let drives = drives::drives(columns, hpa, &workload.template, &options.settings, &mut warnings)
        .map_err(|error| error.located(&selection.hpa.location()))?;
    warn_missing_requests(selection, controller.version, &mut warnings);
    let neighbours = neighbourhood.of(hpa, workload);
    warn_of_neighbours(selection, &neighbours, &mut warnings);
    output::warn(&warnings);
    Ok(Target {
        hpa,
        workload,
        phase: Phases::of(&cluster_config, controller).middle(),
        cluster: cluster_config,
        drives,
        interpolation: options.settings.interpolation,
        initial_replicas: cluster.replicas.or(workload.replicas).unwrap_or(1),
        neighbours,
        callers: Vec::new(),
    })
}

/// Whether the load is changed.
pub(super) fn has_factors(overrides: &[Override]) -> bool {
    overrides.iter().any(|one| matches!(one, Override::LoadFactor(_)))
}

/// When the load is so many times what it says (`--set load.factor=3@09:00`), for each target with the clock of its load.
pub(super) fn factors(
    overrides: &[Override],
    targets: &[(&HpaSpec, Option<Clock>)],
) -> anyhow::Result<Vec<ScheduledEvent>> {
    let mut events = Vec::new();
    let notes = RefCell::new(BTreeSet::new());
    for one in overrides {
        let Override::LoadFactor(LoadFactor { hpa, factor, from, until, .. }) = one else { continue };
        let is_meant = |target: &HpaSpec| hpa.as_ref().is_none_or(|name| names(name, target));
        let meant = targets.iter().enumerate().filter(|(_, (target, _))| is_meant(target));
        let before = events.len();
        for (target, &(_, clock)) in meant {
            let when = |at: When| instant(at, clock, "--set load.factor", &mut notes.borrow_mut());
            let at = from.map_or(Ok(SimTime::ZERO), when)?;
            let lasts = match until {
                None => None,
                Some(Until::For(span)) => Some(*span),
                Some(Until::At(end)) => {
                    let end = when(*end)?;
                    if end <= at {
                        anyhow::bail!("--set load.factor: it ends at {end}, which is not after its beginning, {at}");
                    }
                    Some(end - at)
                }
            };
            events.push(ScheduledEvent { at, target, action: Action::LoadFactor { factor: *factor, lasts } });
        }
        if events.len() == before {
            let name = hpa.as_deref().unwrap_or_default();
            let known = targets.iter().map(|(target, _)| target.name.as_str());
            anyhow::bail!("--set load.{name}.factor: no HPA `{name}` is simulated; {}", hint(name, known));
        }
    }
    events.sort_by_key(|event| event.at);
    notes.into_inner().iter().for_each(|note| output::complain("note", note));
    Ok(events)
}

/// A time that an option gives; what is assumed where the load has no timestamps goes to the notes.
pub(super) fn instant(
    at: When,
    clock: Option<Clock>,
    option: &str,
    notes: &mut BTreeSet<String>,
) -> anyhow::Result<SimTime> {
    let found = at.in_simulation(clock).map_err(|wrong| anyhow::anyhow!("{option}: {wrong}"))?;
    if clock.is_none() && at.needs_clock() {
        notes.insert(format!("the load has no timestamps: {at} is taken as {found} after its start"));
    }
    Ok(found)
}

/// Says which changes of the load come too late to matter.
pub(super) fn warn_of_late_events(events: &[ScheduledEvent], duration: Span) {
    let late = events.iter().filter(|event| event.at.since_start() >= duration);
    let told = |event: &ScheduledEvent| {
        format!("at {}: {}: that is after the end, {duration}", event.at, event.action.describe())
    };
    let all: BTreeSet<String> = late.map(told).collect();
    all.iter().for_each(|warning| output::complain("warning", warning));
}

/// What all targets share.
pub(super) fn world(options: &LoadOptions, cluster: &ClusterArgs, controller: ControllerConfig) -> World<'static> {
    World { controller, seed: cluster.seed, duration: options.duration, ..World::default() }
}

/// Says what was assumed in a simulation, and what of it has no effect.
pub(super) fn note_assumptions(target: &Target<'_>) {
    if let Some(note) = assumptions::startup(target.cluster.startup, target.workload, "--startup") {
        output::complain("note", &note);
    }
    if target.cluster.slo.is_some() && target.drives.requests.is_none() {
        let message = "--slo has no effect: the load is not made of requests (rps or clients, with --cpu-per-request)";
        output::complain("warning", message);
    }
}

/// Load files by the HPA that they are for: `[[NAMESPACE/]HPA=]FILE`.
#[derive(Debug, Default)]
pub(super) struct LoadFiles<'a> {
    /// The one without a name, and those with one.
    for_all: Vec<&'a Path>,
    named: Vec<(&'a str, &'a Path)>,
}

impl<'a> LoadFiles<'a> {
    /// From the options; a file may have an equals sign in its name.
    pub fn of(options: &'a [String], manifests: &Manifests) -> anyhow::Result<Self> {
        let mut files = Self::default();
        for text in options {
            // What the series of a recording are may stand before it, too.
            let is_meaning = |name: &str| Signal::NAMED.iter().any(|(known, _)| *known == name);
            let is_name = |name: &str| is_hpa(manifests, name) || !(Path::new(text).exists() || is_meaning(name));
            let named = text.split_once('=').filter(|(name, _)| is_name(name));
            match named {
                Some((name, file)) => files.named.push((name, Path::new(file))),
                None => files.for_all.push(Path::new(text.as_str())),
            }
        }
        if files.for_all.len() > 1 {
            anyhow::bail!("there are two loads without a name; name the HPA of each: --load HPA=FILE");
        }
        for (name, _) in &files.named {
            if !is_hpa(manifests, name) {
                let known: Vec<&str> = manifests.inventory.hpas.iter().map(|hpa| hpa.item.name.as_str()).collect();
                let hint = hint(name, known.iter().copied());
                return Err(
                    InputError::from(Diagnostic::new(format!("--load: there is no HPA `{name}`")).hint(hint)).into()
                );
            }
        }
        Ok(files)
    }

    /// The load of an HPA, if it has one: its own, or the one for all. None within is no file, but constants.
    pub fn of_hpa(&self, hpa: &HpaSpec, constants: bool) -> anyhow::Result<Option<Option<&'a Path>>> {
        let mut own = self.named.iter().filter(|(name, _)| names(name, hpa));
        let first = own.next();
        if own.next().is_some() {
            anyhow::bail!("{} has two loads; name the HPA of each: --load HPA=FILE", hpa.name);
        }
        let file = first.map(|(_, file)| *file).or(self.for_all.first().copied());
        Ok(file.map(Some).or((constants && self.named.is_empty()).then_some(None)))
    }

    /// The targets of the HPAs that have a load.
    pub fn simulated<'m>(
        &self,
        targets: &Targets<'m>,
        chosen: &[&'m Placed<HpaSpec>],
        constants: bool,
    ) -> anyhow::Result<Vec<&'m Workload>> {
        let mut all = Vec::new();
        for hpa in chosen {
            let has_load = self.of_hpa(&hpa.item, constants)?.is_some();
            // What has no target is complained of later.
            all.extend(targets.of(hpa).ok().filter(|_| has_load).map(|found| &found.target.item));
        }
        Ok(all)
    }

    /// Whether there is a file for every HPA.
    pub fn is_for_all(&self) -> bool {
        !self.for_all.is_empty()
    }

    /// Whether it is a folder in which each HPA has its own.
    pub fn has_folder_for_each(&self) -> bool {
        self.for_all.iter().any(|path| path.is_dir() && !path.join(FOLDER_LOAD).is_file())
    }

    /// All files.
    pub fn paths(options: &[String]) -> impl Iterator<Item = &Path> {
        options.iter().map(|load| Path::new(load.rsplit('=').next().unwrap_or(load)))
    }
}

/// Whether a name, with or without its namespace, is an HPA's.
fn names(name: &str, hpa: &HpaSpec) -> bool {
    match name.split_once('/') {
        Some((namespace, name)) => hpa.namespace == namespace && hpa.name == name,
        None => hpa.name == name,
    }
}

fn is_hpa(manifests: &Manifests, name: &str) -> bool {
    manifests.inventory.hpas.iter().any(|hpa| names(name, &hpa.item))
}

/// What the namespace makes of the target's pods.
fn warn_of_neighbours(selection: &Selection<'_>, neighbours: &Neighbours, warnings: &mut Vec<Diagnostic>) {
    let (hpa, target) = (selection.hpa, selection.target);
    if hpa.item.target.resolves().is_err() {
        let message = format!("the controller does not find {}: nothing scales (FailedGetScale)", hpa.item.target);
        warnings.push(Diagnostic::new(message).at(hpa.location()).field("spec.scaleTargetRef"));
    }
    if !neighbours.ambiguous_with.is_empty() {
        let others = neighbours.ambiguous_with.join(", ");
        let message = format!(
            "pods of {} are also those of {others}: neither HPA scales on its metrics (AmbiguousSelector)",
            target.item.reference
        );
        let hint = "merge two HPAs on one workload; give each workload labels and a selector of its own";
        warnings.push(Diagnostic::new(message).at(target.location()).field("spec.selector").hint(hint));
    }
    for pods in &neighbours.foreign {
        let message = format!(
            "selects {} pods of {} as well: they count as pods of this HPA, and are taken to use nothing",
            pods.pods, pods.workload
        );
        let hint = "give each workload labels and a selector of its own";
        warnings.push(Diagnostic::new(message).at(target.location()).field("spec.selector").hint(hint));
    }
    if let Some(allowance) = neighbours.allowance.as_ref().filter(|allowed| allowed.pods < hpa.item.max_replicas) {
        let message =
            format!("at most {} pods of {} are made: {}", allowance.pods, target.item.reference, allowance.reason);
        warnings.push(Diagnostic::new(message).at(allowance.location.clone()));
    }
}

/// Targets that do not all get what they may ask for.
pub(super) fn warn_of_shared_quotas(setup: &Setup<'_>) {
    for quota in &setup.world.quotas {
        let users = quota.users.iter().map(|(user, each)| (&setup.targets[*user], each));
        let most = users.clone().map(|(target, each)| each.times(target.hpa.max_replicas.into()));
        let most = most.fold(Quantity::ZERO, |sum, more| sum + more);
        if most > quota.left {
            let names: Vec<String> = users.map(|(target, _)| target.workload.reference.to_string()).collect();
            let message = format!(
                "{} share ResourceQuota {}: at maxReplicas they ask for {most} of {}, and {} is left for them",
                names.join(", "),
                quota.name,
                quota.resource,
                quota.left
            );
            output::warn(&[Diagnostic::new(message).at(quota.location.clone())]);
        }
    }
}

/// A utilization target of a pod without that request never gives a replica count.
fn warn_missing_requests(selection: &Selection<'_>, version: KubernetesVersion, warnings: &mut Vec<Diagnostic>) {
    for (index, metric) in selection.hpa.item.metrics.iter().enumerate() {
        let Some(ResourceMetric { container, name, target: MetricTarget::Utilization(_) }) = metric.resource() else {
            continue;
        };
        let template = &selection.target.item.template;
        if let Err(missing) = template.hpa_request(container, name, version) {
            let message = format!("{missing} has no {name} request, so that this utilization is never known");
            let hint = format!("add resources.requests.{name} to the container at {}", selection.target.location());
            let at = selection.hpa.location();
            warnings.push(Diagnostic::new(message).at(at).field(format!("spec.metrics[{index}]")).hint(hint));
        }
    }
}

/// Opens the load that the options give.
pub(super) fn open(path: Option<&Path>, options: &LoadOptions, hpa: &HpaSpec) -> Result<Load, InputError> {
    let constants: Vec<(Column, f64)> =
        options.constant.iter().map(|(name, value)| (Column::from_name(name), *value)).collect();
    let (meaning, path) = path.map(meant).map_or((None, None), |(meaning, path)| (meaning, Some(path)));
    let reading = Options { zone: options.zone.0.clone(), meaning, ..Options::of(hpa) };
    let how = How {
        constants: &constants,
        repair: options.repair,
        options: reading,
        subject: Subject::of(hpa),
        recorded_age: options.settings.recorded_age,
    };
    let load = Load::open(path, &how, options.duration)?;
    let columns = load.columns();
    let twice = (1..columns.len()).find(|index| columns[..*index].contains(&columns[*index]));
    match twice {
        None => Ok(load),
        Some(index) => {
            let message = format!("the load has the column `{}` twice", columns[index]);
            Err(Diagnostic::new(message).hint("give it once: in the trace, or by one --constant").into())
        }
    }
}

/// Says how the trace was read, where it could have been meant otherwise, and what was mended.
pub(super) fn note_reading(load: &Load) {
    load.remarks().iter().for_each(|remark| output::complain("note", remark));
}

/// An error of the load is one of the input; the others say all there is to say.
pub(super) fn explain_error(error: SimError) -> anyhow::Error {
    match error {
        SimError::Load(error) => as_input_error(error).into(),
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
