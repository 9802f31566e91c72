//! The scale target: a workload and its pod template.

use crate::model::{KubernetesVersion, MetricSource, ObjectReference, ResourceName};
use crate::units::{Bytes, Millicores, Quantity, Replicas, Span};

/// A Deployment, StatefulSet, ReplicaSet or any other kind with `spec.template` and `spec.replicas`.
#[derive(Clone, Debug, PartialEq)]
pub struct Workload {
    /// Kind and name.
    pub reference: ObjectReference,
    /// `metadata.namespace`.
    pub namespace: String,
    /// `spec.replicas`, if the manifest sets it; the API server's default is 1.
    pub replicas: Option<Replicas>,
    /// `spec.template`.
    pub template: PodTemplate,
}

/// The part of a pod template that autoscaling depends on. Requests already default to limits.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PodTemplate {
    /// `spec.containers`, then the init containers that run as sidecars (`restartPolicy: Always`).
    pub containers: Vec<Container>,
    /// Pod-level requests (`spec.resources.requests`).
    pub pod_requests: Vec<(String, Quantity)>,
    /// Pod-level limits (`spec.resources.limits`).
    pub pod_limits: Vec<(String, Quantity)>,
}

/// A container that runs as long as its pod does.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Container {
    /// `name`.
    pub name: String,
    /// Whether it is an init container with `restartPolicy: Always`.
    pub sidecar: bool,
    /// `resources.requests`.
    pub requests: Vec<(String, Quantity)>,
    /// `resources.limits`.
    pub limits: Vec<(String, Quantity)>,
    /// `startupProbe`.
    pub startup_probe: Option<Probe>,
    /// `readinessProbe`.
    pub readiness_probe: Option<Probe>,
}

/// The timing of a probe, with the API server's defaults.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Probe {
    /// `initialDelaySeconds`.
    pub initial_delay: Span,
    /// `periodSeconds`.
    pub period: Span,
    /// `failureThreshold`.
    pub failure_threshold: i32,
    /// `successThreshold`.
    pub success_threshold: i32,
}

fn lookup(list: &[(String, Quantity)], name: &str) -> Option<Quantity> {
    list.iter().find(|(key, _)| key == name).map(|&(_, quantity)| quantity)
}

impl Container {
    /// The request for a resource.
    pub fn request(&self, resource: &str) -> Option<Quantity> {
        lookup(&self.requests, resource)
    }

    /// The limit for a resource.
    pub fn limit(&self, resource: &str) -> Option<Quantity> {
        lookup(&self.limits, resource)
    }
}

impl PodTemplate {
    /// The request, in thousandths, that the HPA divides usage by, or the name of the first
    /// container without one.
    ///
    /// Mirrors `calculatePodRequests` in `pkg/controller/podautoscaler/replica_calculator.go`:
    /// sidecars count from 1.29 (kubernetes/kubernetes#120001), pod-level requests from 1.34 (#132430).
    pub fn hpa_request(
        &self,
        container: Option<&str>,
        resource: &ResourceName,
        version: KubernetesVersion,
    ) -> Result<i64, &str> {
        if container.is_none()
            && version.at_least(34)
            && let Some(request) = lookup(&self.pod_requests, resource.as_str())
        {
            return Ok(request.milli_value());
        }
        let counted = |c: &&Container| version.at_least(29) || !c.sidecar;
        let mut sum = 0i64;
        for c in self.containers.iter().filter(counted) {
            if container.is_none_or(|name| name == c.name) {
                let request = c.request(resource.as_str()).ok_or(c.name.as_str())?;
                sum = sum.wrapping_add(request.milli_value());
            }
        }
        Ok(sum)
    }

    /// The request that a metric's utilization is relative to, in thousandths; `None` for metrics that are
    /// not relative to one and for pods with a container that has none.
    pub fn metric_request(&self, source: &MetricSource, version: KubernetesVersion) -> Option<i64> {
        match source {
            MetricSource::Resource { name, .. } => self.hpa_request(None, name, version).ok(),
            MetricSource::ContainerResource { container, name, .. } => {
                self.hpa_request(Some(container), name, version).ok()
            }
            _ => None,
        }
    }

    /// The sum of the CPU requests: what the scheduler reserves.
    pub fn cpu_request(&self) -> Millicores {
        self.total("cpu", &self.pod_requests, Container::request).map(Millicores::from).sum()
    }

    /// The sum of the memory requests.
    pub fn memory_request(&self) -> Bytes {
        self.total("memory", &self.pod_requests, Container::request).map(Bytes::from).sum()
    }

    /// The CPU that a pod can use at most, if every container has a limit.
    pub fn cpu_limit(&self) -> Option<Millicores> {
        self.has_limit("cpu").then(|| self.total("cpu", &self.pod_limits, Container::limit).map(Millicores::from).sum())
    }

    /// The memory that a pod can use before it is killed, if every container has a limit.
    pub fn memory_limit(&self) -> Option<Bytes> {
        self.has_limit("memory")
            .then(|| self.total("memory", &self.pod_limits, Container::limit).map(Bytes::from).sum())
    }

    fn has_limit(&self, resource: &str) -> bool {
        lookup(&self.pod_limits, resource).is_some()
            || (!self.containers.is_empty() && self.containers.iter().all(|c| c.limit(resource).is_some()))
    }

    /// The pod-level amount if there is one, or else the containers' amounts.
    fn total(
        &self,
        resource: &str,
        pod_level: &[(String, Quantity)],
        of: impl Fn(&Container, &str) -> Option<Quantity>,
    ) -> impl Iterator<Item = Quantity> {
        let amounts: Vec<Quantity> = match lookup(pod_level, resource) {
            Some(amount) => vec![amount],
            None => self.containers.iter().filter_map(|c| of(c, resource)).collect(),
        };
        amounts.into_iter()
    }
}
