//! What a setting may come to: `--at-most`.

use clap::ValueEnum;

use super::{DAY, TuneArgs};
use crate::input::names::hint;
use crate::report::amounts::decimal;
use crate::report::tune::without;
use crate::study::tune::{Limits, Objective, Service};
use crate::units::Span;

/// What can be least.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Minimized {
    /// The cost.
    Cost,
    /// Time without the service.
    WithoutService,
    /// Work that is lost.
    Lost,
    /// Scaling events.
    Events,
}

impl Minimized {
    fn objective(self) -> Objective {
        match self {
            Self::Cost => Objective::Cost,
            Self::WithoutService => Objective::Without,
            Self::Lost => Objective::Lost,
            Self::Events => Objective::Events,
        }
    }
}

/// What can be bounded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bounded {
    /// Time without the service.
    Without,
    /// Work that is lost.
    Lost,
    /// Scaling events.
    Events,
    /// Time above requests, where that is not what service is.
    Above,
    /// The cost, in percent of today's.
    Cost,
}

pub(super) fn at_most(text: &str) -> Result<(Bounded, f64), String> {
    let (name, value) =
        text.split_once('=').ok_or("write without-service=5m, lost=10, events=40 or above-requests=1h")?;
    let number = || -> Result<f64, String> {
        let number = value.parse::<f64>().ok().filter(|number| number.is_finite() && *number >= 0.0);
        number.ok_or_else(|| format!("`{value}` is no number from 0 on"))
    };
    match name {
        "without-service" | "above-requests" => {
            let span: Span = value.parse().map_err(|error: crate::units::ParseSpanError| error.to_string())?;
            let bounded = if name == "above-requests" { Bounded::Above } else { Bounded::Without };
            Ok((bounded, span.seconds() as f64))
        }
        "cost" => {
            let percent = value.strip_suffix('%').and_then(|text| text.parse::<f64>().ok());
            let percent = percent.filter(|percent| (1.0..=10_000.0).contains(percent));
            Ok((Bounded::Cost, percent.ok_or("cost is bounded in percent of today's, such as cost=105%")? / 100.0))
        }
        "lost" => Ok((Bounded::Lost, number()?)),
        "events" => Ok((Bounded::Events, number()?)),
        _ => Err(format!(
            "no figure `{name}`; {}",
            hint(name, ["cost", "without-service", "lost", "events", "above-requests"].into_iter())
        )),
    }
}

/// What is allowed, and the same in words.
pub(super) fn limits(args: &TuneArgs, service: Service, seen: Span) -> (Limits, Vec<String>) {
    let days = seen.seconds() as f64 / DAY as f64;
    let mut limits = Limits { days, least: args.minimize.objective(), ..Limits::default() };
    let mut words = Vec::new();
    let is_bounded = args.at_most.iter().any(|(bounded, _)| *bounded == Bounded::Cost);
    // Or else the most pods that there can be are the best.
    if limits.least != Objective::Cost && !is_bounded {
        limits.cost = Some(1.0);
        words.push("no dearer than today".to_owned());
    }
    for (bounded, value) in &args.at_most {
        let (field, told) = match bounded {
            Bounded::Cost => {
                limits.cost = Some(*value);
                words.push(format!("cost {}% of today's at most", decimal(*value * 100.0, 1)));
                continue;
            }
            Bounded::Without => {
                (&mut limits.without, format!("{} {}", without(service), Span::from_seconds(*value as i64)))
            }
            // Above requests is what service is without a promise.
            Bounded::Above if service == Service::Cpu => {
                (&mut limits.without, format!("{} {}", without(service), Span::from_seconds(*value as i64)))
            }
            Bounded::Above => (&mut limits.above, format!("above requests {}", Span::from_seconds(*value as i64))),
            Bounded::Lost => (&mut limits.lost, format!("{} core-seconds lost", decimal(*value, 1))),
            Bounded::Events => (&mut limits.events, format!("{} scaling events", decimal(*value, 1))),
        };
        *field = Some(*value);
        words.push(format!("{told} a day at most"));
    }
    (limits, words)
}
