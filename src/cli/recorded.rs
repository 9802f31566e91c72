//! What `import` and `import prometheus` share: whose recording it is, and the folder that it becomes.

use std::path::PathBuf;

use clap::Args;

use super::Outcome;
use super::args::positive_span;
use super::manifests::SourceArgs;
use super::output::{self, ColorChoice, Format, Forms};
use crate::input::load::{FOLDER_LOAD, said};
use crate::input::recording::{FOLDER_PODS, Options, Subject, observed};
use crate::model::{KubernetesVersion, Observed, Recording};
use crate::report::document::{html, markdown};
use crate::report::trace::{FileRow, LoadReport};
use crate::report::{json, observed as files};
use crate::units::Span;

/// Whose recording it is, and what becomes of it.
#[derive(Debug, Args)]
pub(super) struct Common {
    /// Write load.csv, recorded.csv, events.csv, pods.csv, load.png, report.html and report.md into this directory
    #[arg(short, long, value_name = "DIR")]
    output: Option<PathBuf>,
    /// Which HPA it is of, where the manifests have several
    #[arg(long, value_name = "NAME")]
    pub hpa: Option<String>,
    /// Which workload it is of, where several were recorded
    #[arg(long, value_name = "NAME")]
    workload: Option<String>,
    /// Which service's requests are meant, where a proxy counted those of several
    #[arg(long, value_name = "NAME")]
    pub service: Option<String>,
    /// The time between two rows [default: that between samples]; also of listings that have no times
    #[arg(long, value_name = "DURATION", value_parser = positive_span)]
    pub step: Option<Span>,
    /// Draw the load in the terminal
    #[arg(long)]
    plot: bool,
    /// How to print what was found
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    #[command(flatten)]
    pub sources: SourceArgs,
}

impl Common {
    /// Refuses what is for other commands.
    pub fn check(&self) -> anyhow::Result<()> {
        output::check_plot(self.plot, self.format)?;
        if matches!(self.format, Format::Junit | Format::Github) {
            anyhow::bail!("import checks nothing: --format junit and github are for simulate, replay, plan and lint");
        }
        if !self.sources.set.set.is_empty() {
            anyhow::bail!("--set changes a run, and a recording is as it was");
        }
        Ok(())
    }

    /// Whether there are manifests.
    pub fn has_manifests(&self) -> bool {
        !self.sources.filenames.is_empty() || !self.sources.kustomize.is_empty()
    }

    /// Whose recording it is, as the manifests say or the options, and how it is read.
    pub fn subject(&self) -> anyhow::Result<(Subject, Options)> {
        let (mut subject, mut options) = (Subject::default(), Options::default());
        if self.has_manifests() {
            let manifests = self.sources.read(KubernetesVersion::default(), false)?.accepted()?;
            let selection = manifests.select(self.sources.namespace.as_deref(), self.hpa.as_deref())?;
            (subject, options) = (Subject::of(&selection.hpa.item), Options::of(&selection.hpa.item));
            let services = manifests.inventory.services.iter().filter(|one| one.item.selects(&selection.target.item));
            subject.services = services.map(|service| service.item.name.clone()).collect();
        } else {
            subject.namespace.clone_from(&self.sources.namespace);
            subject.hpa.clone_from(&self.hpa);
        }
        if self.workload.is_some() {
            subject.workload.clone_from(&self.workload);
        }
        subject.services = self.service.clone().map_or(subject.services, |service| vec![service]);
        options.step = self.step.map(Span::seconds);
        Ok((subject, options))
    }

    /// Writes what recordings come to, and says it.
    pub fn finish(
        &self,
        recordings: &[(String, Recording)],
        subject: &Subject,
        color: ColorChoice,
    ) -> anyhow::Result<Outcome> {
        let observed = observed(recordings, subject, self.step.map(Span::seconds))?;
        let report = self.report(&observed, recordings);
        let written = match &self.output {
            Some(directory) => output::write_files(directory, written(&observed, &report)?)?,
            None => Vec::new(),
        };
        let forms = Forms {
            command: "import",
            plot: self.plot,
            document: &|| report.document(),
            json: &|| Ok(json::bytes(&report.json())?),
            checks: &Vec::new,
        };
        output::show(&forms, self.format, color)?;
        for path in written {
            output::complain("wrote", &path.display().to_string());
        }
        Ok(Outcome::Done)
    }

    fn report(&self, observed: &Observed, recordings: &[(String, Recording)]) -> LoadReport {
        let row = |(name, recording): &(String, Recording)| {
            let mut measures: Vec<String> = recording.series.iter().map(|series| series.signal.to_string()).collect();
            measures.sort();
            measures.dedup();
            FileRow {
                file: name.clone(),
                format: recording.format.to_owned(),
                series: recording.series.len(),
                samples: recording.series.iter().map(|series| series.points.len()).sum(),
                events: recording.events.len(),
                measures,
            }
        };
        let of_files = recordings
            .iter()
            .flat_map(|(name, recording)| recording.notes.iter().map(move |note| format!("{name}: {note}")));
        let grid = &observed.grid;
        LoadReport {
            name: self
                .output
                .as_ref()
                .map_or_else(|| "as it was recorded".to_owned(), |path| path.display().to_string()),
            clock: grid.clock(),
            duration: Span::from_seconds(grid.step * grid.steps as i64),
            times: (0..grid.steps as i64).map(|step| step * grid.step).collect(),
            columns: observed.load.clone(),
            notes: of_files.chain(said(observed)).collect(),
            files: recordings.iter().map(row).collect(),
        }
    }
}

/// The files of the folder.
fn written(observed: &Observed, report: &LoadReport) -> anyhow::Result<Vec<(String, Vec<u8>)>> {
    let document = report.document();
    let mut all = vec![(FOLDER_LOAD.to_owned(), files::load_csv(observed)?)];
    if !observed.recorded.is_empty() {
        all.push(("recorded.csv".to_owned(), files::recorded_csv(observed)?));
    }
    if !observed.events.is_empty() {
        all.push(("events.csv".to_owned(), files::events_csv(observed)?));
    }
    if !observed.pods.is_empty() {
        all.push((FOLDER_PODS.to_owned(), files::pods_csv(observed)?));
    }
    all.push(("load.png".to_owned(), report.picture()?));
    all.push(("report.html".to_owned(), html::render(&document).into_bytes()));
    all.push(("report.md".to_owned(), markdown::render(&document).into_bytes()));
    Ok(all)
}
