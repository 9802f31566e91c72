//! What exporters say of a target, read at equal distances of time.

use crate::hpa::MetricStatus;
use crate::units::{Replicas, SimTime};

/// What cAdvisor says of a target's pods, kube-state-metrics of its workload and its HPA, and an ingress of its requests.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Exported {
    /// The pods, in the order in which they were seen first.
    pub pods: Vec<ExportedPod>,
    /// The workload, its HPA and its requests.
    pub states: Vec<ExportedState>,
}

/// A pod.
#[derive(Clone, Debug, PartialEq)]
pub struct ExportedPod {
    /// When it was created.
    pub created: SimTime,
    /// Which revision of the template it has.
    pub revision: usize,
    /// Its ordinal, in a StatefulSet.
    pub ordinal: Replicas,
    /// What was read of it, as long as it was there.
    pub samples: Vec<PodSample>,
}

/// What is read of a pod at an instant.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PodSample {
    /// When.
    pub at: SimTime,
    /// When it was bound to a node.
    pub scheduled: Option<SimTime>,
    /// When its containers started, if they run.
    pub started: Option<SimTime>,
    /// Since when it is ready, if it is.
    pub ready: Option<SimTime>,
    /// CPU that its containers have used since they started, nanocore-seconds.
    pub cpu: i128,
    /// Memory that they use, bytes.
    pub memory: i64,
    /// Of the time that they ran, seconds, those in which they used all that their limit lets them; none without a limit.
    pub throttled: Option<(i64, i64)>,
    /// How often they were started again, and how often because of their memory.
    pub restarts: u32,
    /// See `restarts`.
    pub oom_kills: u32,
}

/// What is read of the rest at an instant.
#[derive(Clone, Debug, PartialEq)]
pub struct ExportedState {
    /// When.
    pub at: SimTime,
    /// `status.currentReplicas` and `status.desiredReplicas` of the HPA.
    pub current: Replicas,
    /// See `current`.
    pub desired: Replicas,
    /// The HPA's `status.currentMetrics`.
    pub metrics: Vec<Option<MetricStatus>>,
    /// Pods of the workload, and ready ones.
    pub existing: Replicas,
    /// See `existing`.
    pub ready: Replicas,
    /// Requests that were answered, and what all answers took together, seconds; none if the load is not made of requests.
    pub requests: Option<(f64, f64)>,
    /// The values of the load's columns.
    pub load: Vec<f64>,
}
