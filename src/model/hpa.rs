//! The HorizontalPodAutoscaler's spec after API-server defaults and validation.
//!
//! Mirrors `k8s.io/api/autoscaling/v2`, with the combinations that validation refuses
//! made impossible. Target values are in thousandths, as the controller handles them.

use std::fmt;

use super::{ObjectId, SelectorRequirement};
use crate::units::{Replicas, Span};

/// A HorizontalPodAutoscaler.
#[derive(Clone, Debug, PartialEq)]
pub struct HpaSpec {
    /// `metadata.name`.
    pub name: String,
    /// `metadata.namespace`.
    pub namespace: String,
    /// `spec.scaleTargetRef`.
    pub target: ObjectReference,
    /// `spec.minReplicas`, by default 1.
    pub min_replicas: Replicas,
    /// `spec.maxReplicas`.
    pub max_replicas: Replicas,
    /// `spec.metrics`, by default CPU at 80%; never empty.
    pub metrics: Vec<MetricSource>,
    /// `spec.behavior`. Present and absent are two code paths in the controller.
    pub behavior: Option<Behavior>,
}

impl HpaSpec {
    /// The object that it scales, by its identity.
    pub fn target_id(&self) -> super::ObjectId {
        super::ObjectId::referred(&self.target, &self.namespace)
    }

    /// Whether it scales the object with an identity.
    pub fn scales(&self, id: &super::ObjectId) -> bool {
        id.is_referred(&self.target, &self.namespace)
    }

    /// Its identity.
    pub fn id(&self) -> ObjectId {
        ObjectId {
            kind: "HorizontalPodAutoscaler".to_owned(),
            group: "autoscaling".to_owned(),
            namespace: self.namespace.clone(),
            name: self.name.clone(),
        }
    }

    /// The tolerances of scaling down and up: those of `behavior`, or else the controller's.
    pub fn tolerances(&self, controller: f64) -> (f64, f64) {
        let own = self.behavior.as_ref();
        (
            own.and_then(|behavior| behavior.scale_down.tolerance).unwrap_or(controller),
            own.and_then(|behavior| behavior.scale_up.tolerance).unwrap_or(controller),
        )
    }

    /// Whether an Object or External metric is among the metrics, without which the
    /// workload cannot be scaled from zero.
    pub fn has_object_or_external_metric(&self) -> bool {
        self.metrics.iter().any(|metric| matches!(metric, MetricSource::Object { .. } | MetricSource::External { .. }))
    }
}

/// `CrossVersionObjectReference`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectReference {
    /// `apiVersion`; may be empty.
    pub api_version: String,
    /// `kind`.
    pub kind: String,
    /// `name`.
    pub name: String,
}

impl ObjectReference {
    /// The API group of `apiVersion`.
    pub fn group(&self) -> &str {
        super::api_group(&self.api_version)
    }

    /// The version in which Kubernetes itself serves the kind, if it is one of its own that are referred to most.
    pub fn builtin_api_version(&self) -> Option<&'static str> {
        Some(match self.kind.as_str() {
            "Deployment" | "StatefulSet" | "ReplicaSet" | "DaemonSet" => "apps/v1",
            "ReplicationController" | "Service" | "Pod" | "Namespace" | "Node" => "v1",
            "Ingress" => "networking.k8s.io/v1",
            "Job" => "batch/v1",
            _ => return None,
        })
    }

    /// Whether the controller can find the kind of the object: `apiVersion` must parse (`schema.ParseGroupVersion`), and
    /// its group must have the kind. Custom kinds are taken to exist in any group but the core one.
    pub fn resolves(&self) -> Result<(), ReferenceProblem> {
        // The usual ones first: the controller asks at every sync.
        if self.api_version == "apps/v1" && matches!(self.kind.as_str(), "Deployment" | "StatefulSet") {
            return Ok(());
        }
        if self.api_version.bytes().filter(|byte| *byte == b'/').count() > 1 {
            return Err(ReferenceProblem::Malformed);
        }
        let core = self.group().is_empty();
        match self.builtin_api_version() {
            Some(served) if super::api_group(served) == self.group() => Ok(()),
            None if !core => Ok(()),
            _ if self.api_version.is_empty() => Err(ReferenceProblem::Missing),
            Some(_) if !matches!(self.group(), "" | "apps" | "batch" | "extensions" | "autoscaling") => Ok(()),
            _ => Err(ReferenceProblem::NotInGroup),
        }
    }
}

