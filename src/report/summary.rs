//! The summary that `hpasim simulate` prints.

use super::amounts::{bytes, decimal, share};
use super::cluster::Figure;
use super::document::{Block, Column, Document, Picture, Section, Table};
use super::phases::Ranges;
use super::plot::{self, Curves};
use super::{Run, arithmetic, changed, cluster, kubectl, phases};
use crate::model::Drive;
use crate::sim::RescaleRecord;
use crate::units::{Span, Work};

/// The whole summary, with its picture if what is drawn was kept.
pub fn document(run: &Run<'_>, curves: Option<&Curves>) -> Document {
    let summary = run.summary;
    let hpa = kubectl::get_hpa(run.hpa(), [&summary.first, &summary.last]);
    let mut sections = vec![Section::new("", hpa, Vec::new())];
    sections.extend(curves.map(|curves| {
        let shows = "Replicas, metrics and capacity".to_owned();
        let chart = Some(plot::chart(run, curves));
        let blocks = vec![Block::Picture(Picture { file: "timeline.png".to_owned(), shows, chart })];
        Section { title: "What happens".to_owned(), blocks }
    }));
    sections.push(events(run));
    let history = cluster::history(run);
    if !history.is_empty() {
        let columns = vec![Column::text("TIME"), Column::text("EVENT")];
        let rows = history.into_iter().map(|(at, what)| vec![at, what]);
        sections.push(Section::new("Other events", Table::new(columns, rows), Vec::new()));
    }
    sections.push(Section::new("Figures", figure_table(run), Vec::new()));
    let title = format!("{}/{} under load", run.hpa().namespace, run.hpa().name);
    let verdict = [verdict(run), phases::note(run)].into_iter().chain(changed(run.overrides)).collect();
    Document { title, verdict, sections }
}

/// What it comes to, in a few sentences.
fn verdict(run: &Run<'_>) -> String {
    let s = run.summary;
    let (least, most) = (s.min_replicas(), s.max_replicas());
    let mean = decimal(s.mean_replicas(), 2);
    let mut told = match least == most {
        true => vec![format!("{most} pods all the time, for {}", s.duration)],
        false => vec![format!("{least} to {most} pods, {mean} on average, in {}", s.duration)],
    };
    let mut tell = |what: &str, span: Span| {
        if span > Span::ZERO {
            told.push(format!("{what} for {}", share(span, s.duration)));
        }
    };
    tell(&format!("at maxReplicas ({})", run.hpa().max_replicas), s.at_max);
    tell("work waits for CPU", s.waiting);
    tell("pods wait for a node", s.unschedulable);
    tell("a quota refuses pods", s.refused);
    if let Some(slo) = run.target().cluster.slo.filter(|_| run.target().drives.requests.is_some()) {
        tell(&format!("{slo} is broken"), s.slow);
        if s.slow == Span::ZERO {
            told.push(format!("{slo} is kept"));
        }
    }
    told.join("; ") + "."
}

/// The figures, with their ranges where there are any.
fn figure_table(run: &Run<'_>) -> Table {
    let Some(runs) = phases::several(run) else {
        return Table::listing(figures(run).into_iter().map(|figure| (figure.name, figure.value)));
    };
    let over = format!("OVER {} PHASES", runs.courses.len());
    let columns = vec![Column::text("FIGURE"), Column::text("TYPICAL"), Column::text(over)];
    Table::new(columns, figures(run).into_iter().map(|figure| vec![figure.name, figure.value, figure.range]))
}

