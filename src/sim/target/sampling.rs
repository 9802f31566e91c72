//! Samples and scrapes: as they are due, or afterwards, when a stretch has passed in which every second was like the next one.

use super::TargetState;
use super::cohort::Cohort;
use crate::model::{Balancing, Delay, Target};
use crate::sim::draw::Purpose;
use crate::units::{SimTime, Span};

/// Samples and scrapes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sampling {
    pub next_scrape: SimTime,
    /// When a pod is sampled next, if that is known.
    pub next_sample: Option<SimTime>,
    /// Whether there was a scrape that was not followed up yet.
    pub has_scraped: bool,
    /// Whether they can be worked out afterwards: kubelets sample by themselves, and nothing is drawn at a scrape.
    pub can_wait: bool,
    /// Whether besides every interval is as long as the next.
    pub are_regular: bool,
    /// Since when load, pods and limits are as they are.
    pub steady_since: SimTime,
}

/// When pods are sampled in a part of a stretch, drawn in the order of time; kept for its memory.
#[derive(Clone, Debug, Default)]
pub(super) struct SampleTimes {
    /// For each second so many words with a bit for each cohort, by index.
    due: Vec<u64>,
    /// For each cohort the seconds in which it is sampled, a bit for each, the first one after the beginning the lowest.
    seconds: Vec<u64>,
    /// When each is sampled after them.
    next: Vec<SimTime>,
}

/// Of longer stretches the times are drawn in parts.
const LONGEST_PART: i64 = u64::BITS as i64;

impl Sampling {
    pub fn new(target: &Target<'_>, start: SimTime, next_scrape: SimTime) -> Self {
        let cluster = &target.cluster;
        let interval = cluster.housekeeping_interval;
        // Which samples are missing is drawn for each cohort, and cohorts become one at scrapes.
        let draws = cluster.missing_samples.get() > 0.0 || cluster.balancing == Balancing::Random;
        let can_wait = interval != Delay::ZERO && !draws;
        let are_regular = can_wait && matches!(interval, Delay::Fixed(_));
        Self { next_scrape, next_sample: None, has_scraped: false, can_wait, are_regular, steady_since: start }
    }
}

