//! The field names of an HPA and of a pod template, to find misspelt ones.
//!
//! From the OpenAPI definitions of `io.k8s.api.autoscaling` and `io.k8s.api.core.v1`
//! (Kubernetes 1.23 to 1.37).

use serde_yaml::Value;

/// One type a line: its name, then its fields. `field=Type` descends; `*` after a field means a list;
/// a field without a type is not looked into. Fields of another version of autoscaling are known here, too:
/// they have a warning of their own.
const TYPES: &str = "
Hpa apiVersion kind metadata=Meta spec=HpaSpec status
HpaV1 apiVersion kind metadata=Meta spec=HpaV1Spec status
Meta name generateName namespace labels annotations finalizers ownerReferences managedFields creationTimestamp deletionTimestamp deletionGracePeriodSeconds generation resourceVersion selfLink uid
HpaSpec scaleTargetRef=Ref minReplicas maxReplicas metrics*=Metric behavior=Behavior targetCPUUtilizationPercentage
HpaV1Spec scaleTargetRef=Ref minReplicas maxReplicas targetCPUUtilizationPercentage metrics behavior
Ref apiVersion kind name
Metric type resource=ResourceMetric containerResource=ContainerMetric pods=PodsMetric object=ObjectMetric external=ExternalMetric
ResourceMetric name target=Target
ContainerMetric name container target=Target
PodsMetric metric=Identifier target=Target
ObjectMetric metric=Identifier describedObject=Ref target=Target
ExternalMetric metric=Identifier target=Target
Identifier name selector=Selector
Target type value averageValue averageUtilization
Behavior scaleUp=Rules scaleDown=Rules
Rules stabilizationWindowSeconds selectPolicy policies*=Policy tolerance
Policy type value periodSeconds
Selector matchLabels matchExpressions*=Requirement
Requirement key operator values
Template metadata=Meta spec=PodSpec
PodSpec activeDeadlineSeconds affinity=Affinity automountServiceAccountToken containers*=Container dnsConfig dnsPolicy enableServiceLinks ephemeralContainers hostAliases hostIPC hostNetwork hostPID hostUsers hostname hostnameOverride imagePullSecrets*=Name initContainers*=Container nodeName nodeSelector os overhead preemptionPolicy priority priorityClassName readinessGates resourceClaims resources=Resources restartPolicy runtimeClassName schedulerName schedulingGates schedulingGroup securityContext=PodSecurity serviceAccount serviceAccountName setHostnameAsFQDN shareProcessNamespace subdomain terminationGracePeriodSeconds tolerations*=Toleration topologySpreadConstraints*=Spread volumes*=Volume workloadRef
Name name
Affinity nodeAffinity podAffinity=PodAffinity podAntiAffinity=PodAffinity
PodAffinity requiredDuringSchedulingIgnoredDuringExecution*=Term preferredDuringSchedulingIgnoredDuringExecution*=Weighted
Weighted weight podAffinityTerm=Term
Term labelSelector=Selector namespaceSelector=Selector namespaces topologyKey matchLabelKeys mismatchLabelKeys
Toleration key operator value effect tolerationSeconds
Spread maxSkew topologyKey whenUnsatisfiable labelSelector=Selector matchLabelKeys minDomains nodeAffinityPolicy nodeTaintsPolicy
PodSecurity appArmorProfile fsGroup fsGroupChangePolicy runAsGroup runAsNonRoot runAsUser seLinuxChangePolicy seLinuxOptions seccompProfile supplementalGroups supplementalGroupsPolicy sysctls windowsOptions
Container args command env*=Env envFrom*=EnvFrom image imagePullPolicy lifecycle=Lifecycle livenessProbe=Probe name ports*=Port readinessProbe=Probe resizePolicy resources=Resources restartPolicy restartPolicyRules securityContext=Security startupProbe=Probe stdin stdinOnce terminationMessagePath terminationMessagePolicy tty volumeDevices volumeMounts*=Mount workingDir
Env name value valueFrom=EnvSource
EnvSource configMapKeyRef=KeyRef secretKeyRef=KeyRef fieldRef resourceFieldRef fileKeyRef
KeyRef name key optional
EnvFrom prefix configMapRef=OptionalName secretRef=OptionalName
OptionalName name optional
Lifecycle preStop=Handler postStart=Handler stopSignal
Handler exec=Exec httpGet=HttpGet tcpSocket=Tcp sleep
Exec command
HttpGet host httpHeaders path port scheme
Tcp host port
Probe exec=Exec httpGet=HttpGet tcpSocket=Tcp grpc failureThreshold initialDelaySeconds periodSeconds successThreshold terminationGracePeriodSeconds timeoutSeconds
Port containerPort hostIP hostPort name protocol
Resources claims limits requests
Security allowPrivilegeEscalation appArmorProfile capabilities privileged procMount readOnlyRootFilesystem runAsGroup runAsNonRoot runAsUser seLinuxOptions seccompProfile windowsOptions
Mount mountPath mountPropagation name readOnly recursiveReadOnly subPath subPathExpr
Volume name awsElasticBlockStore azureDisk azureFile cephfs cinder configMap csi downwardAPI emptyDir=EmptyDir ephemeral fc flexVolume flocker gcePersistentDisk gitRepo glusterfs hostPath image iscsi nfs persistentVolumeClaim=Claim photonPersistentDisk portworxVolume projected quobyte rbd scaleIO secret storageos vsphereVolume
EmptyDir medium sizeLimit
Claim claimName readOnly
";

