//! The parts of the report, in their order.

use super::{PlanReport, nodes, outlook, verdicts};
use crate::model::{Amounts, WorkloadController};
use crate::plan::{
    AutoscalerRow, Counted, Level, StorageKind, StorageRow, WorkloadPlan, resource_names, total, unlimited,
};
use crate::report::amounts::{amount, decimal};
use crate::report::document::{Column, Section, Table};
use crate::study::{Pattern, fleet};
use crate::units::{Quantity, Replicas};

/// All parts that have something to say.
pub fn sections(report: &PlanReport<'_>) -> Vec<Section> {
    let has_pods = !report.workloads.is_empty();
    let parts = [
        has_pods.then(|| pods(report)),
        autoscalers(report),
        has_pods.then(|| requirements(report)),
        storage(report),
        verdicts::quotas(report),
        verdicts::budgets(report),
        nodes::section(report),
        outlook::phases(report),
        outlook::events(report),
        outlook::uncertainty(report),
        outlook::growth(report),
        verdicts::claims(report),
    ];
    parts.into_iter().flatten().collect()
}

fn or_none(name: &str, quantity: Option<Quantity>) -> String {
    quantity.map_or_else(|| "-".to_owned(), |quantity| amount(name, quantity))
}

/// Other resources than CPU and memory in one cell.
fn others(amounts: &Amounts) -> Vec<String> {
    let rest = amounts.iter().filter(|(name, _)| *name != "cpu" && *name != "memory");
    rest.map(|(name, found)| format!("{name} {}", amount(name, found.quantity))).collect()
}

fn pods(report: &PlanReport<'_>) -> Section {
    let mut headers = vec![
        Column::text("WORKLOAD"),
        Column::text("QOS").folds(3),
        Column::number("CPU REQUEST"),
        Column::number("CPU LIMIT"),
        Column::number("MEMORY REQUEST"),
        Column::number("MEMORY LIMIT"),
        Column::text("PODS"),
        Column::text("LINE").folds(4),
    ];
    let has_others = resource_names(report.workloads).len() > 2;
    if has_others {
        headers.insert(6, Column::text("OTHERS").folds(2));
    }
    let row = |w: &WorkloadPlan<'_>| {
        let template = &w.workload.template;
        let limit = |name: &str| {
            let limit = if template.unlimited(name) { None } else { w.limits.get(name) };
            or_none(name, limit)
        };
        let mut row = vec![
            w.label(),
            w.qos.name().to_owned(),
            or_none("cpu", w.requests.get("cpu")),
            limit("cpu"),
            or_none("memory", w.requests.get("memory")),
            limit("memory"),
            replicas(w),
            w.origin.locate(&w.workload.pod_path).to_string(),
        ];
        if has_others {
            row.insert(6, others(&w.requests).join(", "));
        }
        row
    };
    let table = Table::new(headers, report.workloads.iter().map(row));
    Section::new("Pods: what each requests and may use", table, Vec::new())
}

/// Every autoscaler, and whether its pods are in the sums.
fn autoscalers(report: &PlanReport<'_>) -> Option<Section> {
    if report.autoscalers.is_empty() {
        return None;
    }
    let row = |row: &AutoscalerRow| {
        let number = |pick: fn((Replicas, Replicas)) -> Replicas| {
            row.pods.map_or_else(|| "-".to_owned(), |pods| pick(pods).to_string())
        };
        let counted = match &row.counted {
            Counted::Yes => "yes".to_owned(),
            Counted::NothingToCount(why) => format!("-: {why}"),
            Counted::No(why) => format!("NO: {why}"),
        };
        vec![
            format!("{}/{}", row.namespace, row.reference),
            row.target.as_ref().map_or_else(|| "?".to_owned(), ToString::to_string),
            number(|pods| pods.0),
            number(|pods| pods.1),
            counted,
            row.location.to_string(),
        ]
    };
    let missing = report.autoscalers.iter().filter(|row| matches!(row.counted, Counted::No(_))).count();
    let notes = match missing {
        0 => Vec::new(),
        1 => vec!["the pods of one autoscaler are in none of the sums below, or only as declared".to_owned()],
        more => vec![format!("the pods of {more} autoscalers are in none of the sums below, or only as declared")],
    };
    let headers = vec![
        Column::text("AUTOSCALER"),
        Column::text("TARGET").folds(1),
        Column::number("MINPODS"),
        Column::number("MAXPODS"),
        Column::text("COUNTED"),
        Column::text("LINE").folds(4),
    ];
    Some(Section::new("Autoscalers", Table::new(headers, report.autoscalers.iter().map(row)), notes))
}

