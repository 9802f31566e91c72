//! What the tests share.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use hpasim::input::load::LoadSettings;
use hpasim::input::load::drives::drives;
use hpasim::input::{Source, manifests};
use hpasim::model::{Column, HpaSpec, Inventory, LoadSource, LoadTable, Target, Workload};
use hpasim::sim::check::check;
use hpasim::sim::{Setup, Summary, TimelineRow, World, simulate_one};
use hpasim::units::{Seconds, SimTime, Span};

/// A path inside the project.
pub fn project(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// The `hpasim` binary, run in the project's folder.
pub fn hpasim(args: &[&str]) -> assert_cmd::Command {
    let mut command = assert_cmd::Command::cargo_bin("hpasim").unwrap();
    command.current_dir(project("")).args(args);
    command
}

/// Everything in some manifests.
pub fn inventory(yaml: &str) -> Inventory {
    let source = Source { name: "test.yaml".into(), text: yaml.into() };
    manifests::read(&[source], manifests::Context::default()).unwrap().accepted().unwrap().inventory
}

/// An HPA and its target.
#[derive(Debug)]
pub struct Deployment {
    pub hpa: HpaSpec,
    pub workload: Workload,
}

impl Deployment {
    /// From manifests.
    pub fn from_yaml(yaml: &str) -> Self {
        let source = Source { name: "test.yaml".into(), text: yaml.into() };
        let manifests = manifests::read(&[source], manifests::Context::default()).unwrap().accepted().unwrap();
        let selection = manifests.select(None, None).unwrap();
        Self { hpa: selection.hpa.item.clone(), workload: selection.target.item.clone() }
    }

    /// The RAG system's backend.
    pub fn rag() -> Self {
        let path = project("scenarios/rag-system/k8s/backend-deployment.yaml");
        Self::from_yaml(&std::fs::read_to_string(path).unwrap())
    }

    /// A simulation of it under a load.
    pub fn setup(&self, load: &LoadTable) -> Setup<'_> {
        setup_with(self, load, &LoadSettings::default())
    }
}

/// A simulation under a load that is made of requests.
pub fn setup_with<'a>(deployment: &'a Deployment, load: &LoadTable, costs: &LoadSettings) -> Setup<'a> {
    let (hpa, workload) = (&deployment.hpa, &deployment.workload);
    let drives = drives(load.columns(), hpa, &workload.template, costs, &mut Vec::new()).unwrap();
    Setup { world: World::default(), targets: vec![Target::new(hpa, workload, drives)] }
}

/// What a request costs: CPU time, memory while it is under way, and seconds of waiting for something else.
pub fn costs(cpu: &str, memory: &str, wait_seconds: f64) -> LoadSettings {
    LoadSettings {
        cpu_per_request: Some(cpu.parse().unwrap()),
        memory_per_request: Some(memory.parse().unwrap()),
        request_wait: Seconds::new(wait_seconds),
        ..LoadSettings::default()
    }
}

/// A trace from its columns' names and rows: the time in seconds, then the values.
pub fn table(columns: &[&str], rows: &[(i64, &[f64])]) -> LoadTable {
    let mut table = LoadTable::new(columns.iter().map(|name| Column::from_name(name)).collect());
    for (at, values) in rows {
        table.push(SimTime::from_seconds(*at), values);
    }
    table
}

/// Runs a simulation, keeps the timeline and has it checked. Without a listener, when steady stretches are passed over, it comes to
/// the same.
pub fn run(setup: &Setup<'_>, load: &LoadTable) -> (Summary, Vec<TimelineRow>) {
    let mut rows = Vec::new();
    let summary = simulate_one(setup, 0, &mut load.clone(), Some(&mut |record| rows.push(record.into()))).unwrap();
    assert_eq!(check(setup, 0, &rows), Vec::<String>::new());
    assert_eq!(summary.unsettled, 0, "a second has come to its end before all was done");
    let summary = result(summary);
    let unheard = result(simulate_one(setup, 0, &mut load.clone(), None).unwrap());
    assert_eq!(format!("{unheard:?}"), format!("{summary:?}"), "without a listener the summary is another one");
    (summary, rows)
}

