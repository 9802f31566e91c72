//! From objects to their models.

use serde::de::DeserializeOwned;
use serde_yaml::Value;

use super::owners::Owners;
use super::problems::{Problem, Problems};
use super::schema;
use super::stream::Object;
use super::surroundings::Surroundings;
use super::{Manifests, amounts, hpa, objects, older, raw, served, validate, workload};
use crate::model::{KubernetesVersion, LabelSelector, ObjectId, Placed};

/// Kinds of other groups that have no bearing on autoscaling and planning.
const WITHOUT_BEARING: [(&str, &str); 5] = [
    ("ServiceMonitor", "monitoring.coreos.com"),
    ("PodMonitor", "monitoring.coreos.com"),
    ("PrometheusRule", "monitoring.coreos.com"),
    ("TriggerAuthentication", "keda.sh"),
    ("ClusterTriggerAuthentication", "keda.sh"),
];

/// Kinds of Kubernetes' own that make pods; of any other kind, what has a pod template.
const WORKLOAD_KINDS: [(&str, &str); 8] = [
    ("CronJob", "batch"),
    ("DaemonSet", "apps"),
    ("Deployment", "apps"),
    ("Job", "batch"),
    ("Pod", ""),
    ("ReplicaSet", "apps"),
    ("ReplicationController", ""),
    ("StatefulSet", "apps"),
];

/// Whether an object is of a kind of Kubernetes' own, in whatever group it once was.
fn is_builtin(object: &Object<'_>) -> bool {
    served::is_builtin_group(object.group())
}

fn makes_pods(object: &Object<'_>) -> bool {
    let known = WORKLOAD_KINDS.iter().any(|(kind, _)| *kind == object.kind());
    if is_builtin(object) { known } else { object.has_pod_template() }
}

pub(super) struct Reader<'a> {
    version: KubernetesVersion,
    default_namespace: &'a str,
    out: Manifests,
}

impl<'a> Reader<'a> {
    pub fn new(version: KubernetesVersion, default_namespace: &'a str, out: Manifests) -> Self {
        Self { version, default_namespace, out }
    }

    pub fn finish(self) -> Manifests {
        self.out
    }

