//! What the scheduler looks at in pods and nodes, worked out once: kinds of pods, classes of nodes, and the terms by which
//! pods keep together or apart.

use std::collections::{BTreeMap, BTreeSet};

use super::kinds::{Class, KeyId, Kind, Pods, TermId};
use super::terms::{Builder, NodeLabels, zone_names};
use crate::model::{HOSTNAME_LABEL, Labels, NodeShape, available};

/// What the scheduler assumes of a pod that requests none, for its scores (`pkg/scheduler/util/pod_resources.go`).
const DEFAULT_MILLICPU: i64 = 100;
const DEFAULT_MEMORY: i64 = 200 * 1024 * 1024;

/// A pool of equal nodes.
#[derive(Clone, Debug)]
pub(super) struct Pool {
    pub capacity: Vec<i64>,
    pub max_pods: i64,
    pub zones: usize,
    pub first_class: usize,
}

/// All kinds and classes of a cluster.
#[derive(Clone, Debug, Default)]
pub struct Catalog {
    /// The names of the resources; cpu and memory are the first two.
    pub(super) resources: Vec<String>,
    pub(super) kinds: Vec<Kind>,
    /// The kinds of which there is one on every node.
    pub(super) daemons: Vec<usize>,
    pub(super) pools: Vec<Pool>,
    pub(super) classes: Vec<Class>,
    /// The topology key of each term.
    pub(super) terms: Vec<KeyId>,
    pub(super) keys: Vec<String>,
    pub(super) hostname_key: KeyId,
    /// How many hostnames pods are pinned to.
    pub(super) hostnames: usize,
}

