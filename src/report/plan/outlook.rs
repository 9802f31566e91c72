//! What is uncertain, and what the months to come bring.

use super::{PhaseReport, PlanReport, UncertaintyReport};
use crate::model::ResourceQuota;
use crate::plan::pod_use;
use crate::plan::{Pool, WorkloadPlan};
use crate::report::amounts::{amount, bytes, decimal};
use crate::report::document::{Column, Section, Table};
use crate::report::phases::{describe, recurrence};
use crate::study::fleet::Change;
use crate::study::growth::Month;
use crate::study::montecarlo::RunResult;
use crate::study::phases::Recurrence;
use crate::study::sample::Sample;
use crate::study::statistics::{Estimate, QUANTILES, Spread, runs_for_upper_end};
use crate::study::{Pattern, fleet};
use crate::units::{Replicas, Span};

/// A figure of the runs, in its unit.
pub(super) struct Figure {
    pub name: String,
    pub unit: &'static str,
    pub values: Vec<f64>,
}

/// The figures that differ from run to run.
pub(super) fn figures(report: &PlanReport<'_>, runs: &[RunResult]) -> Vec<Figure> {
    let workloads = report.workloads;
    let of = |name: &str, unit: &'static str, value: &dyn Fn(&RunResult) -> f64| Figure {
        name: name.to_owned(),
        unit,
        values: runs.iter().map(value).collect(),
    };
    let mut figures = vec![
        of("Peak pods", "pods", &|run| run.fleet.peak(fleet::pods).unwrap_or_default() as f64),
        of("Mean pods", "pods", &|run| run.fleet.mean_pods()),
        of("Peak CPU requests", "cores", &|run| {
            let peak = run.fleet.peak(|pattern| fleet::request(workloads, pattern, "cpu"));
            peak.map_or(0.0, |cpu| cpu.milli_value() as f64 / 1000.0)
        }),
        of("Peak CPU used", "cores", &|run| run.courses.iter().map(|c| c.peak_cpu_used.cores()).sum()),
        of("Peak memory requests", "bytes", &|run| {
            let peak = run.fleet.peak(|pattern| fleet::request(workloads, pattern, "memory"));
            peak.map_or(0.0, |memory| memory.value() as f64)
        }),
        of("Peak memory used", "bytes", &|run| run.courses.iter().map(|c| c.peak_memory_used.get() as f64).sum()),
    ];
    if let Some(pool) = report.main_pool() {
        let name = format!("Peak nodes ({})", pool.shape.name);
        let nodes = |pattern: &Pattern| report.nodes_of(pool, pattern);
        figures.push(of(&name, "nodes", &|run| run.fleet.peak(nodes).unwrap_or_default() as f64));
    }
    // What the load says nothing about is not a figure.
    figures.retain(|figure| !figure.name.ends_with(" used") || figure.values.iter().any(|value| *value > 0.0));
    // Minutes of several workloads do not add up to minutes: a figure for each that has some.
    let before = figures.len();
    for (index, (workload, ..)) in report.courses.iter().enumerate() {
        let workload = &workloads[*workload];
        let suffix = if report.courses.len() > 1 { format!(", {}", workload.label()) } else { String::new() };
        let minutes = |span: Span| span.seconds() as f64 / 60.0;
        if runs.iter().any(|run| run.courses[index].slow.is_some()) {
            let slow = |run: &RunResult| minutes(run.courses[index].slow.unwrap_or_default());
            figures.push(of(&format!("SLO broken{suffix}"), "minutes", &slow));
        }
        if !workload.workload.template.unlimited("cpu") {
            let waits = |run: &RunResult| minutes(run.courses[index].waiting);
            figures.push(of(&format!("Work waits for CPU{suffix}"), "minutes", &waits));
        }
    }
    if report.courses.len() > 1 {
        let minutes = figures.split_off(before);
        figures.extend(minutes.into_iter().filter(|figure| figure.values.iter().any(|value| *value > 0.0)));
    }
    figures
}

