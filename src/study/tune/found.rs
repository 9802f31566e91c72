//! What searches found, put together: however many there were, and wherever they ran.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::front::{balanced, front, spread};
use super::score::{Limits, Objective, Score, Scores};
use super::search::Choice;
use super::why::Why;

/// So many rows are told besides today's, whose costs are such a part apart where they are told for nothing else.
const ROWS: usize = 7;
const APART: f64 = 0.02;

/// What a search found: of what it simulated in many phases what may be told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Found {
    /// What is allowed.
    pub limits: Limits,
    /// The values that there are.
    pub today: Choice,
    /// What costs least and serves no worse than today's; today's if nothing does.
    pub best: Choice,
    /// Both, and the front.
    pub kept: Vec<Known>,
    /// What a step of each field comes to, from the best on.
    pub steps: Vec<Step>,
    /// How many choices were tried.
    pub tried: usize,
    /// Whether it was stopped before its end.
    pub is_stopped: bool,
}

/// What a choice comes to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Known {
    /// Its values.
    pub choice: Choice,
    /// On the part of the load that the search saw.
    pub seen: Scores,
    /// On the rest of it, if there is any.
    pub unseen: Option<Scores>,
    /// Where it differs most from today's.
    pub why: Why,
}

/// What a step of a field comes to, from the recommended choice on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// The index of the axis.
    pub axis: usize,
    /// The index of the value.
    pub value: usize,
    /// What it comes to.
    pub scores: Scores,
}

/// A row of what is told.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// What it is chosen for.
    pub names: Vec<&'static str>,
    /// What it is, and what it comes to.
    pub known: Known,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Tuned {
    /// Today's first, then from cheap to dear.
    pub rows: Vec<Row>,
    /// The index of the row that costs least and serves no worse than today.
    pub best: usize,
    /// What a step of each field comes to.
    pub steps: Vec<Step>,
    /// How many choices were tried.
    pub tried: usize,
    /// The index of the search that found the best.
    pub search: usize,
    /// Whether a search was stopped before its end.
    pub is_stopped: bool,
    /// Whether the best keeps within what is allowed.
    pub is_within: bool,
}

fn cost(scores: &Scores) -> f64 {
    scores.mean(|score| score.cost)
}

fn without(scores: &Scores) -> f64 {
    scores.mean(|score| score.bad + score.above + score.lost + score.others)
}

/// The front of cost and time without service.
pub(super) fn front_of<'c>(all: impl Iterator<Item = (&'c Choice, &'c Scores)>) -> Vec<&'c Choice> {
    front(all.map(|(choice, scores)| (choice, cost(scores), without(scores))))
}

/// The cheapest that keeps within what is allowed, with the fewest changes; today's if nothing does.
pub(super) fn cheapest<'c>(
    today: &Choice,
    all: impl Iterator<Item = (&'c Choice, &'c Scores)> + Clone,
    limits: &Limits,
) -> Choice {
    let Some((_, day)) = all.clone().find(|(choice, _)| *choice == today) else { return today.clone() };
    let changes = |choice: &Choice| choice.iter().zip(today).filter(|(one, other)| one != other).count();
    let as_good = all.filter(|(_, scores)| scores.keeps(limits, day));
    let order = |one: &(&Choice, &Scores), other: &(&Choice, &Scores)| {
        let least = |scores: &Scores| scores.mean(|score| limits.least.of(score));
        least(one.1)
            .total_cmp(&least(other.1))
            .then_with(|| cost(one.1).total_cmp(&cost(other.1)))
            .then_with(|| changes(one.0).cmp(&changes(other.0)))
            .then_with(|| one.0.cmp(other.0))
    };
    as_good.min_by(order).map_or_else(|| today.clone(), |(choice, _)| choice.clone())
}

