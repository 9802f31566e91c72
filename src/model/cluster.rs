//! How the simulated cluster behaves.

use crate::units::Span;

/// Settings of the simulated cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClusterConfig {
    /// From the creation of a pod until its application answers probes and serves.
    pub startup: Span,
    /// How often the metrics pipeline scrapes pods (`--metric-resolution` of metrics-server).
    pub metric_resolution: Span,
    /// How long after the HPA's syncs the scrapes are, less than `metric_resolution`: neither knows of the other.
    pub metric_offset: Span,
    /// How long work waits for CPU before it is dropped: requests time out, clients hold back. None waits for ever.
    pub queue_timeout: Option<Span>,
}

impl Default for ClusterConfig {
    fn default() -> Self {
        Self {
            startup: Span::from_seconds(20),
            metric_resolution: Span::from_seconds(15),
            metric_offset: Span::ZERO,
            queue_timeout: None,
        }
    }
}
