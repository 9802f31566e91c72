//! Where pods may run: what a pod's spec says to the scheduler.

use serde::{Deserialize, Serialize};

use super::{HOSTNAME_LABEL, LabelSelector, Labels, Taint};

/// Where the pods of a template may run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Placement {
    /// `nodeSelector`.
    pub node_selector: Labels,
    /// `affinity.nodeAffinity.required...`: alternatives, each a list of requirements on labels.
    pub node_affinity: Vec<NodeSelectorTerm>,
    /// `affinity.nodeAffinity.preferred...`, each with its weight.
    pub preferred_node_affinity: Vec<(i64, NodeSelectorTerm)>,
    /// `tolerations`.
    pub tolerations: Vec<Toleration>,
    /// `affinity.podAffinity`.
    pub affinity: Vec<PodAffinityTerm>,
    /// `affinity.podAntiAffinity`.
    pub anti_affinity: Vec<PodAffinityTerm>,
    /// `topologySpreadConstraints`.
    pub spread: Vec<SpreadConstraint>,
    /// The ports of the node that the containers take.
    pub host_ports: Vec<HostPort>,
    /// The value of its PriorityClass.
    pub priority: i32,
    /// Whether it may take the place of pods with a lower priority (`preemptionPolicy`).
    pub preempts: bool,
}

/// The requirements of one alternative; all of them must be met.
pub type NodeSelectorTerm = Vec<SelectorRequirement>;

/// A requirement of a label selector, or of a node selector, on the value of a label.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SelectorRequirement {
    /// `key`.
    pub key: String,
    /// `operator`.
    pub operator: Operator,
    /// `values`.
    pub values: Vec<String>,
}

/// What a requirement demands of a label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
pub enum Operator {
    /// One of the values.
    In,
    /// None of the values; the label may be missing.
    NotIn,
    /// The label is there.
    Exists,
    /// It is not.
    DoesNotExist,
    /// A number above the value; of nodes only.
    Gt,
    /// A number below the value; of nodes only.
    Lt,
}

impl std::fmt::Display for Operator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::In => "In",
            Self::NotIn => "NotIn",
            Self::Exists => "Exists",
            Self::DoesNotExist => "DoesNotExist",
            Self::Gt => "Gt",
            Self::Lt => "Lt",
        })
    }
}

impl SelectorRequirement {
    /// Whether labels meet it.
    pub fn matches(&self, labels: &Labels) -> bool {
        self.accepts(labels.get(&self.key).map(String::as_str))
    }

    /// Whether a label's value meets it; none if the label is missing.
    pub fn accepts(&self, value: Option<&str>) -> bool {
        let named = |value: &str| self.values.iter().any(|known| known == value);
        let number = |text: &str| text.parse::<i64>().ok();
        let compared = value.and_then(number).zip(self.values.first().and_then(|bound| number(bound)));
        match self.operator {
            Operator::In => value.is_some_and(named),
            Operator::NotIn => !value.is_some_and(named),
            Operator::Exists => value.is_some(),
            Operator::DoesNotExist => value.is_none(),
            Operator::Gt => compared.is_some_and(|(value, bound)| value > bound),
            Operator::Lt => compared.is_some_and(|(value, bound)| value < bound),
        }
    }
}

/// A toleration of taints.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Toleration {
    /// The taint's key; empty for all.
    pub key: String,
    /// Whether any value is tolerated (`operator: Exists`).
    pub exists: bool,
    /// The taint's value.
    pub value: String,
    /// The taint's effect; empty for all.
    pub effect: String,
}

impl Toleration {
    /// Whether it lets a pod run despite a taint. Mirrors `ToleratesTaint` in `k8s.io/api/core/v1/toleration.go`.
    pub fn tolerates(&self, taint: &Taint) -> bool {
        (self.effect.is_empty() || self.effect == taint.effect)
            && (self.key == taint.key || (self.key.is_empty() && self.exists))
            && (self.exists || self.value == taint.value)
    }
}

/// A term of `podAffinity` or `podAntiAffinity`: with, or apart from, other pods in one domain of a topology.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PodAffinityTerm {
    /// `topologyKey`: `kubernetes.io/hostname`, `topology.kubernetes.io/zone`, or another label of nodes.
    pub topology_key: String,
    /// `labelSelector`; none selects nothing.
    pub selector: Option<LabelSelector>,
    /// `namespaces`; with no `namespaceSelector` and none of these it is the pod's own.
    pub namespaces: Vec<String>,
    /// `namespaceSelector`; an empty one selects all namespaces.
    pub namespace_selector: Option<LabelSelector>,
    /// `matchLabelKeys`: the pod's own value of these labels is demanded as well.
    pub match_label_keys: Vec<String>,
    /// `mismatchLabelKeys`: another value of these labels is demanded.
    pub mismatch_label_keys: Vec<String>,
    /// The weight of a preferred term; none where the scheduler must obey.
    pub weight: Option<i64>,
}

impl PodAffinityTerm {
    /// Whether the scheduler must obey.
    pub fn is_required(&self) -> bool {
        self.weight.is_none()
    }
}

/// A topology spread constraint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpreadConstraint {
    /// `maxSkew`.
    pub max_skew: i32,
    /// `topologyKey`.
    pub topology_key: String,
    /// `labelSelector`; none selects nothing.
    pub selector: Option<LabelSelector>,
    /// `matchLabelKeys`.
    pub match_label_keys: Vec<String>,
    /// Whether the scheduler must obey (`whenUnsatisfiable: DoNotSchedule`).
    pub required: bool,
    /// `minDomains`, by default 1.
    pub min_domains: i32,
    /// Whether nodes that the pod's node selector and node affinity exclude are no domains
    /// (`nodeAffinityPolicy: Honor`, the default).
    pub honors_node_affinity: bool,
    /// Whether nodes with taints that the pod does not tolerate are none (`nodeTaintsPolicy: Honor`).
    pub honors_taints: bool,
}

/// A port of the node that a container takes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct HostPort {
    /// `hostPort`, or `containerPort` in the host's network.
    pub port: i32,
    /// `protocol`, by default TCP.
    pub protocol: String,
    /// `hostIP`; empty for all addresses.
    pub address: String,
}

impl HostPort {
    /// Whether two of them cannot be on one node. Mirrors `CheckConflict` of `HostPortInfo`
    /// (`k8s.io/kube-scheduler/framework`): an address excludes itself and all addresses.
    pub fn conflicts(&self, other: &Self) -> bool {
        let all = |address: &str| address.is_empty() || address == "0.0.0.0";
        self.port == other.port
            && self.protocol == other.protocol
            && (all(&self.address) || all(&other.address) || self.address == other.address)
    }
}

impl Placement {
    /// Whether all pods can only run on one node: by the hostname that is asked for.
    pub fn pins_to_one_node(&self) -> bool {
        let one_name =
            |r: &&SelectorRequirement| r.key == HOSTNAME_LABEL && r.operator == Operator::In && r.values.len() == 1;
        let terms = self.node_affinity.iter();
        let names: Vec<&String> =
            terms.filter_map(|term| term.iter().find(one_name)).flat_map(|requirement| &requirement.values).collect();
        let all_terms = !self.node_affinity.is_empty() && names.len() == self.node_affinity.len();
        self.node_selector.contains_key(HOSTNAME_LABEL)
            || (all_terms && names.windows(2).all(|pair| pair[0] == pair[1]))
    }
}
