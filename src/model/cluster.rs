//! How the simulated cluster behaves: pods, metrics, traffic, consumption and nodes.

use super::{Amounts, NodeShape, PodTemplate};
use crate::units::{ParseSpanError, Replicas, Span};

/// Settings of the simulated cluster.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ClusterConfig {
    /// Seed of everything that is drawn.
    pub seed: u64,
    /// How pods start and stop.
    pub lifecycle: LifecycleConfig,
    /// How usage becomes metrics.
    pub metrics: MetricsConfig,
    /// How work finds pods, and waits.
    pub traffic: TrafficConfig,
    /// What pods use besides the work of the load.
    pub consumption: ConsumptionConfig,
    /// The nodes; without them there is always room.
    pub nodes: Option<NodesConfig>,
    /// What requests are promised.
    pub slo: Option<Slo>,
}

/// A time that is the same for every pod, or drawn for each.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Delay {
    /// Always the same.
    Fixed(Span),
    /// Any time between the two, equally likely.
    Uniform {
        /// The shortest.
        low: Span,
        /// The longest.
        high: Span,
    },
    /// Exponential.
    Exponential {
        /// The mean.
        mean: Span,
    },
    /// Lognormal.
    Lognormal {
        /// The median.
        median: Span,
        /// The standard deviation of the logarithm.
        sigma: f64,
    },
}

impl From<Span> for Delay {
    fn from(span: Span) -> Self {
        Self::Fixed(span)
    }
}

impl Delay {
    /// No time at all.
    pub const ZERO: Self = Self::Fixed(Span::ZERO);

    /// A typical value: the fixed one, the middle, the mean or the median.
    pub fn typical(self) -> Span {
        match self {
            Self::Fixed(span) | Self::Exponential { mean: span } | Self::Lognormal { median: span, .. } => span,
            Self::Uniform { low, high } => Span::from_seconds((low.seconds() + high.seconds()) / 2),
        }
    }

    /// The same shape, so many times as long.
    pub fn times(self, factor: f64) -> Self {
        let of = |span: Span| Span::from_seconds((span.seconds() as f64 * factor).round() as i64);
        match self {
            Self::Fixed(span) => Self::Fixed(of(span)),
            Self::Uniform { low, high } => Self::Uniform { low: of(low), high: of(high) },
            Self::Exponential { mean } => Self::Exponential { mean: of(mean) },
            Self::Lognormal { median, sigma } => Self::Lognormal { median: of(median), sigma },
        }
    }
}

impl std::fmt::Display for Delay {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Fixed(span) => write!(f, "{span}"),
            Self::Uniform { low, high } => write!(f, "uniform:{low},{high}"),
            Self::Exponential { mean } => write!(f, "exponential:{mean}"),
            Self::Lognormal { median, sigma } => write!(f, "lognormal:{median},{sigma}"),
        }
    }
}

/// Why a text is not a delay.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum ParseDelayError {
    /// It does not look like one.
    #[error("`{0}` is not a delay: write 20s, uniform:10s,40s, exponential:20s or lognormal:20s,0.5")]
    Malformed(String),
    /// A time in it is too long.
    #[error("{0}")]
    TooLong(ParseSpanError),
}

impl std::str::FromStr for Delay {
    type Err = ParseDelayError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || ParseDelayError::Malformed(text.to_owned());
        let span = |part: &str| {
            part.trim().parse::<Span>().map_err(|error| match error {
                ParseSpanError::TooLong(_) => ParseDelayError::TooLong(error),
                ParseSpanError::Malformed(_) => wrong(),
            })
        };
        let Some((shape, rest)) = text.split_once(':') else { return span(text).map(Self::Fixed) };
        let parts: Vec<&str> = rest.split(',').collect();
        match (shape.trim(), parts.as_slice()) {
            ("uniform", [low, high]) => {
                let (low, high) = (span(low)?, span(high)?);
                if low > high { Err(wrong()) } else { Ok(Self::Uniform { low, high }) }
            }
            ("exponential", [mean]) => Ok(Self::Exponential { mean: span(mean)? }),
            ("lognormal", [median, sigma]) => {
                let sigma: f64 = sigma.trim().parse().map_err(|_| wrong())?;
                let good = sigma.is_finite() && (0.0..=5.0).contains(&sigma);
                if good { Ok(Self::Lognormal { median: span(median)?, sigma }) } else { Err(wrong()) }
            }
            _ => Err(wrong()),
        }
    }
}

/// How long the application in a new pod needs until it answers probes and serves.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Startup {
    /// As the user says.
    Stated(Delay),
    /// Nobody says. It is no longer than the pod's own probes allow: they are written for an application that comes up.
    Assumed(Delay),
}

