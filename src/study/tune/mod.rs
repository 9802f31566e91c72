//! Tuning: which settings of an HPA cost least under a load, with service that is no worse than today's.
//!
//! Many settings are tried in one phase (`search`). The best of them are simulated in many phases, beside today's, then changed by a step
//! and by two where that is better, and what does not matter is left as it is. What is found on the first part of the load is told of
//! the rest of it, too.

pub mod field;
mod found;
mod front;
mod meter;
pub mod score;
pub mod search;
pub mod why;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use self::field::Field;
use self::found::cheapest;
pub use self::found::{Found, Known, Row, Step, Tuned, combined};
use self::front::{front, spread};
use self::meter::{Keeps, Meter, cpu_request};
use self::score::EQUAL;
pub use self::score::{Limits, Score, Scores};
use self::search::{Choice, Search};
use self::why::Why;
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_pcg::Pcg64;
use serde::{Deserialize, Serialize};

use super::backtest::{Seen, errors};
use super::fleet::Course;
use super::montecarlo::varied;
use super::sample::Sample;
use super::{Progress, every, is_stopped, tell};
use crate::model::{Drive, HpaSpec, LoadTable, Phases, Target};
use crate::sim::{Setup, SimError, simulate_all};
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

/// What is to be tuned.
#[derive(Clone, Debug)]
pub struct Problem<'a> {
    /// A world with one target.
    pub setup: Setup<'a>,
    /// Its load.
    pub table: LoadTable,
    /// Which columns of it are as uncertain as it is: constants are not.
    pub varies: Vec<bool>,
    /// By what part the load may be another one, more or less.
    pub uncertainty: f64,
    /// What may change.
    pub axes: Vec<Axis>,
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

impl Problem<'_> {
    /// The HPA with a choice of values; what is as it was stays absent where it was absent.
    pub fn spec(&self, choice: &Choice) -> HpaSpec {
        let mut spec = self.setup.targets[0].hpa.clone();
        for (axis, index) in self.axes.iter().zip(choice) {
            if *index != axis.own {
                axis.field.set(&mut spec, axis.values[*index]);
            }
        }
        spec
    }
}

/// What a choice counts that serves worse than today, in today's costs.
const WORSE: f64 = 10.0;
/// So much worse service, seconds or core-seconds, does not exclude what is simulated in one phase only.
const LITTLE: f64 = 60.0;
/// So many of the best, and so many others of the front, are simulated in many phases.
const BEST: usize = 16;
const FRONT: usize = 16;
/// So many of the cheapest that serve as well as today's in that phase are, too.
const AS_GOOD: usize = 16;
/// So many of all that seem to be better than today's are, too.
const BETTER: usize = 48;
/// So often each field is changed by one, two or four steps.
const ROUNDS: usize = 6;
/// So many pairs of changes at once, evenly from the cheapest to the dearest.
const PAIRS: usize = 40;
/// What costs so much more at most, as a part, is left as it is.
const SAME: f64 = 5e-3;
/// So many of the front of a search may become rows.
const KEPT: usize = 20;
/// No search simulates fewer of a kind in many phases.
const FEWEST: usize = 4;

