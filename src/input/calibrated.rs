//! Settings of a cluster in a file of their own, as `hpasim calibrate` writes them.

use serde::Deserialize;
use serde_yaml::{Mapping, Value};

use super::load::LoadSettings;
use super::names::typed;
use super::yaml::read_documents;
use super::{Diagnostic, InputError, Source};
use crate::model::{ClusterConfig, option_name};

/// What a scenario says of a load that is no load: settings that options have, too.
const OF_LOADS: [&str; 9] = [
    "interpolation",
    "recordedAge",
    "cpuFrom",
    "cpuPerRequest",
    "memoryPerRps",
    "memoryBase",
    "memoryPerRequest",
    "requestWait",
    "thinkTime",
];

/// The document, strictly.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Raw {
    #[serde(default)]
    cluster: ClusterConfig,
    #[serde(default)]
    load: LoadSettings,
}

/// Settings, as scenarios have them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Calibrated {
    /// The file.
    pub name: String,
    cluster: Mapping,
    load: Mapping,
}

impl Calibrated {
    /// Reads a file.
    pub fn read(source: &Source) -> Result<Self, InputError> {
        let documents = read_documents(source)?;
        let [document] = documents.as_slice() else {
            let wrong = Diagnostic::new(format!("{} must have one document", source.name));
            return Err(wrong.hint("a file of `hpasim calibrate` has `cluster` and `load`, as scenarios do").into());
        };
        let raw: Raw = typed(document)?;
        if raw.cluster.nodes.is_some() {
            let wrong = document.diagnostic("cluster.nodes", "nodes are no setting of this file");
            return Err(wrong.hint("give them with --nodes and --node-count, or in a scenario").into());
        }
        drop(raw.load);
        let part = |name: &str| match document.value.get(name) {
            Some(Value::Mapping(part)) => part.clone(),
            _ => Mapping::new(),
        };
        let (cluster, load) = (part("cluster"), part("load"));
        for name in load.keys().filter_map(Value::as_str) {
            if !OF_LOADS.contains(&name) {
                let wrong = document.diagnostic(&format!("load.{name}"), "a load is no setting of this file");
                return Err(wrong.hint(format!("it takes {}", OF_LOADS.join(", "))).into());
            }
        }
        Ok(Self { name: source.name.clone(), cluster, load })
    }

    /// What it says: the option's long name and the value.
    pub fn options(&self) -> Vec<(String, String)> {
        let all = self.cluster.iter().chain(&self.load);
        all.filter_map(|(name, value)| Some((option_name(name.as_str()?), text(value)?))).collect()
    }

    /// Puts the settings into a scenario: those of the cluster, and those of its loads that it states itself.
    pub fn apply(&self, scenario: &mut Value) {
        let Value::Mapping(scenario) = scenario else { return };
        if !self.cluster.is_empty() {
            let cluster = scenario.entry("cluster".into()).or_insert_with(|| Mapping::new().into());
            if let Value::Mapping(cluster) = cluster {
                cluster.extend(self.cluster.clone());
            }
        }
        if let Some(Value::Mapping(load)) = scenario.get_mut("load") {
            self.replace(load);
        }
        if let Some(Value::Sequence(targets)) = scenario.get_mut("targets") {
            let loads = targets.iter_mut().filter_map(|target| target.get_mut("load")?.as_mapping_mut());
            loads.for_each(|load| self.replace(load));
        }
    }

    fn replace(&self, load: &mut Mapping) {
        for (name, value) in &self.load {
            if let Some(stated) = load.get_mut(name) {
                *stated = value.clone();
            }
        }
    }
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(value) => Some(value.to_string()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}
