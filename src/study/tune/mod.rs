//! Tuning: which settings of an HPA cost least under a load, with service that is no worse than today's.
//!
//! Many settings are tried in one phase (`search`). The best of them are simulated in many phases, beside today's, then changed by a step
//! and by two where that is better, and what does not matter is left as it is. What is found on the first part of the load is told of
//! the rest of it, too.

pub mod field;
mod found;
mod front;
mod meter;
mod problem;
mod refine;
pub mod score;
pub mod search;
pub mod template;
pub mod vpa;
pub mod why;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Mutex;

use self::field::Subject;
pub use self::found::{Found, Known, Row, Step, Tuned, combined};
use self::front::{front, spread};
pub use self::meter::MEMORY_MARGIN;
use self::meter::{Keeps, Meter};
pub use self::problem::{Axis, Cost, Loaded, Problem, Service};
use self::refine::Refined;
use self::score::{EQUAL, Run};
pub use self::score::{Limits, Objective, Score, Scores};
use self::search::{Choice, Search};
use self::vpa::{Observer, Round};
use self::why::{Done, Why};
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_pcg::Pcg64;

use super::backtest::{Seen, errors};
use super::fleet::Course;
use super::montecarlo::varied;
use super::sample::Sample;
use super::{Progress, every, is_stopped, tell};
use crate::model::{LoadSource, LoadTable, Phases, Target};
use crate::sim::{Listen, Setup, SimError, SyncRecord, simulate};
use crate::units::Span;

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
    let all = every(tuning.phases, |phase| {
        let course = tuning.simulated(&problem.today(), (phase, problem.end), |_| ())?.course;
        let replicas = course.steps.iter().map(|(at, pods)| (at.seconds(), f64::from(*pods))).collect();
        Ok(errors(&Seen { replicas, ..Seen::default() }, recorded, (0, problem.end.seconds())))
    })?;
    let known: Vec<f64> = all.into_iter().flatten().map(|errors| errors.replicas).collect();
    Ok((!known.is_empty()).then(|| known.iter().sum::<f64>() / known.len() as f64))
}

