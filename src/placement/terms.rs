//! From the terms of pods to numbers: equal terms are one, and each kind of pods knows which of them count it.

use std::collections::{BTreeMap, BTreeSet};

use super::kinds::{Class, Domain, KeyId, Kind, Pods, Spread, TermId};
use crate::model::{
    HOSTNAME_LABEL, LabelSelector, Labels, NodeShape, Operator, Placement, PodAffinityTerm, REGION_LABEL,
    SelectorRequirement, ZONE_LABEL, is_zone_label,
};

/// The spreading of pods that say nothing of it themselves (`systemDefaultConstraints`): key and largest skew.
const DEFAULT_SPREAD: [(&str, i32); 2] = [(HOSTNAME_LABEL, 3), (ZONE_LABEL, 5)];

/// Pods that a term speaks of: of these namespaces, and selected by this.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Selection {
    namespaces: BTreeSet<String>,
    selector: LabelSelector,
}

/// The label that every namespace has.
const NAMESPACE_NAME: &str = "kubernetes.io/metadata.name";

/// The zones that pods name, in the order of appearance.
pub(super) fn zone_names(pods: &[Pods<'_>]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for placement in pods.iter().map(|pods| &pods.template.placement) {
        let selected = placement.node_selector.iter().filter(|(key, _)| is_zone_label(key)).map(|(_, value)| value);
        let preferred = placement.preferred_node_affinity.iter().map(|(_, term)| term);
        let of_terms = placement.node_affinity.iter().chain(preferred).flatten();
        let named = of_terms.filter(|r| is_zone_label(&r.key)).flat_map(|requirement| &requirement.values);
        for name in selected.chain(named) {
            if !names.contains(name) {
                names.push(name.clone());
            }
        }
    }
    names
}

/// The labels of the nodes of a class.
pub(super) struct NodeLabels<'a> {
    pub shape: &'a NodeShape,
    pub zone: Option<&'a str>,
}

impl NodeLabels<'_> {
    /// Whether the nodes may meet a requirement; which hostname they have is not known.
    fn meets(&self, requirement: &SelectorRequirement) -> bool {
        if is_zone_label(&requirement.key) && !self.shape.labels.contains_key(&requirement.key) {
            // A zone without a name is none of those that are named.
            return requirement.accepts(Some(self.zone.unwrap_or_default()));
        }
        self.shape.may_meet(requirement)
    }
}

impl Kind {
    /// What a class of nodes is to it.
    pub(super) fn classify(&mut self, label: &NodeLabels<'_>, placement: &Placement) {
        let equals = |(key, value): (&String, &String)| {
            let values = vec![value.clone()];
            label.meets(&SelectorRequirement { key: key.clone(), operator: Operator::In, values })
        };
        let meets = |term: &Vec<SelectorRequirement>| !term.is_empty() && term.iter().all(|r| label.meets(r));
        let terms = &placement.node_affinity;
        let affine = placement.node_selector.iter().all(equals) && (terms.is_empty() || terms.iter().any(meets));
        let tolerated =
            |taint: &crate::model::Taint| placement.tolerations.iter().any(|toleration| toleration.tolerates(taint));
        let (soft, hard): (Vec<_>, Vec<_>) =
            label.shape.taints.iter().partition(|taint| taint.effect == "PreferNoSchedule");
        self.is_affine.push(affine);
        self.may_run.push(affine && hard.into_iter().all(tolerated));
        self.avoided.push(soft.into_iter().filter(|taint| !tolerated(taint)).count() as i64);
        let preferred = placement.preferred_node_affinity.iter().filter(|(_, term)| meets(term));
        self.preferred_nodes.push(preferred.map(|(weight, _)| weight).sum());
    }
}

/// Terms while they are gathered: equal ones are one.
pub(super) struct Builder<'a> {
    /// The namespaces that there are, with their labels.
    namespaces: BTreeMap<&'a str, Labels>,
    pub keys: Vec<String>,
    pub terms: Vec<(Vec<Selection>, KeyId)>,
    ids: BTreeMap<(Vec<Selection>, KeyId), TermId>,
    pub hostnames: Vec<String>,
    /// The values of each topology key that is neither hostname nor zone.
    values: Vec<Vec<String>>,
}

