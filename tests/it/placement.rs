//! The scheduler: its filters case by case, against an oracle that knows every pod, and plans against it.

use std::collections::BTreeMap;
use std::sync::Arc;

use hpasim::model::{Amounts, Inventory, NodeShape, Operator, PodTemplate, SelectorRequirement};
use hpasim::placement::{Catalog, Cluster, Pods};
use hpasim::plan::Pool;
use hpasim::plan::{ZoneLost, workloads};
use hpasim::units::Quantity;
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;

use crate::support::{hpasim, inventory, write};

const ZONE: &str = "topology.kubernetes.io/zone";
const HOST: &str = "kubernetes.io/hostname";

fn shape(cores: i64, zones: i64) -> NodeShape {
    let memory = Quantity::from_milli_binary(cores * 4 * 1024 * 1024 * 1024 * 1000);
    NodeShape {
        name: "test".into(),
        capacity: [("cpu", Quantity::from_units(cores)), ("memory", memory)].into_iter().collect(),
        reserved: Amounts::default(),
        max_pods: 110,
        zones,
        labels: BTreeMap::new(),
        taints: Vec::new(),
        price_per_month: None,
        max_nodes: None,
        location: None,
    }
}

/// A Deployment of pods with a core; `spec` is more of the pod's spec, `container` of its container.
fn deployment(name: &str, namespace: &str, spec: &str, container: &str) -> String {
    format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: {name}, namespace: {namespace}}}\nspec:\n  selector: \
         {{matchLabels: {{app: {name}}}}}\n  template:\n    metadata: {{labels: {{app: {name}}}}}\n    spec: \
         {{{spec}containers: [{{name: c, image: c, {container}resources: {{requests: {{cpu: 1, memory: 1Mi}}}}}}]}}\n---\n"
    )
}

/// The nodes that a plan needs for so many pods of each workload, and how many it finds no place for.
fn planned(inventory: &Inventory, shape: &NodeShape, pods: &[i32]) -> (i64, i64) {
    let plans = workloads(inventory);
    let packing = Pool::new(shape, &plans, &inventory.namespace_labels).pack(&plans, pods);
    (packing.nodes, packing.unplaced.iter().map(|unplaced| unplaced.pods).sum())
}

fn cluster(inventory: &Inventory, shape: &NodeShape, nodes: usize) -> Cluster {
    let pods: Vec<Pods<'_>> = inventory
        .workloads
        .iter()
        .map(|placed| Pods {
            namespace: &placed.item.namespace,
            template: &placed.item.template,
            selector: placed.item.selector.as_ref(),
            per_node: placed.item.controller == hpasim::model::WorkloadController::DaemonSet,
        })
        .collect();
    let mut cluster = Cluster::new(Arc::new(Catalog::new(&[shape], &pods, &inventory.namespace_labels)));
    for _ in 0..nodes {
        cluster.add(0);
    }
    cluster
}

/// So many pods of each workload on so many nodes, one after the other; how many find a place.
fn scheduled(inventory: &Inventory, shape: &NodeShape, nodes: usize, pods: &[i32]) -> Vec<i32> {
    let mut cluster = cluster(inventory, shape, nodes);
    let mut placed = vec![0; pods.len()];
    for (kind, &count) in pods.iter().enumerate() {
        for _ in 0..count {
            if let Some(node) = cluster.best(kind) {
                cluster.put(kind, node);
                placed[kind] += 1;
            }
        }
    }
    placed
}

#[test]
fn ports_of_the_node_exclude_each_other_by_protocol_and_address() {
    let port = |more: &str| format!("ports: [{{containerPort: 80, hostPort: 80{more}}}], ");
    let fits_beside = |one: &str, other: &str| {
        let yaml = deployment("a", "ns", "", &port(one)) + &deployment("b", "ns", "", &port(other));
        scheduled(&inventory(&yaml), &shape(4, 1), 1, &[1, 1]) == [1, 1]
    };
    assert!(!fits_beside("", ""));
    assert!(!fits_beside("", ", protocol: TCP"));
    assert!(fits_beside("", ", protocol: UDP"));
    assert!(fits_beside(", hostIP: 10.0.0.1", ", hostIP: 10.0.0.2"));
    assert!(!fits_beside(", hostIP: 10.0.0.1", ", hostIP: 10.0.0.1"));
    assert!(!fits_beside(", hostIP: 10.0.0.1", ""), "no address is all addresses");
    assert!(!fits_beside("", ", hostIP: 0.0.0.0"));
    // In the host's network every port is the node's: plan and simulation agree.
    let open = |host: bool| {
        let spec = format!("hostNetwork: {host}, ");
        inventory(&deployment("a", "ns", &spec, "ports: [{containerPort: 8080}], "))
    };
    assert_eq!((planned(&open(false), &shape(4, 1), &[4]).0, planned(&open(true), &shape(4, 1), &[4]).0), (1, 4));
    assert_eq!(scheduled(&open(true), &shape(4, 1), 3, &[4]), [3]);
}

