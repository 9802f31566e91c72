//! `plan.json`: every number with the lines of the manifests that it comes from.

use indexmap::IndexSet;
use serde_json::{Map, Value, json};

use super::{PlanReport, nodes, outlook, sections, verdicts};
use crate::model::{Amount, Amounts, Location};
use crate::plan::{AutoscalerRow, Counted, Level, WorkloadPlan, ZoneLost, total};
use crate::study::statistics::{CONFIDENCE, Estimate, Spread};
use crate::units::Quantity;

/// A quantity as a decimal number, exact to a thousandth: cores, bytes or units.
pub(super) fn plain_number(quantity: Quantity) -> String {
    crate::report::amounts::milli(quantity.milli_value())
}

fn number(quantity: Quantity) -> Value {
    let milli = quantity.milli_value();
    if milli % 1000 == 0 { json!(milli / 1000) } else { json!(milli as f64 / 1000.0) }
}

fn places<'a>(sources: impl IntoIterator<Item = &'a Location>) -> Vec<String> {
    sources.into_iter().map(ToString::to_string).collect()
}

fn amount(found: &Amount) -> Value {
    json!({
        "quantity": found.quantity.to_string(),
        "value": number(found.quantity),
        "sources": places(&found.sources),
    })
}

fn amounts(all: &Amounts) -> Value {
    Value::Object(all.iter().map(|(name, found)| (name.to_owned(), amount(found))).collect())
}