    pub fn read(&mut self, objects: &[Object<'_>]) {
        let (around, owners) = (self.surroundings(objects), Owners::new(objects));
        for object in objects {
            self.object(object, &owners, &around);
        }
    }

    /// What shapes pods from outside: LimitRanges, RuntimeClasses, PriorityClasses and the labels of namespaces.
    fn surroundings(&mut self, objects: &[Object<'_>]) -> Surroundings {
        let mut around = Surroundings { version: self.version, ..Surroundings::default() };
        for object in objects.iter().filter(|object| is_builtin(object)) {
            match object.kind() {
                "LimitRange" => self.convert(object, |reader, raw, problems| {
                    let namespace = object.namespace();
                    around.defaults.entry(namespace.clone()).or_default().add(&raw, &object.origin, problems);
                    let item = objects::limit_range(&raw, object.name(), namespace, &object.origin, problems);
                    reader.out.inventory.limit_ranges.push(Placed { item, origin: object.origin.clone() });
                }),
                "RuntimeClass" => self.convert(object, |_, raw: raw::RuntimeClass, problems| {
                    let path = "overhead.podFixed";
                    let overhead = amounts::amounts(&raw.overhead.pod_fixed, path, &object.origin, problems);
                    around.overheads.insert(object.name(), overhead);
                }),
                "PriorityClass" => self.convert(object, |_, raw: raw::PriorityClass, _| {
                    around.priorities.add(object.name(), &raw);
                }),
                "Namespace" => {
                    let labels = object.header.metadata.labels.clone().unwrap_or_default();
                    self.out.inventory.namespace_labels.insert(object.name(), labels);
                }
                _ => {}
            }
        }
        around
    }

    /// Reads an object and hands it to its converter, with room for complaints.
    fn convert<T: DeserializeOwned>(&mut self, object: &Object<'_>, convert: impl FnOnce(&mut Self, T, &mut Problems)) {
        let mut problems = Problems::default();
        match object.read() {
            Ok(raw) => convert(self, raw, &mut problems),
            Err(diagnostic) => self.out.refused.push(diagnostic),
        }
        self.report(object, problems);
    }

    /// Whether the object is taken by the API server at all; what has no bearing is only warned about.
    fn is_served(&mut self, object: &Object<'_>, bears: bool) -> bool {
        let Some(problem) = served::refusal(&object.header.api_version, object.kind(), self.version) else {
            return true;
        };
        let diagnostic = object.diagnostic(problem);
        self.out.removed.push((diagnostic, bears));
        false
    }

    fn object(&mut self, object: &Object<'_>, owners: &Owners<'_>, around: &Surroundings) {
        let kind = object.kind();
        self.out.inventory.kinds.entry(kind.to_owned()).or_default().push(object.origin.locate(""));
        let (name, namespace) = (object.name(), object.namespace());
        let origin = object.origin.clone();
        if is_builtin(object) {
            let read = ["HorizontalPodAutoscaler", "PersistentVolumeClaim", "ResourceQuota", "PodDisruptionBudget"];
            let read =
                read.contains(&kind) || matches!(kind, "LimitRange" | "Service" | "RuntimeClass" | "PriorityClass");
            if !self.is_served(object, read || makes_pods(object)) {
                return;
            }
            if read || makes_pods(object) {
                let mut problems = Problems::default();
                validate::names(&object.header.metadata, &mut problems);
                self.report(object, problems);
                if let Some(definition) = schema::definition(&object.header.api_version, kind) {
                    self.warn_unknown(object, object.value, definition, "");
                }
            }
        }
        match (kind, object.group()) {
            ("HorizontalPodAutoscaler", "autoscaling") => self.hpa(object),
            ("PersistentVolumeClaim", "") => self.convert(object, |reader, raw: raw::VolumeClaim, problems| {
                let item = objects::claim(&raw.spec, name, namespace, "", &origin, problems);
                reader.out.inventory.volume_claims.push(Placed { item, origin });
            }),
            ("ResourceQuota", "") => self.convert(object, |reader, raw, problems| {
                let item = objects::quota(&raw, name, namespace, &origin, problems);
                reader.out.inventory.quotas.push(Placed { item, origin });
            }),
            ("PodDisruptionBudget", "policy") => self.convert(object, |reader, raw, problems| {
                let beta = object.header.api_version == "policy/v1beta1";
                let budget = objects::budget(&raw, name, namespace, beta, problems);
                reader.out.inventory.budgets.extend(budget.map(|item| Placed { item, origin }));
            }),
            ("Service", "") => self.convert(object, |reader, raw: raw::Service, _| {
                let match_labels = raw.spec.selector.into_iter().collect();
                let selector = LabelSelector { match_labels, match_expressions: Vec::new() };
                let item = crate::model::Service { name, namespace, selector };
                reader.out.inventory.services.push(Placed { item, origin });
            }),
            ("VerticalPodAutoscaler", "autoscaling.k8s.io") | ("ScaledObject", "keda.sh") => {
                self.convert(object, |reader, raw: raw::OtherScaler, problems| {
                    let item = objects::other_scaler(&raw, object.reference(), namespace, problems);
                    reader.out.inventory.other_scalers.push(Placed { item, origin });
                });
            }
            _ if makes_pods(object) && owners.make(object) => {}
            _ if makes_pods(object) => self.workload(object, around),
            _ if is_builtin(object) || WITHOUT_BEARING.contains(&(kind, object.group())) => {}
            _ => {
                let item = object.id().unwrap_or_else(|| ObjectId::referred(&object.reference(), &namespace));
                self.out.inventory.unread.push(Placed { item, origin });
            }
        }
    }

    fn hpa(&mut self, object: &Object<'_>) {
        let api_version = object.header.api_version.as_str();
        let (version, default_namespace) = (self.version, self.default_namespace);
        let converted = |reader: &mut Self, raw: raw::Hpa, problems: &mut Problems| {
            let live = object.is_live();
            let item = hpa::convert(raw, api_version, version, default_namespace, live, problems);
            reader.out.inventory.hpas.push(Placed { item, origin: object.origin.clone() });
        };
        if api_version == "autoscaling/v2beta1" {
            self.convert(object, |reader, raw: raw::HpaV2Beta1, problems| {
                converted(reader, older::upgrade_v2beta1(raw), problems);
            });
        } else {
            self.convert(object, converted);
        }
    }

    fn workload(&mut self, object: &Object<'_>, around: &Surroundings) {
        let builtin = is_builtin(object);
        let path = if builtin { workload::template_path(object.kind()) } else { "spec.template" };
        if let Some(template) = object.part(path).filter(|_| !builtin) {
            self.warn_unknown(object, template, schema::POD_TEMPLATE, path);
        }
        let spec = if path.is_empty() { Ok(raw::WorkloadSpec::default()) } else { object.read_at("spec") };
        let (spec, template) = match (spec, object.read_at(path)) {
            (Ok(spec), Ok(template)) => (spec, template),
            (spec, template) => {
                self.out.refused.extend(spec.err().into_iter().chain(template.err()));
                return;
            }
        };
        let mut problems = Problems::default();
        let written = workload::Written {
            reference: object.reference(),
            builtin,
            live: object.is_live(),
            namespace: object.namespace(),
            spec,
            template,
        };
        let item = workload::convert(written, &object.origin, around, &mut problems);
        self.out.inventory.workloads.push(Placed { item, origin: object.origin.clone() });
        self.report(object, problems);
    }

    fn warn_unknown(&mut self, object: &Object<'_>, value: &Value, definition: &str, path: &str) {
        for unknown in schema::unknown_fields(value, definition, path) {
            let hint = unknown.nearest.map(|nearest| format!("did you mean `{nearest}`?"));
            let message = format!("unknown field `{}`; it has no effect", super::brief(&unknown.name));
            let problem = Problem { path: unknown.path, message, hint };
            self.out.warnings.push(object.diagnostic(problem));
        }
    }

    fn report(&mut self, object: &Object<'_>, problems: Problems) {
        self.out.refused.extend(problems.errors.into_iter().map(|problem| object.diagnostic(problem)));
        self.out.warnings.extend(problems.warnings.into_iter().map(|problem| object.diagnostic(problem)));
    }
}
