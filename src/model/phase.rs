//! What happens when, among things that know nothing of each other.

use super::{ClusterConfig, ControllerConfig};
use crate::units::Span;

/// Where the periods of the HPA's syncs, of metrics-server's scrapes and of the kubelets' samples lie: against the start of
/// the load, and against each other. Whole seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Phase {
    /// How long after the start of the load the HPA's first sync is.
    pub sync: Span,
    /// How long after the HPA's syncs metrics-server scrapes.
    pub scrape: Span,
    /// How long after the HPA's first sync the kubelets sample the pods that are there at the start.
    pub kubelet: Span,
}

impl Phase {
    /// How far another one is, square seconds.
    pub fn distance(self, other: Self) -> i64 {
        let square = |a: Span, b: Span| (a.seconds() - b.seconds()).pow(2);
        square(self.sync, other.sync) + square(self.scrape, other.scrape) + square(self.kubelet, other.kubelet)
    }
}

/// The phases that there can be: those that are fixed, and every second of a period of what is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Phases {
    sync: Choice,
    scrape: Choice,
    kubelet: Choice,
}

/// Some seconds in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Choice {
    first: i64,
    count: i64,
}

impl Choice {
    fn of(fixed: Option<Span>, period: Span) -> Self {
        match fixed {
            Some(fixed) => Self { first: fixed.seconds(), count: 1 },
            None => Self { first: 0, count: period.seconds().max(1) },
        }
    }

    fn nth(self, index: i64) -> Span {
        Span::from_seconds(self.first + index)
    }

    fn middle(self) -> Span {
        self.nth(self.count / 2)
    }
}

impl Phases {
    /// Of a cluster and a controller.
    pub fn of(cluster: &ClusterConfig, controller: &ControllerConfig) -> Self {
        Self {
            sync: Choice::of(cluster.sync_offset, controller.sync_period),
            scrape: Choice::of(cluster.metric_offset, cluster.metric_resolution),
            kubelet: Choice::of(cluster.housekeeping_offset, cluster.housekeeping_interval.typical()),
        }
    }

    /// How many there are.
    pub fn count(&self) -> u64 {
        [self.sync, self.scrape, self.kubelet].iter().fold(1, |all, one| all.saturating_mul(one.count.unsigned_abs()))
    }

    /// The phase of an index below [`count`](Self::count).
    pub fn nth(&self, index: u64) -> Phase {
        let index = i64::try_from(index).unwrap_or(i64::MAX);
        let (rest, kubelet) = (index / self.kubelet.count, index % self.kubelet.count);
        let (rest, scrape) = (rest / self.scrape.count, rest % self.scrape.count);
        Phase {
            sync: self.sync.nth(rest % self.sync.count),
            scrape: self.scrape.nth(scrape),
            kubelet: self.kubelet.nth(kubelet),
        }
    }

    /// The phase at these parts of the periods, each from 0 to below 1.
    pub fn at(&self, sync: f64, scrape: f64, kubelet: f64) -> Phase {
        let of = |choice: Choice, part: f64| choice.nth(((part * choice.count as f64) as i64).min(choice.count - 1));
        Phase { sync: of(self.sync, sync), scrape: of(self.scrape, scrape), kubelet: of(self.kubelet, kubelet) }
    }

    /// Everything in the middle of its period.
    pub fn middle(&self) -> Phase {
        Phase { sync: self.sync.middle(), scrape: self.scrape.middle(), kubelet: self.kubelet.middle() }
    }
}
