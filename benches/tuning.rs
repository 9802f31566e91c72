//! Regret: what `tune` recommends against the best of all settings of a grid, on 20 workloads that are drawn. See `docs/tuning.md`.
//!
//! Prints the table; takes some minutes on two cores.

mod common;

use std::borrow::Cow;
use std::io::Write as _;

use hpasim::input::load::LoadSettings;
use hpasim::input::load::drives::drives;
use hpasim::model::{Column, ControllerConfig, LoadSource, LoadTable, Room, Target};
use hpasim::sim::{Setup, World};
use hpasim::study::tune::field::{Defaults, Direction, Field, Subject};
use hpasim::study::tune::{Axis, Cost, Known, Limits, Loaded, Problem, Scores, Service, evaluate, tune};
use hpasim::units::{SimTime, Span};

const DAY: i64 = 86_400;
const WORKLOADS: u64 = 20;
const PHASES: usize = 4;
/// Days of a workload, and how many of them are not held back: what `tune` does by itself.
const DAYS: i32 = 7;
const SEEN: i64 = 5;

fn main() {
    let _ = writeln!(
        std::io::stdout(),
        "| workload | today, pod-hours | best of the grid | tune | regret | held out: above requests, tune and today |\n|---|---|---|---|---|---|"
    );
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

/// Days of CPU and memory, a row a minute: a daily rise, noise, and bursts at times that are drawn.
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

/// What is set today is drawn, too: a target from 40% to 75%, two to five replicas at least, a window of at least a minute.
fn today(seed: u64, values: &[(Field, Vec<i64>); 3], subject: &mut Subject<'_>) {
    let mut draw = drawn(seed + 1000);
    for ((field, values), (first, last)) in values.iter().zip([(2.0, 10.0), (0.0, 4.0), (1.0, 5.0)]) {
        field.set(subject, values[draw(first, last) as usize]);
    }
}

/// Less is no difference on days that are held back, seconds.
const EQUAL: f64 = 0.5;

/// How much more the recommended setting costs than the best of the grid, as a part: than the cheapest that serves as well as today's on
/// all days, also on those that the search did not see. And whether the recommended one serves as well as today's on these.
fn one(seed: u64) -> (f64, bool) {
    let manifests = common::rag_manifests();
    let selection = manifests.select(None, None).expect("there is one HPA");
    let table = load(seed);
    let controller = ControllerConfig::default();
    let columns = [Column::Cpu, Column::Memory];
    let values: [(Field, Vec<i64>); 3] = [
        (Field::Target(0), (6..20).map(|step| step * 5).collect()),
        (Field::MinReplicas, (2..=8).collect()),
        (Field::Window(Direction::Down), vec![0, 60, 120, 300, 600]),
    ];
    let workload = &selection.target.item;
    let mut subject = Subject { hpa: selection.hpa.item.clone(), workload: Cow::Borrowed(workload) };
    today(seed, &values, &mut subject);
    let hpa = &subject.hpa;
    let driven = drives(&columns, hpa, &workload.template, &LoadSettings::default(), &mut Vec::new());
    let target = Target::new(hpa, workload, driven.expect("the load says what drives it"));
    let world = World { controller, ..World::default() };
    let setup = Setup { world, targets: vec![target] };
    let axis = |(field, values): (Field, Vec<i64>)| {
        let defaults = Defaults { downscale: controller.downscale_stabilization, ..Defaults::default() };
        let own = field.value(&subject, &defaults);
        let own = values.iter().position(|value| *value == own).expect("today's value is one of them");
        Axis { field, values, own }
    };
    let axes = values.into_iter().map(axis).collect();
    let end = Span::from_seconds(i64::from(DAYS) * DAY);
    let problem = Problem {
        setup,
        own: 0,
        loads: vec![Loaded { target: 0, varies: vec![true; table.columns().len()], table }],
        uncertainty: 0.1,
        axes,
        room: Room::default(),
        cost: Cost::Pods,
        headroom: 0.0,
        end,
        seen: Span::from_seconds(SEEN * DAY),
        candidates: 400,
        searches: 1,
        limits: Limits { days: SEEN as f64, ..Limits::default() },
        phases: PHASES,
    };
    let service = Service::of(problem.target()).expect("pods request CPU");
    let tuned = tune(&problem, service).expect("the load does not fail");
    let mut all = Vec::new();
    for first in 0..problem.axes[0].values.len() {
        for second in 0..problem.axes[1].values.len() {
            all.extend((0..problem.axes[2].values.len()).map(|third| vec![first, second, third]));
        }
    }
    let seen = evaluate(&problem, service, &all, problem.seen).expect("the load does not fail");
    let whole = evaluate(&problem, service, &all, problem.end).expect("the load does not fail");
    let (today, best) = (&tuned.rows[0].known, &tuned.rows[tuned.best].known);
    let hours = |scores: &Scores| scores.mean(|score| score.cost) / 3600.0;
    let bad = |scores: &Scores| scores.mean(|score| score.bad);
    let lost = |scores: &Scores| scores.mean(|score| score.lost);
    let rest = |known: &Known| known.unseen.as_ref().map_or(0.0, bad);
    let is_as_good = |seen: &Scores, whole: &Scores| {
        let is_kept = bad(&whole.less(seen)) <= rest(today) + EQUAL;
        is_kept && bad(seen) <= bad(&today.seen) && lost(seen) <= lost(&today.seen)
    };
    let as_good = seen.iter().zip(&whole).filter(|(seen, whole)| is_as_good(seen, whole));
    let least = as_good.map(|(seen, _)| hours(seen)).fold(f64::INFINITY, f64::min);
    let regret = hours(&best.seen) / least - 1.0;
    let _ = writeln!(
        std::io::stdout(),
        "| {seed} | {:.1} | {least:.1} | {:.1} | {:.1}% | {:.0} s, {:.0} s |",
        hours(&today.seen),
        hours(&best.seen),
        regret * 100.0,
        rest(best),
        rest(today)
    );
    (regret, rest(best) <= rest(today) + EQUAL)
}
