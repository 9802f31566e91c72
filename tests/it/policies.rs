//! What quotas, limit ranges, disruption budgets and nodes let there be: in `plan`, `simulate`, `replay` and `lint`.

use serde_json::{Value, json};

use crate::reading::{folder, path, piped, plan_json};
use crate::support::hpasim;

/// A Deployment of pods that request 500m with an HPA from 2 to 10.
fn web(resources: &str) -> String {
    format!(
        "apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {{name: web, namespace: shop}}
spec:
  scaleTargetRef: {{apiVersion: apps/v1, kind: Deployment, name: web}}
  minReplicas: 2
  maxReplicas: 10
  metrics: [{{type: Resource, resource: {{name: cpu, target: {{type: Utilization, averageUtilization: 50}}}}}}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {{name: web, namespace: shop}}
spec:
  replicas: 2
  selector: {{matchLabels: {{app: web}}}}
  template:
    metadata: {{labels: {{app: web}}}}
    spec:
      containers: [{{name: web, image: example/web:1, readinessProbe: {{periodSeconds: 5}}, resources: {{{resources}}}}}]
"
    )
}

const REQUESTS: &str = "requests: {cpu: 500m, memory: 256Mi}";

fn quota(hard: &str) -> String {
    format!(
        "---\napiVersion: v1\nkind: ResourceQuota\nmetadata: {{name: q, namespace: shop}}\nspec: {{hard: {{{hard}}}}}\n"
    )
}

fn range(limits: &str) -> String {
    format!(
        "---\napiVersion: v1\nkind: LimitRange\nmetadata: {{name: r, namespace: shop}}\nspec: {{limits: [{limits}]}}\n"
    )
}

/// What `simulate` makes of manifests under three cores for ten minutes: the JSON summary and what it prints.
fn simulated(yaml: &str) -> (Value, String) {
    let out = tempfile::tempdir().unwrap();
    let args = ["simulate", "--constant", "cpu=3", "--duration", "10m", "-o", path(&out)];
    let output = piped(&args, yaml).success();
    let text = format!(
        "{}{}",
        String::from_utf8_lossy(&output.get_output().stdout),
        String::from_utf8_lossy(&output.get_output().stderr)
    );
    (serde_json::from_slice(&std::fs::read(out.path().join("summary.json")).unwrap()).unwrap(), text)
}

/// The most pods that exist at any time.
fn most_pods(yaml: &str) -> i64 {
    simulated(yaml).0["replicas"]["max"].as_i64().unwrap()
}

/// The HPA asks for twelve pods and sets ten; the quota stops the ReplicaSet controller, not the HPA.
#[test]
fn a_quota_stops_pods_in_the_simulation() {
    assert_eq!(most_pods(&web(REQUESTS)), 10);
    let (summary, text) = simulated(&(web(REQUESTS) + &quota("requests.cpu: 2700m")));
    assert_eq!(summary["replicas"]["max"], 5);
    assert_eq!(summary["pods"]["refusedByQuotaSeconds"], 578, "from the second sync on");
    assert!(text.contains("-> 10"), "{text}");
    assert!(text.contains("ResourceQuota q allows 2700m of requests.cpu, a pod takes 500m"), "{text}");
    // The plain names are those of requests; pods count, too; of several the least holds.
    assert_eq!(most_pods(&(web(REQUESTS) + &quota("cpu: 2"))), 4);
    assert_eq!(most_pods(&(web(REQUESTS) + &quota("pods: 7, memory: 1536Mi"))), 6);
    // Other namespaces and quotas of other pods are none of its business.
    let elsewhere = quota("pods: 3").replace("namespace: shop", "namespace: other");
    assert_eq!(most_pods(&(web(REQUESTS) + &elsewhere)), 10);
    // What other workloads of the namespace take is taken.
    let other = "---\napiVersion: v1\nkind: Pod\nmetadata: {name: p, namespace: shop}\nspec: {containers: [{name: c, image: c, \
                 resources: {requests: {cpu: 1}}}]}\n";
    assert_eq!(most_pods(&(web(REQUESTS) + other + &quota("requests.cpu: 4"))), 6);
}

/// A quota on what a container does not say refuses every pod; so do the bounds of a LimitRange, whose defaults count first.
#[test]
fn quotas_and_limit_ranges_can_refuse_every_pod() {
    let (summary, text) = simulated(&(web(REQUESTS) + &quota("limits.cpu: 100")));
    assert_eq!((&summary["replicas"]["max"], &summary["pods"]["refusedByQuotaSeconds"]), (&0.into(), &600.into()));
    assert!(text.contains("ResourceQuota q: demands a cpu limit of every container"), "{text}");
    assert_eq!(
        most_pods(&(web(REQUESTS) + &quota("limits.cpu: 6") + &range("{type: Container, default: {cpu: 1}}"))),
        6
    );
    let refused = |limits: &str| most_pods(&(web(REQUESTS) + &range(limits))) == 0;
    assert!(refused("{type: Container, min: {cpu: 600m}}"));
    assert!(!refused("{type: Container, min: {cpu: 500m}}"));
    assert!(refused("{type: Container, max: {memory: 128Mi}}"));
    assert!(refused("{type: Container, default: {memory: 128Mi}}"), "less than what is requested");
    assert!(!refused("{type: Container, default: {memory: 256Mi}}"));
    assert!(refused("{type: Pod, max: {cpu: 400m}}"));
    assert!(refused("{type: Container, default: {cpu: 2}, maxLimitRequestRatio: {cpu: 3}}"));
    assert!(!refused("{type: Container, default: {cpu: 1500m}, maxLimitRequestRatio: {cpu: 3}}"));
}

/// The document promises ten replicas, and has them; of the pods there are five.
#[test]
fn quotas_hold_in_scenarios() {
    let scenario = "name: quota
title: A quota
manifests: [k8s]
start: {replicas: 2, before: {cpu: 0.5}}
load: {values: {cpu: 3}}
duration: 10m
claims:
  - {says: ten replicas, check: {reaches: {replicas: 10, by: 2m}}, expect: confirmed}
  - {says: five pods, check: {podsAtMost: {pods: 5}}, expect: confirmed}
";
    let verdicts = |more: &str| {
        let folder = folder(&[("scenario.yaml", scenario), ("k8s/all.yaml", &(web(REQUESTS) + more))]);
        let file = folder.path().join("scenario.yaml");
        hpasim(&["replay", file.to_str().unwrap()]).assert()
    };
    verdicts(&quota("pods: 5")).success();
    // Without it the second claim fails.
    verdicts("").code(1);
}

#[test]
fn the_plan_says_which_pods_a_quota_refuses() {
    let quotas = |yaml: &str| {
        let folder = folder(&[("k8s.yaml", yaml)]);
        plan_json(&["-f", path(&folder)])["quotas"].clone()
    };
    let refuses = |yaml: &str| quotas(yaml)[0]["refuses"].clone();
    let demand = quota("limits.memory: 100Gi");
    assert_eq!(refuses(&(web(REQUESTS) + &demand)), json!([{"workload": "Deployment/web", "containers": ["web"]}]));
    assert_eq!(refuses(&(web(&format!("{REQUESTS}, limits: {{memory: 1Gi}}")) + &demand)), json!([]));
    // Init containers must say it, too.
    let init = web(REQUESTS).replace("containers: [", "initContainers: [{name: i, image: i}]\n      containers: [");
    assert_eq!(refuses(&(init + &quota("requests.cpu: 100")))[0]["containers"], json!(["i"]));
    // What the quota does not name is free.
    assert_eq!(refuses(&(web(REQUESTS) + &quota("pods: 5"))), json!([]));
}

const DISRUPTED: &str = "{apiVersion: apps/v1, kind: Deployment, metadata: {name: a}, spec: {replicas: 3, selector: {matchLabels: {app: a}},
 template: {metadata: {labels: {app: a, team: x}}, spec: {containers: [{name: c, image: c}]}}}}
