//! Whose recording it is: series by their labels.

use std::collections::BTreeSet;

use crate::model::{About, HpaSpec, Series, Signal, piece};

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
            (Some(workload), Some(pod)) => workload_of(pod) == workload,
            _ => true,
        };
        // A cluster of Envoy has more in its name.
        let leads =
            |service: &String| self.services.iter().any(|known| service == known || service.contains(known.as_str()));
        let is_service = self.services.is_empty() || about.service.as_ref().is_none_or(leads);
        same(&self.namespace, &about.namespace) && is_owner && is_pod && is_service
    }
}

/// The workload of a pod, by its name: without the five characters that a ReplicaSet adds and the hash before them, or without
/// the number that a StatefulSet adds.
fn workload_of(pod: &str) -> &str {
    let is_random = |text: &str| text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    let Some((before, last)) = pod.rsplit_once('-') else { return pod };
    if !last.is_empty() && last.bytes().all(|b| b.is_ascii_digit()) && last.len() < 5 {
        return before;
    }
    if last.len() != 5 || !is_random(last) {
        return pod;
    }
    match before.rsplit_once('-') {
        Some((workload, hash))
            if (6..=10).contains(&hash.len()) && is_random(hash) && hash.bytes().any(|b| b.is_ascii_digit()) =>
        {
            workload
        }
        _ => before,
    }
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
    for (what, names) in [("workloads", workloads), ("HPAs", hpas)] {
        if names.len() > 1 {
            let shown: Vec<String> = names.iter().take(8).map(|name| piece(name).to_string()).collect();
            let more = if names.len() > 8 { ", ..." } else { "" };
            let hint = "say which is meant: --workload NAME (and --namespace), or the manifests with -f and --hpa NAME";
            return Err((format!("{} {what} were recorded: {}{more}", names.len(), shown.join(", ")), hint.to_owned()));
        }
    }
    Ok(())
}
