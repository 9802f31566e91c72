//! Where scenario files and what they name come from: the disk, or the binary itself.

use std::path::{Path, PathBuf};

use crate::input::load::{How, Load};
use crate::input::{Diagnostic, InputError, Source, read_sources};

macro_rules! builtin {
    ($($path:literal),* $(,)?) => {
        [$(($path, include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios/", $path)))),*]
    };
}

/// The built-in scenarios and their manifests: path below `scenarios/`, contents.
pub(crate) const BUILTIN: [(&str, &str); 22] = builtin![
    "rag-system/k8s/backend-deployment.yaml",
    "rag-system/k8s/configmap.yaml",
    "rag-system/k8s/ingress.yaml",
    "rag-system/k8s/namespace.yaml",
    "rag-system/k8s/pvc.yaml",
    "rag-system/k8s/qdrant-statefulset.yaml",
    "rag-system/k8s/redis-deployment.yaml",
    "rag-system/k8s/secrets.yaml",
    "rag-system/nodes.yaml",
    "rag-system/scenarios/1-normal-load.yaml",
    "rag-system/scenarios/2-high-load.yaml",
    "rag-system/scenarios/3-very-high-load.yaml",
    "rag-system/scenarios/4-load-decreases.yaml",
    "rag-system/scenarios/5-verification.yaml",
    "rag-system/scenarios/6-rolling-update.yaml",
    "rag-system/scenarios/7-qdrant-down.yaml",
    "rag-system/scenarios/8-scale-manually.yaml",
    "rag-system/scenarios/9-load-test.yaml",
    "rag-system/scenarios/promises.yaml",
    "shop/k8s/services.yaml",
    "shop/nodes.yaml",
    "shop/scenarios/sale.yaml",
];

/// A place to read files from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Files {
    /// The file system.
    Disk,
    /// What is compiled in.
    Builtin,
}

impl Files {
    /// The scenario files behind a path: the file itself; of a folder, those of its folder `scenarios`, or its
    /// own if there is none.
    pub fn scenarios(self, path: &Path) -> Result<Vec<Source>, InputError> {
        match self {
            Self::Disk => {
                let inner = path.join("scenarios");
                read_sources(&[if inner.is_dir() { inner } else { path.to_owned() }], false)
            }
            Self::Builtin => self.read_below(&path.join("scenarios")),
        }
    }

    /// The manifests behind a path that a scenario file names.
    pub fn manifests(self, scenario: &Source, path: &str) -> Result<Vec<Source>, InputError> {
        let path = beside(scenario, path);
        match self {
            Self::Disk => read_sources(&[path], false),
            Self::Builtin => self.read_below(&path),
        }
    }

    /// The trace or the recording that a scenario file names.
    pub fn load(self, scenario: &Source, path: &str, how: &How<'_>) -> Result<Load, InputError> {
        let path = beside(scenario, path);
        match self {
            Self::Disk => Load::open(Some(&path), how, None),
            Self::Builtin => {
                let source = self.read_below(&path)?.swap_remove(0);
                Load::new(&source.name, Box::new(std::io::Cursor::new(source.text)), how)
            }
        }
    }

    /// The file of node shapes that a scenario file names.
    pub fn nodes(self, scenario: &Source, path: &str) -> Result<Source, InputError> {
        self.manifests(scenario, path).map(|mut sources| sources.swap_remove(0))
    }

    fn read_below(self, path: &Path) -> Result<Vec<Source>, InputError> {
        let found: Vec<Source> = BUILTIN
            .iter()
            .filter(|(name, _)| Path::new(name).starts_with(path))
            .map(|(name, text)| Source { name: (*name).to_owned(), text: (*text).to_owned() })
            .collect();
        if found.is_empty() {
            return Err(Diagnostic::new(format!("no built-in file {}", path.display())).into());
        }
        Ok(found)
    }
}

/// A path relative to a scenario file, without `..` where it can be resolved.
fn beside(scenario: &Source, path: &str) -> PathBuf {
    let mut resolved = Path::new(&scenario.name).parent().map(Path::to_owned).unwrap_or_default();
    for part in Path::new(path).components() {
        match part {
            std::path::Component::ParentDir if resolved.file_name().is_some() => {
                resolved.pop();
            }
            std::path::Component::CurDir => {}
            part => resolved.push(part),
        }
    }
    // The folder of the scenario itself, where that is this one.
    if resolved.as_os_str().is_empty() { PathBuf::from(".") } else { resolved }
}