impl TargetState<'_> {
    /// The kubelets sample and metrics-server scrapes, if they are due.
    pub(super) fn sample(&mut self) {
        let (now, cluster) = (self.now, &self.target.cluster);
        let scrape = now == self.sampling.next_scrape;
        let fresh = cluster.housekeeping_interval == Delay::ZERO;
        let mut next = SimTime::MAX;
        for cohort in self.pods.cohorts_mut() {
            let due = cohort.next_sample == now || (scrape && fresh);
            if due && cohort.running.is_some() {
                cohort.is_sampled(now, self.memory.of(cohort, now), cluster.metric_resolution);
                if !fresh {
                    let interval = self.draws.delay(Purpose::Housekeeping, cluster.housekeeping_interval);
                    cohort.next_sample = now + interval.max(Span::from_seconds(1));
                }
            }
            next = next.min(cohort.next_sample);
        }
        self.sampling.next_sample = Some(next);
        if scrape {
            self.scrape();
        }
    }

    /// After a scrape, pods that cannot be told apart any more are one cohort.
    pub(super) fn merge_alike(&mut self) {
        if self.pods.merge(self.now, self.world.controller.cpu_initialization_period, &self.rules) {
            self.observer.note_pods_changed();
        }
    }

    /// metrics-server scrapes.
    fn scrape(&mut self) {
        let (now, cluster) = (self.now, &self.target.cluster);
        self.sampling.next_scrape = now + cluster.metric_resolution;
        self.sampling.has_scraped = true;
        for cohort in self.pods.cohorts_mut() {
            self.unseen |= scrape_pod(cohort, now < self.resource_outage, cluster.metric_resolution);
        }
        if let Some(expected) = self.traffic.expected_requests(cluster.metric_resolution) {
            for cohort in self.pods.cohorts_mut() {
                cohort.weight = self.draws.routing(expected);
            }
            self.changed = true;
        }
    }

    /// Whether samples and scrapes can be worked out when a stretch has passed: every second of it is like the next one, and
    /// nothing depends on them in the meantime.
    pub(super) fn may_look_back(&self) -> bool {
        self.sampling.can_wait && self.traffic.is_uniform()
    }

    /// The samples and scrapes of a stretch that has passed, its end among it. In each of its seconds pods used as much CPU.
    pub(super) fn look_back(&mut self, seconds: i64) {
        let (now, end) = (self.now, self.now.later(seconds));
        let interval = self.target.cluster.housekeeping_interval;
        self.sampling.next_sample = None;
        if self.sampling.are_regular {
            let interval = interval.typical().seconds().max(1);
            self.by_scrapes(now, end, |_, first, until| {
                let late = until.seconds_since(first);
                // Mostly it is short: dividing takes longer.
                let more = if late < interval {
                    0
                } else if late < 2 * interval {
                    interval
                } else {
                    late / interval * interval
                };
                let last = first.later(more);
                (last, last.later(interval))
            });
            return;
        }
        let mut times = std::mem::take(&mut self.times);
        times.begin(self.pods.cohorts());
        for from in (now.seconds()..end.seconds()).step_by(LONGEST_PART as usize).map(SimTime::from_seconds) {
            let end = end.min(from.later(LONGEST_PART));
            times.draw(from, end, self.draws.delays(Purpose::Housekeeping, interval));
            self.by_scrapes(from, end, |index, _, until| times.last(index, from, until));
        }
        self.times = times;
    }

    /// One pod after the other, from scrape to scrape: what metrics-server does not see of the samples in between is the last
    /// one's. `last` says of a pod, by index, that is sampled at an instant and maybe again until another, when it is sampled
    /// last until then, and when next.
    fn by_scrapes(
        &mut self,
        from: SimTime,
        end: SimTime,
        last: impl Fn(usize, SimTime, SimTime) -> (SimTime, SimTime),
    ) {
        let resolution = self.target.cluster.metric_resolution;
        let scrapes = Scrapes::until(end, self.sampling.next_scrape, resolution.seconds());
        let may_be_steady = !self.memory.grows() && scrapes.first >= self.resource_outage;
        for (index, cohort) in self.pods.cohorts_mut().iter_mut().enumerate() {
            let is_watched = cohort.next_sample <= end || scrapes.first <= end;
            if !is_watched {
                if cohort.running.is_some() {
                    cohort.uses(cohort.rate.cpu.saturating_mul(end.seconds_since(from)));
                }
                continue;
            }
            if may_be_steady && cohort.is_steady(self.sampling.steady_since, resolution) {
                goes_on(cohort, &scrapes, end, |next, until| last(index, next, until));
                continue;
            }
            let (cpu, mut sampled) = (if cohort.running.is_some() { cohort.rate.cpu } else { 0 }, from);
            let mut scrape = scrapes.first;
            loop {
                let until = scrape.min(end);
                if cohort.next_sample <= until {
                    let (at, next) = last(index, cohort.next_sample, until);
                    cohort.uses(cpu.saturating_mul(at.seconds_since(sampled)));
                    sampled = at;
                    cohort.is_sampled(at, self.memory.of(cohort, at), resolution);
                    cohort.next_sample = next;
                }
                if scrape > end {
                    break;
                }
                self.unseen |= scrape_pod(cohort, scrape < self.resource_outage, resolution);
                scrape = scrape.later(resolution.seconds());
            }
            cohort.uses(cpu.saturating_mul(end.seconds_since(sampled)));
        }
        self.sampling.has_scraped |= scrapes.count > 0;
        self.sampling.next_scrape = scrapes.first.later(scrapes.count * scrapes.resolution);
    }
}

/// The scrapes of a stretch.
#[derive(Clone, Copy, Debug)]
struct Scrapes {
    first: SimTime,
    count: i64,
    /// The time between two, seconds.
    resolution: i64,
}

impl Scrapes {
    fn until(end: SimTime, first: SimTime, resolution: i64) -> Self {
        let time = end.seconds_since(first);
        let count = if time < 0 {
            0
        } else if time < resolution {
            1
        } else {
            1 + time / resolution.max(1)
        };
        Self { first, count, resolution }
    }

