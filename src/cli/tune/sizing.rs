//! What requests cost, and what is right for them: `--price`, `--requests`.

use super::{TuneArgs, load};
use crate::model::{MetricTargetType, NodesConfig, Prices};
use crate::report::amounts::decimal;
use crate::report::tune::{Followed, Size, Sized};
use crate::study::tune::field::Subject;
use crate::study::tune::template::{Asked, Resource};
use crate::study::tune::vpa::Round;
use crate::study::tune::{Axis, Cost, MEMORY_MARGIN, Problem, Service, followed};

/// So often it is shown what follows from doing what VPA recommends.
const ROUNDS: usize = 4;
/// A day, seconds.
const DAY: f64 = 86_400.0;

/// What cost is: of nodes where they are simulated, or of what pods request where that may change or has a price.
pub(super) fn cost(args: &TuneArgs, nodes: Option<&NodesConfig>, axes: &[Axis]) -> anyhow::Result<Cost> {
    let prices = args.price.prices(nodes.is_some())?;
    Ok(match (nodes, prices) {
        (Some(nodes), _)
            if nodes.pools.len() > 1 && nodes.pools.iter().all(|pool| pool.shape.price_per_month.is_some()) =>
        {
            Cost::NodePrices
        }
        (Some(_), _) => Cost::Nodes,
        (None, Some(prices)) => Cost::Requests(prices),
        (None, None) if axes.iter().any(|axis| axis.field.is_of_pods()) => Cost::Requests(Prices::default()),
        (None, None) => Cost::Pods,
    })
}

/// What the answer depends on, where requests or prices are a part of it.
pub(super) fn notes(args: &TuneArgs, problem: &Problem<'_>, known: [bool; 2]) -> Vec<String> {
    let mut all = Vec::new();
    if let Cost::Requests(prices) = problem.cost {
        let by = if args.price.is_empty() { " (OpenCost's default prices; --price has yours)" } else { "" };
        all.push(format!(
            "Cost is what pods request, at {} for a core and {} for a GiB for an hour{by}; a month is 730 hours.",
            decimal(prices.core_hour, 6),
            decimal(prices.gib_hour, 6)
        ));
    }
    let nodes = problem.setup.world.nodes.as_ref().filter(|nodes| nodes.pools.len() > 1);
    if nodes.is_some() && problem.cost == Cost::Nodes {
        all.push(
            "Cost is node-hours of all shapes alike, since not all of them have a price: an hour of a large node counts as much as that of a small one."
                .to_owned(),
        );
    }
    if problem.headroom > 0.0 {
        all.push(format!(
            "Headroom: what pods use is held against the requests of all but {}% of them.",
            decimal(problem.headroom * 100.0, 1)
        ));
    }
    if !args.requests {
        return all;
    }
    for (resource, is_known) in Resource::ALL.into_iter().zip(known) {
        if !is_known {
            let what = resource.title();
            all.push(format!(
                "Requests of {what} stay as they are: the load does not say how much {what} pods use by themselves (a share of their requests \
                 is none that can be tuned)."
            ));
        }
    }
    if known[1] {
        all.push(format!(
            "Memory that pods use is to be at most what they request less {}%, on average of the pods: who is above is evicted first.",
            decimal(MEMORY_MARGIN * 100.0, 0)
        ));
    }
    let template = &problem.target().workload.template;
    let is_equal = |resource: Resource| {
        let [request, limit] = [Asked::Request, Asked::Limit].map(|asked| asked.total(template, resource));
        request == limit && request > 0
    };
    if Resource::ALL.into_iter().all(is_equal) {
        all.push(
            "Its pods are Guaranteed today (requests are limits); with other requests they are Burstable.".to_owned(),
        );
    }
    all
}

/// What VPA would make of it.
pub(super) fn sized(problem: &Problem<'_>, service: Service, known: [bool; 2]) -> anyhow::Result<Sized> {
    let count = if known[0] || known[1] { ROUNDS } else { 0 };
    let rounds = followed(problem, service, (count, known)).map_err(load::explain_error)?;
    let days = (problem.seen.seconds() as f64 / DAY).max(f64::MIN_POSITIVE);
    let above = |round: &Round| if service == Service::Cpu { round.score.bad } else { round.score.above };
    let told = |round: &Round| Followed {
        requests: round.requests,
        pods: round.pods,
        cores: round.score.cores / problem.seen.seconds().max(1) as f64,
        gib: round.score.gib / problem.seen.seconds().max(1) as f64,
        above: above(round) / days,
    };
    let target = problem.target();
    Ok(Sized {
        containers: rounds.first().map(|round| round.recommended.iter().map(Into::into).collect()).unwrap_or_default(),
        rounds: rounds.iter().map(told).collect(),
        is_by_utilization: target
            .hpa
            .metrics
            .iter()
            .any(|metric| matches!(metric.target(), MetricTargetType::Utilization(_))),
    })
}

/// What each container requests, and is to request.
pub(super) fn sizes(before: &Subject<'_>, after: &Subject<'_>) -> Vec<Size> {
    let (before, after) = (&before.workload.template, &after.workload.template);
    let mut all = Vec::new();
    for (own, other) in before.running().zip(after.running()) {
        for resource in Resource::ALL {
            let Some((today, then)) = own.request(resource.name()).zip(other.request(resource.name())) else {
                continue;
            };
            all.push(Size {
                container: own.name.clone(),
                resource: resource.name().to_owned(),
                today: today.to_string(),
                recommended: then.to_string(),
            });
        }
    }
    all
}
