//! What shapes pods from outside: defaults of namespaces, overheads, priorities.

use std::collections::BTreeMap;

use super::amounts::{amounts, fill};
use super::problems::Problems;
use super::{brief, raw};
use crate::model::{Amounts, KubernetesVersion, Origin};

/// The classes that every cluster has (`pkg/apis/scheduling/v1/helpers.go`).
const SYSTEM: [(&str, i32); 2] = [("system-cluster-critical", 2_000_000_000), ("system-node-critical", 2_000_001_000)];

/// What the manifests say about pods besides the pods' own templates.
#[derive(Clone, Debug, Default)]
pub(super) struct Surroundings {
    /// The release whose API server defaults pods.
    pub version: KubernetesVersion,
    /// The container defaults of every namespace, from its LimitRanges.
    pub defaults: BTreeMap<String, ContainerDefaults>,
    /// The overhead of every RuntimeClass.
    pub overheads: BTreeMap<String, Amounts>,
    /// The PriorityClasses.
    pub priorities: Priorities,
}

/// The defaults that the LimitRanges of a namespace give to containers.
#[derive(Clone, Debug, Default)]
pub(crate) struct ContainerDefaults {
    pub limits: Amounts,
    pub requests: Amounts,
}

impl ContainerDefaults {
    /// Adds a LimitRange; earlier ones win. Mirrors `SetDefaults_LimitRangeItem`
    /// (`pkg/apis/core/v1/defaults.go`).
    pub fn add(&mut self, raw: &raw::LimitRange, origin: &Origin, problems: &mut Problems) {
        for (index, item) in raw.spec.limits.iter().enumerate().filter(|(_, item)| item.kind == "Container") {
            let path = |field: &str| format!("spec.limits[{index}].{field}");
            let mut limits = amounts(&item.default, &path("default"), origin, problems);
            fill(&mut limits, &amounts(&item.max, &path("max"), origin, problems));
            let mut requests = amounts(&item.default_request, &path("defaultRequest"), origin, problems);
            fill(&mut requests, &limits);
            fill(&mut requests, &amounts(&item.min, &path("min"), origin, problems));
            fill(&mut self.limits, &limits);
            fill(&mut self.requests, &requests);
        }
    }
}

/// The PriorityClasses of the manifests.
#[derive(Clone, Debug, Default)]
pub(super) struct Priorities {
    classes: BTreeMap<String, Priority>,
    /// That of the class with `globalDefault`.
    default: Priority,
}

/// What a PriorityClass gives to its pods.
#[derive(Clone, Copy, Debug)]
pub(super) struct Priority {
    pub value: i32,
    pub preempts: bool,
}

impl Default for Priority {
    fn default() -> Self {
        Self { value: 0, preempts: true }
    }
}

impl Priorities {
    /// Adds a class.
    pub fn add(&mut self, name: String, raw: &raw::PriorityClass) {
        let priority = Priority { value: raw.value, preempts: raw.preemption_policy.as_deref() != Some("Never") };
        if raw.global_default {
            self.default = priority;
        }
        self.classes.insert(name, priority);
    }

    /// What a pod has. Mirrors the admission plugin `Priority`; a class that is not among the manifests is in the
    /// cluster, with a value that is not known.
    pub fn of(&self, raw: &raw::PodSpec, path: &str, problems: &mut Problems) -> Priority {
        let Some(name) = raw.priority_class_name.as_deref().filter(|name| !name.is_empty()) else {
            return Priority { value: raw.priority.unwrap_or(self.default.value), ..self.default };
        };
        let system = SYSTEM.iter().find(|(known, _)| *known == name);
        match (self.classes.get(name), system, raw.priority) {
            (Some(class), _, _) => *class,
            (None, Some((_, value)), _) => Priority { value: *value, preempts: true },
            (None, None, Some(value)) => Priority { value, preempts: true },
            (None, None, None) => {
                let message =
                    format!("PriorityClass `{}` is not among the manifests: its value is not known", brief(name));
                let hint = format!("taken as {}; add the class with another -f", self.default.value);
                problems.warn(format!("{path}.priorityClassName"), message, hint);
                self.default
            }
        }
    }
}
