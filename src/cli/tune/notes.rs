//! What the answer depends on: how far the simulation is from what was recorded, and what is assumed.

use super::super::{args, load};
use super::{DAY, TuneArgs};
use crate::report::amounts::decimal;
use crate::study::backtest::{Seen, mean_replicas};
use crate::study::tune::score::LIKELY;
use crate::study::tune::{Problem, Service, backtest};

/// How far a backtest may be off.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Bound {
    /// Half a replica, or a tenth of all.
    Auto,
    /// So many replicas.
    Replicas(f64),
}

pub(super) fn bound(text: &str) -> Result<Bound, String> {
    if text == "auto" { Ok(Bound::Auto) } else { args::replicas(text).map(Bound::Replicas) }
}

/// What the recorded replicas say of the simulation, and whether that is good enough.
pub(super) fn backtested(
    args: &TuneArgs,
    (problem, service): (&Problem<'_>, Service),
    recorded: Option<&Seen>,
) -> anyhow::Result<(String, bool)> {
    let end = (0, problem.end.seconds());
    let error = match recorded {
        Some(recorded) => backtest(problem, service, recorded).map_err(load::explain_error)?,
        None => None,
    };
    let known = error.zip(recorded.and_then(|recorded| mean_replicas(recorded, end)));
    let Some((error, mean)) = known else {
        let note = "There is no backtest: no replicas are recorded with the load.";
        return Ok((note.to_owned(), args.require_backtest.is_none()));
    };
    let most = match args.require_backtest {
        Some(Bound::Replicas(most)) => most,
        Some(Bound::Auto) | None => (mean / 10.0).max(0.5),
    };
    let told = |value: f64| decimal(value, 2);
    let verdict = if error <= most { "" } else { ", which is too far to trust what follows: see `hpasim calibrate`" };
    Ok((
        format!(
            "Backtest: today's settings, simulated, are {} replicas off what was recorded ({} on average){verdict}.",
            told(error),
            told(mean)
        ),
        error <= most,
    ))
}

/// What the answer depends on.
pub(super) fn notes(problem: &Problem<'_>, service: Service) -> Vec<String> {
    let mut all = vec![match service {
        Service::Slo => {
            "Response times are of pods that have CPU up to their limits; what is above their requests nodes need not have.".to_owned()
        }
        Service::Cpu => {
            "Without a promise about response times (--slo, with a load of requests) service is that pods use no more CPU than they \
             request, for that alone is theirs, and that no work waits: at every sync, pods that are ready."
                .to_owned()
        }
    }];
    let days = problem.seen.seconds() / DAY;
    if days >= 2 {
        all.push(format!(
            "What serves as well as today on average of the {days} days that were seen counts as as good only where it differs from day to day \
             so little that other days are not likely to be worse (Student's t, {}%): the more days, the more can be shown to be.",
            decimal(LIKELY * 100.0, 0)
        ));
    }
    if problem.seen == problem.end && problem.end.seconds() < 2 * DAY {
        all.push("The load is shorter than two days: what is best for one day need not be for the next.".to_owned());
    }
    let beside: Vec<String> = problem
        .loads
        .iter()
        .filter(|one| one.target != problem.own)
        .map(|one| {
            let hpa = problem.setup.targets[one.target].hpa;
            format!("{}/{}", hpa.namespace, hpa.name)
        })
        .collect();
    if !beside.is_empty() {
        let (shared, cost) = match problem.setup.world.nodes {
            Some(_) => ("nodes", "cost is that of all nodes"),
            None => ("a quota", "cost is that of its own pods"),
        };
        all.push(format!(
            "Simulated beside it, each as it is today: {}. They share {shared}: they may not serve worse than today either, lost work is that of all, and \
             {cost}. What was found for each was not tried together: `hpasim compare` with all the settings as --head-set does that.",
            beside.join(", ")
        ));
    }
    all.push(
        "What is not in the load is not in the answer: minReplicas is what is left when a node or a zone is lost at the quietest time, and \
         maxReplicas what meets a load that was not recorded."
            .to_owned(),
    );
    all
}
