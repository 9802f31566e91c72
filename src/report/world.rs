//! Several targets in one world: a row for each, and what they come to together.

use super::amounts::{bytes, decimal, share};
use super::cluster::FailedRequests;
use super::document::{Block, Column, Document, Picture, Section, Table};
use super::plot::{self, Curves};
use super::{Run, changed};
use crate::units::{Bytes, Millicores, Replicas, SimTime, Span};

/// What all targets come to together.
#[derive(Clone, Debug, Default)]
pub struct Totals {
    /// How long the world was simulated: as long as the shortest of them.
    pub duration: Span,
    /// Pods: the fewest, on average, the most.
    pub pods: (i64, f64, i64),
    /// The most CPU that is requested at once.
    pub peak_cpu: Millicores,
    /// The most memory that is requested at once.
    pub peak_memory: Bytes,
    /// When the most pods were there first.
    pub peak_at: SimTime,
    /// Nodes on average and at most, if they are simulated.
    pub nodes: Option<(f64, i64)>,
    /// What the nodes cost a month on average, if all shapes have a price.
    pub cost_per_month: Option<f64>,
}

impl Totals {
    /// Of runs of one world.
    pub fn of(runs: &[Run<'_>]) -> Self {
        let duration = runs.iter().map(|run| run.summary.duration).min().unwrap_or(Span::ZERO);
        let end = SimTime::ZERO + duration;
        let mut changes: Vec<(SimTime, usize, Replicas)> = Vec::new();
        for (index, run) in runs.iter().enumerate() {
            let rescales = run.summary.rescales.iter().map(|event| (event.at, index, event.decision.desired));
            changes.extend(rescales.filter(|(at, ..)| *at < end));
        }
        changes.sort_by_key(|(at, index, _)| (*at, *index));
        let mut now: Vec<Replicas> = runs.iter().map(|run| run.target().initial_replicas).collect();
        let mut sums = Sums::default();
        runs.iter().zip(&now).for_each(|(run, pods)| sums.add(run, *pods));
        let mut totals = Self { duration, ..Self::default() };
        let (mut since, mut pod_seconds, mut first) = (SimTime::ZERO, 0i128, true);
        for index in 0..=changes.len() {
            let at = changes.get(index).map_or(end, |change| change.0);
            if at > since || changes.is_empty() {
                let pods = sums.pods;
                pod_seconds += i128::from(pods) * i128::from((at - since).seconds());
                totals.peak_cpu = totals.peak_cpu.max(Millicores::new(clamped(sums.cpu)));
                totals.peak_memory = totals.peak_memory.max(Bytes::new(clamped(sums.memory)));
                if first || pods > totals.pods.2 {
                    (totals.pods.2, totals.peak_at) = (pods, since);
                }
                totals.pods.0 = if first { pods } else { totals.pods.0.min(pods) };
                (since, first) = (at, false);
            }
            if let Some(&(_, target, replicas)) = changes.get(index) {
                sums.add(&runs[target], replicas.saturating_sub(std::mem::replace(&mut now[target], replicas)));
            }
        }
        let seconds = duration.seconds().max(1) as f64;
        totals.pods.1 = pod_seconds as f64 / seconds;
        if let Some(run) = runs.first()
            && let Some(node_seconds) = run.summary.node_seconds
        {
            let mean = node_seconds as f64 / run.summary.duration.seconds().max(1) as f64;
            totals.nodes = Some((mean, run.summary.max_nodes));
            totals.cost_per_month = run.summary.node_price();
        }
        totals
    }
}

/// What all pods are and request at an instant: thousandths of a core, bytes.
#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    pods: i64,
    cpu: i128,
    memory: i128,
}

impl Sums {
    /// So many more pods of a target.
    fn add(&mut self, run: &Run<'_>, pods: Replicas) {
        self.pods += i64::from(pods);
        self.cpu += i128::from(run.summary.pod_cpu_request.get()) * i128::from(pods);
        self.memory += i128::from(run.summary.pod_memory_request.get()) * i128::from(pods);
    }
}

fn clamped(sum: i128) -> i64 {
    sum.clamp(i64::MIN.into(), i64::MAX.into()) as i64
}

fn name(run: &Run<'_>) -> String {
    format!("{}/{}", run.hpa().namespace, run.hpa().name)
}

