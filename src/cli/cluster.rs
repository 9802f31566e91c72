//! Arguments about the simulated cluster: what `simulate`, `plan` and `lint` share.

use std::path::PathBuf;

use clap::Args;

use super::args::phases_parser;
use crate::input::{nodes, read_sources};
use crate::model::{
    ClusterAutoscaler, ClusterConfig, ControllerConfig, Inventory, MOST_PODS, NodeSettings, NodesConfig, Workload,
};
use crate::study::sample::{self, Count};
use crate::units::{Replicas, Span};

#[derive(Debug, Args)]
pub(super) struct ClusterArgs {
    /// Pods at the start, ready and in a steady state [default: the workload's spec.replicas]
    #[arg(
        long,
        value_name = "N",
        value_parser = clap::value_parser!(i32).range(0..=i64::from(MOST_PODS)),
        help_heading = "Cluster"
    )]
    pub replicas: Option<Replicas>,
    /// Seed of everything that is drawn at random: the same seed gives the same bytes, on any number of threads
    #[arg(long, value_name = "N", default_value_t = 0, help_heading = "Cluster")]
    pub seed: u64,
    /// In how many phases to simulate, for the ranges of figures and of the times of events; the one that is shown is a
    /// typical one [default: as many as 600,000 simulated syncs allow, up to 100; fewer where
    /// drawn times make every pod another one; one where ten would take too long]
    #[arg(long, value_name = "N", value_parser = phases_parser(), help_heading = "Cluster")]
    phases: Option<u64>,
    /// Settings of the cluster in a file (YAML), as `hpasim calibrate` writes it; options count more
    #[arg(long, value_name = "FILE", help_heading = "Cluster")]
    pub cluster: Option<PathBuf>,
    #[command(flatten)]
    settings: ClusterConfig,
}

impl ClusterArgs {
    /// How many phases to simulate, where one takes so long; none where there is to be one, since the load is too long.
    pub fn phases(&self, duration: Span, controller: &ControllerConfig) -> Option<Count> {
        self.asked_phases()
            .map(Count::Exactly)
            .or_else(|| sample::affordable(duration, controller.sync_period).map(Count::AtMost))
    }

    /// How many phases are asked for, if that is said.
    pub fn asked_phases(&self) -> Option<usize> {
        self.phases.and_then(|count| usize::try_from(count).ok())
    }

    /// The longest load that is simulated in several phases.
    pub fn longest(&self, controller: &ControllerConfig) -> Span {
        self.phases.map_or_else(|| sample::longest_affordable(controller.sync_period), |_| Span::LONGEST)
    }

    /// The settings; an error if they make no sense. Nodes are not among them.
    pub fn config(&self, controller: &ControllerConfig) -> anyhow::Result<ClusterConfig> {
        match self.settings.check(controller.sync_period) {
            Ok(()) => Ok(self.settings.clone()),
            Err(wrong) => anyhow::bail!("{} {}", wrong.option(), wrong.problem),
        }
    }
}

/// The nodes that pods run on.
#[derive(Debug, Args)]
#[command(next_help_heading = "Nodes")]
pub(super) struct NodeArgs {
    /// Node shapes (YAML), as `hpasim plan` takes them; pods wait where there is no room [default: there always is]
    #[arg(long, value_name = "FILE", requires = "node_count")]
    nodes: Option<PathBuf>,
    /// Nodes of a shape at the start; repeatable, shapes that are not named are not used
    #[arg(long, value_name = "SHAPE=N", requires = "nodes", value_parser = node_count)]
    node_count: Vec<(String, i64)>,
    /// A cluster autoscaler: up to the shape's maxNodes, down to the nodes at the start
    #[arg(long, requires = "nodes")]
    cluster_autoscaler: bool,
    #[command(flatten)]
    autoscaler: ClusterAutoscaler,
}

fn node_count(text: &str) -> Result<(String, i64), String> {
    let (name, count) = text.split_once('=').ok_or("write SHAPE=N, such as general=3")?;
    let count = count.parse().map_err(|_| format!("N must be from 0 to {}", nodes::MOST_SIMULATED))?;
    Ok((name.to_owned(), count))
}

impl NodeArgs {
    /// The nodes, if they are to be simulated.
    pub fn config(&self, inventory: &Inventory, targets: &[&Workload]) -> anyhow::Result<Option<NodesConfig>> {
        let Some(path) = &self.nodes else { return Ok(None) };
        if let Err(wrong) = self.autoscaler.check() {
            anyhow::bail!("{} {}", wrong.option(), wrong.problem);
        }
        let sources = read_sources(std::slice::from_ref(path), false)?;
        let shapes = sources.iter().map(nodes::read).collect::<Result<Vec<_>, _>>()?.concat();
        let settings = NodeSettings {
            file: path.display().to_string(),
            start: self.node_count.iter().cloned().collect(),
            autoscaler: self.cluster_autoscaler.then(|| self.autoscaler.clone()),
        };
        match nodes::config(&shapes, &settings, inventory, targets) {
            Ok(config) => Ok(Some(config)),
            Err(wrong) => {
                let hint = wrong.hint.map_or_else(String::new, |hint| format!("; {hint}"));
                anyhow::bail!("--node-count {}: {}{hint}", wrong.shape, wrong.problem)
            }
        }
    }
}
