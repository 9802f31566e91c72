//! The pods of the target: created, bound to nodes, killed, deleted, and evicted as the node lifecycle controller does it
//! (`pkg/controller/nodelifecycle`, `pkg/controller/tainteviction`).

use std::collections::BTreeMap;

use super::cohort::Cohort;
use super::lifecycle::{Stop, typical_startup};
use super::milestones::NEVER;
use super::places::merge_places;
use super::probes::Asked;
use super::rate::Lost;
use super::rules::{Drawn, Rules};
use super::victims::{self, Victims};
use crate::model::{Balancing, Delay, Which};
use crate::sim::draw::{Draws, Purpose};
use crate::units::{Replicas, SimTime, Span};

/// All pods, in the order of their creation; of a StatefulSet, of their ordinals.
#[derive(Clone, Debug, Default)]
pub(super) struct Pods {
    pub(super) cohorts: Vec<Cohort>,
    /// The order of a scale down; kept for its memory.
    victims: Vec<Victims>,
    pub lost: Lost,
    /// How many there are, terminating ones apart.
    pub(super) active: Replicas,
    pub created: u64,
    pub deleted: u64,
    pub restarts: u64,
    /// Places on nodes that have become free.
    pub freed: Vec<(usize, Replicas)>,
    /// Where there are no nodes none is to be bound before this.
    bound_next: SimTime,
}

impl Pods {
    /// Pods that have been serving for long.
    pub fn settled(count: Replicas, since: SimTime, first_sample: SimTime, rules: &Rules<'_>) -> Self {
        let mut pods = Self::default();
        if count == 0 {
            return pods;
        }
        let startup = Some(typical_startup(rules.config.startup, rules.template));
        let mut cohort = Cohort::new(count, since, 0, Drawn { startup, ..Drawn::default() });
        cohort.forget_milestones();
        cohort.due = NEVER;
        cohort.life.start_time = Some(since);
        cohort.running = Some(since);
        cohort.has_run = true;
        cohort.next_sample = first_sample;
        (cohort.up, cohort.ready, cohort.available) = (true, true, true);
        (cohort.serving, cohort.accepting) = (true, true);
        pods.cohorts.push(cohort);
        pods.active = count;
        pods
    }

    pub fn cohorts(&self) -> &[Cohort] {
        &self.cohorts
    }

    pub fn cohorts_mut(&mut self) -> &mut [Cohort] {
        &mut self.cohorts
    }

    /// Creates pods of a revision; pods that draw the same times are one cohort.
    pub fn create(&mut self, count: Replicas, revision: usize, now: SimTime, rules: &Rules<'_>, draws: &mut Draws) {
        self.create_at(count, revision, 0, now, rules, draws);
    }

    /// The same with ordinals from `first_ordinal` on.
    pub fn create_at(
        &mut self,
        count: Replicas,
        revision: usize,
        first_ordinal: Replicas,
        now: SimTime,
        rules: &Rules<'_>,
        draws: &mut Draws,
    ) {
        // What is over the quota is refused; the controller tries again when a pod has gone.
        let count = count.min(rules.most_pods.saturating_sub(self.all()).max(0));
        self.created += u64::from(count.unsigned_abs());
        self.active += count;
        let all_alike = rules.all_alike();
        // The cohorts of what was drawn; with ordinals only those that follow each other are together.
        let mut alike: BTreeMap<(Drawn, u64), usize> = BTreeMap::new();
        let mut left = count;
        let mut ordinal = first_ordinal;
        while left > 0 {
            let drawn = rules.draw(revision, draws);
            let weight = match rules.config.balancing {
                Balancing::Weighted { sigma } => draws.weight(sigma),
                _ => 1.0,
            };
            let number = if all_alike { left } else { 1 };
            let is_together =
                |place: &usize| !(rules.one_cohort_each || (rules.ordered && place + 1 < self.cohorts.len()));
            let key = (drawn, weight.to_bits());
            match alike.get(&key).copied().filter(is_together) {
                Some(place) => self.cohorts[place].count += number,
                None => {
                    let mut cohort = Cohort::new(number, now, revision, key.0.clone());
                    cohort.weight = weight;
                    cohort.life.first_ordinal = ordinal;
                    cohort.life.scraped_at = rules.scraped_at(draws);
                    self.bound_next = self.bound_next.min(cohort.binds_at());
                    alike.insert(key, self.cohorts.len());
                    self.cohorts.push(cohort);
                }
            }
            left -= number;
            ordinal += number;
        }
    }

