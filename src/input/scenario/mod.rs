//! Scenario files.

mod checks;
mod cluster;
mod events;
mod files;
mod load;
pub(crate) mod raw;

use std::path::Path;

pub use files::Files;

use self::checks::Facts;
use super::manifests::{self, Manifests};
use super::names::typed;
use super::yaml::{Document, read_documents};
use super::{Diagnostic, InputError, Source};
use crate::model::{Claim, ClaimVerdict, ControllerConfig, KubernetesVersion, MOST_PODS, Scenario};
use crate::units::{Replicas, Span};

/// The folder of the built-in scenarios.
pub const BUILTIN_FOLDER: &str = "rag-system";

/// The JSON Schema of scenario files.
pub fn schema() -> serde_json::Value {
    schemars::schema_for!(raw::Scenario).to_value()
}

/// Reads the scenarios behind a path. Warnings about their manifests go to `warnings`.
pub fn read(files: Files, path: &Path, warnings: &mut Vec<Diagnostic>) -> Result<Vec<Scenario>, InputError> {
    let mut scenarios: Vec<Scenario> = Vec::new();
    let mut errors = Vec::new();
    for source in files.scenarios(path)? {
        for document in read_documents(&source)? {
            let reader = Reader { files, source: &source, document: &document };
            match reader.scenario(warnings) {
                Ok(scenario) if scenarios.iter().any(|other| other.name == scenario.name) => {
                    errors.push(
                        document.diagnostic("name", format!("`{}` is the name of another scenario", scenario.name)),
                    );
                }
                Ok(scenario) => scenarios.push(scenario),
                Err(error) => errors.extend(error.diagnostics().to_vec()),
            }
        }
    }
    InputError::unless_empty(errors)?;
    if scenarios.is_empty() {
        return Err(Diagnostic::new(format!("{} has no scenario", path.display())).into());
    }
    Ok(scenarios)
}

/// One document of a scenario file.
struct Reader<'a> {
    files: Files,
    source: &'a Source,
    document: &'a Document,
}

impl Reader<'_> {
    /// An error of something that a field names: its words and its advice.
    fn elsewhere(&self, path: &str, error: &InputError) -> Diagnostic {
        match error.diagnostics() {
            [only] if only.location.is_none() => {
                Diagnostic { hint: only.hint.clone(), ..self.wrong(path, &only.message) }
            }
            _ => self.wrong(path, error.to_string()),
        }
    }

    fn wrong(&self, path: &str, message: impl Into<String>) -> Diagnostic {
        self.document.diagnostic(path, message)
    }

    fn scenario(&self, warnings: &mut Vec<Diagnostic>) -> Result<Scenario, InputError> {
        let raw: raw::Scenario = typed(self.document)?;
        self.check_name(&raw.name)?;
        let controller = ControllerConfig { version: raw.kubernetes_version, ..raw.controller };
        self.sensible("controller", controller.check())?;
        let manifests = self.manifests(&raw, controller.version, warnings)?;
        let selection = manifests
            .select(raw.namespace.as_deref(), raw.hpa.as_deref())
            .map_err(|error| self.elsewhere(if raw.hpa.is_some() { "hpa" } else { "manifests" }, &error))?;
        let (hpa, workload) = (selection.hpa.item.clone(), selection.target.item.clone());
        let replicas = raw.start.replicas.or(workload.replicas).unwrap_or(1);
        if !(0..=MOST_PODS).contains(&replicas) {
            return Err(self.wrong("start.replicas", format!("must be from 0 to {MOST_PODS}")).into());
        }
        let nodes = self.cluster(&raw.cluster, controller.sync_period, &manifests, &workload)?;
        let events = self.events(&raw, &hpa, &workload, controller)?;
        let duration = raw.duration;
        if duration == Span::ZERO {
            return Err(self.wrong("duration", "must be at least 1s").into());
        }
        let lead_in = match raw.start.before {
            Some(_) => lead_in(&hpa, &controller, raw.cluster.metric_resolution),
            None => Span::ZERO,
        };
        let workloads: Vec<(String, Replicas)> = manifests
            .inventory
            .workloads
            .iter()
            .filter(|placed| placed.item.is_scalable())
            .map(|placed| (placed.item.reference.name.clone(), placed.item.replicas.unwrap_or(1)))
            .collect();
        let readings = self.readings(&raw, &hpa, &workload, replicas, lead_in)?;
        let names = workloads.iter().map(|(name, _)| name.clone()).chain([workload.reference.name.clone()]).collect();
        let facts = Facts::new(&raw, &hpa, names, &readings, &events);
        let claims = raw
            .claims
            .iter()
            .enumerate()
            .map(|(index, raw)| self.claim(index, raw, &facts))
            .collect::<Result<_, _>>()?;
        Ok(Scenario {
            readings,
            name: raw.name,
            title: raw.title,
            source: raw.source,
            workloads,
            neighbours: manifests.inventory.neighbours(&hpa, &workload),
            hpa,
            workload,
            controller,
            cluster: raw.cluster,
            nodes,
            seed: raw.seed,
            replicas,
            lead_in,
            duration,
            interpolation: raw.load.interpolation,
            events,
            claims,
        })
    }

    fn check_name(&self, name: &str) -> Result<(), Diagnostic> {
        let good = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
        if good {
            return Ok(());
        }
        Err(self.wrong("name", format!("`{name}` cannot be the name of a file")).hint("use letters, digits and dashes"))
    }

    fn manifests(
        &self,
        raw: &raw::Scenario,
        version: KubernetesVersion,
        warnings: &mut Vec<Diagnostic>,
    ) -> Result<Manifests, InputError> {
        let mut sources = Vec::new();
        for (index, path) in raw.manifests.iter().enumerate() {
            let found = self.files.manifests(self.source, path);
            sources.extend(found.map_err(|error| self.wrong(&format!("manifests[{index}]"), error.to_string()))?);
        }
        let manifests =
            manifests::read(&sources, manifests::Context::new(version, raw.namespace.as_deref()))?.accepted()?;
        for warning in &manifests.oddities() {
            if !warnings.contains(warning) {
                warnings.push(warning.clone());
            }
        }
        Ok(manifests)
    }

    fn claim(&self, index: usize, raw: &raw::Claim, facts: &Facts) -> Result<Claim, Diagnostic> {
        Ok(Claim {
            says: raw.says.clone(),
            section: raw.section.clone(),
            check: self.check(&format!("claims[{index}].check"), &raw.check, facts)?,
            expected: match raw.expect {
                raw::Verdict::Confirmed => ClaimVerdict::Confirmed,
                raw::Verdict::Contradicted => ClaimVerdict::Contradicted,
                raw::Verdict::Depends => ClaimVerdict::Depends,
            },
            note: raw.note.clone(),
        })
    }
}

/// As far back as the controller's windows reach, in whole syncs and scrapes.
fn lead_in(hpa: &crate::model::HpaSpec, controller: &ControllerConfig, resolution: Span) -> Span {
    let windows =
        hpa.behavior.iter().flat_map(|b| [b.scale_up.stabilization_window, b.scale_down.stabilization_window]);
    let longest = windows.flatten().max().unwrap_or(Span::ZERO).max(controller.downscale_stabilization);
    let (sync, scrape) = (controller.sync_period.seconds(), resolution.seconds());
    let round = sync / gcd(sync, scrape) * scrape;
    Span::from_seconds((longest.seconds() / round + 2) * round)
}

fn gcd(a: i64, b: i64) -> i64 {
    if b == 0 { a } else { gcd(b, a % b) }
}