impl Startup {
    /// The delay that is stated or assumed.
    pub fn delay(self) -> Delay {
        match self {
            Self::Stated(delay) | Self::Assumed(delay) => delay,
        }
    }

    /// The same, so many times as long.
    pub fn times(self, factor: f64) -> Self {
        match self {
            Self::Stated(delay) => Self::Stated(delay.times(factor)),
            Self::Assumed(delay) => Self::Assumed(delay.times(factor)),
        }
    }
}

impl<T: Into<Delay>> From<T> for Startup {
    fn from(delay: T) -> Self {
        Self::Stated(delay.into())
    }
}

/// How pods start and stop.
#[derive(Clone, Debug, PartialEq)]
pub struct LifecycleConfig {
    /// From a pod's creation until the scheduler has bound it to a node, where there is room.
    pub scheduling: Delay,
    /// Pulling the images.
    pub image_pull: Delay,
    /// Each init container, one after the other.
    pub init: Delay,
    /// From the start of the containers until the application answers probes and can serve.
    pub startup: Startup,
    /// What the application needs to end after SIGTERM, once its work is done.
    pub shutdown: Span,
    /// Until proxies know that a pod is ready, or is not any more.
    pub endpoint_propagation: Span,
}

impl Default for LifecycleConfig {
    fn default() -> Self {
        Self {
            scheduling: Delay::ZERO,
            image_pull: Delay::ZERO,
            init: Delay::ZERO,
            startup: Startup::Assumed(Delay::Fixed(Span::from_seconds(20))),
            shutdown: Span::ZERO,
            // kube-proxy's --iptables-min-sync-period.
            endpoint_propagation: Span::from_seconds(1),
        }
    }
}

/// How usage becomes metrics.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MetricsConfig {
    /// How often metrics-server scrapes the kubelets (`--metric-resolution`).
    pub resolution: Span,
    /// How long after the HPA's syncs the scrapes are, less than `resolution`: neither knows of the other.
    pub offset: Span,
    /// How often the kubelet samples a container, from its start on; zero for a fresh sample at every scrape. By
    /// default 10 s (`--housekeeping-interval`); upstream waits up to as long again, drawn each time (`jitter` in
    /// cAdvisor's `manager/container.go`), which is `uniform:10s,20s` here, for each pod by itself.
    pub kubelet_interval: Delay,
    /// How long after the HPA's syncs the kubelet samples the pods that are there at the start.
    pub kubelet_offset: Span,
    /// The part of the samples that is missing at a sync, 0 to 1.
    pub missing: f64,
    /// How old custom and external metrics may be: how often their adapter reads them; zero for at every sync.
    pub adapter_interval: Span,
}

impl Default for MetricsConfig {
    fn default() -> Self {
        Self {
            resolution: Span::from_seconds(15),
            offset: Span::ZERO,
            kubelet_interval: Delay::Fixed(Span::from_seconds(10)),
            kubelet_offset: Span::ZERO,
            missing: 0.0,
            adapter_interval: Span::ZERO,
        }
    }
}

/// How work finds pods, and waits.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct TrafficConfig {
    /// How work is spread over the pods.
    pub balancing: Balancing,
    /// Where work waits.
    pub queueing: Queueing,
    /// How long work waits for CPU before it is dropped: requests time out, clients hold back. None waits for ever.
    pub queue_timeout: Option<Span>,
    /// The most work that waits for each pod, nanocore-seconds; what is beyond is dropped.
    pub queue_limit: Option<i64>,
}

/// How work is spread over the pods that serve.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Balancing {
    /// In turn, or to the pod with the least to do.
    #[default]
    Even,
    /// Each request to any pod, as kube-proxy does with new connections.
    Random,
    /// Pods have weights of their own, lognormal with this standard deviation of the logarithm.
    Weighted {
        /// The standard deviation.
        sigma: f64,
    },
    /// Clients stay with their pod for a session: new pods fill up slowly.
    Sticky {
        /// The mean length of a session.
        session: Span,
    },
}

/// Why a text does not say how work is spread.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{0}` is not a way to spread work: write even, random, weighted:0.3 or sticky:60s")]
pub struct ParseBalancingError(String);

impl std::str::FromStr for Balancing {
    type Err = ParseBalancingError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || ParseBalancingError(text.to_owned());
        match text.split_once(':') {
            None if text == "even" => Ok(Self::Even),
            None if text == "random" => Ok(Self::Random),
            Some(("weighted", sigma)) => {
                let sigma: f64 = sigma.trim().parse().map_err(|_| wrong())?;
                if (0.0..=5.0).contains(&sigma) { Ok(Self::Weighted { sigma }) } else { Err(wrong()) }
            }
            Some(("sticky", session)) => {
                let session: Span = session.trim().parse().map_err(|_| wrong())?;
                if session > Span::ZERO { Ok(Self::Sticky { session }) } else { Err(wrong()) }
            }
            _ => Err(wrong()),
        }
    }
}

