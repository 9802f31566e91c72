//! Columns of synthetic traces as they are written on the command line:
//! `cpu=diurnal:low=0.6,high=3.2,peak=14h+noise:sigma=0.05`.

use crate::input::load::synthetic::{Pattern, SyntheticColumn};
use crate::input::{Diagnostic, InputError};
use crate::model::Column;
use crate::units::Span;

use super::trace::parse_value;

/// The patterns and their settings, for help and error messages.
pub const PATTERNS: [(&str, &str); 9] = [
    ("constant", "value"),
    ("step", "at, from, to"),
    ("ramp", "start, end, from, to"),
    ("sine", "mean, amplitude, period"),
    ("diurnal", "low, high, peak (14h), weekend (1)"),
    ("spike", "at, height, rise (1m), hold (5m), decay (10m)"),
    ("bursts", "every, height, length"),
    ("walk", "start, sigma (per hour), min (0), max (none)"),
    ("noise", "sigma"),
];

/// Reads `NAME=PATTERN[+PATTERN...]`.
pub fn parse_column(text: &str) -> Result<SyntheticColumn, InputError> {
    let wrong = |message: String| -> InputError {
        Diagnostic::new(message)
            .field(format!("--column {text}"))
            .hint("write NAME=PATTERN:KEY=VALUE,..., for example cpu=step:at=10m,from=1,to=3")
            .into()
    };
    let (name, patterns) =
        text.split_once('=').filter(|(name, _)| !name.is_empty()).ok_or_else(|| wrong("has no name".into()))?;
    if name.starts_with(['+', '-', '@']) {
        // A spreadsheet would take the name for a formula.
        return Err(wrong("has a name that begins with a sign".into()));
    }
    let column = Column::from_name(name);
    let patterns = patterns
        .split('+')
        .map(|pattern| parse_pattern(pattern.trim(), &column).map_err(wrong))
        .collect::<Result<_, _>>()?;
    Ok(SyntheticColumn { column, patterns })
}

fn parse_pattern(text: &str, column: &Column) -> Result<Pattern, String> {
    let (kind, settings) = text.split_once(':').unwrap_or((text, ""));
    let mut settings = Settings::parse(kind, settings, column)?;
    let pattern = match kind {
        "constant" => Pattern::Constant { value: settings.number("value", None)? },
        "step" => Pattern::Step {
            at: settings.span("at", None)?,
            from: settings.number("from", None)?,
            to: settings.number("to", None)?,
        },
        "ramp" => Pattern::Ramp {
            start: settings.span("start", None)?,
            end: settings.span("end", None)?,
            from: settings.number("from", None)?,
            to: settings.number("to", None)?,
        },
        "sine" => Pattern::Sine {
            mean: settings.number("mean", None)?,
            amplitude: settings.number("amplitude", None)?,
            period: settings.span("period", None)?,
        },
        "diurnal" => Pattern::Diurnal {
            low: settings.number("low", None)?,
            high: settings.number("high", None)?,
            peak: settings.span("peak", Some(14 * 3600))?,
            weekend: settings.number("weekend", Some(1.0))?,
        },
        "spike" => Pattern::Spike {
            at: settings.span("at", None)?,
            height: settings.number("height", None)?,
            rise: settings.span("rise", Some(60))?,
            hold: settings.span("hold", Some(300))?,
            decay: settings.span("decay", Some(600))?,
        },
        "bursts" => Pattern::Bursts {
            every: settings.positive_span("every")?,
            height: settings.number("height", None)?,
            length: settings.span("length", None)?,
        },
        "walk" => {
            let (min, max) = (settings.number("min", Some(0.0))?, settings.number("max", Some(f64::INFINITY))?);
            if min > max {
                return Err(format!("walk: min {min} is above max {max}"));
            }
            Pattern::Walk { start: settings.number("start", None)?, sigma: settings.number("sigma", None)?, min, max }
        }
        "noise" => Pattern::Noise { sigma: settings.number("sigma", None)? },
        other => {
            let known: Vec<&str> = PATTERNS.iter().map(|(name, _)| *name).collect();
            return Err(format!("`{other}` is not a pattern; there is {}", known.join(", ")));
        }
    };
    settings.finish()?;
    Ok(pattern)
}

/// The settings of a pattern that have not been used yet.
struct Settings<'a> {
    kind: &'a str,
    column: &'a Column,
    left: Vec<(&'a str, &'a str)>,
}

impl<'a> Settings<'a> {
    fn parse(kind: &'a str, text: &'a str, column: &'a Column) -> Result<Self, String> {
        let left = text
            .split(',')
            .filter(|setting| !setting.is_empty())
            .map(|setting| setting.split_once('=').ok_or_else(|| format!("{kind}: `{setting}` is not KEY=VALUE")))
            .collect::<Result<_, _>>()?;
        Ok(Self { kind, column, left })
    }

    fn take(&mut self, key: &str) -> Option<&'a str> {
        let index = self.left.iter().position(|(name, _)| *name == key)?;
        Some(self.left.remove(index).1)
    }

    fn number(&mut self, key: &str, default: Option<f64>) -> Result<f64, String> {
        match self.take(key) {
            None => default.ok_or_else(|| self.missing(key)),
            Some(text) => parse_value(self.column, text)
                .filter(|value| value.is_finite() && *value >= 0.0)
                .ok_or_else(|| format!("{}: {key}: `{text}` is not a number of zero or more", self.kind)),
        }
    }

    fn span(&mut self, key: &str, default: Option<i64>) -> Result<Span, String> {
        match self.take(key) {
            None => default.map(Span::from_seconds).ok_or_else(|| self.missing(key)),
            Some(text) => text.parse().map_err(|error| format!("{}: {key}: {error}", self.kind)),
        }
    }

    fn positive_span(&mut self, key: &str) -> Result<Span, String> {
        let span = self.span(key, None)?;
        if span == Span::ZERO { Err(format!("{}: {key} must be greater than zero", self.kind)) } else { Ok(span) }
    }

    fn missing(&self, key: &str) -> String {
        format!("{}: {key} is required; it takes {}", self.kind, self.known())
    }

    fn known(&self) -> &'static str {
        PATTERNS.iter().find(|(name, _)| *name == self.kind).map_or("", |(_, settings)| settings)
    }

    fn finish(self) -> Result<(), String> {
        match self.left.first() {
            None => Ok(()),
            Some((key, _)) => Err(format!("{}: `{key}` is not a setting; it takes {}", self.kind, self.known())),
        }
    }
}
