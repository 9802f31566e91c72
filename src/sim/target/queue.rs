//! Work that waits for CPU, in closed form over a stretch of time in which nothing else changes.

/// CPU work over a stretch: `full` seconds at capacity, then a second with the rest of what waits, then seconds at the
/// rate of the demand. Whoever shares the work divides each second's, so that skipping seconds changes nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Stretch {
    /// Seconds at capacity.
    pub full: i64,
    /// The work of the second in which the queue runs empty, nanocore-seconds.
    pub partial: i64,
    /// Seconds at the rate of the demand.
    pub plain: i64,
    /// Seconds at whose end work waited.
    pub waiting_seconds: i64,
    /// Work that was dropped, nanocore-seconds.
    pub dropped: i128,
}

impl Stretch {
    /// What is done in it by a part of the pods, given the part of a second's work.
    pub fn part(&self, capacity: i64, demand: i64, part: impl Fn(i64) -> i64) -> i64 {
        let full = if self.full > 0 { capacity.saturating_mul(self.full) } else { 0 };
        let partial = if self.partial > 0 { part(self.partial) } else { 0 };
        let plain = if self.plain > 0 { part(demand).saturating_mul(self.plain) } else { 0 };
        full.saturating_add(partial).saturating_add(plain)
    }
}

/// Work that waits for CPU.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Queue {
    /// Nanocore-seconds.
    pub waiting: i128,
}

impl Queue {
    /// `seconds` of demand against a capacity (nanocores; none is unlimited), the same as stepping second by second.
    /// What waits at the end of a second is at most `bound`; the rest is dropped.
    pub fn advance(&mut self, seconds: i64, demand: i64, capacity: Option<i64>, bound: Option<i128>) -> Stretch {
        let Some(bound) = bound else { return self.work(seconds, demand, capacity) };
        // Fewer pods hold less.
        let mut dropped = self.shed(bound);
        let mut stretch = self.work(seconds, demand, capacity);
        dropped += self.shed(bound);
        if bound == 0 {
            stretch.waiting_seconds = 0;
        }
        Stretch { dropped, ..stretch }
    }

    fn shed(&mut self, bound: i128) -> i128 {
        let dropped = (self.waiting - bound).max(0);
        self.waiting -= dropped;
        dropped
    }

    fn work(&mut self, seconds: i64, demand: i64, capacity: Option<i64>) -> Stretch {
        let Some(capacity) = capacity else {
            // Without a limit all that waits is done within the first second.
            let first = demand.saturating_add(self.waiting.min(i64::MAX.into()) as i64);
            self.waiting = 0;
            return Stretch { partial: first, plain: seconds - 1, ..Stretch::default() };
        };
        if self.waiting == 0 && demand <= capacity {
            return Stretch { plain: seconds, ..Stretch::default() };
        }
        if demand >= capacity {
            self.waiting += i128::from(demand - capacity) * i128::from(seconds);
            let waiting_seconds = if self.waiting > 0 { seconds } else { 0 };
            return Stretch { full: seconds, waiting_seconds, ..Stretch::default() };
        }
        let drained_per_second = i128::from(capacity - demand);
        let full = (self.waiting / drained_per_second).min(seconds.into()) as i64;
        self.waiting -= drained_per_second * i128::from(full);
        let waiting_seconds = (if self.waiting > 0 { full } else { full - 1 }).max(0);
        if full == seconds {
            return Stretch { full, waiting_seconds, ..Stretch::default() };
        }
        let partial = demand + self.waiting as i64;
        self.waiting = 0;
        Stretch { full, partial, plain: seconds - full - 1, waiting_seconds, dropped: 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(crate::fixed_cases())]

        #[test]
        fn a_stretch_equals_its_seconds(
            waiting in 0i128..2000, seconds in 1i64..30, demand in 0i64..300, pods in 1i64..5,
            capacity in proptest::option::of(0i64..400), bound in proptest::option::of(0i128..500),
        ) {
            let done = |queue: &mut Queue, seconds| {
                let stretch = queue.advance(seconds, demand, capacity, bound);
                let work = stretch.part(capacity.unwrap_or(0) / pods, demand, |work| work / pods);
                (work, stretch.waiting_seconds, stretch.dropped)
            };
            let mut whole = Queue { waiting };
            let all = done(&mut whole, seconds);
            let mut stepped = Queue { waiting };
            let mut sum = (0, 0, 0);
            for _ in 0..seconds {
                let second = done(&mut stepped, 1);
                sum = (sum.0 + second.0, sum.1 + second.1, sum.2 + second.2);
            }
            prop_assert_eq!((whole, all), (stepped, sum));
        }

        #[test]
        fn no_work_is_lost(
            waiting in 0i128..2000, seconds in 1i64..9, demand in 0i64..300, capacity in proptest::option::of(0i64..100),
            bound in proptest::option::of(0i128..500),
        ) {
            let mut queue = Queue { waiting };
            let stretch = queue.advance(seconds, demand, capacity, bound);
            let done = stretch.part(capacity.unwrap_or(0), demand, |work| work);
            let arrived = waiting + i128::from(demand * seconds);
            prop_assert_eq!(arrived, i128::from(done) + queue.waiting + stretch.dropped);
        }
    }
}
