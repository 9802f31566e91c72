//! Growth: month by month, what the load would need if nothing bounded it, and which bound gives way first.

use super::fleet::{Course, Fleet, Pattern, Simulated, TargetLoad, courses};
use super::montecarlo::varied;
use crate::model::HpaSpec;
use crate::plan::WorkloadPlan;
use crate::sim::SimError;
use crate::units::Replicas;

/// A bound that is no bound.
const UNBOUNDED: Replicas = 100_000;

/// Growth of the load.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Growth {
    /// The factor of a month.
    pub per_month: f64,
    /// How many months to look ahead.
    pub months: u32,
}

/// What a month's load needs.
#[derive(Clone, Debug)]
pub struct Month {
    /// Months from now.
    pub month: u32,
    /// The load, as a factor of today's.
    pub factor: f64,
    /// The pods of all workloads over time, maxReplicas lifted.
    pub fleet: Fleet,
    /// For each workload that is simulated: its index, the p95 and the most pods that it needs.
    pub needs: Vec<(usize, Replicas, Replicas)>,
}

impl Month {
    /// The patterns of the month, every Job running.
    pub fn patterns(&self) -> impl Iterator<Item = Pattern> {
        self.fleet.time_at.keys().map(|pattern| self.fleet.with_jobs(pattern))
    }
}

/// Simulates every month, this one first.
pub fn months(
    workloads: &[WorkloadPlan<'_>],
    simulated: &Simulated<'_>,
    growth: Growth,
) -> Result<Vec<Month>, SimError> {
    (0..=growth.months)
        .map(|month| {
            let factor = growth.per_month.powi(month as i32);
            let mut lifted: Vec<HpaSpec> = simulated.setup.targets.iter().map(|target| target.hpa.clone()).collect();
            lifted.iter_mut().for_each(|hpa| hpa.max_replicas = hpa.max_replicas.max(UNBOUNDED));
            let mut setup = simulated.setup.clone();
            setup.targets.iter_mut().zip(&lifted).for_each(|(target, hpa)| target.hpa = hpa);
            let load = |load: &TargetLoad| varied(&load.table, &load.varies, |_| factor);
            let loads = simulated.loads.iter().map(load).collect::<Result<_, _>>()?;
            let workloads_of = simulated.loads.iter().map(|load| load.workload);
            let courses: Vec<(usize, Course)> = workloads_of.zip(courses(&setup, loads)?).collect();
            let borrowed: Vec<(usize, &Course)> = courses.iter().map(|(index, course)| (*index, course)).collect();
            let fleet = Fleet::new(workloads, &borrowed);
            let need = |index: usize| {
                let p95 = fleet.quantile(0.95, |pattern| pattern[index]).unwrap_or_default();
                let most = fleet.time_at.keys().map(|pattern| pattern[index]).max().unwrap_or_default();
                (index, p95, most)
            };
            let needs = courses.iter().map(|(index, _)| need(*index)).collect();
            Ok(Month { month, factor, fleet, needs })
        })
        .collect()
}
