//! What `simulate` and `explain` simulate: HPAs of manifests under their loads, in one world.

use std::cell::OnceCell;
use std::path::{Path, PathBuf};

use clap::Args;
use jiff::tz::TimeZone;

use super::args::{self, read_standard_input_once};
use super::cluster::{ClusterArgs, NodeArgs};
use super::happening::EventArgs;
use super::load::{self, LoadFiles, LoadOptions};
use super::manifests::ManifestArgs;
use super::observation::Observation;
use super::output;
use crate::input::load::{CpuFrom, Load};
use crate::input::manifests::Manifests;
use crate::input::scenario::recorded_events;
use crate::input::{Diagnostic, InputError};
use crate::model::{Column, ControllerConfig, HpaSpec, LoadSource, Placed, Room, ScheduledEvent, Target, Workload};
use crate::sim::Setup;
use crate::study::backtest::Seen;
use crate::study::phases::{PhaseRuns, WorldPhases};
use crate::study::{Simulated, TargetLoad};

/// Manifests, loads, and the cluster that they meet in.
#[derive(Debug, Args)]
pub(super) struct WorldArgs {
    #[command(flatten)]
    pub manifests: ManifestArgs,
    #[command(flatten)]
    load: LoadArgs,
    #[command(flatten)]
    pub events: EventArgs,
    #[command(flatten)]
    pub cluster: ClusterArgs,
    #[command(flatten)]
    nodes: NodeArgs,
    #[command(flatten)]
    controller: ControllerConfig,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Load")]
struct LoadArgs {
    /// Load trace (CSV), a recording (cpu=FILE says what its series are), a folder of `hpasim import`, or - for standard input:
    /// of every HPA, or HPA=FILE of one of several; repeatable
    #[arg(long, value_name = "[HPA=]FILE|DIR|-")]
    load: Vec<String>,
    #[command(flatten)]
    options: LoadOptions,
}

/// CPU of a request where it is fitted: in the middle of what is tried.
const GUESSED_CPU: &str = "20m";

/// What is to be simulated.
pub(super) struct Prepared<'a> {
    pub setup: Setup<'a>,
    pub loads: Vec<Load>,
    /// What quotas and LimitRanges leave for the pods of each target.
    pub rooms: Vec<Room<'a>>,
    /// What cannot be simulated, to be said at the end.
    pub errors: Vec<Diagnostic>,
    /// Whether several HPAs were asked for.
    pub several: bool,
}

impl WorldArgs {
    /// Which columns of a load may be others than they are: constants are what is said of them, unless nothing else is there.
    pub fn varies(&self, load: &Load) -> Vec<bool> {
        let constants: Vec<Column> =
            self.load.options.constant.iter().map(|(column, _)| Column::from_name(column)).collect();
        let is_all = self.load.load.is_empty();
        load.columns().iter().map(|column| is_all || !constants.contains(column)).collect()
    }

    /// Takes this load.
    pub fn take_load(&mut self, path: &Path) {
        self.load.load = vec![path.display().to_string()];
    }

    /// What a request costs is guessed, to be fitted, where nothing is said of it.
    pub fn guess_cpu_per_request(&mut self) {
        let settings = &mut self.load.options.settings;
        settings.cpu_per_request = settings.cpu_per_request.or_else(|| GUESSED_CPU.parse().ok());
    }

    /// What was recorded of the only HPA that is meant, from the start of its load on.
    pub fn observation(&self, path: &Path, manifests: &Manifests) -> anyhow::Result<Observation> {
        let chosen = manifests.chosen(self.manifests.sources.namespace.as_deref(), self.manifests.hpa.as_deref())?;
        let [hpa] = chosen.as_slice() else {
            anyhow::bail!("a calibration is of one HPA: choose it with --hpa NAME (and -n NAMESPACE)");
        };
        let load = load::open(Some(path), &self.load.options, &hpa.item)?;
        let epoch = load.clock().map(|clock| clock.epoch_seconds());
        Observation::read(path, self.zone(), &hpa.item, epoch)
    }

