//! A scenario to begin with: the HPAs of some manifests, what their probes allow, and a day of load to edit.

use std::fmt::Write;

use super::amounts::{bytes_exactly, decimal};
use crate::model::{
    HpaSpec, KubernetesVersion, MetricSource, MetricTarget, PodTemplate, Probe, ResourceName, ValueTarget, Workload,
};
use crate::units::{Quantity, Replicas, Span};

/// An HPA that the scenario has, with what it scales; or why that is not known.
#[derive(Clone, Debug)]
pub struct Drafted<'a> {
    /// The autoscaler.
    pub hpa: &'a HpaSpec,
    /// Its target.
    pub target: Result<&'a Workload, String>,
}

/// What the draft begins from.
#[derive(Clone, Debug)]
pub struct Draft<'a> {
    /// A name of letters, digits and dashes.
    pub name: String,
    /// The manifests, relative to the scenario's file.
    pub manifests: Vec<String>,
    /// Every HPA.
    pub hpas: Vec<Drafted<'a>>,
    /// The release.
    pub version: KubernetesVersion,
}

/// Hours of the day, and how high the load is then: between the low and the high one.
const DAY: [(i64, f64); 7] = [(0, 0.0), (6, 0.0), (9, 0.8), (12, 0.9), (14, 1.0), (19, 0.5), (24, 0.0)];

/// The scenario, with comments; none if no HPA has a target.
pub fn scenario(draft: &Draft<'_>) -> Option<String> {
    let known: Vec<(&HpaSpec, &Workload)> =
        draft.hpas.iter().filter_map(|one| one.target.as_ref().ok().map(|target| (one.hpa, *target))).collect();
    let several = known.len() > 1;
    let mut out = String::from(
        "# A scenario to begin with, made by `hpasim init`. Edit the load and what is uncertain, then:\n\
         #   hpasim replay THIS-FILE -o out/      # and open out/report.html\n\
         #   hpasim explain THIS-FILE --at 14h    # why so many pods?\n\
         # Its fields, for editors: hpasim schema > scenario.schema.json\n\
         # yaml-language-server: $schema=scenario.schema.json\n",
    );
    let _ = writeln!(out, "name: {}", draft.name);
    let _ = writeln!(out, "title: A working day, as it could be");
    let manifests: Vec<String> = draft.manifests.iter().map(|path| quoted(path)).collect();
    let _ = writeln!(out, "manifests: [{}]", manifests.join(", "));
    let _ = writeln!(out, "kubernetesVersion: \"{}\"", draft.version);
    out += "duration: 1d\n";
    out += "\n# What manifests do not say; README.md has all settings and their defaults.\ncluster:\n";
    out += "  # From a container's start until the application serves. `assumed` is a guess, no longer than the probes\n  \
            # allow; measure it: kubectl get pods -w, or the events of a rollout.\n  startup: assumed:20s\n  \
            # imagePull: 15s          # on a node that has not the image yet\n  \
            # slo: p95<300ms          # a promise about response times; the load must be rps, with cpuPerRequest\n";
    if let [(hpa, workload)] = known.as_slice() {
        out += "\n";
        out += &about(hpa, workload, "");
        let _ = writeln!(out, "hpa: {}\nnamespace: {}", quoted(&hpa.name), quoted(&hpa.namespace));
        out += "load:\n";
        out += &load(hpa, &workload.template, draft.version, "  ");
    } else if several {
        out += "\n# All of them in one world. A load may also be the requests of others:\n\
                #   load: {from: {target: gateway, requestsPerRequest: 1.2}, cpuPerRequest: 3m}\ntargets:\n";
        for (hpa, workload) in &known {
            out += &about(hpa, workload, "  ");
            let _ =
                writeln!(out, "  - hpa: {}\n    namespace: {}\n    load:", quoted(&hpa.name), quoted(&hpa.namespace));
            out += &load(hpa, &workload.template, draft.version, "      ");
        }
    } else {
        return None;
    }
    for one in &draft.hpas {
        if let Err(why) = &one.target {
            let _ = writeln!(out, "# left out: {}/{}: {why}", commented(&one.hpa.namespace), commented(&one.hpa.name));
        }
    }
    out += "\n# What happens besides the load.\n\
            # events:\n#   - {at: 10h, rollout: {}}                        # kubectl set image\n\
            #   - {at: 14h, loadFactor: {factor: 3, for: 30m}}    # three times the load\n";
    out += "\n# What a document promises; `expect` is the verdict on record, and replay ends with 1 if it is another.\n\
            # claims:\n#   - says: Ten pods are enough\n#     check: {podsAtMost: {pods: 10}}\n#     expect: confirmed\n";
    Some(out)
}

/// What the manifests say of an HPA.
fn about(hpa: &HpaSpec, workload: &Workload, indent: &str) -> String {
    let target = commented(&workload.reference.to_string());
    let (least, most) = (hpa.min_replicas, hpa.max_replicas);
    let metrics: Vec<String> = hpa.metrics.iter().map(|metric| commented(&metric.label())).collect();
    let mut out = format!("{indent}# {target}: {least} to {most} pods by {}.\n", metrics.join(", "));
    for container in workload.template.running() {
        let probes: Vec<String> = [
            ("startup", container.startup_probe.as_ref()),
            ("readiness", container.readiness_probe.as_ref()),
            ("liveness", container.liveness_probe.as_ref()),
        ]
        .into_iter()
        .filter_map(|(name, probe)| probe.map(|probe| told(name, probe)))
        .collect();
        let probes = if probes.is_empty() { "no probes: ready when it runs".to_owned() } else { probes.join("; ") };
        let _ = writeln!(out, "{indent}#   {}: {probes}", commented(&container.name));
    }
    out
}

