//! Amounts in manifests: resource lists, numbers of pods or percentages, the paths of their keys.

use super::problems::Problems;
use super::raw;
use crate::model::{Amounts, IntOrPercent, Origin};

/// A resource list, with the place of each amount.
pub(crate) fn amounts(list: &raw::ResourceList, path: &str, origin: &Origin, problems: &mut Problems) -> Amounts {
    let mut all = Amounts::default();
    for (name, raw) in list {
        let path = key_path(path, name);
        if let Some(quantity) = problems.quantity(&path, raw) {
            if quantity.signum() < 0 {
                problems.error(&path, format!("is {quantity} and must not be negative"), "");
            }
            all.set(name, quantity, Some(origin.locate(&path)));
        }
    }
    all
}

/// Adds the resources that are not there yet.
pub(super) fn fill(all: &mut Amounts, more: &Amounts) {
    for (name, amount) in more.iter() {
        all.set_default(name, amount);
    }
}

/// The path of a key, which is quoted where it looks like a path itself.
pub(super) fn key_path(path: &str, key: &str) -> String {
    if key.contains(['.', '[']) { format!("{path}[{key:?}]") } else { format!("{path}.{key}") }
}

/// A number of pods or a percentage.
pub(super) fn int_or_percent(raw: &raw::IntOrString, path: &str, problems: &mut Problems) -> Option<IntOrPercent> {
    let value = match raw {
        raw::IntOrString::Int(count) => Some(IntOrPercent::Count(*count)),
        raw::IntOrString::Text(text) => {
            text.strip_suffix('%').and_then(|number| number.parse().ok()).map(IntOrPercent::Percent)
        }
    };
    match value {
        Some(IntOrPercent::Count(number) | IntOrPercent::Percent(number)) if number >= 0 => value,
        _ => {
            let text = match raw {
                raw::IntOrString::Int(count) => count.to_string(),
                raw::IntOrString::Text(text) => format!("`{text}`"),
            };
            problems.error(path, format!("is {text} and must be a number of pods or a percentage"), "such as 1 or 25%");
            None
        }
    }
}
