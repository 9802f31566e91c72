//! Rounding of floats, mostly without a call of the system's library: the engine rounds several times at every sync.

/// Below this there are fractions, and every whole number fits into an `i64`.
const FRACTIONS: f64 = (1_i64 << 52) as f64;

/// `value.ceil()`.
pub(crate) fn ceil(value: f64) -> f64 {
    if value.abs() < FRACTIONS {
        let towards_zero = value as i64 as f64;
        towards_zero + f64::from(u8::from(towards_zero < value))
    } else {
        value.ceil()
    }
}

/// `value.round() as i64`.
pub(crate) fn round(value: f64) -> i64 {
    if value.abs() < FRACTIONS {
        let towards_zero = value as i64;
        let rest = value - towards_zero as f64;
        towards_zero + i64::from(rest >= 0.5) - i64::from(rest <= -0.5)
    } else {
        value.round() as i64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Also what is not a number is the same.
    fn are_those_of_the_library(value: f64) -> bool {
        let (own, library) = (ceil(value), value.ceil());
        (own == library || (own.is_nan() && library.is_nan())) && round(value) == value.round() as i64
    }

    #[test]
    fn the_short_ways_are_those_of_the_library_where_fractions_end() {
        for whole in [0.0, 1.0, 7.0, 2_147_483_647.0, 4_503_599_627_370_495.0, 4_503_599_627_370_496.0, f64::INFINITY] {
            for value in [whole, whole.next_up(), whole.next_down(), whole + 0.5, whole - 0.5] {
                assert!(are_those_of_the_library(value) && are_those_of_the_library(-value), "{value}");
            }
        }
        assert!(are_those_of_the_library(f64::NAN));
    }

    proptest! {
        #![proptest_config(crate::fixed_cases())]

        #[test]
        fn the_short_ways_are_those_of_the_library(value in proptest::num::f64::ANY, halves in -9i64..9, small in -9.0f64..9.0) {
            let half = halves as f64 / 2.0;
            for value in [value, small, half, half.next_up(), half.next_down(), 4.0e15 + half] {
                prop_assert!(are_those_of_the_library(value), "{}", value);
            }
        }
    }
}
