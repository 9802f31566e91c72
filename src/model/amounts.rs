//! Amounts of resources by name, each with the lines of the manifests that it comes from.

use std::collections::BTreeMap;

use indexmap::IndexSet;

use super::Location;
use crate::units::Quantity;

/// A quantity and the places that it was computed from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Amount {
    /// How much.
    pub quantity: Quantity,
    /// Where it is written, in the order in which it was added up; no place twice.
    pub sources: IndexSet<Location>,
}

/// Resources by name (`cpu`, `memory`, `ephemeral-storage`, `nvidia.com/gpu`, ...): a `ResourceList`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Amounts(BTreeMap<String, Amount>);

impl Amounts {
    /// Sets a resource.
    pub fn set(&mut self, name: &str, quantity: Quantity, source: Option<Location>) {
        self.0.insert(name.to_owned(), Amount { quantity, sources: source.into_iter().collect() });
    }

    /// Sets a resource to an amount, whatever it was.
    pub fn put(&mut self, name: &str, amount: &Amount) {
        self.0.insert(name.to_owned(), amount.clone());
    }

    /// Sets a resource unless it is there.
    pub fn set_default(&mut self, name: &str, amount: &Amount) {
        self.0.entry(name.to_owned()).or_insert_with(|| amount.clone());
    }

    /// A resource, if it is there.
    pub fn get(&self, name: &str) -> Option<Quantity> {
        self.0.get(name).map(|amount| amount.quantity)
    }

    /// A resource with its places, if it is there.
    pub fn amount(&self, name: &str) -> Option<&Amount> {
        self.0.get(name)
    }

    /// A resource; none of it if it is not there.
    pub fn quantity(&self, name: &str) -> Quantity {
        self.get(name).unwrap_or(Quantity::ZERO)
    }

    /// All of them, in the order of their names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Amount)> {
        self.0.iter().map(|(name, amount)| (name.as_str(), amount))
    }

    /// The names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds other resources.
    pub fn add(&mut self, other: &Self) {
        for (name, more) in &other.0 {
            match self.0.get_mut(name) {
                Some(amount) => {
                    amount.quantity = amount.quantity + more.quantity;
                    amount.note(&more.sources);
                }
                None => {
                    self.0.insert(name.clone(), more.clone());
                }
            }
        }
    }

    /// Takes, for each resource, the larger amount.
    pub fn raise_to(&mut self, other: &Self) {
        for (name, more) in &other.0 {
            match self.0.get(name) {
                Some(amount) if amount.quantity >= more.quantity => {}
                _ => {
                    self.0.insert(name.clone(), more.clone());
                }
            }
        }
    }

    /// So many times as much.
    #[must_use]
    pub fn times(&self, count: i64) -> Self {
        let times =
            |amount: &Amount| Amount { quantity: amount.quantity.times(count), sources: amount.sources.clone() };
        Self(self.0.iter().map(|(name, amount)| (name.clone(), times(amount))).collect())
    }

    /// A part of it.
    #[must_use]
    pub fn part(mut self, of: i64) -> Self {
        for amount in self.0.values_mut() {
            amount.quantity = amount.quantity.part(of);
        }
        self
    }

    /// The same, each amount resting on these places as well.
    #[must_use]
    pub fn because_of(mut self, sources: &[Location]) -> Self {
        for amount in self.0.values_mut() {
            amount.note(sources);
        }
        self
    }

    /// Those of these names.
    #[must_use]
    pub fn only(&self, names: &[&str]) -> Self {
        let kept = self.0.iter().filter(|(name, _)| names.contains(&name.as_str()));
        Self(kept.map(|(name, amount)| (name.clone(), amount.clone())).collect())
    }
}

impl Amount {
    /// Nothing, from nowhere.
    pub fn none() -> Self {
        Self { quantity: Quantity::ZERO, sources: IndexSet::new() }
    }

    /// Adds places that it comes from.
    pub fn note<'a>(&mut self, sources: impl IntoIterator<Item = &'a Location>) {
        for source in sources {
            if !self.sources.contains(source) {
                self.sources.insert(source.clone());
            }
        }
    }
}

/// From plain amounts, which come from nowhere in particular.
impl<'a> FromIterator<(&'a str, Quantity)> for Amounts {
    fn from_iter<I: IntoIterator<Item = (&'a str, Quantity)>>(amounts: I) -> Self {
        let mut all = Self::default();
        for (name, quantity) in amounts {
            all.set(name, quantity, None);
        }
        all
    }
}