/// Why the controller cannot find the kind of a referred object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReferenceProblem {
    /// `apiVersion` has more than one slash.
    Malformed,
    /// There is no `apiVersion`, and the core group does not have the kind.
    Missing,
    /// The API group does not have the kind.
    NotInGroup,
}

impl fmt::Display for ObjectReference {
    /// As kubectl prints it: `Deployment/web`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}/{}", self.kind, self.name))
    }
}

/// The resource that a Resource or ContainerResource metric measures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ResourceName {
    /// `cpu`: the only one whose samples depend on readiness.
    Cpu,
    /// `memory`.
    Memory,
    /// Any other name, such as `ephemeral-storage`.
    Other(String),
}

impl ResourceName {
    /// The name as manifests spell it.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Cpu => "cpu",
            Self::Memory => "memory",
            Self::Other(name) => name,
        }
    }
}

impl From<&str> for ResourceName {
    fn from(name: &str) -> Self {
        match name {
            "cpu" => Self::Cpu,
            "memory" => Self::Memory,
            other => Self::Other(other.to_owned()),
        }
    }
}

impl fmt::Display for ResourceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Target of a Resource or ContainerResource metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetricTarget {
    /// `averageUtilization`: percent of the request.
    Utilization(i32),
    /// `averageValue`, in thousandths.
    AverageValue(i64),
}

/// Target of an Object or External metric, in thousandths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValueTarget {
    /// `value`: compared with the metric as it is.
    Value(i64),
    /// `averageValue`: compared with the metric divided by the number of pods.
    AverageValue(i64),
}

/// `MetricIdentifier`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MetricIdentifier {
    /// `name`.
    pub name: String,
    /// `selector`.
    pub selector: Option<LabelSelector>,
}

/// A `metav1.LabelSelector`; labels sorted by key.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct LabelSelector {
    /// `matchLabels`.
    pub match_labels: Vec<(String, String)>,
    /// `matchExpressions`.
    pub match_expressions: Vec<SelectorRequirement>,
}

/// One entry of `spec.metrics`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MetricSource {
    /// `type: Resource`.
    Resource {
        /// What is measured.
        name: ResourceName,
        /// What it should be.
        target: MetricTarget,
    },
    /// `type: ContainerResource`.
    ContainerResource {
        /// The container that is measured.
        container: String,
        /// What is measured.
        name: ResourceName,
        /// What it should be.
        target: MetricTarget,
    },
    /// `type: Pods`.
    Pods {
        /// The metric.
        metric: MetricIdentifier,
        /// `averageValue`, in thousandths.
        average_value: i64,
    },
    /// `type: Object`.
    Object {
        /// The metric.
        metric: MetricIdentifier,
        /// The object that it describes.
        described: ObjectReference,
        /// What it should be.
        target: ValueTarget,
    },
    /// `type: External`.
    External {
        /// The metric.
        metric: MetricIdentifier,
        /// What it should be.
        target: ValueTarget,
    },
}

/// What a metric of type Resource or ContainerResource measures.
#[derive(Clone, Copy, Debug)]
pub struct ResourceMetric<'a> {
    /// The container, if only one is measured.
    pub container: Option<&'a str>,
    /// The resource.
    pub name: &'a ResourceName,
    /// What it should be.
    pub target: MetricTarget,
}

/// The type of a metric's target, with what it should be; amounts in thousandths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetricTargetType {
    /// Percent of the requests.
    Utilization(i32),
    /// The average over the pods.
    AverageValue(i64),
    /// The metric itself.
    Value(i64),
}

impl MetricTargetType {
    /// The API's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Utilization(_) => "Utilization",
            Self::AverageValue(_) => "AverageValue",
            Self::Value(_) => "Value",
        }
    }
}

