//! Times that may be drawn.

use crate::units::{ParseSpanError, Span, as_text};

/// A time that is the same for every pod, or drawn for each.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Delay {
    /// Always the same.
    Fixed(Span),
    /// Any time between the two, equally likely.
    Uniform {
        /// The shortest.
        low: Span,
        /// The longest.
        high: Span,
    },
    /// Exponential.
    Exponential {
        /// The mean.
        mean: Span,
    },
    /// Lognormal.
    Lognormal {
        /// The median.
        median: Span,
        /// The standard deviation of the logarithm.
        sigma: f64,
    },
}

impl From<Span> for Delay {
    fn from(span: Span) -> Self {
        Self::Fixed(span)
    }
}

impl Delay {
    /// No time at all.
    pub const ZERO: Self = Self::Fixed(Span::ZERO);

    /// A typical value: the fixed one, the middle, the mean or the median.
    pub fn typical(self) -> Span {
        match self {
            Self::Fixed(span) | Self::Exponential { mean: span } | Self::Lognormal { median: span, .. } => span,
            Self::Uniform { low, high } => Span::from_seconds((low.seconds() + high.seconds()) / 2),
        }
    }

    /// The same shape, so many times as long.
    pub fn times(self, factor: f64) -> Self {
        let of = |span: Span| Span::from_seconds((span.seconds() as f64 * factor).round() as i64);
        match self {
            Self::Fixed(span) => Self::Fixed(of(span)),
            Self::Uniform { low, high } => Self::Uniform { low: of(low), high: of(high) },
            Self::Exponential { mean } => Self::Exponential { mean: of(mean) },
            Self::Lognormal { median, sigma } => Self::Lognormal { median: of(median), sigma },
        }
    }
}

impl std::fmt::Display for Delay {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Fixed(span) => write!(f, "{span}"),
            Self::Uniform { low, high } => write!(f, "uniform:{low},{high}"),
            Self::Exponential { mean } => write!(f, "exponential:{mean}"),
            Self::Lognormal { median, sigma } => write!(f, "lognormal:{median},{sigma}"),
        }
    }
}

/// Why a text is not a delay.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum ParseDelayError {
    /// It does not look like one.
    #[error("`{0}` is not a delay: write 20s, uniform:10s,40s, exponential:20s or lognormal:20s,0.5")]
    Malformed(String),
    /// A time in it is too long.
    #[error("{0}")]
    TooLong(ParseSpanError),
}

impl std::str::FromStr for Delay {
    type Err = ParseDelayError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || ParseDelayError::Malformed(text.to_owned());
        let span = |part: &str| {
            part.trim().parse::<Span>().map_err(|error| match error {
                ParseSpanError::TooLong(_) => ParseDelayError::TooLong(error),
                ParseSpanError::Malformed(_) => wrong(),
            })
        };
        let Some((shape, rest)) = text.split_once(':') else { return span(text).map(Self::Fixed) };
        let parts: Vec<&str> = rest.split(',').collect();
        match (shape.trim(), parts.as_slice()) {
            ("uniform", [low, high]) => {
                let (low, high) = (span(low)?, span(high)?);
                if low > high { Err(wrong()) } else { Ok(Self::Uniform { low, high }) }
            }
            ("exponential", [mean]) => Ok(Self::Exponential { mean: span(mean)? }),
            ("lognormal", [median, sigma]) => {
                let sigma: f64 = sigma.trim().parse().map_err(|_| wrong())?;
                let good = sigma.is_finite() && (0.0..=5.0).contains(&sigma);
                if good { Ok(Self::Lognormal { median: span(median)?, sigma }) } else { Err(wrong()) }
            }
            _ => Err(wrong()),
        }
    }
}

/// How long the application in a new pod needs until it answers probes and serves.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Startup {
    /// As the user says.
    Stated(Delay),
    /// Nobody says. It is no longer than the pod's own probes allow: they are written for an application that comes up.
    Assumed(Delay),
}

impl Startup {
    /// The delay that is stated or assumed.
    pub fn delay(self) -> Delay {
        match self {
            Self::Stated(delay) | Self::Assumed(delay) => delay,
        }
    }

    /// The same, so many times as long.
    pub fn times(self, factor: f64) -> Self {
        match self {
            Self::Stated(delay) => Self::Stated(delay.times(factor)),
            Self::Assumed(delay) => Self::Assumed(delay.times(factor)),
        }
    }
}

impl<T: Into<Delay>> From<T> for Startup {
    fn from(delay: T) -> Self {
        Self::Stated(delay.into())
    }
}

impl std::fmt::Display for Startup {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Stated(delay) => delay.fmt(f),
            Self::Assumed(delay) => write!(f, "{ASSUMED}{delay}"),
        }
    }
}

impl std::str::FromStr for Startup {
    type Err = ParseDelayError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.strip_prefix(ASSUMED) {
            Some(delay) => delay.parse().map(Self::Assumed),
            None => text.parse().map(Self::Stated),
        }
    }
}

/// What marks a guess.
const ASSUMED: &str = "assumed:";

as_text! {
    Delay: "Delay", ["integer", "string"], "a delay such as 20s, uniform:10s,40s, exponential:20s or lognormal:20s,0.5";
    Startup: "Startup", ["integer", "string"], "a delay such as 20s or uniform:10s,40s, or a guess such as assumed:20s";
}
