//! What pods do in a second, and what they take with them.

/// What a pod does in a second, as long as nothing changes.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Rate {
    /// Work that comes to it, nanocores; or that it does, where nothing can wait.
    pub arrival: i64,
    /// Work that it can do, nanocores; none is unlimited.
    pub capacity: Option<i64>,
    /// CPU besides the work, nanocores.
    pub idle: i64,
    /// CPU in all as long as nothing waits, nanocores.
    pub cpu: i64,
    /// CPU for a unit of work.
    pub cpu_factor: f64,
    /// Requests under way.
    pub in_flight: f64,
}

impl Rate {
    /// The CPU that so much work takes in a second.
    pub fn cpu_of(&self, work: i64) -> i64 {
        if self.cpu_factor == 1.0 { work } else { (work as f64 * self.cpu_factor) as i64 }
    }
}

/// What pods were lost with.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Lost {
    /// Work that waited at them, nanocore-seconds.
    pub work: i128,
    /// Requests that were under way.
    pub requests: f64,
}