/// The whole plan; cpu in cores, memory and storage in bytes.
pub fn json(report: &PlanReport<'_>) -> Value {
    let mut plan = Map::new();
    plan.insert("units".into(), json!({ "cpu": "cores", "memory": "bytes", "storage": "bytes" }));
    plan.insert("workloads".into(), report.workloads.iter().map(workload).collect());
    plan.insert("autoscalers".into(), report.autoscalers.iter().map(autoscaler).collect());
    plan.insert("totals".into(), totals(report));
    plan.insert("storage".into(), storage(report));
    plan.insert("quotas".into(), quotas(report));
    plan.insert("disruptionBudgets".into(), budgets(report));
    plan.insert("nodes".into(), nodes_json(report));
    if let Some(phases) = &report.phases {
        plan.insert("phases".into(), phases_json(report, phases));
    }
    if let Some(uncertainty) = &report.uncertainty {
        plan.insert("uncertainty".into(), uncertainty_json(report, uncertainty));
    }
    if let Some((growth, months)) = &report.growth {
        let bounds: Vec<Value> = outlook::gives_way(report, months)
            .into_iter()
            .map(|bound| json!({ "bound": bound.bound, "firstMonth": bound.month, "detail": bound.detail }))
            .collect();
        let needs = |month: &crate::study::growth::Month| -> Vec<Value> {
            let one = |&(index, p95, peak): &(usize, i32, i32)| {
                let workload: &WorkloadPlan<'_> = &report.workloads[index];
                let sources = places(&because(workload));
                json!({ "workload": workload.label(), "p95Pods": p95, "peakPods": peak, "sources": sources })
            };
            month.needs.iter().map(one).collect()
        };
        let months: Vec<Value> = months
            .iter()
            .map(|month| json!({ "month": month.month, "factor": month.factor, "needs": needs(month) }))
            .collect();
        plan.insert("growth".into(), json!({ "factorPerMonth": growth.per_month, "months": months, "bounds": bounds }));
    }
    if !report.claims.is_empty() {
        plan.insert("claims".into(), claims(report));
    }
    Value::Object(plan)
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

fn workload(workload: &WorkloadPlan<'_>) -> Value {
    let template = &workload.workload.template;
    let levels: Map<String, Value> = Level::ALL
        .into_iter()
        .map(|level| {
            let count = workload.count(level);
            let value = json!({
                "pods": { "value": count.pods, "sources": places(&count.sources()) },
                "requests": amounts(&workload.requests_of(&count)),
                "limits": amounts(&workload.limits_of(&count)),
            });
            (level.name().to_owned(), value)
        })
        .collect();
    let unlimited: Vec<&str> = ["cpu", "memory"].into_iter().filter(|name| template.unlimited(name)).collect();
    json!({
        "kind": workload.workload.reference.kind,
        "name": workload.workload.reference.name,
        "namespace": workload.workload.namespace,
        "source": workload.origin.locate("").to_string(),
        "hpa": workload.hpa.map(|hpa| hpa.item.name.clone()),
        "perNode": workload.is_per_node(),
        "counted": !workload.is_uncounted(),
        "qosClass": workload.qos.name(),
        "perPod": {
            "requests": amounts(&workload.requests),
            "limits": amounts(&workload.limits),
            "unlimited": unlimited,
        },
        "levels": levels,
    })
}

fn autoscaler(row: &AutoscalerRow) -> Value {
    let (counted, reason) = match &row.counted {
        Counted::Yes => (true, None),
        Counted::NothingToCount(reason) | Counted::No(reason) => (false, Some(reason)),
    };
    json!({
        "kind": row.reference.kind,
        "name": row.reference.name,
        "namespace": row.namespace,
        "target": row.target.as_ref().map(ToString::to_string),
        "minPods": row.pods.map(|pods| pods.0),
        "maxPods": row.pods.map(|pods| pods.1),
        "counted": counted,
        "reason": reason,
        "source": row.location.to_string(),
    })
}

fn totals(report: &PlanReport<'_>) -> Value {
    let mut totals = Map::new();
    for level in Level::ALL {
        let total = total(report.workloads, level);
        let counts = report.workloads.iter().filter(|w| !w.is_per_node()).flat_map(|w| w.count(level).sources());
        let sources: std::collections::BTreeSet<Location> = counts.collect();
        let sources: Vec<String> = sources.iter().map(ToString::to_string).collect();
        let pods = json!({ "value": total.pods, "sources": sources });
        let value = json!({ "pods": pods, "requests": amounts(&total.requests), "limits": amounts(&total.limits) });
        totals.insert(level.name().to_owned(), value);
    }
    let (mut of_requests, mut of_limits) = (Amounts::default(), Amounts::default());
    let mut of_pods: Vec<Location> = Vec::new();
    for workload in report.workloads.iter().filter(|w| !w.is_per_node()) {
        let sources = because(workload);
        of_requests.add(&workload.requests.clone().because_of(&sources));
        of_limits.add(&workload.limits.clone().because_of(&sources));
        of_pods.extend(sources);
    }
    let loads: Vec<&str> = report.courses.iter().map(|(.., file)| file.as_str()).collect();
    for (level, pods, requests, limits) in sections::under_load(report) {
        let sourced = |found: &Amounts, of: &Amounts| -> Value {
            let one = |(name, found): (&str, &Amount)| {
                let sources = of.amount(name).map_or_else(Vec::new, |amount| places(&amount.sources));
                let value = json!({
                    "quantity": found.quantity.to_string(), "value": number(found.quantity), "sources": sources,
                });
                (name.to_owned(), value)
            };
            Value::Object(found.iter().map(one).collect())
        };
        let pods = json!({ "value": pods.parse::<f64>().ok(), "sources": places(&of_pods), "loads": loads });
        let (requests, limits) = (sourced(&requests, &of_requests), sourced(&limits, &of_limits));
        totals.insert(level.to_owned(), json!({ "pods": pods, "requests": requests, "limits": limits }));
    }
    Value::Object(totals)
}

fn storage(report: &PlanReport<'_>) -> Value {
    let rows: Vec<Value> = report
        .storage
        .iter()
        .map(|row| {
            let counts: Map<String, Value> = Level::ALL
                .iter()
                .zip(row.counts)
                .map(|(level, count)| (level.name().to_owned(), json!(count)))
                .collect();
            json!({
                "kind": row.kind.name(),
                "namespace": row.namespace,
                "name": row.name,
                "storageClass": row.class,
                "accessModes": row.modes.iter().map(|mode| mode.name()).collect::<Vec<_>>(),
                "size": row.size.as_ref().map(amount),
                "counts": counts,
                "deletedWithPods": row.deleted_with_pods,
                "mountedBy": row.mounted_by,
                "source": row.location.to_string(),
            })
        })
        .collect();
    let remarks: Vec<Value> = report
        .remarks
        .iter()
        .map(|(location, text)| json!({ "source": location.to_string(), "message": text }))
        .collect();
    let totals: Map<String, Value> = Level::ALL
        .into_iter()
        .map(|level| {
            let mut total = Amount::none();
            for row in report.storage.iter().filter(|row| row.kind.is_persistent()) {
                total.quantity = total.quantity + row.total(level);
                total.note(row.size.iter().flat_map(|size| &size.sources));
            }
            (level.name().to_owned(), amount(&total))
        })
        .collect();
    json!({ "volumes": rows, "persistent": totals, "remarks": remarks })
}

fn quotas(report: &PlanReport<'_>) -> Value {
    let one = |finding: &crate::plan::QuotaFinding<'_>| {
        let used: Option<Map<String, Value>> = finding.used.map(|used| {
            Level::ALL.iter().zip(used).map(|(level, used)| (level.name().to_owned(), number(used))).collect()
        });
        json!({
            "name": finding.quota.item.name,
            "namespace": finding.quota.item.namespace,
            "resource": finding.resource,
            "hard": amount(&finding.hard),
            "used": used,
            "exceededAt": finding.exceeded_at().map(Level::name),
            "refuses": finding.refuses.iter().map(|(workload, containers)| json!({
                "workload": workload, "containers": containers,
            })).collect::<Vec<_>>(),
        })
    };
    report.quotas.iter().map(one).collect()
}