fn apart(key: &str, more: &str) -> String {
    format!(
        "affinity: {{podAntiAffinity: {{requiredDuringSchedulingIgnoredDuringExecution: [{{topologyKey: {key}, \
         labelSelector: {{matchLabels: {{app: a}}}}{more}}}]}}}}, "
    )
}

#[test]
fn affinity_terms_speak_of_namespaces() {
    let namespaces = "{apiVersion: v1, kind: Namespace, metadata: {name: two, labels: {team: red}}}\n---\n";
    // A pod of `b` in namespace one keeps away from pods of `a` in namespace two, if its term speaks of them.
    let keeps_away = |more: &str| {
        let yaml =
            namespaces.to_owned() + &deployment("a", "two", "", "") + &deployment("b", "one", &apart(HOST, more), "");
        scheduled(&inventory(&yaml), &shape(4, 1), 1, &[1, 1]) == [1, 0]
    };
    assert!(!keeps_away(""));
    assert!(keeps_away(", namespaces: [two]"));
    assert!(!keeps_away(", namespaces: [three]"));
    assert!(keeps_away(", namespaceSelector: {}"));
    assert!(keeps_away(", namespaceSelector: {matchLabels: {team: red}}"));
    assert!(!keeps_away(", namespaceSelector: {matchLabels: {team: blue}}"));
    assert!(keeps_away(", namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: two}}"));
    // It goes both ways: a pod of `a` does not come to a node with one of `b`.
    let yaml = deployment("b", "ns", &apart(HOST, ""), "") + &deployment("a", "ns", "", "");
    assert_eq!(scheduled(&inventory(&yaml), &shape(4, 1), 1, &[1, 1]), [1, 0]);
}

#[test]
fn other_topologies_are_labels_of_the_nodes() {
    let by_rack = inventory(&deployment("a", "ns", &apart("rack", ""), ""));
    // Nodes without the label are no domain, and nothing is kept apart there.
    assert_eq!(planned(&by_rack, &shape(4, 1), &[4]), (1, 0));
    let mut racked = shape(4, 1);
    racked.labels.insert("rack".into(), "r1".into());
    assert_eq!(planned(&by_rack, &racked, &[4]), (1, 3), "all nodes are in one rack");
    let spread = "topologySpreadConstraints: [{maxSkew: 1, topologyKey: rack, whenUnsatisfiable: DoNotSchedule, \
                  labelSelector: {matchLabels: {app: a}}}], ";
    let spread = inventory(&deployment("a", "ns", spread, ""));
    assert_eq!(planned(&spread, &shape(4, 1), &[4]), (0, 4), "a node without the label takes none");
    assert_eq!(planned(&spread, &racked, &[4]), (1, 0));
    // The zone has an older name.
    let older = inventory(&deployment("a", "ns", &apart("failure-domain.beta.kubernetes.io/zone", ""), ""));
    assert_eq!(planned(&older, &shape(4, 3), &[4]).1, 1);
}

#[test]
fn too_few_domains_keep_pods_from_running() {
    let spread = |least: i32| {
        let yaml = format!(
            "topologySpreadConstraints: [{{maxSkew: 1, minDomains: {least}, topologyKey: {ZONE}, whenUnsatisfiable: \
             DoNotSchedule, labelSelector: {{matchLabels: {{app: a}}}}}}], "
        );
        inventory(&deployment("a", "ns", &yaml, ""))
    };
    assert_eq!(planned(&spread(2), &shape(4, 2), &[6]).1, 0);
    // With fewer than three domains the emptiest counts as empty: one pod in each zone.
    assert_eq!(planned(&spread(3), &shape(4, 2), &[6]).1, 4);
    assert_eq!(scheduled(&spread(3), &shape(4, 2), 4, &[6]), [2]);
}