/// Every change of the replica count.
fn events(run: &Run<'_>) -> Section {
    let rescales = &run.summary.rescales;
    let ups = rescales.iter().filter(|event| event.decision.desired > event.decision.current).count();
    let (all, downs) = (rescales.len(), rescales.len() - ups);
    let title = format!("Scaling events: {all} ({ups} up, {downs} down) in {}", run.summary.duration);
    let mut columns = vec![
        Column::text("TIME"),
        Column::text("REPLICAS"),
        Column::text("METRIC").folds(1),
        Column::text("CALCULATION"),
        Column::text("LIMITED BY").folds(3),
    ];
    if run.clock.is_some() {
        columns.insert(1, Column::text("TIMESTAMP"));
    }
    let over = phases::several(run).map(|runs| format!("OVER {} PHASES", runs.courses.len()));
    let has_others = over.is_some();
    columns.extend(over.map(|over| Column::text(over).folds(2)));
    let rows = phases::recurrences(run).into_iter().map(|(event, found)| {
        let mut row = event_row(run, event);
        if has_others {
            row.push(found.map_or_else(String::new, |(runs, found)| phases::recurrence(found, runs.courses.len())));
        }
        row
    });
    Section::new(title, Table::new(columns, rows), Vec::new())
}

fn event_row(run: &Run<'_>, event: &RescaleRecord) -> Vec<String> {
    let decision = &event.decision;
    let metric = arithmetic::deciding_metric(run.hpa(), decision).map_or_else(|| "-".into(), |(m, _)| m.label());
    let limits = arithmetic::limits(run.hpa(), decision);
    let mut row = vec![
        event.at.to_string(),
        format!("{} -> {}", decision.current, decision.desired),
        metric,
        arithmetic::formula(run.hpa(), decision),
        if limits.is_empty() { "-".into() } else { limits },
    ];
    if let Some(timestamp) = run.timestamp(event.at) {
        row.insert(1, timestamp);
    }
    row
}

/// The figures for the review.
fn figures(run: &Run<'_>) -> Vec<Figure> {
    let (s, ranges) = (run.summary, Ranges::of(run));
    let (min, mean, peak) = (s.min_replicas(), s.mean_replicas(), s.max_replicas());
    let cpu = |replicas: f64| decimal(s.pod_cpu_request.get() as f64 / 1000.0 * replicas, 2);
    let memory = |replicas: f64| bytes(s.pod_memory_request.get() as f64 * replicas);
    let of = |amount: &dyn Fn(f64) -> String| {
        format!("min {}, mean {}, peak {}", amount(min.into()), amount(mean), amount(peak.into()))
    };
    let replicas = format!("min {min}, mean {}, p95 {}, max {peak}", decimal(mean, 2), s.replicas_quantile(0.95));
    let pod_hours = decimal(s.pod_seconds() as f64 / 3600.0, 2);
    let mut all = vec![
        Figure::new("Replicas", replicas).ranging(ranges.replicas()),
        Figure::new("Pod-hours", pod_hours).ranging(ranges.pod_hours()),
        Figure::new("CPU requests", format!("{} cores", of(&cpu))).ranging(ranges.cpu_requests()),
        Figure::new("Memory requests", of(&memory)).ranging(ranges.memory_requests()),
    ];
    for (source, metric) in run.hpa().metrics.iter().zip(&s.metrics) {
        let mut value = share(metric.above_target, s.duration);
        if metric.unavailable.seconds() > 0 {
            value += &format!(", not readable for {}", share(metric.unavailable, s.duration));
        }
        all.push(Figure::new(format!("{} above target", source.label()), value));
    }
    let at_max = format!("At maxReplicas ({})", run.hpa().max_replicas);
    all.push(Figure::new(at_max, share(s.at_max, s.duration)).ranging(ranges.span(|course| course.at_max)));
    if matches!(run.target().drives.cpu, Drive::Demand { .. } | Drive::Recorded { .. }) {
        let range = ranges.span(|course| course.waiting);
        all.push(Figure::new("Work waiting for CPU", waiting(run)).ranging(range));
    }
    all.extend(cluster::figures(run));
    all
}

fn waiting(run: &Run<'_>) -> String {
    let s = run.summary;
    let core_seconds = |work: Work| decimal(work.core_seconds(), 1);
    let mut text = share(s.waiting, s.duration);
    if s.peak_backlog.is_some() {
        text += &format!(", at most {} core-seconds", core_seconds(s.peak_backlog));
    }
    if s.work_dropped.is_some() {
        text += &format!(", {} core-seconds dropped", core_seconds(s.work_dropped));
    }
    if s.final_backlog.is_some() {
        text += &format!(", {} core-seconds still at the end", core_seconds(s.final_backlog));
    }
    text
}
