//! `plan.csv` and `storage.csv`.

use super::PlanReport;
use super::sections::under_load;
use crate::model::Amounts;
use crate::plan::{Counted, Level, resource_names, total};
use crate::report::csv::cell;

/// A row for every workload, level and resource; numbers in cores, bytes or units.
pub fn plan_csv(report: &PlanReport<'_>) -> Result<Vec<u8>, csv::Error> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(["workload", "namespace", "level", "pods", "resource", "requests", "limits", "limited"])?;
    let names = resource_names(report.workloads);
    let mut write =
        |who: [&str; 3], pods: &str, requests: &Amounts, limits: &Amounts, bounded: &dyn Fn(&str) -> bool| {
            for name in &names {
                let number = |amounts: &Amounts| amounts.get(name).map_or_else(String::new, super::json::plain_number);
                let [workload, namespace, level] = who;
                let limited = if bounded(name) { "true" } else { "false" };
                let (requests, limits) = (number(requests), number(limits));
                let [workload, namespace, resource] = [workload, namespace, name.as_str()].map(cell);
                writer.write_record([&workload, &namespace, level, pods, &resource, &requests, &limits, limited])?;
            }
            Ok::<(), csv::Error>(())
        };
    for workload in report.workloads.iter().filter(|w| !w.is_per_node() && !w.is_uncounted()) {
        for level in Level::ALL {
            let count = workload.count(level);
            let reference = workload.workload.reference.to_string();
            let who = [&reference, workload.workload.namespace.as_str(), level.name()];
            let bounded = |name: &str| !workload.workload.template.unlimited(name);
            let (requests, limits) = (workload.requests_of(&count), workload.limits_of(&count));
            write(who, &count.pods.to_string(), &requests, &limits, &bounded)?;
        }
    }
    // What is in no sum has a row that says so.
    for row in report.autoscalers.iter().filter(|row| matches!(row.counted, Counted::No(_))) {
        let target = row.target.as_ref().map_or_else(|| row.reference.to_string(), ToString::to_string);
        let pods = row.pods.map_or_else(String::new, |(least, most)| format!("{least} to {most}"));
        write([&target, &row.namespace, "not counted"], &pods, &Amounts::default(), &Amounts::default(), &|_| false)?;
    }
    for workload in report.workloads.iter().filter(|w| w.is_uncounted()) {
        let who = [&workload.workload.reference.to_string(), workload.workload.namespace.as_str(), "not counted"];
        write(who, "", &workload.requests, &workload.limits, &|_| false)?;
    }
    let all_bounded = |name: &str| report.workloads.iter().all(|w| !w.workload.template.unlimited(name));
    for level in Level::ALL {
        let total = total(report.workloads, level);
        let who = ["total", "", level.name()];
        write(who, &total.pods.to_string(), &total.requests, &total.limits, &all_bounded)?;
    }
    for (level, pods, requests, limits) in under_load(report) {
        write(["total", "", level], &pods, &requests, &limits, &all_bounded)?;
    }
    writer.into_inner().map_err(|error| error.into_error().into())
}

/// A row for every claim, template of claims and emptyDir.
pub fn storage_csv(report: &PlanReport<'_>) -> Result<Vec<u8>, csv::Error> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record([
        "kind",
        "namespace",
        "name",
        "storage_class",
        "access_modes",
        "size_bytes",
        "count_minimum",
        "count_declared",
        "count_maximum",
        "total_maximum_bytes",
        "mounted_by",
        "source",
    ])?;
    for row in report.storage {
        let modes: Vec<&str> = row.modes.iter().map(|mode| mode.name()).collect();
        let size = row.size.as_ref().map(|size| size.quantity.value().to_string());
        let total = row.size.as_ref().map(|_| row.total(Level::Maximum).value().to_string());
        writer.write_record([
            row.kind.name(),
            &cell(&row.namespace),
            &cell(&row.name),
            &cell(row.class.as_deref().unwrap_or_default()),
            &modes.join(" "),
            &size.unwrap_or_default(),
            &row.counts[0].to_string(),
            &row.counts[1].to_string(),
            &row.counts[2].to_string(),
            &total.unwrap_or_default(),
            &cell(&row.mounted_by.join(" ")),
            &cell(&row.location.to_string()),
        ])?;
    }
    writer.into_inner().map_err(|error| error.into_error().into())
}