#[test]
fn pods_in_one_zone_need_nodes_in_every_zone() {
    let pinned = inventory(&deployment("a", "ns", &format!("nodeSelector: {{{ZONE}: eu-1b}}, "), ""));
    // Four pods to a node: two nodes in the zone, which come in turn with those of the others.
    assert_eq!(planned(&pinned, &shape(4, 1), &[8]), (2, 0));
    let (nodes, left) = planned(&pinned, &shape(4, 3), &[8]);
    assert_eq!((nodes, left), (4, 0));
    let plans = workloads(&pinned);
    let three = shape(4, 3);
    let packing = Pool::new(&three, &plans, &BTreeMap::new()).pack(&plans, &[8]);
    assert_eq!((packing.lower_bound, packing.binding.name()), (4, "zones"));
    assert_eq!(packing.zone_lost, Some(ZoneLost::Never), "the zone itself may be lost");
    assert_eq!(scheduled(&pinned, &three, 6, &[12]), [8]);
}

#[test]
fn a_zone_lost_may_leave_no_place() {
    let lost = |spec: &str, pods: i32| {
        let inventory = inventory(&deployment("a", "ns", spec, ""));
        let (plans, three) = (workloads(&inventory), shape(4, 3));
        let packing = Pool::new(&three, &plans, &BTreeMap::new()).pack(&plans, &[pods]);
        assert_eq!(packing.unplaced, []);
        packing.zone_lost
    };
    assert_eq!(lost("", 3), Some(ZoneLost::Nodes(2)));
    assert_eq!(lost(&apart(ZONE, ""), 3), Some(ZoneLost::Never));
    assert_eq!(lost(&apart(ZONE, ""), 2), Some(ZoneLost::Nodes(3)));
    let spread = |least: i32| {
        format!(
            "topologySpreadConstraints: [{{maxSkew: 1, minDomains: {least}, topologyKey: {ZONE}, whenUnsatisfiable: \
             DoNotSchedule, labelSelector: {{matchLabels: {{app: a}}}}}}], "
        )
    };
    // Two zones with six pods each: two nodes in each, and as many in the third.
    assert_eq!(lost(&spread(1), 12), Some(ZoneLost::Nodes(6)));
    assert_eq!(lost(&spread(3), 12), Some(ZoneLost::Never));
}

#[test]
fn required_affinity_is_with_others() {
    let with = |key: &str, app: &str| {
        format!(
            "affinity: {{podAffinity: {{requiredDuringSchedulingIgnoredDuringExecution: [{{topologyKey: {key}, \
             labelSelector: {{matchLabels: {{app: {app}}}}}}}]}}}}, "
        )
    };
    // The first may go anywhere, the others to its node: four fit there.
    let own = inventory(&deployment("a", "ns", &with(HOST, "a"), ""));
    assert_eq!(scheduled(&own, &shape(4, 1), 3, &[6]), [4]);
    assert_eq!(planned(&own, &shape(4, 1), &[6]), (2, 2), "six cores are two nodes");
    assert_eq!(planned(&inventory(&deployment("a", "ns", &with(ZONE, "a"), "")), &shape(4, 1), &[6]), (2, 0));
    // Without the others it has no place; plans place those first, whatever their order.
    let other = inventory(&(deployment("a", "ns", &with(HOST, "b"), "") + &deployment("b", "ns", "", "")));
    assert_eq!(scheduled(&other, &shape(4, 1), 3, &[1, 1]), [0, 1]);
    assert_eq!(planned(&other, &shape(4, 1), &[3, 1]), (1, 0));
    assert_eq!(planned(&other, &shape(4, 1), &[1, 0]).1, 1);
}

#[test]
fn a_daemon_that_does_not_fit_takes_nothing() {
    let daemon = deployment("d", "ns", "", "").replace("kind: Deployment", "kind: DaemonSet");
    let large = daemon.replace("cpu: 1,", "cpu: 9,").replace("name: d", "name: large");
    let all = inventory(&(deployment("a", "ns", "", "") + &large + &daemon));
    assert_eq!(planned(&all, &shape(4, 1), &[6, 0, 0]), (2, 0), "three beside the daemon that fits");
    assert_eq!(scheduled(&all, &shape(4, 1), 2, &[7, 0, 0]), [6, 0, 0]);
}

