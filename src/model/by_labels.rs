//! Finding what a selector selects, and what selects something, without looking at everything.

use std::collections::BTreeMap;

use super::{LabelSelector, Labels};

/// A label in a namespace.
type Key<'a> = (&'a str, &'a str, &'a str);

/// Things with labels, by their index.
#[derive(Clone, Debug, Default)]
pub struct ByLabels<'a> {
    with: BTreeMap<Key<'a>, Vec<usize>>,
    all: BTreeMap<&'a str, Vec<usize>>,
}

impl<'a> ByLabels<'a> {
    /// Things in their order: the namespace and the labels of each.
    pub fn new(things: impl IntoIterator<Item = (&'a str, &'a Labels)>) -> Self {
        let mut found = Self::default();
        for (index, (namespace, labels)) in things.into_iter().enumerate() {
            found.all.entry(namespace).or_default().push(index);
            for (key, value) in labels {
                found.with.entry((namespace, key, value)).or_default().push(index);
            }
        }
        found
    }

    /// Those in a namespace that a selector may select: no others, but not all of these either.
    pub fn candidates<'s>(&'s self, namespace: &'s str, selector: &'s LabelSelector) -> &'s [usize] {
        let with = |(key, value): &'s (String, String)| {
            self.with.get(&(namespace, key.as_str(), value.as_str())).map_or(&[][..], Vec::as_slice)
        };
        let fewest = selector.match_labels.iter().map(with).min_by_key(|found| found.len());
        fewest.unwrap_or_else(|| self.all.get(namespace).map_or(&[], Vec::as_slice))
    }
}

/// Selectors, by their index.
#[derive(Clone, Debug, Default)]
pub struct BySelector<'a> {
    with: BTreeMap<Key<'a>, Vec<usize>>,
    /// Those that name no value of a label.
    others: BTreeMap<&'a str, Vec<usize>>,
}

impl<'a> BySelector<'a> {
    /// Selectors in their order, each with its namespace; none selects nothing.
    pub fn new(selectors: &[(&'a str, Option<&'a LabelSelector>)]) -> Self {
        let mut often: BTreeMap<Key<'a>, usize> = BTreeMap::new();
        let labels = |namespace: &'a str, selector: &'a LabelSelector| {
            selector.match_labels.iter().map(move |(key, value)| (namespace, key.as_str(), value.as_str()))
        };
        for (namespace, selector) in selectors {
            selector.iter().flat_map(|s| labels(namespace, s)).for_each(|key| *often.entry(key).or_default() += 1);
        }
        let mut found = Self::default();
        for (index, (namespace, selector)) in selectors.iter().enumerate() {
            let Some(selector) = selector else { continue };
            // The label that tells most.
            match labels(namespace, selector).min_by_key(|key| often.get(key)) {
                Some(key) => found.with.entry(key).or_default().push(index),
                None => found.others.entry(namespace).or_default().push(index),
            }
        }
        found
    }

    /// Those that may select something with these labels in a namespace, in their order: no others, but not all of these either.
    pub fn candidates<'s>(&'s self, namespace: &'s str, labels: &'s Labels) -> Vec<usize> {
        let with = |(key, value): (&'s String, &'s String)| self.with.get(&(namespace, key.as_str(), value.as_str()));
        let found = labels.iter().filter_map(with).chain(self.others.get(namespace)).flatten();
        let mut all: Vec<usize> = found.copied().collect();
        all.sort_unstable();
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Operator, SelectorRequirement};
    use proptest::prelude::*;

    fn labels() -> impl Strategy<Value = Labels> {
        proptest::collection::btree_map("[ab]", "[xyz]", 0..3)
    }

    fn selector() -> impl Strategy<Value = LabelSelector> {
        (labels(), any::<bool>()).prop_map(|(labels, exists)| {
            let exists =
                exists.then(|| SelectorRequirement { key: "a".into(), operator: Operator::Exists, values: Vec::new() });
            LabelSelector {
                match_labels: labels.into_iter().collect(),
                match_expressions: exists.into_iter().collect(),
            }
        })
    }

    proptest! {
        #![proptest_config(crate::fixed_cases())]

        #[test]
        fn candidates_are_all_that_can_match(
            things in proptest::collection::vec(("[nm]", labels()), 0..20),
            selectors in proptest::collection::vec(("[nm]", proptest::option::of(selector())), 0..20),
        ) {
            let by_labels = ByLabels::new(things.iter().map(|(namespace, labels)| (namespace.as_str(), labels)));
            let all: Vec<_> = selectors.iter().map(|(namespace, s)| (namespace.as_str(), s.as_ref())).collect();
            let by_selector = BySelector::new(&all);
            for (at, (namespace, labels)) in things.iter().enumerate() {
                let mut candidates = by_selector.candidates(namespace, labels);
                prop_assert!(candidates.is_sorted());
                candidates.dedup();
                for (index, (of, selector)) in all.iter().enumerate() {
                    let Some(selector) = selector.filter(|_| of == namespace) else { continue };
                    if selector.matches(labels) {
                        prop_assert!(candidates.contains(&index));
                        prop_assert!(by_labels.candidates(namespace, selector).contains(&at));
                    }
                }
            }
        }
    }
}