    /// Deletes pods of a revision (or of any) in the order of the ReplicaSet controller.
    pub fn delete(&mut self, count: Replicas, revision: Option<usize>, now: SimTime, rules: &Rules<'_>) {
        let mut victims = std::mem::take(&mut self.victims);
        victims::choose(&self.cohorts, count, revision, &mut victims);
        for of_cohort in victims.chunk_by(|one, other| one.cohort == other.cohort) {
            let deleted: Replicas = of_cohort.iter().map(|victims| victims.taken).sum();
            if deleted > 0 {
                let places: Vec<(usize, Replicas)> =
                    of_cohort.iter().filter_map(|victims| Some((victims.node?, victims.taken))).collect();
                self.delete_of(of_cohort[0].cohort, deleted, &places, now, rules);
            }
        }
        self.victims = victims;
        self.cohorts.retain(|cohort| cohort.count > 0);
    }

    /// Deletes the pods with these ordinals.
    pub fn delete_ordinal(&mut self, ordinal: Replicas, now: SimTime, rules: &Rules<'_>) {
        let has = |cohort: &Cohort| {
            cohort.active() && (cohort.life.first_ordinal..cohort.life.first_ordinal + cohort.count).contains(&ordinal)
        };
        if let Some(index) = self.cohorts.iter().position(has) {
            // Those after it stay.
            let after = self.cohorts[index].life.first_ordinal + self.cohorts[index].count - ordinal - 1;
            if after > 0 {
                let rest = self.cohorts[index].split(after, &[]);
                self.cohorts.insert(index + 1, rest);
            }
            self.delete_of(index, 1, &[], now, rules);
        }
        self.cohorts.retain(|cohort| cohort.count > 0);
    }

    /// Deletes some pods of a cohort, those at these places first. A cohort without pods may be left.
    fn delete_of(
        &mut self,
        index: usize,
        count: Replicas,
        places: &[(usize, Replicas)],
        now: SimTime,
        rules: &Rules<'_>,
    ) {
        self.deleted += u64::from(count.unsigned_abs());
        self.active -= count;
        let mut part = self.cohorts[index].split(count, places);
        if part.running.is_none() {
            // Nothing runs: nothing to wait for.
            self.freed.append(&mut part.life.nodes);
            return;
        }
        let config = rules.config;
        part.deleted = true;
        part.available = false;
        let at = &mut part.life.at;
        at.ready = NEVER;
        at.available = NEVER;
        at.serving = NEVER;
        at.unready = NEVER;
        at.evicted = NEVER;
        if part.serving {
            at.unserved = now + config.endpoint_propagation;
        }
        part.begins_to_stop(now, Stop::of_pod(rules.template), config.shutdown);
        part.advance(now, rules);
        if part.is_gone(now) {
            let lost = part.stops(now);
            self.loses(lost);
            self.freed.append(&mut part.life.nodes);
        } else {
            self.cohorts.push(part);
        }
    }

    fn loses(&mut self, lost: Lost) {
        self.lost.work += lost.work;
        self.lost.requests += lost.requests;
    }

