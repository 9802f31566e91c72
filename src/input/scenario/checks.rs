//! The test of a claim: exactly one of the fields of `check`.

use super::{Reader, raw};
use crate::hpa::condition_reasons;
use crate::input::Diagnostic;
use crate::input::load::Number;
use crate::input::load::trace::parse_value;
use crate::input::names::hint;
use crate::model::{
    Action, Check, Column, Drive, Figure, Limit, LoadReading, MetricSource, ScenarioTarget, ScheduledEvent, Slo,
    Window, piece,
};
use crate::units::{Clock, SimTime, Span, When};

/// What claims may name, and be about.
pub(super) struct Facts {
    /// How long the scenario lasts.
    pub duration: Span,
    /// The metrics of the HPA; those of an HPA that replaces it are the same.
    pub metrics: Vec<String>,
    /// The promise about response times.
    pub slo: Option<Slo>,
    /// Whether the load is made of requests.
    pub requests: bool,
    /// Whether the load is work that can be lost, in every reading.
    pub work: bool,
    /// Whether nodes are simulated.
    pub nodes: bool,
    /// When the first rollout begins.
    pub first_rollout: Option<SimTime>,
    /// The workloads that pods are counted by.
    pub workloads: Vec<String>,
    /// The instant that the scenario begins at, if it is known.
    pub clock: Option<Clock>,
}

impl Facts {
    /// About one of the targets, by its index.
    pub fn new(
        raw: &raw::Scenario,
        (index, target): (usize, &ScenarioTarget),
        workloads: Vec<String>,
        events: &[ScheduledEvent],
    ) -> Self {
        let works = |reading: &LoadReading| {
            matches!(reading.drives.cpu, Drive::Demand { .. } | Drive::Clients | Drive::Recorded { .. })
        };
        let rolls =
            |event: &&ScheduledEvent| matches!(event.action, Action::Rollout(_) | Action::Restart | Action::Rollback);
        let mut own = events.iter().filter(|event| event.target == index);
        let readings = &target.readings;
        Self {
            duration: raw.duration,
            metrics: target.hpa.metrics.iter().map(MetricSource::label).collect(),
            slo: target.cluster.slo,
            requests: readings.iter().all(|reading| reading.drives.requests.is_some()),
            work: readings.iter().all(works),
            nodes: raw.cluster.nodes.is_some(),
            first_rollout: own.find(rolls).map(|event| event.at),
            workloads,
            clock: target.clock(),
        }
    }
}

