//! What is assumed where nobody says.

use crate::model::{Startup, Workload};
use crate::sim::{Patience, typical_startup};

/// The start-up of a workload's application, if it is assumed, and the probe that shortens it; `setting` is what states it.
pub fn startup(startup: Startup, workload: &Workload, setting: &str) -> Option<String> {
    let Startup::Assumed(assumed) = startup else { return None };
    let taken = typical_startup(startup, &workload.template);
    let shortened = Patience::of(&workload.template).filter(|patience| patience.startup < assumed.typical());
    let why = shortened.map_or_else(String::new, |patience| {
        format!(", not {}: the {} of container {} gives up then", assumed, patience.probe(), patience.container.name)
    });
    Some(format!(
        "{} is taken to serve {taken} after its containers start{why} ({setting} says how long it takes)",
        workload.reference
    ))
}