/// What all searches found together, in the order of the searches.
pub fn combined(all: &[&Found]) -> Tuned {
    let Some(first) = all.first() else {
        return Tuned {
            rows: Vec::new(),
            best: 0,
            steps: Vec::new(),
            tried: 0,
            search: 0,
            is_stopped: false,
            is_within: false,
        };
    };
    let known: BTreeMap<&Choice, &Known> =
        all.iter().flat_map(|found| &found.kept).map(|known| (&known.choice, known)).collect();
    // Today's is the best of a search that found nothing better.
    let bests = all.iter().map(|found| &found.best).filter(|best| **best != first.today);
    let best = bests.filter_map(|best| known.get(best)).map(|known| (&known.choice, &known.seen));
    let day = known.get(&first.today).map(|known| (&known.choice, &known.seen));
    let limits = &first.limits;
    let best = cheapest(&first.today, best.chain(day).collect::<Vec<_>>().into_iter(), limits);
    let is_within =
        known.get(&best).zip(known.get(&first.today)).is_some_and(|(own, today)| own.seen.keeps(limits, &today.seen));
    let search = all.iter().position(|found| found.best == best).unwrap_or(0);
    let name = match (limits.are_said(), limits.least) {
        (false, _) => Some("cheapest as good as today"),
        (true, Objective::Cost) => is_within.then_some("cheapest within the bounds"),
        (true, _) => is_within.then_some("best within the bounds"),
    };
    let rows = rows(&first.today, (&best, name), &known);
    Tuned {
        best: rows.iter().position(|row| row.known.choice == best).unwrap_or(0),
        rows,
        steps: all[search].steps.clone(),
        tried: all.iter().map(|found| found.tried).sum(),
        search,
        is_stopped: all.iter().any(|found| found.is_stopped),
        is_within,
    }
}

/// Today's, the best, and what else is worth a thought.
fn rows(today: &Choice, (best, name): (&Choice, Option<&'static str>), known: &BTreeMap<&Choice, &Known>) -> Vec<Row> {
    let of = |choice: &Choice, figure: fn(&Scores) -> f64| {
        known.get(choice).map_or(f64::INFINITY, |known| figure(&known.seen))
    };
    let front = front_of(known.values().map(|known| (&known.choice, &known.seen)));
    let mut names: BTreeMap<&Choice, Vec<&'static str>> = BTreeMap::new();
    names.entry(best).or_default().extend(name);
    if let Some(safest) = front.last() {
        names.entry(safest).or_default().push("safest");
    }
    if let Some(balanced) = balanced(&front, |choice| (of(choice, cost), of(choice, without))) {
        names.entry(balanced).or_default().push("balanced");
    }
    for other in spread(&front, ROWS) {
        let is_far = |one: &&Choice| (of(one, cost) / of(other, cost) - 1.0).abs() > APART;
        if names.len() < ROWS && names.keys().all(is_far) {
            names.entry(other).or_default().push("between");
        }
    }
    names.entry(today).or_default().insert(0, "today");
    let named = names.into_iter().filter_map(|(choice, names)| Some((names, (*known.get(choice)?).clone())));
    let mut rows: Vec<Row> = named.map(|(names, known)| Row { names, known }).collect();
    rows.sort_by(|one, other| {
        let is_other = |row: &Row| row.known.choice != *today;
        is_other(one).cmp(&is_other(other)).then(cost(&one.known.seen).total_cmp(&cost(&other.known.seen)))
    });
    rows
}

impl Row {
    /// What a figure is on average on the part of the load that the search saw.
    pub fn seen(&self, of: impl Fn(&Score) -> f64) -> f64 {
        self.known.seen.mean(of)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(value: usize, cost: f64, bad: f64) -> Known {
        let score = Score { cost, bad, ..Score::default() };
        Known {
            choice: vec![value],
            seen: Scores { runs: vec![score; 3], days: vec![bad] },
            unseen: None,
            why: Why::default(),
        }
    }

    fn found(best: usize, kept: Vec<Known>) -> Found {
        Found {
            limits: Limits::default(),
            today: vec![9],
            best: vec![best],
            kept,
            steps: Vec::new(),
            tried: 10,
            is_stopped: false,
        }
    }

    #[test]
    fn the_best_of_all_searches_is_told_in_whatever_order() {
        let today = || known(9, 100.0, 5.0);
        let one = found(4, vec![known(4, 80.0, 5.0), known(7, 60.0, 50.0), today()]);
        let other = found(9, vec![known(3, 130.0, 0.0), today()]);
        let third = found(2, vec![known(2, 70.0, 4.0), known(1, 200.0, 0.0), today()]);
        let all = combined(&[&one, &other, &third]);
        let choices: Vec<usize> = all.rows.iter().map(|row| row.known.choice[0]).collect();
        // What costs more and serves no better is no row.
        assert_eq!(choices, [9, 7, 2, 3]);
        assert_eq!((all.rows[all.best].known.choice[0], all.search, all.tried), (2, 2, 30));
        let again = combined(&[&third, &one, &other]);
        assert_eq!((again.rows, again.best), (all.rows, all.best));
    }
}
