//! Where settings differ most from today's, in words.

use super::document::{span, without};
use crate::report::amounts::decimal;
use crate::study::tune::Service;
use crate::study::tune::why::{Stretch, Why};
use crate::units::{Clock, SimTime};

/// Sentences about it.
pub fn sentences(why: &Why, service: Service, clock: Option<Clock>) -> Vec<String> {
    let at = |at: SimTime| clock.and_then(|clock| clock.rfc3339(at)).unwrap_or_else(|| at.to_string());
    let pods = |one: &Stretch, most: &str| {
        let (what, digits) = if why.is_of_cores { ("cores requested", 2) } else { ("pods", 1) };
        format!(
            "From {} to {} there are {} {what} in place of {}: {most}.",
            at(one.from),
            at(one.to),
            decimal(one.other, digits),
            decimal(one.today, digits)
        )
    };
    let rise = |one: &Stretch, word: &str| {
        format!(
            "At {} the rise is met {} {word}: {} {}, today {}.",
            at(one.from),
            span((one.today - one.other).abs()),
            without(service),
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
        all.push("These are of the load as it is, in the first phase; `explain` with the options below derives every decision.".to_owned());
    }
    all
}