/// The figures of the simulation over its phases.
pub(super) fn phases(report: &PlanReport<'_>) -> Option<Section> {
    let PhaseReport { phases, too_long } = report.phases.as_ref()?;
    let several = phases.runs.len() > 1;
    let told = |figure: &Figure, index: usize| value(figure.unit, figure.values[index]);
    let rows = figures(report, &phases.runs).into_iter().map(|figure| {
        let unit = if figure.unit == "bytes" { String::new() } else { format!(" ({})", figure.unit) };
        let mut row = vec![format!("{}{unit}", figure.name), told(&figure, phases.typical)];
        let mut order: Vec<usize> = (0..figure.values.len()).collect();
        order.sort_by(|a, b| figure.values[*a].total_cmp(&figure.values[*b]));
        if let (true, [least, .., most]) = (several, order.as_slice()) {
            row.extend([told(&figure, *least), told(&figure, *most)]);
        }
        row
    });
    let mut shown: Vec<(String, String)> = Vec::new();
    for (index, (workload, ..)) in report.courses.iter().enumerate() {
        let (label, phase) = (report.workloads[*workload].label(), describe(phases.phase(index)));
        match shown.iter_mut().find(|(_, other)| *other == phase) {
            Some((labels, _)) => *labels += &format!(", {label}"),
            None => shown.push((label, phase)),
        }
    }
    let shown = match shown.as_slice() {
        [(_, phase)] => phase.clone(),
        several => several.iter().map(|(labels, phase)| format!("{labels}: {phase}")).collect::<Vec<_>>().join("; "),
    };
    let what =
        "when an HPA syncs after the load begins, when metrics-server scrapes and the kubelets sample is not known";
    let over = match (several, too_long) {
        (true, _) => {
            let mut samples: Vec<String> = phases.samples.iter().map(Sample::describe).collect();
            samples.dedup();
            format!("least and most of {}; \"typical\" is the run that this report is about", samples.join(", or "))
        }
        (false, true) => {
            "one phase is simulated, for more it takes too long; --phases N gives ranges all the same".into()
        }
        (false, false) => "one phase is simulated".into(),
    };
    let mut headers = vec![Column::text("FIGURE"), Column::number("TYPICAL")];
    headers.extend(["LEAST", "MOST"].into_iter().filter(|_| several).map(Column::number));
    let notes = vec![format!("{what}: {over}"), format!("shown: {shown}")];
    Some(Section::new("Under the load, in other phases", Table::new(headers, rows), notes))
}

/// More events than this are counted, not told.
const MOST_EVENTS: usize = 40;

/// When the HPAs scale, in the run that is shown and in other phases.
pub(super) fn events(report: &PlanReport<'_>) -> Option<Section> {
    let phases = &report.phases.as_ref()?.phases;
    let all = phases.runs.len();
    let mut events: Vec<(Change, Recurrence, String)> = Vec::new();
    for (index, (workload, ..)) in report.courses.iter().enumerate() {
        let label = report.workloads[*workload].label();
        events.extend(phases.changes(index).into_iter().map(|(change, found)| (change, found, label.clone())));
    }
    events.sort_by_key(|(change, ..)| change.at);
    let row = |(change, found, label): &(Change, Recurrence, String)| {
        let mut row = vec![change.at.to_string(), label.clone(), format!("{} -> {}", change.from, change.to)];
        row.extend((all > 1).then(|| recurrence(*found, all)));
        row
    };
    let mut headers = vec![Column::text("TIME"), Column::text("WORKLOAD"), Column::text("REPLICAS")];
    headers.extend((all > 1).then(|| Column::text("OVER THE PHASES")));
    let mut notes = Vec::new();
    if events.len() > MOST_EVENTS {
        notes.push(format!("{} more: in plan.json, and in `hpasim simulate`", events.len() - MOST_EVENTS));
    }
    let rows = events.iter().take(MOST_EVENTS).map(row);
    let title = format!("Scaling events under the load: {}", events.len());
    (!events.is_empty()).then(|| Section::new(title, Table::new(headers, rows), notes))
}

/// Whether response times are known and something is promised of them.
fn keeps_a_promise(uncertainty: &UncertaintyReport) -> bool {
    uncertainty.runs.iter().flat_map(|run| &run.courses).any(|course| course.slow.is_some())
}

/// Without a CPU limit the pods do all that is asked of them, as far as the simulation knows.
fn never_waits(report: &PlanReport<'_>) -> bool {
    report.courses.iter().all(|(index, ..)| report.workloads[*index].workload.template.unlimited("cpu"))
}

