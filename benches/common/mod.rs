//! What the benches share.

use std::path::PathBuf;

use hpasim::input::{manifests, read_sources};

/// The manifests under `scenarios/rag-system/k8s`.
pub fn rag_manifests() -> manifests::Manifests {
    let directory = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("scenarios/rag-system/k8s");
    let sources = read_sources(&[directory], false).expect("the scenario's manifests can be read");
    manifests::read(&sources, manifests::Context::default()).expect("the scenario's manifests are valid")
}