/// How many pods there may be, and why.
fn replicas(workload: &WorkloadPlan<'_>) -> String {
    let of = |level: Level| workload.count(level).pods;
    if workload.is_uncounted() {
        return "NOT COUNTED: how many is not known".to_owned();
    }
    match workload.workload.controller {
        WorkloadController::DaemonSet => "one per node".to_owned(),
        WorkloadController::Job { parallelism: 0 } | WorkloadController::CronJob { parallelism: 0, .. } => {
            "0, suspended".to_owned()
        }
        WorkloadController::Job { parallelism } => format!("{parallelism} while it runs"),
        WorkloadController::CronJob { parallelism, overlapping } => {
            let each = if overlapping { "per run, runs may overlap" } else { "while it runs" };
            format!("{parallelism} {each}")
        }
        _ if workload.hpa.is_some() || workload.scaled_object.is_some() => {
            format!("{} to {}, declared {}", of(Level::Minimum), of(Level::Maximum), of(Level::Declared))
        }
        _ => of(Level::Declared).to_string(),
    }
}

fn requirements(report: &PlanReport<'_>) -> Section {
    let names = resource_names(report.workloads);
    let mut headers = vec![
        Column::text("WORKLOAD"),
        Column::text("LEVEL"),
        Column::number("PODS"),
        Column::number("CPU REQUESTS"),
        Column::number("CPU LIMITS").folds(1),
        Column::number("MEMORY REQUESTS"),
        Column::number("MEMORY LIMITS").folds(1),
    ];
    let has_others = names.len() > 2;
    if has_others {
        headers.push(Column::text("OTHER REQUESTS").folds(2));
    }
    let line = |who: String, level: &str, pods: String, requests: &Amounts, limits: &Amounts| {
        let mut row = vec![who, level.to_owned(), pods];
        for name in ["cpu", "memory"] {
            row.push(or_none(name, requests.get(name)));
            row.push(or_none(name, limits.get(name)));
        }
        if has_others {
            row.push(others(requests).join(", "));
        }
        row
    };
    let mut rows = Vec::new();
    for workload in report.workloads.iter().filter(|w| !w.is_per_node() && !w.is_uncounted()) {
        let mut last = None;
        for level in Level::ALL {
            let count = workload.count(level);
            if last.replace(count.pods) == Some(count.pods) {
                continue;
            }
            let (requests, limits) = (workload.requests_of(&count), workload.limits_of(&count));
            rows.push(line(workload.label(), level.name(), count.pods.to_string(), &requests, &limits));
        }
    }
    for level in Level::ALL {
        let total = total(report.workloads, level);
        rows.push(line("total".into(), level.name(), total.pods.to_string(), &total.requests, &total.limits));
        if level == Level::Declared {
            rows.extend(
                under_load(report)
                    .into_iter()
                    .map(|(level, pods, requests, limits)| line("total".into(), level, pods, &requests, &limits)),
            );
        }
    }
    Section::new("Requirements", Table::new(headers, rows), requirement_notes(report))
}

