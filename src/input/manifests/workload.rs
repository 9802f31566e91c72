//! From a manifest with a pod template to [`Workload`].

use std::collections::BTreeMap;

use super::problems::Problems;
use super::raw;
use crate::model::{Container, ObjectReference, PodTemplate, Probe, Workload};
use crate::units::{Quantity, Span};

/// The defaults that the LimitRanges of a namespace give to containers.
#[derive(Clone, Debug, Default)]
pub(crate) struct ContainerDefaults {
    limits: BTreeMap<String, Quantity>,
    requests: BTreeMap<String, Quantity>,
}

impl ContainerDefaults {
    /// Adds a LimitRange; earlier ones win. Mirrors `SetDefaults_LimitRangeItem`
    /// (`pkg/apis/core/v1/defaults.go`).
    pub fn add(&mut self, raw: &raw::LimitRange, problems: &mut Problems) {
        for (index, item) in raw.spec.limits.iter().enumerate().filter(|(_, item)| item.kind == "Container") {
            let path = |field: &str| format!("spec.limits[{index}].{field}");
            let mut limits = quantities(&item.default, &path("default"), problems);
            for (name, quantity) in quantities(&item.max, &path("max"), problems) {
                limits.entry(name).or_insert(quantity);
            }
            let mut requests = quantities(&item.default_request, &path("defaultRequest"), problems);
            for (name, &quantity) in &limits {
                requests.entry(name.clone()).or_insert(quantity);
            }
            for (name, quantity) in quantities(&item.min, &path("min"), problems) {
                requests.entry(name).or_insert(quantity);
            }
            for (all, new) in [(&mut self.limits, limits), (&mut self.requests, requests)] {
                for (name, quantity) in new {
                    all.entry(name).or_insert(quantity);
                }
            }
        }
    }
}

fn quantities(list: &raw::ResourceList, path: &str, problems: &mut Problems) -> BTreeMap<String, Quantity> {
    let mut all = BTreeMap::new();
    for (name, raw) in list {
        if let Some(quantity) = problems.quantity(&format!("{path}.{name}"), raw) {
            if quantity.signum() < 0 {
                problems.error(format!("{path}.{name}"), format!("is {quantity} and must not be negative"), "");
            }
            all.insert(name.clone(), quantity);
        }
    }
    all
}

/// Converts and validates a workload.
pub(crate) fn convert(
    raw: raw::Workload,
    reference: ObjectReference,
    namespace: String,
    defaults: &ContainerDefaults,
    problems: &mut Problems,
) -> Workload {
    if let Some(replicas) = raw.spec.replicas.filter(|&replicas| replicas < 0) {
        problems.error("spec.replicas", format!("is {replicas} and must be greater than or equal to 0"), "");
    }
    let pod = raw.spec.template.spec;
    let path = "spec.template.spec";
    let mut containers = Vec::new();
    let regular = pod.containers.unwrap_or_default();
    if regular.is_empty() {
        problems.error(format!("{path}.containers"), "is required: at least one container", "");
    }
    for (index, raw) in regular.iter().enumerate() {
        containers.push(container(raw, false, &format!("{path}.containers[{index}]"), defaults, problems));
    }
    for (index, raw) in pod.init_containers.iter().flatten().enumerate() {
        let path = format!("{path}.initContainers[{index}]");
        let sidecar = raw.restart_policy.as_deref() == Some("Always");
        let container = container(raw, sidecar, &path, defaults, problems);
        if sidecar {
            containers.push(container);
        }
    }
    let (pod_requests, pod_limits) = resources(&pod.resources, &format!("{path}.resources"), None, problems);
    Workload {
        reference,
        namespace,
        replicas: raw.spec.replicas,
        template: PodTemplate { containers, pod_requests, pod_limits },
    }
}

fn container(
    raw: &raw::Container,
    sidecar: bool,
    path: &str,
    defaults: &ContainerDefaults,
    problems: &mut Problems,
) -> Container {
    if raw.name.is_empty() {
        problems.error(format!("{path}.name"), "is required", "");
    }
    let (requests, limits) = resources(&raw.resources, &format!("{path}.resources"), Some(defaults), problems);
    let mut timing = |raw: &Option<raw::Probe>, field: &str| {
        raw.as_ref().map(|raw| probe(raw, &format!("{path}.{field}"), field == "startupProbe", problems))
    };
    Container {
        name: raw.name.clone(),
        sidecar,
        startup_probe: timing(&raw.startup_probe, "startupProbe"),
        readiness_probe: timing(&raw.readiness_probe, "readinessProbe"),
        requests,
        limits,
    }
}

type Amounts = Vec<(String, Quantity)>;

/// Requests and limits: requests default to limits first, then the LimitRange fills what is missing.
fn resources(
    raw: &raw::Resources,
    path: &str,
    defaults: Option<&ContainerDefaults>,
    problems: &mut Problems,
) -> (Amounts, Amounts) {
    let none = raw::ResourceList::new();
    let mut limits = quantities(raw.limits.as_ref().unwrap_or(&none), &format!("{path}.limits"), problems);
    let mut requests = quantities(raw.requests.as_ref().unwrap_or(&none), &format!("{path}.requests"), problems);
    for (name, &limit) in &limits {
        requests.entry(name.clone()).or_insert(limit);
    }
    if let Some(defaults) = defaults {
        for (all, more) in [(&mut limits, &defaults.limits), (&mut requests, &defaults.requests)] {
            for (name, &quantity) in more {
                all.entry(name.clone()).or_insert(quantity);
            }
        }
    }
    for (name, request) in &requests {
        if let Some(limit) = limits.get(name).filter(|limit| request > limit) {
            let message = format!("is {request} and must be less than or equal to the {name} limit of {limit}");
            problems.error(format!("{path}.requests.{name}"), message, "");
        }
    }
    (requests.into_iter().collect(), limits.into_iter().collect())
}

/// A probe with the API server's defaults (`SetDefaults_Probe`) and validation.
fn probe(raw: &raw::Probe, path: &str, startup: bool, problems: &mut Problems) -> Probe {
    let mut number = |field: &str, value: Option<i32>, default: i32, least: i32| {
        // Zero means "not set" to the API server.
        let value = value.filter(|&value| value != 0).unwrap_or(default);
        if value < least {
            problems.error(format!("{path}.{field}"), format!("is {value} and must be at least {least}"), "");
        }
        value.max(least)
    };
    let success_threshold = number("successThreshold", raw.success_threshold, 1, 1);
    let probe = Probe {
        initial_delay: Span::from_seconds(number("initialDelaySeconds", raw.initial_delay_seconds, 0, 0).into()),
        period: Span::from_seconds(number("periodSeconds", raw.period_seconds, 10, 1).into()),
        failure_threshold: number("failureThreshold", raw.failure_threshold, 3, 1),
        success_threshold,
    };
    if startup && success_threshold != 1 {
        problems.error(format!("{path}.successThreshold"), "must be 1 for a startup probe", "");
    }
    probe
}
