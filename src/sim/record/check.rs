//! An independent check of a timeline: what must hold of every simulation, recomputed from the rows alone.

use crate::hpa::Verdict;
use crate::model::{
    Action, PolicyKind, ScalingPolicy, ScalingRules, ScheduledEvent, SelectPolicy, Target, WorkloadController,
};
use crate::sim::{Setup, TimelineRow};
use crate::units::{Replicas, SimTime, Span, Work};

/// Everything that is wrong with a timeline, in words; empty if nothing is.
pub fn check(setup: &Setup<'_>, target: usize, rows: &[TimelineRow]) -> Vec<String> {
    let of = Of { setup, index: target };
    let mut wrong = Vec::new();
    for (index, row) in rows.iter().enumerate() {
        let mut complain = |message: String| wrong.push(format!("{}: {message}", row.now));
        bounds(of, row, &mut complain);
        pods(of, rows, index, &mut complain);
        samples(row, &mut complain);
        if row.verdict == Verdict::Computed {
            rates(of, rows, index, &mut complain);
            stabilization(of, rows, index, &mut complain);
        }
        work(row, &mut complain);
        times(of, rows, index, &mut complain);
    }
    wrong
}

/// Whose timeline it is.
#[derive(Clone, Copy)]
struct Of<'a> {
    setup: &'a Setup<'a>,
    index: usize,
}

impl<'a> Of<'a> {
    fn target(self) -> &'a Target<'a> {
        &self.setup.targets[self.index]
    }
}

fn bounds(of: Of<'_>, row: &TimelineRow, complain: &mut impl FnMut(String)) {
    let hpa = of.setup.hpa_at(of.index, row.now);
    let (min, max) = (hpa.min_replicas, hpa.max_replicas);
    let bounded = !matches!(row.verdict, Verdict::Disabled | Verdict::Failed | Verdict::NoScale);
    if bounded && !(min..=max).contains(&row.desired) {
        complain(format!("{} replicas are outside {min} to {max}", row.desired));
    }
}

/// Pods are where they can be, and the replica count changes only by the HPA's hand or an event's.
fn pods(of: Of<'_>, rows: &[TimelineRow], index: usize, complain: &mut impl FnMut(String)) {
    let (row, pods) = (&rows[index], rows[index].pods);
    if pods.ready < 0 || pods.ready > pods.existing {
        complain(format!("{} of {} pods are ready", pods.ready, pods.existing));
    }
    if pods.pending < pods.unschedulable || pods.ready + pods.pending > pods.existing {
        complain(format!(
            "{} pods are pending, {} unschedulable, of {}",
            pods.pending, pods.unschedulable, pods.existing
        ));
    }
    let first = &rows[0];
    let (created, deleted) =
        (row.turnover.created - first.turnover.created, row.turnover.deleted - first.turnover.deleted);
    if i64::from(pods.existing) != i64::from(first.pods.existing) + created as i64 - deleted as i64 {
        complain(format!(
            "{} pods exist: there were {}, {created} were created and {deleted} deleted",
            pods.existing, first.pods.existing
        ));
    }
    let surge = of.target().workload.surge(row.replicas.max(row.desired));
    // The pods of a StatefulSet go one by one.
    let at_once = !matches!(of.target().workload.controller, WorkloadController::StatefulSet { .. });
    if at_once && of.setup.world.events.is_empty() && pods.existing > row.replicas + surge {
        complain(format!("{} pods exist, {} are wanted", pods.existing, row.replicas));
    }
    let scaled_by_hand = |next: &TimelineRow| {
        let between = of.setup.world.events.iter().filter(|event| row.now < event.at && event.at <= next.now);
        between.into_iter().any(|event| event.target == of.index && event.action == Action::Scale(next.replicas))
    };
    if let Some(next) = rows.get(index + 1).filter(|next| next.replicas != row.desired && !scaled_by_hand(next)) {
        complain(format!("{} replicas wanted, {} there at the next sync", row.desired, next.replicas));
    }
}

/// No sample is of the future, none older than the pipeline can make it while it works.
fn samples(row: &TimelineRow, complain: &mut impl FnMut(String)) {
    if let Some(sample) = row.newest_sample.filter(|sample| *sample > row.now) {
        complain(format!("a sample of {sample}, which is the future"));
    }
}

fn times(of: Of<'_>, rows: &[TimelineRow], index: usize, complain: &mut impl FnMut(String)) {
    let period = of.setup.world.controller.sync_period;
    // A changed HPA is reconciled at once, besides the syncs.
    let besides = |at: SimTime| {
        let changed = |event: &ScheduledEvent| {
            event.at == at && event.target == of.index && matches!(event.action, Action::ChangeHpa(_))
        };
        of.setup.world.controller.version.at_least(37) && of.setup.world.events.iter().any(changed)
    };
    let regular = |row: &&TimelineRow| (row.now - rows[0].now).seconds() % period.seconds() == 0 || !besides(row.now);
    if regular(&&rows[index])
        && let Some(next) = rows[index + 1..].iter().find(regular).filter(|next| next.now != rows[index].now + period)
    {
        complain(format!("the next sync is at {}, not {period} later", next.now));
    }
}

