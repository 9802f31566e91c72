//! The HPA as `kubectl get hpa` prints it.
//!
//! Mirrors `printHorizontalPodAutoscaler` and `formatHPAMetrics` of `pkg/printers/internalversion/printers.go`
//! (1.30 and later, where the name of a resource stands before its target).

use super::document::{Column, Table};
use super::table;
use crate::hpa::MetricStatus;
use crate::model::{HpaSpec, MetricSource, MetricTarget, ResourceName, ValueTarget};
use crate::sim::{Snapshot, SyncRecord};
use crate::units::{Quantity, Replicas, SimTime};

/// The columns of `kubectl get hpa`.
pub const HEADERS: [&str; 7] = ["NAME", "REFERENCE", "TARGETS", "MINPODS", "MAXPODS", "REPLICAS", "AGE"];

/// kubectl names so many metrics and counts the rest.
const SHOWN_METRICS: usize = 2;

/// One line of `kubectl get hpa`; the age is the time since the start of the simulation.
pub fn row(hpa: &HpaSpec, snapshot: &Snapshot) -> Vec<String> {
    line(hpa, targets(hpa, &snapshot.current_metrics), snapshot.replicas, snapshot.at).to_vec()
}

fn line(hpa: &HpaSpec, targets: String, replicas: Replicas, at: SimTime) -> [String; 7] {
    [
        hpa.name.clone(),
        hpa.target.to_string(),
        targets,
        hpa.min_replicas.to_string(),
        hpa.max_replicas.to_string(),
        replicas.to_string(),
        at.to_string(),
    ]
}

/// The lines of `kubectl get hpa --watch`: one for every sync whose line differs from the last but for its age.
#[derive(Clone, Debug)]
pub struct Watch<'a> {
    hpa: &'a HpaSpec,
    /// The columns TARGETS, REPLICAS and AGE.
    lines: Vec<(Box<str>, Replicas, SimTime)>,
}

impl<'a> Watch<'a> {
    /// Of an HPA that does not change.
    pub fn new(hpa: &'a HpaSpec) -> Self {
        Self { hpa, lines: Vec::new() }
    }

    /// There was a sync.
    pub fn sync(&mut self, record: &SyncRecord<'_>) {
        let targets = targets(self.hpa, record.history.current_metrics());
        let last = self.lines.last().map(|(targets, replicas, _)| (&**targets, *replicas));
        if last != Some((targets.as_str(), record.replicas)) {
            self.lines.push((targets.into_boxed_str(), record.replicas, record.now));
        }
    }

    /// All lines.
    pub fn table(&self) -> String {
        let line = |(targets, replicas, at): &(Box<str>, Replicas, SimTime)| {
            line(self.hpa, targets.to_string(), *replicas, *at)
        };
        table::long(HEADERS, self.lines.iter().map(line))
    }
}

/// A table of snapshots.
pub fn get_hpa<'a>(hpa: &HpaSpec, snapshots: impl IntoIterator<Item = &'a Snapshot>) -> Table {
    let [name, reference, targets, least, most, replicas, age] = HEADERS;
    let columns = vec![
        Column::text(name),
        Column::text(reference).folds(1),
        Column::text(targets),
        Column::number(least).folds(2),
        Column::number(most).folds(2),
        Column::number(replicas),
        Column::text(age),
    ];
    Table::new(columns, snapshots.into_iter().map(|snapshot| row(hpa, snapshot)))
}

/// The column TARGETS: `cpu: 50%/70%, memory: 40%/80%`.
pub fn targets(hpa: &HpaSpec, current: &[Option<MetricStatus>]) -> String {
    let shown = hpa
        .metrics
        .iter()
        .enumerate()
        .take(SHOWN_METRICS)
        .map(|(index, source)| target(source, current.get(index).copied().flatten()));
    let mut text = shown.collect::<Vec<_>>().join(", ");
    if hpa.metrics.len() > SHOWN_METRICS {
        text += &format!(" + {} more...", hpa.metrics.len() - SHOWN_METRICS);
    }
    text
}

/// One metric: what it is and what it should be.
pub fn target(source: &MetricSource, current: Option<MetricStatus>) -> String {
    let unknown = || "<unknown>".to_owned();
    let quantity = |milli: Option<i64>| milli.map_or_else(unknown, |milli| Quantity::from_milli(milli).to_string());
    let average = current.and_then(|status| status.average_value);
    match source {
        MetricSource::Resource { name, target } | MetricSource::ContainerResource { name, target, .. } => match *target
        {
            MetricTarget::Utilization(percent) => {
                let now = current.and_then(|status| status.average_utilization);
                format!("{name}: {}/{percent}%", now.map_or_else(unknown, |now| format!("{now}%")))
            }
            MetricTarget::AverageValue(target) => {
                format!("{name}: {}/{}", quantity(average), target_amount(name, target))
            }
        },
        MetricSource::Pods { average_value, .. } => format!("{}/{}", quantity(average), quantity(Some(*average_value))),
        MetricSource::Object { target, .. } | MetricSource::External { target, .. } => match *target {
            ValueTarget::Value(target) => {
                format!("{}/{}", quantity(current.and_then(|status| status.value)), quantity(Some(target)))
            }
            ValueTarget::AverageValue(target) => format!("{}/{} (avg)", quantity(average), quantity(Some(target))),
        },
    }
}

/// A target as it was most likely written: memory in binary units if they fit.
fn target_amount(name: &ResourceName, milli: i64) -> Quantity {
    let in_kibibytes = *name == ResourceName::Memory && milli % (1024 * 1000) == 0;
    if in_kibibytes { Quantity::from_milli_binary(milli) } else { Quantity::from_milli(milli) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn average_targets_print_as_kubectl_does() {
        let shown = |name: &str, target: &str| {
            let milli = target.parse::<Quantity>().unwrap().milli_value();
            let (name, target) = (ResourceName::from(name), MetricTarget::AverageValue(milli));
            let status = MetricStatus { average_value: Some(250_500), ..MetricStatus::default() };
            super::target(&MetricSource::Resource { name, target }, Some(status))
        };
        assert_eq!(shown("memory", "1.5Gi"), "memory: 250500m/1536Mi");
        assert_eq!(shown("memory", "500M"), "memory: 250500m/500M");
        assert_eq!(shown("cpu", "0.5"), "cpu: 250500m/500m");
    }
}