/// Where work waits for CPU.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Queueing {
    /// In front of the pods, which take from it what they can: a broker, an ingress that holds requests.
    #[default]
    Shared,
    /// At the pod that it was sent to: new pods do not relieve the old ones, and what waits is lost with the pod.
    PerPod,
}

/// What pods use besides the work of the load.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ConsumptionConfig {
    /// CPU of a running pod without work, nanocores.
    pub background_cpu: i64,
    /// CPU of a pod while its application starts, nanocores.
    pub startup_cpu: i64,
    /// How long a new pod is slower.
    pub warmup: Span,
    /// Its speed in that time, as a part of the full one: above 0, up to 1.
    pub warmup_speed: f64,
    /// Memory that a pod gains in an hour, bytes: a leak, or a cache that fills.
    pub memory_growth_per_hour: i64,
    /// Whether memory that is not needed any more is given back; many runtimes never do.
    pub memory_released: bool,
}

impl Default for ConsumptionConfig {
    fn default() -> Self {
        Self {
            background_cpu: 0,
            startup_cpu: 0,
            warmup: Span::ZERO,
            warmup_speed: 0.5,
            memory_growth_per_hour: 0,
            memory_released: true,
        }
    }
}

/// A promise about response times: `p95 < 300ms`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Slo {
    /// The part of the requests that must be fast, such as 0.95.
    pub quantile: f64,
    /// What fast is, seconds.
    pub within_seconds: f64,
}

impl std::fmt::Display for Slo {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let percent = (self.quantile * 100_000.0).round() / 1000.0;
        write!(f, "p{percent} < {}ms", (self.within_seconds * 1e6).round() / 1e3)
    }
}

/// Why a text is not a promise about response times.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{0}` is not a promise about response times: write p95<300ms or p99<2s")]
pub struct ParseSloError(String);

impl std::str::FromStr for Slo {
    type Err = ParseSloError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || ParseSloError(text.to_owned());
        let bare: String = text.chars().filter(|c| !c.is_whitespace()).collect();
        let (quantile, time) = bare.strip_prefix('p').and_then(|rest| rest.split_once('<')).ok_or_else(wrong)?;
        let quantile = quantile.parse::<f64>().map_err(|_| wrong())? / 100.0;
        let within_seconds = crate::units::parse_seconds(time).ok_or_else(wrong)?;
        let good = quantile > 0.0 && quantile < 1.0 && within_seconds > 0.0;
        if good { Ok(Self { quantile, within_seconds }) } else { Err(wrong()) }
    }
}

/// The nodes of the cluster.
#[derive(Clone, Debug, PartialEq)]
pub struct NodesConfig {
    /// The node pools.
    pub pools: Vec<NodePool>,
    /// The cluster autoscaler, if there is one.
    pub autoscaler: Option<ClusterAutoscaler>,
    /// Pods of other workloads, there from the start.
    pub others: Vec<(PodTemplate, Replicas)>,
}

/// Equal nodes.
#[derive(Clone, Debug, PartialEq)]
pub struct NodePool {
    /// What a node is.
    pub shape: NodeShape,
    /// What a node has left for pods beside the DaemonSets'.
    pub allocatable: Amounts,
    /// How many pods a node may run beside those.
    pub max_pods: i64,
    /// Nodes at the start.
    pub nodes: i64,
    /// The fewest that the autoscaler keeps.
    pub min_nodes: i64,
    /// The most that it makes.
    pub max_nodes: i64,
}

/// The cluster autoscaler's settings, by the names of its flags.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ClusterAutoscaler {
    /// `--scan-interval`.
    pub scan_interval: Span,
    /// From the decision until a new node is ready: the provider's time.
    pub provisioning: Delay,
    /// `--scale-down-unneeded-time`.
    pub unneeded_time: Span,
    /// `--scale-down-utilization-threshold`.
    pub utilization_threshold: f64,
    /// `--scale-down-delay-after-add`.
    pub delay_after_add: Span,
}

impl Default for ClusterAutoscaler {
    /// The defaults of its flags (`cluster-autoscaler/config/flags`); two minutes for a node are an assumption.
    fn default() -> Self {
        Self {
            scan_interval: Span::from_seconds(10),
            provisioning: Delay::Fixed(Span::from_seconds(120)),
            unneeded_time: Span::from_seconds(600),
            utilization_threshold: 0.5,
            delay_after_add: Span::from_seconds(600),
        }
    }
}
