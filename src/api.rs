//! The library: manifests and a load in, what the autoscalers do out.

use crate::input::load::drives::drives;
use crate::input::load::{How, Load, LoadSettings};
use crate::input::manifests::{self, Context, Manifests};
use crate::input::{Diagnostic, InputError, Source};
use crate::model::{ClusterConfig, ControllerConfig, LoadSource, LoadTable, Phases, Target};
use crate::sim::{Setup, Summary, World, simulate_all};
use crate::units::{Replicas, Span};

/// What a simulation is to be like: everything has a default.
///
/// ```
/// let mut options = hpasim::Options::default();
/// options.replicas = Some(4);
/// options.cluster.startup = "30s".parse()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Options {
    /// Settings of the kube-controller-manager, and the Kubernetes release.
    pub controller: ControllerConfig,
    /// Settings of the simulated cluster.
    pub cluster: ClusterConfig,
    /// How the load's columns are read, and what requests cost.
    pub load: LoadSettings,
    /// The namespace of objects that name none, and of the HPAs that are simulated where there are several namespaces.
    pub namespace: Option<String>,
    /// The HPA that is simulated; all of them without it, each under the same load.
    pub hpa: Option<String>,
    /// Pods at the start; the workload's `spec.replicas` without it.
    pub replicas: Option<Replicas>,
    /// How long; as long as the load without it.
    pub duration: Option<Span>,
    /// Seed of everything that is drawn at random.
    pub seed: u64,
}

/// What an HPA did.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Outcome {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub hpa: String,
    /// The numbers, and every change of the replica count with its decision.
    pub summary: Summary,
}

/// Reads manifests: names of files, which errors mention, with their YAML or JSON. What the API server would refuse is an error.
pub fn read_manifests<'a>(
    files: impl IntoIterator<Item = (&'a str, &'a str)>,
    options: &Options,
) -> Result<Manifests, InputError> {
    let source = |(name, text): (&str, &str)| Source { name: name.to_owned(), text: text.to_owned() };
    let sources: Vec<Source> = files.into_iter().map(source).collect();
    manifests::read(&sources, Context::new(options.controller.version, options.namespace.as_deref()))?.accepted()
}

/// Reads a load: a CSV file with a column `time`, and `cpu`, `memory`, `rps` or the names of metrics; or a recording, as
/// `hpasim import` reads it.
pub fn read_load(csv: &str) -> Result<LoadTable, InputError> {
    let mut load = Load::new("load", Box::new(std::io::Cursor::new(csv.to_owned())), &How::default())?;
    Ok(load.table(None, Span::LONGEST)?.unwrap_or_default())
}

/// Simulates the HPAs under a load, in one world, with syncs, scrapes and samples in the middle of their periods.
///
/// ```
/// let options = hpasim::Options::default();
/// let manifests = hpasim::read_manifests([("web.yaml", r#"
/// apiVersion: apps/v1
/// kind: Deployment
/// metadata: {name: web}
/// spec:
///   replicas: 3
///   selector: {matchLabels: {app: web}}
///   template:
///     metadata: {labels: {app: web}}
///     spec: {containers: [{name: web, image: web, resources: {requests: {cpu: 500m}}}]}
/// ---
/// apiVersion: autoscaling/v2
/// kind: HorizontalPodAutoscaler
/// metadata: {name: web}
/// spec:
///   scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}
///   minReplicas: 3
///   maxReplicas: 10
///   metrics: [{type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 70}}}]
/// "#)], &options)?;
/// let load = hpasim::read_load("time,cpu\n0s,1.2\n10m,1.2\n")?;
/// let outcomes = hpasim::simulate(&manifests, &load, &options)?;
/// // Three pods at 80% of their request become four, which are at 60%.
/// assert_eq!(outcomes[0].summary.max_replicas(), 4);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn simulate(manifests: &Manifests, load: &LoadTable, options: &Options) -> Result<Vec<Outcome>, InputError> {
    let sensible = options.controller.check().and_then(|()| options.cluster.check(options.controller.sync_period));
    sensible.map_err(|wrong| Diagnostic::new(format!("{} {}", wrong.setting, wrong.problem)))?;
    let chosen = manifests.chosen(options.namespace.as_deref(), options.hpa.as_deref())?;
    let by_name = manifests.targets();
    let selections = chosen.iter().map(|hpa| by_name.of(hpa)).collect::<Result<Vec<_>, _>>()?;
    let workloads: Vec<_> = selections.iter().map(|selection| &selection.target.item).collect();
    let neighbourhood = manifests.inventory.neighbourhood(&workloads);
    let mut targets = Vec::new();
    for selection in &selections {
        let (hpa, workload) = (&selection.hpa.item, &selection.target.item);
        let drives = drives(load.columns(), hpa, &workload.template, &options.load, &mut Vec::new())
            .map_err(|error| error.located(&selection.hpa.location()))?;
        targets.push(Target {
            hpa,
            workload,
            phase: Phases::of(&options.cluster, &options.controller).middle(),
            cluster: options.cluster.clone(),
            drives,
            interpolation: options.load.interpolation,
            initial_replicas: options.replicas.or(workload.replicas).unwrap_or(1),
            neighbours: neighbourhood.of(hpa, workload),
            callers: Vec::new(),
        });
    }
    let quotas = manifests.inventory.shared_quotas(&workloads);
    let (controller, seed, duration) = (options.controller, options.seed, options.duration);
    let setup = Setup { world: World { controller, seed, duration, quotas, ..World::default() }, targets };
    let mut loads = vec![load.clone(); setup.targets.len()];
    let mut nobody = vec![(); setup.targets.len()];
    let summaries =
        simulate_all(&setup, &mut loads, &mut nobody).map_err(|error| Diagnostic::new(error.to_string()))?;
    let outcome = |(target, summary): (&Target<'_>, Summary)| Outcome {
        namespace: target.hpa.namespace.clone(),
        hpa: target.hpa.name.clone(),
        summary,
    };
    Ok(setup.targets.iter().zip(summaries).map(outcome).collect())
}
