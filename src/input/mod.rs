//! Reads what the user wrote: manifests, load traces, recorded decisions.
//!
//! Everything that comes from a user passes through here, is checked, and becomes a type of
//! [`crate::model`]. Errors name the file, line, column and field.

pub mod calibrated;
pub mod claims;
pub mod conformance;
mod diagnostic;
pub mod load;
pub mod manifests;
pub mod names;
pub mod nodes;
pub mod overrides;
pub mod prometheus;
pub mod recording;
pub mod scenario;
mod source;
mod times;
mod yaml;

pub use crate::model::Location;
pub use diagnostic::{Diagnostic, InputError};
pub use source::{Source, open, read_sources};
