//! What commands say, for programs: `--format json`, and the JSON files of `-o`.
//!
//! Every form is a type here (or beside what it describes), with its JSON Schema derived from it: `hpasim schema KIND`. A field may be
//! added at any time; one that goes, or means something else, makes another [`API_VERSION`]. Units stand in the names of the fields.

pub mod explanation;
pub mod findings;
pub mod simulation;

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Serialize, Serializer};
use serde_json::{Value, json};

/// What the fields mean.
pub const API_VERSION: &str = "hpasim/v1";

/// What stands by itself in a file or on standard output.
pub trait Kind: Serialize + JsonSchema {
    /// What it is called, as Kubernetes' objects are.
    const KIND: &'static str;
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Versioned<'a, T> {
    api_version: &'static str,
    kind: &'static str,
    #[serde(flatten)]
    content: &'a T,
}

/// The bytes of a file.
pub fn bytes<T: Kind>(content: &T) -> Result<Vec<u8>, serde_json::Error> {
    let mut bytes = serde_json::to_vec_pretty(&Versioned { api_version: API_VERSION, kind: T::KIND, content })?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// The JSON Schema of what [`bytes`] writes.
pub fn schema<T: Kind>() -> Value {
    let mut settings = schemars::generate::SchemaSettings::draft2020_12();
    settings.contract = schemars::generate::Contract::Serialize;
    let mut schema = settings.into_generator().into_root_schema_for::<T>().to_value();
    if let Some(properties) = schema["properties"].as_object_mut() {
        properties.insert("apiVersion".to_owned(), json!({ "const": API_VERSION }));
        properties.insert("kind".to_owned(), json!({ "const": T::KIND }));
    }
    if let Some(required) = schema["required"].as_array_mut() {
        required.splice(0..0, ["apiVersion".into(), "kind".into()]);
    }
    schema
}

/// A list whose items are made when they are written, since all at once would take much room.
pub struct Each<'a, T>(Box<dyn Fn() -> Box<dyn Iterator<Item = T> + 'a> + 'a>);

impl<'a, T> Each<'a, T> {
    /// The items of an iterator that can be begun again.
    pub fn of<I: Iterator<Item = T> + 'a>(items: impl Fn() -> I + 'a) -> Self {
        Self(Box::new(move || Box::new(items())))
    }
}

impl<T: Serialize> Serialize for Each<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq((self.0)())
    }
}

impl<T: JsonSchema> JsonSchema for Each<'_, T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        Vec::<T>::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        Vec::<T>::json_schema(generator)
    }
}