#[test]
fn scores_are_weighed_as_upstream_does() {
    let taken = |spec: &str, before: &[usize]| {
        let inventory = inventory(&deployment("a", "ns", spec, ""));
        let mut cluster = cluster(&inventory, &shape(4, 3), 6);
        before.iter().for_each(|&node| cluster.put(0, node));
        cluster.best(0).unwrap()
    };
    assert_eq!(taken("", &[]), 0);
    // Nodes 0 and 3 are in one zone: the pods of a Deployment spread over nodes and zones by themselves.
    assert_eq!(taken("", &[0]), 1);
    assert_eq!(taken("", &[0, 1]), 2);
    assert_eq!(taken("", &[0, 1, 2]), 3);
    let prefers = "affinity: {nodeAffinity: {preferredDuringSchedulingIgnoredDuringExecution: [{weight: 10, preference: \
                   {matchExpressions: [{key: topology.kubernetes.io/zone, operator: In, values: [x]}]}}]}}, ";
    assert_eq!(taken(prefers, &[0]), 3, "the other node of the first zone that is named");
    let together = format!(
        "affinity: {{podAffinity: {{preferredDuringSchedulingIgnoredDuringExecution: [{{weight: 100, podAffinityTerm: \
         {{topologyKey: {HOST}, labelSelector: {{matchLabels: {{app: a}}}}}}}}]}}}}, topologySpreadConstraints: [{{maxSkew: 9, \
         topologyKey: none, whenUnsatisfiable: ScheduleAnyway, labelSelector: {{}}}}], "
    );
    assert_eq!(taken(&together, &[2]), 2, "drawn to its like, and by its like");
}

/// What the filters say, told by somebody who looks at every pod of every node.
struct Oracle<'a> {
    inventory: &'a Inventory,
    shape: &'a NodeShape,
    /// The kinds of the pods on each node; its zone is its index by the number of zones.
    nodes: Vec<Vec<usize>>,
}

impl Oracle<'_> {
    fn template(&self, kind: usize) -> &PodTemplate {
        &self.inventory.workloads[kind].item.template
    }

    fn domain(&self, key: &str, node: usize) -> usize {
        if key == HOST { node } else { node % self.shape.zones as usize }
    }

    /// The pods in a node's domain that a selector selects.
    fn there(&self, key: &str, node: usize, selector: &Option<hpasim::model::LabelSelector>) -> usize {
        let same = (0..self.nodes.len()).filter(|other| self.domain(key, *other) == self.domain(key, node));
        let selected = |kind: &&usize| selector.as_ref().is_some_and(|s| s.matches(&self.template(**kind).labels));
        same.flat_map(|other| self.nodes[other].iter()).filter(selected).count()
    }

    fn allows(&self, kind: usize, node: usize) -> bool {
        let (template, placement) = (self.template(kind), &self.template(kind).placement);
        let free = self.nodes[node].iter().fold(self.shape.capacity.quantity("cpu"), |free, other| {
            free.minus(self.template(*other).requests().quantity("cpu"))
        });
        let zones: Vec<String> = (0..self.shape.zones).map(|zone| format!("z{zone}")).collect();
        let in_zone = |r: &SelectorRequirement| match r.operator {
            Operator::NotIn => !r.values.contains(&zones[self.domain(ZONE, node)]),
            _ => r.values.contains(&zones[self.domain(ZONE, node)]),
        };
        let affine =
            placement.node_affinity.is_empty() || placement.node_affinity.iter().any(|t| t.iter().all(in_zone));
        let ports = |kind: usize| self.template(kind).placement.host_ports.iter();
        let free_ports = self.nodes[node].iter().all(|&on| !ports(on).any(|p| ports(kind).any(|own| own.conflicts(p))));
        let apart = placement.anti_affinity.iter().all(|t| self.there(&t.topology_key, node, &t.selector) == 0);
        let let_in = (0..self.nodes.len()).all(|other| {
            self.nodes[other].iter().all(|&on| {
                self.template(on).placement.anti_affinity.iter().all(|t| {
                    self.domain(&t.topology_key, other) != self.domain(&t.topology_key, node)
                        || !t.selector.as_ref().is_some_and(|s| s.matches(&template.labels))
                })
            })
        });
        let company = |t: &hpasim::model::PodAffinityTerm| {
            let anywhere = (0..self.nodes.len()).any(|n| self.there(HOST, n, &t.selector) > 0);
            let own = t.selector.as_ref().is_some_and(|s| s.matches(&template.labels));
            self.there(&t.topology_key, node, &t.selector) > 0 || (!anywhere && own)
        };
        let even = placement.spread.iter().all(|s| {
            let eligible = |n: &usize| {
                let zone = &zones[self.domain(ZONE, *n)];
                placement.node_affinity.is_empty()
                    || placement
                        .node_affinity
                        .iter()
                        .any(|t| t.iter().all(|r| (r.operator == Operator::NotIn) != r.values.contains(zone)))
            };
            let eligible: Vec<usize> = (0..self.nodes.len()).filter(eligible).collect();
            let mut domains: Vec<usize> = eligible.iter().map(|n| self.domain(&s.topology_key, *n)).collect();
            domains.sort_unstable();
            domains.dedup();
            let counts = eligible.iter().map(|&n| {
                // Only pods on eligible nodes count; here whole zones are eligible or not.
                self.there(&s.topology_key, n, &s.selector)
            });
            let least = if domains.len() < s.min_domains as usize { 0 } else { counts.min().unwrap_or(0) };
            let own = usize::from(s.selector.as_ref().is_some_and(|s| s.matches(&template.labels)));
            self.there(&s.topology_key, node, &s.selector) + own <= least + s.max_skew as usize
        });
        template.requests().quantity("cpu") <= free
            && affine
            && free_ports
            && apart
            && let_in
            && placement.affinity.iter().all(company)
            && even
    }
}

