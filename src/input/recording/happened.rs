//! What happened, as it was recorded or follows from what was, and what of it can be simulated: events as scenarios have them.

use std::collections::{BTreeMap, BTreeSet};

use super::grid::Merged;
use super::subject::{Subject, kind_and_name, revision_of};
use crate::model::{Grid, Kind, RecordedEvent, Recording, Series, Signal};
use crate::units::SimTime;

/// Events by their seconds from the start of a grid, in their order.
pub(super) type Happened = Vec<(i64, RecordedEvent)>;

/// Restarts of containers, as counters have them: so many at once are one event.
struct Restarts<'a> {
    merged: &'a [Merged],
    reason: &'static str,
}

/// All that happened; `merged` are the signals, `series` those of the subject.
pub(super) fn happened(
    recordings: &[(String, Recording)],
    merged: &BTreeMap<&Signal, Vec<Merged>>,
    (series, subject): (&[&Series], &Subject),
    grid: &Grid,
) -> Happened {
    let seconds = |millis: i64| millis.div_euclid(1000) - grid.start;
    let told = recordings.iter().flat_map(|(_, recording)| &recording.events).filter(|event| subject.has_event(event));
    let mut events: Happened = told.map(|event| (seconds(event.at), event.clone())).collect();
    let of = |signal: &Signal| merged.get(signal).map(Vec::as_slice).unwrap_or_default();
    let has_counters = !of(&Signal::Restarts).is_empty();
    let revisions = rollouts(series, grid);
    for (at, event) in &mut events {
        event.simulated = simulated(event, has_counters, &at_of(grid, *at));
    }
    // A container that is killed for its memory is one that is started again.
    let (restarts, oom) = (of(&Signal::Restarts), of(&Signal::OomKills));
    events.extend(Restarts { merged: restarts, reason: "Restarted" }.events(grid, true));
    events.extend(Restarts { merged: oom, reason: "OOMKilled" }.events(grid, !has_counters));
    if !events.iter().any(|(_, event)| event.reason == "Rollout") {
        events.extend(revisions);
    }
    events.extend(changes_of_hpa(merged, grid));
    first_of_replica_sets(&mut events, grid);
    events.sort_by_key(|(at, _)| *at);
    events
}

/// When, as events of scenarios have it.
fn at_of(grid: &Grid, at: i64) -> String {
    let instant = grid.clock().and_then(|clock| clock.rfc3339(SimTime::from_seconds(at)));
    instant.unwrap_or_else(|| format!("{at}s"))
}

/// What a recorded event is in a simulation, if that is not known otherwise.
fn simulated(event: &RecordedEvent, has_counters: bool, at: &str) -> Option<String> {
    match event.reason.as_str() {
        "NodeNotReady" if kind_and_name(&event.object).0 == "node" => {
            Some(format!("{{at: {at}, loseNodes: {{nodes: 1}}}}"))
        }
        "Rollout" => Some(format!("{{at: {at}, rollout: {{}}}}")),
        "Killing" if !has_counters && event.message.contains("will be restarted") => {
            Some(format!("{{at: {at}, killPods: {{pods: 1, which: oldest}}}}"))
        }
        _ => None,
    }
}

impl Restarts<'_> {
    fn events(&self, grid: &Grid, are_simulated: bool) -> Happened {
        // By the time that a sample had them first: when the one before it was, and how many.
        let mut at_once: BTreeMap<i64, (i64, i64)> = BTreeMap::new();
        for one in self.merged {
            for pair in one.points.windows(2).filter(|pair| pair[1].1 > pair[0].1) {
                let entry = at_once.entry(pair[1].0).or_insert((pair[0].0, 0));
                entry.0 = entry.0.max(pair[0].0);
                entry.1 += (pair[1].1 - pair[0].1).round() as i64;
            }
        }
        let one = |(until, (from, count)): (i64, (i64, i64))| {
            let second = |millis: i64| millis.div_euclid(1000) - grid.start;
            // Between two samples: in their middle.
            let at = at_of(grid, second(i64::midpoint(from, until)).max(0));
            let event = RecordedEvent {
                at: until,
                reason: self.reason.to_owned(),
                object: "Pod/".to_owned(),
                message: format!("{count} since {} s before", (until - from) / 1000),
                namespace: None,
                simulated: are_simulated.then(|| format!("{{at: {at}, killPods: {{pods: {count}, which: oldest}}}}")),
            };
            (second(until), event)
        };
        at_once.into_iter().map(one).collect()
    }
}

