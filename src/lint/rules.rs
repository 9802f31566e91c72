//! The rules: code, severity, reason, remedy and sources. How each is checked is in the files beside this one.

use super::{Context, Hit, Severity, capacity, metrics, targets};

/// A rule.
#[derive(Debug)]
pub struct Rule {
    /// `HPA001`, ...; a code never changes its meaning.
    pub code: &'static str,
    /// A name in words and dashes.
    pub name: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong, in a sentence.
    pub summary: &'static str,
    /// What comes of it.
    pub why: &'static str,
    /// What to do.
    pub remedy: &'static str,
    /// Documentation or code of Kubernetes that says so.
    pub sources: &'static [&'static str],
    /// Finds where it is broken.
    pub(super) check: fn(&Context<'_>) -> Vec<Hit>,
}

const HPA_DOCS: &str = "https://kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale/";

/// All rules, by code.
pub const RULES: [Rule; 19] = [
    Rule {
        code: "HPA001",
        name: "missing-request",
        severity: Severity::Error,
        summary: "a utilization target for a resource that some container does not request",
        why: "Utilization is use divided by the request. If one container of the pod has no request, the metric cannot be computed (FailedGetResourceMetric), and that metric never scales anything.",
        remedy: "Set resources.requests for that resource on every container, sidecars included, or a LimitRange with a default, or use an AverageValue target.",
        sources: &["pkg/controller/podautoscaler/replica_calculator.go: calculatePodRequests", HPA_DOCS],
        check: metrics::missing_request,
    },
    Rule {
        code: "HPA002",
        name: "replicas-beside-hpa",
        severity: Severity::Warning,
        summary: "spec.replicas is set on a workload that an HPA scales",
        why: "Every `kubectl apply` of the manifest sets the count back to this number, whatever the HPA has chosen; pods are deleted under load until the HPA scales up again.",
        remedy: "Remove spec.replicas from the manifest once the HPA is in charge (with server-side apply, give up the field first, or the count falls to 1).",
        sources: &[
            "https://kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale/#migrating-deployments-and-statefulsets-to-horizontal-autoscaling",
        ],
        check: targets::replicas_beside_hpa,
    },
    Rule {
        code: "HPA003",
        name: "min-equals-max",
        severity: Severity::Warning,
        summary: "minReplicas equals maxReplicas",
        why: "The HPA can never change the number of pods; it only makes sure of it.",
        remedy: "Give it room, or remove the HPA and set spec.replicas.",
        sources: &["pkg/controller/podautoscaler/horizontal.go: reconcileAutoscaler"],
        check: targets::min_equals_max,
    },
    Rule {
        code: "HPA004",
        name: "target-not-found",
        severity: Severity::Warning,
        summary: "the scale target is not among the manifests",
        why: "If it is not in the cluster either, AbleToScale is False (FailedGetScale) and nothing scales. apiVersion, kind, name and namespace must all agree.",
        remedy: "Correct spec.scaleTargetRef or the namespace, or add the file that has the target.",
        sources: &["pkg/controller/podautoscaler/horizontal.go: scaleForResourceMappings"],
        check: targets::target_not_found,
    },
    Rule {
        code: "HPA005",
        name: "two-hpas-on-one-target",
        severity: Severity::Error,
        summary: "two HPAs scale the same workload",
        why: "Each undoes what the other does. The controller notices pods that several HPAs select (AmbiguousSelector) and scales with neither.",
        remedy: "Keep one HPA and put all metrics into it; the largest proposal wins.",
        sources: &["pkg/controller/podautoscaler/horizontal.go: hpaSelectors, AmbiguousSelector"],
        check: targets::two_hpas,
    },
    Rule {
        code: "HPA006",
        name: "other-autoscaler-on-target",
        severity: Severity::Error,
        summary: "KEDA or a VerticalPodAutoscaler works on a workload that an HPA scales",
        why: "A ScaledObject makes an HPA of its own, so that there are two. A VPA that changes the requests of the resource that the HPA targets moves the utilization under the HPA's feet.",
        remedy: "Use the ScaledObject alone. Limit the VPA to resources that no metric of the HPA targets (controlledResources), or set updateMode: Off.",
        sources: &[
            "https://keda.sh/docs/latest/concepts/scaling-deployments/",
            "https://github.com/kubernetes/autoscaler/blob/master/vertical-pod-autoscaler/docs/known-limitations.md",
        ],
        check: targets::other_autoscaler,
    },
    Rule {
        code: "HPA007",
        name: "over-quota",
        severity: Severity::Error,
        summary: "the ResourceQuota does not let all pods be made",
        why: "When the HPA asks for them, pods beyond the quota are refused (FailedCreate); the HPA goes on asking, and the load stays.",
        remedy: "Raise the quota, or lower maxReplicas or the requests; leave room for the surge of a rolling update.",
        sources: &[
            "https://kubernetes.io/docs/concepts/policy/resource-quotas/",
            "pkg/quota/v1/evaluator/core/pods.go",
        ],
        check: capacity::over_quota,
    },
    Rule {
        code: "HPA008",
        name: "over-nodes",
        severity: Severity::Error,
        summary: "the nodes (--nodes) do not hold all pods at maxReplicas",
        why: "Pods that fit nowhere stay Pending. They count as replicas, so that the HPA reaches maxReplicas without the capacity.",
        remedy: "Add nodes or larger ones, or lower maxReplicas or the requests. `hpasim plan --nodes` shows how many it takes.",
        sources: &[
            "https://kubernetes.io/docs/concepts/scheduling-eviction/kube-scheduler/",
            "pkg/scheduler/framework/plugins/noderesources/fit.go",
        ],
        check: capacity::over_nodes,
    },
    Rule {
        code: "HPA009",
        name: "single-node-volume",
        severity: Severity::Error,
        summary: "pods that an HPA scales share a claim that only one node can mount",
        why: "A ReadWriteOnce volume is attached to one node: new pods on other nodes hang in ContainerCreating. ReadWriteOncePod allows a single pod.",
        remedy: "Use ReadWriteMany (and a storage class that offers it), a StatefulSet with volumeClaimTemplates, or no volume.",
        sources: &["https://kubernetes.io/docs/concepts/storage/persistent-volumes/#access-modes"],
        check: capacity::single_node_volume,
    },
    Rule {
        code: "HPA010",
        name: "memory-target",
        severity: Severity::Note,
        summary: "a memory target scales down only if the runtime gives memory back",
        why: "Many runtimes keep the memory that they once had (CPython's arenas, the JVM's heap, V8, malloc). Adding pods does not lower the use of the old ones then, and after a peak the metric holds the pods up.",
        remedy: "Scale on CPU or on a metric of the load, and let memory be a limit; or make sure by measurement that use falls with the load.",
        sources: &[HPA_DOCS, "https://docs.python.org/3/c-api/memory.html"],
        check: metrics::memory_target,
    },
    Rule {
        code: "HPA011",
        name: "slow-scale-up",
        severity: Severity::Warning,
        summary: "the load (--load) rises faster than policies and windows let the HPA scale up",
        why: "While the HPA is held back, pods are above their target, and at worst work waits. The load is simulated to find out when.",
        remedy: "Allow more in behavior.scaleUp.policies, shorten its stabilization window, or keep more pods (minReplicas, a lower target).",
        sources: &[
            "pkg/controller/podautoscaler/horizontal.go: calculateScaleUpLimitWithScalingRules, stabilizeRecommendationWithBehaviors",
        ],
        check: metrics::slow_scale_up,
    },
    Rule {
        code: "HPA012",
        name: "slow-readiness",
        severity: Severity::Warning,
        summary: "pods may become ready only after the CPU initialization period",
        why: "Within the period (--horizontal-pod-autoscaler-cpu-initialization-period, 5m) CPU samples of pods that are not ready are left out. After it, a pod that still starts can count with all that it burns, and the HPA adds more such pods.",
        remedy: "Make the start faster, shorten initialDelaySeconds or the startup probe's budget, or lengthen the period.",
        sources: &["pkg/controller/podautoscaler/replica_calculator.go: groupPods", HPA_DOCS],
        check: metrics::slow_readiness,
    },
    Rule {
        code: "HPA013",
        name: "blocking-budget",
        severity: Severity::Warning,
        summary: "a PodDisruptionBudget allows no disruption at the fewest pods",
        why: "Evictions are refused, and draining a node for an upgrade or a scale-down of the cluster waits for ever.",
        remedy: "Use maxUnavailable of 1 or more, or minAvailable below minReplicas.",
        sources: &[
            "pkg/controller/disruption/disruption.go: getExpectedPodCount",
            "https://kubernetes.io/docs/tasks/run-application/configure-pdb/",
        ],
        check: capacity::blocking_budget,
    },
    Rule {
        code: "HPA014",
        name: "unreachable-target",
        severity: Severity::Error,
        summary: "use can never exceed the target, since the limit is too low",
        why: "CPU is throttled and memory is killed at the limit. If the limit is not above the target plus the tolerance, this metric never scales up.",
        remedy: "Lower the target, or raise the limit above target x (1 + tolerance).",
        sources: &["pkg/controller/podautoscaler/metrics/utilization.go: GetResourceUtilizationRatio", HPA_DOCS],
        check: metrics::unreachable_target,
    },
    Rule {
        code: "HPA015",
        name: "missing-probes",
        severity: Severity::Warning,
        summary: "pods that an HPA adds have no readiness probe",
        why: "Without one a pod is ready as soon as its containers run: it takes load before it can serve, and the HPA counts it as if it did.",
        remedy: "Add a readinessProbe (and a startupProbe where the start takes long).",
        sources: &["https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#container-probes"],
        check: targets::missing_probes,
    },
    Rule {
        code: "HPA016",
        name: "version-dependent",
        severity: Severity::Note,
        summary: "Kubernetes releases differ in what they make of this",
        why: "The same manifest scales differently, or is refused, on another release from 1.23 to 1.37. docs/kubernetes-versions.md has the list.",
        remedy: "Simulate the release that the cluster runs: --kubernetes-version.",
        sources: &["docs/kubernetes-versions.md", "pkg/features/kube_features.go"],
        check: metrics::version_dependent,
    },
    Rule {
        code: "HPA017",
        name: "scaling-disabled",
        severity: Severity::Warning,
        summary: "selectPolicy: Disabled forbids one direction for good",
        why: "Without scaling up the HPA never helps; without scaling down it keeps the pods of the highest peak.",
        remedy: "Use a slow policy in place of Disabled, unless somebody else undoes it.",
        sources: &["pkg/controller/podautoscaler/horizontal.go: calculateScaleUpLimitWithScalingRules"],
        check: targets::scaling_disabled,
    },
    Rule {
        code: "HPA018",
        name: "odd-field",
        severity: Severity::Warning,
        summary: "a field that Kubernetes does not know, or a setting without effect",
        why: "An unknown field is dropped (or refused by strict validation), and the default applies in its place.",
        remedy: "Correct the spelling or remove it.",
        sources: &["https://kubernetes.io/docs/reference/using-api/api-concepts/#field-validation"],
        check: targets::odd_field,
    },
    Rule {
        code: "HPA019",
        name: "container-not-found",
        severity: Severity::Error,
        summary: "a ContainerResource metric names a container that the pod does not have",
        why: "The metric cannot be computed (FailedGetContainerResourceMetric), and never scales anything.",
        remedy: "Use the name of a container of the pod template.",
        sources: &["pkg/controller/podautoscaler/replica_calculator.go: calculatePodRequests"],
        check: metrics::container_not_found,
    },
];
