//! Arguments that several commands share.

use std::path::Path;

use clap::Args;

use crate::model::{ControllerConfig, KubernetesVersion};
use crate::units::{Quantity, Span};

/// Settings of the kube-controller-manager, under its own names.
#[derive(Debug, Args)]
#[command(next_help_heading = "Controller settings (the kube-controller-manager's flags)")]
pub(super) struct ControllerArgs {
    /// Kubernetes release whose semantics are simulated: 1.23 to 1.38
    #[arg(long, value_name = "VERSION", default_value_t)]
    pub kubernetes_version: KubernetesVersion,
    /// Time between two syncs of the HPA
    #[arg(long, value_name = "DURATION", default_value = "15s")]
    pub horizontal_pod_autoscaler_sync_period: Span,
    /// Change of the metric ratio that is tolerated without scaling
    #[arg(long, value_name = "RATIO", default_value = "0.1", value_parser = tolerance)]
    pub horizontal_pod_autoscaler_tolerance: f64,
    /// Stabilization window of scaling down where the HPA sets none
    #[arg(long, value_name = "DURATION", default_value = "5m")]
    pub horizontal_pod_autoscaler_downscale_stabilization: Span,
    /// Time after a pod's start in which its CPU samples count only while it is ready
    #[arg(long, value_name = "DURATION", default_value = "5m")]
    pub horizontal_pod_autoscaler_cpu_initialization_period: Span,
    /// Time after a pod's start in which a change to unready counts as its first readiness
    #[arg(long, value_name = "DURATION", default_value = "30s")]
    pub horizontal_pod_autoscaler_initial_readiness_delay: Span,
}

impl ControllerArgs {
    /// The settings; an error if they make no sense.
    pub fn config(&self) -> anyhow::Result<ControllerConfig> {
        if self.horizontal_pod_autoscaler_sync_period == Span::ZERO {
            anyhow::bail!("--horizontal-pod-autoscaler-sync-period must be at least 1s");
        }
        Ok(ControllerConfig {
            version: self.kubernetes_version,
            sync_period: self.horizontal_pod_autoscaler_sync_period,
            tolerance: self.horizontal_pod_autoscaler_tolerance,
            downscale_stabilization: self.horizontal_pod_autoscaler_downscale_stabilization,
            cpu_initialization_period: self.horizontal_pod_autoscaler_cpu_initialization_period,
            initial_readiness_delay: self.horizontal_pod_autoscaler_initial_readiness_delay,
        })
    }
}

/// Standard input can be one of the inputs, not two.
pub(super) fn read_standard_input_once<'a>(inputs: impl Iterator<Item = &'a Path>) -> anyhow::Result<()> {
    if inputs.filter(|path| path.as_os_str() == "-").count() > 1 {
        anyhow::bail!(
            "standard input cannot be two inputs at once, such as the manifests (-f -) and the load (--load -)"
        );
    }
    Ok(())
}

fn tolerance(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(value) if value.is_finite() && value >= 0.0 => Ok(value),
        _ => Err("it must be a ratio of zero or more, such as 0.1".into()),
    }
}

/// A quantity that is not negative.
pub(super) fn amount(text: &str) -> Result<Quantity, String> {
    let quantity: Quantity =
        text.parse().map_err(|error: crate::units::ParseQuantityError| format!("{error}; {}", error.hint()))?;
    if quantity.signum() < 0 { Err("it must not be negative".into()) } else { Ok(quantity) }
}

/// A duration of at least one second.
pub(super) fn positive_span(text: &str) -> Result<Span, String> {
    let span: Span = text.parse().map_err(|error: crate::units::ParseSpanError| error.to_string())?;
    if span == Span::ZERO { Err("it must be at least 1s".into()) } else { Ok(span) }
}
