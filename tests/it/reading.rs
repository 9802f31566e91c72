//! Manifests as people have them: folders with other things in them, dumps, lists, duplicates, what is not there.

use std::path::Path;

use predicates::prelude::PredicateBooleanExt;
use predicates::str::contains;
use serde_json::Value;

use crate::support::{Deployment, hpasim, write};

const HPA: &str = "apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: web}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}
  minReplicas: 1
  maxReplicas: 5
";
const WEB: &str = "apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
        - {name: web, image: example/web:1, resources: {requests: {cpu: 100m, memory: 64Mi}}, readinessProbe: {periodSeconds: 5}}
";
const LOAD: [&str; 6] = ["--constant", "cpu=0.2", "--constant", "memory=1Gi", "--duration", "10m"];

/// A folder with these files.
pub fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        write(&folder.path().join(name), text);
    }
    folder
}

pub fn path(folder: &tempfile::TempDir) -> &str {
    folder.path().to_str().unwrap()
}

/// Runs a command on a text from standard input.
pub fn piped(args: &[&str], yaml: &str) -> assert_cmd::assert::Assert {
    hpasim(&[args, &["-f", "-"]].concat()).write_stdin(yaml.to_owned()).assert()
}

fn simulated(yaml: &str) -> assert_cmd::assert::Assert {
    piped(&[&["simulate"], LOAD.as_slice()].concat(), yaml)
}

/// The plan of a folder as JSON.
pub fn plan_json(args: &[&str]) -> Value {
    let out = tempfile::tempdir().unwrap();
    hpasim(&[&["plan", "-o", path(&out)], args].concat()).assert().success();
    serde_json::from_slice(&std::fs::read(out.path().join("plan.json")).unwrap()).unwrap()
}

#[test]
fn what_is_no_object_is_passed_over() {
    let tree = folder(&[
        ("hpa.yaml", HPA),
        ("web.yaml", WEB),
        (
            "kustomization.yaml",
            "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: [hpa.yaml]\n",
        ),
        ("values.yaml", "image: {tag: 1}\nreplicas: 3\n"),
        ("docker-compose.yml", "version: '3'\nservices: {web: {image: x}}\n"),
        ("dashboard.json", "{\"title\": \"d\", \"panels\": [{\"id\": 1, \"title\": \"\\ud83d\\ude00\"}]}"),
        ("cloudbuild.yaml", "steps: [{name: gcr.io/cloud-builders/docker}]\n"),
        ("kind.yaml", "kind: Cluster\napiVersion: kind.x-k8s.io/v1alpha4\nnodes: [{role: worker}]\n"),
        ("Chart.yaml", "apiVersion: v2\nname: web\nversion: 1.0.0\n"),
        ("list.yaml", "- a\n- b\n"),
    ]);
    let args = [&["simulate", "-f", path(&tree)], LOAD.as_slice()].concat();
    let mut run = hpasim(&args).assert().success();
    for name in ["kustomization", "values", "docker-compose", "dashboard", "cloudbuild", "kind", "Chart", "list"] {
        run = run.stderr(contains(format!("{name}.")).and(contains("note: ")));
    }
    hpasim(&[args.as_slice(), &["--strict"]].concat()).assert().code(2).stderr(contains("error: ").count(8));
    // Nothing else: an error that says what there was.
    let nothing = folder(&[("values.yaml", "a: 1\n")]);
    for command in ["lint", "plan"] {
        let run = hpasim(&[command, "-f", path(&nothing)]).assert().code(2);
        run.stderr(contains("values.yaml:1:1: is no Kubernetes object"))
            .stderr(contains("there is no Kubernetes object"));
    }
}

#[test]
fn objects_that_nothing_can_be_said_of_are_an_error() {
    for command in ["lint", "plan"] {
        piped(&[command], "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\n").code(2).stderr(contains("nothing"));
    }
}

