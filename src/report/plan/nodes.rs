//! Nodes: for each shape and level how many, what binds, what is left when one is lost, and the price.

use indexmap::IndexSet;
use rayon::prelude::*;

use super::PlanReport;
use crate::plan::{Level, MOST_CONSTRAINED_PODS, MOST_PODS, Packing, Pool, Unplaced, ZoneLost};
use crate::report::amounts::{amount, decimal};
use crate::report::document::{Column, Section, Table};
use crate::study::{Pattern, fleet};

/// The nodes of a shape at a level.
#[derive(Clone, Debug)]
pub(super) struct NodeRow {
    pub level: &'static str,
    /// Of first-fit decreasing; a mean may have a fraction.
    pub nodes: f64,
    /// The packing itself; a mean has none.
    pub packing: Option<Packing>,
    pub node_lost: Option<i64>,
    pub zone_lost: Option<ZoneLost>,
    pub cost: Option<f64>,
}

impl NodeRow {
    /// How many pods cannot run on such nodes.
    fn unplaced(&self) -> i64 {
        self.packing.iter().flat_map(|packing| &packing.unplaced).map(|unplaced| unplaced.pods).sum()
    }

    /// Whether there are too many pods to pack, so that all numbers are bounds.
    fn is_bound(&self) -> bool {
        self.packing.as_ref().is_some_and(|packing| !packing.is_packed)
    }
}

/// The levels of a shape, from few to many.
pub(super) fn rows(report: &PlanReport<'_>, pool: &Pool<'_>) -> Vec<NodeRow> {
    let row = |level: &'static str, packing: Packing| NodeRow {
        level,
        nodes: packing.nodes as f64,
        node_lost: packing.is_packed.then(|| Pool::with_node_lost(packing.nodes)),
        zone_lost: packing.zone_lost,
        cost: pool.shape.price_per_month.map(|price| price * packing.nodes as f64),
        packing: Some(packing),
    };
    let pods = |level: Level| report.workloads.iter().map(|w| w.count(level).pods).collect::<Pattern>();
    let at = |level: Level| row(level.name(), report.packing_of(pool, &pods(level)));
    let mut rows = vec![at(Level::Minimum)];
    if pods(Level::Declared) != pods(Level::Minimum) {
        rows.push(at(Level::Declared));
    }
    if let Some(fleet) = &report.fleet {
        let nodes = |pattern: &Pattern| report.nodes_of(pool, pattern);
        let weighted = |(pattern, span): (&Pattern, &crate::units::Span)| nodes(pattern) as f64 * span.seconds() as f64;
        let mean = fleet.time_at.iter().map(weighted).sum::<f64>() / fleet.duration.seconds().max(1) as f64;
        rows.push(NodeRow {
            level: "mean of the load",
            nodes: mean,
            packing: None,
            node_lost: None,
            zone_lost: None,
            cost: pool.shape.price_per_month.map(|price| price * mean),
        });
        let p95 = fleet.quantile(0.95, nodes).unwrap_or_default();
        let of_so_many = |wanted: i64| fleet.time_at.keys().filter(move |pattern| nodes(pattern) == wanted);
        let pattern_of = |wanted: i64| of_so_many(wanted).max_by_key(|pattern| fleet::pods(pattern));
        rows.extend(pattern_of(p95).map(|pattern| row("p95 of the load", report.packing_of(pool, pattern))));
        let with_jobs = fleet.time_at.keys().map(|pattern| fleet.with_jobs(pattern));
        let peak = with_jobs.max_by_key(|pattern| (nodes(pattern), fleet::pods(pattern)));
        rows.extend(peak.map(|pattern| row("peak of the load", report.packing_of(pool, &pattern))));
    }
    rows.extend([at(Level::Maximum), at(Level::Surge)]);
    rows
}

fn columns(priced: bool) -> Vec<Column> {
    let mut columns = vec![
        Column::text("SHAPE"),
        Column::text("LEVEL"),
        Column::number("NODES"),
        Column::number("BOUND").folds(2),
        Column::number("1 LOST"),
        Column::number("ZONE LOST"),
        Column::text("BINDS").folds(3),
        Column::number("CPU").folds(1),
        Column::number("MEMORY").folds(1),
    ];
    columns.extend(priced.then(|| Column::number("COST/MONTH")));
    columns
}