impl MetricSource {
    /// What it measures, if that is a resource of pods.
    pub fn resource(&self) -> Option<ResourceMetric<'_>> {
        match self {
            Self::Resource { name, target } => Some(ResourceMetric { container: None, name, target: *target }),
            Self::ContainerResource { container, name, target } => {
                Some(ResourceMetric { container: Some(container), name, target: *target })
            }
            Self::Pods { .. } | Self::Object { .. } | Self::External { .. } => None,
        }
    }

    /// What it should be.
    pub fn target(&self) -> MetricTargetType {
        match self {
            Self::Resource { target, .. } | Self::ContainerResource { target, .. } => match *target {
                MetricTarget::Utilization(percent) => MetricTargetType::Utilization(percent),
                MetricTarget::AverageValue(value) => MetricTargetType::AverageValue(value),
            },
            Self::Pods { average_value, .. } => MetricTargetType::AverageValue(*average_value),
            Self::Object { target, .. } | Self::External { target, .. } => match *target {
                ValueTarget::AverageValue(value) => MetricTargetType::AverageValue(value),
                ValueTarget::Value(value) => MetricTargetType::Value(value),
            },
        }
    }

    /// A short name: `cpu`, `app/cpu`, or the metric's own.
    pub fn label(&self) -> String {
        match self {
            Self::Resource { name, .. } => name.to_string(),
            Self::ContainerResource { container, name, .. } => format!("{container}/{name}"),
            Self::Pods { metric, .. } | Self::Object { metric, .. } | Self::External { metric, .. } => {
                metric.name.clone()
            }
        }
    }
}

/// `spec.behavior`, with the defaults of both directions.
#[derive(Clone, Debug, PartialEq)]
pub struct Behavior {
    /// `scaleUp`.
    pub scale_up: ScalingRules,
    /// `scaleDown`.
    pub scale_down: ScalingRules,
}

/// `HPAScalingRules`.
#[derive(Clone, Debug, PartialEq)]
pub struct ScalingRules {
    /// `stabilizationWindowSeconds`; absent only for scaling down, where the controller's
    /// own flag takes its place.
    pub stabilization_window: Option<Span>,
    /// `selectPolicy`.
    pub select_policy: SelectPolicy,
    /// `policies`; never empty.
    pub policies: Vec<ScalingPolicy>,
    /// `tolerance`; absent: the controller's own. It takes effect from 1.35 on, where the feature gate
    /// HPAConfigurableTolerance is on by default; `input` drops it for older releases.
    pub tolerance: Option<f64>,
}

/// `selectPolicy`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SelectPolicy {
    /// The policy that allows the largest change.
    Max,
    /// The policy that allows the smallest change.
    Min,
    /// No scaling in this direction.
    Disabled,
}

/// `HPAScalingPolicy`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScalingPolicy {
    /// `type`.
    pub kind: PolicyKind,
    /// `value`: pods or percent.
    pub value: i32,
    /// `periodSeconds`.
    pub period: Span,
}

/// The `type` of a scaling policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PolicyKind {
    /// A number of pods.
    Pods,
    /// A percentage of the replicas at the start of the period.
    Percent,
}

impl fmt::Display for ScalingPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = match (self.kind, self.value) {
            (PolicyKind::Percent, _) => "%",
            (PolicyKind::Pods, 1) => " pod",
            (PolicyKind::Pods, _) => " pods",
        };
        write!(f, "{}{unit} per {}", self.value, self.period)
    }
}

impl ScalingRules {
    /// What the API server fills in for `scaleUp`
    /// (`pkg/apis/autoscaling/v2/defaults.go`): no window, the larger of +4 pods and +100% per 15 s.
    pub fn default_scale_up() -> Self {
        let period = Span::from_seconds(15);
        Self {
            stabilization_window: Some(Span::ZERO),
            select_policy: SelectPolicy::Max,
            policies: vec![
                ScalingPolicy { kind: PolicyKind::Pods, value: 4, period },
                ScalingPolicy { kind: PolicyKind::Percent, value: 100, period },
            ],
            tolerance: None,
        }
    }

    /// What the API server fills in for `scaleDown`: the controller's window, -100% per 15 s.
    pub fn default_scale_down() -> Self {
        Self {
            stabilization_window: None,
            select_policy: SelectPolicy::Max,
            policies: vec![ScalingPolicy { kind: PolicyKind::Percent, value: 100, period: Span::from_seconds(15) }],
            tolerance: None,
        }
    }
}