    /// What was recorded of an HPA beside its load, if replicas were: as they were over time, and at the start.
    pub fn recorded(&self, manifests: &Manifests, hpa: &HpaSpec, load: &Load) -> anyhow::Result<Option<(Seen, f64)>> {
        let files = LoadFiles::of(&self.load.load, manifests)?;
        let path = files.of_hpa(hpa, !self.load.options.constant.is_empty())?.flatten();
        let Some(path) = path.filter(|path| path.exists()) else { return Ok(None) };
        let epoch = load.clock().map(|clock| clock.epoch_seconds());
        let found = Observation::read(path, self.zone(), hpa, epoch).ok();
        Ok(found.map(|found| (found.seen, found.initial)))
    }

    /// Says that there is more in a folder of `hpasim import` than is simulated.
    pub fn note_recorded_events(&self, observed: &Path) {
        let found = recorded_events(observed, true).map(|(events, _)| events.len()).unwrap_or(0);
        if observed.is_dir() && self.events.is_empty() && found > 0 {
            let what = if found == 1 { "an event".to_owned() } else { format!("{found} events") };
            let path = observed.display();
            let note = format!("{what} of {path} could be simulated, too, and may explain what is off: --event {path}");
            output::complain("note", &note);
        }
    }

    /// Lets CPU follow from requests, unless it is said what it follows from; says whether it does so in place of CPU that was recorded.
    pub fn prefer_requests(&mut self) -> bool {
        let settings = &mut self.load.options.settings;
        settings.cpu_from.get_or_insert(CpuFrom::Requests);
        matches!(settings.cpu_from, Some(CpuFrom::Requests | CpuFrom::Rps))
    }

    /// Other recordings of an HPA, each from its own start on.
    pub fn others(&self, paths: &[PathBuf], hpa: &HpaSpec) -> anyhow::Result<Vec<Seen>> {
        let one = |path: &PathBuf| {
            let epoch = load::open(Some(path), &self.load.options, hpa)?.clock().map(|clock| clock.epoch_seconds());
            Ok(Observation::read(path, self.zone(), hpa, epoch)?.seen)
        };
        paths.iter().map(one).collect()
    }

    /// The zone of times that have none.
    pub fn zone(&self) -> TimeZone {
        self.load.options.zone.0.clone()
    }

    /// Reads the manifests.
    pub fn read(&self) -> anyhow::Result<(ControllerConfig, Manifests)> {
        let controller = args::controller(self.controller)?;
        let inputs = self.manifests.sources.filenames.iter().map(PathBuf::as_path);
        read_standard_input_once(inputs.chain(LoadFiles::paths(&self.load.load)))?;
        let manifests = self.manifests.read(controller.version, self.cluster.replicas, false)?;
        Ok((controller, manifests))
    }

    /// The world of the HPAs that have a load; `events` has room for what happens in it.
    pub fn prepare<'a>(
        &self,
        controller: ControllerConfig,
        manifests: &'a Manifests,
        events: &'a OnceCell<Vec<ScheduledEvent>>,
    ) -> anyhow::Result<Prepared<'a>> {
        let namespace = self.manifests.sources.namespace.as_deref();
        let chosen = manifests.chosen(namespace, self.manifests.hpa.as_deref())?;
        let Found { targets, loads, rooms, errors } = targets(self, &controller, manifests, &chosen)?;
        if targets.is_empty() {
            InputError::unless_empty(errors)?;
            anyhow::bail!("no HPA has a load: give --load FILE, or HPA=FILE for some of them, or --constant cpu=2.5");
        }
        let world = load::world(&self.load.options, &self.cluster, controller);
        let mut setup = Setup { world, targets };
        let workloads: Vec<&Workload> = setup.targets.iter().map(|target| target.workload).collect();
        setup.world.nodes = self.nodes.config(&manifests.inventory, &workloads)?;
        setup.world.quotas = manifests.inventory.shared_quotas(&workloads);
        load::warn_of_shared_quotas(&setup);
        let happens: Vec<_> = setup.targets.iter().zip(loads.iter().map(LoadSource::clock)).collect();
        let (set, has_nodes) = (&self.manifests.sources.set.set, setup.world.nodes.is_some());
        let happening = self.events.all(set, &happens, has_nodes, controller)?;
        setup.world.events = events.get_or_init(|| happening);
        Ok(Prepared { setup, loads, rooms, errors, several: chosen.len() > 1 })
    }

    /// Puts the targets into typical phases; the same in other phases, unless that takes too long.
    pub fn in_phases(&self, prepared: &mut Prepared<'_>) -> anyhow::Result<Option<Vec<PhaseRuns>>> {
        let phases = phases_of(self, &prepared.setup, &mut prepared.loads)?;
        for (target, phases) in prepared.setup.targets.iter_mut().zip(phases.iter().flatten()) {
            target.phase = phases.phase();
        }
        Ok(phases)
    }
}

