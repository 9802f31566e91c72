//! Node shapes: files of the user's, and a small table of generic ones.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::manifests::amounts;
use super::manifests::problems::Problems;
use super::manifests::raw::{RawQuantity, ResourceList};
use super::names::{hint, typed};
use super::yaml::{Document, read_documents};
use super::{Diagnostic, InputError, Source};
use crate::model::{
    Amounts, Inventory, NodePool, NodeSettings, NodeShape, NodesConfig, ObjectId, Taint, Workload, WorkloadController,
};
use crate::units::{Quantity, Replicas};

/// The kubelet's default `maxPods`.
const DEFAULT_MAX_PODS: i64 = 110;
/// The kubelet's default `evictionHard` on Linux: `memory.available`, and `nodefs.available` in percent
/// (`pkg/kubelet/apis/config/v1beta1/defaults_linux.go`).
const DEFAULT_EVICTION_MEMORY: Quantity = Quantity::from_milli_binary(100 * 1024 * 1024 * 1000);
const DEFAULT_EVICTION_STORAGE_PERCENT: i64 = 10;

/// Generic shapes: cores and GiB of memory. No provider's list, and no prices.
const GENERIC: [(&str, i64, i64); 6] = [
    ("generic-2x8", 2, 8),
    ("generic-4x16", 4, 16),
    ("generic-8x16", 8, 16),
    ("generic-8x32", 8, 32),
    ("generic-16x64", 16, 64),
    ("generic-32x128", 32, 128),
];

/// Node shapes. A file may have several documents.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFile {
    nodes: Vec<RawShape>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RawShape {
    name: String,
    cpu: RawQuantity,
    memory: RawQuantity,
    ephemeral_storage: Option<RawQuantity>,
    /// Extended resources and huge pages.
    #[serde(default)]
    resources: ResourceList,
    max_pods: Option<i64>,
    zones: Option<i64>,
    kube_reserved: Option<Reserved>,
    #[serde(default)]
    system_reserved: ResourceList,
    eviction_hard: Option<BTreeMap<String, RawQuantity>>,
    #[serde(default)]
    labels: BTreeMap<String, String>,
    #[serde(default)]
    taints: Vec<RawTaint>,
    price_per_month: Option<f64>,
    max_nodes: Option<i64>,
}

