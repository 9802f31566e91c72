//! What is scaled: an autoscaler, the workload that it scales, and the load on it.

use super::{ClusterConfig, Drives, HpaSpec, Interpolation, Neighbours, Phase, Workload};
use crate::units::Replicas;

/// A scale target with its autoscaler and its load.
#[derive(Clone, Debug)]
pub struct Target<'a> {
    /// The autoscaler.
    pub hpa: &'a HpaSpec,
    /// The workload.
    pub workload: &'a Workload,
    /// How its pods start and how what they use is measured.
    pub cluster: ClusterConfig,
    /// When its HPA syncs, metrics-server scrapes and the kubelets sample its pods.
    pub phase: Phase,
    /// What the columns of its load drive.
    pub drives: Drives,
    /// How the load changes between rows.
    pub interpolation: Interpolation,
    /// Pods at the start: all ready, in a steady state under the first row's load.
    pub initial_replicas: Replicas,
    /// What else is in the namespace that bears on it. Foreign pods are taken to use nothing.
    pub neighbours: Neighbours,
    /// The targets whose requests make requests to this one, besides its own load.
    pub callers: Vec<Caller>,
}

/// Another target that calls this one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Caller {
    /// Its index among the targets.
    pub target: usize,
    /// How many requests it makes, one after the other, for each that it serves.
    pub requests_per_request: f64,
}

impl<'a> Target<'a> {
    /// With the replicas that the workload declares, default settings and nothing beside it.
    pub fn new(hpa: &'a HpaSpec, workload: &'a Workload, drives: Drives) -> Self {
        Self {
            hpa,
            workload,
            cluster: ClusterConfig::default(),
            phase: Phase::default(),
            drives,
            interpolation: Interpolation::Hold,
            initial_replicas: workload.replicas.unwrap_or(1),
            neighbours: Neighbours::default(),
            callers: Vec::new(),
        }
    }
}