pub(super) fn section(report: &PlanReport<'_>) -> Option<Section> {
    if report.pools.is_empty() || report.workloads.is_empty() {
        return None;
    }
    let priced = report.pools.iter().any(|pool| pool.shape.price_per_month.is_some());
    let dash = |number: Option<String>| number.unwrap_or_else(|| "-".to_owned());
    let mut table = Vec::new();
    let mut notes = vec![
        "nodes by first-fit decreasing; bound: no packing needs fewer; 1 lost, zone lost: nodes to have so that the \
         rest still holds every pod; cpu and memory: the part of the allocatable that is requested"
            .to_owned(),
    ];
    let all: Vec<Vec<NodeRow>> = report.pools.par_iter().map(|pool| rows(report, pool)).collect();
    for (pool, rows) in report.pools.iter().zip(all) {
        notes.push(describe(pool));
        let absent = pool.absent.iter();
        notes.extend(absent.map(|(daemon, why)| format!("{}: {daemon} does not run there ({why})", pool.shape.name)));
        notes.extend(unplaced(pool, &rows));
        notes.extend(not_packed(pool, &rows));
        notes.extend(too_many(pool, &rows));
        notes.extend(bound_to_zones(pool, &rows));
        for row in rows {
            let percent = |share: f64| format!("{}%", decimal(share * 100.0, 0));
            let left = row.unplaced();
            // Of nothing that fits there is nothing to say.
            let known = row.nodes > 0.0 || left == 0;
            let of_packing = |of: &dyn Fn(&Packing) -> String| dash(row.packing.as_ref().filter(|_| known).map(of));
            let lost = |nodes: Option<i64>| dash(nodes.filter(|_| known).map(|nodes| nodes.to_string()));
            let zone_lost = match row.zone_lost {
                Some(ZoneLost::Never) => "never".to_owned(),
                Some(ZoneLost::Nodes(nodes)) => lost(Some(nodes)),
                None => dash(None),
            };
            let or_more = if row.is_bound() { ">=" } else { "" };
            let nodes = dash(known.then(|| format!("{or_more}{}", decimal(row.nodes, 2))));
            let mut line = vec![
                pool.shape.name.clone(),
                row.level.to_owned(),
                if left > 0 { format!("{nodes} ({left} unplaced)") } else { nodes },
                of_packing(&|packing| packing.lower_bound.to_string()),
                lost(row.node_lost),
                zone_lost,
                of_packing(&|packing| packing.binding.name().to_owned()),
                of_packing(&|packing| percent(packing.cpu_share)),
                of_packing(&|packing| percent(packing.memory_share)),
            ];
            if priced {
                line.push(dash(row.cost.filter(|_| known).map(|cost| format!("{or_more}{}", decimal(cost, 2)))));
            }
            table.push(line);
        }
    }
    notes.extend(cheapest(report));
    let prefers = |w: &&crate::plan::WorkloadPlan<'_>| {
        w.workload.template.placement.anti_affinity.iter().any(|term| !term.is_required())
    };
    for workload in report.workloads.iter().filter(prefers) {
        notes.push(format!(
            "{} prefers to be apart: with fewer nodes than pods some share a node, and a node lost takes several",
            workload.label()
        ));
    }
    Some(Section::new("Nodes", Table::new(columns(priced), table), notes))
}

fn describe(pool: &Pool<'_>) -> String {
    let shape = pool.shape;
    let of = |name: &str| amount(name, shape.allocatable().quantity(name));
    let mut text = format!(
        "{}: {} CPU and {} memory, allocatable {} and {} (the rest is reserved), {} pods per node, {}",
        shape.name,
        amount("cpu", shape.capacity.quantity("cpu")),
        amount("memory", shape.capacity.quantity("memory")),
        of("cpu"),
        of("memory"),
        shape.max_pods,
        if shape.zones == 1 { "1 zone".to_owned() } else { format!("{} zones", shape.zones) },
    );
    if !pool.daemons.is_empty() {
        text += &format!("; DaemonSets on each: {}", pool.daemons.join(", "));
    }
    text
}

/// What cannot run on a shape, once for all levels.
fn unplaced(pool: &Pool<'_>, rows: &[NodeRow]) -> Vec<String> {
    let all = rows.iter().filter_map(|row| row.packing.as_ref()).flat_map(|packing| &packing.unplaced);
    let note =
        |unplaced: &Unplaced| format!("{}: {} cannot run there ({})", pool.shape.name, unplaced.label, unplaced.reason);
    all.map(note).collect::<IndexSet<String>>().into_iter().collect()
}

/// The levels with too many pods to pack.
fn not_packed(pool: &Pool<'_>, rows: &[NodeRow]) -> Option<String> {
    let levels: Vec<&str> = rows.iter().filter(|row| row.is_bound()).map(|row| row.level).collect();
    (!levels.is_empty()).then(|| {
        format!(
            "{}: more than {MOST_PODS} pods, or {MOST_CONSTRAINED_PODS} whose places depend on each other, are not packed: what \
             is known is that fewer nodes do not suffice ({})",
            pool.shape.name,
            levels.join(", ")
        )
    })
}

fn too_many(pool: &Pool<'_>, rows: &[NodeRow]) -> Option<String> {
    let most = pool.shape.max_nodes?;
    let row = rows.iter().find(|row| row.nodes > most as f64)?;
    let name = &pool.shape.name;
    Some(format!("{name}: the {} needs {} nodes, and there are at most {most}", row.level, decimal(row.nodes, 2)))
}

/// That no number of nodes survives the loss of a zone.
fn bound_to_zones(pool: &Pool<'_>, rows: &[NodeRow]) -> Option<String> {
    let row = rows.iter().find(|row| row.zone_lost == Some(ZoneLost::Never))?;
    Some(format!(
        "{}: without one of its zones no number of nodes holds all pods of the {}: zones, anti-affinity or topology spread \
         leave some of them no place",
        pool.shape.name, row.level
    ))
}

/// The shape that costs least at the maximum, where prices are given.
fn cheapest(report: &PlanReport<'_>) -> Option<String> {
    let cost = |pool: &Pool<'_>| {
        let rows = rows(report, pool);
        let complete = rows.iter().all(|row| row.packing.as_ref().is_none_or(Packing::holds_all));
        rows.into_iter().find(|row| row.level == Level::Maximum.name() && complete).and_then(|row| row.cost)
    };
    let costs = report.pools.iter().filter_map(|pool| Some((pool, cost(pool)?)));
    let (pool, cost) = costs.min_by(|a, b| a.1.total_cmp(&b.1))?;
    Some(format!("cheapest at the maximum: {}, {} a month", pool.shape.name, decimal(cost, 2)))
}