#[test]
fn charts_and_kustomizations_name_the_pipe() {
    let chart = folder(&[("web.yaml", "kind: Deployment\nmetadata:\n  name: {{ .Release.Name }}\n")]);
    hpasim(&["lint", "-f", path(&chart)])
        .assert()
        .code(2)
        .stderr(contains("web.yaml:3: is a template").and(contains("helm template")));
    let quoted = WEB.replace("metadata: {name: web}", "metadata: {name: \"{{ .Release.Name }}\"}");
    piped(&["plan"], &quoted).code(2).stderr(contains("is a template: render it first"));
    let tree = folder(&[
        ("kustomization.yaml", "resources: [web.yaml]\npatches: [{path: p.yaml}]\nnamePrefix: a-\n"),
        ("web.yaml", WEB),
    ]);
    let note = contains("it changes what is applied (patches, namePrefix)").and(contains("-k "));
    hpasim(&["plan", "-f", path(&tree)]).assert().success().stderr(note);
}

/// `-k` runs the first of kubectl and kustomize that is on the PATH.
#[cfg(unix)]
#[test]
fn kustomizations_are_rendered_by_what_is_there() {
    use std::os::unix::fs::PermissionsExt;
    let program = |folder: &Path, name: &str, script: &str| {
        let path = folder.join(name);
        write(&path, &format!("#!/bin/sh\n{script}\n"));
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    };
    let run = |path: &Path| {
        let mut command = hpasim(&["plan", "-k", "overlays/prod"]);
        command.env("PATH", path);
        command.assert()
    };
    let bin = tempfile::tempdir().unwrap();
    run(bin.path()).code(2).stderr(contains("kubectl kustomize overlays/prod | hpasim"));
    program(
        bin.path(),
        "kustomize",
        &format!("test \"$1 $2\" = 'build overlays/prod' || exit 9\ncat <<'END'\n{WEB}END"),
    );
    // `cat` is not on that PATH.
    program(bin.path(), "cat", "exec /bin/cat \"$@\"");
    run(bin.path()).success().stdout(contains("Deployment/web"));
    program(bin.path(), "kubectl", "echo 'no such base' >&2; exit 1");
    run(bin.path()).code(2).stderr(contains("kubectl kustomize overlays/prod failed: no such base"));
}

/// `kubectl apply` would leave the last one.
#[test]
fn of_an_object_that_stands_there_twice_the_last_one_counts() {
    let tree = folder(&[
        ("1-hpa.yaml", HPA),
        ("2-hpa.yaml", &HPA.replace("maxReplicas: 5", "maxReplicas: 10").replace("minReplicas: 1", "minReplicas: 2")),
        ("3-web.yaml", WEB),
        ("4-web.yaml", &WEB.replace("cpu: 100m", "cpu: 300m")),
    ]);
    let run = hpasim(&["plan", "-f", path(&tree)]).assert().success();
    run.stderr(
        contains("2-hpa.yaml:1:1: HorizontalPodAutoscaler/web in namespace default stands there twice, also at")
            .and(contains("4-web.yaml:1:1: Deployment/web"))
            .and(contains("1-hpa.yaml:1:1")),
    );
    let plan = plan_json(&["-f", path(&tree)]);
    assert_eq!(plan["workloads"].as_array().unwrap().len(), 1);
    assert_eq!(plan["totals"]["minimum"]["pods"]["value"], 2);
    assert_eq!(plan["totals"]["maximum"]["pods"]["value"], 10);
    assert_eq!(plan["totals"]["minimum"]["requests"]["cpu"]["quantity"], "600m");
    hpasim(&[&["simulate", "-f", path(&tree)], LOAD.as_slice()].concat()).assert().success();
    // The same name in another namespace is another object.
    let other = HPA.replace("{name: web}", "{name: web, namespace: other}");
    piped(&["lint"], &format!("{HPA}---\n{other}---\n{WEB}")).stdout(contains("HPA021").not());
}

