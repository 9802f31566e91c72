//! The HPA as `kubectl get hpa` prints it.
//!
//! Mirrors `printHorizontalPodAutoscaler` and `formatHPAMetrics` of `pkg/printers/internalversion/printers.go`
//! (1.30 and later, where the name of a resource stands before its target).

use super::table;
use crate::hpa::MetricStatus;
use crate::model::{HpaSpec, MetricSource, MetricTarget, ResourceName, ValueTarget};
use crate::sim::Snapshot;
use crate::units::Quantity;

/// The columns of `kubectl get hpa`.
pub const HEADERS: [&str; 7] = ["NAME", "REFERENCE", "TARGETS", "MINPODS", "MAXPODS", "REPLICAS", "AGE"];

/// kubectl names so many metrics and counts the rest.
const SHOWN_METRICS: usize = 2;

/// One line of `kubectl get hpa`; the age is the time since the start of the simulation.
pub fn row(hpa: &HpaSpec, snapshot: &Snapshot) -> Vec<String> {
    vec![
        hpa.name.clone(),
        hpa.target.to_string(),
        targets(hpa, &snapshot.current_metrics),
        hpa.min_replicas.to_string(),
        hpa.max_replicas.to_string(),
        snapshot.replicas.to_string(),
        snapshot.at.to_string(),
    ]
}

/// A table of snapshots.
pub fn get_hpa<'a>(hpa: &HpaSpec, snapshots: impl IntoIterator<Item = &'a Snapshot>) -> String {
    table::plain(&HEADERS, snapshots.into_iter().map(|snapshot| row(hpa, snapshot)))
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