/// What a random Deployment says to the scheduler; at most one affinity term each, as the oracle has it.
fn random_spec(rng: &mut Pcg64) -> (String, String) {
    let mut spec = String::new();
    let key = |rng: &mut Pcg64| if rng.random_bool(0.5) { HOST } else { ZONE };
    let app = |rng: &mut Pcg64| ["a", "b", "c", "d"][rng.random_range(0..4)];
    let (mut affinity, term) = (Vec::new(), |key: &str, app: &str| {
        format!(
            "requiredDuringSchedulingIgnoredDuringExecution: [{{topologyKey: {key}, labelSelector: {{matchLabels: {{app: \
             {app}}}}}}}]"
        )
    });
    if rng.random_bool(0.4) {
        affinity.push(format!("podAntiAffinity: {{{}}}", term(key(rng), app(rng))));
    }
    if rng.random_bool(0.2) {
        affinity.push(format!("podAffinity: {{{}}}", term(key(rng), app(rng))));
    }
    if rng.random_bool(0.3) {
        let operator = if rng.random_bool(0.5) { "In" } else { "NotIn" };
        let values = ["[z0]", "[z0, z1]", "[z1]"][rng.random_range(0..3)];
        affinity.push(format!(
            "nodeAffinity: {{requiredDuringSchedulingIgnoredDuringExecution: {{nodeSelectorTerms: [{{matchExpressions: \
             [{{key: {ZONE}, operator: {operator}, values: {values}}}]}}]}}}}"
        ));
    }
    if !affinity.is_empty() {
        spec += &format!("affinity: {{{}}}, ", affinity.join(", "));
    }
    if rng.random_bool(0.4) {
        spec += &format!(
            "topologySpreadConstraints: [{{maxSkew: {}, minDomains: {}, topologyKey: {}, whenUnsatisfiable: DoNotSchedule, \
             labelSelector: {{matchLabels: {{app: {}}}}}}}], ",
            rng.random_range(1..3),
            rng.random_range(1..4),
            key(rng),
            app(rng)
        );
    }
    let ports = ["", "ports: [{hostPort: 80}], ", "ports: [{hostPort: 80, protocol: UDP}], "];
    (spec, ports[rng.random_range(0..3)].to_owned())
}

/// Random Deployments, the zones named in their order.
fn random_world(seed: u64) -> (Inventory, NodeShape) {
    let mut rng = Pcg64::seed_from_u64(seed);
    let zones = "nodeSelector: {}, affinity: {nodeAffinity: {preferredDuringSchedulingIgnoredDuringExecution: [{weight: 1, \
                 preference: {matchExpressions: [{key: topology.kubernetes.io/zone, operator: In, values: [z0, z1, z2]}]}}]}}, ";
    let mut yaml = deployment("first", "ns", zones, "");
    for name in ["a", "b", "c", "d"] {
        let (spec, container) = random_spec(&mut rng);
        yaml +=
            &deployment(name, "ns", &spec, &container).replace("cpu: 1,", &format!("cpu: {},", rng.random_range(1..4)));
    }
    (inventory(&yaml), shape(8, rng.random_range(1..4)))
}

