//! Many simulations: phases, a fleet under its loads, uncertainty by Monte Carlo, growth over months.

pub mod fleet;
pub mod growth;
pub mod montecarlo;
pub mod phases;
pub mod statistics;

pub use fleet::{Fleet, Pattern, Simulated};