/// What came of a simulation: not what it took.
pub fn result(summary: Summary) -> Summary {
    Summary { looks: 0, ..summary }
}

/// When the replica count changed, in seconds, and to what.
pub fn changes(summary: &Summary) -> Vec<(i64, i32)> {
    summary.rescales.iter().map(|event| (event.at.seconds(), event.decision.desired)).collect()
}

/// A duration of so many seconds.
pub fn seconds(seconds: i64) -> Span {
    Span::from_seconds(seconds)
}

/// Writes a file, and the folders above it.
pub fn write(path: &Path, text: &str) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let mut file = std::fs::OpenOptions::new().create(true).write(true).truncate(true).open(path).unwrap();
    std::io::Write::write_all(&mut file, text.as_bytes()).unwrap();
}

/// All files of a folder, by their names.
pub fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries
        .map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), std::fs::read(&path).unwrap()))
        .collect()
}

/// So many Deployments that all differ, each with an HPA, a Service, a PodDisruptionBudget and a volume, in one namespace with a
/// ResourceQuota that they share.
pub fn many_objects(count: usize) -> String {
    let object = |kind: &str, name: String, rest: String| {
        let (group, version) = match kind {
            "Deployment" => ("apps/", "v1"),
            "HorizontalPodAutoscaler" => ("autoscaling/", "v2"),
            "PodDisruptionBudget" => ("policy/", "v1"),
            "VerticalPodAutoscaler" => ("autoscaling.k8s.io/", "v1"),
            _ => ("", "v1"),
        };
        format!("{{apiVersion: {group}{version}, kind: {kind}, metadata: {{name: {name}}}, {rest}}}\n---\n")
    };
    let quota = format!("spec: {{hard: {{requests.cpu: {}, pods: {}}}}}", 30 * count, 20 * count);
    let mut text = object("ResourceQuota", "quota".into(), quota);
    for index in 0..count {
        let app = format!("app-{index}");
        let labels = format!("{{part-of: shop, app: {app}}}");
        let (cpu, memory) = (100 + index % 400, 128 + index % 300);
        let pod = format!(
            "affinity: {{podAntiAffinity: {{preferredDuringSchedulingIgnoredDuringExecution: [{{weight: 100, podAffinityTerm: \
             {{topologyKey: kubernetes.io/hostname, labelSelector: {{matchLabels: {{app: {app}}}}}}}}}]}}}}, \
             containers: [{{name: c, image: x, resources: {{requests: {{cpu: {cpu}m, memory: {memory}Mi}}}}}}], \
             volumes: [{{name: data, persistentVolumeClaim: {{claimName: {app}}}}}]"
        );
        text += &object(
            "Deployment",
            app.clone(),
            format!(
                "spec: {{replicas: 2, selector: {{matchLabels: {labels}}}, template: {{metadata: {{labels: {labels}}}, \
                 spec: {{{pod}}}}}}}"
            ),
        );
        let claim = "spec: {accessModes: [ReadWriteMany], resources: {requests: {storage: 1Gi}}}";
        text += &object("PersistentVolumeClaim", app.clone(), claim.into());
        text += &object("Service", app.clone(), format!("spec: {{selector: {{app: {app}}}, ports: [{{port: 80}}]}}"));
        let budget = format!("spec: {{minAvailable: 1, selector: {{matchLabels: {{app: {app}}}}}}}");
        text += &object("PodDisruptionBudget", app.clone(), budget);
        let hpa = format!(
            "spec: {{scaleTargetRef: {{apiVersion: apps/v1, kind: Deployment, name: {app}}}, minReplicas: 2, maxReplicas: {}, \
             metrics: [{{type: Resource, resource: {{name: cpu, target: {{type: Utilization, averageUtilization: {}}}}}}}]}}",
            5 + index % 10,
            50 + index % 40
        );
        text += &object("HorizontalPodAutoscaler", app.clone(), hpa);
        let controlled = "resourcePolicy: {containerPolicies: [{containerName: \"*\", controlledResources: [memory]}]}";
        let target = format!("targetRef: {{apiVersion: apps/v1, kind: Deployment, name: {app}}}");
        text += &object("VerticalPodAutoscaler", app, format!("spec: {{{target}, {controlled}}}"));
    }
    text
}
