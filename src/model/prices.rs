//! What is paid for what pods request.

use serde::{Deserialize, Serialize};

/// What is paid for what pods request.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Prices {
    /// For a core for an hour.
    pub core_hour: f64,
    /// For a GiB for an hour.
    pub gib_hour: f64,
}

/// A month has so many hours, as prices of clouds have it.
pub const HOURS_OF_A_MONTH: f64 = 730.0;

impl Default for Prices {
    /// OpenCost's default prices, US dollars (`configs/default.json`): those of a general machine of a public cloud.
    fn default() -> Self {
        Self { core_hour: 0.031_611, gib_hour: 0.004_237 }
    }
}

impl Prices {
    /// What so much costs.
    pub fn of(self, cores: f64, gib: f64) -> f64 {
        cores * self.core_hour + gib * self.gib_hour
    }
}
