//! `plan.json`: every number with the lines of the manifests that it comes from.

use std::collections::BTreeMap;

use indexmap::IndexSet;
mod form;

use super::{PlanReport, nodes, outlook, sections, verdicts};
use crate::model::{self, Location};
use crate::plan::{AutoscalerRow, Counted, Level, WorkloadPlan, ZoneLost, total};
use crate::report::json::Kind;
use crate::report::json::simulation::{OverPhases, Phase};
use crate::study::growth;
use crate::study::statistics::{self, CONFIDENCE, Spread};
use crate::units::{Quantity, Replicas};
pub use form::Plan;
use form::*;

/// A quantity as a decimal number, exact to a thousandth: cores, bytes or units.
pub(super) fn plain_number(quantity: Quantity) -> String {
    crate::report::amounts::milli(quantity.milli_value())
}

fn number(quantity: Quantity) -> serde_json::Number {
    let milli = quantity.milli_value();
    let fraction = (milli % 1000 != 0).then(|| serde_json::Number::from_f64(milli as f64 / 1000.0));
    fraction.flatten().unwrap_or_else(|| (milli / 1000).into())
}

fn places<'a>(sources: impl IntoIterator<Item = &'a Location>) -> Vec<String> {
    sources.into_iter().map(ToString::to_string).collect()
}

fn amount(found: &model::Amount) -> Amount {
    Amount { quantity: found.quantity.to_string(), value: number(found.quantity), sources: places(&found.sources) }
}

fn amounts(all: &model::Amounts) -> Amounts {
    all.iter().map(|(name, found)| (name.to_owned(), amount(found))).collect()
}

impl Kind for Plan {
    const KIND: &'static str = "Plan";
}

impl Plan {
    /// Of all that the report says.
    pub fn new(report: &PlanReport<'_>) -> Self {
        let sources = pod_sources(report);
        Self {
            units: Units { cpu: "cores", memory: "bytes", storage: "bytes" },
            overrides: report.overrides.clone(),
            workloads: report.workloads.iter().map(workload).collect(),
            autoscalers: report.autoscalers.iter().map(autoscaler).collect(),
            totals: totals(report),
            storage: storage(report),
            quotas: report.quotas.iter().map(quota).collect(),
            disruption_budgets: report.budgets.iter().map(budget).collect(),
            nodes: report.pools.iter().map(|one| pool(report, one, &sources)).collect(),
            phases: report.phases.as_ref().map(|found| phases(report, found)),
            uncertainty: report.uncertainty.as_ref().map(|found| uncertainty(report, found)),
            growth: report.growth.as_ref().map(|(growth, months)| growth_of(report, growth.per_month, months)),
            claims: report.claims.iter().map(claim).collect(),
        }
    }
}

/// The lines that decide how many pods a workload has.
fn because(workload: &WorkloadPlan<'_>) -> Vec<Location> {
    let mut sources = workload.count(Level::Minimum).sources();
    for source in workload.count(Level::Maximum).sources() {
        if !sources.contains(&source) {
            sources.push(source);
        }
    }
    sources
}

fn workload(workload: &WorkloadPlan<'_>) -> Workload {
    let template = &workload.workload.template;
    let level = |level: Level| {
        let count = workload.count(level);
        let needs = Needs {
            pods: Count { value: count.pods.into(), sources: places(&count.sources()) },
            requests: amounts(&workload.requests_of(&count)),
            limits: amounts(&workload.limits_of(&count)),
        };
        (level.name(), needs)
    };
    Workload {
        kind: workload.workload.reference.kind.clone(),
        name: workload.workload.reference.name.clone(),
        namespace: workload.workload.namespace.clone(),
        source: workload.origin.locate("").to_string(),
        hpa: workload.hpa.map(|hpa| hpa.item.name.clone()),
        per_node: workload.is_per_node(),
        counted: !workload.is_uncounted(),
        qos_class: workload.qos.name(),
        per_pod: PerPod {
            requests: amounts(&workload.requests),
            limits: amounts(&workload.limits),
            unlimited: ["cpu", "memory"].into_iter().filter(|name| template.unlimited(name)).collect(),
        },
        levels: Level::ALL.into_iter().map(level).collect(),
    }
}

