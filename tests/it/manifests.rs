//! What is read from manifests, beyond the errors: kinds, defaults, namespaces, folders.

use predicates::str::contains;

use crate::support::{Deployment, hpasim};

const HPA: &str = "apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: h}
spec: {scaleTargetRef: {apiVersion: VERSION, kind: KIND, name: w}, maxReplicas: 5}
---
";

/// An HPA and its target.
fn scaled(version: &str, kind: &str, container: &str) -> String {
    let selector = if kind == "ReplicationController" { "{app: w}" } else { "{matchLabels: {app: w}}" };
    HPA.replace("VERSION", version).replace("KIND", kind)
        + &format!(
            "apiVersion: {version}\nkind: {kind}\nmetadata: {{name: w}}\nspec:\n  replicas: 2\n  selector: {selector}\n  \
             template:\n    metadata: {{labels: {{app: w}}}}\n    spec:\n      containers:\n        - {{name: c, image: c, \
             {container}}}\n"
        )
}

fn deployment(container: &str) -> String {
    scaled("apps/v1", "Deployment", container)
}

#[test]
fn any_kind_with_a_pod_template_can_be_scaled() {
    for (version, kind) in [
        ("apps/v1", "Deployment"),
        ("apps/v1", "StatefulSet"),
        ("apps/v1", "ReplicaSet"),
        ("v1", "ReplicationController"),
        ("argoproj.io/v1alpha1", "Rollout"),
        ("example.org/v1", "Deployment"),
    ] {
        let deployment = Deployment::from_yaml(&scaled(version, kind, "resources: {requests: {cpu: 100m}}"));
        assert_eq!((deployment.workload.reference.kind.as_str(), deployment.workload.replicas), (kind, Some(2)));
    }
}

/// Requests default to limits, then the LimitRange fills in what is missing.
#[test]
fn limit_ranges_fill_in_what_is_missing() {
    let range = "---\napiVersion: v1\nkind: LimitRange\nmetadata: {name: r}\nspec: {limits: [{type: Container, \
                 defaultRequest: {cpu: 50m}, default: {cpu: 400m, memory: 1Gi}, max: {memory: 2Gi}}]}\n";
    let template = |container: &str| {
        let yaml = deployment(container) + range;
        Deployment::from_yaml(&yaml).workload.template
    };
    let bare = template("");
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
    let web = deployment("resources: {requests: {cpu: 100m}}");
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
    // All of them, and that is said.
    let both = run(&["-R"]).success().stderr(contains("note: 2 HPAs match"));
    both.stdout(contains("\nprod/h ")).stdout(contains("\nstaging/h "));
    run(&["-R", "-n", "prod"]).success();
    run(&["-R", "-n", "test"]).code(2).stderr(contains("no HorizontalPodAutoscaler in namespace `test`"));
    // A folder that is named twice counts once.
    run(&["-f", path]).success();
}
