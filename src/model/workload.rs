//! Workloads: whatever makes pods from a template.

use crate::model::{LabelSelector, ObjectId, ObjectReference, PodTemplate, VolumeClaim};
use crate::units::{Replicas, Span};

/// An object that makes pods.
#[derive(Clone, Debug, PartialEq)]
pub struct Workload {
    /// Kind and name.
    pub reference: ObjectReference,
    /// `metadata.namespace`.
    pub namespace: String,
    /// `spec.replicas`, if the manifest sets it; the API server's default is 1.
    pub replicas: Option<Replicas>,
    /// How it makes pods.
    pub controller: WorkloadController,
    /// `spec.volumeClaimTemplates` of a StatefulSet.
    pub volume_claim_templates: Vec<VolumeClaim>,
    /// `spec.persistentVolumeClaimRetentionPolicy.whenScaled: Delete`: their claims go with pods that are scaled away.
    pub volume_claims_deleted_with_pods: bool,
    /// `spec.minReadySeconds`.
    pub min_ready: Span,
    /// `spec.progressDeadlineSeconds` of a Deployment.
    pub progress_deadline: Span,
    /// `spec.paused` of a Deployment.
    pub paused: bool,
    /// The pod template.
    pub template: PodTemplate,
    /// The path of the pod's spec in the manifest, such as `spec.template.spec`.
    pub pod_path: String,
    /// `spec.selector`; none for kinds that select by other means.
    pub selector: Option<LabelSelector>,
    /// Whether it was read from a cluster, so that fields may be the API server's or the controllers' own.
    pub live: bool,
}

/// How a workload makes pods.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WorkloadController {
    /// A Deployment with the strategy `RollingUpdate`.
    RollingDeployment {
        /// `maxSurge`, by default 25%.
        max_surge: IntOrPercent,
        /// `maxUnavailable`, by default 25%.
        max_unavailable: IntOrPercent,
    },
    /// A Deployment with the strategy `Recreate`.
    RecreatingDeployment,
    /// A StatefulSet.
    StatefulSet {
        /// `podManagementPolicy: Parallel`: pods need not wait for each other.
        parallel: bool,
        /// `updateStrategy.rollingUpdate.partition`: pods with lower ordinals are not updated; none are with the
        /// strategy `OnDelete`.
        partition: Replicas,
    },
    /// A ReplicaSet, a ReplicationController or a custom resource with `spec.replicas`.
    Replicas,
    /// A custom resource with a pod template and no `spec.replicas`: how many pods there are is not known.
    Unknown,
    /// A DaemonSet: a pod on every node.
    DaemonSet,
    /// A Job.
    Job {
        /// How many pods run at once.
        parallelism: Replicas,
    },
    /// A CronJob.
    CronJob {
        /// How many pods of one run are there at once.
        parallelism: Replicas,
        /// Whether runs may overlap (`concurrencyPolicy: Allow`).
        overlapping: bool,
    },
    /// A pod by itself.
    Pod,
}

/// A number of pods or a part of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IntOrPercent {
    /// So many.
    Count(i32),
    /// So many percent.
    Percent(i32),
}

impl IntOrPercent {
    /// The number of pods, a percentage rounded up. Mirrors `GetScaledValueFromIntOrPercent`.
    pub fn of_rounded_up(self, total: Replicas) -> Replicas {
        match self {
            Self::Count(count) => count,
            Self::Percent(percent) => {
                let exact = i64::from(percent) * i64::from(total);
                ((exact + 99).div_euclid(100)).clamp(i32::MIN.into(), i32::MAX.into()) as Replicas
            }
        }
    }
}

impl IntOrPercent {
    /// The same rounded down.
    pub fn of_rounded_down(self, total: Replicas) -> Replicas {
        match self {
            Self::Count(count) => count,
            Self::Percent(percent) => {
                let exact = i64::from(percent) * i64::from(total);
                exact.div_euclid(100).clamp(i32::MIN.into(), i32::MAX.into()) as Replicas
            }
        }
    }
}

impl std::fmt::Display for IntOrPercent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Count(count) => write!(f, "{count}"),
            Self::Percent(percent) => write!(f, "{percent}%"),
        }
    }
}

impl Workload {
    /// Its identity.
    pub fn id(&self) -> ObjectId {
        ObjectId::referred(&self.reference, &self.namespace)
    }

    /// Whether it has an identity.
    pub fn is(&self, id: &ObjectId) -> bool {
        id.is_referred(&self.reference, &self.namespace)
    }

    /// Whether its selector selects the pods of a template, as the scale subresource reports it.
    pub fn selects(&self, namespace: &str, labels: &super::Labels) -> bool {
        self.namespace == namespace && self.selector.as_ref().is_some_and(|selector| selector.matches(labels))
    }

    /// Whether it has a replica count that can be changed.
    pub fn is_scalable(&self) -> bool {
        use WorkloadController::{RecreatingDeployment, Replicas, RollingDeployment, StatefulSet};
        matches!(
            self.controller,
            RollingDeployment { .. }
                | RecreatingDeployment
                | StatefulSet { .. }
                | Replicas
                | WorkloadController::Unknown
        )
    }

    /// The pods that a rolling update of so many may add and may take away.
    ///
    /// Mirrors `ResolveFenceposts` in `pkg/controller/deployment/util/deployment_util.go`: the surge is rounded up, what
    /// may be unavailable down, and one pod may be if both come to zero.
    pub fn fenceposts(&self, replicas: Replicas) -> (Replicas, Replicas) {
        match self.controller {
            WorkloadController::RollingDeployment { max_surge, max_unavailable } => {
                let surge = max_surge.of_rounded_up(replicas);
                let unavailable = max_unavailable.of_rounded_down(replicas);
                if surge == 0 && unavailable == 0 { (0, 1) } else { (surge, unavailable.min(replicas)) }
            }
            _ => (0, replicas),
        }
    }

    /// The pods that a rolling update adds for a while to so many replicas.
    pub fn surge(&self, replicas: Replicas) -> Replicas {
        if replicas > 0 { self.fenceposts(replicas).0 } else { 0 }
    }
}
