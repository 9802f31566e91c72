//! Pod templates: what a pod asks for, what it may use, and where it may run.

use std::collections::BTreeMap;

use crate::model::{Amounts, KubernetesVersion, MetricSource, Placement, ResourceMetric, ResourceName};
use crate::units::{Bytes, Millicores, Quantity, Span};

/// Labels of an object.
pub type Labels = BTreeMap<String, String>;

/// The part of a pod template that autoscaling and planning depend on. Requests already default to limits, and
/// both to what the namespace's LimitRanges say.
#[derive(Clone, Debug, PartialEq)]
pub struct PodTemplate {
    /// `metadata.labels`.
    pub labels: Labels,
    /// `spec.containers`.
    pub containers: Vec<Container>,
    /// `spec.initContainers`, in their order, sidecars among them.
    pub init_containers: Vec<Container>,
    /// Pod-level requests (`spec.resources.requests`).
    pub pod_requests: Amounts,
    /// Pod-level limits (`spec.resources.limits`).
    pub pod_limits: Amounts,
    /// `spec.overhead`, or that of the RuntimeClass.
    pub overhead: Amounts,
    /// `spec.volumes`.
    pub volumes: Vec<Volume>,
    /// Where it may run.
    pub placement: Placement,
    /// `spec.terminationGracePeriodSeconds`.
    pub grace_period: Span,
    /// The annotation `cluster-autoscaler.kubernetes.io/safe-to-evict`.
    pub safe_to_evict: Option<bool>,
}

impl Default for PodTemplate {
    fn default() -> Self {
        Self {
            labels: Labels::new(),
            containers: Vec::new(),
            init_containers: Vec::new(),
            pod_requests: Amounts::default(),
            pod_limits: Amounts::default(),
            overhead: Amounts::default(),
            volumes: Vec::new(),
            placement: Placement::default(),
            grace_period: Span::from_seconds(30),
            safe_to_evict: None,
        }
    }
}

/// A container, with the API server's defaults.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Container {
    /// `name`.
    pub name: String,
    /// Its path in the manifest, such as `spec.template.spec.containers[0]`.
    pub path: String,
    /// `image`.
    pub image: String,
    /// `command` and `args`.
    pub command: Vec<String>,
    /// The names of the environment variables in `env`.
    pub env: Vec<String>,
    /// Whether it is an init container with `restartPolicy: Always`.
    pub sidecar: bool,
    /// `resources.requests`.
    pub requests: Amounts,
    /// `resources.limits`.
    pub limits: Amounts,
    /// `startupProbe`.
    pub startup_probe: Option<Probe>,
    /// `readinessProbe`.
    pub readiness_probe: Option<Probe>,
    /// `livenessProbe`.
    pub liveness_probe: Option<Probe>,
    /// How long the preStop hook takes, as far as the manifest says: `sleep`, or a command `sleep N`; none without a
    /// hook.
    pub pre_stop: Option<Span>,
    /// Whether the liveness probe asks the same as the readiness probe, as often and as patiently.
    pub liveness_is_readiness: bool,
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
    /// `timeoutSeconds`.
    pub timeout: Span,
    /// Whether it takes the container's process to answer (`httpGet`, `grpc`, `exec`), and not the kernel alone (`tcpSocket`).
    pub is_answered_by_process: bool,
    /// `terminationGracePeriodSeconds`, which is the pod's without it; of a startup or liveness probe.
    pub grace_period: Option<Span>,
}

/// A volume of a pod.
#[derive(Clone, Debug, PartialEq)]
pub struct Volume {
    /// `name`.
    pub name: String,
    /// Its path in the manifest.
    pub path: String,
    /// What it is.
    pub source: VolumeSource,
}

/// What a volume is.
#[derive(Clone, Debug, PartialEq)]
pub enum VolumeSource {
    /// `persistentVolumeClaim`: the claim's name.
    Claim(String),
    /// `ephemeral.volumeClaimTemplate`: a claim for every pod, deleted with it.
    Ephemeral(Box<super::VolumeClaim>),
    /// `emptyDir`.
    EmptyDir {
        /// Whether `medium` is `Memory`, so that it counts as memory of the pod.
        memory: bool,
        /// `sizeLimit`.
        size_limit: Option<Quantity>,
    },
    /// `hostPath`: a directory of the node.
    HostPath,
    /// Anything that takes no storage of its own, such as a ConfigMap.
    Other,
}

/// Quality of service class of a pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum QosClass {
    /// Requests equal limits for CPU and memory of every container.
    Guaranteed,
    /// Something is requested or limited.
    Burstable,
    /// Nothing is.
    BestEffort,
}

impl QosClass {
    /// The name in `status.qosClass`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Guaranteed => "Guaranteed",
            Self::Burstable => "Burstable",
            Self::BestEffort => "BestEffort",
        }
    }
}

