//! What is simulated, validated and with every default filled in.
//!
//! Nothing here knows how it was written down; `input` builds these types from
//! manifests, traces and flags.

mod admission;
mod amounts;
mod by_labels;
mod by_name;
mod cluster;
mod controller;
mod delay;
mod event;
mod figures;
mod hpa;
mod inventory;
mod load;
mod location;
mod neighbourhood;
mod node_pools;
mod nodes;
mod object;
mod phase;
mod placement;
mod pod;
mod prices;
mod recording;
mod scenario;
mod target;
mod text;
mod workload;

pub use admission::{Admission, Refusal, lacking, quota_use};
pub use amounts::{Amount, Amounts};
pub use by_labels::{ByLabels, BySelector};
pub use by_name::ByName;
pub use cluster::{
    Balancing, ClusterConfig, ParseBalancingError, ParseSloError, Queueing, Senseless, Slo, option_name,
};
pub use controller::{ControllerConfig, KubernetesVersion, ParseVersionError};
pub use delay::{Delay, ParseDelayError, Startup};
pub use event::{Action, MetricsApi, Revision, ScheduledEvent, Which};
pub use figures::{ClaimLevel, FigureClaim, Figures, Measure, PlanClaim};
pub use hpa::{
    Behavior, HpaSpec, LabelSelector, MetricIdentifier, MetricSource, MetricTarget, MetricTargetType, ObjectReference,
    PolicyKind, ReferenceProblem, ResourceMetric, ResourceName, ScalingPolicy, ScalingRules, SelectPolicy, ValueTarget,
};
pub use inventory::{
    AccessMode, BudgetBound, DisruptionBudget, Duplicate, Inventory, LimitItem, LimitKind, LimitRange, OtherScaler,
    ResourceQuota, ScalerKind, Service, VolumeClaim,
};
pub use load::{
    Column, Drive, Drives, Interpolation, LoadError, LoadSource, LoadTable, MOST_CLIENT_GROUPS, MOST_PODS, RequestModel,
};
pub use location::{Location, Origin, Placed, Positions};
pub use neighbourhood::{Allowance, ForeignPods, Neighbourhood, Neighbours, Room, SharedQuota};
pub use node_pools::{ClusterAutoscaler, NodePool, NodeSettings, NodesConfig};
pub use nodes::{HOSTNAME_LABEL, NodeShape, REGION_LABEL, Taint, ZONE_LABEL, available, is_zone_label};
pub use object::{ObjectId, api_group};
pub use phase::{Phase, Phases};
pub use placement::{
    HostPort, NodeSelectorTerm, Operator, Placement, PodAffinityTerm, SelectorRequirement, SpreadConstraint, Toleration,
};
pub use pod::{Container, Labels, MissingRequest, PodTemplate, Probe, QosClass, Volume, VolumeSource, is_pod_level};
pub use prices::{HOURS_OF_A_MONTH, Prices};
pub use recording::{About, Gap, Grid, Kind, Observed, RecordedEvent, Recording, Series, Signal, TimeBase};
pub use scenario::{Check, Claim, ClaimVerdict, Figure, Limit, LoadReading, Reading, Scenario, ScenarioTarget, Window};
pub use target::{Caller, Target};
pub use text::{LONGEST_PIECE, escaped, escaped_lines, piece};
pub use workload::{IntOrPercent, Workload, WorkloadController};