/// How many times the load is what it is in each of so many runs: as it is in the first, evenly over what it may be in the others, in an
/// order that is drawn.
fn factors(count: usize, uncertainty: f64, seed: u64) -> Vec<f64> {
    let others = count.saturating_sub(1);
    let mut all: Vec<f64> =
        (0..others).map(|index| 1.0 + uncertainty * (2.0 * (index as f64 + 0.5) / others as f64 - 1.0)).collect();
    all.shuffle(&mut Pcg64::seed_from_u64(seed));
    std::iter::once(1.0).chain(all).take(count).collect()
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

/// One of the searches, from its own beginning on.
pub fn search(problem: &Problem<'_>, service: Service, index: usize) -> Result<Found, SimError> {
    Tuning::new(problem, service)?.run(index)
}

/// Tunes, by what service is: all searches, one after the other.
pub fn tune(problem: &Problem<'_>, service: Service) -> Result<Tuned, SimError> {
    let all: Vec<Found> =
        (0..problem.searches).map(|index| search(problem, service, index)).collect::<Result<_, _>>()?;
    Ok(combined(&all.iter().collect::<Vec<_>>()))
}

/// How far today's settings, simulated under the load as it is, are from replicas that were recorded: mean absolute error, over all phases.
pub fn backtest(problem: &Problem<'_>, service: Service, recorded: &Seen) -> Result<Option<f64>, SimError> {
    let as_it_is = Problem { uncertainty: 0.0, ..problem.clone() };
    let tuning = Tuning::new(&as_it_is, service)?;
    let all = every(tuning.sample.phases.len(), |phase| {
        let (course, _) = tuning.simulated(&tuning.today(), phase, problem.end, Keeps::Sum)?;
        let replicas = course.steps.iter().map(|(at, pods)| (at.seconds(), f64::from(*pods))).collect();
        Ok(errors(&Seen { replicas, ..Seen::default() }, recorded, (0, problem.end.seconds())))
    })?;
    let known: Vec<f64> = all.into_iter().flatten().map(|errors| errors.replicas).collect();
    Ok((!known.is_empty()).then(|| known.iter().sum::<f64>() / known.len() as f64))
}

/// Where a choice differs most from today's, on the part of the load that was seen, as it is, in one phase.
pub fn why(problem: &Problem<'_>, service: Service, choice: &Choice) -> Result<Why, SimError> {
    let tuning = Tuning::new(problem, service)?;
    let done = |choice: &Choice| {
        let (course, meter) = tuning.simulated(choice, 0, problem.seen, Keeps::When)?;
        Ok(why::Done { course, without: meter.when.unwrap_or_default() })
    };
    Ok(why::why(&done(&tuning.today())?, &done(choice)?))
}

/// What choices come to in all phases, until a time.
pub fn evaluate(
    problem: &Problem<'_>,
    service: Service,
    choices: &[Choice],
    until: Span,
) -> Result<Vec<Scores>, SimError> {
    Tuning::new(problem, service)?.scores(choices, until)
}

/// Two changes of different fields at once, where no single one is better: some of those that would cost less together than what is there.
fn pairs(best: &Choice, around: &[Choice], known: &BTreeMap<Choice, Scores>) -> Vec<Choice> {
    let cost = |choice: &Choice| known.get(choice).map_or(f64::INFINITY, |scores| scores.mean(|score| score.cost));
    let own = cost(best);
    let mut all: Vec<(f64, Choice)> = Vec::new();
    for (index, one) in around.iter().enumerate() {
        for other in &around[index + 1..] {
            let both: Choice =
                best.iter().zip(one).zip(other).map(|((own, one), two)| if own == one { *two } else { *one }).collect();
            let changed = |from: &Choice| from.iter().zip(best).position(|(value, own)| value != own);
            let together = cost(one) + cost(other) - own;
            if changed(one) != changed(other) && together < own {
                all.push((together, both));
            }
        }
    }
    all.sort_by(|one, other| one.0.total_cmp(&other.0).then_with(|| one.1.cmp(&other.1)));
    let mut choices: Vec<Choice> = all.into_iter().map(|(_, choice)| choice).collect();
    choices.dedup();
    let share = choices.len().div_ceil(PAIRS).max(1);
    choices.into_iter().step_by(share).collect()
}

struct Tuning<'p, 'a> {
    problem: &'p Problem<'a>,
    sample: Sample,
    /// The load in each phase.
    loads: Vec<LoadTable>,
    service: Service,
    error: Mutex<Option<SimError>>,
}

impl<'p, 'a> Tuning<'p, 'a> {
    fn new(problem: &'p Problem<'a>, service: Service) -> Result<Self, SimError> {
        let phases = Phases::of(&problem.setup.targets[0].cluster, &problem.setup.world.controller);
        let sample = Sample::of(&phases, problem.phases, problem.setup.world.seed, 0);
        let factors = factors(sample.phases.len(), problem.uncertainty, problem.setup.world.seed);
        let load = |factor: f64| varied(&problem.table, &problem.varies, |_| factor);
        let loads = factors.into_iter().map(load).collect::<Result<_, _>>()?;
        Ok(Self { problem, sample, loads, service, error: Mutex::default() })
    }

    fn spec(&self, choice: &Choice) -> HpaSpec {
        self.problem.spec(choice)
    }

    fn today(&self) -> Choice {
        self.problem.axes.iter().map(|axis| axis.own).collect()
    }

    /// A choice that the API server would refuse is none.
    fn is_valid(&self, choice: &Choice) -> bool {
        let spec = self.spec(choice);
        spec.min_replicas <= spec.max_replicas
    }

    fn simulated(&self, choice: &Choice, phase: usize, until: Span, keeps: Keeps) -> Result<(Course, Meter), SimError> {
        let spec = self.spec(choice);
        let mut setup: Setup<'_> = self.problem.setup.clone();
        setup.targets[0].hpa = &spec;
        setup.targets[0].phase = self.sample.phase(phase);
        setup.world.duration = Some(until);
        setup.world.seed = setup.world.seed.wrapping_add(phase as u64);
        let mut meters = [Meter::new(self.service, &setup.targets[0], keeps)];
        let summaries = simulate_all(&setup, &mut [self.loads[phase].clone()], &mut meters)?;
        let [meter] = meters;
        Ok((Course::of(&setup.targets[0], &summaries[0]), meter))
    }

    fn score(&self, choice: &Choice, phase: usize, until: Span, keeps: Keeps) -> Result<(Score, Vec<f64>), SimError> {
        let (course, meter) = self.simulated(choice, phase, until, keeps)?;
        let bad = match self.service {
            Service::Slo => course.slow.map_or(0.0, |slow| slow.seconds() as f64),
            Service::Cpu => meter.without,
        };
        let score = Score {
            cost: course.node_seconds.unwrap_or(course.pod_seconds) as f64,
            bad,
            lost: (course.work_lost + course.work_dropped).core_seconds(),
            events: course.changes().len() as f64,
        };
        Ok((score, meter.days))
    }

    /// In one phase, for the search, which knows no errors.
    fn screened(&self, choice: &Choice) -> Option<Score> {
        if !self.is_valid(choice) {
            return None;
        }
        let found = self.score(choice, 0, self.problem.seen, Keeps::Sum).map(|(score, _)| score);
        found.map_err(|error| self.error.lock().map(|mut first| first.get_or_insert(error).to_string())).ok()
    }

    /// Of each choice in all phases.
    fn scores(&self, choices: &[Choice], until: Span) -> Result<Vec<Scores>, SimError> {
        let phases = self.sample.phases.len();
        let one = |index: usize| self.score(&choices[index / phases], index % phases, until, Keeps::Days);
        let all = every(choices.len() * phases, one)?;
        let of = |each: &[(Score, Vec<f64>)]| {
            let count = each.iter().map(|(_, days)| days.len()).max().unwrap_or(0);
            let on = |day: usize| each.iter().filter_map(|(_, days)| days.get(day)).sum::<f64>() / each.len() as f64;
            Scores { runs: each.iter().map(|(score, _)| *score).collect(), days: (0..count).map(on).collect() }
        };
        Ok(all.chunks(phases).map(of).collect())
    }

    fn run(&self, index: usize) -> Result<Found, SimError> {
        let today = self.today();
        let (tried, finalists) = self.search(&today, index)?;
        let scores = self.scores(&finalists, self.problem.seen)?;
        let mut known: BTreeMap<Choice, Scores> = finalists.into_iter().zip(scores).collect();
        let best = self.polish(&today, &mut known)?;
        let kept = self.kept(&today, &best, &known)?;
        let steps = self.steps(&best)?;
        let limits = self.problem.limits;
        Ok(Found { limits, today, best, kept, steps, tried, is_stopped: is_stopped() })
    }

    /// What may become a row of what is told, with what comes of it in the part that was not seen.
    fn kept(&self, today: &Choice, best: &Choice, known: &BTreeMap<Choice, Scores>) -> Result<Vec<Known>, SimError> {
        let front = found::front_of(known.iter());
        let mut choices: BTreeSet<Choice> = spread(&front, KEPT).into_iter().cloned().collect();
        choices.extend([today.clone(), best.clone()]);
        let choices: Vec<Choice> = choices.into_iter().collect();
        let has_rest = self.problem.seen < self.problem.end;
        let whole = if has_rest { self.scores(&choices, self.problem.end)? } else { Vec::new() };
        let mut all = Vec::new();
        for (index, choice) in choices.into_iter().enumerate() {
            let Some(seen) = known.get(&choice).cloned() else { continue };
            // The whole is the same until the rest begins.
            let unseen = whole.get(index).map(|whole| whole.less(&seen));
            all.push(Known { choice, seen, unseen });
        }
        Ok(all)
    }

    /// How many choices were tried in one phase, and those of them that may be good in others.
    fn search(&self, today: &Choice, index: usize) -> Result<(usize, Vec<Choice>), SimError> {
        let (own, _) = self.score(today, 0, self.problem.seen, Keeps::Sum)?;
        let most = self.problem.limits.most(&own);
        let counts: Vec<usize> = self.problem.axes.iter().map(|axis| axis.values.len()).collect();
        // What is a little worse in one phase may be better in others.
        let more = |value: f64, than: f64| ((value - than - LITTLE) / (than + LITTLE)).max(0.0);
        let share = |all: usize| all.div_ceil(self.problem.searches.max(1)).max(FEWEST);
        tell(Progress::Begins(share(self.problem.candidates)));
        let evaluate = |choice: &Choice| {
            tell(Progress::Done);
            let Some(score) = self.screened(choice) else { return (f64::INFINITY, Score::default()) };
            let worse = more(score.bad, most.bad) + more(score.lost, most.lost) + more(score.events, most.events);
            let penalty = if worse > EQUAL { WORSE * (1.0 + worse) } else { 0.0 };
            (score.cost / own.cost.max(1.0) + penalty, score)
        };
        let seed = self.problem.setup.world.seed.wrapping_add(index as u64);
        let found = Search::new(&counts, evaluate).run(today, share(self.problem.candidates), seed);
        tell(Progress::Ends);
        if let Some(error) = self.error.lock().ok().and_then(|mut error| error.take()) {
            return Err(error);
        }
        let found = found.map_err(|error| SimError::Load(error.to_string().into()))?;
        let mut all: Vec<(&Choice, f64, &Score)> =
            found.iter().map(|(choice, (loss, score))| (choice, *loss, score)).collect();
        all.retain(|(_, loss, _)| loss.is_finite());
        all.sort_by(|one, other| one.1.total_cmp(&other.1).then_with(|| one.0.cmp(other.0)));
        let mut chosen: BTreeSet<Choice> = all.iter().take(share(BEST)).map(|(choice, ..)| (*choice).clone()).collect();
        chosen.insert(today.clone());
        // Who does not want to wait has those of which most is known.
        if is_stopped() {
            return Ok((found.len(), chosen.into_iter().collect()));
        }
        let front = front(all.iter().map(|(choice, _, score)| (*choice, score.cost, score.bad)));
        chosen.extend(spread(&front, share(FRONT)).into_iter().cloned());
        let is_as_good = |score: &Score| {
            score.bad <= most.bad + EQUAL && score.lost <= most.lost + EQUAL && score.events <= most.events + EQUAL
        };
        let as_good = all.iter().filter(|(_, _, score)| is_as_good(score));
        chosen.extend(as_good.take(share(AS_GOOD)).map(|(choice, ..)| (*choice).clone()));
        // What keeps within bounds that today's settings do not may cost more than these.
        let dearest = if is_as_good(&own) { 1.0 } else { WORSE };
        // What is cheapest in one phase and under one load need not serve in others: some of all that seem better than today.
        let better: Vec<&Choice> =
            all.iter().take_while(|(_, loss, _)| *loss < dearest).map(|(choice, ..)| *choice).collect();
        chosen.extend(spread(&better, share(BETTER)).into_iter().cloned());
        Ok((found.len(), chosen.into_iter().collect()))
    }

    /// The cheapest that serves as well as today in all phases together, changed by steps as long as that is better.
    fn polish(&self, today: &Choice, known: &mut BTreeMap<Choice, Scores>) -> Result<Choice, SimError> {
        let mut best = cheapest(today, known.iter(), &self.problem.limits);
        for _ in 0..ROUNDS {
            if is_stopped() {
                break;
            }
            let around: Vec<Choice> = (0..best.len()).flat_map(|axis| self.beside(&best, axis, &[1, 2, 4])).collect();
            self.learn(around.clone(), known)?;
            let mut better = cheapest(today, known.iter(), &self.problem.limits);
            if better == best {
                self.learn(pairs(&best, &around, known), known)?;
                better = cheapest(today, known.iter(), &self.problem.limits);
            }
            if better == best {
                break;
            }
            best = better;
        }
        let cost = |scores: &Scores| scores.mean(|score| score.cost);
        // What does not matter stays as it is.
        for axis in (0..best.len()).filter(|_| !is_stopped()) {
            let mut simpler = best.clone();
            simpler[axis] = today[axis];
            self.learn(vec![simpler.clone()], known)?;
            let (Some(found), Some(own), Some(day)) = (known.get(&simpler), known.get(&best), known.get(today)) else {
                continue;
            };
            if found.keeps(&self.problem.limits, day) && cost(found) <= cost(own) * (1.0 + SAME) {
                best = simpler;
            }
        }
        // What may be chance is no less.
        let both = known.get(&best).zip(known.get(today));
        let is_less = both.is_some_and(|(own, day)| cost(own) < cost(day) && own.differs(day, |score| score.cost));
        let is_within = known.get(today).is_some_and(|day| day.keeps(&self.problem.limits, day));
        Ok(if is_less || !is_within { best } else { today.clone() })
    }

    /// Simulates what is not known yet.
    fn learn(&self, choices: Vec<Choice>, known: &mut BTreeMap<Choice, Scores>) -> Result<(), SimError> {
        let is_new = |choice: &Choice| !known.contains_key(choice) && self.is_valid(choice);
        let new: Vec<Choice> = choices.into_iter().filter(is_new).collect();
        let scores = self.scores(&new, self.problem.seen)?;
        known.extend(new.into_iter().zip(scores));
        Ok(())
    }

    /// The same with a field so many steps further down or up.
    fn beside(&self, choice: &Choice, axis: usize, steps: &[usize]) -> Vec<Choice> {
        let last = self.problem.axes[axis].values.len() - 1;
        let down = steps.iter().filter_map(|step| choice[axis].checked_sub(*step));
        let up = steps.iter().map(|step| choice[axis] + step).filter(|value| *value <= last);
        let with = |value: usize| {
            let mut other = choice.clone();
            other[axis] = value;
            other
        };
        down.chain(up).map(with).filter(|other| self.is_valid(other)).collect()
    }

    /// What a step of each field comes to.
    fn steps(&self, best: &Choice) -> Result<Vec<Step>, SimError> {
        let choices: Vec<(usize, Choice)> = (0..best.len())
            .flat_map(|axis| self.beside(best, axis, &[1]).into_iter().map(move |choice| (axis, choice)))
            .collect();
        let all: Vec<Choice> = choices.iter().map(|(_, choice)| choice.clone()).collect();
        let scores = self.scores(&all, self.problem.seen)?;
        let step = |((axis, choice), scores): ((usize, Choice), Scores)| Step { axis, value: choice[axis], scores };
        Ok(choices.into_iter().zip(scores).map(step).collect())
    }
}
