//! What happens besides the load: as it was typed, or as it was recorded.

use std::path::Path;

use clap::Args;

use super::{load, output};
use crate::input::overrides::Override;
use crate::input::scenario::{recorded_events, stated_events};
use crate::model::{ControllerConfig, ScheduledEvent, Target};
use crate::units::Clock;

/// What happens besides the load.
#[derive(Debug, Args)]
#[command(next_help_heading = "Load")]
pub(super) struct EventArgs {
    /// What happens besides the load, as scenarios have it: '{at: 3m, rollout: {}}', '{at: 09:30, killPods: {pods: 2}}'; or what was
    /// recorded: a folder of `hpasim import`, or its events.csv; repeatable
    #[arg(long, value_name = "YAML|DIR")]
    event: Vec<String>,
}

impl EventArgs {
    /// Whether nothing is told to happen.
    pub fn is_empty(&self) -> bool {
        self.event.is_empty()
    }

    /// All that happens to targets, each with the instant of its load's start: what is typed here, and what factors of loads that
    /// --set states come to.
    pub fn all(
        &self,
        set: &[Override],
        targets: &[(&Target<'_>, Option<Clock>)],
        has_nodes: bool,
        controller: ControllerConfig,
    ) -> anyhow::Result<Vec<ScheduledEvent>> {
        let clocks: Vec<_> = targets.iter().map(|(target, clock)| (target.hpa, *clock)).collect();
        let mut all = load::factors(set, &clocks)?;
        let happens: Vec<_> = targets.iter().map(|(target, clock)| (target.hpa, target.workload, *clock)).collect();
        all.extend(stated_events(&self.told(has_nodes)?, &happens, has_nodes, controller)?);
        all.sort_by_key(|event| event.at);
        Ok(all)
    }

    /// Events as they were typed, and those of recordings that are named.
    fn told(&self, has_nodes: bool) -> anyhow::Result<Vec<String>> {
        let mut all = Vec::new();
        for text in &self.event {
            let path = Path::new(text);
            if text.contains('{') || !path.exists() {
                all.push(text.clone());
                continue;
            }
            let (events, left_out) = recorded_events(path, has_nodes)?;
            if left_out > 0 {
                let note = format!("{text}: {left_out} losses of nodes are left out: no nodes are simulated (--nodes)");
                output::complain("note", &note);
            }
            all.extend(events);
        }
        Ok(all)
    }
}