impl<'a> Builder<'a> {
    pub fn new(pods: &[Pods<'a>], known: &'a BTreeMap<String, Labels>) -> Self {
        let mut namespaces: BTreeMap<&str, Labels> =
            known.iter().map(|(name, labels)| (name.as_str(), labels.clone())).collect();
        for pods in pods {
            namespaces.entry(pods.namespace).or_default();
        }
        for (name, labels) in &mut namespaces {
            labels.insert(NAMESPACE_NAME.to_owned(), (*name).to_owned());
        }
        let (keys, terms, ids) = (Vec::new(), Vec::new(), BTreeMap::new());
        Self { namespaces, keys, terms, ids, hostnames: Vec::new(), values: Vec::new() }
    }

    pub fn key(&mut self, name: &str) -> KeyId {
        // The zone has an older name, which nodes still have.
        let name = if is_zone_label(name) { ZONE_LABEL } else { name };
        self.keys.iter().position(|key| key == name).unwrap_or_else(|| {
            self.keys.push(name.to_owned());
            self.values.push(Vec::new());
            self.keys.len() - 1
        })
    }

    fn term(&mut self, selections: Vec<Selection>, key: &str) -> TermId {
        let key = self.key(key);
        let next = self.terms.len();
        let id = *self.ids.entry((selections.clone(), key)).or_insert(next);
        if id == next {
            self.terms.push((selections, key));
        }
        id
    }

    /// The pods that an affinity term of a pod speaks of; none if it selects nothing.
    fn selection(&self, term: &PodAffinityTerm, pods: &Pods<'_>) -> Option<Selection> {
        let mut selector = term.selector.clone()?;
        let labels = &pods.template.labels;
        for (keys, operator) in [(&term.match_label_keys, Operator::In), (&term.mismatch_label_keys, Operator::NotIn)] {
            demand(&mut selector, keys, operator, labels);
        }
        let mut namespaces: BTreeSet<String> = term.namespaces.iter().cloned().collect();
        match &term.namespace_selector {
            Some(chosen) => {
                let matching = self.namespaces.iter().filter(|(_, labels)| chosen.matches(labels));
                namespaces.extend(matching.map(|(name, _)| (*name).to_owned()));
            }
            None if namespaces.is_empty() => {
                namespaces.insert(pods.namespace.to_owned());
            }
            None => {}
        }
        Some(Selection { namespaces, selector })
    }

    /// What is known of a kind of pods without others and nodes.
    pub fn kind(&mut self, pods: &Pods<'_>) -> Kind {
        let placement = &pods.template.placement;
        let mut kind = Kind {
            priority: placement.priority,
            preempts: placement.preempts,
            per_node: pods.per_node,
            hostname: self.hostname(placement),
            ..Kind::default()
        };
        for term in &placement.anti_affinity {
            let Some(selection) = self.selection(term, pods) else { continue };
            let id = self.term(vec![selection], &term.topology_key);
            match term.weight {
                None => kind.apart.push(id),
                Some(weight) => kind.prefers.push((id, -weight)),
            }
        }
        let required: Vec<&PodAffinityTerm> = placement.affinity.iter().filter(|term| term.is_required()).collect();
        let selections: Vec<Selection> = required.iter().filter_map(|term| self.selection(term, pods)).collect();
        // All terms must select a pod for it to count; a term that selects nothing is never met.
        kind.is_its_own_company = selections.len() == required.len()
            && selections.iter().all(|selection| selection.selects(pods.namespace, &pods.template.labels));
        for term in required {
            let id = self.term(selections.clone(), &term.topology_key);
            kind.together.push(id);
            kind.pulls.extend(self.selection(term, pods).map(|one| (self.term(vec![one], &term.topology_key), 1)));
        }
        for term in placement.affinity.iter().filter(|term| !term.is_required()) {
            let Some(selection) = self.selection(term, pods) else { continue };
            let id = self.term(vec![selection], &term.topology_key);
            kind.prefers.push((id, term.weight.unwrap_or_default()));
        }
        kind.pulls.extend(kind.prefers.iter().copied());
        self.spread(pods, &mut kind);
        kind
    }

    fn spread(&mut self, pods: &Pods<'_>, kind: &mut Kind) {
        let own_namespace = BTreeSet::from([pods.namespace.to_owned()]);
        let labels = &pods.template.labels;
        for constraint in &pods.template.placement.spread {
            let Some(mut selector) = constraint.selector.clone() else { continue };
            demand(&mut selector, &constraint.match_label_keys, Operator::In, labels);
            let own = selector.matches(labels);
            let selection = Selection { namespaces: own_namespace.clone(), selector };
            let spread = Spread {
                term: self.term(vec![selection], &constraint.topology_key),
                max_skew: constraint.max_skew.into(),
                min_domains: constraint.min_domains.max(1) as usize,
                own,
                honors_node_affinity: constraint.honors_node_affinity,
                honors_taints: constraint.honors_taints,
            };
            if constraint.required {
                kind.spread.push(spread);
            } else {
                kind.soft_spread.push(spread);
            }
        }
        kind.stated_soft_spread = !pods.template.placement.spread.is_empty();
        let Some(selector) = pods.selector.filter(|_| !kind.stated_soft_spread) else { return };
        for (key, max_skew) in DEFAULT_SPREAD {
            let selection = Selection { namespaces: own_namespace.clone(), selector: selector.clone() };
            let term = self.term(vec![selection], key);
            let (honors_node_affinity, honors_taints) = (true, false);
            let max_skew = max_skew.into();
            kind.soft_spread.push(Spread {
                term,
                max_skew,
                min_domains: 1,
                own: true,
                honors_node_affinity,
                honors_taints,
            });
        }
    }

    /// The hostname that all of a template's pods are pinned to.
    fn hostname(&mut self, placement: &Placement) -> Option<usize> {
        if !placement.pins_to_one_node() {
            return None;
        }
        let of_terms = placement.node_affinity.iter().flatten().filter(|r| r.key == HOSTNAME_LABEL);
        let selected = placement.node_selector.get(HOSTNAME_LABEL);
        let name = selected.or_else(|| of_terms.flat_map(|r| &r.values).next())?;
        let known = self.hostnames.iter().position(|hostname| hostname == name);
        Some(known.unwrap_or_else(|| {
            self.hostnames.push(name.clone());
            self.hostnames.len() - 1
        }))
    }

    /// Numbers the ports of nodes that pods take, and finds those that exclude each other.
    pub fn ports(&self, pods: &[Pods<'_>], kinds: &mut [Kind]) {
        let all: BTreeSet<_> = pods.iter().flat_map(|pods| &pods.template.placement.host_ports).collect();
        let all: Vec<_> = all.into_iter().collect();
        for (kind, pods) in kinds.iter_mut().zip(pods) {
            for own in &pods.template.placement.host_ports {
                kind.ports.extend(all.binary_search(&own).ok());
                // They are sorted by the number first.
                let from = all.partition_point(|port| port.port < own.port);
                let same = all[from..].iter().take_while(|port| port.port == own.port).enumerate();
                kind.excluded_ports.extend(same.filter(|(_, port)| port.conflicts(own)).map(|(at, _)| from + at));
            }
        }
    }

    /// Finds the pods that each term counts.
    pub fn count(&self, pods: &[Pods<'_>], kinds: &mut [Kind]) {
        let mut by_label: BTreeMap<(&str, &str), Vec<usize>> = BTreeMap::new();
        for (kind, pods) in pods.iter().enumerate() {
            for (key, value) in &pods.template.labels {
                by_label.entry((key, value)).or_default().push(kind);
            }
        }
        let none = Vec::new();
        let all: Vec<usize> = (0..pods.len()).collect();
        for (term, (selections, _)) in self.terms.iter().enumerate() {
            let labels = selections.iter().flat_map(|selection| &selection.selector.match_labels);
            let lists = labels.map(|(key, value)| by_label.get(&(key.as_str(), value.as_str())).unwrap_or(&none));
            let fewest = lists.min_by_key(|list| list.len()).unwrap_or(&all);
            for &kind in fewest {
                let (namespace, labels) = (pods[kind].namespace, &pods[kind].template.labels);
                if !selections.is_empty() && selections.iter().all(|one| one.selects(namespace, labels)) {
                    kinds[kind].counted_by.push(term);
                }
            }
        }
        let owned: BTreeSet<TermId> = kinds.iter().flat_map(|kind| kind.apart.iter().copied()).collect();
        let pulling: BTreeSet<TermId> = kinds.iter().flat_map(|kind| kind.pulls.iter().map(|pull| pull.0)).collect();
        for kind in kinds {
            kind.kept_away_by = kind.counted_by.iter().copied().filter(|term| owned.contains(term)).collect();
            kind.pulled_by = kind.counted_by.iter().copied().filter(|term| pulling.contains(term)).collect();
        }
    }

    /// The domains that nodes of a class are in.
    pub fn class(&mut self, label: &NodeLabels<'_>, zone: usize) -> Class {
        let mut domains = Vec::new();
        for (key, values) in self.keys.iter().zip(&mut self.values) {
            let stated = label.shape.labels.get(key).map(String::as_str);
            let value = match key.as_str() {
                HOSTNAME_LABEL => None,
                ZONE_LABEL if stated.is_none() => {
                    domains.push(Some(zone as Domain));
                    continue;
                }
                // All nodes of a cluster are in one, if they do not say otherwise.
                REGION_LABEL => Some(stated.unwrap_or_default()),
                _ => stated,
            };
            domains.push(value.map(|value| {
                let known = values.iter().position(|other| other == value);
                known.unwrap_or_else(|| {
                    values.push(value.to_owned());
                    values.len() - 1
                }) as Domain
            }));
        }
        Class { domains }
    }
}

impl Selection {
    fn selects(&self, namespace: &str, labels: &Labels) -> bool {
        self.namespaces.contains(namespace) && self.selector.matches(labels)
    }
}

/// Demands a pod's own values of these labels, or others; labels that it does not have demand nothing.
fn demand(selector: &mut LabelSelector, keys: &[String], operator: Operator, labels: &Labels) {
    let own = keys.iter().filter_map(|key| Some((key, labels.get(key)?)));
    selector.match_expressions.extend(own.map(|(key, value)| SelectorRequirement {
        key: key.clone(),
        operator,
        values: vec![value.clone()],
    }));
}
