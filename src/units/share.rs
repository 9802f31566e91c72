//! Parts of a whole.

/// A part of a whole, from 0 to 1; read as `0.05` or `5%`.
#[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd)]
pub struct Share(f64);

impl Share {
    /// Nothing of it.
    pub const ZERO: Self = Self(0.0);

    /// So many percent, at most 100.
    pub const fn from_percent(percent: u8) -> Self {
        Self(if percent < 100 { percent as f64 / 100.0 } else { 1.0 })
    }

    /// From 0 to 1.
    pub const fn get(self) -> f64 {
        self.0
    }
}

impl std::str::FromStr for Share {
    type Err = ParseShareError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let number = |text: &str| text.trim().parse::<f64>().ok();
        let share = match text.strip_suffix('%') {
            Some(percent) => number(percent).map(|percent| percent / 100.0),
            None => number(text),
        };
        share.filter(|share| (0.0..=1.0).contains(share)).map(Self).ok_or(ParseShareError)
    }
}

impl std::fmt::Display for Share {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}%", (self.0 * 1e6).round() / 1e4)
    }
}

/// Why a text is no part of a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is not a part: write 0.05 or 5%, at most 100%")]
pub struct ParseShareError;

super::as_text! {
    Share: "Share", ["number", "string"], "a part of a whole, such as 0.05 or 5%";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_numbers_or_percentages() {
        for (text, share, printed) in
            [("0.05", 0.05, "5%"), ("5%", 0.05, "5%"), ("100 %", 1.0, "100%"), ("0", 0.0, "0%")]
        {
            let read: Share = text.parse().expect(text);
            assert_eq!((read.get(), read.to_string().as_str()), (share, printed), "{text}");
        }
        for text in ["5", "-1%", "101%", "NaN", "", "%", "1e-1x"] {
            assert_eq!(text.parse::<Share>(), Err(ParseShareError), "{text}");
        }
    }
}