fn value(unit: &str, value: f64) -> String {
    match unit {
        "bytes" => bytes(value),
        _ => decimal(value, 2),
    }
}

fn estimate(unit: &str, estimate: &Estimate) -> String {
    let end = |end: Option<f64>| end.map_or_else(|| "?".to_owned(), |end| value(unit, end));
    match (estimate.low, estimate.high) {
        (Some(low), Some(high)) if low == high => value(unit, estimate.value),
        (low, high) => format!("{} [{}, {}]", value(unit, estimate.value), end(low), end(high)),
    }
}

pub(super) fn uncertainty(report: &PlanReport<'_>) -> Option<Section> {
    let uncertainty = report.uncertainty.as_ref()?;
    let mut rows = Vec::new();
    for figure in figures(report, &uncertainty.runs) {
        let Some(spread) = Spread::of(&figure.values) else { continue };
        let unit = if figure.unit == "bytes" { String::new() } else { format!(" ({})", figure.unit) };
        let mut row = vec![format!("{}{unit}", figure.name), estimate(figure.unit, &spread.mean)];
        row.extend(spread.quantiles.iter().map(|quantile| estimate(figure.unit, quantile)));
        row.push(spread.runs_for_one_percent.map_or_else(|| "-".to_owned(), |runs| runs.to_string()));
        rows.push(row);
    }
    let count = uncertainty.runs.len() as u64;
    let u = &uncertainty.uncertainty;
    let percent = |part: f64| format!("{}%", decimal(part * 100.0, 1));
    let mut notes = vec![
        format!(
            "{count} runs, seed {}: load level {}, load noise {}, start-up time {} (standard deviations of the \
             logarithm), and syncs, scrapes and the load anywhere against each other; several workloads share the level",
            uncertainty.seed,
            percent(u.level),
            percent(u.noise),
            percent(u.startup)
        ),
        "in brackets the 95% confidence interval: of the mean by Student's t, of a quantile between order statistics \
         by the binomial distribution; +/-1%: the runs that put the mean's interval within one percent; four times \
         the runs halve an interval"
            .to_owned(),
        if keeps_a_promise(uncertainty) {
            "SLO broken: minutes in which more requests are slow than --slo promises"
        } else if never_waits(report) {
            "SLO minutes are not known: without a CPU limit, work never waits in the simulation"
        } else {
            "work waits for CPU: the SLO's minutes as far as they are known without --slo, time in which demand is above \
             the limits of the pods that serve"
        }
        .to_owned(),
    ];
    for share in QUANTILES {
        let needed = runs_for_upper_end(share);
        if count < needed {
            let name = decimal(share * 100.0, 1);
            notes.push(format!("p{name} has an upper end of its interval (?) from {needed} runs on"));
        }
    }
    let headers = vec![
        Column::text("FIGURE"),
        Column::number("MEAN"),
        Column::number("P50"),
        Column::number("P95"),
        Column::number("P99"),
        Column::number("RUNS FOR +/-1%").folds(1),
    ];
    Some(Section::new("Uncertainty", Table::new(headers, rows), notes))
}

/// The first month in which a bound no longer suffices.
pub(super) struct GivesWay {
    pub bound: String,
    /// None if it holds to the horizon.
    pub month: Option<u32>,
    /// What the bound is and what is needed then.
    pub detail: String,
}

