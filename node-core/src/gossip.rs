//! Membership and its spreading.

use core::fmt;

use serde::{Deserialize, Serialize};

/// How a node takes part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Kind {
    /// Accepts links, holds the whole member table.
    Hub,
    /// Only dials out; its hubs speak for its liveness.
    Leaf,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Hub => "hub",
            Self::Leaf => "leaf",
        })
    }
}

/// What is believed of a member. At one incarnation the later variant wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum State {
    /// It runs.
    Alive,
    /// Somebody could not reach it; it has a while to object.
    Suspect,
    /// It did not object in time.
    Down,
    /// It said goodbye.
    Left,
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Alive => "alive",
            Self::Suspect => "suspect",
            Self::Down => "down",
            Self::Left => "left",
        })
    }
}