fn autoscaler(row: &AutoscalerRow) -> Autoscaler {
    let (counted, reason) = match &row.counted {
        Counted::Yes => (true, None),
        Counted::NothingToCount(reason) | Counted::No(reason) => (false, Some(reason.clone())),
    };
    Autoscaler {
        kind: row.reference.kind.clone(),
        name: row.reference.name.clone(),
        namespace: row.namespace.clone(),
        target: row.target.as_ref().map(ToString::to_string),
        min_pods: row.pods.map(|pods| pods.0.into()),
        max_pods: row.pods.map(|pods| pods.1.into()),
        counted,
        reason,
        source: row.location.to_string(),
    }
}

fn totals(report: &PlanReport<'_>) -> BTreeMap<String, Total> {
    let mut totals = BTreeMap::new();
    for level in Level::ALL {
        let total = total(report.workloads, level);
        let counts = report.workloads.iter().filter(|w| !w.is_per_node()).flat_map(|w| w.count(level).sources());
        let sources: std::collections::BTreeSet<Location> = counts.collect();
        let pods = TotalCount { value: Some(total.pods.into()), sources: places(&sources), loads: None };
        let value = Total { pods, requests: amounts(&total.requests), limits: amounts(&total.limits) };
        totals.insert(level.name().to_owned(), value);
    }
    let (mut of_requests, mut of_limits) = (model::Amounts::default(), model::Amounts::default());
    let mut of_pods: Vec<Location> = Vec::new();
    for workload in report.workloads.iter().filter(|w| !w.is_per_node()) {
        let sources = because(workload);
        of_requests.add(&workload.requests.clone().because_of(&sources));
        of_limits.add(&workload.limits.clone().because_of(&sources));
        of_pods.extend(sources);
    }
    let loads: Vec<String> = report.courses.iter().map(|(.., file)| file.clone()).collect();
    for (level, pods, requests, limits) in sections::under_load(report) {
        let sourced = |found: &model::Amounts, of: &model::Amounts| -> Amounts {
            let one = |(name, found): (&str, &model::Amount)| {
                let sources = of.amount(name).map_or_else(Vec::new, |amount| places(&amount.sources));
                let (quantity, value) = (found.quantity.to_string(), number(found.quantity));
                (name.to_owned(), Amount { quantity, value, sources })
            };
            found.iter().map(one).collect()
        };
        let value = pods.parse().ok().and_then(serde_json::Number::from_f64);
        let pods = TotalCount { value, sources: places(&of_pods), loads: Some(loads.clone()) };
        let (requests, limits) = (sourced(&requests, &of_requests), sourced(&limits, &of_limits));
        totals.insert(level.to_owned(), Total { pods, requests, limits });
    }
    totals
}

fn storage(report: &PlanReport<'_>) -> Storage {
    let volume = |row: &crate::plan::StorageRow| Volume {
        kind: row.kind.name(),
        namespace: row.namespace.clone(),
        name: row.name.clone(),
        storage_class: row.class.clone(),
        access_modes: row.modes.iter().map(|mode| mode.name()).collect(),
        size: row.size.as_ref().map(amount),
        counts: Level::ALL.iter().zip(row.counts).map(|(level, count)| (level.name(), count)).collect(),
        deleted_with_pods: row.deleted_with_pods,
        mounted_by: row.mounted_by.clone(),
        source: row.location.to_string(),
    };
    let remark = |(location, text): &(Location, String)| Remark { source: location.to_string(), message: text.clone() };
    let persistent = |level: Level| {
        let mut total = model::Amount::none();
        for row in report.storage.iter().filter(|row| row.kind.is_persistent()) {
            total.quantity = total.quantity + row.total(level);
            total.note(row.size.iter().flat_map(|size| &size.sources));
        }
        (level.name(), amount(&total))
    };
    Storage {
        volumes: report.storage.iter().map(volume).collect(),
        persistent: Level::ALL.into_iter().map(persistent).collect(),
        remarks: report.remarks.iter().map(remark).collect(),
    }
}

