//! The questions: derived from the manifests, in the names that cAdvisor, kube-state-metrics, ingresses and meshes use.

use std::str::FromStr;

use crate::model::{HpaSpec, MetricSource, Signal};

/// A question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// What it is called; `--query NAME=PROMQL` replaces it.
    pub name: String,
    /// What its series are, where their names do not say it.
    pub signal: Option<Signal>,
    /// The expression.
    pub promql: String,
}

/// What counts requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Requests {
    /// ingress-nginx.
    IngressNginx,
    /// Istio.
    Istio,
    /// Envoy's clusters.
    Envoy,
    /// A histogram or a counter of the application.
    Metric(String),
}

impl FromStr for Requests {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Ok(match text {
            "ingress-nginx" => Self::IngressNginx,
            "istio" => Self::Istio,
            "envoy" => Self::Envoy,
            metric
                if metric.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | ':'))
                    && !metric.is_empty() =>
            {
                Self::Metric(metric.to_owned())
            }
            _ => {
                return Err(format!(
                    "`{text}` is no metric: write ingress-nginx, istio, envoy, or the name of a histogram or counter"
                ));
            }
        })
    }
}

/// A text between quotes of PromQL.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// What asks for a workload and its HPA. `service` leads to it.
pub fn queries(hpa: &HpaSpec, service: Option<&str>, requests: Option<&Requests>) -> Vec<Query> {
    let namespace = format!("namespace={}", quoted(&hpa.namespace));
    let target = &hpa.target;
    let name = target.name.replace('.', "\\.");
    let ending = match target.kind.as_str() {
        "StatefulSet" => "[0-9]+",
        "ReplicaSet" => "[a-z0-9]{5}",
        "Deployment" => "[a-z0-9]+-[a-z0-9]{5}",
        _ => ".+",
    };
    let pods = format!("{namespace},pod=~{}", quoted(&format!("{name}-{ending}")));
    let of_hpa = format!("{namespace},horizontalpodautoscaler={}", quoted(&hpa.name));
    let query = |name: &str, promql: String| Query { name: name.to_owned(), signal: None, promql };
    let containers = format!("{{{pods},container!=\"\",container!=\"POD\"}}");
    let mut all = vec![
        query("cpu", format!("container_cpu_usage_seconds_total{containers}")),
        query("memory", format!("container_memory_working_set_bytes{containers}")),
        query("cpu_periods", format!("container_cpu_cfs_periods_total{containers}")),
        query("throttled_periods", format!("container_cpu_cfs_throttled_periods_total{containers}")),
        query("oom_kills", format!("container_oom_events_total{containers}")),
        query("restarts", format!("kube_pod_container_status_restarts_total{{{pods}}}")),
        query("desired", format!("kube_horizontalpodautoscaler_status_desired_replicas{{{of_hpa}}}")),
        query("replicas", format!("kube_horizontalpodautoscaler_status_current_replicas{{{of_hpa}}}")),
        query("utilization", format!("kube_horizontalpodautoscaler_status_target_metric{{{of_hpa}}}")),
        query("min_replicas", format!("kube_horizontalpodautoscaler_spec_min_replicas{{{of_hpa}}}")),
        query("max_replicas", format!("kube_horizontalpodautoscaler_spec_max_replicas{{{of_hpa}}}")),
        query("target", format!("kube_horizontalpodautoscaler_spec_target_metric{{{of_hpa}}}")),
        query("created", format!("kube_pod_created{{{pods}}}")),
        query("scheduled", format!("kube_pod_status_scheduled_time{{{pods}}}")),
        query("started", format!("kube_pod_container_state_started{{{pods}}}")),
        query("pod_started", format!("kube_pod_start_time{{{pods}}}")),
        query("pod_ready", format!("kube_pod_status_ready_time{{{pods}}}")),
    ];
    let ready = match target.kind.as_str() {
        "StatefulSet" => Some(("kube_statefulset_status_replicas_ready", "statefulset")),
        "Deployment" => Some(("kube_deployment_status_replicas_ready", "deployment")),
        _ => None,
    };
    all.extend(
        ready
            .map(|(metric, label)| query("ready", format!("{metric}{{{namespace},{label}={}}}", quoted(&target.name)))),
    );
    let service = service.unwrap_or(&target.name);
    if let Some(requests) = requests {
        let (count, sum) = of_requests(requests, hpa, service, &pods);
        all.push(Query { signal: Some(Signal::Rps), ..query("rps", count) });
        all.extend(sum.map(|sum| Query { signal: Some(Signal::ResponseSeconds), ..query("response_seconds", sum) }));
    }
    let custom = hpa.metrics.iter().filter(|metric| metric.resource().is_none());
    all.extend(custom.map(|metric| {
        let name = metric.label();
        let of = match metric {
            MetricSource::Pods { .. } => format!("sum({name}{{{pods}}})"),
            _ => name.clone(),
        };
        Query { signal: Some(Signal::Metric(name.clone())), ..query(&name, of) }
    }));
    all
}

/// Requests, and what they took together if that is known.
fn of_requests(requests: &Requests, hpa: &HpaSpec, service: &str, pods: &str) -> (String, Option<String>) {
    let (namespace, service) = (quoted(&hpa.namespace), quoted(service));
    match requests {
        Requests::IngressNginx => {
            // The labels of what is scraped are renamed, unless they are to be kept.
            let either = |metric: &str| {
                format!(
                    "{metric}{{exported_namespace={namespace},exported_service={service}}} or \
                     {metric}{{namespace={namespace},service={service}}}"
                )
            };
            let sum = either("nginx_ingress_controller_request_duration_seconds_sum");
            (either("nginx_ingress_controller_requests"), Some(sum))
        }
        Requests::Istio => {
            let of = format!(
                "{{reporter=\"destination\",destination_workload_namespace={namespace},destination_workload={}}}",
                quoted(&hpa.target.name)
            );
            (format!("istio_requests_total{of}"), Some(format!("istio_request_duration_milliseconds_sum{of}")))
        }
        Requests::Envoy => {
            // Between signs that a Service's name cannot have: cart-store is not cart.
            let name = hpa.target.name.replace('.', "\\.");
            let cluster = quoted(&format!("(.*[^a-zA-Z0-9-])?{name}([^a-zA-Z0-9-].*)?"));
            (format!("envoy_cluster_upstream_rq_total{{envoy_cluster_name=~{cluster}}}"), None)
        }
        Requests::Metric(metric) => match metric.strip_suffix("_bucket").or(metric.strip_suffix("_count")) {
            Some(base) => (format!("{base}_count{{{pods}}}"), Some(format!("{base}_sum{{{pods}}}"))),
            None if metric.ends_with("_total") => (format!("{metric}{{{pods}}}"), None),
            None => (format!("{metric}_count{{{pods}}}"), Some(format!("{metric}_sum{{{pods}}}"))),
        },
    }
}