/// The rows, then the totals.
pub fn document(runs: &[Run<'_>]) -> Document {
    let title = format!("{} HPAs in one world", runs.len());
    let overrides = runs.first().and_then(|run| changed(run.overrides));
    let verdict = verdict(runs).into_iter().chain(overrides).collect();
    Document { title, verdict, sections: vec![Section { title: String::new(), blocks: blocks(runs) }] }
}

/// What it comes to: the pods and nodes of all, and for each thing that goes wrong the HPAs that it is true of.
fn verdict(runs: &[Run<'_>]) -> Vec<String> {
    let totals = Totals::of(runs);
    let (least, mean, most) = totals.pods;
    let mut told = format!("{least} to {most} pods, {} on average, in {}", decimal(mean, 2), totals.duration);
    if let Some((mean, most)) = totals.nodes {
        let nodes = if most == 1 { "node" } else { "nodes" };
        told += &format!("; up to {most} {nodes}, {} on average", decimal(mean, 2));
    }
    let wrong: [(&str, SpanOf); 4] = [
        ("promises broken", |run| if run.target().cluster.slo.is_some() { run.summary.slow } else { Span::ZERO }),
        ("work waits for CPU", |run| run.summary.waiting),
        ("pods wait for a node", |run| run.summary.unschedulable),
        ("at maxReplicas", |run| run.summary.at_max),
    ];
    let mut all = vec![told + "."];
    for (what, of) in wrong {
        let mut found: Vec<(Span, &Run<'_>)> = runs.iter().map(|run| (of(run), run)).collect();
        found.retain(|(span, _)| *span > Span::ZERO);
        found.sort_by_key(|(span, run)| (std::cmp::Reverse(*span), run.index));
        let named = found.iter().take(MOST_NAMED).map(|(span, run)| format!("{} for {span}", run.hpa().name));
        let more = found.len().saturating_sub(MOST_NAMED);
        let more = (more > 0).then(|| format!("{more} more"));
        let list: Vec<String> = named.chain(more).collect();
        if !list.is_empty() {
            all.push(format!("{what}: {}.", list.join(", ")));
        }
    }
    all
}

/// A time of a run.
type SpanOf = fn(&Run<'_>) -> Span;

/// So many HPAs are named in a verdict.
const MOST_NAMED: usize = 4;

/// With more targets than this, each is told of in its own report alone.
const MOST_DRAWN: usize = 25;

/// The same with the course of each, where what is drawn was kept.
pub fn report(runs: &[(Run<'_>, Option<&Curves>)]) -> Document {
    let all: Vec<Run<'_>> = runs.iter().map(|(run, _)| run.clone()).collect();
    let mut document = document(&all);
    if runs.len() > MOST_DRAWN {
        let note = format!("more than {MOST_DRAWN}: each has a report in its own directory");
        document.sections.push(Section::new("Courses", Table::default(), vec![note]));
        return document;
    }
    for (run, curves) in runs {
        let own = directory(run);
        let drawn = curves.map(|curves| {
            let chart = Some(plot::chart(run, curves));
            let shows = format!("Replicas, metrics and capacity of {}", name(run));
            Block::Picture(Picture { file: format!("{own}/timeline.png"), shows, chart })
        });
        let file = Block::File(format!("{own}/report.html"), "Its own report".to_owned());
        document.sections.push(Section { title: name(run), blocks: drawn.into_iter().chain([file]).collect() });
    }
    document
}

/// Where the files of a target are.
pub fn directory(run: &Run<'_>) -> String {
    format!("{}.{}", run.hpa().namespace, run.hpa().name)
}

/// A row for each target, what they come to together, who waits for whom.
pub fn blocks(runs: &[Run<'_>]) -> Vec<Block> {
    let calls = calls(runs);
    let tables = [targets(runs), totals(runs), calls];
    tables.into_iter().filter(|table| !table.rows.is_empty()).map(Block::Table).collect()
}

fn targets(runs: &[Run<'_>]) -> Table {
    let requests = runs.iter().any(|run| FailedRequests::of(run).is_some());
    let promised = runs.iter().any(|run| run.target().cluster.slo.is_some());
    let nodes = runs.iter().any(|run| run.summary.node_seconds.is_some());
    let mut headers = vec![
        Column::text("HPA"),
        Column::text("REFERENCE").folds(3),
        Column::number("MIN"),
        Column::number("MEAN"),
        Column::number("MAX"),
        Column::number("MAXPODS").folds(2),
        Column::text("AT MAX"),
        Column::text("WORK WAITED"),
    ];
    headers.extend(nodes.then(|| Column::text("NO NODE")));
    headers.extend(requests.then(|| Column::number("REQUESTS FAILED")));
    headers.extend(promised.then(|| Column::text("PROMISE BROKEN")));
    let row = |run: &Run<'_>| {
        let s = run.summary;
        let span = |span: Span| share(span, s.duration);
        let mut row = vec![
            name(run),
            run.workload().reference.to_string(),
            s.min_replicas().to_string(),
            decimal(s.mean_replicas(), 2),
            s.max_replicas().to_string(),
            run.hpa().max_replicas.to_string(),
            span(s.at_max),
            span(s.waiting),
        ];
        row.extend(nodes.then(|| span(s.unschedulable)));
        let failed = || FailedRequests::of(run).map_or_else(|| "-".to_owned(), |failed| decimal(failed.all(), 0));
        row.extend(requests.then(failed));
        let slow = || run.target().cluster.slo.map_or_else(|| "-".to_owned(), |_| span(s.slow));
        row.extend(promised.then(slow));
        row
    };
    Table::new(headers, runs.iter().map(row))
}

fn totals(runs: &[Run<'_>]) -> Table {
    let totals = Totals::of(runs);
    let (least, mean, most) = totals.pods;
    let mut all = vec![
        ("Simulated".to_owned(), totals.duration.to_string()),
        ("Pods".to_owned(), format!("min {least}, mean {}, max {most} (at {})", decimal(mean, 2), totals.peak_at)),
        ("CPU requests".to_owned(), format!("peak {} cores", decimal(totals.peak_cpu.get() as f64 / 1000.0, 2))),
        ("Memory requests".to_owned(), format!("peak {}", bytes(totals.peak_memory.get() as f64))),
    ];
    if let Some((mean, most)) = totals.nodes {
        all.push(("Nodes".to_owned(), format!("mean {}, max {most}", decimal(mean, 2))));
        let waiting: Vec<String> = runs
            .iter()
            .filter(|run| run.summary.unschedulable > Span::ZERO)
            .map(|run| run.hpa().name.clone())
            .collect();
        let waiting = if waiting.is_empty() { "no".to_owned() } else { format!("of {}", waiting.join(", ")) };
        all.push(("Pods without a node".to_owned(), waiting));
    }
    if let Some(cost) = totals.cost_per_month {
        all.push(("Nodes' price".to_owned(), format!("{} a month", decimal(cost, 2))));
    }
    Table::listing(all)
}

/// Who waits for whom: the calls, those that took longest first.
fn calls(runs: &[Run<'_>]) -> Table {
    let mut all: Vec<(f64, Vec<String>)> = Vec::new();
    for run in runs {
        for callee in &run.summary.callees {
            let Some(other) = runs.iter().find(|other| other.index == callee.target) else { continue };
            let number = other.target().callers.iter().find(|caller| caller.target == run.index);
            let row = vec![
                run.hpa().name.clone(),
                other.hpa().name.clone(),
                decimal(number.map_or(0.0, |caller| caller.requests_per_request), 2),
                wait(callee.longest_seconds),
                callee.at.to_string(),
                share(other.summary.waiting, other.summary.duration),
            ];
            all.push((callee.longest_seconds, row));
        }
    }
    all.sort_by(|one, other| other.0.total_cmp(&one.0));
    let columns = vec![
        Column::text("CALLER"),
        Column::text("CALLS"),
        Column::number("FOR EACH REQUEST").folds(2),
        Column::number("LONGEST WAIT"),
        Column::text("AT").folds(1),
        Column::text("WORK WAITED THERE"),
    ];
    Table::new(columns, all.into_iter().map(|(_, row)| row))
}

fn wait(seconds: f64) -> String {
    if seconds < 1.0 { format!("{} ms", decimal(seconds * 1000.0, 0)) } else { format!("{} s", decimal(seconds, 1)) }
}

/// A row for each target, without units.
pub fn csv(runs: &[Run<'_>]) -> Result<Vec<u8>, csv::Error> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record([
        "namespace",
        "hpa",
        "reference",
        "min_replicas",
        "mean_replicas",
        "max_replicas",
        "at_max_seconds",
        "waiting_seconds",
        "unschedulable_seconds",
        "requests_failed",
        "promise_broken_seconds",
    ])?;
    for run in runs {
        let s = run.summary;
        writer.write_record([
            super::csv::cell(&run.hpa().namespace),
            super::csv::cell(&run.hpa().name),
            super::csv::cell(&run.workload().reference.to_string()),
            s.min_replicas().to_string(),
            s.mean_replicas().to_string(),
            s.max_replicas().to_string(),
            s.at_max.seconds().to_string(),
            s.waiting.seconds().to_string(),
            s.unschedulable.seconds().to_string(),
            FailedRequests::of(run).map_or_else(String::new, |failed| failed.all().to_string()),
            run.target().cluster.slo.map_or_else(String::new, |_| s.slow.seconds().to_string()),
        ])?;
    }
    writer.into_inner().map_err(|error| error.into_error().into())
}
