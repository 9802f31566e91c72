//! The nodes of the simulated cluster and what changes their number.

use std::collections::BTreeMap;

use clap::Args;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::nodes::available;
use super::{Amounts, Delay, DisruptionBudget, Labels, NodeShape, Senseless, Workload};
use crate::units::{Replicas, Share, Span};

/// The nodes of the cluster.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NodesConfig {
    /// The node pools.
    pub pools: Vec<NodePool>,
    /// The cluster autoscaler, if there is one.
    pub autoscaler: Option<ClusterAutoscaler>,
    /// Other workloads, whose pods are there from the start, with how many; those on every node among them.
    pub others: Vec<(Workload, Replicas)>,
    /// The PodDisruptionBudgets.
    pub budgets: Vec<DisruptionBudget>,
    /// The labels of the namespaces that are known.
    pub namespaces: BTreeMap<String, Labels>,
}

impl NodesConfig {
    /// How many pods that request so much all nodes hold that there can be, if they hold nothing else: there are never more.
    pub fn most_pods(&self, requests: &Amounts) -> i64 {
        let of = |pool: &NodePool| {
            let nodes = if self.autoscaler.is_some() { pool.max_nodes } else { pool.nodes };
            let allocatable = pool.shape.allocatable();
            let fits = requests.iter().map(|(name, asked)| available(&allocatable, name).div_floor(asked.quantity));
            nodes.saturating_mul(fits.fold(pool.shape.max_pods, i64::min))
        };
        self.pools.iter().map(of).fold(0, i64::saturating_add)
    }

    /// What a node costs a month, where all are of one kind.
    pub fn price_per_month(&self) -> Option<f64> {
        match self.pools.as_slice() {
            [only] => only.shape.price_per_month,
            _ => None,
        }
    }
}

/// The nodes of the cluster. Pods of the manifests' other workloads are on them from the start.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "Nodes")]
pub struct NodeSettings {
    /// A file of node shapes, relative to this file, as hpasim plan takes it
    pub file: String,
    /// How many nodes of each shape there are at the start, by its name; shapes that are not named are not used
    pub start: BTreeMap<String, i64>,
    /// The cluster autoscaler; without it the number of nodes does not change
    pub autoscaler: Option<ClusterAutoscaler>,
}

/// Equal nodes.
#[derive(Clone, Debug, PartialEq)]
pub struct NodePool {
    /// What a node is.
    pub shape: NodeShape,
    /// Nodes at the start.
    pub nodes: i64,
    /// The fewest that the autoscaler keeps.
    pub min_nodes: i64,
    /// The most that it makes.
    pub max_nodes: i64,
}

/// The cluster autoscaler's flags. It keeps the nodes of each shape between the number at the start (or minNodes) and the
/// shape's maxNodes.
#[derive(Clone, Debug, PartialEq, Args, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[schemars(rename = "Autoscaler")]
pub struct ClusterAutoscaler {
    /// How often it looks
    #[arg(long, value_name = "DURATION", default_value_t = Self::default().scan_interval, requires = "cluster_autoscaler")]
    pub scan_interval: Span,
    /// From its decision until a new node is ready: a delay
    #[arg(long = "node-provisioning", value_name = "DELAY", default_value_t = Self::default().provisioning, requires = "cluster_autoscaler")]
    pub provisioning: Delay,
    /// How long a node must be unneeded before it goes
    #[arg(long, value_name = "DURATION", default_value_t = Self::default().scale_down_unneeded_time, requires = "cluster_autoscaler")]
    pub scale_down_unneeded_time: Span,
    /// A node whose requests are below this part of it is unneeded, if its pods fit elsewhere
    #[arg(long, value_name = "PERCENT", default_value_t = Self::default().scale_down_utilization_threshold, requires = "cluster_autoscaler")]
    pub scale_down_utilization_threshold: Share,
    /// How long after a node was added none goes
    #[arg(long, value_name = "DURATION", default_value_t = Self::default().scale_down_delay_after_add, requires = "cluster_autoscaler")]
    pub scale_down_delay_after_add: Span,
    /// The fewest nodes of each shape; by default the number at the start
    #[arg(skip)]
    pub min_nodes: BTreeMap<String, i64>,
}

impl Default for ClusterAutoscaler {
    /// The defaults of its flags (`cluster-autoscaler/config/flags`); two minutes for a node are an assumption.
    fn default() -> Self {
        Self {
            scan_interval: Span::from_seconds(10),
            provisioning: Delay::Fixed(Span::from_seconds(120)),
            scale_down_unneeded_time: Span::from_seconds(600),
            scale_down_utilization_threshold: Share::from_percent(50),
            scale_down_delay_after_add: Span::from_seconds(600),
            min_nodes: BTreeMap::new(),
        }
    }
}

impl ClusterAutoscaler {
    /// Refuses what no type excludes.
    pub fn check(&self) -> Result<(), Senseless> {
        if self.scan_interval == Span::ZERO {
            return Err(Senseless { setting: "scanInterval", problem: "must be at least 1s".into() });
        }
        Ok(())
    }
}
