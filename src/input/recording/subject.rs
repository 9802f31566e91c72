//! Whose recording it is: series by their labels.

use std::collections::BTreeSet;

use crate::model::{About, HpaSpec, RecordedEvent, Series, Signal, piece};

/// Whose recording it is; of what is not named everything counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subject {
    /// The namespace.
    pub namespace: Option<String>,
    /// The HPA.
    pub hpa: Option<String>,
    /// The workload.
    pub workload: Option<String>,
    /// The services that lead to it, if they are known.
    pub services: Vec<String>,
}

impl Subject {
    /// That of an HPA.
    pub fn of(hpa: &HpaSpec) -> Self {
        Self {
            namespace: Some(hpa.namespace.clone()),
            hpa: Some(hpa.name.clone()),
            workload: Some(hpa.target.name.clone()),
            services: Vec::new(),
        }
    }

    /// Whether an event is about it, its pods or the nodes, as far as can be said.
    pub fn has_event(&self, event: &RecordedEvent) -> bool {
        let (kind, name) = kind_and_name(&event.object);
        let is = |wanted: &Option<String>| wanted.as_ref().is_none_or(|wanted| wanted == name);
        let is_of = |pod_or_set: &str| match (&self.workload, pod_or_set.is_empty()) {
            (Some(workload), false) => is_pod_of(workload, pod_or_set),
            _ => true,
        };
        let is_ours = match kind.as_str() {
            "node" => return true,
            "pod" => is_of(name),
            // A ReplicaSet's pods have five more characters.
            "replicaset" => is_of(&format!("{name}-00000")),
            "horizontalpodautoscaler" => is(&self.hpa),
            "deployment" | "statefulset" => is(&self.workload),
            _ => true,
        };
        let is_here = match (&self.namespace, &event.namespace) {
            (Some(wanted), Some(namespace)) => wanted == namespace,
            _ => true,
        };
        is_ours && is_here
    }

    /// Whether a series is of it, as far as its labels say.
    pub fn has(&self, about: &About) -> bool {
        let same = |wanted: &Option<String>, found: &Option<String>| match (wanted, found) {
            (Some(wanted), Some(found)) => wanted == found,
            _ => true,
        };
        let names = [&self.hpa, &self.workload];
        let is_owner = match &about.owner {
            Some(owner) if names.iter().any(|name| name.is_some()) => {
                names.iter().any(|name| name.as_ref() == Some(owner))
            }
            _ => true,
        };
        let is_pod = match (&self.workload, &about.pod) {
            (Some(workload), Some(pod)) => is_pod_of(workload, pod),
            _ => true,
        };
        // A cluster of Envoy has more in its name, between signs that a Service's cannot have: cart-store is not cart.
        let parts = |service: &str, known: &str| {
            service.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-')).any(|part| part == known)
        };
        let leads = |service: &String| self.services.iter().any(|known| service == known || parts(service, known));
        let is_service = self.services.is_empty() || about.service.as_ref().is_none_or(leads);
        same(&self.namespace, &about.namespace) && is_owner && is_pod && is_service
    }
}

/// The kind of an event's object, in lower case and without its API group, and its name.
pub(super) fn kind_and_name(object: &str) -> (String, &str) {
    let (kind, name) = object.split_once('/').unwrap_or(("", object));
    (kind.split('.').next().unwrap_or_default().to_lowercase(), name)
}

/// What Kubernetes draws names from: no vowels, and no digits that look like them.
const DRAWN: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";

/// Whether a pod is of a workload, by its name: what follows is a ReplicaSet's hash and five characters, these alone, or a
/// StatefulSet's number.
fn is_pod_of(workload: &str, pod: &str) -> bool {
    let Some(rest) = pod.strip_prefix(workload).and_then(|rest| rest.strip_prefix('-')) else { return pod == workload };
    let is_plain = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    match rest.split_once('-') {
        None => is_plain(rest) && (rest.len() == 5 || rest.bytes().all(|b| b.is_ascii_digit())),
        Some((hash, last)) => is_plain(hash) && hash.len() <= 10 && is_plain(last) && last.len() == 5,
    }
}