fn budgets(report: &PlanReport<'_>) -> Value {
    let one = |finding: &crate::plan::BudgetFinding<'_>| {
        json!({
            "name": finding.budget.item.name,
            "namespace": finding.budget.item.namespace,
            "workloads": finding.workloads,
            "pods": finding.pods,
            "allowedDisruptions": finding.allowed,
            "refusedForSeveralBudgets": finding.shared,
            "source": finding.budget.origin.locate("spec").to_string(),
        })
    };
    report.budgets.iter().map(one).collect()
}

/// What the numbers of nodes are computed from.
fn pod_sources(report: &PlanReport<'_>) -> Vec<String> {
    let of_requests =
        |w: &WorkloadPlan<'_>| w.requests.iter().flat_map(|(_, found)| found.sources.clone()).collect::<Vec<_>>();
    let all = report.workloads.iter().flat_map(|workload| of_requests(workload).into_iter().chain(because(workload)));
    places(&all.collect::<IndexSet<Location>>())
}

fn nodes_json(report: &PlanReport<'_>) -> Value {
    let sources = pod_sources(report);
    report.pools.iter().map(|pool| pool_json(report, pool, &sources)).collect()
}

fn pool_json(report: &PlanReport<'_>, pool: &crate::plan::Pool<'_>, pod_sources: &[String]) -> Value {
    let levels: Map<String, Value> = nodes::rows(report, pool)
        .into_iter()
        .map(|row| {
            let packing = row.packing.as_ref();
            let unplaced: Vec<Value> = packing
                .iter()
                .flat_map(|packing| &packing.unplaced)
                .map(|u| json!({ "workload": u.label, "pods": u.pods, "reason": u.reason }))
                .collect();
            let value = json!({
                "nodes": row.nodes,
                "isPacked": packing.map(|packing| packing.is_packed),
                "lowerBound": packing.map(|packing| packing.lower_bound),
                "binding": packing.map(|packing| packing.binding.name().to_owned()),
                "withOneNodeLost": row.node_lost,
                "withOneZoneLost": row.zone_lost.and_then(ZoneLost::nodes),
                "zoneLossIsBearable": row.zone_lost.map(|lost| lost != ZoneLost::Never),
                "cpuShare": packing.map(|packing| packing.cpu_share),
                "memoryShare": packing.map(|packing| packing.memory_share),
                "costPerMonth": row.cost,
                "unplaced": unplaced,
            });
            (row.level.to_owned(), value)
        })
        .collect();
    let absent: Vec<Value> = pool.absent.iter().map(|(name, why)| json!({ "workload": name, "reason": why })).collect();
    json!({
        "shape": pool.shape.name,
        "source": pool.shape.location.as_ref().map_or_else(|| "built in".to_owned(), ToString::to_string),
        "sources": pod_sources,
        "capacity": amounts(&pool.shape.capacity),
        "allocatable": amounts(&pool.shape.allocatable()),
        "afterDaemonSets": amounts(&pool.allocatable),
        "maxPods": pool.shape.max_pods,
        "zones": pool.shape.zones,
        "daemonSets": pool.daemons,
        "daemonSetsThatDoNotRun": absent,
        "levels": levels,
    })
}