/// Every autoscaler is a row; what cannot be counted says so.
#[test]
fn no_autoscaler_is_dropped() {
    let yaml = format!(
        "{HPA}---\n{}---\n{}---\n{WEB}---
apiVersion: core.spinkube.dev/v1
kind: SpinApp
metadata: {{name: spin}}
spec: {{image: x}}
---
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata: {{name: worker}}
spec: {{scaleTargetRef: {{name: worker}}, minReplicaCount: 2, maxReplicaCount: 50}}
---
{}---
apiVersion: keda.sh/v1alpha1
kind: ScaledJob
metadata: {{name: jobs}}
spec: {{}}
---
apiVersion: autoscaling.k8s.io/v1
kind: VerticalPodAutoscaler
metadata: {{name: size}}
spec: {{targetRef: {{apiVersion: apps/v1, kind: Deployment, name: web}}, updatePolicy: {{updateMode: \"Off\"}}}}
---
apiVersion: serving.knative.dev/v1
kind: Service
metadata: {{name: fn}}
spec: {{template: {{spec: {{containers: [{{image: f, name: f}}]}}}}}}
",
        HPA.replace("name: web}\nspec", "name: spin}\nspec").replace(
            "apiVersion: apps/v1, kind: Deployment, name: web",
            "apiVersion: core.spinkube.dev/v1, kind: SpinApp, name: spin"
        ),
        HPA.replace("name: web}\nspec", "name: gone}\nspec")
            .replace("kind: Deployment, name: web", "kind: Deployment, name: gone"),
        WEB.replace("web", "worker"),
    );
    let tree = folder(&[("all.yaml", &yaml)]);
    let plan = plan_json(&["-f", path(&tree)]);
    let rows = plan["autoscalers"].as_array().unwrap();
    let row = |kind: &str, name: &str| rows.iter().find(|row| row["kind"] == kind && row["name"] == name).unwrap();
    assert_eq!(rows.len(), 6);
    assert_eq!(row("HorizontalPodAutoscaler", "web")["counted"], true);
    assert_eq!(row("ScaledObject", "worker")["counted"], true);
    for (kind, name, reason) in [
        ("HorizontalPodAutoscaler", "spin", "whose pods hpasim cannot see"),
        ("HorizontalPodAutoscaler", "gone", "no Deployment/gone in namespace default"),
        ("ScaledJob", "jobs", "does not know the kind"),
        ("VerticalPodAutoscaler", "size", "only recommends"),
    ] {
        let row = row(kind, name);
        assert_eq!(row["counted"], false, "{row}");
        assert!(row["reason"].as_str().unwrap().contains(reason), "{row}");
    }
    // 1 to 5 of web, 2 to 50 of worker.
    assert_eq!(plan["totals"]["minimum"]["pods"]["value"], 3);
    assert_eq!(plan["totals"]["maximum"]["pods"]["value"], 55);
    let warned = hpasim(&["plan", "-f", path(&tree)]).assert().success();
    warned.stdout(contains("NO: ").count(3).and(contains("NOT COUNTED: how many is not known"))).stderr(
        contains("not in the sums: ").count(4).and(contains("default/HorizontalPodAutoscaler/spin (1 to 5 pods)")),
    );
    let out = tempfile::tempdir().unwrap();
    hpasim(&["plan", "-f", path(&tree), "-o", path(&out)]).assert().success();
    let csv = std::fs::read_to_string(out.path().join("plan.csv")).unwrap();
    assert!(
        csv.contains("SpinApp/spin,default,not counted,1 to 5,") && csv.contains("Service/fn,default,not counted,")
    );
    hpasim(&["lint", "-f", path(&tree)]).assert().stdout(
        contains("ScaledObject/worker scales Deployment/worker from 2 to 50 pods")
            .and(contains("ScaledJob/jobs is of a kind"))
            .and(contains("VerticalPodAutoscaler/size recommends"))
            .and(contains("SpinApp/spin")),
    );
    // Autoscalers alone are a plan, too.
    piped(&["plan"], HPA).success().stdout(contains("NO: no Deployment/web"));
}

#[test]
fn a_target_that_is_not_there_can_be_stated() {
    simulated(HPA).code(2).stderr(contains("no Deployment/web in namespace default").and(contains("--pod-requests")));
    let stated = ["--pod-requests", "cpu=100m,memory=128Mi", "--pod-limits", "cpu=200m", "--replicas", "2"];
    let run = piped(&[&["simulate"], stated.as_slice(), LOAD.as_slice()].concat(), HPA).success();
    run.stdout(contains("peak 0.3 cores").and(contains("2 -> 3")));
    piped(&[&["plan"], stated.as_slice()].concat(), HPA).success().stdout(contains("Deployment/web"));
    let both = format!("{HPA}---\n{WEB}");
    piped(&[&["simulate"], stated.as_slice(), LOAD.as_slice()].concat(), &both)
        .code(2)
        .stderr(contains("the target is among the manifests"));
    // The true cause: another group, or a kind that cannot be read.
    let rollout = WEB.replace("apps/v1", "argoproj.io/v1alpha1").replace("kind: Deployment", "kind: Rollout");
    let wrong = HPA.replace("kind: Deployment", "kind: Rollout");
    simulated(&format!("{wrong}---\n{rollout}")).code(2).stderr(
        contains("Rollout/web is of argoproj.io/v1alpha1").and(contains("write `apiVersion: argoproj.io/v1alpha1`")),
    );
    let app = "apiVersion: flink.apache.org/v1beta1\nkind: FlinkDeployment\nmetadata: {name: web}\nspec: {}\n";
    let flink = HPA.replace("apps/v1, kind: Deployment", "flink.apache.org/v1beta1, kind: FlinkDeployment");
    simulated(&format!("{flink}---\n{app}")).code(2).stderr(contains("is of a kind whose pods hpasim cannot see"));
    let keda =
        "apiVersion: keda.sh/v1alpha1\nkind: ScaledObject\nmetadata: {name: s}\nspec: {scaleTargetRef: {name: web}}\n";
    simulated(&format!("{keda}---\n{WEB}")).code(2).stderr(contains("ScaledObject/s makes one in the cluster"));
}

/// Older versions are read below the release that drops them, and mean the same.
#[test]
fn older_versions_of_an_hpa_are_converted() {
    let v2 = "metrics:
    - {type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 70}}}
    - {type: Resource, resource: {name: memory, target: {type: AverageValue, averageValue: 100Mi}}}
    - {type: Pods, pods: {metric: {name: q}, target: {type: AverageValue, averageValue: 5}}}
    - {type: Object, object: {metric: {name: h}, describedObject: {apiVersion: v1, kind: Service, name: s}, target: {type: Value, value: 9}}}
    - {type: External, external: {metric: {name: e, selector: {matchLabels: {a: b}}}, target: {type: AverageValue, averageValue: 3}}}
";
    let v2beta1 = "metrics:
    - {type: Resource, resource: {name: cpu, targetAverageUtilization: 70}}
    - {type: Resource, resource: {name: memory, targetAverageValue: 100Mi}}
    - {type: Pods, pods: {metricName: q, targetAverageValue: 5}}
    - {type: Object, object: {metricName: h, target: {apiVersion: v1, kind: Service, name: s}, targetValue: 9}}
    - {type: External, external: {metricName: e, metricSelector: {matchLabels: {a: b}}, targetAverageValue: 3}}
";
    let read = |version: &str, minor: u8, metrics: &str| {
        let text = format!("{}  {metrics}", HPA.replace("autoscaling/v2", version));
        let source = hpasim::input::Source { name: "h.yaml".into(), text };
        let version = hpasim::model::KubernetesVersion::new(minor).unwrap();
        let read = hpasim::input::manifests::read(&[source], hpasim::input::manifests::Context::new(version, None));
        read.unwrap().accepted().map(|manifests| manifests.inventory.hpas[0].item.clone())
    };
    let expected = read("autoscaling/v2", 24, v2).unwrap();
    assert_eq!(expected.metrics.len(), 5);
    assert_eq!(read("autoscaling/v2beta1", 24, v2beta1).unwrap(), expected);
    assert_eq!(read("autoscaling/v2beta2", 25, v2).unwrap(), expected);
    for (version, minor, metrics) in [("autoscaling/v2beta1", 25, v2beta1), ("autoscaling/v2beta2", 26, v2)] {
        let error = read(version, minor, metrics).unwrap_err().to_string();
        assert!(error.contains("is not served since") && error.contains("use autoscaling/v2"), "{error}");
    }
}

/// What the API server takes, although it looks odd.
#[test]
fn what_the_api_server_accepts_is_accepted() {
    let both = format!("{HPA}---\n{WEB}");
    let twice = both.replace("maxReplicas: 5", "maxReplicas: 3\n  maxReplicas: 5");
    simulated(&twice)
        .success()
        .stderr(contains("duplicate key; the first is on line 7").and(contains("the last one counts")));
    // Concatenated JSON, with blanks around a quantity.
    let json = |yaml: &str| serde_json::to_string(&serde_yaml::from_str::<Value>(yaml).unwrap()).unwrap();
    let (hpa, web) = (json(HPA), json(WEB).replace("\"100m\"", "\" 100m \""));
    simulated(&format!("{hpa}\n{web}\n{{\"apiVersion\": \"v1\", \"kind\": \"List\", \"items\": null}}")).success();
    // Items of a typed list need no kind.
    let untyped = |text: &str, kind: &str, version: &str| {
        text.replace(&format!("\"kind\":\"{kind}\","), "").replace(&format!("\"apiVersion\":\"{version}\","), "")
    };
    let list = |version: &str, kind: &str, item: &str| {
        format!(
            "{{\"apiVersion\": \"{version}\", \"kind\": \"{kind}List\", \"items\": [{}]}}",
            untyped(item, kind, version)
        )
    };
    let hpas = list("autoscaling/v2", "HorizontalPodAutoscaler", &hpa);
    simulated(&format!("{hpas}\n{}", list("apps/v1", "Deployment", &web))).success();
    // YAML 1.1: octal numbers and booleans; 12E is a quantity.
    let octal =
        both.replace("replicas: 2", "replicas: 010\n  paused: off").replace("memory: 64Mi", "ephemeral-storage: 12E");
    let read = Deployment::from_yaml(&octal).workload;
    assert_eq!((read.replicas, read.paused), (Some(8), false));
    assert_eq!(read.template.requests().quantity("ephemeral-storage").to_string(), "9223372036854775807");
}

/// Nothing that only says what the API server filled in, and no pod twice.
#[test]
fn live_dumps_are_read_as_such() {
    let live =
        |text: &str, uid: &str| text.replace("metadata: {name: web", &format!("metadata: {{uid: {uid}, name: web"));
    let pod = |name: &str, owner: &str| {
        format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}, uid: {name}, labels: {{app: web}}, ownerReferences: \
             [{{apiVersion: apps/v1, kind: ReplicaSet, name: {owner}, uid: r, controller: true}}]}}\nspec: {{containers: [{{name: \
             web, image: w, resources: {{requests: {{cpu: 100m}}}}}}]}}\nstatus: {{phase: Running}}\n"
        )
    };
    let dump = format!(
        "{}---\n{}---\n{}---\n{}",
        live(HPA, "h"),
        live(WEB, "d"),
        pod("web-a", "web-x"),
        pod("web-b", "web-x")
    );
    piped(&["lint"], &dump).stdout(contains("HPA002").not());
    piped(&["lint"], &format!("{HPA}---\n{WEB}")).stdout(contains("HPA002"));
    let tree = folder(&[("dump.yaml", &dump)]);
    let plan = plan_json(&["-f", path(&tree)]);
    // The ReplicaSet between them was left out.
    assert_eq!(plan["totals"]["declared"]["pods"]["value"], 2);
    // Without any owner the pods are all that is known.
    let pods = folder(&[("pods.yaml", &format!("{}---\n{}", pod("web-a", "web-x"), pod("web-b", "web-x")))]);
    assert_eq!(plan_json(&["-f", path(&pods)])["totals"]["declared"]["pods"]["value"], 2);
}