    /// Everything whose time has come happens; says whether anything did. `is_ending` says whether some were about to end before.
    /// Pods that are to be bound are left to the scheduler.
    pub fn advance(&mut self, now: SimTime, rules: &Rules<'_>, mut is_ending: bool) -> bool {
        let mut changed = false;
        for index in 0..self.cohorts.len() {
            if self.cohorts[index].due > now {
                continue;
            }
            changed = true;
            let cohort = &mut self.cohorts[index];
            if cohort.life.at.fails <= now {
                cohort.begins_to_stop(now, cohort.life.stop, rules.config.shutdown);
            }
            cohort.advance(now, rules);
            is_ending |= cohort.stopping();
            if cohort.life.at.evicted <= now {
                self.evicted(index, now, rules);
                is_ending = true;
            }
        }
        if !is_ending {
            return changed;
        }
        for index in 0..self.cohorts.len() {
            if self.cohorts[index].restarts(now) {
                self.restart_cohort(index, now, rules);
                changed = true;
            }
        }
        if self.cohorts.iter().any(|cohort| cohort.deleted || cohort.count == 0) {
            changed |= self.reap(now);
        }
        changed
    }

    /// The node controller deletes pods of a node that does not answer. Of a StatefulSet nothing takes their place: they
    /// stay Terminating, since nobody can tell whether they run, and there can be no two of one name.
    fn evicted(&mut self, index: usize, now: SimTime, rules: &Rules<'_>) {
        let cohort = &mut self.cohorts[index];
        if !rules.ordered {
            let count = cohort.count;
            self.delete_of(index, count, &[], now, rules);
            return;
        }
        self.deleted += u64::from(cohort.count.unsigned_abs());
        self.active -= cohort.count;
        cohort.deleted = true;
        let unserved = cohort.life.at.unserved;
        cohort.forget_milestones();
        cohort.life.at.unserved = unserved;
    }

    /// Removes pods that have ended.
    pub fn reap(&mut self, now: SimTime) -> bool {
        let mut lost = Lost::default();
        let freed = &mut self.freed;
        let before = self.cohorts.len();
        self.cohorts.retain_mut(|cohort| {
            let gone = cohort.count == 0 || cohort.is_gone(now);
            if gone && cohort.count > 0 {
                let with_it = cohort.ends(now);
                lost.work += with_it.work;
                lost.requests += with_it.requests;
                freed.append(&mut cohort.life.nodes);
            }
            !gone
        });
        self.loses(lost);
        self.cohorts.len() != before
    }

    /// Kills the containers of these pods.
    pub fn kill(&mut self, picks: &[(usize, Replicas)], now: SimTime, rules: &Rules<'_>) {
        self.on_picked(picks, |pods, index| pods.restart_cohort(index, now, rules));
    }

    /// The containers of these pods end and run again after a time.
    pub fn restart_containers(&mut self, picks: &[(usize, Replicas)], now: SimTime, after: Span, rules: &Rules<'_>) {
        self.on_picked(picks, |pods, index| pods.restart_within(index, now, Some(after), rules));
    }

    /// The application in these pods stops answering.
    pub fn hang(&mut self, picks: &[(usize, Replicas)], now: SimTime, rules: &Rules<'_>) {
        self.on_picked(picks, |pods, index| pods.cohorts[index].hang(now, rules.template));
    }

    /// Of which cohorts how many pods, of so many that run: the last cohort first.
    pub fn picks(&self, count: Replicas, which: Which, draws: &mut Draws) -> Vec<(usize, Replicas)> {
        let is_there = |cohort: &Cohort| cohort.active() && cohort.running.is_some();
        let mut there: Vec<(usize, Replicas)> = self
            .cohorts
            .iter()
            .enumerate()
            .filter(|(_, cohort)| is_there(cohort))
            .map(|(at, c)| (at, c.count))
            .collect();
        if which == Which::Random {
            let mut picked = vec![0; there.len()];
            let mut left: Replicas = there.iter().map(|(_, count)| count).sum();
            for _ in 0..count.min(left) {
                let mut place = draws.below(left);
                for (picked, (_, count)) in picked.iter_mut().zip(&there) {
                    let free = count - *picked;
                    if place < free {
                        *picked += 1;
                        break;
                    }
                    place -= free;
                }
                left -= 1;
            }
            let hit = there.iter().zip(picked).map(|((at, _), picked)| (*at, picked));
            return hit.filter(|(_, picked)| *picked > 0).rev().collect();
        }
        if which == Which::Newest {
            there.reverse();
        }
        let mut left = count;
        let hit = there.into_iter().map(|(at, count)| {
            let hit = count.min(left);
            left -= hit;
            (at, hit)
        });
        let mut hit: Vec<(usize, Replicas)> = hit.filter(|(_, hit)| *hit > 0).collect();
        hit.sort_by_key(|(at, _)| std::cmp::Reverse(*at));
        hit
    }