fn phases_json(report: &PlanReport<'_>, found: &super::PhaseReport) -> Value {
    let phases = &found.phases;
    let figures = outlook::figures(report, &phases.runs).into_iter().map(|figure| {
        let least = figure.values.iter().copied().fold(f64::INFINITY, f64::min);
        let most = figure.values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let typical = figure.values[phases.typical];
        json!({ "name": figure.name, "unit": figure.unit, "typical": typical, "least": least, "most": most })
    });
    let shown = report.courses.iter().enumerate().map(|(index, (workload, ..))| {
        let changes = phases.changes(index).into_iter().map(|(change, found)| {
            json!({
                "timeSeconds": change.at.seconds(), "from": change.from, "to": change.to,
                "overPhases": {
                    "earliestSeconds": found.times.low.seconds(), "latestSeconds": found.times.high.seconds(),
                    "phases": found.runs, "of": phases.runs.len(),
                },
            })
        });
        json!({
            "workload": report.workloads[*workload].label(),
            "phase": crate::report::phases::shown(phases.phase(index)),
            "events": changes.collect::<Vec<_>>(),
        })
    });
    json!({
        "simulated": phases.runs.len(),
        "possible": phases.samples.iter().map(|sample| sample.of).max(),
        "seed": phases.samples.first().map(|sample| sample.seed),
        "shown": shown.collect::<Vec<_>>(),
        "figures": figures.collect::<Vec<_>>(),
    })
}

fn uncertainty_json(report: &PlanReport<'_>, uncertainty: &super::UncertaintyReport) -> Value {
    let estimate = |estimate: &Estimate| json!({ "value": estimate.value, "low": estimate.low, "high": estimate.high });
    let figures: Vec<Value> = outlook::figures(report, &uncertainty.runs)
        .iter()
        .filter_map(|figure| {
            let spread = Spread::of(&figure.values)?;
            let [p50, p95, p99] = &spread.quantiles;
            Some(json!({
                "name": figure.name,
                "unit": figure.unit,
                "mean": estimate(&spread.mean),
                "p50": estimate(p50),
                "p95": estimate(p95),
                "p99": estimate(p99),
                "runsForOnePercent": spread.runs_for_one_percent,
            }))
        })
        .collect();
    let sources: Vec<String> =
        report.courses.iter().flat_map(|(index, ..)| places(&because(&report.workloads[*index]))).collect();
    json!({
        "runs": uncertainty.runs.len(),
        "seed": uncertainty.seed,
        "confidence": CONFIDENCE,
        "loadLevel": uncertainty.uncertainty.level,
        "loadNoise": uncertainty.uncertainty.noise,
        "startup": uncertainty.uncertainty.startup,
        "sources": sources,
        "figures": figures,
    })
}

fn claims(report: &PlanReport<'_>) -> Value {
    let one = |finding: &crate::plan::claims::ClaimFinding<'_>| {
        let figures: Vec<Value> = finding
            .figures
            .iter()
            .map(|figure| {
                let computed: Map<String, Value> =
                    figure.computed.iter().map(|(measure, found)| ((*measure).to_owned(), amount(found))).collect();
                json!({
                    "figure": verdicts::figure_name(&figure.claimed.figure),
                    "says": { "quantity": figure.claimed.says.to_string(), "value": number(figure.claimed.says),
                              "roughly": figure.claimed.roughly },
                    "computed": computed,
                    "verdict": figure.verdict.name(),
                    "trueIf": figure.true_if.iter().map(verdicts::remedy).collect::<Vec<_>>(),
                })
            })
            .collect();
        json!({
            "says": finding.claim.says,
            "section": finding.claim.section,
            "source": finding.claim.location.to_string(),
            "verdict": finding.verdict.name(),
            "expected": finding.claim.expected.name(),
            "figures": figures,
        })
    };
    report.claims.iter().map(one).collect()
}
