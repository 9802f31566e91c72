//! From what a pod says to the scheduler to [`Placement`].

use super::problems::Problems;
use super::surroundings::{Priority, Surroundings};
use super::{hpa, raw};
use crate::model::{
    HOSTNAME_LABEL, HostPort, NodeSelectorTerm, Placement, PodAffinityTerm, SelectorRequirement, SpreadConstraint,
    Toleration,
};

/// Converts what a pod's spec at `path` says to the scheduler.
pub(super) fn convert(raw: &raw::PodSpec, path: &str, around: &Surroundings, problems: &mut Problems) -> Placement {
    let affinity = raw.affinity.clone().unwrap_or_default();
    let Priority { value, preempts } = around.priorities.of(raw, path, problems);
    let terms = affinity.node_affinity.required.map(|required| required.node_selector_terms).unwrap_or_default();
    let preferred = affinity.node_affinity.preferred.into_iter();
    let spread = raw.topology_spread_constraints.iter().flatten();
    Placement {
        node_selector: raw.node_selector.clone().unwrap_or_default(),
        node_affinity: terms.into_iter().map(node_term).collect(),
        preferred_node_affinity: preferred.map(|raw| (raw.weight, node_term(raw.preference))).collect(),
        tolerations: raw.tolerations.iter().flatten().map(toleration).collect(),
        affinity: pod_terms(&affinity.pod_affinity),
        anti_affinity: pod_terms(&affinity.pod_anti_affinity),
        spread: spread.map(spread_constraint).collect(),
        host_ports: host_ports(raw),
        priority: value,
        preempts: preempts && raw.preemption_policy.as_deref() != Some("Never"),
    }
}

/// A term of node affinity; a node's name is taken as its hostname.
fn node_term(raw: raw::NodeSelectorTerm) -> NodeSelectorTerm {
    let fields = raw.match_fields.into_iter().map(hpa::requirement);
    let names = fields.map(|field| SelectorRequirement { key: HOSTNAME_LABEL.to_owned(), ..field });
    raw.match_expressions.into_iter().map(hpa::requirement).chain(names).collect()
}

fn toleration(raw: &raw::Toleration) -> Toleration {
    Toleration {
        key: raw.key.clone(),
        exists: raw.operator == "Exists",
        value: raw.value.clone(),
        effect: raw.effect.clone(),
    }
}

fn pod_terms(raw: &raw::PodAffinity) -> Vec<PodAffinityTerm> {
    let term = |raw: &raw::Term, weight: Option<i64>| PodAffinityTerm {
        topology_key: raw.topology_key.clone(),
        selector: raw.label_selector.as_ref().map(hpa::selector),
        namespaces: raw.namespaces.clone().unwrap_or_default(),
        namespace_selector: raw.namespace_selector.as_ref().map(hpa::selector),
        match_label_keys: raw.match_label_keys.clone().unwrap_or_default(),
        mismatch_label_keys: raw.mismatch_label_keys.clone().unwrap_or_default(),
        weight,
    };
    let required = raw.required.iter().map(|raw| term(raw, None));
    let preferred = raw.preferred.iter().map(|raw| term(&raw.pod_affinity_term, Some(raw.weight)));
    required.chain(preferred).collect()
}

fn spread_constraint(raw: &raw::Spread) -> SpreadConstraint {
    SpreadConstraint {
        max_skew: raw.max_skew.max(1),
        topology_key: raw.topology_key.clone(),
        selector: raw.label_selector.as_ref().map(hpa::selector),
        match_label_keys: raw.match_label_keys.clone().unwrap_or_default(),
        required: raw.when_unsatisfiable != "ScheduleAnyway",
        min_domains: raw.min_domains.unwrap_or(1),
        honors_node_affinity: raw.node_affinity_policy.as_deref() != Some("Ignore"),
        honors_taints: raw.node_taints_policy.as_deref() == Some("Honor"),
    }
}

/// The ports of the node that a pod takes; in the host's network every port of a container is one
/// (`SetDefaults_PodSpec` in `pkg/apis/core/v1/defaults.go`). Those of init containers count only if they stay.
fn host_ports(raw: &raw::PodSpec) -> Vec<HostPort> {
    let stays = |container: &&raw::Container| container.restart_policy.as_deref() == Some("Always");
    let init = raw.init_containers.iter().flatten().filter(stays);
    let ports = raw.containers.iter().flatten().chain(init).flat_map(|container| container.ports.iter().flatten());
    let on_host = |port: &raw::Port| port.host_port.or(port.container_port.filter(|_| raw.host_network));
    let mut all: Vec<HostPort> = ports
        .filter_map(|port| {
            Some(HostPort {
                port: on_host(port).filter(|&port| port > 0)?,
                protocol: port.protocol.clone().unwrap_or_else(|| "TCP".to_owned()),
                address: port.host_ip.clone().unwrap_or_default(),
            })
        })
        .collect();
    all.sort();
    all.dedup();
    all
}
