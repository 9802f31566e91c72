//! Parts of a whole.

/// A part of a whole, `0.05` or `5%`, from 0 to 1.
pub fn parse_share(text: &str) -> Result<f64, ParseShareError> {
    let number = |text: &str| text.trim().parse::<f64>().ok();
    let share = match text.strip_suffix('%') {
        Some(percent) => number(percent).map(|percent| percent / 100.0),
        None => number(text),
    };
    share.filter(|share| (0.0..=1.0).contains(share)).ok_or(ParseShareError)
}

/// Why a text is no part of a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is not a part: write 0.05 or 5%, at most 100%")]
pub struct ParseShareError;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_numbers_or_percentages() {
        for (text, share) in [("0.05", 0.05), ("5%", 0.05), ("100 %", 1.0), ("1", 1.0), ("0", 0.0)] {
            assert_eq!(parse_share(text), Ok(share), "{text}");
        }
        for text in ["5", "-1%", "101%", "NaN", "", "%", "1e-1x"] {
            assert_eq!(parse_share(text), Err(ParseShareError), "{text}");
        }
    }
}
