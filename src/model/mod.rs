//! What is simulated, validated and with every default filled in.
//!
//! Nothing here knows how it was written down; `input` builds these types from
//! manifests, traces and flags.

mod controller;
mod hpa;
mod load;
mod scenario;
mod workload;

pub use controller::{ControllerConfig, KubernetesVersion, ParseVersionError};
pub use hpa::{
    Behavior, HpaSpec, LabelSelector, MetricIdentifier, MetricSource, MetricTarget, ObjectReference, PolicyKind,
    ResourceName, ScalingPolicy, ScalingRules, SelectPolicy, SelectorRequirement, ValueTarget,
};
pub use load::{Column, Drive, Interpolation, LoadError, LoadPlan, LoadSource, LoadTable};
pub use scenario::{Check, Claim, ClaimVerdict, Figure, LoadReading, Reading, Scenario, Window};
pub use workload::{Container, PodTemplate, Probe, Workload};
