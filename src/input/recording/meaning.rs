//! What series of monitoring measure, by their names.

use std::collections::BTreeMap;

use crate::model::{About, Kind, Series, Signal};

/// A series' labels, its name among them as `__name__`.
pub(super) type Labels = BTreeMap<String, String>;

/// What a series measures, and by what its values are to be multiplied.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Meaning {
    pub signal: Signal,
    pub kind: Kind,
    pub factor: f64,
}

impl Meaning {
    pub fn gauge(signal: Signal) -> Self {
        Self { signal, kind: Kind::Gauge, factor: 1.0 }
    }

    pub fn counter(signal: Signal) -> Self {
        Self { signal, kind: Kind::Counter, factor: 1.0 }
    }

    /// An empty series of it.
    pub fn series(&self, about: About) -> Series {
        Series { signal: self.signal.clone(), kind: self.kind, about, points: Vec::new() }
    }
}

/// What cAdvisor, kube-state-metrics, ingresses and meshes call things. None is nothing that is looked at.
pub(super) fn of_metric(name: &str, labels: &Labels) -> Option<Meaning> {
    let label = |key: &str| labels.get(key).map_or("", String::as_str);
    // kube-state-metrics before 2.0 said kube_hpa.
    let name = name
        .strip_prefix("kube_hpa_")
        .map_or_else(|| name.to_owned(), |rest| format!("kube_horizontalpodautoscaler_{rest}"));
    let found = match name.as_str() {
        "container_cpu_usage_seconds_total" => Meaning::counter(Signal::Cpu),
        "container_memory_working_set_bytes" => Meaning::gauge(Signal::Memory),
        "container_cpu_cfs_periods_total" => Meaning::counter(Signal::CpuPeriods),
        "container_cpu_cfs_throttled_periods_total" => Meaning::counter(Signal::ThrottledPeriods),
        "container_oom_events_total" => Meaning::counter(Signal::OomKills),
        "kube_horizontalpodautoscaler_status_desired_replicas" => Meaning::gauge(Signal::DesiredReplicas),
        "kube_horizontalpodautoscaler_status_current_replicas" => Meaning::gauge(Signal::CurrentReplicas),
        "kube_horizontalpodautoscaler_status_target_metric" => {
            match (label("metric_target_type"), label("metric_name")) {
                ("utilization", "cpu") => Meaning::gauge(Signal::CpuUtilization),
                ("utilization", "memory") => Meaning::gauge(Signal::MemoryUtilization),
                _ => return None,
            }
        }
        "kube_horizontalpodautoscaler_spec_min_replicas" => Meaning::gauge(Signal::MinReplicas),
        "kube_horizontalpodautoscaler_spec_max_replicas" => Meaning::gauge(Signal::MaxReplicas),
        "kube_horizontalpodautoscaler_spec_target_metric" => {
            match (label("metric_target_type"), label("metric_name")) {
                ("utilization", "cpu") => Meaning::gauge(Signal::CpuTarget),
                ("utilization", "memory") => Meaning::gauge(Signal::MemoryTarget),
                _ => return None,
            }
        }
        "kube_deployment_status_replicas_ready"
        | "kube_statefulset_status_replicas_ready"
        | "kube_replicaset_status_ready_replicas" => Meaning::gauge(Signal::ReadyReplicas),
        "kube_deployment_status_replicas" | "kube_statefulset_status_replicas" => {
            Meaning::gauge(Signal::CurrentReplicas)
        }
        "kube_pod_container_status_restarts_total" => Meaning::counter(Signal::Restarts),
        "kube_pod_created" => Meaning::gauge(Signal::PodCreated),
        "kube_pod_status_scheduled_time" => Meaning::gauge(Signal::PodScheduled),
        "kube_pod_start_time" | "kube_pod_container_state_started" => Meaning::gauge(Signal::PodStarted),
        "kube_pod_status_ready_time" => Meaning::gauge(Signal::PodReady),
        // Both sides of a mesh count a request; the one that answers is ours.
        "istio_requests_total" if label("reporter") == "source" => return None,
        "istio_request_duration_milliseconds_sum" if label("reporter") == "source" => return None,
        "istio_request_duration_milliseconds_sum" => {
            Meaning { factor: 1e-3, ..Meaning::counter(Signal::ResponseSeconds) }
        }
        "nginx_ingress_controller_requests"
        | "envoy_cluster_upstream_rq_total"
        | "envoy_http_downstream_rq_total"
        | "envoy_cluster_upstream_rq_completed"
        | "traefik_service_requests_total"
        | "haproxy_backend_http_requests_total"
        | "http_server_requests_seconds_count"
        | "http_server_request_duration_seconds_count" => Meaning::counter(Signal::Rps),
        name if name.ends_with("requests_total") => Meaning::counter(Signal::Rps),
        name if name.contains("request") && (name.ends_with("_seconds_sum") || name.ends_with("_duration_sum")) => {
            Meaning::counter(Signal::ResponseSeconds)
        }
        _ => return None,
    };
    Some(found)
}