/// The levels under load: mean, p95, peak, each with pods, requests and limits.
pub(super) fn under_load(report: &PlanReport<'_>) -> Vec<(&'static str, String, Amounts, Amounts)> {
    let Some(fleet) = &report.fleet else { return Vec::new() };
    let workloads = report.workloads;
    let names = resource_names(workloads);
    let limits_of = |pattern: &Pattern, name: &str| {
        let parts = workloads.iter().zip(pattern).map(|(w, &pods)| w.limits.quantity(name).times(pods.into()));
        parts.fold(Quantity::ZERO, |sum, more| sum + more)
    };
    let any_request: &dyn Fn(&str) -> bool = &|name| workloads.iter().any(|w| w.requests.get(name).is_some());
    let any_limit: &dyn Fn(&str) -> bool = &|name| workloads.iter().any(|w| w.limits.get(name).is_some());
    let mut levels = Vec::new();
    let mut mean_limits = Amounts::default();
    for (pattern, span) in &fleet.time_at {
        for (workload, &pods) in workloads.iter().zip(pattern) {
            mean_limits.add(&workload.limits.times(i64::from(pods) * span.seconds()));
        }
    }
    let mean_limits = mean_limits.part(fleet.duration.seconds());
    levels.push(("mean of the load", decimal(fleet.mean_pods(), 2), fleet.mean(workloads), mean_limits));
    let pick = |share: Option<f64>| {
        let (mut requests, mut limits) = (Amounts::default(), Amounts::default());
        for name in &names {
            let request = |pattern: &Pattern| fleet::request(workloads, pattern, name);
            let limit = |pattern: &Pattern| limits_of(pattern, name);
            let (request, limit) = match share {
                Some(share) => (fleet.quantile(share, request), fleet.quantile(share, limit)),
                None => (fleet.peak(request), fleet.peak(limit)),
            };
            for (amounts, amount, any) in [(&mut requests, request, any_request), (&mut limits, limit, any_limit)] {
                if any(name) {
                    amounts.set(name, amount.unwrap_or(Quantity::ZERO), None);
                }
            }
        }
        let pods = |pattern: &Pattern| fleet::pods(pattern);
        let pods = match share {
            Some(share) => fleet.quantile(share, pods),
            None => fleet.peak(pods),
        };
        (pods.unwrap_or_default().to_string(), requests, limits)
    };
    for (name, share) in [("p95 of the load", Some(0.95)), ("peak of the load", None)] {
        let (pods, requests, limits) = pick(share);
        levels.push((name, pods, requests, limits));
    }
    levels
}

fn requirement_notes(report: &PlanReport<'_>) -> Vec<String> {
    let mut notes = Vec::new();
    let workloads = report.workloads;
    if workloads.iter().any(|w| w.workload.surge(w.count(Level::Maximum).pods) > 0) {
        notes.push(
            "maximum + surge: every Deployment rolls out at once while it is largest (maxSurge, rounded up)".to_owned(),
        );
    }
    for resource in ["cpu", "memory"] {
        let list = unlimited(workloads, resource);
        if !list.is_empty() {
            let list = list.join(", ");
            notes.push(format!("{resource} limits do not bound the use of {list}: a container has none"));
        }
    }
    let is_job = |w: &&WorkloadPlan<'_>| match w.workload.controller {
        WorkloadController::Job { parallelism } | WorkloadController::CronJob { parallelism, .. } => parallelism > 0,
        _ => false,
    };
    let jobs: Vec<String> = workloads.iter().filter(is_job).map(WorkloadPlan::label).collect();
    if !jobs.is_empty() {
        notes.push(format!("in the peak and the maximum only, one run of each: {}", jobs.join(", ")));
    }
    let daemons: Vec<String> = workloads.iter().filter(|w| w.is_per_node()).map(WorkloadPlan::label).collect();
    if !daemons.is_empty() {
        notes.push(format!("a pod on every node: {}; taken off the nodes, not added here", daemons.join(", ")));
    }
    for (index, _, file) in &report.courses {
        notes.push(format!("load of {}: {file}; workloads without a load stay as declared", workloads[*index].label()));
    }
    notes
}

