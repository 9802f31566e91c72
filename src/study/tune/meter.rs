//! Time without service, as the syncs tell it.

use super::Service;
use crate::model::Target;
use crate::sim::{Listen, SyncRecord};
use crate::units::{Span, Work};

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
    /// When, if that is to be kept.
    pub when: Option<Vec<(i64, i64)>>,
}

/// What a pod requests, nanocores.
pub(super) fn cpu_request(target: &Target<'_>) -> f64 {
    target.workload.template.requests().quantity("cpu").nano_value() as f64
}

impl Meter {
    /// Of a target; where it need not be known when there was no service, as little is listened to as will do.
    pub fn new(service: Service, target: &Target<'_>, keeps: bool) -> Self {
        let when = keeps.then(Vec::new);
        let is_on = keeps || service == Service::Cpu;
        Self { service, is_on, request: cpu_request(target), before: 0, slow: Span::ZERO, without: 0.0, when }
    }
}

impl Listen for Meter {
    fn listens(&self) -> bool {
        self.is_on
    }

    fn hear(&mut self, record: &SyncRecord<'_>) {
        let now = record.now.seconds();
        let resources = &record.resources;
        let is_without = match self.service {
            Service::Slo => resources.slow > self.slow,
            Service::Cpu => {
                let requested = f64::from(record.pods.ready) * self.request;
                resources.cpu_used.get() as f64 > requested || resources.backlog > Work::default()
            }
        };
        if is_without {
            self.without += (now - self.before) as f64;
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
