//! The test of a claim: exactly one of the fields of `check`.

use super::{Reader, raw};
use crate::input::Diagnostic;
use crate::input::trace::parse_value;
use crate::model::{Check, Column, Figure, Window};
use crate::units::{SimTime, Span};

impl Reader<'_> {
    pub(super) fn check(&self, path: &str, raw: &raw::Check, duration: Span) -> Result<Check, Diagnostic> {
        let at = |field: &str, raw: &raw::Duration| -> Result<SimTime, Diagnostic> {
            Ok(SimTime::ZERO + self.span(&format!("{path}.{field}"), raw)?)
        };
        let window = |field: &str, not_before: &Option<raw::Duration>, by: &Option<raw::Duration>| {
            let from = not_before.as_ref().map_or(Ok(SimTime::ZERO), |raw| at(&format!("{field}.notBefore"), raw))?;
            let to = by.as_ref().map_or(Ok(SimTime::ZERO + duration), |raw| at(&format!("{field}.by"), raw))?;
            if to < from {
                return Err(self.wrong(&format!("{path}.{field}.by"), "is before notBefore"));
            }
            Ok(Window { from, to })
        };
        let mut found = Vec::new();
        if let Some(c) = &raw.stays {
            found.push(Check::Stays { replicas: c.replicas, within: window("stays", &c.not_before, &c.by)? });
        }
        if let Some(c) = &raw.replicas_at {
            found.push(Check::ReplicasAt { at: at("replicasAt.at", &c.at)?, replicas: c.replicas });
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
            found.push(Check::LimitedBy { reason: c.reason.clone(), within });
        }
        if let Some(c) = &raw.reason {
            let within = window("reason", &c.not_before, &c.by)?;
            found.push(Check::Reason { contains: c.contains.clone(), within });
        }
        if let Some(c) = &raw.triggers {
            let within = window("triggers", &c.not_before, &c.by)?;
            found.push(Check::Triggers { metric: c.metric.clone(), within });
        }
        if let Some(total) = &raw.total {
            found.push(self.total(&format!("{path}.total"), total)?);
        }
        if let Some(c) = &raw.get_hpa {
            let (targets, min_pods, max_pods) = (c.targets.clone(), c.min_pods, c.max_pods);
            found.push(Check::GetHpa { at: at("getHpa.at", &c.at)?, targets, min_pods, max_pods });
        }
        if let Some(c) = &raw.get_pods {
            let pods = c.pods.iter().map(|(name, count)| (name.clone(), *count)).collect();
            found.push(Check::GetPods { at: at("getPods.at", &c.at)?, pods });
        }
        match found.len() {
            1 => Ok(found.swap_remove(0)),
            0 => Err(self.wrong(path, "has no test").hint("see `hpasim schema` for the tests that there are")),
            _ => Err(self.wrong(path, "has several tests").hint("make a claim of each")),
        }
    }

    fn total(&self, path: &str, raw: &raw::Total) -> Result<Check, Diagnostic> {
        let amount = |field: &str, column: Column, raw: &raw::Number| match raw {
            raw::Number::Number(number) => Ok(*number),
            raw::Number::Text(text) => parse_value(&column, text)
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
