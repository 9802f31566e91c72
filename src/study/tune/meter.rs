//! Time without service, as the syncs tell it.

use super::Service;
use crate::model::Target;
use crate::sim::{Listen, SyncRecord};
use crate::units::{Span, Work};

/// A day.
const DAY: i64 = 86_400;

/// Time without service: the promise is broken, or pods use more than they request or work waits.
#[derive(Clone, Debug)]
pub(super) struct Meter {
    service: Service,
    is_on: bool,
    request: f64,
    before: i64,
    slow: Span,
    /// In all, seconds; of response times the simulation itself knows it.
    pub without: f64,
    /// The same on each day.
    pub days: Vec<f64>,
    /// When, if that is to be kept.
    pub when: Option<Vec<(i64, i64)>>,
}

/// What is to be known of time without service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keeps {
    /// How much there is in all.
    Sum,
    /// How much on each day.
    Days,
    /// When it is.
    When,
}

/// What a pod requests, nanocores.
pub(super) fn cpu_request(target: &Target<'_>) -> f64 {
    target.workload.template.requests().quantity("cpu").nano_value() as f64
}

impl Meter {
    /// Of a target; the simulation itself knows how long a promise was broken, and need not be listened to for that alone.
    pub fn new(service: Service, target: &Target<'_>, keeps: Keeps) -> Self {
        Self {
            service,
            is_on: keeps != Keeps::Sum || service == Service::Cpu,
            request: cpu_request(target),
            before: 0,
            slow: Span::ZERO,
            without: 0.0,
            days: Vec::new(),
            when: (keeps == Keeps::When).then(Vec::new),
        }
    }
}

impl Listen for Meter {
    fn listens(&self) -> bool {
        self.is_on
    }

    fn hear(&mut self, record: &SyncRecord<'_>) {
        let now = record.now.seconds();
        let resources = &record.resources;
        let without = match self.service {
            Service::Slo => resources.slow.seconds() - self.slow.seconds(),
            Service::Cpu => {
                let requested = f64::from(record.pods.ready) * self.request;
                let is_above = resources.cpu_used.get() as f64 > requested;
                if is_above || resources.backlog > Work::default() { now - self.before } else { 0 }
            }
        };
        // A sync tells of the time before it.
        let day = ((now - 1).max(0) / DAY) as usize;
        if self.days.len() <= day {
            self.days.resize(day + 1, 0.0);
        }
        if without > 0 {
            self.days[day] += without as f64;
            self.without += without as f64;
            match self.when.as_mut().map(|when| (when.last().copied(), when)) {
                Some((Some((from, to)), when)) if to == self.before => {
                    when.pop();
                    when.push((from, now));
                }
                Some((_, when)) => when.push((self.before, now)),
                None => {}
            }
        }
        (self.before, self.slow) = (now, resources.slow);
    }
}
