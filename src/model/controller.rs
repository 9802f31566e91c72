//! Settings of the kube-controller-manager and the release whose semantics are simulated.

use std::fmt;
use std::str::FromStr;

use clap::Args;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::Senseless;
use crate::units::{Span, as_text};

/// A minor release of Kubernetes, 1.23 to 1.38.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct KubernetesVersion(u8);

/// Why a text does not name a supported release.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("`{0}` is not a supported Kubernetes version: use 1.23 to 1.38 (in YAML in quotes, \"1.30\")")]
pub struct ParseVersionError(String);

impl KubernetesVersion {
    /// The oldest release whose controller is modelled.
    pub const OLDEST: Self = Self(23);
    /// The newest release, and the default.
    pub const NEWEST: Self = Self(38);

    /// Release `1.minor`, if it is supported.
    pub const fn new(minor: u8) -> Option<Self> {
        if minor >= Self::OLDEST.0 && minor <= Self::NEWEST.0 { Some(Self(minor)) } else { None }
    }

    /// Whether this is release `1.minor` or a later one.
    pub const fn at_least(self, minor: u8) -> bool {
        self.0 >= minor
    }
}

impl Default for KubernetesVersion {
    fn default() -> Self {
        Self::NEWEST
    }
}

impl fmt::Display for KubernetesVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "1.{}", self.0)
    }
}

impl FromStr for KubernetesVersion {
    type Err = ParseVersionError;

    /// Reads `1.37`, `v1.37` or a full version such as `1.37.2`; the patch level is ignored.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut parts = text.strip_prefix('v').unwrap_or(text).split('.');
        let (major, minor) = (parts.next(), parts.next().and_then(|minor| minor.parse().ok()));
        match (major, minor.and_then(Self::new)) {
            (Some("1"), Some(version)) => Ok(version),
            _ => Err(ParseVersionError(text.to_owned())),
        }
    }
}

as_text! {
    KubernetesVersion: "KubernetesVersion", ["number", "string"], "a Kubernetes version such as 1.37";
}

/// The kube-controller-manager's flags, without the prefix horizontal-pod-autoscaler.
// Options, scenario fields, JSON Schema and README follow from this, as from `ClusterConfig`.
#[derive(Clone, Copy, Debug, PartialEq, Args, Deserialize, Serialize, JsonSchema)]
#[command(next_help_heading = "Controller settings (the kube-controller-manager's flags)")]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[schemars(rename = "Controller")]
pub struct ControllerConfig {
    /// Kubernetes release whose semantics are simulated: 1.23 to 1.38
    // In scenarios it stands beside the controller's settings: the manifests are read by it, too.
    #[arg(long = "kubernetes-version", value_name = "VERSION", default_value_t = Self::default().version)]
    #[serde(skip)]
    pub version: KubernetesVersion,
    /// Time between two syncs of the HPA
    #[arg(
        long = "horizontal-pod-autoscaler-sync-period",
        value_name = "DURATION",
        default_value_t = Self::default().sync_period
    )]
    pub sync_period: Span,
    /// Change of the metric ratio that is tolerated without scaling
    #[arg(
        long = "horizontal-pod-autoscaler-tolerance",
        value_name = "RATIO",
        default_value_t = Self::default().tolerance
    )]
    pub tolerance: f64,
    /// Stabilization window of scaling down where the HPA sets none
    #[arg(
        long = "horizontal-pod-autoscaler-downscale-stabilization",
        value_name = "DURATION",
        default_value_t = Self::default().downscale_stabilization
    )]
    pub downscale_stabilization: Span,
    /// Time after a pod's start in which its CPU samples count only while it is ready
    #[arg(
        long = "horizontal-pod-autoscaler-cpu-initialization-period",
        value_name = "DURATION",
        default_value_t = Self::default().cpu_initialization_period
    )]
    pub cpu_initialization_period: Span,
    /// Time after a pod's start in which a change to unready counts as its first readiness
    #[arg(
        long = "horizontal-pod-autoscaler-initial-readiness-delay",
        value_name = "DURATION",
        default_value_t = Self::default().initial_readiness_delay
    )]
    pub initial_readiness_delay: Span,
}

impl ControllerConfig {
    /// Refuses what no type excludes.
    pub fn check(&self) -> Result<(), Senseless> {
        let wrong = |setting, problem: &str| Err(Senseless { setting, problem: problem.into() });
        if self.sync_period == Span::ZERO {
            return wrong("syncPeriod", "must be at least 1s");
        }
        if !self.tolerance.is_finite() || self.tolerance < 0.0 {
            return wrong("tolerance", "must be a ratio of zero or more, such as 0.1");
        }
        Ok(())
    }
}

impl Default for ControllerConfig {
    /// The defaults of the kube-controller-manager
    /// (`pkg/controller/podautoscaler/config/v1alpha1/defaults.go`).
    fn default() -> Self {
        Self {
            version: KubernetesVersion::NEWEST,
            sync_period: Span::from_seconds(15),
            tolerance: 0.1,
            downscale_stabilization: Span::from_seconds(300),
            cpu_initialization_period: Span::from_seconds(300),
            initial_readiness_delay: Span::from_seconds(30),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_read_with_prefix_and_patch_level() {
        for (text, printed) in [("1.37", "1.37"), ("v1.28", "1.28"), ("1.23.17", "1.23")] {
            assert_eq!(text.parse::<KubernetesVersion>().expect(text).to_string(), printed);
        }
        for text in ["1.22", "1.39", "2.30", "1", "", "1.x"] {
            assert!(text.parse::<KubernetesVersion>().is_err(), "{text}");
        }
    }
}