fn storage(report: &PlanReport<'_>) -> Option<Section> {
    if report.storage.is_empty() && report.remarks.is_empty() {
        return None;
    }
    let headers = vec![
        Column::text("KIND"),
        Column::text("NAME"),
        Column::text("CLASS").folds(2),
        Column::text("ACCESS").folds(3),
        Column::number("SIZE"),
        Column::number("MINIMUM").folds(1),
        Column::number("MAXIMUM").folds(1),
        Column::number("TOTAL"),
        Column::text("MOUNTED BY").folds(1),
        Column::text("LINE").folds(4),
    ];
    let dash = |text: String| if text.is_empty() { "-".to_owned() } else { text };
    let row = |row: &StorageRow| {
        let modes: Vec<&str> = row.modes.iter().map(|mode| mode.short()).collect();
        vec![
            row.kind.name().to_owned(),
            row.name.clone(),
            match (&row.class, row.kind) {
                (Some(class), _) => class.clone(),
                (None, StorageKind::EmptyDir) => "(node)".to_owned(),
                (None, _) => "(default)".to_owned(),
            },
            dash(modes.join(",")),
            row.size.as_ref().map_or_else(|| "unlimited".to_owned(), |size| amount("storage", size.quantity)),
            row.counts[0].to_string(),
            row.counts[2].to_string(),
            row.size.as_ref().map_or_else(|| "-".to_owned(), |_| amount("storage", row.total(Level::Maximum))),
            dash(row.mounted_by.join(", ")),
            row.location.to_string(),
        ]
    };
    let mut notes = Vec::new();
    let of = |level: Level, rows: &[&StorageRow]| {
        rows.iter().map(|row| row.total(level)).fold(Quantity::ZERO, |sum, more| sum + more)
    };
    let persistent: Vec<&StorageRow> = report.storage.iter().filter(|row| row.kind.is_persistent()).collect();
    if !persistent.is_empty() {
        let (least, most) = (of(Level::Minimum, &persistent), of(Level::Maximum, &persistent));
        let range = if least == most {
            amount("storage", most)
        } else {
            format!("{} at the minimum, {} at the maximum", amount("storage", least), amount("storage", most))
        };
        notes.push(format!("persistent storage in all: {range}{}", by_class(&persistent)));
    }
    let stays = |row: &&&StorageRow| row.kind == StorageKind::Template && !row.deleted_with_pods;
    if persistent.iter().filter(stays).any(|row| row.counts[0] != row.counts[2]) {
        notes.push("claims of a StatefulSet stay when it is scaled down (Retain is the default)".to_owned());
    }
    let goes = |row: &&StorageRow| row.kind == StorageKind::Template && row.deleted_with_pods;
    for row in persistent.iter().copied().filter(goes) {
        notes.push(format!("the claims {} go with pods that are scaled away (whenScaled: Delete)", row.name));
    }
    notes.extend(report.remarks.iter().map(|(location, text)| format!("{location}: {text}")));
    Some(Section::new("Storage", Table::new(headers, report.storage.iter().map(row)), notes))
}

/// The maximum by class and access mode.
fn by_class(rows: &[&StorageRow]) -> String {
    let mut totals: std::collections::BTreeMap<String, Quantity> = std::collections::BTreeMap::new();
    for row in rows {
        let modes: Vec<&str> = row.modes.iter().map(|mode| mode.name()).collect();
        let key = format!("{} {}", row.class.as_deref().unwrap_or("default class"), modes.join("+"));
        let total = totals.entry(key).or_insert(Quantity::ZERO);
        *total = *total + row.total(Level::Maximum);
    }
    let parts: Vec<String> = totals.iter().map(|(key, total)| format!("{key} {}", amount("storage", *total))).collect();
    format!(" ({})", parts.join(", "))
}
