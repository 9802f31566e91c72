//! The recommendations of the recent past, and the lowest and the highest of them within a window.
//!
//! The slots are those of the controller: a new recommendation takes the last slot of those that no window reaches any more. What
//! a window holds is kept from sync to sync.

use crate::units::{Replicas, SimTime, Span};

/// A recommendation before stabilization.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Recommendation {
    pub replicas: Replicas,
    pub at: SimTime,
}

/// All that are stored.
#[derive(Clone, Debug, Default)]
pub(super) struct Recommendations {
    slots: Vec<Recommendation>,
    /// The slots that a window may reach, in the order of their times.
    live: Live,
    /// The others, in their own order: what is in them is older than this.
    free: Vec<usize>,
    cutoff: SimTime,
    /// None is later than this.
    newest: SimTime,
    /// The last one, and how many on end are of as many replicas.
    last: Recommendation,
    same: usize,
    /// One for each end.
    windows: [Window; 2],
}

/// Slots with their times, the oldest first, in a circle: mostly one goes as one comes.
#[derive(Clone, Debug, Default)]
struct Live {
    circle: Vec<(SimTime, usize)>,
    /// Where the oldest is.
    first: usize,
}

impl Live {
    fn len(&self) -> usize {
        self.circle.len()
    }

    /// One of them by its age, and none where there are not so many.
    fn get(&self, index: usize) -> Option<(SimTime, usize)> {
        let (newer, older) = self.circle.split_at(self.first);
        older.get(index).or_else(|| newer.get(index - older.len())).copied()
    }

    /// If of all only the oldest is older than `cutoff`, it is the newest from now on: its slot.
    fn turn(&mut self, cutoff: SimTime, now: SimTime) -> Option<&mut usize> {
        let next = if self.first + 1 < self.len() { self.first + 1 } else { 0 };
        let is_over = self.circle.get(self.first)?.0 < cutoff;
        if !is_over || (self.circle[next].0 < cutoff && self.len() > 1) {
            return None;
        }
        let oldest = &mut self.circle[self.first];
        self.first = next;
        oldest.0 = now;
        Some(&mut oldest.1)
    }

    /// Takes out all that are older than `cutoff`.
    fn expire(&mut self, cutoff: SimTime) -> impl ExactSizeIterator<Item = usize> {
        self.circle.rotate_left(self.first);
        self.first = 0;
        let expired = self.circle.partition_point(|(at, _)| *at < cutoff);
        self.circle.drain(..expired).map(|(_, slot)| slot)
    }

    /// Adds the newest, right after some have been taken out.
    fn push(&mut self, at: SimTime, slot: usize) {
        self.circle.push((at, slot));
    }
}

/// Which end of a window matters: the lowest to scale up, the highest to scale down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Lowest,
    Highest,
}

/// What is known of a window.
#[derive(Clone, Copy, Debug, Default)]
struct Window {
    is_known: bool,
    /// It holds what is later than this.
    after: SimTime,
    /// So many of the oldest that are live are not in it.
    outside: usize,
    /// The last of the lowest or of the highest in it.
    best: Recommendation,
}

/// What a window holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Within {
    /// How many.
    pub count: usize,
    /// The lowest or the highest, if there are any.
    pub best: Option<Replicas>,
}

impl Window {
    fn takes_in(&mut self, new: Recommendation, end: End) {
        let is_better = match end {
            End::Lowest => new.replicas <= self.best.replicas,
            End::Highest => new.replicas >= self.best.replicas,
        };
        if is_better {
            self.best = new;
        }
    }
}

