//! Nodes that pods could run on.

use super::{Amounts, Labels, Location, NodeSelectorTerm, Operator, PodTemplate, SelectorRequirement};
use crate::units::Quantity;

/// The zone's label.
pub const ZONE_LABEL: &str = "topology.kubernetes.io/zone";
/// The node's own label.
pub const HOSTNAME_LABEL: &str = "kubernetes.io/hostname";
/// The region's label.
pub const REGION_LABEL: &str = "topology.kubernetes.io/region";

/// Whether a label is the zone's, by its name now or by the older one, which nodes have as well.
pub fn is_zone_label(key: &str) -> bool {
    key == ZONE_LABEL || key == "failure-domain.beta.kubernetes.io/zone"
}

/// What the kubelet makes of `kubernetes.io/os` where a shape does not say.
const OS_LABELS: [&str; 2] = ["kubernetes.io/os", "beta.kubernetes.io/os"];
/// Labels that every node has, with a value that a shape need not state.
const UNSTATED_LABELS: [&str; 6] = [
    HOSTNAME_LABEL,
    REGION_LABEL,
    "failure-domain.beta.kubernetes.io/region",
    "kubernetes.io/arch",
    "beta.kubernetes.io/arch",
    "metadata.name",
];

/// A kind of node.
#[derive(Clone, Debug, PartialEq)]
pub struct NodeShape {
    /// Its name.
    pub name: String,
    /// `status.capacity`: cpu, memory, ephemeral-storage, extended resources.
    pub capacity: Amounts,
    /// What the kubelet keeps back: kubeReserved, systemReserved and the hard eviction thresholds together.
    pub reserved: Amounts,
    /// The kubelet's `maxPods`.
    pub max_pods: i64,
    /// The zones that nodes are spread over evenly.
    pub zones: i64,
    /// Labels of the nodes.
    pub labels: Labels,
    /// Taints of the nodes.
    pub taints: Vec<Taint>,
    /// The price of a node for a month.
    pub price_per_month: Option<f64>,
    /// How many there can be.
    pub max_nodes: Option<i64>,
    /// Where it is written; built-in shapes stand nowhere.
    pub location: Option<Location>,
}

/// A taint of a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taint {
    /// `key`.
    pub key: String,
    /// `value`.
    pub value: String,
    /// `effect`.
    pub effect: String,
}

/// How much of a resource a node has. Storage that the shape does not state is not known, and limits nothing; of any
/// other resource there is none.
pub fn available(allocatable: &Amounts, resource: &str) -> Quantity {
    match allocatable.get(resource) {
        Some(quantity) => quantity,
        None if resource == "ephemeral-storage" => Quantity::from_units(i64::MAX),
        None => Quantity::ZERO,
    }
}

impl NodeShape {
    /// `status.allocatable`: the capacity without what is reserved.
    ///
    /// Mirrors `GetNodeAllocatableReservation` in `pkg/kubelet/cm/node_container_manager_linux.go`.
    pub fn allocatable(&self) -> Amounts {
        let mut left = Amounts::default();
        for (name, amount) in self.capacity.iter() {
            let mut rest = amount.clone();
            rest.quantity = rest.quantity.minus(self.reserved.quantity(name));
            if let Some(reserved) = self.reserved.amount(name) {
                rest.note(&reserved.sources);
            }
            left.put(name, &rest);
        }
        // Pre-allocated huge pages are no memory for anything else.
        if let Some(memory) = left.amount("memory").cloned() {
            let mut rest = memory;
            for (_, pages) in self.capacity.iter().filter(|(name, _)| name.starts_with("hugepages-")) {
                rest.quantity = rest.quantity.minus(pages.quantity);
                rest.note(&pages.sources);
            }
            left.put("memory", &rest);
        }
        left
    }

    /// What a node has for other pods, and how many: its allocatable without the pods of the DaemonSets that run on
    /// it. Also says of each why it does not, if so; one that does not fit beside those before it takes nothing.
    pub fn beside<'a>(&self, daemons: impl Iterator<Item = &'a PodTemplate>) -> (Amounts, i64, Vec<Option<String>>) {
        let (mut allocatable, mut max_pods, mut reasons) = (self.allocatable(), self.max_pods, Vec::new());
        for daemon in daemons {
            let requests = daemon.requests();
            let lacks = || {
                let too_much = requests.iter().find(|(name, asked)| asked.quantity > available(&allocatable, name));
                too_much.map(|(name, asked)| {
                    let free = available(&allocatable, name);
                    format!("requests {} {name}, {free} is free", asked.quantity)
                })
            };
            let full = || (max_pods < 1).then(|| "no room for another pod".to_owned());
            let reason = self.refuses(daemon).or_else(lacks).or_else(full);
            reasons.push(reason);
            if reasons.last().is_some_and(Option::is_some) {
                continue;
            }
            let mut left = Amounts::default();
            for (name, amount) in allocatable.iter() {
                let mut rest = amount.clone();
                rest.quantity = rest.quantity.minus(requests.quantity(name));
                left.put(name, &rest);
            }
            allocatable = left;
            max_pods -= 1;
        }
        (allocatable, max_pods, reasons)
    }

    /// Why pods of a template cannot run on such a node, whatever else is on it.
    pub fn refuses(&self, template: &PodTemplate) -> Option<String> {
        let placement = &template.placement;
        let lacks = |&(key, value): &(&String, &String)| {
            let (operator, values) = (Operator::In, vec![value.clone()]);
            !is_zone_label(key) && !self.may_meet(&SelectorRequirement { key: key.clone(), operator, values })
        };
        if let Some((key, value)) = placement.node_selector.iter().find(lacks) {
            return Some(format!("nodeSelector {key}={value}"));
        }
        let terms = &placement.node_affinity;
        let fits = |term: &NodeSelectorTerm| {
            // Which zone it is, is not known of a shape.
            !term.is_empty() && term.iter().all(|r| is_zone_label(&r.key) || self.may_meet(r))
        };
        if !terms.is_empty() && !terms.iter().any(fits) {
            return Some("nodeAffinity".to_owned());
        }
        let hard = self.taints.iter().filter(|taint| taint.effect != "PreferNoSchedule");
        let untolerated = hard.into_iter().find(|taint| !placement.tolerations.iter().any(|t| t.tolerates(taint)))?;
        Some(format!("taint {}={}:{}", untolerated.key, untolerated.value, untolerated.effect))
    }

    /// Whether a node of this shape can meet a requirement on its labels: one that every node has, and that the shape does not
    /// state, may have any value.
    pub fn may_meet(&self, requirement: &SelectorRequirement) -> bool {
        let stated = self.labels.get(&requirement.key).map(String::as_str);
        match requirement.key.as_str() {
            key if stated.is_none() && UNSTATED_LABELS.contains(&key) => requirement.operator != Operator::DoesNotExist,
            key if stated.is_none() && OS_LABELS.contains(&key) => requirement.accepts(Some("linux")),
            _ => requirement.accepts(stated),
        }
    }
}
