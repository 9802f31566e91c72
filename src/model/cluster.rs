//! How the simulated cluster behaves: one declaration of each setting.

use clap::{Args, ValueEnum};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Delay, NodeSettings, Startup};
use crate::units::{NonNegativeQuantity, Seconds, Share, Span, as_text};

/// How the cluster behaves. A delay is a duration, or drawn for each pod: uniform:10s,40s, exponential:20s or
/// lognormal:20s,0.5 (median, standard deviation of the logarithm).
// Options, the fields of a scenario's `cluster`, its JSON Schema and the README's table are all made of this: the names,
// the descriptions, the types and, from `Default`, the defaults.
#[derive(Clone, Debug, PartialEq, Args, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[schemars(rename = "Cluster")]
pub struct ClusterConfig {
    /// Time that the application in a new pod needs until it answers probes and serves: a delay; assumed:20s is a guess,
    /// no longer than the pod's own probes allow
    #[arg(long, value_name = "DELAY", default_value_t = Self::default().startup, help_heading = "Pods")]
    pub startup: Startup,
    /// Time until the scheduler has bound a new pod: a delay
    #[arg(long, value_name = "DELAY", default_value_t = Self::default().scheduling, help_heading = "Pods")]
    pub scheduling: Delay,
    /// Time to pull a new pod's images: a delay
    #[arg(long, value_name = "DELAY", default_value_t = Self::default().image_pull, help_heading = "Pods")]
    pub image_pull: Delay,
    /// Time that each init container takes, one after the other: a delay
    #[arg(long, value_name = "DELAY", default_value_t = Self::default().init, help_heading = "Pods")]
    pub init: Delay,
    /// Time that the application needs to end after SIGTERM, once its work is done
    #[arg(long, value_name = "DURATION", default_value_t = Self::default().shutdown, help_heading = "Pods")]
    pub shutdown: Span,
    /// Time until proxies know that a pod is ready, or is not any more
    #[arg(long, value_name = "DURATION", default_value_t = Self::default().endpoint_propagation, help_heading = "Pods")]
    pub endpoint_propagation: Span,
    /// How long a new pod is slower
    #[arg(long, value_name = "DURATION", default_value_t = Self::default().warmup, help_heading = "Pods")]
    pub warmup: Span,
    /// Its speed in that time, as a part of the full one, above 0
    #[arg(long, value_name = "PERCENT", default_value_t = Self::default().warmup_speed, help_heading = "Pods")]
    pub warmup_speed: Share,
    /// How old the pods are that are there at the start; from a minute on they have been measured for long
    #[arg(long, value_name = "DURATION", default_value_t = Self::default().pods_age, help_heading = "Pods")]
    pub pods_age: Span,
    /// Time in which a pod without work answers a probe, such as 20ms. It grows as CPU becomes short, so that answers come later than
    /// the probe's timeoutSeconds: pods are unready, or are restarted; 0s for probes that are always answered in time
    #[arg(long, value_name = "TIME", default_value_t = Self::default().probe_latency, help_heading = "Pods")]
    pub probe_latency: Seconds,
    /// CPU of a running pod without work, such as 5m
    #[arg(long, value_name = "QUANTITY", default_value_t = Self::default().background_cpu, help_heading = "Pods")]
    pub background_cpu: NonNegativeQuantity,
    /// CPU of a pod while its application starts, such as 1
    #[arg(long, value_name = "QUANTITY", default_value_t = Self::default().startup_cpu, help_heading = "Pods")]
    pub startup_cpu: NonNegativeQuantity,
    /// Memory that a pod gains in an hour, such as 20Mi: a leak, or a cache that fills
    #[arg(long, value_name = "QUANTITY", default_value_t = Self::default().memory_growth, help_heading = "Pods")]
    pub memory_growth: NonNegativeQuantity,
    /// Pods never give memory back, as many runtimes do not
    #[arg(long, help_heading = "Pods")]
    pub memory_kept: bool,
    /// How often metrics-server scrapes the kubelets (its --metric-resolution)
    #[arg(long, value_name = "DURATION", default_value_t = Self::default().metric_resolution, help_heading = "Metrics")]
    pub metric_resolution: Span,
    /// How often the kubelet samples a container, from its start on: a delay; 0s for a fresh sample at every scrape.
    /// Upstream waits up to as long again each time, which is uniform:10s,20s, for each pod by itself
    #[arg(long, value_name = "DELAY", default_value_t = Self::default().housekeeping_interval, help_heading = "Metrics")]
    pub housekeeping_interval: Delay,
    /// How long after its containers' start the kubelet samples a pod for the first time
    #[arg(long, value_name = "DURATION", default_value_t = Self::default().first_sample, help_heading = "Metrics")]
    pub first_sample: Span,
    /// The part of the samples that is missing at a sync
    #[arg(long, value_name = "PERCENT", default_value_t = Self::default().missing_samples, help_heading = "Metrics")]
    pub missing_samples: Share,
    /// How often Prometheus scrapes each pod, at an instant of the pod's own, for the Pods metrics of the HPA; 0s for metrics that are
    /// known at once
    #[arg(long, value_name = "DURATION", default_value_t = Self::default().scrape_interval, help_heading = "Metrics")]
    pub scrape_interval: Span,
    /// The window of rate() by which the adapter asks Prometheus for them; it needs two scrapes
    #[arg(long, value_name = "DURATION", default_value_t = Self::default().rate_window, help_heading = "Metrics")]
    pub rate_window: Span,
    /// How often the adapter of custom and external metrics reads them; 0s for at every sync
    #[arg(long, value_name = "DURATION", default_value_t = Self::default().adapter_interval, help_heading = "Metrics")]
    pub adapter_interval: Span,
    /// How long after the start of the load the HPA's first sync is, less than the sync period [default: not known]
    #[arg(long, value_name = "DURATION", help_heading = "Phases (what is not given is not known: it is sampled)")]
    pub sync_offset: Option<Span>,
    /// How long after the HPA's syncs the scrapes are, less than the metric resolution [default: not known]
    #[arg(long, value_name = "DURATION", help_heading = "Phases (what is not given is not known: it is sampled)")]
    pub metric_offset: Option<Span>,
    /// How long after the HPA's first sync the kubelet samples the pods that are there at the start, less than its interval
    /// [default: not known]
    #[arg(long, value_name = "DURATION", help_heading = "Phases (what is not given is not known: it is sampled)")]
    pub housekeeping_offset: Option<Span>,
    /// How work is spread over the pods: even, random (each request to any pod), weighted:SIGMA (pods differ by so much,
    /// lognormal) or sticky:DURATION (clients stay for a session)
    #[arg(long, value_name = "HOW", default_value_t = Self::default().balancing, help_heading = "Traffic")]
    pub balancing: Balancing,
    /// Where work waits for CPU: in front of all pods, or at the pod that it was sent to (always, unless balancing is even)
    #[arg(long, value_enum, default_value_t = Self::default().queue, help_heading = "Traffic")]
    pub queue: Queueing,
    /// How long work waits for CPU before it is dropped (requests time out, clients hold back) [default: for ever]
    #[arg(long, value_name = "DURATION", help_heading = "Traffic")]
    pub queue_timeout: Option<Span>,
    /// The most work that waits for each pod, in core-seconds; what is beyond is dropped [default: no limit]
    #[arg(long, value_name = "QUANTITY", help_heading = "Traffic")]
    pub queue_limit: Option<NonNegativeQuantity>,
    /// A promise about response times, such as p95<300ms: the time in which it is broken is reported; the load must be
    /// requests (rps or clients, with their CPU) [default: none]
    #[arg(long, value_name = "PROMISE", help_heading = "Traffic")]
    pub slo: Option<Slo>,
    /// The nodes; without them there is always room
    #[arg(skip)]
    pub nodes: Option<NodeSettings>,
}

