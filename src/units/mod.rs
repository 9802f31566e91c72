//! Numbers with a meaning: quantities, CPU, memory, instants and durations.
//!
//! Every type has private fields, named constructors and an exact `Display`.
//! An instant ([`SimTime`]) is not a duration ([`Span`]).

mod quantity;
mod resources;
mod share;
mod time;

pub use quantity::{ParseQuantityError, Quantity};
pub use resources::{Bytes, Millicores};
pub use share::{ParseShareError, parse_share};
pub use time::{ParseSpanError, SimTime, Span, parse_seconds};

/// A number of pods, as the Kubernetes API holds it (`int32`).
pub type Replicas = i32;