    /// Does something to so many pods of some cohorts, the last cohort first.
    fn on_picked(&mut self, picks: &[(usize, Replicas)], mut act: impl FnMut(&mut Self, usize)) {
        for &(index, hit) in picks {
            let cohort = &mut self.cohorts[index];
            if hit < cohort.count {
                let part = cohort.split(hit, &[]);
                self.cohorts.insert(index + 1, part);
                act(self, index + 1);
            } else {
                act(self, index);
            }
        }
    }

    /// The containers of a cohort die and are started again.
    pub fn restart_cohort(&mut self, index: usize, now: SimTime, rules: &Rules<'_>) {
        self.restart_within(index, now, None, rules);
    }

    /// The same after a time, or the kubelet's back-off.
    fn restart_within(&mut self, index: usize, now: SimTime, after: Option<Span>, rules: &Rules<'_>) {
        let cohort = &mut self.cohorts[index];
        if !cohort.deleted {
            self.restarts += u64::from(cohort.count.unsigned_abs());
        }
        let lost = cohort.restart(now, rules.config.endpoint_propagation, after);
        cohort.advance(now, rules);
        self.loses(lost);
    }

    /// The pods on a node are dead; the node controller marks them after `noticed` and deletes them after `evicted`.
    pub fn lose_node(&mut self, node: usize, now: SimTime, noticed: Span, evicted: Span) {
        let mut index = 0;
        while index < self.cohorts.len() {
            let there: Replicas = self.cohorts[index].life.nodes.iter().filter(|n| n.0 == node).map(|n| n.1).sum();
            if there == 0 {
                index += 1;
                continue;
            }
            let hit = if there < self.cohorts[index].count {
                let part = self.cohorts[index].split(there, &[(node, there)]);
                self.cohorts.insert(index + 1, part);
                index + 1
            } else {
                index
            };
            let cohort = &mut self.cohorts[hit];
            cohort.life.nodes.clear();
            let lost = cohort.stops(now);
            cohort.life.at.unready = now + noticed;
            cohort.life.at.evicted = now + noticed + evicted;
            // A pod that was terminating there is gone.
            cohort.ends_at(if cohort.deleted { now } else { NEVER });
            self.loses(lost);
            index = hit + 1;
        }
        self.cohorts.retain(|cohort| cohort.count > 0);
    }

    /// Evicts so many pods on a node, the latest first: they are deleted, and the workload's controller makes others.
    pub fn evict(&mut self, node: usize, most: Replicas, now: SimTime, rules: &Rules<'_>) {
        let mut left = most;
        for index in (0..self.cohorts.len()).rev() {
            let cohort = &self.cohorts[index];
            let there: Replicas = cohort.life.nodes.iter().filter(|n| n.0 == node).map(|n| n.1).sum();
            let there = there.min(left);
            if cohort.active() && there > 0 {
                left -= there;
                self.delete_of(index, there, &[(node, there)], now, rules);
            }
        }
        self.cohorts.retain(|cohort| cohort.count > 0);
    }