impl Catalog {
    /// Of pods on nodes of some shapes; `namespaces` are the labels of those that are known.
    pub fn new(shapes: &[&NodeShape], pods: &[Pods<'_>], namespaces: &BTreeMap<String, Labels>) -> Self {
        let mut resources = vec!["cpu".to_owned(), "memory".to_owned()];
        let requests: Vec<_> = pods.iter().map(|pods| pods.template.requests()).collect();
        let mut known: BTreeSet<&str> = ["cpu", "memory"].into();
        for name in requests.iter().flat_map(|requests| requests.names()).filter(|name| known.insert(name)) {
            resources.push(name.to_owned());
        }
        let mut catalog = Self { resources, ..Self::default() };
        let mut builder = Builder::new(pods, namespaces);
        catalog.hostname_key = builder.key(HOSTNAME_LABEL);
        for (pods, requests) in pods.iter().zip(&requests) {
            let mut kind = builder.kind(pods);
            kind.requests = catalog.amounts(|name| requests.quantity(name));
            let or = |amount: i64, default: i64| if amount == 0 { default } else { amount };
            kind.assumed = [or(kind.requests[0], DEFAULT_MILLICPU), or(kind.requests[1], DEFAULT_MEMORY)];
            catalog.kinds.push(kind);
        }
        builder.ports(pods, &mut catalog.kinds);
        builder.count(pods, &mut catalog.kinds);
        catalog.terms = builder.terms.iter().map(|(_, key)| *key).collect();
        let zone_names = zone_names(pods);
        for shape in shapes {
            let first_class = catalog.classes.len();
            let zones = shape.zones.clamp(1, 10_000) as usize;
            let allocatable = shape.allocatable();
            for zone in 0..zones {
                let label = NodeLabels { shape, zone: zone_names.get(zone).map(String::as_str) };
                let class = builder.class(&label, zone);
                catalog.classes.push(class);
                for (kind, pods) in catalog.kinds.iter_mut().zip(pods) {
                    kind.classify(&label, &pods.template.placement);
                }
            }
            let capacity = catalog.amounts(|name| available(&allocatable, name));
            catalog.pools.push(Pool { capacity, max_pods: shape.max_pods, zones, first_class });
        }
        catalog.daemons = (0..catalog.kinds.len()).filter(|&kind| catalog.kinds[kind].per_node).collect();
        catalog.hostnames = builder.hostnames.len();
        catalog.keys = builder.keys;
        catalog
    }

    /// A kind of pods.
    pub fn kind(&self, index: usize) -> &Kind {
        &self.kinds[index]
    }

    /// Why pods of a kind cannot run on an empty node of a pool, for the reasons that the shape itself does not tell: the
    /// zones and the labels that they ask for.
    pub fn refuses(&self, kind: usize, pool: usize) -> Option<String> {
        let (kind, pool) = (&self.kinds[kind], &self.pools[pool]);
        let classes = pool.first_class..pool.first_class + pool.zones;
        if !classes.clone().any(|class| kind.may_run[class]) {
            return Some("no zone that it may run in".to_owned());
        }
        let lacks = |term: &TermId| {
            let key = self.terms[*term];
            key != self.hostname_key && classes.clone().all(|class| self.classes[class].domains[key].is_none())
        };
        let term = kind.spread.iter().map(|spread| spread.term).chain(kind.together.iter().copied()).find(lacks)?;
        Some(format!("no label {}, which its topology is by", self.keys[self.terms[term]]))
    }

    /// Whether where a pod of a kind may go depends on what is on other nodes.
    pub fn depends_on_others(&self, kind: usize) -> bool {
        let kind = &self.kinds[kind];
        let beyond_node = |term: &TermId| self.terms[*term] != self.hostname_key;
        !kind.spread.is_empty()
            || !kind.together.is_empty()
            || kind.apart.iter().chain(&kind.kept_away_by).any(beyond_node)
    }

    /// Whether a pod of a kind must be with others that are there already.
    pub fn needs_company(&self, kind: usize) -> bool {
        !self.kinds[kind].together.is_empty()
    }

    /// Whether any kind must be with others.
    pub fn is_company_wanted(&self) -> bool {
        self.kinds.iter().any(|kind| !kind.together.is_empty())
    }

    /// Whether no two pods of a kind may share a node, by their anti-affinity.
    pub fn is_apart_from_itself(&self, kind: usize) -> bool {
        let kind = &self.kinds[kind];
        kind.apart.iter().any(|term| self.terms[*term] == self.hostname_key && kind.counted_by.contains(term))
    }

    /// Whether no two pods of a kind may share a node, by the ports that they take of it.
    pub fn excludes_its_ports(&self, kind: usize) -> bool {
        let kind = &self.kinds[kind];
        kind.ports.iter().any(|port| kind.excluded_ports.contains(port))
    }

    /// The only zone of a pool that pods of a kind may run in, if there are others.
    pub fn only_zone(&self, kind: usize, pool: usize) -> Option<usize> {
        let (kind, pool) = (&self.kinds[kind], &self.pools[pool]);
        let mut allowed = (0..pool.zones).filter(|zone| kind.may_run[pool.first_class + zone]);
        let only = allowed.next()?;
        (pool.zones > 1 && allowed.next().is_none()).then_some(only)
    }

    /// What keeps pods of a kind from nodes with room, in words.
    pub fn keeps_from(&self, kind: usize) -> String {
        let kind = &self.kinds[kind];
        let anti_affinity = !kind.apart.is_empty() || !kind.kept_away_by.is_empty();
        let all = [
            (anti_affinity, "anti-affinity"),
            (!kind.spread.is_empty(), "topology spread"),
            (!kind.together.is_empty(), "pod affinity"),
            (!kind.ports.is_empty(), "host ports"),
            (kind.hostname.is_some(), "the one node that they ask for"),
        ];
        let named: Vec<&str> = all.into_iter().filter_map(|(is, name)| is.then_some(name)).collect();
        if named.is_empty() { "the other pods".to_owned() } else { named.join(" or ") }
    }

    /// Amounts of all resources as the scheduler has them: thousandths of CPU, whole units of the others, rounded up.
    fn amounts(&self, of: impl Fn(&str) -> crate::units::Quantity) -> Vec<i64> {
        let amount = |name: &String| match name.as_str() {
            "cpu" => of(name).milli_value(),
            name => of(name).value(),
        };
        self.resources.iter().map(amount).collect()
    }
}