/// What VPA would recommend for today's pods on the part of the load that was seen, as it is, in one phase; and what it would recommend next, if
/// that were done and the HPA stayed as it is, for so many rounds; of CPU and memory as far as it is known what pods use, whatever they request.
pub fn followed(
    problem: &Problem<'_>,
    service: Service,
    (rounds, known): (usize, [bool; 2]),
) -> Result<Vec<Round>, SimError> {
    let tuning = Tuning::new(problem, service)?;
    let mut all: Vec<Round> = Vec::new();
    let mut subject = problem.today();
    for _ in 0..=rounds {
        let when = (0, problem.seen);
        let recommended = tuning.simulated(&subject, when, Observer::new)?.listener.recommended();
        let ran = tuning.metered(&subject, when, Keeps::Sum)?;
        let score = tuning.scored(&subject, &ran);
        let next = vpa::followed(&subject, &recommended, known);
        all.push(Round { requests: vpa::requests(&subject), score, pods: ran.course.mean_replicas(), recommended });
        subject = next;
    }
    Ok(all)
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

/// What came of a simulation.
struct Ran<L> {
    /// Of what is tuned.
    course: Course,
    /// Who listened to it.
    listener: L,
    /// Time without their service of those beside it, seconds.
    others: f64,
    /// Work that was lost or dropped, of all, core-seconds.
    lost: f64,
}

/// What a search in one phase came to.
struct Searched {
    /// How many choices were tried.
    tried: usize,
    /// Those that are looked at in all phases.
    finalists: Vec<Choice>,
    /// Those that may be better than today in others.
    better: Vec<Choice>,
}

struct Tuning<'p, 'a> {
    problem: &'p Problem<'a>,
    /// The phases of all that are simulated, and how many there are.
    samples: Vec<Sample>,
    phases: usize,
    /// Their loads in each phase.
    loads: Vec<Vec<LoadTable>>,
    service: Service,
    error: Mutex<Option<SimError>>,
}

impl<'p, 'a> Tuning<'p, 'a> {
    fn new(problem: &'p Problem<'a>, service: Service) -> Result<Self, SimError> {
        let world = &problem.setup.world;
        let sample = |loaded: &Loaded| {
            let phases = Phases::of(&problem.setup.targets[loaded.target].cluster, &world.controller);
            Sample::of(&phases, problem.phases, world.seed, loaded.target)
        };
        let samples: Vec<Sample> = problem.loads.iter().map(sample).collect();
        let phases = samples.iter().map(|sample| sample.phases.len()).max().unwrap_or(1);
        // A busy day is busy for all.
        let of = |factor: f64| {
            problem.loads.iter().map(|one| varied(&one.table, &one.varies, |_| factor)).collect::<Result<_, _>>()
        };
        let factors = factors(phases, problem.uncertainty, world.seed);
        let loads = factors.into_iter().map(of).collect::<Result<_, _>>()?;
        Ok(Self { problem, samples, phases, loads, service, error: Mutex::default() })
    }

    fn today(&self) -> Choice {
        self.problem.axes.iter().map(|axis| axis.own).collect()
    }

    /// A choice that the API server would refuse is none.
    fn is_valid(&self, choice: &Choice) -> bool {
        self.problem.is_possible(&self.problem.subject(choice))
    }

    /// Simulates; somebody may listen to what is tuned.
    fn simulated<L: Listen>(
        &self,
        subject: &Subject<'_>,
        (phase, until): (usize, Span),
        listener: impl FnOnce(&Target<'_>) -> L,
    ) -> Result<Ran<L>, SimError> {
        let (own, loaded) = (self.problem.own, &self.problem.loads);
        let mut setup: Setup<'_> = self.problem.setup.clone();
        setup.targets[own].hpa = &subject.hpa;
        setup.targets[own].workload = &subject.workload;
        if self.problem.changes_pods() {
            setup.targets[own].neighbours.allowance = self.problem.room.allowance(&subject.workload);
        }
        for (one, sample) in loaded.iter().zip(&self.samples) {
            setup.targets[one.target].phase = sample.phase(phase);
        }
        setup.world.duration = Some(until);
        setup.world.seed = setup.world.seed.wrapping_add(phase as u64);
        let mut listener = listener(&setup.targets[own]);
        let is_other = |one: &&Loaded| one.target != own;
        let others = loaded.iter().filter(is_other).map(|one| (one.target, Meter::beside(&setup.targets[one.target])));
        let mut others: BTreeMap<usize, Meter> = others.collect();
        let listens = listener.listens() || others.values().any(Meter::listens);
        let mut tables = self.loads[phase].clone();
        let sources = loaded.iter().zip(&mut tables);
        let sources = sources.map(|(one, table)| (one.target, table as &mut dyn LoadSource)).collect();
        let mut hear = |target: usize, record: &SyncRecord<'_>| match others.get_mut(&target) {
            Some(other) => other.hear(record),
            None => listener.hear(record),
        };
        let summaries = simulate(&setup, sources, if listens { Some(&mut hear) } else { None })?;
        let mut ran = Ran { course: Course::default(), listener, others: 0.0, lost: 0.0 };
        for (one, summary) in loaded.iter().zip(&summaries) {
            let course = Course::of(&setup.targets[one.target], summary);
            ran.lost += (course.work_lost + course.work_dropped).core_seconds();
            match others.get(&one.target) {
                Some(meter) => ran.others += course.slow.map_or(meter.without, |slow| slow.seconds() as f64),
                None => ran.course = course,
            }
        }
        Ok(ran)
    }

    /// Simulates, and measures service.
    fn metered(&self, subject: &Subject<'_>, when: (usize, Span), keeps: Keeps) -> Result<Ran<Meter>, SimError> {
        self.simulated(subject, when, |target| Meter::new(self.problem, self.service, target, keeps))
    }

    fn score(&self, choice: &Choice, phase: usize, until: Span, keeps: Keeps) -> Result<(Score, Vec<f64>), SimError> {
        let subject = self.problem.subject(choice);
        let ran = self.metered(&subject, (phase, until), keeps)?;
        Ok((self.scored(&subject, &ran), ran.listener.days))
    }

    fn scored(&self, subject: &Subject<'_>, ran: &Ran<Meter>) -> Score {
        let (course, meter) = (&ran.course, &ran.listener);
        let (bad, above) = match self.service {
            Service::Slo => (course.slow.map_or(0.0, |slow| slow.seconds() as f64), meter.above),
            Service::Cpu => (meter.without, 0.0),
        };
        let pods = course.pod_seconds as f64;
        let requests = subject.workload.template.requests();
        let cores = pods * requests.quantity("cpu").as_f64();
        let gib = pods * requests.quantity("memory").as_f64() / f64::from(1 << 30);
        Score {
            cost: match self.problem.cost {
                Cost::Pods => pods,
                Cost::Nodes => course.node_seconds.map_or(pods, |seconds| seconds as f64),
                Cost::NodePrices => course.node_price.unwrap_or(0.0) * course.duration.seconds() as f64,
                Cost::Requests(prices) => prices.of(cores, gib),
            },
            bad,
            lost: ran.lost,
            others: ran.others,
            events: course.changes().len() as f64,
            above: if self.problem.watches_requests() { above } else { 0.0 },
            cores,
            gib,
        }
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
        let all = self.runs(choices, 0..self.phases, until)?;
        Ok(all.iter().map(|runs| Scores::of(runs)).collect())
    }

    /// Of each choice in some phases.
    fn runs(&self, choices: &[Choice], phases: Range<usize>, until: Span) -> Result<Vec<Vec<Run>>, SimError> {
        let count = phases.len().max(1);
        let one = |index: usize| self.score(&choices[index / count], phases.start + index % count, until, Keeps::Days);
        Ok(every(choices.len() * phases.len(), one)?.chunks(count).map(<[Run]>::to_vec).collect())
    }

    fn run(&self, index: usize) -> Result<Found, SimError> {
        let today = self.today();
        let Searched { tried, finalists, better } = self.search(&today, index)?;
        let mut refined = Refined::new(self, &today, finalists)?;
        refined.learn(better)?;
        let best = refined.polish()?;
        let front = refined.front()?;
        let kept = self.kept(front, &refined.known)?;
        let steps = self.steps(&best)?;
        let limits = self.problem.limits;
        Ok(Found { limits, today, best, kept, steps, tried, is_stopped: is_stopped() })
    }

    /// What may become a row of what is told, with what comes of it in the part that was not seen.
    fn kept(&self, choices: Vec<Choice>, known: &BTreeMap<Choice, Scores>) -> Result<Vec<Known>, SimError> {
        let has_rest = self.problem.seen < self.problem.end;
        let whole = if has_rest { self.scores(&choices, self.problem.end)? } else { Vec::new() };
        let whys = self.whys(&choices)?;
        let mut all = Vec::new();
        for (index, (choice, why)) in choices.into_iter().zip(whys).enumerate() {
            let Some(seen) = known.get(&choice).cloned() else { continue };
            // The whole is the same until the rest begins.
            let unseen = whole.get(index).map(|whole| whole.less(&seen));
            all.push(Known { choice, seen, unseen, why });
        }
        Ok(all)
    }

    /// Where each differs most from today's, on the part of the load that the search saw, as it is, in the first phase.
    fn whys(&self, choices: &[Choice]) -> Result<Vec<Why>, SimError> {
        let done = |choice: &Choice| {
            let subject = self.problem.subject(choice);
            let ran = self.metered(&subject, (0, self.problem.seen), Keeps::When)?;
            let cores = subject.workload.template.requests().quantity("cpu").as_f64();
            Ok(Done { course: ran.course, cores, without: ran.listener.when.unwrap_or_default() })
        };
        let today = done(&self.today())?;
        every(choices.len(), |index| Ok(why::why(&today, &done(&choices[index])?)))
    }

    /// In one phase.
    fn search(&self, today: &Choice, index: usize) -> Result<Searched, SimError> {
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
            let worse = more(score.bad, most.bad)
                + more(score.lost, most.lost)
                + more(score.others, most.others)
                + more(score.events, most.events)
                + more(score.above, most.above)
                + (score.cost / most.cost - 1.0).max(0.0);
            let penalty = if worse > EQUAL { WORSE * (1.0 + worse) } else { 0.0 };
            let least = self.problem.limits.least;
            (least.of(&score) / least.of(&own).max(least.grain()).max(f64::MIN_POSITIVE) + penalty, score)
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
            let finalists = chosen.into_iter().collect();
            return Ok(Searched { tried: found.len(), finalists, better: Vec::new() });
        }
        let front = front(all.iter().map(|(choice, _, score)| (*choice, score.cost, score.bad)));
        chosen.extend(spread(&front, share(FRONT)).into_iter().cloned());
        let is_as_good = |score: &Score| {
            let all = [
                (score.bad, most.bad),
                (score.lost, most.lost),
                (score.others, most.others),
                (score.events, most.events),
                (score.above, most.above),
                (score.cost, most.cost),
            ];
            all.into_iter().all(|(own, most)| own <= most + EQUAL)
        };
        let as_good = all.iter().filter(|(_, _, score)| is_as_good(score));
        chosen.extend(as_good.take(share(AS_GOOD)).map(|(choice, ..)| (*choice).clone()));
        // What keeps within bounds that today's settings do not may cost more than these.
        let dearest = if is_as_good(&own) { 1.0 } else { WORSE };
        // What is cheapest in one phase and under one load need not serve in others: some of all that seem better than today.
        let better: Vec<&Choice> =
            all.iter().take_while(|(_, loss, _)| *loss < dearest).map(|(choice, ..)| *choice).collect();
        let better = spread(&better, share(BETTER)).into_iter().cloned().collect();
        Ok(Searched { tried: found.len(), finalists: chosen.into_iter().collect(), better })
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
