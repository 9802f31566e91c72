//! Simulates the Kubernetes HorizontalPodAutoscaler, exactly and offline.
//!
//! What is meant for others stands here: [`read_manifests`], [`read_load`] and [`simulate`] with its [`Options`]. The modules
//! are those of the `hpasim` command; they may change in any release.

#![forbid(unsafe_code)]

mod api;
#[doc(hidden)]
pub mod cli;
#[doc(hidden)]
pub mod conformance;
#[doc(hidden)]
pub mod hpa;
#[doc(hidden)]
pub mod input;
#[doc(hidden)]
pub mod lint;
#[doc(hidden)]
pub mod model;
#[doc(hidden)]
pub mod placement;
#[doc(hidden)]
pub mod plan;
#[doc(hidden)]
pub mod replay;
#[doc(hidden)]
pub mod report;
#[doc(hidden)]
pub mod sim;
#[doc(hidden)]
pub mod study;
#[doc(hidden)]
pub mod units;

pub use api::{Options, Outcome, read_load, read_manifests, simulate};
pub use input::InputError;
pub use input::load::LoadSettings;
pub use input::manifests::Manifests;
pub use model::{ClusterConfig, ControllerConfig, LoadTable};
pub use sim::Summary;

/// The same random cases in every run, and nothing written down of those that fail.
#[cfg(test)]
fn fixed_cases() -> proptest::test_runner::Config {
    proptest::test_runner::Config {
        rng_seed: proptest::test_runner::RngSeed::Fixed(7),
        failure_persistence: None,
        ..proptest::test_runner::Config::default()
    }
}
