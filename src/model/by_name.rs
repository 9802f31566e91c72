//! Finding what has a name without looking at everything.

use std::collections::BTreeMap;

/// Things by a name that several may have, each in the order in which they came.
#[derive(Clone, Debug)]
pub struct ByName<'a, T>(BTreeMap<&'a str, Vec<&'a T>>);

impl<'a, T> ByName<'a, T> {
    /// All things, by what `name` says of them.
    pub fn new(all: impl IntoIterator<Item = &'a T>, name: impl Fn(&'a T) -> &'a str) -> Self {
        let mut by_name: BTreeMap<&str, Vec<&T>> = BTreeMap::new();
        for thing in all {
            by_name.entry(name(thing)).or_default().push(thing);
        }
        Self(by_name)
    }

    /// Those with a name.
    pub fn named(&self, name: &str) -> impl Iterator<Item = &'a T> {
        self.0.get(name).into_iter().flatten().copied()
    }
}