#[test]
fn a_custom_metric_may_have_the_name_of_a_column() {
    for name in ["rps", "clients", "replicas"] {
        let metric = format!(
            "  metrics: [{{type: Pods, pods: {{metric: {{name: {name}}}, target: {{type: AverageValue, averageValue: 10}}}}}}]\n"
        );
        let yaml = format!("{HPA}{metric}---\n{WEB}");
        let load = format!("{name}=40");
        piped(&["simulate", "--constant", &load, "--duration", "5m"], &yaml).success().stdout(contains("2 -> 4"));
    }
    // As the load and as the metric at once.
    let yaml = format!(
        "{HPA}  metrics: [{{type: External, external: {{metric: {{name: rps}}, target: {{type: AverageValue, averageValue: 10}}}}}}]\n---\n{WEB}"
    );
    let args = ["simulate", "--constant", "rps=40", "--cpu-per-request", "1m", "--duration", "5m"];
    piped(&args, &yaml).success().stdout(contains("2 -> 4"));
}

/// Two HPAs on one target stop each other from 1.27 on, and can be simulated; before, they fight, and cannot.
#[test]
fn two_hpas_on_one_target_stop_each_other() {
    let cpu =
        "  metrics: [{type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 50}}}]\n";
    let second =
        HPA.replace("metadata: {name: web}", "metadata: {name: too}").replace("minReplicas: 1", "minReplicas: 3");
    let yaml = format!("{HPA}{cpu}---\n{second}{cpu}---\n{WEB}");
    let args = ["simulate", "--constant", "cpu=2", "--duration", "10m", "--hpa"];
    piped(&[&args[..], &["web"]].concat(), &yaml)
        .success()
        .stdout(contains("Scaling events: 0").and(contains("cpu above target       0s, not readable for 10m (100%)")))
        .stderr(contains("neither HPA scales on its metrics (AmbiguousSelector)"));
    // The bounds are kept all the same.
    piped(&[&args[..], &["too"]].concat(), &yaml).success().stdout(contains("2 -> 3"));
    let before = ["web", "--kubernetes-version", "1.26"];
    piped(&[&args[..], &before].concat(), &yaml)
        .code(2)
        .stderr(contains("two HPAs on one target work against each other"));
}

