//! Regret: what `tune` recommends against the best of all settings of a grid, on 20 workloads that are drawn. See `docs/tuning.md`.
//!
//! Prints the table; takes some minutes on two cores.

mod common;

use std::io::Write as _;

use hpasim::input::load::LoadSettings;
use hpasim::input::load::drives::drives;
use hpasim::model::{Column, ControllerConfig, LoadSource, LoadTable, Target};
use hpasim::sim::{Setup, World};
use hpasim::study::tune::field::{Direction, Field};
use hpasim::study::tune::{Axis, Problem, Service, evaluate, tune};
use hpasim::units::{SimTime, Span};

const DAY: i64 = 86_400;
const WORKLOADS: u64 = 20;
const PHASES: usize = 6;
/// Days of a workload, and how many of them are not held back: what `tune` does by itself.
const DAYS: i32 = 7;
const SEEN: i64 = 5;

fn main() {
    let _ = writeln!(
        std::io::stdout(),
        "| workload | today, pod-hours | best of the grid | tune | regret | held out: above requests, tune and today |"
    );
    let _ = writeln!(std::io::stdout(), "|---|---|---|---|---|---|");
    let (mut near, mut kept, mut both) = (0, 0, 0);
    for seed in 0..WORKLOADS {
        let (regret, is_kept) = one(seed);
        near += u32::from(regret <= 0.02);
        kept += u32::from(is_kept);
        both += u32::from(regret <= 0.02 && is_kept);
    }
    let _ = writeln!(
        std::io::stdout(),
        "\nWithin 2%: {near} of {WORKLOADS}. Service kept on days held out: {kept}. Both: {both}."
    );
}

/// Numbers between zero and one that depend on a seed alone.
fn drawn(seed: u64) -> impl FnMut(f64, f64) -> f64 {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(1);
    move |low, high| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        low + (high - low) * ((state >> 11) as f64 / (1_u64 << 53) as f64)
    }
}

/// Four days of CPU and memory, a row a minute: a daily rise, noise, and bursts at times that are drawn.
fn load(seed: u64) -> LoadTable {
    let mut draw = drawn(seed);
    let (level, swing, noise) = (draw(0.8, 2.0), draw(0.3, 0.8), draw(0.01, 0.1));
    let (bursts, height) = (draw(0.0, 6.0), draw(0.2, 1.0));
    let mut table = LoadTable::new(vec![Column::Cpu, Column::Memory]);
    let mut until = 0;
    for minute in 0..DAYS * 1440 {
        let hour = f64::from(minute) / 60.0;
        let daily = 1.0 + swing * ((hour - 8.0) / 24.0 * std::f64::consts::TAU).sin();
        if draw(0.0, 1.0) < bursts / 1440.0 {
            until = minute + draw(5.0, 40.0) as i32;
        }
        let burst = if minute < until { height } else { 0.0 };
        let cpu = level * (daily + burst) * (1.0 + draw(-noise, noise));
        table.push(SimTime::from_seconds(i64::from(minute) * 60), &[cpu.max(0.1), 5e8]);
    }
    table
}

/// How much more the recommended setting costs than the best of the grid, as a part; and whether it serves as well as today's on the days
/// that it was not found on.
fn one(seed: u64) -> (f64, bool) {
    let manifests = common::rag_manifests();
    let selection = manifests.select(None, None).expect("there is one HPA");
    let table = load(seed);
    let controller = ControllerConfig::default();
    let columns = [Column::Cpu, Column::Memory];
    let hpa = &selection.hpa.item;
    let workload = &selection.target.item;
    let driven = drives(&columns, hpa, &workload.template, &LoadSettings::default(), &mut Vec::new());
    let target = Target::new(hpa, workload, driven.expect("the load says what drives it"));
    let world = World { controller, ..World::default() };
    let setup = Setup { world, targets: vec![target] };
    let axis = |field: Field, values: Vec<i64>| {
        let own = field.value(hpa, controller.downscale_stabilization);
        let own = values.iter().position(|value| *value == own).expect("today's value is one of them");
        Axis { field, values, own }
    };
    let axes = vec![
        axis(Field::Target(0), (6..20).map(|step| step * 5).collect()),
        axis(Field::MinReplicas, (2..=8).collect()),
        axis(Field::Window(Direction::Down), vec![0, 60, 120, 300, 600]),
    ];
    let end = Span::from_seconds(i64::from(DAYS) * DAY);
    let problem = Problem {
        setup,
        varies: vec![true; table.columns().len()],
        uncertainty: 0.1,
        table,
        axes,
        end,
        seen: Span::from_seconds(SEEN * DAY),
        candidates: 400,
        searches: 1,
        phases: PHASES,
    };
    let service = Service::of(&problem.setup.targets[0]).expect("pods request CPU");
    let tuned = tune(&problem, service).expect("the load does not fail");
    let mut all = Vec::new();
    for first in 0..problem.axes[0].values.len() {
        for second in 0..problem.axes[1].values.len() {
            all.extend((0..problem.axes[2].values.len()).map(|third| vec![first, second, third]));
        }
    }
    let scores = evaluate(&problem, service, &all, problem.seen).expect("the load does not fail");
    let (today, best) = (&tuned.rows[0], &tuned.rows[tuned.best]);
    let hours = |scores: &hpasim::study::tune::Scores| scores.mean(|score| score.cost) / 3600.0;
    let as_good = scores.iter().filter(|scores| scores.serves_like(&today.known.seen));
    let least = as_good.map(hours).fold(f64::INFINITY, f64::min);
    let regret = hours(&best.known.seen) / least - 1.0;
    let bad =
        |row: &hpasim::study::tune::Row| row.known.unseen.as_ref().map_or(0.0, |scores| scores.mean(|score| score.bad));
    let _ = writeln!(
        std::io::stdout(),
        "| {seed} | {:.1} | {least:.1} | {:.1} | {:.1}% | {:.0} s, {:.0} s |",
        hours(&today.known.seen),
        hours(&best.known.seen),
        regret * 100.0,
        bad(best),
        bad(today)
    );
    (regret, bad(best) <= bad(today) + 0.5)
}
