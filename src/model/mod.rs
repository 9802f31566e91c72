//! What is simulated, validated and with every default filled in.
//!
//! Nothing here knows how it was written down; `input` builds these types from
//! manifests, traces and flags.

mod admission;
mod amounts;
mod cluster;
mod controller;
mod delay;
mod event;
mod hpa;
mod inventory;
mod load;
mod location;
mod node_pools;
mod nodes;
mod object;
mod phase;
mod plan;
mod pod;
mod scenario;
mod text;
mod workload;

pub use admission::{Allowance, ForeignPods, Neighbours, Refusal, claim_refusals, lacking, quota_use, refusals};
pub use amounts::{Amount, Amounts};
pub use cluster::{Balancing, ClusterConfig, ParseBalancingError, ParseSloError, Queueing, Senseless, Slo};
pub use controller::{ControllerConfig, KubernetesVersion, ParseVersionError};
pub use delay::{Delay, ParseDelayError, Startup};
pub use event::{Action, MetricsApi, Revision, ScheduledEvent};
pub use hpa::{
    Behavior, HpaSpec, LabelSelector, MetricIdentifier, MetricSource, MetricTarget, ObjectReference, PolicyKind,
    ReferenceProblem, ResourceName, ScalingPolicy, ScalingRules, SelectPolicy, SelectorRequirement, ValueTarget,
};
pub use inventory::{
    AccessMode, BudgetBound, DisruptionBudget, Duplicate, Inventory, LimitItem, LimitKind, LimitRange, OtherScaler,
    ResourceQuota, ScalerKind, Service, VolumeClaim,
};
pub use load::{Column, Drive, Interpolation, LoadError, LoadPlan, LoadSource, LoadTable, MOST_PODS, RequestModel};
pub use location::{Location, Origin, Placed, Positions};
pub use node_pools::{ClusterAutoscaler, NodePool, NodeSettings, NodesConfig};
pub use nodes::{HOSTNAME_LABEL, NodeShape, Taint, ZONE_LABEL, available};
pub use object::{ObjectId, api_group};
pub use phase::{Phase, Phases};
pub use plan::{ClaimLevel, FigureClaim, Figures, Measure, PlanClaim};
pub use pod::{
    AntiAffinity, Container, Labels, MissingRequest, Placement, PodTemplate, Probe, QosClass, SpreadConstraint,
    Toleration, Volume, VolumeSource, is_pod_level,
};
pub use scenario::{Check, Claim, ClaimVerdict, Figure, Limit, LoadReading, Reading, Scenario, Window};
pub use text::{LONGEST_PIECE, escaped, escaped_lines, piece};
pub use workload::{IntOrPercent, Workload, WorkloadController};
