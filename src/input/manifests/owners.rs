//! Who makes whom among the objects of a dump.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};

use super::problems::Problems;
use super::stream::Object;
use super::{raw, workload};
use crate::model::{LabelSelector, Labels};

/// The kinds that make pods by a selector.
const MAKERS: [&str; 5] = ["Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "ReplicationController"];

/// The objects that may make others.
pub(super) struct Owners<'a> {
    objects: &'a [Object<'a>],
    /// Namespace, kind and name of each.
    names: BTreeSet<(String, &'a str, String)>,
    /// The selectors of the workloads of each namespace, with their kinds; read when they are first asked for.
    selectors: OnceCell<BTreeMap<String, Vec<(&'a str, LabelSelector)>>>,
}

impl<'a> Owners<'a> {
    /// All of these objects.
    pub fn new(objects: &'a [Object<'a>]) -> Self {
        let name = |object: &'a Object<'a>| (object.namespace(), object.kind(), object.name());
        Self { objects, names: objects.iter().map(name).collect(), selectors: OnceCell::new() }
    }

    /// Whether another object makes this one, as a Deployment does its ReplicaSets and they their pods in the output of
    /// `kubectl get all`. Where the owner itself was left out of a dump, a pod belongs to the workload whose selector selects it.
    pub fn make(&self, object: &Object<'_>) -> bool {
        let owners = object.header.metadata.owner_references.iter().flatten();
        let mut owners = owners.filter(|owner| owner.controller).peekable();
        if owners.peek().is_none() {
            return false;
        }
        let namespace = object.namespace();
        let is_there = |kind: &str, name: &str| self.names.contains(&(namespace.clone(), kind, name.to_owned()));
        owners.any(|owner| is_there(&owner.kind, &owner.name)) || (object.is_live() && self.select(object))
    }

    /// Whether a workload that may make such an object selects it by its labels.
    fn select(&self, object: &Object<'_>) -> bool {
        let above = match object.kind() {
            "Pod" => MAKERS.as_slice(),
            "ReplicaSet" => &["Deployment"],
            _ => return false,
        };
        let labels: Labels = object.header.metadata.labels.clone().unwrap_or_default();
        let selectors = self.selectors.get_or_init(|| selectors(self.objects));
        let mut here = selectors.get(&object.namespace()).into_iter().flatten();
        here.any(|(kind, selector)| above.contains(kind) && selector.matches(&labels))
    }
}

fn selectors<'a>(objects: &'a [Object<'a>]) -> BTreeMap<String, Vec<(&'a str, LabelSelector)>> {
    let mut all: BTreeMap<String, Vec<(&str, LabelSelector)>> = BTreeMap::new();
    for object in objects.iter().filter(|object| MAKERS.contains(&object.kind())) {
        let spec = object.read_at::<raw::WorkloadSpec>("spec").ok();
        let selector = spec.and_then(|spec| workload::selector(object.kind(), &spec, &mut Problems::default()));
        if let Some(selector) = selector {
            all.entry(object.namespace()).or_default().push((object.kind(), selector));
        }
    }
    all
}
