//! One way to read a value: in YAML and JSON a number or a text, on the command line a text, both by `FromStr`.

use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;

use serde::de::{Deserializer, Error, Visitor};

/// Reads a text, or a number as its text, by `FromStr`. `expected` says what would be right.
pub fn deserialize<'de, T, D>(deserializer: D, expected: &'static str) -> Result<T, D::Error>
where
    T: FromStr<Err: fmt::Display>,
    D: Deserializer<'de>,
{
    struct Text<T> {
        expected: &'static str,
        of: PhantomData<T>,
    }

    impl<T: FromStr<Err: fmt::Display>> Text<T> {
        fn read<E: Error>(text: &str) -> Result<T, E> {
            text.parse().map_err(E::custom)
        }
    }

    impl<T: FromStr<Err: fmt::Display>> Visitor<'_> for Text<T> {
        type Value = T;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.expected)
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
            Self::read(text)
        }

        fn visit_i64<E: Error>(self, number: i64) -> Result<T, E> {
            Self::read(&number.to_string())
        }

        fn visit_u64<E: Error>(self, number: u64) -> Result<T, E> {
            Self::read(&number.to_string())
        }

        fn visit_f64<E: Error>(self, number: f64) -> Result<T, E> {
            Self::read(&number.to_string())
        }
    }

    deserializer.deserialize_any(Text { expected, of: PhantomData })
}

/// Makes types readable and writable as numbers or texts, by their `FromStr` and `Display`: a name in the JSON Schema, its
/// JSON types, and what would be right.
macro_rules! as_text {
    ($($type:ty: $name:literal, $types:expr, $expected:literal;)+) => {$(
        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                $crate::units::text::deserialize(deserializer, $expected)
            }
        }

        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl schemars::JsonSchema for $type {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                $name.into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({ "type": $types, "description": $expected })
            }
        }
    )+};
}

pub(crate) use as_text;