/// What columns and query results are called by those who make them. The unit must be in the name, or be the one that everybody means.
pub(super) fn of_column(name: &str) -> Option<Meaning> {
    let plain: String =
        name.to_lowercase().chars().map(|c| if c.is_alphanumeric() || c == '%' { c } else { ' ' }).collect();
    let words = plain.split_whitespace().collect::<Vec<_>>().join(" ");
    let (signal, factor) = match words.as_str() {
        "cpu" | "cpu cores" | "cpu cores total" | "cpu usage cores" | "cpu total" | "cores" => (Signal::Cpu, 1.0),
        "cpu m" | "cpu millicores" | "millicores" | "cpu usage millicores" | "cpu mcores" => (Signal::Cpu, 1e-3),
        "memory" | "memory bytes" | "mem" | "mem bytes" | "memory working set" | "memory usage bytes" => {
            (Signal::Memory, 1.0)
        }
        "memory mib" | "memory mi" | "mem mib" => (Signal::Memory, 1_048_576.0),
        "memory gib" | "memory gi" | "mem gib" => (Signal::Memory, 1_073_741_824.0),
        "rps"
        | "req s"
        | "requests s"
        | "requests per second"
        | "qps"
        | "hits per s"
        | "total rps"
        | "request rate" => (Signal::Rps, 1.0),
        "requests per minute" | "rpm" => (Signal::Rps, 1.0 / 60.0),
        "clients" | "users" | "user count" | "vus" | "virtual users" => (Signal::Clients, 1.0),
        "cpu utilization" | "cpu util pct" | "cpu utilization percent" | "cpu %" | "cpu percent" => {
            (Signal::CpuUtilization, 1.0)
        }
        "memory utilization" | "memory util pct" | "memory %" | "memory percent" => (Signal::MemoryUtilization, 1.0),
        "desired" | "desired replicas" | "desiredreplicas" => (Signal::DesiredReplicas, 1.0),
        "replicas" | "current replicas" | "currentreplicas" | "pods" => (Signal::CurrentReplicas, 1.0),
        "ready" | "ready replicas" | "readyreplicas" | "ready pods" => (Signal::ReadyReplicas, 1.0),
        "measured pods" => (Signal::MeasuredPods, 1.0),
        "min replicas" => (Signal::MinReplicas, 1.0),
        "max replicas" => (Signal::MaxReplicas, 1.0),
        "cpu target" => (Signal::CpuTarget, 1.0),
        "memory target" => (Signal::MemoryTarget, 1.0),
        _ => return None,
    };
    Some(Meaning { factor, ..Meaning::gauge(signal) })
}

/// Those that count the requests of others: their pod and namespace are not those of who serves them.
const PROXIES: [&str; 5] = ["nginx_ingress_controller_", "envoy_", "traefik_", "haproxy_", "contour_"];

/// What a series is about.
pub(super) fn about(labels: Labels) -> About {
    let name = labels.get("__name__").cloned().unwrap_or_default();
    let is_of_proxy = PROXIES.iter().any(|proxy| name.starts_with(proxy));
    let renamed = labels.contains_key("exported_service") || labels.contains_key("exported_namespace");
    let mut about = About::default();
    let mut others = Vec::new();
    for (key, value) in labels {
        match (key.as_str(), is_of_proxy) {
            ("__name__", _) => {}
            ("exported_namespace" | "destination_service_namespace", _) => about.namespace = Some(value),
            // What the proxy says of who serves is renamed where its own labels have the names.
            ("namespace", true) if !renamed => about.namespace = Some(value),
            ("exported_service", true) => about.service = Some(value),
            ("service" | "envoy_cluster_name" | "backend", true) if !renamed => about.service = Some(value),
            ("namespace", false) => about.namespace = Some(value),
            ("pod" | "pod_name" | "exported_pod", false) => about.pod = Some(value),
            ("container" | "container_name", false) => about.container = Some(value),
            ("horizontalpodautoscaler" | "hpa" | "deployment" | "statefulset" | "replicaset", _) => {
                about.owner = Some(value);
            }
            _ => others.push(format!("{key}={value}")),
        }
    }
    About { others: others.join(","), ..about }
}
