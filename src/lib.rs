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
