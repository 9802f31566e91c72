//! `capacity.png`: what everything requests, stacked, against what the nodes have; replicas with their uncertainty.

use super::{Area, Axis, GREY, Ink, LineStyle, Panel, PlotError, cost, draw_picture, line};
use crate::plan::Pool;
use crate::plan::{Level, WorkloadPlan};
use crate::report::document::Chart;
use crate::report::plan::PlanReport;
use crate::study::Pattern;
use crate::units::{Quantity, SimTime};

/// The colours of areas, in their order; the last is for all the rest.
const AREA_COLORS: [usize; 5] = [0, 1, 2, 4, GREY];
/// The instants at which the uncertainty of replicas is looked at.
const BAND_POINTS: i64 = 400;
/// A name in the legend is no longer than this.
const LABEL_LENGTH: usize = 24;

/// Draws the picture; the bytes of the file.
pub fn capacity_picture(report: &PlanReport<'_>, ink: Ink) -> Result<Vec<u8>, PlotError> {
    let heading = match report.main_pool() {
        Some(pool) => format!("Requests against the allocatable of {} nodes", pool.shape.name),
        None => "Requests".to_owned(),
    };
    draw_picture(&heading, &panels(report), &axis(report), &[], ink)
}

/// The same for forms that draw themselves.
pub fn capacity_chart(report: &PlanReport<'_>) -> Chart {
    Chart { panels: panels(report), axis: axis(report), marks: Vec::new() }
}

fn axis(report: &PlanReport<'_>) -> Axis {
    match &report.fleet {
        Some(fleet) => Axis::Time(fleet.duration, report.clock),
        None => Axis::Steps(Level::ALL.map(|level| level.name().to_owned()).to_vec()),
    }
}

/// What the picture shows.
fn panels(report: &PlanReport<'_>) -> Vec<Panel> {
    let steps = steps(report);
    let gib = |bytes: Quantity| bytes.value() as f64 / 1_073_741_824.0;
    let cores = |cpu: Quantity| cpu.milli_value() as f64 / 1000.0;
    vec![
        requests_panel(report, &steps, "cpu", "CPU requests (cores)", &cores),
        requests_panel(report, &steps, "memory", "Memory requests (GiB)", &gib),
        replicas_panel(report, &steps),
    ]
    .into_iter()
    .chain(cost_panel(report, &steps))
    .collect()
}

/// What the nodes that are needed at each step cost, where that is known.
fn cost_panel(report: &PlanReport<'_>, steps: &[(i64, Pattern)]) -> Option<Panel> {
    let pool = report.main_pool()?;
    let price = pool.shape.price_per_month?;
    let nodes: Vec<(i64, f64)> =
        steps.iter().map(|(at, pattern)| (*at, report.nodes_of(pool, pattern) as f64)).collect();
    let end = axis(report).end();
    let until = |index: usize| nodes.get(index + 1).map_or(end, |(next, _)| *next);
    let all: f64 = nodes.iter().enumerate().map(|(index, (at, nodes))| nodes * (until(index) - at) as f64).sum();
    // Steps do not last.
    let mean = report.fleet.is_some().then(|| (price * all / end as f64, end));
    Some(cost(price, nodes, mean))
}

/// Positions on the axis and the pods of each workload there.
fn steps(report: &PlanReport<'_>) -> Vec<(i64, Pattern)> {
    match &report.fleet {
        Some(fleet) => fleet.steps.iter().map(|(at, pattern)| (at.seconds(), pattern.clone())).collect(),
        None => Level::ALL
            .into_iter()
            .enumerate()
            .map(|(index, level)| (2 * index as i64, report.workloads.iter().map(|w| w.count(level).pods).collect()))
            .collect(),
    }
}

fn requests_panel(
    report: &PlanReport<'_>,
    steps: &[(i64, Pattern)],
    resource: &str,
    title: &str,
    unit: &dyn Fn(Quantity) -> f64,
) -> Panel {
    let mut areas = Vec::new();
    let mut base = vec![0.0; steps.len()];
    let groups = groups(report, resource);
    for (color, (label, members)) in AREA_COLORS.into_iter().zip(groups) {
        let mut points = Vec::new();
        for ((at, pattern), base) in steps.iter().zip(&mut base) {
            let of =
                |&index: &usize| unit(report.workloads[index].requests.quantity(resource).times(pattern[index].into()));
            let more: f64 = members.iter().map(of).sum();
            points.push((*at, *base, *base + more));
            *base += more;
        }
        areas.push(Area { label, color, points });
    }
    let mut lines = Vec::new();
    if let Some(pool) = report.main_pool() {
        lines.push(line(
            "allocatable of the nodes",
            3,
            LineStyle::Solid,
            allocatable(report, pool, steps, resource, unit),
        ));
    }
    Panel { title: title.to_owned(), lines, band: None, areas }
}