impl Recommendations {
    /// All of them, slot by slot.
    pub fn slots(&self) -> &[Recommendation] {
        &self.slots
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// Whether all that a window may reach are of so many replicas.
    pub fn are_all(&self, replicas: Replicas) -> bool {
        self.last.replicas == replicas && self.same >= self.live.len()
    }

    /// Stores one, in the last slot of those whose recommendation is older than `cutoff`, if there is one.
    pub fn store(&mut self, new: Recommendation, cutoff: SimTime) {
        if cutoff < self.cutoff {
            self.start_again(cutoff);
        }
        self.cutoff = cutoff;
        match self.live.turn(cutoff, new.at) {
            Some(slot) => {
                if self.free.last().is_some_and(|last| *last > *slot) {
                    let (place, last) = (self.free.partition_point(|free| *free < *slot), self.free.len() - 1);
                    std::mem::swap(&mut self.free[last], slot);
                    self.free[place..].rotate_right(1);
                }
                self.slots[*slot] = new;
                self.windows.iter_mut().for_each(|window| window.outside = window.outside.saturating_sub(1));
            }
            None => self.store_anywhere(new),
        }
        if new.at < self.newest {
            self.start_again(cutoff);
        }
        self.newest = self.newest.max(new.at);
        self.same = if new.replicas == self.last.replicas { self.same + 1 } else { 1 };
        self.last = new;
        self.windows[0].takes_in(new, End::Lowest);
        self.windows[1].takes_in(new, End::Highest);
    }

    /// Where more or fewer than one have become too old.
    fn store_anywhere(&mut self, new: Recommendation) {
        let expired = self.live.expire(self.cutoff);
        self.windows.iter_mut().for_each(|window| window.outside = window.outside.saturating_sub(expired.len()));
        for slot in expired {
            let place = self.free.partition_point(|&free| free < slot);
            self.free.insert(place, slot);
        }
        let slot = self.free.pop().unwrap_or(self.slots.len());
        match self.slots.get_mut(slot) {
            Some(old) => *old = new,
            None => self.slots.push(new),
        }
        self.live.push(new.at, slot);
    }

    /// Time or a cutoff has gone back.
    fn start_again(&mut self, cutoff: SimTime) {
        let slots = &self.slots;
        let (free, live): (Vec<usize>, Vec<usize>) = (0..slots.len()).partition(|&slot| slots[slot].at < cutoff);
        let mut live: Vec<(SimTime, usize)> = live.into_iter().map(|slot| (slots[slot].at, slot)).collect();
        live.sort_by_key(|(at, _)| *at);
        self.newest = live.last().map_or(cutoff - Span::from_seconds(1), |(at, _)| *at);
        (self.free, self.live, self.cutoff) = (free, Live { circle: live, first: 0 }, cutoff);
        self.windows = [Window::default(); 2];
        self.same = 0;
    }

    /// What is later than `after`.
    #[inline]
    pub fn within(&mut self, end: End, after: SimTime) -> Within {
        // Many a window is of no time at all.
        if self.newest <= after { Within::default() } else { self.look_within(end, after) }
    }

    fn look_within(&mut self, end: End, after: SimTime) -> Within {
        if after < self.cutoff - Span::from_seconds(1) {
            // A window has become longer: what is in the free slots may be in it.
            self.start_again(after);
        }
        let window = &mut self.windows[end as usize];
        if !window.is_known || window.after > after || window.best.at <= after {
            return self.look_through(end, after);
        }
        window.after = after;
        // The best one at the latest is in it.
        while self.live.get(window.outside).is_some_and(|(at, _)| at <= after) {
            window.outside += 1;
        }
        Within { count: self.live.len() - window.outside, best: Some(window.best.replicas) }
    }

    /// The same, one by one.
    fn look_through(&mut self, end: End, after: SimTime) -> Within {
        let live = || (0..self.live.len()).filter_map(|index| self.live.get(index));
        let outside = live().take_while(|(at, _)| *at <= after).count();
        let mut within = live().skip(outside).map(|(_, slot)| self.slots[slot]);
        let Some(first) = within.next() else { return Within::default() };
        let mut window = Window { is_known: true, after, outside, best: first };
        within.for_each(|recommendation| window.takes_in(recommendation, end));
        self.windows[end as usize] = window;
        Within { count: self.live.len() - outside, best: Some(window.best.replicas) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(crate::fixed_cases())]

        #[test]
        fn what_is_kept_is_what_looking_through_all_of_them_finds(
            steps in proptest::collection::vec((0i64..60, 0i32..6, 0i64..9, 0i64..9), 1..80), back in proptest::bool::ANY,
        ) {
            let (mut kept, mut plain) = (Recommendations::default(), Vec::<Recommendation>::new());
            let (mut now, mut spans) = (0, [3, 5]);
            for (index, (step, replicas, up, down)) in steps.into_iter().enumerate() {
                // Mostly regular; time stands still, jumps, and once goes back. The windows change now and then.
                now += match step { 0 => 0, 1 => 70, 2 if back => -40, _ => 15 };
                if step % 10 == 3 {
                    spans = [up, down];
                }
                let cutoffs = spans.map(|span| SimTime::from_seconds(now - span * 15));
                for (end, cutoff) in [End::Lowest, End::Highest].into_iter().zip(cutoffs) {
                    let within = plain.iter().filter(|old| old.at > cutoff).map(|old| old.replicas);
                    let count = within.clone().count();
                    let best = if end == End::Lowest { within.min() } else { within.max() };
                    prop_assert_eq!(kept.within(end, cutoff), Within { count, best }, "at step {}", index);
                }
                let (new, cutoff) = (Recommendation { replicas, at: SimTime::from_seconds(now) }, cutoffs[0].min(cutoffs[1]));
                kept.store(new, cutoff);
                match plain.iter().rposition(|old| old.at < cutoff) {
                    Some(slot) => plain[slot] = new,
                    None => plain.push(new),
                }
                prop_assert_eq!(kept.slots(), plain.as_slice(), "at step {}", index);
                for all in [replicas, replicas + 1] {
                    let mut live = plain.iter().filter(|old| old.at >= cutoff);
                    prop_assert!(!kept.are_all(all) || live.all(|old| old.replicas == all), "at step {}", index);
                }
            }
        }
    }
}
