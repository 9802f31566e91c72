//! Numbers with a meaning: quantities, CPU, memory, instants and durations.
//!
//! Every type has private fields, named constructors and an exact `Display`.
//! An instant ([`SimTime`]) is not a duration ([`Span`]).

mod clock;
pub(crate) mod float;
mod quantity;
mod resources;
mod share;
pub(crate) mod text;
mod time;

pub use clock::{Clock, When};
pub use quantity::{NonNegativeQuantity, ParseNonNegativeError, ParseQuantityError, Quantity};
pub use resources::{Bytes, Millicores, Nanocores, Work};
pub use share::{ParseShareError, Share};
pub(crate) use text::as_text;
pub use time::{ParseSpanError, Seconds, SimTime, Span};

/// A number of pods, as the Kubernetes API holds it (`int32`).
pub type Replicas = i32;
