//! The phases of a simulation, and what differs from one to another, in words.

use crate::model::Phase;

/// When things happen in a phase.
pub fn describe(phase: Phase) -> String {
    format!("first sync at {}, scrapes {} and kubelet samples {} after it", phase.sync, phase.scrape, phase.kubelet)
}
