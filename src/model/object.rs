//! What an object is: its kind, API group, namespace and name.

use std::fmt;

/// The identity of an object in a cluster. Versions of one API group name the same objects.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct ObjectId {
    /// `kind`.
    pub kind: String,
    /// The API group: `apps` of `apps/v1`, empty for the core group.
    pub group: String,
    /// `metadata.namespace`; empty for kinds that have none.
    pub namespace: String,
    /// `metadata.name`.
    pub name: String,
}

impl ObjectId {
    /// The object of a namespace that a reference means.
    pub fn referred(reference: &super::ObjectReference, namespace: &str) -> Self {
        Self {
            kind: reference.kind.clone(),
            group: reference.group().to_owned(),
            namespace: namespace.to_owned(),
            name: reference.name.clone(),
        }
    }
}

impl ObjectId {
    /// Whether a reference in a namespace means this object; without making another identity of it.
    pub fn is_referred(&self, reference: &super::ObjectReference, namespace: &str) -> bool {
        self.name == reference.name
            && self.namespace == namespace
            && self.kind == reference.kind
            && self.group == reference.group()
    }
}

impl fmt::Display for ObjectId {
    /// As kubectl names objects, with the namespace where there is one: `Deployment/web in namespace prod`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.kind, self.name)?;
        if self.namespace.is_empty() { Ok(()) } else { write!(f, " in namespace {}", self.namespace) }
    }
}

/// The API group of an `apiVersion`.
pub fn api_group(api_version: &str) -> &str {
    api_version.split_once('/').map_or("", |(group, _)| group)
}
