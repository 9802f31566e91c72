//! From the values of the load to what it asks of pods.

use crate::model::{Drive, Drives, MOST_CLIENT_GROUPS, PodTemplate};
use crate::units::float::round;

/// What the load asks for at an instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ask {
    /// Nothing is known.
    Nothing,
    /// So much of the workload as a whole (nanocores or bytes).
    Total(i64),
    /// So much of every running pod, however many there are.
    PerPod(i64),
    /// The load's clients, in a closed loop.
    Clients,
}

/// Clients, in thousandths, since some come and go; with what they think, microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Crowd([(u64, u64); MOST_CLIENT_GROUPS]);

impl Crowd {
    /// Those of the load's columns.
    pub fn of(clients: &[(usize, f64)], values: &[f64]) -> Self {
        let mut crowd = Self::default();
        for (group, (column, think)) in crowd.0.iter_mut().zip(clients) {
            *group = ((values[*column] * 1000.0).round().max(0.0) as u64, (think * 1e6).round() as u64);
        }
        crowd
    }

    /// Groups: how many, and what they think, seconds.
    pub fn groups(&self) -> impl Iterator<Item = (f64, f64)> + '_ {
        let there = self.0.iter().filter(|(clients, _)| *clients > 0);
        there.map(|(clients, think)| (*clients as f64 / 1000.0, *think as f64 / 1e6))
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(|(clients, _)| *clients == 0)
    }
}

/// CPU and memory that the load asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Asks {
    pub cpu: Ask,
    pub memory: Ask,
}

/// The amounts of the pod template that use depends on.
#[derive(Clone, Copy, Debug)]
pub(super) struct PodSize {
    pub cpu_request: i64,
    pub cpu_limit: Option<i64>,
    pub memory_request: i64,
    pub memory_limit: Option<i64>,
}

const NANOCORES_PER_MILLICORE: i64 = 1_000_000;

impl PodSize {
    /// In nanocores and bytes.
    pub fn of(template: &PodTemplate) -> Self {
        let nanocores = |cpu: crate::units::Millicores| cpu.get().saturating_mul(NANOCORES_PER_MILLICORE);
        Self {
            cpu_request: nanocores(template.running_request("cpu").into()),
            cpu_limit: template.cpu_limit().map(nanocores),
            memory_request: crate::units::Bytes::from(template.running_request("memory")).get(),
            memory_limit: template.memory_limit().map(|limit| limit.get()),
        }
    }
}

/// Rounds up, but takes a float that is an integer up to rounding errors as that integer.
pub(super) fn ceil_tolerant(value: f64) -> i64 {
    let nearest = value.round();
    let close = (value - nearest).abs() <= 1e-6_f64.max(1e-14 * value.abs());
    (if close { nearest } else { value.ceil() }) as i64
}

/// Division that rounds up.
pub(super) fn div_ceil(value: i64, by: i64) -> i64 {
    value / by + i64::from(value % by > 0)
}

/// What a row of the load asks for.
pub(super) fn asks(drives: &Drives, size: &PodSize, values: &[f64]) -> Asks {
    let cpu = match drives.cpu {
        Drive::Clients => Ask::Clients,
        drive => ask(drive, size.cpu_request, values),
    };
    Asks { cpu, memory: ask(drives.memory, size.memory_request, values) }
}

fn ask(drive: Drive, request: i64, values: &[f64]) -> Ask {
    let percent_of_request = |column: usize| values[column] / 100.0 * request as f64;
    match drive {
        Drive::None | Drive::Clients => Ask::Nothing,
        Drive::Demand { column, factor } => Ask::Total(round(values[column] * factor)),
        Drive::Observed { column } => Ask::PerPod(ceil_tolerant(percent_of_request(column))),
        Drive::Recorded { column, replicas } => {
            Ask::Total(ceil_tolerant(percent_of_request(column) * values[replicas]))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentages_of_a_request_are_not_off_by_one() {
        assert_eq!(ceil_tolerant(0.8 * 500_000_000.0), 400_000_000);
        assert_eq!(ceil_tolerant(400_000_000.000_000_06), 400_000_000);
        assert_eq!(ceil_tolerant(60.0 / 100.0 * 536_870_912.0), 322_122_548);
    }
}