/// A field that no release knows, and the known one that looks most like it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unknown {
    pub path: String,
    pub name: String,
    pub nearest: Option<String>,
}

/// Finds the unknown fields of `value`, which is of type `type_name` and stands at `path`.
pub(super) fn unknown_fields(value: &Value, type_name: &str, path: &str) -> Vec<Unknown> {
    let mut found = Vec::new();
    check(value, type_name, path, &mut found);
    found
}

fn check(value: &Value, type_name: &str, path: &str, found: &mut Vec<Unknown>) {
    let Some(mapping) = value.as_mapping() else { return };
    let fields = fields_of(type_name);
    for (key, child) in mapping {
        let Some(name) = key.as_str() else { continue };
        let child_path = if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
        let Some(field) = fields.iter().find(|field| field.name == name) else {
            found.push(Unknown { path: child_path, name: name.to_owned(), nearest: nearest(name, &fields) });
            continue;
        };
        let Some(child_type) = field.type_name else { continue };
        if field.list {
            for (index, item) in child.as_sequence().into_iter().flatten().enumerate() {
                check(item, child_type, &format!("{child_path}[{index}]"), found);
            }
        } else {
            check(child, child_type, &child_path, found);
        }
    }
}

#[derive(Clone, Copy)]
struct Field {
    name: &'static str,
    list: bool,
    type_name: Option<&'static str>,
}

fn fields_of(type_name: &str) -> Vec<Field> {
    let line = TYPES.lines().find(|line| line.split(' ').next() == Some(type_name)).unwrap_or_default();
    line.split(' ')
        .skip(1)
        .map(|field| {
            let (name, type_name) = field.split_once('=').map_or((field, None), |(name, child)| (name, Some(child)));
            let (name, list) = name.strip_suffix('*').map_or((name, false), |name| (name, true));
            Field { name, list, type_name }
        })
        .collect()
}

/// The most similar field name, if any is similar enough to have been meant.
fn nearest(name: &str, fields: &[Field]) -> Option<String> {
    let similarity = |field: &Field| strsim::jaro_winkler(&name.to_ascii_lowercase(), &field.name.to_ascii_lowercase());
    let (best, score) =
        fields.iter().map(|field| (field.name, similarity(field))).max_by(|a, b| a.1.total_cmp(&b.1))?;
    (score > 0.75).then(|| best.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_that_is_named_is_defined() {
        let defined: Vec<&str> = TYPES.lines().filter_map(|line| line.split(' ').next()).collect();
        for line in TYPES.lines() {
            for child in line.split(' ').filter_map(|field| field.split_once('=')).map(|(_, child)| child) {
                assert!(defined.contains(&child), "{child}");
            }
        }
    }

    #[test]
    fn misspelt_fields_are_found_at_any_depth() {
        let value: Value = serde_yaml::from_str(
            "spec: {minReplica: 1, maxReplicas: 2, behavior: {scaleUp: {policies: [{type: Pods, periodSecond: 15}]}}, xyzzy: 1}",
        )
        .unwrap();
        let found = unknown_fields(&value, "Hpa", "");
        let shown: Vec<_> = found.iter().map(|u| (u.path.as_str(), u.nearest.as_deref())).collect();
        assert_eq!(
            shown,
            [
                ("spec.minReplica", Some("minReplicas")),
                ("spec.behavior.scaleUp.policies[0].periodSecond", Some("periodSeconds")),
                ("spec.xyzzy", None),
            ]
        );
    }
}