fn told(name: &str, probe: &Probe) -> String {
    let Probe { initial_delay, period, failure_threshold, .. } = probe;
    let gives_up = *initial_delay + Span::from_seconds(period.seconds() * i64::from(failure_threshold - 1).max(0));
    let patience = if name == "readiness" { String::new() } else { format!(", gives up after {gives_up}") };
    format!("{name} after {initial_delay}, every {period}{patience}")
}

/// A day of load that uses what the HPA may have: from half of its target at the minimum to what three quarters of its pods take.
fn load(hpa: &HpaSpec, template: &PodTemplate, version: KubernetesVersion, indent: &str) -> String {
    let mut columns: Vec<Column> = Vec::new();
    for metric in &hpa.metrics {
        let column = column(hpa, template, version, metric);
        if !columns.iter().any(|other| other.name == column.name) {
            columns.push(column);
        }
    }
    let mut out = String::new();
    for column in &columns {
        let _ = writeln!(out, "{indent}# {}: {}", commented(&column.name), column.means);
    }
    let _ = writeln!(
        out,
        "{indent}# Or a recording: `trace: load.csv` in place of the rows, with a column for each of them."
    );
    let _ = writeln!(out, "{indent}interpolation: linear\n{indent}rows:");
    for (hour, height) in DAY {
        let values: Vec<String> =
            columns.iter().map(|column| format!("{}: {}", quoted(&column.name), column.at(height))).collect();
        let _ = writeln!(out, "{indent}  - {{at: {hour}h, values: {{{}}}}}", values.join(", "));
    }
    out
}

/// A column of the load.
struct Column {
    name: String,
    means: &'static str,
    low: f64,
    high: f64,
    is_bytes: bool,
}

impl Column {
    fn at(&self, height: f64) -> String {
        let value = self.low + (self.high - self.low) * height;
        match self.is_bytes {
            true => quoted(&bytes_exactly(Quantity::from_units(((value / MIB).round() * MIB) as i64))),
            false => decimal(value, if value < 10.0 { 3 } else { 1 }),
        }
    }
}

const MIB: f64 = 1_048_576.0;
/// What is taken for a request that is not stated.
const UNKNOWN_CPU: f64 = 0.5;
const UNKNOWN_MEMORY: f64 = 512.0 * MIB;

fn column(hpa: &HpaSpec, template: &PodTemplate, version: KubernetesVersion, metric: &MetricSource) -> Column {
    let pods = |part: f64| {
        let (least, most) = (f64::from(hpa.min_replicas.max(1)), f64::from(hpa.max_replicas));
        least + (most - least) * part
    };
    let of_pods = |name: String, means, each: f64, is_bytes| Column {
        name,
        means,
        low: each * pods(0.0) / 2.0,
        high: each * pods(0.75),
        is_bytes,
    };
    match metric {
        MetricSource::Resource { name, target } | MetricSource::ContainerResource { name, target, .. } => {
            let is_bytes = *name == ResourceName::Memory;
            let each = match target {
                MetricTarget::AverageValue(milli) => *milli as f64 / 1000.0,
                MetricTarget::Utilization(percent) => {
                    let request = template.metric_request(metric, version).map(|milli| milli as f64 / 1000.0);
                    let request = request.filter(|request| *request > 0.0);
                    let request = request.unwrap_or(if is_bytes { UNKNOWN_MEMORY } else { UNKNOWN_CPU });
                    request * f64::from(*percent as Replicas) / 100.0
                }
            };
            match is_bytes {
                true => of_pods("memory".to_owned(), "bytes, all pods together", each, true),
                false => of_pods(
                    "cpu".to_owned(),
                    "cores, all pods together: what they would use if none had a limit",
                    each,
                    false,
                ),
            }
        }
        MetricSource::Pods { average_value, .. } => {
            of_pods(metric.label(), "the total over all pods", *average_value as f64 / 1000.0, false)
        }
        MetricSource::Object { target, .. } | MetricSource::External { target, .. } => match target {
            ValueTarget::AverageValue(milli) => {
                of_pods(metric.label(), "the total, which the pods share", *milli as f64 / 1000.0, false)
            }
            ValueTarget::Value(milli) => {
                let value = *milli as f64 / 1000.0;
                Column {
                    name: metric.label(),
                    means: "the value; it does not fall when there are more pods, so that above the target they only grow",
                    low: value * 0.5,
                    high: value * 1.05,
                    is_bytes: false,
                }
            }
        },
    }
}

/// A text as a YAML scalar.
fn quoted(text: &str) -> String {
    let is_plain = text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_./".contains(&b));
    let is_word = text.bytes().next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'.' || b == b'/');
    let is_reserved =
        ["y", "n", "yes", "no", "on", "off", "true", "false", "null"].contains(&text.to_ascii_lowercase().as_str());
    if is_plain && is_word && !is_reserved { text.to_owned() } else { serde_json::Value::from(text).to_string() }
}

/// A name in a comment: in one line.
fn commented(text: &str) -> String {
    crate::model::escaped(text).replace('\n', " ")
}
