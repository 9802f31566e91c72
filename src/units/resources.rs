//! CPU and memory amounts.

use std::fmt;
use std::iter::Sum;
use std::ops::Add;

use super::Quantity;

/// CPU in thousandths of a core.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Millicores(i64);

/// Memory or storage in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bytes(i64);

/// CPU in billionths of a core: what is used, demanded, possible.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Nanocores(i64);

/// CPU work: billionths of a core for a second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Work(i128);

impl Nanocores {
    /// So many are a core.
    pub const PER_CORE: f64 = 1e9;

    /// A number of billionths of a core.
    pub const fn new(nanocores: i64) -> Self {
        Self(nanocores)
    }

    /// The number of billionths of a core.
    pub const fn get(self) -> i64 {
        self.0
    }

    /// In cores.
    pub fn cores(self) -> f64 {
        self.0 as f64 / Nanocores::PER_CORE
    }
}

impl Work {
    /// A number of nanocore-seconds.
    pub const fn new(nanocore_seconds: i128) -> Self {
        Self(nanocore_seconds)
    }

    /// The number of nanocore-seconds.
    pub const fn get(self) -> i128 {
        self.0
    }

    /// In core-seconds.
    pub fn core_seconds(self) -> f64 {
        self.0 as f64 / Nanocores::PER_CORE
    }

    /// Whether there is any.
    pub const fn is_some(self) -> bool {
        self.0 > 0
    }
}

impl Add for Work {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl Millicores {
    /// A number of thousandths of a core.
    pub const fn new(millicores: i64) -> Self {
        Self(millicores)
    }

    /// The number of thousandths of a core.
    pub const fn get(self) -> i64 {
        self.0
    }
}

impl Bytes {
    /// A number of bytes.
    pub const fn new(bytes: i64) -> Self {
        Self(bytes)
    }

    /// The number of bytes.
    pub const fn get(self) -> i64 {
        self.0
    }
}

impl From<Quantity> for Millicores {
    /// Rounds up to a whole millicore.
    fn from(quantity: Quantity) -> Self {
        Self(quantity.milli_value())
    }
}

impl From<Quantity> for Bytes {
    /// Rounds up to a whole byte.
    fn from(quantity: Quantity) -> Self {
        Self(quantity.value())
    }
}

impl fmt::Display for Millicores {
    /// As Kubernetes prints a CPU quantity: `500m`, `2`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&Quantity::from_milli(self.0).to_string())
    }
}

impl fmt::Display for Bytes {
    /// As Kubernetes prints a memory quantity: `512Mi`, `2Gi`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&Quantity::from_milli_binary(self.0.saturating_mul(1000)).to_string())
    }
}

macro_rules! arithmetic {
    ($($type:ident),*) => {$(
        impl Add for $type {
            type Output = Self;
            fn add(self, other: Self) -> Self {
                Self(self.0.saturating_add(other.0))
            }
        }

        impl Sum for $type {
            fn sum<I: Iterator<Item = Self>>(parts: I) -> Self {
                parts.fold(Self::default(), Add::add)
            }
        }
    )*};
}

arithmetic!(Millicores, Bytes);