pub(super) fn gives_way(report: &PlanReport<'_>, months: &[Month]) -> Vec<GivesWay> {
    let mut all = Vec::new();
    for (index, _, _) in &report.courses {
        let workload = &report.workloads[*index];
        let Some(hpa) = workload.hpa else { continue };
        let need = |month: &Month| month.needs.iter().find(|(i, ..)| i == index).map_or(0, |(.., most)| *most);
        let max = hpa.item.max_replicas;
        let bound = format!("maxReplicas {max} of {} ({})", hpa.item.name, hpa.origin.locate("spec.maxReplicas"));
        let first = months.iter().find(|month| need(month) > max);
        all.push(first_month(bound, first, &|month| format!("{} pods are needed", need(month))));
    }
    for finding in report.quotas.iter().filter(|finding| finding.used.is_some()) {
        let quota: &ResourceQuota = &finding.quota.item;
        let inside: Vec<usize> = (0..report.workloads.len())
            .filter(|&i| report.workloads[i].workload.namespace == quota.namespace)
            .collect();
        let workloads: Vec<WorkloadPlan<'_>> = inside.iter().map(|&i| report.workloads[i].clone()).collect();
        let most = |month: &Month| {
            let pods = |pattern: Pattern| inside.iter().map(|&i| pattern[i]).collect::<Vec<Replicas>>();
            month.patterns().filter_map(|pattern| pod_use(&workloads, &pods(pattern), &finding.resource)).max()
        };
        let bound = format!("quota {}, {} {}", quota.name, finding.resource, finding.hard.quantity);
        let first = months.iter().find(|month| most(month).is_some_and(|used| used > finding.hard.quantity));
        all.push(first_month(bound, first, &|month| {
            most(month).map_or_else(String::new, |used| format!("{used} is needed"))
        }));
    }
    for pool in &report.pools {
        let Some(limit) = pool.shape.max_nodes else { continue };
        let bound = format!("maxNodes {limit} of {}", pool.shape.name);
        let first = months.iter().find(|month| peak_nodes(report, pool, month) > limit);
        all.push(first_month(bound, first, &|month| format!("{} are needed", peak_nodes(report, pool, month))));
    }
    all
}

fn first_month(bound: String, first: Option<&Month>, detail: &dyn Fn(&Month) -> String) -> GivesWay {
    GivesWay { bound, month: first.map(|month| month.month), detail: first.map_or_else(String::new, detail) }
}

fn peak_nodes(report: &PlanReport<'_>, pool: &Pool<'_>, month: &Month) -> i64 {
    month.patterns().map(|pattern| report.nodes_of(pool, &pattern)).max().unwrap_or_default()
}

pub(super) fn growth(report: &PlanReport<'_>) -> Option<Section> {
    let (growth, months) = report.growth.as_ref()?;
    let mut headers = vec![
        Column::number("MONTH"),
        Column::text("LOAD"),
        Column::text("P95 PODS"),
        Column::text("PEAK PODS"),
        Column::number("CPU REQUESTS"),
        Column::number("MEMORY REQUESTS"),
    ];
    if report.main_pool().is_some() {
        headers.push(Column::number("NODES"));
    }
    let row = |month: &Month| {
        let peak = |name: &str| month.fleet.peak(|pattern| fleet::request(report.workloads, pattern, name));
        let list = |of: &dyn Fn(&(usize, Replicas, Replicas)) -> Replicas| {
            month.needs.iter().map(|need| of(need).to_string()).collect::<Vec<_>>().join(" + ")
        };
        let mut row = vec![
            month.month.to_string(),
            format!("x {}", decimal(month.factor, 3)),
            list(&|need| need.1),
            list(&|need| need.2),
            peak("cpu").map_or_else(|| "-".into(), |cpu| amount("cpu", cpu)),
            peak("memory").map_or_else(|| "-".into(), |memory| amount("memory", memory)),
        ];
        row.extend(report.main_pool().map(|pool| peak_nodes(report, pool, month).to_string()));
        row
    };
    let per_year = (growth.per_month.powi(12) - 1.0) * 100.0;
    let mut notes = vec![format!(
        "the load grows by {}% a month ({}% a year); pods that its peak needs with maxReplicas lifted, requests and \
         nodes of all workloads together; one simulation a month, nothing uncertain in it: what a single sync \
         happens to see moves a peak by a pod or two",
        decimal((growth.per_month - 1.0) * 100.0, 2),
        decimal(per_year, 1)
    )];
    for bound in gives_way(report, months) {
        notes.push(match bound.month {
            Some(0) => format!("{} does not suffice today: {}", bound.bound, bound.detail),
            Some(month) => format!("{} no longer suffices in month {month}: {}", bound.bound, bound.detail),
            None => format!("{} suffices for {} months", bound.bound, months.len() - 1),
        });
    }
    if let Some(pool) = report.main_pool() {
        notes.push(format!("nodes are those of {}", pool.shape.name));
    }
    Some(Section::new("Growth", Table::new(headers, months.iter().map(row)), notes))
}