/// The change is within what the policies allow, counted from the replicas at the start of each period.
fn rates(of: Of<'_>, rows: &[TimelineRow], index: usize, complain: &mut impl FnMut(String)) {
    let row = &rows[index];
    let Some(behavior) = &of.setup.hpa_at(of.index, row.now).behavior else {
        let limit = row.replicas.saturating_mul(2).max(4);
        if row.desired > row.replicas && row.desired > limit {
            complain(format!("from {} to {} replicas, the limit is {limit}", row.replicas, row.desired));
        }
        return;
    };
    let up = row.desired > row.replicas;
    let rules = if up { &behavior.scale_up } else { &behavior.scale_down };
    if row.desired == row.replicas {
        return;
    }
    let allowed = allowed(rules, up, |policy| replicas_at(rows, index, row.now - policy.period));
    let beyond = if up { row.desired > allowed.max(row.replicas) } else { row.desired < allowed.min(row.replicas) };
    if beyond {
        complain(format!("from {} to {} replicas, the policies allow {allowed}", row.replicas, row.desired));
    }
}

/// The replicas that the policies allow, given those at the start of each period.
fn allowed(rules: &ScalingRules, up: bool, at_start: impl Fn(&ScalingPolicy) -> Replicas) -> Replicas {
    let limits = rules.policies.iter().map(|policy| {
        let start = at_start(policy);
        let exact = match policy.kind {
            PolicyKind::Pods => f64::from(policy.value),
            PolicyKind::Percent => f64::from(start) * f64::from(policy.value) / 100.0,
        };
        // One pod of slack for the rounding of percentages: the rounding itself is pinned elsewhere.
        let change = (exact + 1e-9).ceil() as Replicas;
        if up { start.saturating_add(change) } else { start.saturating_sub(change) }
    });
    match (rules.select_policy, up) {
        (SelectPolicy::Disabled, true) => Replicas::MIN,
        (SelectPolicy::Disabled, false) => Replicas::MAX,
        (SelectPolicy::Max, true) | (SelectPolicy::Min, false) => limits.max().unwrap_or(Replicas::MAX),
        (SelectPolicy::Min, true) | (SelectPolicy::Max, false) => limits.min().unwrap_or(Replicas::MIN),
    }
}

/// The replicas just after an instant, changes at it included. The controller knows its own changes alone: what others
/// changed since then is to it as if it had been so before.
fn replicas_at(rows: &[TimelineRow], index: usize, at: SimTime) -> Replicas {
    let start = rows[..index].iter().rposition(|row| row.now <= at);
    let by_others: Replicas =
        rows[start.unwrap_or(0)..=index].windows(2).map(|pair| pair[1].replicas - pair[0].desired).sum();
    start.map_or(rows[0].replicas, |start| rows[start].desired) + by_others
}

/// Scaling down never goes below a recommendation of the window, scaling up never above one.
fn stabilization(of: Of<'_>, rows: &[TimelineRow], index: usize, complain: &mut impl FnMut(String)) {
    let row = &rows[index];
    let own_window = of.setup.world.controller.downscale_stabilization;
    let hpa = of.setup.hpa_at(of.index, row.now);
    let behavior = hpa.behavior.as_ref();
    let down = behavior.and_then(|b| b.scale_down.stabilization_window).unwrap_or(own_window);
    let up = behavior.and_then(|b| b.scale_up.stabilization_window).unwrap_or(Span::ZERO);
    let within = |window: Span| {
        let recent = rows[..=index].iter().rev();
        recent.take_while(move |old| old.now > row.now - window || old.now == row.now).filter_map(|old| old.proposed)
    };
    if row.desired < row.replicas
        && let Some(highest) = within(down).max().map(|highest| highest.min(hpa.max_replicas))
        && row.desired < highest
    {
        complain(format!("down to {} although {highest} was recommended within {down}", row.desired));
    }
    if row.desired > row.replicas
        && let Some(lowest) = within(up).min().map(|lowest| lowest.max(hpa.min_replicas))
        && row.desired > lowest
    {
        // Without behavior a past recommendation may also lift the count.
        let lifted = behavior.is_none() && row.stabilized > row.proposed;
        if !lifted {
            complain(format!("up to {} although {lowest} was recommended within {up}", row.desired));
        }
    }
}

/// What has arrived has been done, waits, was dropped or lost; only the rest of a division may be missing.
fn work(row: &TimelineRow, complain: &mut impl FnMut(String)) {
    let r = &row.resources;
    let [arrived, done, backlog, dropped, lost] =
        [r.work_arrived, r.work_done, r.backlog, r.work_dropped, r.work_lost].map(Work::get);
    let missing = arrived - done - backlog - dropped - lost;
    let most = i128::from(row.now.seconds()) * i128::from(1_000_000);
    if backlog < 0 || lost < 0 || missing < 0 || missing > most {
        complain(format!(
            "of {} nanocore-seconds that arrived {} are done, {} wait, {} were dropped and {} lost",
            arrived, done, backlog, dropped, lost
        ));
    }
}