impl Default for ClusterConfig {
    fn default() -> Self {
        Self {
            startup: Startup::Assumed(Delay::Fixed(Span::from_seconds(20))),
            scheduling: Delay::ZERO,
            image_pull: Delay::ZERO,
            init: Delay::ZERO,
            shutdown: Span::ZERO,
            // kube-proxy's --iptables-min-sync-period.
            endpoint_propagation: Span::from_seconds(1),
            warmup: Span::ZERO,
            warmup_speed: Share::from_percent(50),
            pods_age: Span::from_seconds(86_400),
            probe_latency: Seconds::new(0.0),
            background_cpu: NonNegativeQuantity::ZERO,
            startup_cpu: NonNegativeQuantity::ZERO,
            memory_growth: NonNegativeQuantity::ZERO,
            memory_kept: false,
            metric_resolution: Span::from_seconds(15),
            // cAdvisor's --housekeeping-interval; the time up to twice that is `jitter` in its `manager/container.go`.
            housekeeping_interval: Delay::Fixed(Span::from_seconds(10)),
            first_sample: Span::ZERO,
            missing_samples: Share::ZERO,
            scrape_interval: Span::ZERO,
            rate_window: Span::from_seconds(120),
            adapter_interval: Span::ZERO,
            sync_offset: None,
            metric_offset: None,
            housekeeping_offset: None,
            balancing: Balancing::Even,
            queue: Queueing::Shared,
            queue_timeout: None,
            queue_limit: None,
            slo: None,
            nodes: None,
        }
    }
}