impl Container {
    /// The request for a resource.
    pub fn request(&self, resource: &str) -> Option<Quantity> {
        self.requests.get(resource)
    }

    /// The limit for a resource.
    pub fn limit(&self, resource: &str) -> Option<Quantity> {
        self.limits.get(resource)
    }
}

/// Who has no request for a resource that the HPA needs one for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MissingRequest<'a> {
    /// A container, by its name.
    Container(&'a str),
    /// The pod, which has pod-level requests for other resources.
    Pod,
    /// There is no container of the name.
    NoSuchContainer,
}

impl std::fmt::Display for MissingRequest<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Container(name) => write!(f, "container `{name}`"),
            Self::Pod => f.write_str("the pod"),
            Self::NoSuchContainer => f.write_str("the container, which is not there,"),
        }
    }
}

/// Resources that can be set for the pod as a whole.
pub fn is_pod_level(resource: &str) -> bool {
    matches!(resource, "cpu" | "memory") || resource.starts_with("hugepages-")
}

impl PodTemplate {
    /// The containers that run as long as the pod does: the regular ones, then the sidecars.
    pub fn running(&self) -> impl Iterator<Item = &Container> {
        self.containers.iter().chain(self.init_containers.iter().filter(|container| container.sidecar))
    }

    /// The shares of a pod's use that its running containers have, or one of them: in proportion to their requests, or equal if there are
    /// none. Empty if there is no such container.
    pub fn shares(&self, container: Option<&str>, resource: &str) -> Vec<f64> {
        let request = |c: &Container| c.request(resource).map_or(0, |r| r.milli_value()) as f64;
        let total: f64 = self.running().map(request).sum();
        let measured = self.running().filter(|c| container.is_none_or(|name| name == c.name));
        measured.map(|c| if total > 0.0 { request(c) / total } else { 1.0 / self.running().count() as f64 }).collect()
    }

    /// Whether answers to a liveness probe may come too late when CPU is short.
    pub fn may_be_restarted_by_probes(&self) -> bool {
        let mut probes = self.containers.iter().filter_map(|container| container.liveness_probe);
        self.cpu_limit().is_some() && probes.any(|probe| probe.is_answered_by_process)
    }

    /// How long the preStop hooks take.
    pub fn pre_stop(&self) -> Span {
        self.running().filter_map(|container| container.pre_stop).max().unwrap_or(Span::ZERO)
    }

    /// All containers.
    pub fn all_containers(&self) -> impl Iterator<Item = &Container> {
        self.containers.iter().chain(&self.init_containers)
    }