/// An object is its kind, group, namespace and name, whatever is printed.
#[test]
fn objects_of_several_namespaces_are_kept_apart() {
    let of =
        |namespace: &str, text: &str| text.replace("{name: web}", &format!("{{name: web, namespace: {namespace}}}"));
    let bare = WEB.replace(", readinessProbe: {periodSeconds: 5}", "");
    let yaml = [of("a", HPA), of("a", &bare), of("b", HPA), of("b", WEB)].join("---\n");
    let tree = folder(&[("all.yaml", &yaml)]);
    hpasim(&["lint", "-f", path(&tree)]).assert().stdout(contains("HPA015"));
    let of_b = hpasim(&["lint", "-f", path(&tree), "-n", "b"]).assert();
    let lines = String::from_utf8(of_b.get_output().stdout.clone()).unwrap();
    assert!(!lines.contains("HPA015") && !lines.contains("HPA005"), "{lines}");
    for line in lines.lines().filter(|line| line.contains("all.yaml:")) {
        let number: usize = line.split("all.yaml:").nth(1).unwrap().split(':').next().unwrap().parse().unwrap();
        assert!(number > 20, "{line}");
    }
    of_b.stderr(contains("objects of other namespaces are left out: a (2)"));
    let plan = plan_json(&["-f", path(&tree)]);
    assert_eq!(plan["workloads"].as_array().unwrap().len(), 2);
    hpasim(&["plan", "-f", path(&tree)])
        .assert()
        .stdout(contains("a/Deployment/web").and(contains("b/Deployment/web")));
    hpasim(&["plan", "-f", path(&tree), "-n", "c"]).assert().code(2).stderr(contains("no object of namespace `c`"));
}