/// A setting that makes no sense.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Senseless {
    /// Its name in scenarios.
    pub setting: &'static str,
    /// What is wrong with it, to be said after its name.
    pub problem: String,
}

impl Senseless {
    /// The option of that name.
    pub fn option(&self) -> String {
        format!("--{}", option_name(self.setting))
    }
}

/// The long name of the option of a setting: `metricOffset` is metric-offset.
pub fn option_name(setting: &str) -> String {
    let kebab = |c: char| if c.is_ascii_uppercase() { format!("-{}", c.to_ascii_lowercase()) } else { c.into() };
    setting.chars().map(kebab).collect()
}

impl ClusterConfig {
    /// Refuses what no type excludes; `sync_period` is the controller's.
    pub fn check(&self, sync_period: Span) -> Result<(), Senseless> {
        let wrong = |setting, problem: String| Err(Senseless { setting, problem });
        if self.warmup_speed == Share::ZERO {
            return wrong("warmupSpeed", "must be above 0".into());
        }
        if self.metric_resolution == Span::ZERO {
            return wrong("metricResolution", "must be at least 1s".into());
        }
        if self.scrape_interval > Span::ZERO && self.rate_window <= self.scrape_interval {
            let (window, interval) = (self.rate_window, self.scrape_interval);
            return wrong(
                "rateWindow",
                format!("is {window} and must be more than scrapeInterval, which is {interval}"),
            );
        }
        let sampled = self.housekeeping_interval.typical();
        for (setting, offset, period, what) in [
            ("syncOffset", self.sync_offset, sync_period, "the sync period"),
            ("metricOffset", self.metric_offset, self.metric_resolution, "metricResolution"),
            ("housekeepingOffset", self.housekeeping_offset, sampled, "housekeepingInterval"),
        ] {
            if let Some(offset) = offset.filter(|offset| *offset >= period && *offset > Span::ZERO) {
                return wrong(setting, format!("is {offset} and must be less than {what}, which is {period}"));
            }
        }
        Ok(())
    }
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

impl std::fmt::Display for Balancing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Even => f.write_str("even"),
            Self::Random => f.write_str("random"),
            Self::Weighted { sigma } => write!(f, "weighted:{sigma}"),
            Self::Sticky { session } => write!(f, "sticky:{session}"),
        }
    }
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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Queueing {
    /// In front of the pods, which take from it what they can: a broker, an ingress that holds requests.
    #[default]
    Shared,
    /// At the pod that it was sent to: new pods do not relieve the old ones, and what waits is lost with the pod.
    #[serde(alias = "per-pod")]
    #[value(alias = "perPod")]
    PerPod,
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
        let within_seconds = time.parse::<Seconds>().map_err(|_| wrong())?.get();
        let good = quantile > 0.0 && quantile < 1.0 && within_seconds > 0.0;
        if good { Ok(Self { quantile, within_seconds }) } else { Err(wrong()) }
    }
}

as_text! {
    Balancing: "Balancing", "string", "even, random, weighted:0.3 or sticky:60s";
    Slo: "Promise", "string", "a promise about response times, such as p95<300ms or p99<2s";
}
