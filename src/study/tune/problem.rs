//! What is to be tuned: what may change, what is good, and what it costs.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::field::{Field, Subject};
use super::score::Limits;
use super::search::Choice;
use crate::model::{Drive, LoadTable, Prices, Room, Target};
use crate::sim::Setup;
use crate::units::Span;

/// A field, and the values that are tried.
#[derive(Clone, Debug, PartialEq)]
pub struct Axis {
    /// Which one.
    pub field: Field,
    /// Its values, in their order.
    pub values: Vec<i64>,
    /// The index of the one that it has.
    pub own: usize,
}

/// What service is, where less of it is worse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Service {
    /// Time in which the promise about response times is broken.
    Slo,
    /// Time in which pods use more CPU than they request, or work waits for CPU. What is above the requests is what nodes happen to
    /// spare, whatever the limits are.
    Cpu,
}

/// What a pod requests, nanocores.
pub(super) fn cpu_request(target: &Target<'_>) -> f64 {
    target.workload.template.requests().quantity("cpu").nano_value() as f64
}

impl Service {
    /// What service is for a target; none if nothing tells whether its pods keep up.
    pub fn of(target: &Target<'_>) -> Option<Self> {
        let has_demand = matches!(target.drives.cpu, Drive::Demand { .. } | Drive::Recorded { .. });
        if target.cluster.slo.is_some() && target.drives.requests.is_some() {
            return Some(Self::Slo);
        }
        (has_demand && cpu_request(target) > 0.0).then_some(Self::Cpu)
    }
}

/// What cost is.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum Cost {
    /// Time of pods: what they request is the same for all settings.
    Pods,
    /// Time of nodes.
    Nodes,
    /// Time of nodes by their prices: they are not of one kind.
    NodePrices,
    /// What pods request, over time.
    Requests(Prices),
}

/// A target that is simulated, and its load.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// Its index.
    pub target: usize,
    /// Its load.
    pub table: LoadTable,
    /// Which columns of it are as uncertain as it is: constants are not.
    pub varies: Vec<bool>,
}

/// What is to be tuned.
#[derive(Clone, Debug)]
pub struct Problem<'a> {
    /// The world.
    pub setup: Setup<'a>,
    /// The index of the target that is tuned.
    pub own: usize,
    /// It and those that it bears on, which stay as they are, in their order.
    pub loads: Vec<Loaded>,
    /// By what part the load may be another one, more or less: that of all of them.
    pub uncertainty: f64,
    /// What may change.
    pub axes: Vec<Axis>,
    /// What quotas and LimitRanges leave for its pods.
    pub room: Room<'a>,
    /// What cost is.
    pub cost: Cost,
    /// Such a part of the pods is to be spare: what pods use is held against the requests of the others.
    pub headroom: f64,
    /// How long the load is.
    pub end: Span,
    /// The part of it that the search sees.
    pub seen: Span,
    /// How many choices are tried, about, by all searches together.
    pub candidates: usize,
    /// What is allowed.
    pub limits: Limits,
    /// How many searches there are, each of which begins elsewhere.
    pub searches: usize,
    /// In how many phases the best are simulated.
    pub phases: usize,
}

impl<'a> Problem<'a> {
    /// What is tuned.
    pub fn target(&self) -> &Target<'a> {
        &self.setup.targets[self.own]
    }

    /// Whether others are simulated beside it.
    pub fn has_others(&self) -> bool {
        self.loads.len() > 1
    }

    /// What there is.
    pub fn today(&self) -> Subject<'a> {
        let target = self.target();
        Subject { hpa: target.hpa.clone(), workload: Cow::Borrowed(target.workload) }
    }

    /// The same with a choice of values; what is as it was stays absent where it was absent.
    pub fn subject(&self, choice: &Choice) -> Subject<'a> {
        let mut subject = self.today();
        for (axis, index) in self.axes.iter().zip(choice) {
            if *index != axis.own {
                axis.field.set(&mut subject, axis.values[*index]);
            }
        }
        subject
    }

    /// Whether pods may change, and not the HPA alone.
    pub fn changes_pods(&self) -> bool {
        self.axes.iter().any(|axis| axis.field.is_of_pods())
    }

    /// Whether it matters how much pods use of what they request, besides what service is.
    pub fn watches_requests(&self) -> bool {
        self.changes_pods() || self.headroom > 0.0
    }

    /// Whether the API server takes it, and quotas, LimitRanges and nodes let there be as many of its pods as the HPA may ask for. What is so
    /// today may stay so.
    pub fn is_possible(&self, subject: &Subject<'_>) -> bool {
        let (hpa, template) = (&subject.hpa, &subject.workload.template);
        let is_over = template.all_containers().any(|container| {
            container.requests.iter().any(|(name, request)| {
                let limit = container.limit(name);
                limit.is_some_and(|limit| request.quantity > limit)
            })
        });
        if hpa.min_replicas > hpa.max_replicas || is_over {
            return false;
        }
        let today = self.target().hpa.max_replicas;
        if matches!(subject.workload, Cow::Borrowed(_)) && hpa.max_replicas <= today {
            return true;
        }
        let allowed = self.room.allowance(&subject.workload).is_none_or(|most| hpa.max_replicas <= most.pods);
        let nodes = self.setup.world.nodes.as_ref();
        allowed && nodes.is_none_or(|nodes| i64::from(hpa.max_replicas) <= nodes.most_pods(&template.requests()))
    }
}
