//! The settings of a scenario's cluster.

use super::{Reader, raw};
use crate::input::manifests::Manifests;
use crate::input::{Diagnostic, InputError, nodes};
use crate::model::{ClusterAutoscaler, ClusterConfig, Delay, NodesConfig, Queueing, Slo, Workload};
use crate::units::{Bytes, Quantity, Span, parse_share};

impl Reader<'_> {
    pub(super) fn cluster(
        &self,
        raw: &raw::Cluster,
        seed: u64,
        manifests: &Manifests,
        target: &Workload,
    ) -> Result<ClusterConfig, InputError> {
        let mut config = ClusterConfig { seed, ..ClusterConfig::default() };
        self.pods(raw, &mut config)?;
        self.metrics(raw, &mut config)?;
        self.traffic(raw, &mut config)?;
        if let Some(raw) = &raw.nodes {
            config.nodes = Some(self.nodes(raw, manifests, target)?);
        }
        Ok(config)
    }

    fn pods(&self, raw: &raw::Cluster, config: &mut ClusterConfig) -> Result<(), Diagnostic> {
        let pods = &mut config.lifecycle;
        for (field, raw, slot) in [
            ("scheduling", &raw.scheduling, &mut pods.scheduling),
            ("imagePull", &raw.image_pull, &mut pods.image_pull),
            ("init", &raw.init, &mut pods.init),
        ] {
            if let Some(raw) = raw {
                *slot = self.delay(&format!("cluster.{field}"), raw)?;
            }
        }
        if let Some(raw) = &raw.startup {
            pods.startup = self.delay("cluster.startup", raw)?.into();
        }
        for (field, raw, slot) in [
            ("shutdown", &raw.shutdown, &mut pods.shutdown),
            ("endpointPropagation", &raw.endpoint_propagation, &mut pods.endpoint_propagation),
            ("warmup", &raw.warmup, &mut config.consumption.warmup),
        ] {
            if let Some(raw) = raw {
                *slot = self.span(&format!("cluster.{field}"), raw)?;
            }
        }
        let consumption = &mut config.consumption;
        if let Some(raw) = &raw.warmup_speed {
            consumption.warmup_speed = self.part("cluster.warmupSpeed", raw)?;
            if consumption.warmup_speed == 0.0 {
                return Err(self.wrong("cluster.warmupSpeed", "must be above 0"));
            }
        }
        let nano = |quantity: Quantity| quantity.nano_value();
        if let Some(raw) = &raw.background_cpu {
            consumption.background_cpu = nano(self.quantity("cluster.backgroundCpu", raw)?);
        }
        if let Some(raw) = &raw.startup_cpu {
            consumption.startup_cpu = nano(self.quantity("cluster.startupCpu", raw)?);
        }
        if let Some(raw) = &raw.memory_growth {
            consumption.memory_growth_per_hour = Bytes::from(self.quantity("cluster.memoryGrowth", raw)?).get();
        }
        consumption.memory_released = !raw.memory_kept;
        Ok(())
    }

    fn metrics(&self, raw: &raw::Cluster, config: &mut ClusterConfig) -> Result<(), Diagnostic> {
        let metrics = &mut config.metrics;
        for (field, raw, slot) in [
            ("metricResolution", &raw.metric_resolution, &mut metrics.resolution),
            ("metricOffset", &raw.metric_offset, &mut metrics.offset),
            ("housekeepingOffset", &raw.housekeeping_offset, &mut metrics.kubelet_offset),
            ("adapterInterval", &raw.adapter_interval, &mut metrics.adapter_interval),
        ] {
            if let Some(raw) = raw {
                *slot = self.span(&format!("cluster.{field}"), raw)?;
            }
        }
        if metrics.resolution == Span::ZERO {
            return Err(self.wrong("cluster.metricResolution", "must be at least 1s"));
        }
        if metrics.offset >= metrics.resolution {
            let message = format!("is {} and must be less than metricResolution", metrics.offset);
            return Err(self.wrong("cluster.metricOffset", message));
        }
        if let Some(raw) = &raw.housekeeping_interval {
            metrics.kubelet_interval = self.delay("cluster.housekeepingInterval", raw)?;
        }
        if let Some(raw) = &raw.missing_samples {
            metrics.missing = self.part("cluster.missingSamples", raw)?;
        }
        Ok(())
    }

    fn traffic(&self, raw: &raw::Cluster, config: &mut ClusterConfig) -> Result<(), Diagnostic> {
        let traffic = &mut config.traffic;
        if let Some(text) = &raw.balancing {
            traffic.balancing = text.parse().map_err(|error: crate::model::ParseBalancingError| {
                self.wrong("cluster.balancing", error.to_string())
            })?;
        }
        if let Some(raw::Queue::PerPod) = raw.queue {
            traffic.queueing = Queueing::PerPod;
        }
        if let Some(raw) = &raw.queue_timeout {
            traffic.queue_timeout = Some(self.span("cluster.queueTimeout", raw)?);
        }
        if let Some(raw) = &raw.queue_limit {
            traffic.queue_limit = Some(self.quantity("cluster.queueLimit", raw)?.nano_value());
        }
        if let Some(text) = &raw.slo {
            let slo: Result<Slo, crate::model::ParseSloError> = text.parse();
            config.slo = Some(slo.map_err(|error| self.wrong("cluster.slo", error.to_string()))?);
        }
        Ok(())
    }

    fn nodes(&self, raw: &raw::Nodes, manifests: &Manifests, target: &Workload) -> Result<NodesConfig, InputError> {
        let source = self
            .files
            .nodes(self.source, &raw.file)
            .map_err(|error| self.wrong("cluster.nodes.file", error.to_string()))?;
        let shapes = nodes::read(&source)?;
        let none = std::collections::BTreeMap::new();
        let least = raw.autoscaler.as_ref().map_or(&none, |autoscaler| &autoscaler.min_nodes);
        let named = raw.start.iter().map(|(name, count)| ("start", name, count));
        let named = named.chain(least.iter().map(|(name, count)| ("autoscaler.minNodes", name, count)));
        for (field, name, count) in named {
            let path = format!("cluster.nodes.{field}.{name}");
            if !shapes.iter().any(|shape| shape.name == *name) {
                let known: Vec<&str> = shapes.iter().map(|shape| shape.name.as_str()).collect();
                let message = format!("{} has no shape `{name}`", raw.file);
                return Err(self.wrong(&path, message).hint(format!("there is {}", known.join(", "))).into());
            }
            if !(0..=nodes::MOST_SIMULATED).contains(count) {
                let message = format!("is {count} and must be from 0 to {}", nodes::MOST_SIMULATED);
                return Err(self.wrong(&path, message).into());
            }
        }
        let pools = nodes::pools(&shapes, &raw.start, least, &manifests.inventory);
        let autoscaler = raw.autoscaler.as_ref().map(|raw| self.autoscaler(raw)).transpose()?;
        Ok(NodesConfig { pools, autoscaler, others: nodes::others(&manifests.inventory, target) })
    }

    fn autoscaler(&self, raw: &raw::Autoscaler) -> Result<ClusterAutoscaler, Diagnostic> {
        let mut config = ClusterAutoscaler::default();
        let path = |field: &str| format!("cluster.nodes.autoscaler.{field}");
        for (field, raw, slot) in [
            ("scanInterval", &raw.scan_interval, &mut config.scan_interval),
            ("scaleDownUnneededTime", &raw.scale_down_unneeded_time, &mut config.unneeded_time),
            ("scaleDownDelayAfterAdd", &raw.scale_down_delay_after_add, &mut config.delay_after_add),
        ] {
            if let Some(raw) = raw {
                *slot = self.span(&path(field), raw)?;
            }
        }
        if config.scan_interval == Span::ZERO {
            return Err(self.wrong(&path("scanInterval"), "must be at least 1s"));
        }
        if let Some(raw) = &raw.provisioning {
            config.provisioning = self.delay(&path("provisioning"), raw)?;
        }
        if let Some(threshold) = raw.scale_down_utilization_threshold {
            if !(0.0..=1.0).contains(&threshold) {
                return Err(self.wrong(&path("scaleDownUtilizationThreshold"), "must be a part from 0 to 1"));
            }
            config.utilization_threshold = threshold;
        }
        Ok(config)
    }

    /// A delay at a field: a number of seconds, or a text.
    pub(super) fn delay(&self, path: &str, raw: &raw::Duration) -> Result<Delay, Diagnostic> {
        match raw {
            raw::Duration::Seconds(_) => self.span(path, raw).map(Delay::Fixed),
            raw::Duration::Text(text) => {
                text.parse().map_err(|error: crate::model::ParseDelayError| self.wrong(path, error.to_string()))
            }
        }
    }

    /// A part at a field: 0.05 or 5%.
    fn part(&self, path: &str, raw: &raw::Number) -> Result<f64, Diagnostic> {
        let text = match raw {
            raw::Number::Number(number) => number.to_string(),
            raw::Number::Text(text) => text.clone(),
        };
        parse_share(&text).map_err(|error| self.wrong(path, error.to_string()))
    }

    /// A quantity at a field, not negative.
    pub(super) fn quantity(&self, path: &str, raw: &raw::Number) -> Result<Quantity, Diagnostic> {
        let text = match raw {
            raw::Number::Number(number) => number.to_string(),
            raw::Number::Text(text) => text.clone(),
        };
        let wrong = |error: crate::units::ParseQuantityError| self.wrong(path, error.to_string()).hint(error.hint());
        let quantity: Quantity = text.parse().map_err(wrong)?;
        if quantity.signum() < 0 { Err(self.wrong(path, "must not be negative")) } else { Ok(quantity) }
    }
}
