//! Everything that is tested from outside, in one binary.

mod allocations;
mod browser;
mod cli;
mod cluster;
mod clusters;
mod conformance;
mod controller;
mod errors;
mod fidelity;
mod harmless;
mod instructions;
mod invariants;
mod lint;
mod manifests;
mod names;
mod phases;
mod placement;
mod plan;
mod policies;
mod reading;
mod replay;
mod scaling;
mod settings;
mod support;
mod tidy;
mod world;
