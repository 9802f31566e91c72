//! Where settings differ most from today's, in words.

use super::Tuning;
use super::document::{span, without};
use crate::report::amounts::decimal;
use crate::study::tune::Row;
use crate::study::tune::why::Stretch;
use crate::units::SimTime;

impl Tuning<'_> {
    fn at(&self, at: SimTime) -> String {
        self.frame.clock.and_then(|clock| clock.rfc3339(at)).unwrap_or_else(|| at.to_string())
    }

    /// Of a row in a few words: where most of its cost comes from, and where service differs most.
    pub(super) fn in_short(&self, row: &Row) -> Option<String> {
        let why = &row.known.why;
        let most = |one: Option<Stretch>, other: Option<Stretch>, of: fn(&Stretch) -> f64| {
            one.into_iter().chain(other).max_by(|one, other| of(one).total_cmp(&of(other)))
        };
        let pods = most(why.fewer, why.more, |one| ((one.today - one.other) * one.seconds()).abs()).map(|one| {
            let (what, digits) = if why.is_of_cores { ("core", 2) } else { ("pod", 1) };
            let more = if one.other < one.today { "fewer" } else { "more" };
            let difference = decimal((one.today - one.other).abs(), digits);
            let s = if difference == "1" { "" } else { "s" };
            format!("{difference} {what}{s} {more} from {} to {}", self.at(one.from), self.at(one.to))
        });
        let rise = most(why.later, why.sooner, |one| (one.today - one.other).abs()).map(|one| {
            let word = if one.other < one.today { "sooner" } else { "later" };
            format!("the rise at {} is met {} {word}", self.at(one.from), span((one.today - one.other).abs()))
        });
        let all: Vec<String> = pods.into_iter().chain(rise).collect();
        (!all.is_empty()).then(|| all.join("; "))
    }

    /// Of the recommended row, in sentences.
    pub(super) fn sentences(&self) -> Vec<String> {
        let why = &self.best().known.why;
        let pods = |one: &Stretch, most: &str| {
            let (what, digits) = if why.is_of_cores { ("cores requested", 2) } else { ("pods", 1) };
            format!(
                "From {} to {} there are {} {what} in place of {}: {most}.",
                self.at(one.from),
                self.at(one.to),
                decimal(one.other, digits),
                decimal(one.today, digits)
            )
        };
        let rise = |one: &Stretch, word: &str| {
            format!(
                "At {} the rise is met {} {word}: {} {}, today {}.",
                self.at(one.from),
                span((one.today - one.other).abs()),
                without(self.frame.service),
                span(one.other),
                span(one.today)
            )
        };
        let all = [
            why.fewer.map(|one| pods(&one, "the most that is saved at a time")),
            why.more.map(|one| pods(&one, "the most that is added at a time")),
            why.sooner.map(|one| rise(&one, "sooner")),
            why.later.map(|one| rise(&one, "later")),
        ];
        let mut all: Vec<String> = all.into_iter().flatten().collect();
        if !all.is_empty() {
            let note = "These are of the load as it is, in the first phase; `explain` with the options below derives every decision.";
            all.push(note.to_owned());
        }
        all
    }
}