---
{apiVersion: apps/v1, kind: Deployment, metadata: {name: b}, spec: {replicas: 2, selector: {matchLabels: {app: b}},
 template: {metadata: {labels: {app: b, team: x}}, spec: {containers: [{name: c, image: c}]}}}}
";

/// Budgets of DISRUPTED: workloads, pods, allowed disruptions, and whose pods no eviction may touch.
fn budgets(budgets: &[(&str, &str)]) -> Value {
    let budget = |(version, spec): &(&str, &str)| {
        format!("---\n{{apiVersion: {version}, kind: PodDisruptionBudget, metadata: {{name: p}}, spec: {{{spec}}}}}\n")
    };
    let named =
        budgets.iter().enumerate().map(|(index, b)| budget(b).replace("name: p}", &format!("name: p{index}}}")));
    let folder = folder(&[("all.yaml", &(DISRUPTED.to_owned() + &named.collect::<String>()))]);
    let plan = plan_json(&["-f", path(&folder), "--kubernetes-version", "1.24"]);
    plan["disruptionBudgets"]
        .as_array()
        .unwrap()
        .iter()
        .map(|b| json!([b["workloads"], b["pods"], b["allowedDisruptions"], b["refusedForSeveralBudgets"]]))
        .collect()
}

#[test]
fn a_budget_counts_all_the_pods_that_it_selects() {
    let both = ("policy/v1", "minAvailable: 4, selector: {matchLabels: {team: x}}");
    assert_eq!(budgets(&[both]), json!([[["Deployment/a", "Deployment/b"], 5, 1, []]]));
    // A percentage is one of all of them, rounded up: 60% of five.
    let part = ("policy/v1", "minAvailable: 60%, selector: {matchLabels: {team: x}}");
    assert_eq!(budgets(&[part]), json!([[["Deployment/a", "Deployment/b"], 5, 2, []]]));
    let nothing = ("policy/v1", "maxUnavailable: 1, selector: {matchLabels: {app: typo}}");
    assert_eq!(budgets(&[nothing])[0][0], json!([]));
    let of_b = ("policy/v1", "maxUnavailable: 1, selector: {matchLabels: {app: b}}");
    assert_eq!(
        budgets(&[both, of_b]),
        json!([[["Deployment/a", "Deployment/b"], 5, 1, ["Deployment/b"]], [["Deployment/b"], 2, 1, ["Deployment/b"]]])
    );
    // An empty selector is all pods in policy/v1 and none in policy/v1beta1.
    assert_eq!(budgets(&[("policy/v1", "maxUnavailable: 1, selector: {}")])[0][1], 5);
    assert_eq!(budgets(&[("policy/v1beta1", "maxUnavailable: 1, selector: {}")])[0][0], json!([]));
}

