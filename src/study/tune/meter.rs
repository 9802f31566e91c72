//! Time without service, as the syncs tell it.

use super::problem::{Problem, Service, cpu_request};
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
    /// What a pod requests of CPU, less what is to be spare, nanocores; and of memory, less a margin, bytes, if that may change.
    request: f64,
    memory: Option<f64>,
    before: i64,
    slow: Span,
    /// In all, seconds; of response times the simulation itself knows it.
    pub without: f64,
    /// Time in which pods used more than they request, or work waited, seconds.
    pub above: f64,
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

/// Memory that is above the requests is not given back, and who is above them is evicted first: such a part is to be left, as VPA has it.
pub const MEMORY_MARGIN: f64 = 0.15;

impl Meter {
    /// Of a target; the simulation itself knows how long a promise was broken, and need not be listened to for that alone.
    pub fn new(problem: &Problem<'_>, service: Service, target: &Target<'_>, keeps: Keeps) -> Self {
        let memory = target.workload.template.requests().quantity("memory").value() as f64;
        Self {
            is_on: keeps != Keeps::Sum || service == Service::Cpu || problem.watches_requests(),
            memory: problem.changes_pods().then_some(memory / (1.0 + MEMORY_MARGIN)).filter(|memory| *memory > 0.0),
            when: (keeps == Keeps::When).then(Vec::new),
            ..Self::of(service, cpu_request(target) * (1.0 - problem.headroom))
        }
    }

    /// Of a target beside the one that is tuned; it does not listen if nothing tells whether its pods keep up, or the simulation itself knows.
    pub fn beside(target: &Target<'_>) -> Self {
        let is_on = Service::of(target) == Some(Service::Cpu);
        Self { is_on, ..Self::of(Service::Cpu, cpu_request(target)) }
    }

    fn of(service: Service, request: f64) -> Self {
        Self {
            service,
            is_on: false,
            request,
            memory: None,
            before: 0,
            slow: Span::ZERO,
            without: 0.0,
            above: 0.0,
            days: Vec::new(),
            when: None,
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
        let ready = f64::from(record.pods.ready);
        let is_above = resources.cpu_used.get() as f64 > ready * self.request
            || self.memory.is_some_and(|each| resources.memory_used.get() as f64 > ready * each)
            || resources.backlog > Work::default();
        let above = if is_above { now - self.before } else { 0 };
        let without = match self.service {
            Service::Slo => resources.slow.seconds() - self.slow.seconds(),
            Service::Cpu => above,
        };
        self.above += above as f64;
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
