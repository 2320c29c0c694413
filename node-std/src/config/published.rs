//! The components that the public gateway serves.

use core::fmt;
use core::str::FromStr;
use std::collections::BTreeSet;

use node_core::id::{BadName, Name};

/// The components that the public gateway serves. For any other it answers as if there were none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Published {
    /// Every component of the cluster, also one that a member invents.
    All,
    /// These.
    Only(BTreeSet<Name>),
}

impl Published {
    /// Returns true when the gateway serves the component.
    #[must_use]
    pub fn serves(&self, component: &str) -> bool {
        match self {
            Self::All => true,
            Self::Only(names) => Name::new(component).is_ok_and(|name| names.contains(&name)),
        }
    }
}

impl fmt::Display for Published {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("every component of the cluster"),
            Self::Only(names) if names.is_empty() => {
                f.write_str("no component: name them by --public-component")
            }
            Self::Only(names) => {
                let names: Vec<&str> = names.iter().map(Name::as_str).collect();
                write!(f, "these components: {}", names.join(", "))
            }
        }
    }
}

/// One entry of the list.
#[derive(Clone, Debug)]
pub enum Entry {
    /// `*`.
    All,
    /// A component.
    Component(Name),
}

impl FromStr for Entry {
    type Err = BadEntry;

    fn from_str(text: &str) -> Result<Self, BadEntry> {
        match text {
            "*" => Ok(Self::All),
            text => Ok(Self::Component(Name::new(text)?)),
        }
    }
}

/// The text is neither the name of a component nor `*`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected the name of a component, or * for all; {0}")]
pub struct BadEntry(#[from] BadName);