#[test]
fn nodes_without_what_is_reserved_or_does_not_fit() {
    let yaml = "{apiVersion: apps/v1, kind: Deployment, metadata: {name: a}, spec: {replicas: 3, selector: {matchLabels: {app: a}},
 template: {metadata: {labels: {app: a}}, spec: {containers: [{name: c, image: c, resources: {requests: {cpu: 100m, memory: 4Gi}}}]}}}}
---
{apiVersion: apps/v1, kind: DaemonSet, metadata: {name: big}, spec: {selector: {matchLabels: {app: big}},
 template: {metadata: {labels: {app: big}}, spec: {containers: [{name: c, image: c, resources: {requests: {cpu: 12, memory: 1Gi}}}]}}}}
";
    let nodes = "nodes:
  - {name: pages, cpu: 8, memory: 16Gi, resources: {hugepages-2Mi: 8Gi}, evictionHard: {memory.available: 0}}
  - {name: large, cpu: 16, memory: 16Gi, evictionHard: {memory.available: 0}}
";
    let folder = folder(&[("k8s/all.yaml", yaml), ("nodes.yaml", nodes)]);
    let nodes = folder.path().join("nodes.yaml");
    let plan = plan_json(&["-f", &format!("{}/k8s", path(&folder)), "--nodes", nodes.to_str().unwrap()]);
    let shapes = &plan["nodes"];
    // Huge pages come off the memory that pods of 4Gi fit in.
    assert_eq!(shapes[0]["allocatable"]["memory"]["value"], 8i64 << 30);
    assert_eq!(shapes[0]["levels"]["maximum"]["nodes"], 2.0);
    // A DaemonSet's pod that does not fit takes nothing, and is named.
    assert_eq!(shapes[0]["daemonSets"], json!([]));
    assert_eq!(
        shapes[0]["daemonSetsThatDoNotRun"],
        json!([{"workload": "DaemonSet/big", "reason": "requests 12 cpu, 8 is free"}])
    );
    assert_eq!(shapes[1]["daemonSets"], json!(["DaemonSet/big"]));
    assert_eq!(shapes[1]["levels"]["maximum"]["nodes"], 1.0, "15Gi are left for three of 4Gi");
}

#[test]
fn what_is_suspended_counts_nothing_and_what_is_deleted_is_given_back() {
    let cron = |suspend: bool| {
        format!(
            "apiVersion: batch/v1\nkind: CronJob\nmetadata: {{name: c}}\nspec: {{schedule: '0 3 * * *', suspend: {suspend}, \
             jobTemplate: {{spec: {{template: {{spec: {{restartPolicy: Never, containers: [{{name: c, image: c, resources: \
             {{requests: {{cpu: 3}}}}}}]}}}}}}}}}}\n"
        )
    };
    let peak = |yaml: &str| {
        let folder = folder(&[("all.yaml", yaml)]);
        plan_json(&["-f", path(&folder)])["totals"]["maximum"]["requests"]["cpu"]["value"].clone()
    };
    assert_eq!((peak(&cron(true)), peak(&cron(false))), (0.into(), 3.into()));
    let set = |policy: &str| {
        format!(
            "{{apiVersion: apps/v1, kind: StatefulSet, metadata: {{name: db}}, spec: {{{policy}serviceName: db, selector: \
             {{matchLabels: {{app: db}}}}, template: {{metadata: {{labels: {{app: db}}}}, spec: {{containers: [{{name: c, \
             image: c, resources: {{requests: {{cpu: 1}}}}}}]}}}}, volumeClaimTemplates: [{{metadata: {{name: data}}, spec: {{accessModes: [ReadWriteOnce], \
             resources: {{requests: {{storage: 10Gi}}}}}}}}]}}}}\n---\n{{apiVersion: autoscaling/v2, kind: \
             HorizontalPodAutoscaler, metadata: {{name: h}}, spec: {{minReplicas: 2, maxReplicas: 6, scaleTargetRef: \
             {{apiVersion: apps/v1, kind: StatefulSet, name: db}}}}}}\n"
        )
    };
    let given_back = |policy: &str| {
        let folder = folder(&[("all.yaml", &set(policy))]);
        let volume = &plan_json(&["-f", path(&folder)])["storage"]["volumes"][0];
        assert_eq!(volume["counts"], json!({"minimum": 2, "declared": 1, "maximum": 6, "maximum + surge": 6}));
        volume["deletedWithPods"] == true
    };
    assert!(!given_back(""), "claims stay, as many as there ever were");
    assert!(!given_back("persistentVolumeClaimRetentionPolicy: {whenDeleted: Delete}, "));
    assert!(given_back("persistentVolumeClaimRetentionPolicy: {whenScaled: Delete}, "));
}

