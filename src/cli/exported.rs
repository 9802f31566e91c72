//! `simulate --openmetrics`: what exporters would have said.

use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use clap::Args;

use super::args::positive_span;
use super::output::{self, Contents, Spool};
use crate::input::load::Load;
use crate::input::manifests::Manifests;
use crate::model::LoadSource;
use crate::report::Run;
use crate::report::openmetrics::{self, Source};
use crate::sim::Setup;
use crate::units::{Clock, Span};

/// What exporters would have said of a simulation.
#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
pub(super) struct ExportArgs {
    /// Write what cAdvisor, kube-state-metrics and ingress-nginx would have said, as OpenMetrics text for `promtool tsdb create-blocks-from
    /// openmetrics`, or `hpasim import`
    #[arg(long, value_name = "FILE")]
    openmetrics: Option<PathBuf>,
    /// How often that is read
    #[arg(long, value_name = "DURATION", value_parser = positive_span, default_value = "15s", requires = "openmetrics")]
    openmetrics_interval: Span,
    /// The instant of the start, for a load without dates: 2026-11-24T09:00:00Z
    #[arg(long, value_name = "TIMESTAMP", value_parser = start, requires = "openmetrics")]
    openmetrics_start: Option<Clock>,
}

fn start(text: &str) -> Result<Clock, String> {
    Clock::parse(text).ok_or_else(|| "is no instant: write 2026-11-24T09:00:00Z".to_owned())
}

/// The Service that leads to each target; its own name where there is none.
pub(super) fn services(manifests: &Manifests, setup: &Setup<'_>) -> Vec<String> {
    let of = |target: &crate::model::Target<'_>| {
        let workload = target.workload;
        let service = manifests.inventory.services.iter().find(|service| service.item.selects(workload));
        service.map_or_else(|| workload.reference.name.clone(), |service| service.item.name.clone())
    };
    setup.targets.iter().map(of).collect()
}

impl ExportArgs {
    /// How often it is read, if it is to be written.
    pub fn interval(&self) -> Option<Span> {
        self.openmetrics.as_ref().map(|_| self.openmetrics_interval)
    }

    /// Samples have instants: the load, or an option, must say when it begins.
    pub fn check(&self, loads: &[Load]) -> anyhow::Result<()> {
        if self.openmetrics.is_none() {
            return Ok(());
        }
        let mut clocks = loads.iter().map(LoadSource::clock);
        let first = clocks.next().flatten();
        if self.openmetrics_start.is_none() && first.is_none() {
            anyhow::bail!(
                "the load has no dates, and samples of Prometheus do: say when it begins with --openmetrics-start 2026-11-24T09:00:00Z"
            );
        }
        let differs = |clock: Option<Clock>| clock.map(Clock::epoch_seconds) != first.map(Clock::epoch_seconds);
        if self.openmetrics_start.is_none() && clocks.any(differs) {
            anyhow::bail!("the loads begin at different instants: say when all of them do with --openmetrics-start");
        }
        Ok(())
    }

    /// Writes it; `services` are those of the targets.
    pub fn write(&self, runs: &[Run<'_>], services: &[String]) -> anyhow::Result<Option<PathBuf>> {
        let clock = self.openmetrics_start.or_else(|| runs.first()?.clock);
        let (Some(path), Some(clock)) = (&self.openmetrics, clock) else { return Ok(None) };
        let sources = runs.iter().zip(services).filter_map(|(run, service)| {
            let exported = run.summary.exported.as_ref()?;
            Some(Source { run: run.clone(), service: service.clone(), exported })
        });
        let sources: Vec<Source<'_>> = sources.collect();
        let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let mut out = BufWriter::new(Spool::new(directory, false)?);
        openmetrics::write(&sources, clock, &mut out)?;
        out.flush()?;
        let spool = out.into_inner().map_err(std::io::IntoInnerError::into_error)?;
        output::write_file(path, Contents::Spooled(spool))?;
        Ok(Some(path.clone()))
    }
}
