//! Simulates the Kubernetes HorizontalPodAutoscaler, exactly and offline.

#![forbid(unsafe_code)]

pub mod cli;
pub mod conformance;
pub mod hpa;
pub mod input;
pub mod lint;
pub mod model;
pub mod placement;
pub mod plan;
pub mod replay;
pub mod report;
pub mod sim;
pub mod study;
pub mod units;

/// The same random cases in every run, and nothing written down of those that fail.
#[cfg(test)]
fn fixed_cases() -> proptest::test_runner::Config {
    proptest::test_runner::Config {
        rng_seed: proptest::test_runner::RngSeed::Fixed(7),
        failure_persistence: None,
        ..proptest::test_runner::Config::default()
    }
}