/// Pods come to random nodes that take them, and go; what the filters say of all others is what the oracle says.
#[test]
fn filters_say_what_an_oracle_says() {
    let mut allowed = [0, 0];
    for seed in 0..150 {
        let (inventory, shape) = random_world(seed);
        let mut rng = Pcg64::seed_from_u64(seed + 1000);
        let mut cluster = cluster(&inventory, &shape, 5);
        let mut oracle = Oracle { inventory: &inventory, shape: &shape, nodes: vec![Vec::new(); 5] };
        for step in 0..40 {
            for (kind, node) in (1..5).flat_map(|kind| (0..5).map(move |node| (kind, node))) {
                let (ours, theirs) = (cluster.fits(kind, node), oracle.allows(kind, node));
                assert_eq!(ours, theirs, "world {seed}, step {step}: kind {kind} on node {node} of {:?}", oracle.nodes);
                allowed[usize::from(ours)] += 1;
            }
            let node = rng.random_range(0..5);
            if rng.random_bool(0.3) {
                if let Some(kind) = oracle.nodes[node].pop() {
                    cluster.take(kind, node);
                }
            } else if let Some(kind) = (0..5).filter(|&kind| cluster.fits(kind, node)).nth(rng.random_range(0..3)) {
                cluster.put(kind, node);
                oracle.nodes[node].push(kind);
            }
        }
    }
    assert!(allowed.iter().all(|count| *count > 10_000), "{allowed:?}");
}

/// What a plan says that fits is scheduled one by one in the same order, and fits; by how many nodes it does not, and why.
#[test]
fn what_is_planned_is_scheduled() {
    let mut more: BTreeMap<String, usize> = BTreeMap::new();
    for seed in 0..400 {
        let (inventory, shape) = random_world(seed);
        let mut rng = Pcg64::seed_from_u64(seed + 2000);
        let pods: Vec<i32> = (0..5).map(|_| rng.random_range(0..9)).collect();
        let (nodes, left) = planned(&inventory, &shape, &pods);
        if left > 0 {
            continue;
        }
        let nodes = nodes as usize;
        let all = |extra: &usize| scheduled(&inventory, &shape, nodes + extra, &pods) == pods;
        let Some(extra) = (0..20).find(all) else {
            // Those that wait for company that comes after them wait for ever: the order, not the room.
            *more.entry("never: company that comes later".into()).or_default() += 1;
            continue;
        };
        let says_more = inventory.workloads.iter().any(|w| {
            let placement = &w.item.template.placement;
            !(placement.spread.is_empty() && placement.affinity.is_empty() && placement.anti_affinity.is_empty())
        });
        let why = match (extra, says_more) {
            (0, _) => "",
            (_, false) => " more: the scheduler spreads where first-fit fills up",
            (_, true) => " more: it spreads, and terms keep pods from what is left",
        };
        *more.entry(format!("{extra:2}{why}")).or_default() += 1;
    }
    insta::assert_debug_snapshot!(more);
}

/// The command says the same: a plan of pods in the host's network, and a simulation of them.
#[test]
fn plan_and_simulation_agree_on_the_command_line() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("k8s.yaml");
    let hpa = "{apiVersion: autoscaling/v2, kind: HorizontalPodAutoscaler, metadata: {name: a, namespace: ns}, spec: \
               {scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: a}, minReplicas: 4, maxReplicas: 5}}";
    let web = deployment("a", "ns", "hostNetwork: true, ", "ports: [{containerPort: 80}], ")
        .replace("spec:\n  selector", "spec:\n  replicas: 4\n  selector");
    write(&file, &(web + hpa));
    let nodes = folder.path().join("nodes.yaml");
    write(&nodes, "nodes: [{name: large, cpu: 8, memory: 32Gi}]\n");
    let (file, nodes) = (file.to_str().unwrap(), nodes.to_str().unwrap());
    let run = |args: &[&str]| {
        let output = hpasim(args).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let plan = run(&["plan", "-f", file, "--nodes", nodes]);
    assert!(plan.contains("host ports"), "{plan}");
    let load = ["--constant", "cpu=1", "--duration", "5m", "--phases", "1"];
    let on =
        |count: &str| run(&[&["simulate", "-f", file, "--nodes", nodes, "--node-count", count], &load[..]].concat());
    let none_waits = |count: &str| on(count).contains("Pods without a node    0s");
    assert!(none_waits("large=4") && !none_waits("large=3"));
}