/// The messages of a rule about manifests.
fn messages(code: &str, yaml: &str) -> Vec<String> {
    let output = piped(&["lint", "--format", "json", "--fail-on", "never"], yaml).success();
    let found: Value = serde_json::from_slice(&output.get_output().stdout).unwrap();
    let of_rule = found["findings"].as_array().unwrap().iter().filter(|finding| finding["code"] == code);
    of_rule.map(|finding| finding["message"].as_str().unwrap().to_owned()).collect()
}

/// What a person would not say, `lint` does not say either.
#[test]
fn lint_judges_as_a_person_would() {
    let on_memory = |image: &str, more: &str| {
        let yaml = web(REQUESTS).replace("name: cpu,", "name: memory,");
        messages("HPA010", &yaml.replace("image: example/web:1", &format!("image: '{image}'{more}")))[0].clone()
    };
    for image in ["quay.io/prometheus/node-exporter:v1.8", "node-problem-detector:1", "k8s-node-agent"] {
        assert!(!on_memory(image, "").contains("Node.js"), "{image}");
    }
    assert!(!on_memory("agent:1", ", env: [{name: NODE_NAME, value: a}]").contains("Node.js"));
    assert!(on_memory("node:20-alpine", "").contains("Node.js"));
    assert!(
        on_memory("example.org:5000/team/api@sha256:aa", ", command: [/usr/bin/node, server.js]").contains("Node.js")
    );

    let request = |amount: &str| messages("HPA001", &web(&format!("requests: {{cpu: {amount}, memory: 1Mi}}"))).len();
    assert_eq!((request("1m"), request("0"), request("0.0")), (0, 1, 1), "a request of 0 is no request");

    let vpa = |policy: &str| {
        let vpa = format!(
            "---\napiVersion: autoscaling.k8s.io/v1\nkind: VerticalPodAutoscaler\nmetadata: {{name: v, namespace: shop}}\nspec: \
             {{targetRef: {{apiVersion: apps/v1, kind: Deployment, name: web}}, {policy}}}\n"
        );
        messages("HPA006", &(web(REQUESTS) + &vpa)).len()
    };
    assert_eq!(vpa("updatePolicy: {updateMode: 'Off'}"), 0);
    assert_eq!(vpa("resourcePolicy: {containerPolicies: [{containerName: '*', mode: 'Off'}]}"), 0);
    assert_eq!(vpa("resourcePolicy: {containerPolicies: [{containerName: web, mode: 'Off'}]}"), 0, "all there are");
    assert_eq!(vpa("resourcePolicy: {containerPolicies: [{containerName: sidecar, mode: 'Off'}]}"), 1);
    assert_eq!(vpa("resourcePolicy: {containerPolicies: [{containerName: web, controlledResources: [memory]}]}"), 0);

    let zero = web(REQUESTS).replace("  replicas: 2\n", "  replicas: 0\n");
    assert_eq!(messages("HPA002", &zero), ["is 0: web is disabled until somebody scales it up by hand"]);

    let claim = "---\napiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: data, namespace: shop}\nspec: {accessModes: \
                 [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}\n";
    let mounted = |pinned: &str| {
        let volumes = format!(
            "spec:\n      {pinned}volumes: [{{name: d, persistentVolumeClaim: {{claimName: data}}}}]\n      containers"
        );
        messages("HPA009", &(web(REQUESTS).replacen("spec:\n      containers", &volumes, 1) + claim)).len()
    };
    assert_eq!(mounted(""), 1);
    assert_eq!(mounted("nodeSelector: {kubernetes.io/hostname: a}\n      "), 0, "all on one node");
    assert_eq!(mounted("nodeSelector: {disk: ssd}\n      "), 1);
}