fn quota(finding: &crate::plan::QuotaFinding<'_>) -> Quota {
    let used = finding.used.map(|used| {
        let levels = Level::ALL.iter().zip(used);
        levels.map(|(level, used)| (level.name(), number(used))).collect()
    });
    let refused = |(workload, containers): &(String, Vec<String>)| Refused {
        workload: workload.clone(),
        containers: containers.clone(),
    };
    Quota {
        name: finding.quota.item.name.clone(),
        namespace: finding.quota.item.namespace.clone(),
        resource: finding.resource.clone(),
        hard: amount(&finding.hard),
        used,
        exceeded_at: finding.exceeded_at().map(Level::name),
        refuses: finding.refuses.iter().map(refused).collect(),
    }
}

fn budget(finding: &crate::plan::BudgetFinding<'_>) -> Budget {
    Budget {
        name: finding.budget.item.name.clone(),
        namespace: finding.budget.item.namespace.clone(),
        workloads: finding.workloads.clone(),
        pods: finding.pods,
        allowed_disruptions: finding.allowed,
        refused_for_several_budgets: finding.shared.clone(),
        source: finding.budget.origin.locate("spec").to_string(),
    }
}

/// What the numbers of nodes are computed from.
fn pod_sources(report: &PlanReport<'_>) -> Vec<String> {
    let of_requests =
        |w: &WorkloadPlan<'_>| w.requests.iter().flat_map(|(_, found)| found.sources.clone()).collect::<Vec<_>>();
    let all = report.workloads.iter().flat_map(|workload| of_requests(workload).into_iter().chain(because(workload)));
    places(&all.collect::<IndexSet<Location>>())
}

fn pool(report: &PlanReport<'_>, pool: &crate::plan::Pool<'_>, pod_sources: &[String]) -> Pool {
    let level = |row: nodes::NodeRow| {
        let packing = row.packing.as_ref();
        let unplaced = packing.iter().flat_map(|packing| &packing.unplaced).map(|unplaced| NotPlaced {
            workload: unplaced.label.clone(),
            pods: Some(unplaced.pods),
            reason: unplaced.reason.clone(),
        });
        let value = PoolLevel {
            nodes: row.nodes,
            is_packed: packing.map(|packing| packing.is_packed),
            lower_bound: packing.map(|packing| packing.lower_bound),
            binding: packing.map(|packing| packing.binding.name().to_owned()),
            with_one_node_lost: row.node_lost,
            with_one_zone_lost: row.zone_lost.and_then(ZoneLost::nodes),
            zone_loss_is_bearable: row.zone_lost.map(|lost| lost != ZoneLost::Never),
            cpu_share: packing.map(|packing| packing.cpu_share),
            memory_share: packing.map(|packing| packing.memory_share),
            cost_per_month: row.cost,
            unplaced: unplaced.collect(),
        };
        (row.level, value)
    };
    let absent = |(workload, reason): &(String, String)| NotPlaced {
        workload: workload.clone(),
        pods: None,
        reason: reason.clone(),
    };
    Pool {
        shape: pool.shape.name.clone(),
        source: pool.shape.location.as_ref().map_or_else(|| "built in".to_owned(), ToString::to_string),
        sources: pod_sources.to_vec(),
        capacity: amounts(&pool.shape.capacity),
        allocatable: amounts(&pool.shape.allocatable()),
        after_daemon_sets: amounts(&pool.allocatable),
        max_pods: pool.shape.max_pods,
        zones: pool.shape.zones,
        daemon_sets: pool.daemons.clone(),
        daemon_sets_that_do_not_run: pool.absent.iter().map(absent).collect(),
        levels: nodes::rows(report, pool).into_iter().map(level).collect(),
    }
}