/// The workloads by name, the largest first; more than there are colours share the last. Where the rest would be larger than any
/// of those that are named, they are taken together by what they have in common.
fn groups(report: &PlanReport<'_>, resource: &str) -> Vec<(String, Vec<usize>)> {
    // What requests nothing has no area.
    let counted = report
        .workloads
        .iter()
        .enumerate()
        .filter(|(_, workload)| !workload.is_per_node() && workload.requests.quantity(resource) > Quantity::ZERO);
    let counted: Vec<usize> = counted.map(|(index, _)| index).collect();
    let by: [fn(&WorkloadPlan<'_>) -> String; 3] = [
        |workload| workload.workload.reference.name.clone(),
        |workload| workload.workload.namespace.clone(),
        |workload| if workload.hpa.is_some() { "scaled by HPAs" } else { "not scaled by HPAs" }.to_owned(),
    ];
    let most = |&index: &usize| {
        let workload = &report.workloads[index];
        workload.requests.quantity(resource).times(workload.count(Level::Surge).pods.into())
    };
    let size = |members: &Vec<usize>| members.iter().map(most).fold(Quantity::ZERO, |sum, more| sum + more);
    for (level, name) in by.into_iter().enumerate() {
        let mut groups: Vec<(String, Vec<usize>)> = Vec::new();
        for &index in &counted {
            let name = name(&report.workloads[index]);
            match groups.iter_mut().find(|(other, _)| level > 0 && *other == name) {
                Some((_, members)) => members.push(index),
                None => groups.push((name, vec![index])),
            }
        }
        groups.sort_by_key(|(_, members)| std::cmp::Reverse(size(members)));
        // All of one kind have nothing in common that tells them apart.
        if level > 0 && groups.len() < 2 {
            continue;
        }
        let kind = if level == 1 { "namespace " } else { "" };
        groups.iter_mut().for_each(|(name, _)| *name = format!("{kind}{}", short(name)));
        if groups.len() > AREA_COLORS.len() {
            let rest = groups.split_off(AREA_COLORS.len() - 1);
            let (count, members) = (rest.len(), rest.into_iter().flat_map(|(_, members)| members).collect());
            if groups.first().is_some_and(|(_, largest)| size(largest) < size(&members)) {
                continue;
            }
            groups.push((format!("{count} others"), members));
        }
        return groups;
    }
    vec![(format!("{} workloads", counted.len()), counted)]
}

fn short(name: &str) -> String {
    if name.chars().count() <= LABEL_LENGTH {
        return name.to_owned();
    }
    name.chars().take(LABEL_LENGTH - 1).chain(['\u{2026}']).collect()
}

/// What the nodes that are needed at each step have.
fn allocatable(
    report: &PlanReport<'_>,
    pool: &Pool<'_>,
    steps: &[(i64, Pattern)],
    resource: &str,
    unit: &dyn Fn(Quantity) -> f64,
) -> Vec<(i64, f64)> {
    let of_node = pool.allocatable.quantity(resource);
    steps.iter().map(|(at, pattern)| (*at, unit(of_node.times(report.nodes_of(pool, pattern))))).collect()
}

fn replicas_panel(report: &PlanReport<'_>, steps: &[(i64, Pattern)]) -> Panel {
    let mut lines = Vec::new();
    let scaled: Vec<usize> =
        (0..report.workloads.len()).filter(|&index| report.workloads[index].hpa.is_some()).collect();
    let shown: Vec<usize> = if scaled.is_empty() { (0..report.workloads.len()).collect() } else { scaled };
    let total = |pattern: &Pattern| shown.iter().map(|&index| i64::from(pattern[index])).sum::<i64>() as f64;
    let name = match shown.as_slice() {
        [one] => short(&report.workloads[*one].workload.reference.name),
        several => format!("{} workloads", several.len()),
    };
    let mut areas = Vec::new();
    if let Some(uncertainty) = &report.uncertainty {
        areas.push(Area {
            label: format!("5% to 95% of {} runs", uncertainty.runs.len()),
            color: 0,
            points: band(report, &total),
        });
    }
    lines.push(line(name, 0, LineStyle::Solid, steps.iter().map(|(at, pattern)| (*at, total(pattern))).collect()));
    Panel { title: "Replicas (pods)".to_owned(), lines, band: None, areas }
}

/// Where nine tenths of the runs are, instant by instant.
fn band(report: &PlanReport<'_>, total: &dyn Fn(&Pattern) -> f64) -> Vec<(i64, f64, f64)> {
    let (Some(uncertainty), Some(fleet)) = (&report.uncertainty, &report.fleet) else { return Vec::new() };
    let step = (fleet.duration.seconds() / BAND_POINTS).max(1);
    let mut cursors = vec![0; uncertainty.runs.len()];
    let mut points = Vec::new();
    for at in (0..fleet.duration.seconds()).step_by(step as usize) {
        let mut values: Vec<f64> = Vec::new();
        for (run, cursor) in uncertainty.runs.iter().zip(&mut cursors) {
            let steps = &run.fleet.steps;
            while steps.get(*cursor + 1).is_some_and(|(next, _)| *next <= SimTime::from_seconds(at)) {
                *cursor += 1;
            }
            values.extend(steps.get(*cursor).map(|(_, pattern)| total(pattern)));
        }
        values.sort_by(f64::total_cmp);
        let rank = |share: f64| ((share * values.len() as f64).ceil() as usize).clamp(1, values.len().max(1)) - 1;
        if let (Some(low), Some(high)) = (values.get(rank(0.05)), values.get(rank(0.95))) {
            points.push((at, *low, *high));
        }
    }
    points
}
