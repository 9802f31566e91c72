//! Arguments about the simulated cluster: what `simulate`, `plan` and `lint` share.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::args::{amount, positive_span};
use crate::input::{nodes, read_sources};
use crate::model::{
    Balancing, ClusterAutoscaler, ClusterConfig, ConsumptionConfig, Delay, Inventory, LifecycleConfig, MOST_PODS,
    MetricsConfig, NodesConfig, Queueing, Slo, Startup, TrafficConfig, Workload,
};
use crate::units::{Bytes, Quantity, Replicas, Span, parse_share};

#[derive(Debug, Args)]
#[command(next_help_heading = "Cluster")]
pub(super) struct ClusterArgs {
    /// Pods at the start, ready and in a steady state [default: the workload's spec.replicas]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i32).range(0..=i64::from(MOST_PODS)))]
    pub replicas: Option<Replicas>,
    #[command(flatten)]
    pub pods: PodArgs,
    #[command(flatten)]
    metrics: MetricsArgs,
    #[command(flatten)]
    traffic: TrafficArgs,
}

/// How pods start, stop and what they use. A DELAY is a duration, or drawn for each pod: uniform:10s,40s,
/// exponential:20s, lognormal:20s,0.5.
#[derive(Debug, Args)]
#[command(next_help_heading = "Pods")]
pub(super) struct PodArgs {
    /// Time that the application in a new pod needs until it answers probes and serves; a duration, or drawn for each
    /// pod: uniform:10s,40s, exponential:20s, lognormal:20s,0.5 (median, standard deviation of the logarithm)
    /// [default: 20s is assumed, or less if the pod's own probes give up sooner]
    #[arg(long, value_name = "DELAY")]
    startup: Option<Delay>,
    /// Time until the scheduler has bound a new pod
    #[arg(long, value_name = "DELAY", default_value = "0s")]
    scheduling: Delay,
    /// Time to pull a new pod's images
    #[arg(long, value_name = "DELAY", default_value = "0s")]
    image_pull: Delay,
    /// Time that each init container takes, one after the other
    #[arg(long, value_name = "DELAY", default_value = "0s")]
    init: Delay,
    /// Time that the application needs to end after SIGTERM
    #[arg(long, value_name = "DURATION", default_value = "0s")]
    shutdown: Span,
    /// Time until proxies know that a pod is ready, or is not any more
    #[arg(long, value_name = "DURATION", default_value = "1s")]
    endpoint_propagation: Span,
    /// How long a new pod is slower
    #[arg(long, value_name = "DURATION", default_value = "0s")]
    warmup: Span,
    /// Its speed in that time
    #[arg(long, value_name = "PERCENT", default_value = "50%", value_parser = speed)]
    warmup_speed: f64,
    /// CPU of a running pod without work, such as 5m
    #[arg(long, value_name = "QUANTITY", default_value = "0", value_parser = amount)]
    background_cpu: Quantity,
    /// CPU of a pod while its application starts, such as 1
    #[arg(long, value_name = "QUANTITY", default_value = "0", value_parser = amount)]
    startup_cpu: Quantity,
    /// Memory that a pod gains in an hour, such as 20Mi: a leak, or a cache that fills
    #[arg(long, value_name = "QUANTITY", default_value = "0", value_parser = amount)]
    memory_growth: Quantity,
    /// Pods never give memory back, as many runtimes do not
    #[arg(long)]
    memory_kept: bool,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Metrics")]
struct MetricsArgs {
    /// How often metrics-server scrapes the kubelets
    #[arg(long, value_name = "DURATION", default_value = "15s", value_parser = positive_span)]
    metric_resolution: Span,
    /// How long after the HPA's syncs the scrapes are, less than --metric-resolution
    #[arg(long, value_name = "DURATION", default_value = "0s")]
    metric_offset: Span,
    /// How often the kubelet samples a container, from its start on: a duration (0s for a fresh sample at every scrape),
    /// or drawn: upstream waits up to as long again, which is uniform:10s,20s, for each pod by itself
    #[arg(long, value_name = "DELAY", default_value = "10s")]
    housekeeping_interval: Delay,
    /// How long after the HPA's syncs the kubelet samples the pods that are there at the start
    #[arg(long, value_name = "DURATION", default_value = "0s")]
    housekeeping_offset: Span,
    /// The part of the samples that is missing at a sync
    #[arg(long, value_name = "PERCENT", default_value = "0%", value_parser = parse_share)]
    missing_samples: f64,
    /// How often the adapter of custom and external metrics reads them; 0s for at every sync
    #[arg(long, value_name = "DURATION", default_value = "0s")]
    adapter_interval: Span,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Traffic")]
struct TrafficArgs {
    /// How work is spread over the pods: even, random (each request to any pod), weighted:SIGMA (pods differ by so much,
    /// lognormal) or sticky:DURATION (clients stay for a session)
    #[arg(long, value_name = "HOW", default_value = "even", value_parser = balancing)]
    balancing: Balancing,
    /// Where work waits for CPU: in front of all pods, or at the pod that it was sent to (always, unless --balancing is
    /// even)
    #[arg(long, value_enum, default_value_t = QueueArg::Shared)]
    queue: QueueArg,
    /// How long work waits for CPU before it is dropped (requests time out, clients hold back) [default: for ever]
    #[arg(long, value_name = "DURATION")]
    queue_timeout: Option<Span>,
    /// The most work that waits for each pod, in core-seconds; what is beyond is dropped [default: no limit]
    #[arg(long, value_name = "QUANTITY", value_parser = amount)]
    queue_limit: Option<Quantity>,
    /// A promise about response times, such as p95<300ms: the time in which it is broken is reported; the load must be
    /// requests (rps or clients, with --cpu-per-request)
    #[arg(long, value_name = "PROMISE")]
    slo: Option<Slo>,
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
    /// A cluster autoscaler with the defaults of its flags: up to the shape's maxNodes, down to the nodes at the start
    #[arg(long, requires = "nodes")]
    cluster_autoscaler: bool,
    /// From the autoscaler's decision until a new node is ready
    #[arg(long, value_name = "DELAY", default_value = "2m")]
    node_provisioning: Delay,
}

fn node_count(text: &str) -> Result<(String, i64), String> {
    let (name, count) = text.split_once('=').ok_or("write SHAPE=N, such as general=3")?;
    let count = count.parse::<i64>().ok().filter(|count| (0..=nodes::MOST_SIMULATED).contains(count));
    Ok((name.to_owned(), count.ok_or_else(|| format!("N must be from 0 to {}", nodes::MOST_SIMULATED))?))
}

impl NodeArgs {
    /// The nodes, if they are to be simulated.
    pub fn config(&self, inventory: &Inventory, target: &Workload) -> anyhow::Result<Option<NodesConfig>> {
        let Some(path) = &self.nodes else { return Ok(None) };
        let sources = read_sources(std::slice::from_ref(path), false)?;
        let shapes = sources.iter().map(nodes::read).collect::<Result<Vec<_>, _>>()?.concat();
        if let Some((name, _)) = self.node_count.iter().find(|(name, _)| !shapes.iter().any(|s| s.name == *name)) {
            let known: Vec<&str> = shapes.iter().map(|shape| shape.name.as_str()).collect();
            anyhow::bail!("{} has no shape `{name}`; there is {}", path.display(), known.join(", "));
        }
        let start = self.node_count.iter().cloned().collect();
        let provisioning = self.node_provisioning;
        let autoscaler =
            self.cluster_autoscaler.then(|| ClusterAutoscaler { provisioning, ..ClusterAutoscaler::default() });
        let pools = nodes::pools(&shapes, &start, &BTreeMap::new(), inventory);
        Ok(Some(NodesConfig { pools, autoscaler, others: nodes::others(inventory, target) }))
    }
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum QueueArg {
    Shared,
    PerPod,
}

/// A part of the full speed.
fn speed(text: &str) -> Result<f64, String> {
    let share = parse_share(text).map_err(|error| error.to_string())?;
    if share > 0.0 { Ok(share) } else { Err("must be above 0".into()) }
}

fn balancing(text: &str) -> Result<Balancing, String> {
    text.parse().map_err(|error: crate::model::ParseBalancingError| error.to_string())
}

impl ClusterArgs {
    /// The settings; an error if they make no sense. Nodes are not among them.
    pub fn config(&self) -> anyhow::Result<ClusterConfig> {
        let (pods, metrics, traffic) = (&self.pods, &self.metrics, &self.traffic);
        if metrics.metric_offset >= metrics.metric_resolution {
            let resolution = metrics.metric_resolution;
            anyhow::bail!("--metric-offset must be less than --metric-resolution, which is {resolution}");
        }
        Ok(ClusterConfig {
            seed: 0,
            lifecycle: LifecycleConfig {
                scheduling: pods.scheduling,
                image_pull: pods.image_pull,
                init: pods.init,
                startup: pods.startup.map_or(LifecycleConfig::default().startup, Startup::Stated),
                shutdown: pods.shutdown,
                endpoint_propagation: pods.endpoint_propagation,
            },
            metrics: MetricsConfig {
                resolution: metrics.metric_resolution,
                offset: metrics.metric_offset,
                kubelet_interval: metrics.housekeeping_interval,
                kubelet_offset: metrics.housekeeping_offset,
                missing: metrics.missing_samples,
                adapter_interval: metrics.adapter_interval,
            },
            traffic: TrafficConfig {
                balancing: traffic.balancing,
                queueing: match traffic.queue {
                    QueueArg::Shared => Queueing::Shared,
                    QueueArg::PerPod => Queueing::PerPod,
                },
                queue_timeout: traffic.queue_timeout,
                queue_limit: traffic.queue_limit.map(Quantity::nano_value),
            },
            consumption: ConsumptionConfig {
                background_cpu: pods.background_cpu.nano_value(),
                startup_cpu: pods.startup_cpu.nano_value(),
                warmup: pods.warmup,
                warmup_speed: pods.warmup_speed,
                memory_growth_per_hour: Bytes::from(pods.memory_growth).get(),
                memory_released: !pods.memory_kept,
            },
            nodes: None,
            slo: traffic.slo,
        })
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Options {
        #[command(flatten)]
        cluster: ClusterArgs,
    }

    /// The options say in their help what the model assumes: a default cannot drift from it.
    #[test]
    fn the_defaults_of_the_options_are_those_of_the_model() {
        let options = Options::try_parse_from(["test"]).expect("no option is required");
        assert_eq!(options.cluster.config().expect("sensible"), ClusterConfig::default());
    }
}
