//! Scenario files.

mod checks;
mod cluster;
mod events;
mod files;
mod load;
pub(crate) mod raw;
mod targets;

use std::path::Path;

pub use events::{Happens, recorded_events, stated_events};
pub use files::Files;

use self::checks::Facts;
use super::calibrated::Calibrated;
use super::manifests::{self, Manifests};
use super::names::typed;
use super::overrides::Override;
use super::yaml::{Document, read_documents};
use super::{Diagnostic, InputError, Source};
use crate::model::{Claim, ClaimVerdict, ControllerConfig, HpaSpec, KubernetesVersion, Scenario, piece};
use crate::units::{Clock, Replicas, SimTime, Span, When};

/// The folders of the built-in scenarios; the first is replayed if nothing else is asked for.
pub const BUILTIN_FOLDERS: [&str; 2] = ["rag-system", "shop"];

/// The JSON Schema of scenario files.
pub fn schema() -> serde_json::Value {
    schemars::schema_for!(raw::Scenario).to_value()
}

/// Which scenarios are meant, and what is changed in their manifests.
#[derive(Clone, Copy, Debug, Default)]
pub struct Choice<'a> {
    /// Their names; all without any.
    pub names: &'a [String],
    /// What is changed in those.
    pub overrides: &'a [Override],
    /// Settings of the cluster in place of their own.
    pub cluster: Option<&'a Calibrated>,
}

impl Choice<'_> {
    fn wants(&self, document: &Document) -> bool {
        let name = document.value.get("name").and_then(serde_yaml::Value::as_str);
        self.names.is_empty() || self.names.iter().any(|wanted| Some(wanted.as_str()) == name)
    }
}

/// Reads the scenarios behind a path, also those that are not meant. Warnings about their manifests go to `warnings`.
pub fn read(
    files: Files,
    path: &Path,
    choice: Choice<'_>,
    warnings: &mut Vec<Diagnostic>,
) -> Result<Vec<Scenario>, InputError> {
    let mut scenarios: Vec<Scenario> = Vec::new();
    let mut errors = Vec::new();
    for source in files.scenarios(path)? {
        for mut document in read_documents(&source)? {
            let is_meant = choice.wants(&document);
            let overrides = if is_meant { choice.overrides } else { &[] };
            if let Some(calibrated) = choice.cluster.filter(|_| is_meant) {
                calibrated.apply(&mut document.value);
            }
            let reader = Reader { files, source: &source, document: &document, overrides };
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
    /// What is changed in the manifests.
    overrides: &'a [Override],
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
        let duration = raw.duration;
        if duration == Span::ZERO {
            return Err(self.wrong("duration", "must be at least 1s").into());
        }
        self.sensible("cluster", raw.cluster.check(controller.sync_period))?;
        let (targets, lead_in) = self.targets(&raw, &manifests, &controller)?;
        for (index, target) in targets.iter().enumerate().filter(|_| !raw.targets.is_empty()) {
            self.sensible(&format!("targets[{index}].cluster"), target.cluster.check(controller.sync_period))?;
        }
        let nodes = self.nodes(&raw.cluster, &manifests, &targets)?;
        let happens: Vec<_> = targets.iter().map(|target| (&target.hpa, &target.workload, target.clock())).collect();
        let events = self.events((&raw.events, &[]), &happens, raw.cluster.nodes.is_some(), controller)?;
        let workloads: Vec<(String, Replicas)> = manifests
            .inventory
            .workloads
            .iter()
            .filter(|placed| placed.item.is_scalable())
            .map(|placed| (placed.item.reference.name.clone(), placed.item.replicas.unwrap_or(1)))
            .collect();
        let scaled = targets.iter().map(|target| target.workload.reference.name.clone());
        let names: Vec<String> = workloads.iter().map(|(name, _)| name.clone()).chain(scaled).collect();
        let hpas: Vec<&HpaSpec> = targets.iter().map(|target| &target.hpa).collect();
        let claims = raw
            .claims
            .iter()
            .enumerate()
            .map(|(index, raw_claim)| {
                let of = self.target_of(&format!("claims[{index}].target"), raw_claim.target.as_deref(), &hpas)?;
                let facts = Facts::new(&raw, (of, &targets[of]), names.clone(), &events);
                self.claim(index, raw_claim, of, &facts)
            })
            .collect::<Result<_, _>>()?;
        Ok(Scenario {
            name: raw.name,
            title: raw.title,
            source: raw.source,
            workloads,
            controller,
            quotas: manifests
                .inventory
                .shared_quotas(&targets.iter().map(|target| &target.workload).collect::<Vec<_>>()),
            nodes,
            seed: raw.seed,
            lead_in,
            duration,
            overrides: self.overrides.iter().map(ToString::to_string).collect(),
            events,
            claims,
            targets,
        })
    }

    /// The target that is named, by its HPA; the first if none is.
    fn target_of(&self, path: &str, name: Option<&str>, hpas: &[&HpaSpec]) -> Result<usize, Diagnostic> {
        let Some(name) = name else { return Ok(0) };
        let known: Vec<&str> = hpas.iter().map(|hpa| hpa.name.as_str()).collect();
        let found = self.named(path, name, hpas)?;
        found.ok_or_else(|| self.unknown(path, name, "is no target of the scenario", &known))
    }

    /// The HPA of a name, or of NAMESPACE/NAME where several have the name.
    fn named(&self, path: &str, name: &str, hpas: &[&HpaSpec]) -> Result<Option<usize>, Diagnostic> {
        let whole = |hpa: &HpaSpec| format!("{}/{}", hpa.namespace, hpa.name);
        let mut found = hpas.iter().enumerate().filter(|(_, hpa)| hpa.name == name || whole(hpa) == name);
        let Some((first, _)) = found.next() else { return Ok(None) };
        if found.next().is_none() {
            return Ok(Some(first));
        }
        let several: Vec<String> = hpas.iter().filter(|hpa| hpa.name == name).map(|hpa| whole(hpa)).collect();
        let wrong = self.wrong(path, format!("several targets are called `{}`", piece(name)));
        Err(wrong.hint(format!("say which: {}", several.join(" or "))))
    }

    /// A time of the scenario. A time of day needs a trace with timestamps.
    fn when(&self, path: &str, at: When, clock: Option<Clock>) -> Result<SimTime, Diagnostic> {
        if clock.is_none() && at.needs_clock() {
            let message = format!("{at} is a clock time, and the load has no timestamps");
            return Err(self.wrong(path, message).hint("write how long after the start, such as 9h30m"));
        }
        at.in_simulation(clock).map_err(|message| self.wrong(path, message))
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
        let context = manifests::Context {
            overrides: self.overrides,
            ..manifests::Context::new(version, raw.namespace.as_deref())
        };
        let manifests = manifests::read(&sources, context)?.accepted()?;
        for warning in &manifests.oddities() {
            if !warnings.contains(warning) {
                warnings.push(warning.clone());
            }
        }
        Ok(manifests)
    }

    fn claim(&self, index: usize, raw: &raw::Claim, target: usize, facts: &Facts) -> Result<Claim, Diagnostic> {
        Ok(Claim {
            says: raw.says.clone(),
            section: raw.section.clone(),
            target,
            check: self.check(&format!("claims[{index}].check"), &raw.check, facts)?,
            expected: match raw.expect {
                raw::Verdict::Confirmed => ClaimVerdict::Confirmed,
                raw::Verdict::Contradicted => ClaimVerdict::Contradicted,
                raw::Verdict::Depends => ClaimVerdict::Depends,
            },
            note: raw.note.clone(),
            location: self.wrong(&format!("claims[{index}]"), "").location,
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
