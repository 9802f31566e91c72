//! The test of a claim: exactly one of the fields of `check`.

use super::{Reader, raw};
use crate::input::Diagnostic;
use crate::input::load_settings::Number;
use crate::input::names::nearest;
use crate::input::trace::parse_value;
use crate::model::{Check, Column, Figure, Limit, Window, piece};
use crate::units::{SimTime, Span};

/// What claims may name.
pub(super) struct Names {
    /// The metrics of the HPA, of those that replace it, too.
    pub metrics: Vec<String>,
    /// The workloads that pods are counted by.
    pub workloads: Vec<String>,
}

impl Reader<'_> {
    pub(super) fn check(
        &self,
        path: &str,
        raw: &raw::Check,
        duration: Span,
        names: &Names,
    ) -> Result<Check, Diagnostic> {
        let window = |field: &str, not_before: &Option<Span>, by: &Option<Span>| {
            self.window(&format!("{path}.{field}"), *not_before, *by, duration)
        };
        let mut found = Vec::new();
        if let Some(c) = &raw.stays {
            found.push(Check::Stays { replicas: c.replicas, within: window("stays", &c.not_before, &c.by)? });
        }
        if let Some(c) = &raw.replicas_at {
            found.push(Check::ReplicasAt { at: SimTime::ZERO + c.at, replicas: c.replicas });
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
            found.push(Check::Reason { contains: c.contains.clone(), within });
        }
        if let Some(c) = &raw.triggers {
            let within = window("triggers", &c.not_before, &c.by)?;
            self.known(&format!("{path}.triggers.metric"), &c.metric, "is no metric of the HPA", &names.metrics)?;
            found.push(Check::Triggers { metric: c.metric.clone(), within });
        }
        if let Some(total) = &raw.total {
            found.push(self.total(&format!("{path}.total"), total)?);
        }
        if let Some(c) = &raw.get_hpa {
            let (targets, min_pods, max_pods) = (c.targets.clone(), c.min_pods, c.max_pods);
            found.push(Check::GetHpa { at: SimTime::ZERO + c.at, targets, min_pods, max_pods });
        }
        if let Some(c) = &raw.get_pods {
            for name in c.pods.keys() {
                let path = format!("{path}.getPods.pods.{name}");
                self.known(&path, name, "is no workload of the manifests", &names.workloads)?;
            }
            let pods = c.pods.iter().map(|(name, count)| (name.clone(), *count)).collect();
            found.push(Check::GetPods { at: SimTime::ZERO + c.at, pods });
        }
        self.cluster_checks(path, raw, duration, &mut found)?;
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

    /// Refuses a name that is not among those that are known.
    fn known(&self, path: &str, name: &str, what: &str, known: &[String]) -> Result<(), Diagnostic> {
        let known: Vec<&str> = known.iter().map(String::as_str).collect();
        if known.contains(&name) { Ok(()) } else { Err(self.unknown(path, name, what, &known)) }
    }

    fn unknown(&self, path: &str, name: &str, what: &str, known: &[&str]) -> Diagnostic {
        let error = self.wrong(path, format!("`{}` {what}", piece(name)));
        match nearest(name, known.iter().copied()) {
            Some(meant) => error.hint(format!("did you mean `{meant}`?")),
            None => error.hint(format!("there is {}", known.join(", "))),
        }
    }

    /// From an instant on, by default the start, up to another, by default the end.
    fn window(
        &self,
        path: &str,
        not_before: Option<Span>,
        by: Option<Span>,
        duration: Span,
    ) -> Result<Window, Diagnostic> {
        let from = SimTime::ZERO + not_before.unwrap_or(Span::ZERO);
        let to = SimTime::ZERO + by.unwrap_or(duration);
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
        duration: Span,
        found: &mut Vec<Check>,
    ) -> Result<(), Diagnostic> {
        let window =
            |field: &str, c: &raw::PodsWithin| self.window(&format!("{path}.{field}"), c.not_before, c.by, duration);
        if let Some(c) = &raw.ready_at_least {
            found.push(Check::ReadyAtLeast { pods: c.pods, within: window("readyAtLeast", c)? });
        }
        if let Some(c) = &raw.ready_at_most {
            found.push(Check::ReadyAtMost { pods: c.pods, within: window("readyAtMost", c)? });
        }
        if let Some(c) = &raw.pods_at_most {
            found.push(Check::PodsAtMost { pods: c.pods, within: window("podsAtMost", c)? });
        }
        found.extend(raw.nothing_lost.map(|_| Check::NothingLost));
        if let Some(c) = &raw.rollout_completes {
            let within = self.window(&format!("{path}.rolloutCompletes"), None, c.by, duration)?;
            found.push(Check::RolloutCompletes { by: within.to });
        }
        found.extend(raw.slow_at_most.map(|span| Check::SlowAtMost { span }));
        if let Some(restarts) = raw.restarts_at_most {
            let wrong = |_| self.wrong(&format!("{path}.restartsAtMost"), "must not be negative");
            found.push(Check::RestartsAtMost { restarts: restarts.try_into().map_err(wrong)? });
        }
        found.extend(raw.nodes_at_most.map(|nodes| Check::NodesAtMost { nodes }));
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