    /// The cohorts that are to be bound to nodes now, by index, with when they were created. Those that wait for a node are
    /// tried again only if `retry` says so.
    pub fn unbound(&self, now: SimTime, retry: bool) -> impl Iterator<Item = (usize, SimTime)> {
        let waits =
            move |cohort: &Cohort| cohort.active() && (cohort.binds_at() <= now || (retry && cohort.unschedulable));
        let all = self.cohorts.iter().enumerate();
        all.filter(move |(_, cohort)| waits(cohort)).map(|(index, cohort)| (index, cohort.life.created))
    }

    /// Binds all pods whose time has come to nodes that nobody knows; says whether there were any.
    pub fn bind_anywhere(&mut self, now: SimTime, rules: &Rules<'_>) -> bool {
        if self.bound_next > now {
            return false;
        }
        self.bound_next = NEVER;
        let mut any = false;
        for cohort in &mut self.cohorts {
            if cohort.active() && cohort.binds_at() <= now {
                cohort.bind(now, rules);
                cohort.advance(now, rules);
                any = true;
            }
            self.bound_next = self.bound_next.min(cohort.binds_at());
        }
        any
    }

    /// Binds the pods of a cohort to nodes, as many as there are places; the rest waits.
    pub fn bind(&mut self, index: usize, mut places: Vec<(usize, Replicas)>, now: SimTime, rules: &Rules<'_>) {
        let placed: Replicas = places.iter().map(|place| place.1).sum();
        let cohort = &mut self.cohorts[index];
        cohort.binding_is_over();
        if placed < cohort.count {
            cohort.unschedulable = true;
            cohort.due = cohort.life.at.next(now);
            if placed == 0 {
                return;
            }
            let mut rest = cohort.clone();
            rest.count -= placed;
            rest.life.first_ordinal += placed;
            cohort.count = placed;
            self.cohorts.insert(index + 1, rest);
        }
        merge_places(&mut places);
        let cohort = &mut self.cohorts[index];
        cohort.life.nodes = places;
        cohort.bind(now, rules);
        cohort.advance(now, rules);
    }

    /// Settled pods get their places; there may be fewer than pods.
    pub fn place(&mut self, places: Vec<(usize, Replicas)>, placed: Replicas) {
        if let Some(cohort) = self.cohorts.first_mut() {
            cohort.count = placed;
            self.active = placed;
            cohort.life.nodes = places;
            merge_places(&mut cohort.life.nodes);
        }
        self.cohorts.retain(|cohort| cohort.count > 0);
    }

    /// Settled pods that do not have the same load are cohorts by themselves.
    pub fn set_apart(&mut self, start: SimTime, rules: &Rules<'_>, draws: &mut Draws) {
        let sigma = match rules.config.balancing {
            Balancing::Weighted { sigma } => Some(sigma),
            _ if rules.one_cohort_each => None,
            _ => return,
        };
        let mut all = Vec::new();
        for mut cohort in std::mem::take(&mut self.cohorts) {
            while cohort.count > 0 {
                let mut one = cohort.split(1, &[]);
                if let interval @ (Delay::Uniform { .. } | Delay::Exponential { .. } | Delay::Lognormal { .. }) =
                    rules.config.housekeeping_interval
                {
                    // Its first sample is anywhere within an interval.
                    let late = draws
                        .delay(Purpose::Housekeeping, Delay::Uniform { low: Span::ZERO, high: interval.typical() });
                    one.next_sample += late;
                }
                one.weight = sigma.map_or(1.0, |sigma| draws.weight(sigma));
                one.life.scraped_at = rules.scraped_at(draws);
                one.life.probed = Asked::settled(&rules.probes, start, draws);
                all.push(one);
            }
        }
        self.cohorts = all;
        if rules.ordered {
            self.sort_by_ordinal();
        }
    }

    /// Puts the cohorts in the order of their ordinals.
    pub fn sort_by_ordinal(&mut self) {
        self.cohorts.sort_by_key(|cohort| (cohort.life.first_ordinal, cohort.deleted));
    }
}