/// `graduated`, or amounts.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
enum Reserved {
    Formula(String),
    Amounts(ResourceList),
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawTaint {
    key: String,
    #[serde(default)]
    value: String,
    effect: String,
}

/// The most nodes of a shape that are simulated one by one.
pub const MOST_SIMULATED: i64 = 10_000;

/// A number of nodes that cannot be.
#[derive(Clone, Debug)]
pub struct WrongNumber {
    /// The field that has it, below the nodes.
    pub field: String,
    /// The name of the shape.
    pub shape: String,
    /// What is wrong.
    pub problem: String,
    /// What would be right.
    pub hint: Option<String>,
}

/// The nodes of the settings, made of the shapes of their file.
pub fn config(
    shapes: &[NodeShape],
    settings: &NodeSettings,
    inventory: &Inventory,
    targets: &[&Workload],
) -> Result<NodesConfig, WrongNumber> {
    let none = BTreeMap::new();
    let least = settings.autoscaler.as_ref().map_or(&none, |autoscaler| &autoscaler.min_nodes);
    let named = settings.start.iter().map(|(name, count)| ("start", name, count));
    for (field, name, count) in named.chain(least.iter().map(|(name, count)| ("autoscaler.minNodes", name, count))) {
        let wrong = |problem: String, hint| {
            Err(WrongNumber { field: format!("{field}.{name}"), shape: name.clone(), problem, hint })
        };
        if !shapes.iter().any(|shape| shape.name == *name) {
            let known: Vec<&str> = shapes.iter().map(|shape| shape.name.as_str()).collect();
            let hint = hint(name, known.iter().copied());
            return wrong(format!("{} has no shape `{name}`", settings.file), Some(hint));
        }
        if !(0..=MOST_SIMULATED).contains(count) {
            return wrong(format!("is {count} and must be from 0 to {MOST_SIMULATED}"), None);
        }
    }
    Ok(NodesConfig {
        pools: pools(shapes, &settings.start, least),
        autoscaler: settings.autoscaler.clone(),
        others: others(inventory, targets),
        budgets: inventory.budgets.iter().map(|budget| budget.item.clone()).collect(),
        namespaces: inventory.namespace_labels.clone(),
    })
}

/// Pools of nodes of the shapes that are named: how many at the start, the fewest, and up to the shape's `maxNodes`.
fn pools(shapes: &[NodeShape], start: &BTreeMap<String, i64>, least: &BTreeMap<String, i64>) -> Vec<NodePool> {
    let pool = |shape: &NodeShape| {
        let nodes = *start.get(&shape.name)?;
        let max_nodes = shape.max_nodes.unwrap_or(MOST_SIMULATED).max(nodes);
        let min_nodes = least.get(&shape.name).copied().unwrap_or(nodes).min(nodes);
        Some(NodePool { shape: shape.clone(), nodes, min_nodes, max_nodes })
    };
    shapes.iter().filter_map(pool).collect()
}

/// The other workloads, whose pods are on the nodes from the start; Jobs do not run.
fn others(inventory: &Inventory, targets: &[&Workload]) -> Vec<(Workload, Replicas)> {
    let ids: BTreeSet<ObjectId> = targets.iter().map(|target| target.id()).collect();
    let other = |workload: &Workload| {
        let pods = match workload.controller {
            _ if workload.is_scalable() => workload.replicas.unwrap_or(1),
            WorkloadController::Pod => 1,
            _ => 0,
        };
        (!ids.contains(&workload.id())).then(|| (workload.clone(), pods))
    };
    inventory.workloads.iter().filter_map(|placed| other(&placed.item)).collect()
}

/// The built-in shapes, with the graduated reservation and the kubelet's default eviction thresholds.
pub fn generic() -> Vec<NodeShape> {
    GENERIC
        .into_iter()
        .map(|(name, cores, gib)| {
            let memory = Quantity::from_milli_binary(gib * 1024 * 1024 * 1024 * 1000);
            let capacity: Amounts = [("cpu", Quantity::from_units(cores)), ("memory", memory)].into_iter().collect();
            let mut reserved = graduated(&capacity);
            reserved.add(&[("memory", DEFAULT_EVICTION_MEMORY)].into_iter().collect());
            NodeShape {
                name: name.to_owned(),
                capacity,
                reserved,
                max_pods: DEFAULT_MAX_PODS,
                zones: 3,
                labels: BTreeMap::new(),
                taints: Vec::new(),
                price_per_month: None,
                max_nodes: None,
                location: None,
            }
        })
        .collect()
}

/// The graduated reservation that managed clusters commonly use: of memory 25% of the first 4 GiB, 20% of the next
/// 4, 10% of the next 8, 6% of the next 112 and 2% of the rest; of CPU 6% of the first core, 1% of the second, 0.5%
/// of the next two and 0.25% of the rest (Google Kubernetes Engine documentation, "Plan node sizes").
fn graduated(capacity: &Amounts) -> Amounts {
    let steps = |total: i64, steps: &[(i64, i64)]| {
        let (mut left, mut kept) = (total, 0i128);
        for &(size, per_ten_thousand) in steps {
            let part = left.min(size);
            kept += i128::from(part) * i128::from(per_ten_thousand);
            left -= part;
        }
        i64::try_from((kept + 9_999) / 10_000).unwrap_or(i64::MAX)
    };
    const GIB: i64 = 1024 * 1024 * 1024;
    let memory_steps = [(4 * GIB, 2500), (4 * GIB, 2000), (8 * GIB, 1000), (112 * GIB, 600), (i64::MAX, 200)];
    let memory = steps(capacity.quantity("memory").value(), &memory_steps);
    let cpu_steps = [(1000, 600), (1000, 100), (2000, 50), (i64::MAX, 25)];
    let cpu = steps(capacity.quantity("cpu").milli_value(), &cpu_steps);
    let memory = Quantity::from_milli_binary(memory.saturating_mul(1000));
    [("cpu", Quantity::from_milli(cpu)), ("memory", memory)].into_iter().collect()
}

/// Reads the shapes of a file.
pub fn read(source: &Source) -> Result<Vec<NodeShape>, InputError> {
    let mut shapes: Vec<NodeShape> = Vec::new();
    let mut errors = Vec::new();
    for document in read_documents(source)? {
        let raw: RawFile = typed(&document).map_err(|error| match error.hint {
            None => error.hint("a file of nodes is a list: nodes: [{name: general, cpu: 8, memory: 32Gi}]"),
            Some(_) => error,
        })?;
        for (index, raw) in raw.nodes.into_iter().enumerate() {
            let mut problems = Problems::default();
            let path = format!("nodes[{index}]");
            let shape = shape(raw, &path, &document, &mut problems);
            if shapes.iter().any(|other| other.name == shape.name) {
                problems.error(format!("{path}.name"), format!("`{}` is the name of another shape", shape.name), "");
            }
            shapes.push(shape);
            errors.extend(problems.errors.into_iter().map(|problem| {
                let diagnostic = document.diagnostic(&problem.path, problem.message);
                Diagnostic { hint: problem.hint, ..diagnostic }
            }));
        }
    }
    InputError::unless_empty(errors)?;
    if shapes.is_empty() {
        return Err(Diagnostic::new(format!("{} has no nodes", source.name)).hint("list them under `nodes:`").into());
    }
    Ok(shapes)
}

fn shape(raw: RawShape, path: &str, document: &Document, problems: &mut Problems) -> NodeShape {
    let origin = &document.origin;
    let mut capacity = amounts(&raw.resources, &format!("{path}.resources"), origin, problems);
    let storage = raw.ephemeral_storage.as_ref().map(|raw| ("ephemeral-storage", "ephemeralStorage", raw));
    for (name, field, raw) in [("cpu", "cpu", &raw.cpu), ("memory", "memory", &raw.memory)].into_iter().chain(storage) {
        let path = format!("{path}.{field}");
        if let Some(quantity) = problems.quantity(&path, raw) {
            if quantity.signum() != 1 {
                problems.error(&path, format!("is {quantity} and must be positive"), "");
            }
            capacity.set(name, quantity, Some(origin.locate(&path)));
        }
    }
    let mut reserved = match &raw.kube_reserved {
        None => Amounts::default(),
        Some(Reserved::Formula(name)) if name == "graduated" => graduated(&capacity),
        Some(Reserved::Formula(name)) => {
            let message = format!("`{name}` is not a formula");
            problems.error(format!("{path}.kubeReserved"), message, "use graduated, or amounts: {cpu: 100m}");
            Amounts::default()
        }
        Some(Reserved::Amounts(list)) => amounts(list, &format!("{path}.kubeReserved"), origin, problems),
    };
    reserved.add(&amounts(&raw.system_reserved, &format!("{path}.systemReserved"), origin, problems));
    reserved.add(&eviction(raw.eviction_hard.as_ref(), &capacity, path, document, problems));
    let mut number = |field: &str, value: Option<i64>, default: i64| {
        let value = value.unwrap_or(default);
        if !(1..=1_000_000).contains(&value) {
            problems.error(format!("{path}.{field}"), format!("is {value} and must be from 1 to 1000000"), "");
        }
        value.max(1)
    };
    let (max_pods, zones) = (number("maxPods", raw.max_pods, DEFAULT_MAX_PODS), number("zones", raw.zones, 1));
    let max_nodes = raw.max_nodes.map(|nodes| number("maxNodes", Some(nodes), 1));
    if raw.price_per_month.is_some_and(|price| !price.is_finite() || price < 0.0) {
        problems.error(format!("{path}.pricePerMonth"), "must be a number of zero or more", "");
    }
    for (index, taint) in raw.taints.iter().enumerate() {
        if !["NoSchedule", "PreferNoSchedule", "NoExecute"].contains(&taint.effect.as_str()) {
            let message = format!("`{}` is not supported", taint.effect);
            let hint = "use NoSchedule, PreferNoSchedule or NoExecute";
            problems.error(format!("{path}.taints[{index}].effect"), message, hint);
        }
    }
    let taint = |raw: RawTaint| Taint { key: raw.key, value: raw.value, effect: raw.effect };
    NodeShape {
        name: raw.name,
        capacity,
        reserved,
        max_pods,
        zones,
        labels: raw.labels,
        taints: raw.taints.into_iter().map(taint).collect(),
        price_per_month: raw.price_per_month,
        max_nodes,
        location: Some(origin.locate(path)),
    }
}

/// The hard eviction thresholds: quantities, or percentages of the capacity.
fn eviction(
    raw: Option<&BTreeMap<String, RawQuantity>>,
    capacity: &Amounts,
    path: &str,
    document: &Document,
    problems: &mut Problems,
) -> Amounts {
    let mut all = Amounts::default();
    for (signal, name) in [("memory.available", "memory"), ("nodefs.available", "ephemeral-storage")] {
        let path = format!("{path}.evictionHard[{signal:?}]");
        let percent_of_capacity = |percent: i64| capacity.quantity(name).times(percent).part(100);
        let (threshold, source) = match raw {
            None if name == "memory" => (Some(DEFAULT_EVICTION_MEMORY), None),
            None => (Some(percent_of_capacity(DEFAULT_EVICTION_STORAGE_PERCENT)), None),
            Some(given) => {
                let Some(raw) = given.get(signal) else { continue };
                let percent = raw.0.strip_suffix('%').and_then(|number| number.trim().parse::<i64>().ok());
                let threshold = match percent {
                    Some(percent) => Some(percent_of_capacity(percent)),
                    None => problems.quantity(&path, raw),
                };
                (threshold, Some(document.origin.locate(&path)))
            }
        };
        if let Some(threshold) = threshold.filter(|_| capacity.get(name).is_some()) {
            all.set(name, threshold, source);
        }
    }
    all
}