/// What is scaled under the loads that are given, and what of it cannot be simulated.
#[derive(Default)]
struct Found<'a> {
    targets: Vec<Target<'a>>,
    loads: Vec<Load>,
    rooms: Vec<Room<'a>>,
    errors: Vec<Diagnostic>,
}

/// What is scaled under the loads that are given, and what of it cannot be simulated: an error at the end where there are
/// several.
fn targets<'a>(
    args: &WorldArgs,
    controller: &ControllerConfig,
    manifests: &'a Manifests,
    chosen: &[&'a Placed<HpaSpec>],
) -> anyhow::Result<Found<'a>> {
    let files = LoadFiles::of(&args.load.load, manifests)?;
    let shared = files.is_for_all() || args.load.load.is_empty();
    if chosen.len() > 1 && shared && !files.has_folder_for_each() {
        let note = format!(
            "{} HPAs match, and each has the same load; --load HPA=FILE gives one its own, --hpa NAME (and -n NAMESPACE) \
             chooses one",
            chosen.len()
        );
        output::complain("note", &note);
    }
    let mut found = Found::default();
    let constants = !args.load.options.constant.is_empty();
    let by_name = manifests.targets();
    let neighbourhood = manifests.inventory.neighbourhood(&files.simulated(&by_name, chosen, constants)?);
    for hpa in chosen {
        let path = match files.of_hpa(&hpa.item, constants)? {
            Some(path) => path,
            None if chosen.len() == 1 => None,
            None => {
                let HpaSpec { namespace, name, .. } = &hpa.item;
                output::complain("note", &format!("{namespace}/{name} has no load: it stays as it is"));
                continue;
            }
        };
        if chosen.len() > 1 && path == Some(Path::new("-")) && files.is_for_all() {
            let all = chosen.len();
            anyhow::bail!("a load from standard input is for one HPA, and {all} match; choose one with --hpa NAME");
        }
        let one = || -> anyhow::Result<(Target<'a>, Load)> {
            let selection = by_name.of(hpa)?;
            let load = load::open(path, &args.load.options, &hpa.item)?;
            let (options, columns) = (&args.load.options, load.columns());
            let target = load::target(options, &args.cluster, controller, &neighbourhood, &selection, columns)?;
            Ok((target, load))
        };
        match one() {
            Ok((target, load)) => {
                found.rooms.push(neighbourhood.room(target.workload));
                found.targets.push(target);
                found.loads.push(load);
            }
            Err(error) => found.errors.extend(error.downcast::<InputError>()?.diagnostics().to_vec()),
        }
    }
    Ok(found)
}

/// The same in other phases, unless that takes too long.
fn phases_of(args: &WorldArgs, setup: &Setup<'_>, loads: &mut [Load]) -> anyhow::Result<Option<Vec<PhaseRuns>>> {
    let controller = &setup.world.controller;
    let mut tables = Vec::new();
    for load in loads.iter_mut() {
        let Some(table) = load.table(setup.world.duration, args.cluster.longest(controller))? else { return Ok(None) };
        tables.push(TargetLoad { workload: 0, table, varies: Vec::new() });
    }
    let simulated = Simulated { setup: setup.clone(), loads: tables };
    let Some(count) = args.cluster.phases(simulated.length(), controller) else { return Ok(None) };
    let phases = WorldPhases::run(&simulated, count).map_err(load::explain_error)?;
    let is_one = phases.is_cut && phases.runs.len() == 1;
    Ok((!is_one).then(|| (0..loads.len()).map(|index| phases.of(index)).collect()))
}
