//! The figures of a document, to be compared with what the manifests add up to.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::manifests::plain_words;
use super::manifests::raw::RawQuantity;
use super::yaml::{Document, read_documents};
use super::{Diagnostic, InputError, Source};
use crate::model::{ClaimLevel, ClaimVerdict, FigureClaim, Figures, Measure, PlanClaim};
use crate::units::Quantity;

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFile {
    /// The document, for the reader.
    #[serde(rename = "document")]
    _document: Option<String>,
    claims: Vec<RawClaim>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawClaim {
    says: String,
    section: Option<String>,
    workload: Option<String>,
    at: Option<String>,
    pods: Option<i32>,
    #[serde(default)]
    requests: BTreeMap<String, RawQuantity>,
    #[serde(default)]
    limits: BTreeMap<String, RawQuantity>,
    #[serde(default)]
    total: BTreeMap<String, RawQuantity>,
    storage: Option<RawQuantity>,
    #[serde(default)]
    objects: BTreeMap<String, RawQuantity>,
    expect: Option<String>,
    note: Option<String>,
}

/// Reads the claims of a file.
pub fn read(source: &Source) -> Result<Vec<PlanClaim>, InputError> {
    let mut claims = Vec::new();
    let mut errors = Vec::new();
    for document in read_documents(source)? {
        let raw: RawFile = serde_path_to_error::deserialize(&document.value).map_err(|error| {
            let path = error.path().to_string();
            let path = if path == "." { String::new() } else { path };
            document.diagnostic(&path, plain_words(&error.into_inner().to_string()))
        })?;
        for (index, raw) in raw.claims.into_iter().enumerate() {
            match claim(raw, &format!("claims[{index}]"), &document) {
                Ok(claim) => claims.push(claim),
                Err(diagnostic) => errors.push(diagnostic),
            }
        }
    }
    InputError::unless_empty(errors)?;
    if claims.is_empty() {
        return Err(Diagnostic::new(format!("{} has no claims", source.name)).hint("list them under `claims:`").into());
    }
    Ok(claims)
}

fn claim(raw: RawClaim, path: &str, document: &Document) -> Result<PlanClaim, Diagnostic> {
    let at = |field: &str| format!("{path}.{field}");
    let level = match (raw.at.as_deref(), raw.pods) {
        (Some(_), Some(_)) => {
            return Err(document.diagnostic(&at("pods"), "must not be set together with at").hint("keep one of them"));
        }
        (None, Some(pods)) if pods < 0 => return Err(document.diagnostic(&at("pods"), "must not be negative")),
        (None, Some(pods)) => ClaimLevel::Pods(pods),
        (Some("pod"), None) => ClaimLevel::Pods(1),
        (None | Some("declared"), None) => ClaimLevel::Declared,
        (Some("minimum"), None) => ClaimLevel::Minimum,
        (Some("maximum"), None) => ClaimLevel::Maximum,
        (Some(other), None) => {
            let hint = "use pod, minimum, declared or maximum, or pods: N";
            return Err(document.diagnostic(&at("at"), format!("`{other}` is not supported")).hint(hint));
        }
    };
    if matches!(level, ClaimLevel::Pods(_)) && raw.workload.is_none() {
        let message = "is required where the claim is about a number of pods";
        return Err(document.diagnostic(&at("workload"), message).hint("the workload's metadata.name"));
    }
    let expected = match raw.expect.as_deref() {
        None | Some("confirmed") => ClaimVerdict::Confirmed,
        Some("contradicted") => ClaimVerdict::Contradicted,
        Some(other) => {
            let message = format!("`{other}` is not supported");
            return Err(document.diagnostic(&at("expect"), message).hint("use confirmed or contradicted"));
        }
    };
    let mut figures = Vec::new();
    for (field, list, measure) in [
        ("requests", &raw.requests, Measure::Requests),
        ("limits", &raw.limits, Measure::Limits),
        ("total", &raw.total, Measure::Either),
    ] {
        for (name, raw) in list {
            let figure = Figures::Resource { measure, name: name.clone() };
            figures.push(figure_claim(figure, raw, &at(&format!("{field}.{name}")), document)?);
        }
    }
    if let Some(raw) = &raw.storage {
        figures.push(figure_claim(Figures::Storage, raw, &at("storage"), document)?);
    }
    for (kind, raw) in &raw.objects {
        figures.push(figure_claim(Figures::Objects(kind.clone()), raw, &at(&format!("objects.{kind}")), document)?);
    }
    if figures.is_empty() {
        let hint = "give requests, limits, total, storage or objects";
        return Err(document.diagnostic(path, "has no figure").hint(hint));
    }
    Ok(PlanClaim {
        says: raw.says,
        section: raw.section,
        workload: raw.workload,
        level,
        figures,
        expected,
        note: raw.note,
        location: document.origin.locate(path),
    })
}

/// A quantity, with `~` before it if it is meant roughly.
fn figure_claim(
    figure: Figures,
    raw: &RawQuantity,
    path: &str,
    document: &Document,
) -> Result<FigureClaim, Diagnostic> {
    let (roughly, text) = match raw.0.strip_prefix('~') {
        Some(rest) => (true, rest.trim()),
        None => (false, raw.0.as_str()),
    };
    let says: Quantity = text.parse().map_err(|error: crate::units::ParseQuantityError| {
        document.diagnostic(path, error.to_string()).hint(error.hint())
    })?;
    Ok(FigureClaim { figure, says, roughly })
}
