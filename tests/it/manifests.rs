//! What is read from manifests, beyond the errors: kinds, defaults, namespaces, folders.

use predicates::str::contains;

use crate::support::{Deployment, hpasim};

const HPA: &str = "apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: h}
spec: {scaleTargetRef: {kind: KIND, name: w}, maxReplicas: 5}
---
";

fn workload(kind: &str, container: &str) -> String {
    format!(
        "apiVersion: example.org/v1\nkind: {kind}\nmetadata: {{name: w}}\nspec:\n  replicas: 2\n  template:\n    spec:\n      \
         containers:\n        - {{name: c, {container}}}\n"
    )
}

#[test]
fn any_kind_with_a_pod_template_can_be_scaled() {
    for kind in ["Deployment", "StatefulSet", "ReplicaSet", "ReplicationController", "Rollout"] {
        let yaml = HPA.replace("KIND", kind) + &workload(kind, "resources: {requests: {cpu: 100m}}");
        let deployment = Deployment::from_yaml(&yaml);
        assert_eq!((deployment.workload.reference.kind.as_str(), deployment.workload.replicas), (kind, Some(2)));
    }
}

/// Requests default to limits, then the LimitRange fills in what is missing.
#[test]
fn limit_ranges_fill_in_what_is_missing() {
    let range = "---\napiVersion: v1\nkind: LimitRange\nmetadata: {name: r}\nspec: {limits: [{type: Container, \
                 defaultRequest: {cpu: 50m}, default: {cpu: 400m, memory: 1Gi}, max: {memory: 2Gi}}]}\n";
    let template = |container: &str| {
        let yaml = HPA.replace("KIND", "Deployment") + &workload("Deployment", container) + range;
        Deployment::from_yaml(&yaml).workload.template
    };
    let bare = template("image: x");
    assert_eq!((bare.cpu_request().get(), bare.cpu_limit().unwrap().get()), (50, 400));
    assert_eq!(
        (bare.memory_request().to_string(), bare.memory_limit().unwrap().to_string()),
        ("1Gi".into(), "1Gi".into())
    );
    let own_limit = template("resources: {limits: {cpu: 2}}");
    assert_eq!((own_limit.cpu_request().get(), own_limit.cpu_limit().unwrap().get()), (2000, 2000));
}

#[test]
fn folders_recursion_and_choosing() {
    let folder = tempfile::tempdir().unwrap();
    let write = |path: &str, text: &str| crate::support::write(&folder.path().join(path), text);
    let web = HPA.replace("KIND", "Deployment") + &workload("Deployment", "resources: {requests: {cpu: 100m}}");
    let in_namespace = |name: &str| {
        web.replace("name: h", &format!("name: h, namespace: {name}"))
            .replace("{name: w}\nspec:", &format!("{{name: w, namespace: {name}}}\nspec:"))
    };
    write("web.yaml", &in_namespace("staging"));
    write("deep/api.yml", &in_namespace("prod"));
    write("notes.txt", "not a manifest");
    let path = folder.path().to_str().unwrap();
    let run = |args: &[&str]| {
        hpasim(&[&["simulate", "-f", path, "--constant", "cpu=0.1", "--duration", "1m"], args].concat()).assert()
    };
    run(&[]).success();
    run(&["-R"]).code(2).stderr(contains("2 HorizontalPodAutoscalers match: prod/h")).stderr(contains("staging/h"));
    run(&["-R", "-n", "prod"]).success();
    run(&["-R", "-n", "test"]).code(2).stderr(contains("no HorizontalPodAutoscaler in namespace `test`"));
    run(&["-f", path]).code(2).stderr(contains("is defined twice"));
}
