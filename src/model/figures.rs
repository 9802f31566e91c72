//! What a document says about the resources that a system needs.

use super::{ClaimVerdict, Location};
use crate::units::{Quantity, Replicas};

/// A document's figures about one thing.
#[derive(Clone, Debug, PartialEq)]
pub struct PlanClaim {
    /// What it says.
    pub says: String,
    /// Where in the document.
    pub section: Option<String>,
    /// The workload by its name; without one, all of them together.
    pub workload: Option<String>,
    /// How many pods are meant.
    pub level: ClaimLevel,
    /// The figures.
    pub figures: Vec<FigureClaim>,
    /// What comes out of the comparison; a regression if it no longer does.
    pub expected: ClaimVerdict,
    /// Why, as the author explains it.
    pub note: Option<String>,
    /// Where it stands.
    pub location: Location,
}

/// How many pods a figure is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClaimLevel {
    /// So many pods of the workload.
    Pods(Replicas),
    /// As few as there can be.
    Minimum,
    /// As the manifests declare.
    Declared,
    /// As many as there can be.
    Maximum,
}

/// One figure.
#[derive(Clone, Debug, PartialEq)]
pub struct FigureClaim {
    /// Of what.
    pub figure: Figures,
    /// How much, as the document says.
    pub says: Quantity,
    /// Whether a tenth more or less will do (`~5`).
    pub roughly: bool,
}

/// What a figure counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Figures {
    /// A resource of the pods.
    Resource {
        /// Requests, limits, or it does not say.
        measure: Measure,
        /// `cpu`, `memory`, ...
        name: String,
    },
    /// Persistent storage.
    Storage,
    /// Objects of a kind.
    Objects(String),
}

/// Which amount of a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// What is reserved.
    Requests,
    /// What may be used at most.
    Limits,
    /// The document does not say; either will do.
    Either,
}

impl Measure {
    /// The name in files and reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Requests => "requests",
            Self::Limits => "limits",
            Self::Either => "requests or limits",
        }
    }
}

impl FigureClaim {
    /// Whether an amount is what the document says.
    pub fn holds(&self, amount: Quantity) -> bool {
        if !self.roughly {
            return amount == self.says;
        }
        let ten = |quantity: Quantity| quantity.times(10);
        ten(amount) >= self.says.times(9) && ten(amount) <= self.says.times(11)
    }
}