/// New versions: pods of another ReplicaSet than those that were created before.
fn rollouts(series: &[&Series], grid: &Grid) -> Happened {
    let mut seen: BTreeMap<&str, i64> = BTreeMap::new();
    for one in series {
        let Some(pod) = &one.about.pod else { continue };
        let Some((first, value)) = one.points.first() else { continue };
        let at = if one.signal == Signal::PodCreated { *value as i64 * 1000 } else { *first };
        let entry = seen.entry(pod).or_insert(at);
        *entry = (*entry).min(at);
    }
    let mut pods: Vec<(i64, &str, &str)> =
        seen.into_iter().filter_map(|(pod, at)| Some((at, revision_of(pod)?, pod))).collect();
    pods.sort_unstable();
    let from = (grid.start + grid.step) * 1000;
    // Of several versions at the start nobody knows which is the newer one.
    let at_start: BTreeSet<&str> =
        pods.iter().take_while(|(at, ..)| *at <= from).map(|(_, revision, _)| *revision).collect();
    let changes = pods.windows(2).filter(|pair| {
        let goes_on = pair[0].0 <= from && at_start.contains(pair[1].1);
        pair[0].1 != pair[1].1 && pair[1].0 > from && !goes_on
    });
    let one = |pair: &[(i64, &str, &str)]| {
        let (millis, revision, pod) = pair[1];
        let at = millis.div_euclid(1000) - grid.start;
        let event = RecordedEvent {
            at: millis,
            reason: "Rollout".to_owned(),
            object: format!("Pod/{pod}"),
            message: format!("the first pod of {revision} after those of {}", pair[0].1),
            namespace: None,
            simulated: Some(format!("{{at: {}, rollout: {{}}}}", at_of(grid, at))),
        };
        (at, event)
    };
    changes.map(one).collect()
}

/// Where no pods have names, a ReplicaSet that is scaled up after another one is a new version.
fn first_of_replica_sets(events: &mut Happened, grid: &Grid) {
    if events.iter().any(|(_, event)| event.reason == "Rollout") {
        return;
    }
    events.sort_by_key(|(at, _)| *at);
    let mut before: BTreeMap<String, String> = BTreeMap::new();
    for (at, event) in events.iter_mut().filter(|(_, event)| event.reason == "ScalingReplicaSet") {
        let Some(name) = event.message.strip_prefix("Scaled up replica set ").and_then(|rest| rest.split(' ').next())
        else {
            continue;
        };
        let another = before.insert(event.object.clone(), name.to_owned()).is_some_and(|before| before != name);
        if another && *at >= 0 {
            event.simulated = Some(format!("{{at: {}, rollout: {{}}}}", at_of(grid, *at)));
        }
    }
}

/// Bounds and targets of the HPA that were changed.
fn changes_of_hpa(merged: &BTreeMap<&Signal, Vec<Merged>>, grid: &Grid) -> Happened {
    let fields = [
        (Signal::MinReplicas, "minReplicas"),
        (Signal::MaxReplicas, "maxReplicas"),
        (Signal::CpuTarget, "averageUtilization.cpu"),
        (Signal::MemoryTarget, "averageUtilization.memory"),
    ];
    let mut by_time: BTreeMap<i64, Vec<(&str, f64, f64)>> = BTreeMap::new();
    for (signal, field) in fields {
        for one in merged.get(&signal).into_iter().flatten().filter(|one| one.kind == Kind::Gauge) {
            for pair in one.points.windows(2).filter(|pair| pair[0].1 != pair[1].1) {
                by_time.entry(pair[1].0).or_default().push((field, pair[0].1, pair[1].1));
            }
        }
    }
    let one = |(millis, changes): (i64, Vec<(&str, f64, f64)>)| {
        let at = millis.div_euclid(1000) - grid.start;
        let (plain, targets): (Vec<_>, Vec<_>) =
            changes.iter().partition(|(field, ..)| !field.starts_with("averageUtilization"));
        let mut parts: Vec<String> = plain.iter().map(|(field, _, now)| format!("{field}: {now}")).collect();
        let of_targets: Vec<String> =
            targets.iter().filter_map(|(field, _, now)| Some(format!("{}: {now}", field.split_once('.')?.1))).collect();
        if !of_targets.is_empty() {
            parts.push(format!("averageUtilization: {{{}}}", of_targets.join(", ")));
        }
        let told: Vec<String> =
            changes.iter().map(|(field, before, now)| format!("{field} from {before} to {now}")).collect();
        let event = RecordedEvent {
            at: millis,
            reason: "HPAChanged".to_owned(),
            object: "HorizontalPodAutoscaler/".to_owned(),
            message: told.join(", "),
            namespace: None,
            simulated: Some(format!("{{at: {}, patchHpa: {{{}}}}}", at_of(grid, at.max(0)), parts.join(", "))),
        };
        (at, event)
    };
    by_time.into_iter().map(one).collect()
}
