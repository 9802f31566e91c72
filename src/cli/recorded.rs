//! What `import` and `import prometheus` share: whose recording it is, and the folder that it becomes.

use std::path::PathBuf;

use clap::Args;

use super::Outcome;
use super::args::positive_span;
use super::manifests::SourceArgs;
use super::output::{self, ColorChoice, Format, Forms};
use crate::input::load::{FOLDER_LOAD, folder_of_hpa, said};
use crate::input::recording::{FOLDER_PODS, Options, Subject, observed};
use crate::model::{HpaSpec, KubernetesVersion, Observed, Recording};
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

/// Whose recording it is.
#[derive(Clone, Debug, Default)]
pub(super) struct Whose {
    pub subject: Subject,
    /// How it is read.
    pub options: Options,
    /// The folder that it gets, where it is one of several.
    pub folder: Option<String>,
    /// The HPA, if there are manifests.
    pub hpa: Option<HpaSpec>,
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

    /// Whose recordings they are, as the manifests say or the options, and how they are read: of every HPA that is meant.
    pub fn whose(&self) -> anyhow::Result<Vec<Whose>> {
        let step = self.step.map(Span::seconds);
        let stated = |mut one: Whose| {
            if self.workload.is_some() {
                one.subject.workload.clone_from(&self.workload);
            }
            one.subject.services = self.service.clone().map_or(one.subject.services, |service| vec![service]);
            one.options.step = step;
            one
        };
        if !self.has_manifests() {
            let (namespace, hpa) = (self.sources.namespace.clone(), self.hpa.clone());
            let subject = Subject { namespace, hpa, ..Subject::default() };
            return Ok(vec![stated(Whose { subject, ..Whose::default() })]);
        }
        let manifests = self.sources.read(KubernetesVersion::default(), false)?.accepted()?;
        let chosen = manifests.chosen(self.sources.namespace.as_deref(), self.hpa.as_deref())?;
        let is_one_of_many = chosen.len() > 1;
        if is_one_of_many && (self.workload.is_some() || self.service.is_some()) {
            let all = chosen.len();
            anyhow::bail!("--workload and --service are of one HPA, and {all} match: choose one with --hpa NAME");
        }
        if is_one_of_many && self.format == Format::Json {
            anyhow::bail!("--format json is of one HPA, and {} match: choose one with --hpa NAME", chosen.len());
        }
        let by_name = manifests.targets();
        let mut all = Vec::new();
        for placed in &chosen {
            let selection = match by_name.of(placed) {
                Ok(selection) => selection,
                Err(error) if is_one_of_many => {
                    output::complain("warning", &error.to_string());
                    continue;
                }
                Err(error) => return Err(error.into()),
            };
            let (hpa, target) = (&placed.item, &selection.target.item);
            let services = manifests.inventory.services.iter().filter(|one| one.item.selects(target));
            let mut services: Vec<String> = services.map(|service| service.item.name.clone()).collect();
            if is_one_of_many && services.is_empty() {
                services.push(target.reference.name.clone());
            }
            all.push(stated(Whose {
                subject: Subject { services, ..Subject::of(hpa) },
                options: Options::of(hpa),
                folder: is_one_of_many.then(|| folder_of_hpa(hpa)),
                hpa: Some(hpa.clone()),
            }));
        }
        Ok(all)
    }

    /// Writes what recordings come to, and says it.
    pub fn finish(&self, all: &[(Whose, Vec<(String, Recording)>)], color: ColorChoice) -> anyhow::Result<Outcome> {
        let (mut reports, mut written_files, mut wrong) = (Vec::new(), Vec::new(), None);
        for (whose, recordings) in all {
            let observed = match observed(recordings, &whose.subject, self.step.map(Span::seconds)) {
                Ok(observed) => observed,
                Err(error) => {
                    if let Some(folder) = &whose.folder {
                        output::complain("note", &format!("{folder}: {error}"));
                    }
                    wrong = Some(error);
                    continue;
                }
            };
            let directory = self.output.as_ref().map(|directory| match &whose.folder {
                Some(folder) => directory.join(folder),
                None => directory.clone(),
            });
            let report = self.report(&observed, (recordings, whose.folder.as_deref()));
            if let Some(directory) = directory {
                written_files.extend(output::write_files(&directory, written(&observed, &report)?)?);
            }
            reports.push(report);
        }
        if reports.is_empty() {
            let nothing = || anyhow::anyhow!("of none of the HPAs the target is among the manifests");
            return Err(wrong.map_or_else(nothing, Into::into));
        }
        let forms = Forms {
            command: "import",
            plot: self.plot,
            document: &|| LoadReport::together(&reports),
            json: &|| Ok(json::bytes(&reports[0].json())?),
            checks: &Vec::new,
        };
        output::show(&forms, self.format, color)?;
        for path in written_files {
            output::complain("wrote", &path.display().to_string());
        }
        Ok(Outcome::Done)
    }

    fn report(&self, observed: &Observed, (recordings, folder): (&[(String, Recording)], Option<&str>)) -> LoadReport {
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
            name: match (folder, &self.output) {
                (Some(folder), _) => folder.to_owned(),
                (None, Some(path)) => path.display().to_string(),
                (None, None) => "as it was recorded".to_owned(),
            },
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
