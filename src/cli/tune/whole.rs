//! What is tuned together: a world, and what is known of each of its targets.

use super::super::world::Prepared;
use super::TuneArgs;
use crate::input::manifests::Manifests;
use crate::model::{LoadSource, Room};
use crate::sim::Setup;
use crate::study::backtest::Seen;
use crate::study::tune::Loaded;
use crate::units::{Clock, Span};

/// A world, and what is known of each of its targets.
#[derive(Clone)]
pub(super) struct Whole<'a> {
    pub setup: Setup<'a>,
    pub loads: Vec<Loaded>,
    pub rooms: Vec<Room<'a>>,
    pub recorded: Vec<Option<Seen>>,
    pub clocks: Vec<Option<Clock>>,
    pub remarks: Vec<Vec<String>>,
}

impl<'a> Whole<'a> {
    /// Reads the loads, and begins with the replicas that were recorded.
    pub fn read(args: &TuneArgs, manifests: &Manifests, prepared: Prepared<'a>) -> anyhow::Result<Self> {
        let Prepared { setup, loads, rooms, .. } = prepared;
        let mut whole = Self {
            setup,
            loads: Vec::new(),
            rooms,
            recorded: Vec::new(),
            clocks: loads.iter().map(LoadSource::clock).collect(),
            remarks: Vec::new(),
        };
        for (index, (mut load, target)) in loads.into_iter().zip(&mut whole.setup.targets).enumerate() {
            let recorded = args.world.recorded(manifests, target.hpa, &load)?;
            if let Some((_, initial)) = recorded.as_ref().filter(|_| args.world.cluster.replicas.is_none()) {
                target.initial_replicas = initial.round() as i32;
            }
            whole.recorded.push(recorded.map(|(seen, _)| seen));
            let table = load.table(whole.setup.world.duration, Span::LONGEST)?.unwrap_or_default();
            // What was mended is known when all is read.
            whole.remarks.push(load.remarks());
            whole.loads.push(Loaded { target: index, table, varies: args.world.varies(&load) });
        }
        Ok(whole)
    }
}