fn phases(report: &PlanReport<'_>, found: &super::PhaseReport) -> Phases {
    let phases = &found.phases;
    let figures = outlook::figures(report, &phases.runs).into_iter().map(|figure| PhaseFigure {
        typical: figure.values[phases.typical],
        least: figure.values.iter().copied().fold(f64::INFINITY, f64::min),
        most: figure.values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        name: figure.name,
        unit: figure.unit,
    });
    let shown = report.courses.iter().enumerate().map(|(index, (workload, ..))| {
        let changes = phases.changes(index).into_iter().map(|(change, found)| Change {
            time_seconds: change.at.seconds(),
            from: change.from,
            to: change.to,
            over_phases: OverPhases::new(&found, phases.runs.len()),
        });
        let workload = report.workloads[*workload].label();
        Shown { workload, phase: Phase::new(phases.phase(index)), events: changes.collect() }
    });
    Phases {
        simulated: phases.runs.len(),
        possible: phases.samples.iter().map(|sample| sample.of).max(),
        seed: phases.samples.first().map(|sample| sample.seed),
        shown: shown.collect(),
        figures: figures.collect(),
    }
}

fn uncertainty(report: &PlanReport<'_>, found: &super::UncertaintyReport) -> Uncertainty {
    let figures = outlook::figures(report, &found.runs).into_iter().filter_map(|figure| {
        let spread = Spread::of(&figure.values)?;
        let [p50, p95, p99] = spread.quantiles.map(Estimate::from);
        Some(UncertainFigure {
            name: figure.name,
            unit: figure.unit,
            mean: spread.mean.into(),
            p50,
            p95,
            p99,
            runs_for_one_percent: spread.runs_for_one_percent,
        })
    });
    Uncertainty {
        runs: found.runs.len(),
        seed: found.seed,
        confidence: CONFIDENCE,
        load_level: found.uncertainty.level,
        load_noise: found.uncertainty.noise,
        startup: found.uncertainty.startup,
        sources: report.courses.iter().flat_map(|(index, ..)| places(&because(&report.workloads[*index]))).collect(),
        figures: figures.collect(),
    }
}

impl From<statistics::Estimate> for Estimate {
    fn from(statistics::Estimate { value, low, high }: statistics::Estimate) -> Self {
        Self { value, low, high }
    }
}

fn growth_of(report: &PlanReport<'_>, factor_per_month: f64, months: &[growth::Month]) -> Growth {
    let needs = |&(index, p95_pods, peak_pods): &(usize, Replicas, Replicas)| {
        let workload: &WorkloadPlan<'_> = &report.workloads[index];
        MonthNeeds { workload: workload.label(), p95_pods, peak_pods, sources: places(&because(workload)) }
    };
    let month = |month: &growth::Month| Month {
        month: month.month,
        factor: month.factor,
        needs: month.needs.iter().map(needs).collect(),
    };
    let bounds = outlook::gives_way(report, months).into_iter().map(|bound| Bound {
        bound: bound.bound,
        first_month: bound.month,
        detail: bound.detail,
    });
    Growth { factor_per_month, months: months.iter().map(month).collect(), bounds: bounds.collect() }
}

fn claim(finding: &crate::plan::claims::ClaimFinding<'_>) -> Claim {
    let figure = |figure: &crate::plan::claims::FigureFinding<'_>| ClaimedFigure {
        figure: verdicts::figure_name(&figure.claimed.figure),
        says: Claimed {
            quantity: figure.claimed.says.to_string(),
            value: number(figure.claimed.says),
            roughly: figure.claimed.roughly,
        },
        computed: figure.computed.iter().map(|(measure, found)| ((*measure).to_owned(), amount(found))).collect(),
        verdict: figure.verdict.name(),
        true_if: figure.true_if.iter().map(verdicts::remedy).collect(),
    };
    Claim {
        says: finding.claim.says.clone(),
        section: finding.claim.section.clone(),
        source: finding.claim.location.to_string(),
        verdict: finding.verdict.name(),
        expected: finding.claim.expected.name(),
        figures: finding.figures.iter().map(figure).collect(),
    }
}