    /// The one that sees a sample first.
    fn seeing(&self, sample: SimTime) -> SimTime {
        let late = sample.seconds_since(self.first);
        if late <= 0 {
            self.first
        } else {
            self.first.later((late + self.resolution - 1) / self.resolution * self.resolution)
        }
    }
}

/// A stretch in which every sample of a pod says what the last one said: only the times are others. `last` says when it is
/// sampled last until an instant, if it is at another, and when next.
fn goes_on(
    cohort: &mut Cohort,
    scrapes: &Scrapes,
    end: SimTime,
    last: impl Fn(SimTime, SimTime) -> (SimTime, SimTime),
) {
    let sampled_until = |until: SimTime, before: (SimTime, SimTime)| {
        if before.1 <= until { last(before.1, until) } else { before }
    };
    let Some(begin) = cohort.life.scraped.latest().map(|latest| (latest, cohort.next_sample)) else { return };
    let mut now = begin;
    if scrapes.count > 0 {
        now = sampled_until(scrapes.first.later((scrapes.count - 1) * scrapes.resolution), begin);
        let scrape = scrapes.seeing(now.0);
        let before = (scrape > scrapes.first).then(|| sampled_until(scrape.later(-scrapes.resolution), begin).0);
        cohort.life.scraped.sees_as_before(now.0, before);
    }
    let (latest, next) = sampled_until(end, now);
    cohort.cpu_since = cohort.life.scraped.goes_on(latest, end);
    cohort.next_sample = next;
}

impl SampleTimes {
    /// At the beginning of a stretch.
    fn begin(&mut self, cohorts: &[Cohort]) {
        self.next.clear();
        self.next.extend(cohorts.iter().map(|cohort| cohort.next_sample));
    }

    /// Intervals are drawn in the order of time and of cohorts, so that it does not matter how long a stretch is. A part of it begins
    /// after `from`: what is due then has been sampled.
    fn draw(&mut self, from: SimTime, end: SimTime, mut interval: impl FnMut() -> Span) {
        let seconds = end.seconds_since(from) as usize;
        let words = self.next.len().div_ceil(u64::BITS as usize);
        let second = |at: SimTime| (at.seconds_since(from) - 1).max(0) as usize;
        let place = |at: SimTime, index: usize| (second(at) * words + index / 64, 1 << (index % 64));
        self.due.clear();
        self.due.resize(seconds * words, 0);
        self.seconds.clear();
        self.seconds.resize(self.next.len(), 0);
        for (index, &next) in self.next.iter().enumerate().filter(|(_, next)| **next <= end) {
            let (word, bit) = place(next, index);
            self.due[word] |= bit;
        }
        for (at, now) in (1..=seconds).map(|second| from.later(second as i64)).enumerate() {
            for word in 0..words {
                let mut due = self.due[at * words + word];
                while due != 0 {
                    let index = word * 64 + due.trailing_zeros() as usize;
                    due &= due - 1;
                    self.seconds[index] |= 1 << at;
                    let next = now + interval().max(Span::from_seconds(1));
                    self.next[index] = next;
                    if next <= end {
                        let (word, bit) = place(next, index);
                        self.due[word] |= bit;
                    }
                }
            }
        }
    }

    /// When a cohort that has been sampled until an instant was so last, and when it is next.
    fn last(&self, index: usize, from: SimTime, until: SimTime) -> (SimTime, SimTime) {
        let mask = u64::MAX >> (LONGEST_PART - until.seconds_since(from));
        let (past, later) = (self.seconds[index] & mask, self.seconds[index] & !mask);
        let last = from.later(LONGEST_PART - i64::from(past.leading_zeros()));
        let next = if later == 0 { self.next[index] } else { from.later(1 + i64::from(later.trailing_zeros())) };
        (last, next)
    }
}

/// metrics-server scrapes a pod, or has forgotten it while it is down; says whether its answer is another one, but for its time.
fn scrape_pod(cohort: &mut Cohort, is_down: bool, resolution: Span) -> bool {
    if is_down {
        cohort.life.scraped.forget();
        return true;
    }
    cohort.life.scraped.scrape(cohort.running, resolution)
}