    /// The request, in thousandths, that the HPA divides usage by, or who has none.
    ///
    /// Mirrors `calculateRequests` in `pkg/controller/podautoscaler/replica_calculator.go`: sidecars count from 1.29
    /// (kubernetes/kubernetes#120001). From 1.34 on (#132430) any pod-level request makes it the scheduler's sum, init
    /// containers included, and up to 1.37 the overhead (#142154).
    pub fn hpa_request(
        &self,
        container: Option<&str>,
        resource: &ResourceName,
        version: KubernetesVersion,
    ) -> Result<i64, MissingRequest<'_>> {
        let name = resource.as_str();
        let pod_level = self.pod_requests.names().any(is_pod_level);
        if container.is_none() && pod_level && version.at_least(34) {
            let sum = if version.at_least(38) { self.own_requests() } else { self.requests() };
            return sum.get(name).map(Quantity::milli_value).ok_or(MissingRequest::Pod);
        }
        let counted = |c: &&Container| version.at_least(29) || !c.sidecar;
        let mut sum = 0i64;
        let mut found = container.is_none();
        for c in self.running().filter(counted).filter(|c| container.is_none_or(|name| name == c.name)) {
            found = true;
            let request = c.request(name).ok_or(MissingRequest::Container(&c.name))?;
            sum = sum.wrapping_add(request.milli_value());
        }
        if found { Ok(sum) } else { Err(MissingRequest::NoSuchContainer) }
    }

    /// The request that a metric's utilization is relative to, in thousandths; `None` for metrics that are
    /// not relative to one and for pods with a container that has none.
    pub fn metric_request(&self, source: &MetricSource, version: KubernetesVersion) -> Option<i64> {
        let ResourceMetric { container, name, .. } = source.resource()?;
        self.hpa_request(container, name, version).ok()
    }

    /// What the scheduler reserves for a pod: the running containers together, or what an init container needs
    /// beside the sidecars before it if that is more; pod-level amounts in place of that; and the overhead.
    ///
    /// Mirrors `PodRequests` in `k8s.io/component-helpers/resource/helpers.go` (1.34).
    pub fn requests(&self) -> Amounts {
        let mut total = self.own_requests();
        total.add(&self.overhead);
        total
    }

    /// The same without the overhead.
    pub fn own_requests(&self) -> Amounts {
        self.aggregate(|container| &container.requests, &self.pod_requests)
    }

    /// What a pod may use at most without the overhead, of the resources that have a limit somewhere.
    pub fn own_limits(&self) -> Amounts {
        self.aggregate(|container| &container.limits, &self.pod_limits)
    }

    /// What a pod may use at most, of the resources that have a limit somewhere; see [`Self::unlimited`].
    ///
    /// Mirrors `PodLimits` in the same file: the overhead counts where there is a limit.
    pub fn limits(&self) -> Amounts {
        let mut total = self.own_limits();
        let limited: Vec<String> = total.names().map(str::to_owned).collect();
        let limited: Vec<&str> = limited.iter().map(String::as_str).collect();
        total.add(&self.overhead.only(&limited));
        total
    }

    fn aggregate<'a>(&'a self, of: impl Fn(&'a Container) -> &'a Amounts, pod_level: &Amounts) -> Amounts {
        let mut total = Amounts::default();
        for container in &self.containers {
            total.add(of(container));
        }
        let (mut sidecars, mut starting) = (Amounts::default(), Amounts::default());
        for container in &self.init_containers {
            if container.sidecar {
                total.add(of(container));
                sidecars.add(of(container));
                starting.raise_to(&sidecars);
            } else {
                let mut beside = sidecars.clone();
                beside.add(of(container));
                starting.raise_to(&beside);
            }
        }
        total.raise_to(&starting);
        for (name, amount) in pod_level.iter().filter(|(name, _)| is_pod_level(name)) {
            total.put(name, amount);
        }
        total
    }

    /// Whether some container may use as much of a resource as its node has.
    pub fn unlimited(&self, resource: &str) -> bool {
        self.pod_limits.get(resource).is_none() && self.running().any(|container| container.limit(resource).is_none())
    }

    /// The quality of service class.
    ///
    /// Mirrors `ComputePodQOS` in `pkg/apis/core/v1/helper/qos/qos.go`.
    pub fn qos_class(&self) -> QosClass {
        let positive = |amounts: &Amounts, name: &str| amounts.get(name).filter(|amount| amount.signum() > 0);
        let pod_level = !self.pod_requests.is_empty() || !self.pod_limits.is_empty();
        let parts: Vec<(&Amounts, &Amounts)> = if pod_level {
            vec![(&self.pod_requests, &self.pod_limits)]
        } else {
            self.all_containers().map(|container| (&container.requests, &container.limits)).collect()
        };
        let names = ["cpu", "memory"];
        let any = |(requests, limits): &(&Amounts, &Amounts)| {
            names.iter().any(|name| positive(requests, name).is_some() || positive(limits, name).is_some())
        };
        let equal = |(requests, limits): &(&Amounts, &Amounts)| {
            names.iter().all(|name| {
                let limit = positive(limits, name);
                limit.is_some() && positive(requests, name) == limit
            })
        };
        if !parts.iter().any(any) {
            QosClass::BestEffort
        } else if parts.iter().all(equal) {
            QosClass::Guaranteed
        } else {
            QosClass::Burstable
        }
    }

    /// The CPU that the scheduler reserves.
    pub fn cpu_request(&self) -> Millicores {
        self.requests().quantity("cpu").into()
    }

    /// The memory that the scheduler reserves.
    pub fn memory_request(&self) -> Bytes {
        self.requests().quantity("memory").into()
    }

    /// The CPU that a pod can use at most, if every container has a limit.
    pub fn cpu_limit(&self) -> Option<Millicores> {
        self.running_limit("cpu").map(Millicores::from)
    }

    /// The memory that a pod can use before it is killed, if every container has a limit.
    pub fn memory_limit(&self) -> Option<Bytes> {
        self.running_limit("memory").map(Bytes::from)
    }

    /// The limits of the containers that serve, together, if each has one: init containers are done by then.
    pub fn running_limit(&self, resource: &str) -> Option<Quantity> {
        if self.unlimited(resource) || self.containers.is_empty() {
            return None;
        }
        let limits = self.running().filter_map(|c| c.limit(resource));
        Some(self.pod_limits.get(resource).unwrap_or_else(|| limits.fold(Quantity::ZERO, |sum, more| sum + more)))
    }

    /// The requests of the containers that serve, together: what utilization is relative to.
    pub fn running_request(&self, resource: &str) -> Quantity {
        let requests = self.running().filter_map(|c| c.request(resource));
        self.pod_requests.get(resource).unwrap_or_else(|| requests.fold(Quantity::ZERO, |sum, more| sum + more))
    }
}