impl Reader<'_> {
    pub(super) fn check(&self, path: &str, raw: &raw::Check, facts: &Facts) -> Result<Check, Diagnostic> {
        let window = |field: &str, not_before: &Option<When>, by: &Option<When>| {
            self.window(&format!("{path}.{field}"), *not_before, *by, facts)
        };
        let mut found = Vec::new();
        if let Some(c) = &raw.stays {
            found.push(Check::Stays { replicas: c.replicas, within: window("stays", &c.not_before, &c.by)? });
        }
        if let Some(c) = &raw.replicas_at {
            let at = self.instant(&format!("{path}.replicasAt.at"), c.at, facts)?;
            found.push(Check::ReplicasAt { at, replicas: c.replicas });
        }
        if let Some(c) = &raw.scales {
            let within = window("scales", &c.not_before, &c.by)?;
            found.push(Check::Scales { from: c.from, to: c.to, within });
        }
        if let Some(c) = &raw.first_change {
            let within = window("firstChange", &c.not_before, &c.by)?;
            found.push(Check::FirstChange { from: c.from, to: c.to, within });
        }
        if let Some(c) = &raw.reaches {
            found.push(Check::Reaches { replicas: c.replicas, within: window("reaches", &c.not_before, &c.by)? });
        }
        found.extend(raw.at_most.map(|replicas| Check::AtMost { replicas }));
        found.extend(raw.every_step_up.map(|pods| Check::EveryStepUp { pods }));
        if let Some(c) = &raw.limited_by {
            let within = window("limitedBy", &c.not_before, &c.by)?;
            let limit = self.limit(&format!("{path}.limitedBy.reason"), &c.reason)?;
            found.push(Check::LimitedBy { limit, within });
        }
        if let Some(c) = &raw.reason {
            let within = window("reason", &c.not_before, &c.by)?;
            let metric = self.metric(&format!("{path}.reason.metric"), &c.metric, facts)?;
            found.push(Check::Reason { metric, within });
        }
        if let Some(c) = &raw.condition {
            let within = window("condition", &c.not_before, &c.by)?;
            let reasons = condition_reasons();
            let known = reasons.iter().find(|reason| **reason == c.reason);
            let path = format!("{path}.condition.reason");
            let unknown = || self.unknown(&path, &c.reason, "is no reason of a condition", &reasons);
            found.push(Check::Condition { reason: known.copied().ok_or_else(unknown)?, within });
        }
        if let Some(c) = &raw.triggers {
            let within = window("triggers", &c.not_before, &c.by)?;
            let metric = self.metric(&format!("{path}.triggers.metric"), &c.metric, facts)?;
            found.push(Check::Triggers { metric, within });
        }
        if let Some(total) = &raw.total {
            found.push(self.total(&format!("{path}.total"), total)?);
        }
        if let Some(c) = &raw.get_hpa {
            let (targets, min_pods, max_pods) = (c.targets.clone(), c.min_pods, c.max_pods);
            let at = self.instant(&format!("{path}.getHpa.at"), c.at, facts)?;
            self.column_targets(&format!("{path}.getHpa.targets"), &targets, facts)?;
            found.push(Check::GetHpa { at, targets, min_pods, max_pods });
        }
        if let Some(c) = &raw.get_pods {
            for name in c.pods.keys() {
                let path = format!("{path}.getPods.pods.{name}");
                self.known(&path, name, "is no workload of the manifests", &facts.workloads)?;
            }
            let pods = c.pods.iter().map(|(name, count)| (name.clone(), *count)).collect();
            let at = self.instant(&format!("{path}.getPods.at"), c.at, facts)?;
            found.push(Check::GetPods { at, pods });
        }
        self.cluster_checks(path, raw, facts, &mut found)?;
        match found.len() {
            1 => Ok(found.swap_remove(0)),
            0 => Err(self.wrong(path, "has no test").hint("see `hpasim schema` for the tests that there are")),
            _ => Err(self.wrong(path, "has several tests").hint("make a claim of each")),
        }
    }

    /// What limits decisions, by its name.
    fn limit(&self, path: &str, name: &str) -> Result<Limit, Diagnostic> {
        let limit = Limit::ALL.into_iter().find(|limit| limit.name() == name);
        limit.ok_or_else(|| self.unknown(path, name, "limits no decision", &Limit::ALL.map(Limit::name)))
    }

    /// A metric of the HPA, by its name: its index.
    fn metric(&self, path: &str, name: &str, facts: &Facts) -> Result<usize, Diagnostic> {
        self.known(path, name, "is no metric of the HPA", &facts.metrics)?;
        Ok(facts.metrics.iter().position(|metric| metric == name).unwrap_or_default())
    }

    /// An instant of the scenario.
    fn instant(&self, path: &str, at: When, facts: &Facts) -> Result<SimTime, Diagnostic> {
        let found = self.when(path, at, facts.clock)?;
        if found.since_start() > facts.duration {
            let message = format!("{at} is after the end of the scenario, which lasts {}", facts.duration);
            return Err(self.wrong(path, message));
        }
        Ok(found)
    }

    /// The column TARGETS has a part for each metric, and names none that the HPA does not have.
    fn column_targets(&self, path: &str, targets: &str, facts: &Facts) -> Result<(), Diagnostic> {
        let parts: Vec<&str> = targets.split(", ").collect();
        for name in parts.iter().filter_map(|part| part.split_once(": ")).map(|(name, _)| name) {
            self.known(path, name, "is no metric of the HPA", &facts.metrics)?;
        }
        if parts.len() != facts.metrics.len() {
            let message = format!("has {} parts, and the HPA has {} metrics", parts.len(), facts.metrics.len());
            return Err(self.wrong(path, message).hint("write what kubectl get hpa prints, such as 50%/70%, 40%/80%"));
        }
        Ok(())
    }

    /// Refuses a name that is not among those that are known.
    fn known(&self, path: &str, name: &str, what: &str, known: &[String]) -> Result<(), Diagnostic> {
        let known: Vec<&str> = known.iter().map(String::as_str).collect();
        if known.contains(&name) { Ok(()) } else { Err(self.unknown(path, name, what, &known)) }
    }

    pub(super) fn unknown(&self, path: &str, name: &str, what: &str, known: &[&str]) -> Diagnostic {
        let error = self.wrong(path, format!("`{}` {what}", piece(name)));
        error.hint(hint(name, known.iter().copied()))
    }

    /// From an instant on, by default the start, up to another, by default the end.
    fn window(
        &self,
        path: &str,
        not_before: Option<When>,
        by: Option<When>,
        facts: &Facts,
    ) -> Result<Window, Diagnostic> {
        let from = self.instant(&format!("{path}.notBefore"), not_before.unwrap_or(When::After(Span::ZERO)), facts)?;
        let to = self.instant(&format!("{path}.by"), by.unwrap_or(When::After(facts.duration)), facts)?;
        if to < from {
            return Err(self.wrong(&format!("{path}.by"), "is before notBefore"));
        }
        Ok(Window { from, to })
    }

    /// Tests about pods, requests and nodes.
    fn cluster_checks(
        &self,
        path: &str,
        raw: &raw::Check,
        facts: &Facts,
        found: &mut Vec<Check>,
    ) -> Result<(), Diagnostic> {
        let window =
            |field: &str, c: &raw::PodsWithin| self.window(&format!("{path}.{field}"), c.not_before, c.by, facts);
        if let Some(c) = &raw.ready_at_least {
            found.push(Check::ReadyAtLeast { pods: c.pods, within: window("readyAtLeast", c)? });
        }
        if let Some(c) = &raw.ready_at_most {
            found.push(Check::ReadyAtMost { pods: c.pods, within: window("readyAtMost", c)? });
        }
        if let Some(c) = &raw.pods_at_most {
            found.push(Check::PodsAtMost { pods: c.pods, within: window("podsAtMost", c)? });
        }
        if raw.nothing_lost.is_some() {
            if !facts.work {
                let wrong =
                    self.wrong(&format!("{path}.nothingLost"), "the load is utilization, of which nothing is lost");
                return Err(wrong.hint("give the load as cpu, rps or clients, or read it as demand only"));
            }
            found.push(Check::NothingLost);
        }
        if let Some(c) = &raw.rollout_completes {
            let within = self.window(&format!("{path}.rolloutCompletes"), None, c.by, facts)?;
            if facts.first_rollout.is_none_or(|first| first > within.to) {
                let wrong = self.wrong(&format!("{path}.rolloutCompletes"), "nothing is rolled out by then");
                return Err(wrong.hint("add an event: rollout, restart or rollback"));
            }
            found.push(Check::RolloutCompletes { by: within.to });
        }
        if let Some(span) = raw.slow_at_most {
            let path = format!("{path}.slowAtMost");
            let Some(slo) = facts.slo else {
                return Err(self.wrong(&path, "there is no promise").hint("add cluster.slo, such as p95<300ms"));
            };
            if !facts.requests {
                let wrong = self.wrong(&path, "response times are not known: the load is not made of requests");
                return Err(wrong.hint("give rps or clients, with cpuPerRequest"));
            }
            found.push(Check::SlowAtMost { slo, span });
        }
        found.extend(raw.restarts_at_most.map(|restarts| Check::RestartsAtMost { restarts }));
        found.extend(raw.restarts_at_least.map(|restarts| Check::RestartsAtLeast { restarts }));
        let of_nodes = [
            ("nodesAtMost", raw.nodes_at_most.map(|nodes| Check::NodesAtMost { nodes })),
            ("unschedulableAtMost", raw.unschedulable_at_most.map(|span| Check::UnschedulableAtMost { span })),
        ];
        for (field, check) in of_nodes {
            if check.is_some() && !facts.nodes {
                let wrong = self.wrong(&format!("{path}.{field}"), "no nodes are simulated");
                return Err(wrong.hint("describe them under cluster.nodes"));
            }
            found.extend(check);
        }
        Ok(())
    }

    fn total(&self, path: &str, raw: &raw::Total) -> Result<Check, Diagnostic> {
        let amount = |field: &str, column: Column, raw: &Number| match raw {
            Number::Number(number) => Ok(*number),
            Number::Text(text) => parse_value(&column, text)
                .ok_or_else(|| self.wrong(&format!("{path}.{field}"), format!("`{text}` is not a quantity"))),
        };
        let mut found = Vec::new();
        found.extend(raw.pod_hours.map(|hours| (Figure::PodHours, hours)));
        if let Some(raw) = &raw.peak_cpu_requests {
            found.push((Figure::PeakCpuRequests, amount("peakCpuRequests", Column::Cpu, raw)?));
        }
        if let Some(raw) = &raw.peak_memory_requests {
            found.push((Figure::PeakMemoryRequests, amount("peakMemoryRequests", Column::Memory, raw)?));
        }
        match found.as_slice() {
            [(figure, equals)] => Ok(Check::Total { figure: *figure, equals: *equals }),
            _ => Err(self.wrong(path, "must have exactly one figure")),
        }
    }
}