/// The workload of a pod, as far as its name says: without what [`is_pod_of`] says follows it.
fn workload_of(pod: &str) -> &str {
    let Some((before, last)) = pod.rsplit_once('-') else { return pod };
    if !is_pod_of(before, pod) {
        return pod;
    }
    match before.rsplit_once('-') {
        Some((workload, hash))
            if last.len() == 5 && (6..=10).contains(&hash.len()) && hash.bytes().all(|b| DRAWN.contains(&b)) =>
        {
            workload
        }
        _ => before,
    }
}

/// The hash of a pod's ReplicaSet, of a Deployment's pod.
pub(super) fn revision_of(pod: &str) -> Option<&str> {
    let (workload, rest) = (workload_of(pod), pod.strip_prefix(workload_of(pod))?.strip_prefix('-')?);
    let (hash, _) = rest.split_once('-')?;
    (!workload.is_empty()).then_some(hash)
}

/// The workloads whose pods were recorded, with their namespaces.
pub(super) fn workloads<'a>(series: impl Iterator<Item = &'a Series>) -> BTreeSet<String> {
    let of = |series: &Series| {
        let workload = workload_of(series.about.pod.as_deref()?);
        Some(match &series.about.namespace {
            Some(namespace) => format!("{namespace}/{workload}"),
            None => workload.to_owned(),
        })
    };
    series.filter_map(of).collect()
}

/// Pods of several workloads are not one load.
pub(super) fn one_workload(series: &[&Series], subject: &Subject) -> Result<(), (String, String)> {
    let services: BTreeSet<&str> = series.iter().filter_map(|series| series.about.service.as_deref()).collect();
    if services.len() > 1 && subject.services.len() != 1 {
        let shown: Vec<String> = services.iter().take(8).map(|name| piece(name).to_string()).collect();
        let hint =
            "say which is meant with --service NAME, or give manifests (-f) in which one Service selects the pods";
        return Err((
            format!("requests of {} services were recorded: {}", services.len(), shown.join(", ")),
            hint.to_owned(),
        ));
    }
    if subject.workload.is_some() {
        return Ok(());
    }
    let pods = series.iter().filter_map(|series| series.about.pod.as_deref());
    let workloads: BTreeSet<&str> = pods.map(workload_of).collect();
    let owners = series
        .iter()
        .filter(|series| series.signal == Signal::DesiredReplicas || series.signal == Signal::CpuUtilization);
    let hpas: BTreeSet<&str> = owners.filter_map(|series| series.about.owner.as_deref()).collect();
    for (what, names) in [("workloads", workloads), ("workloads or HPAs", hpas)] {
        if names.len() > 1 {
            let shown: Vec<String> = names.iter().take(8).map(|name| piece(name).to_string()).collect();
            let more = if names.len() > 8 { ", ..." } else { "" };
            let hint = "say which is meant: --workload NAME (and --namespace), or the manifests with -f and --hpa NAME";
            return Err((format!("{} {what} were recorded: {}{more}", names.len(), shown.join(", ")), hint.to_owned()));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_is_not_another_one_with_more_in_its_name() {
        let subject = Subject { services: vec!["cart".to_owned()], ..Subject::default() };
        let has = |service: &str| subject.has(&About { service: Some(service.to_owned()), ..About::default() });
        for service in ["cart", "outbound|80||cart.default.svc.cluster.local", "default/cart/80", "default_cart_80"] {
            assert!(has(service), "{service}");
        }
        for service in ["cart-store", "outbound|80||cart-store.default.svc.cluster.local", "cartel"] {
            assert!(!has(service), "{service}");
        }
    }

    #[test]
    fn a_pod_is_of_its_workload() {
        for (workload, pod) in [
            ("web", "web-7d9f8b6c5d-xq2zt"),
            // Hashes without a digit are not rare: one in seventeen.
            ("web", "web-bcdfghjklm-xq2zt"),
            ("my-web", "my-web-6b9c4d7f5c-2kq7n"),
            ("web", "web-xq2zt"),
            ("db", "db-0"),
            ("db", "db-12"),
        ] {
            assert!(is_pod_of(workload, pod), "{pod}");
            assert_eq!(workload_of(pod), workload);
        }
        for (workload, pod) in
            [("web", "web-admin-7d9f8b6c5d-xq2zt"), ("web", "webs-0"), ("web", "web-"), ("web", "web-Ab-xq2zt")]
        {
            assert!(!is_pod_of(workload, pod), "{workload} {pod}");
        }
    }
}
