//! Evidence: what a suspicion rests on, and how strong it is.

use crate::id::NodeId;
use crate::wire::{Record, State};

/// Why a dial came to nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The host says that nothing listens there.
    Refused,
    /// The host does not answer.
    Unreachable,
    /// The connection was accepted, and the handshake timed out or failed.
    Unresponsive,
    /// It was not even tried: this node cannot, or does not know where.
    Untried,
}

/// The evidence of a suspicion, the weakest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Evidence {
    /// Others say so.
    Reported,
    /// This node stalled itself a moment ago.
    Stalled,
    /// It was not even dialled.
    Untried,
    /// No live hub has a link to it.
    Orphaned,
    /// It accepts connections and does not complete a handshake, as a process that stalls does.
    Unresponsive,
    /// It announced that it would be awake by now.
    Overslept,
    /// Its link broke, and it has no address.
    Vanished,
    /// Its host does not answer.
    Unreachable,
    /// Others declared it down, after it had time to refute the suspicion there.
    DeclaredDown,
    /// Its host says that nothing listens there.
    Refused,
}

impl Evidence {
    /// The time for a suspect to refute the suspicion, before confirmers shorten it, in units of
    /// [`suspicion_timeout`](crate::gossip::Config::suspicion_timeout).
    pub const fn timeouts(self) -> u32 {
        match self {
            Self::Reported | Self::Stalled | Self::Untried | Self::Orphaned | Self::Unresponsive => 30,
            Self::Overslept | Self::Vanished | Self::Unreachable => 4,
            Self::DeclaredDown | Self::Refused => 1,
        }
    }

    /// Whether it is only the word of others.
    pub const fn is_reported(self) -> bool {
        matches!(self, Self::Reported | Self::DeclaredDown)
    }

    /// What it says of the suspect; nothing, when only others saw something.
    pub const fn text(self) -> Option<&'static str> {
        match self {
            Self::Reported | Self::DeclaredDown => None,
            Self::Stalled => Some("it has no link here, but this node stalled itself a moment ago"),
            Self::Untried => Some("it cannot be dialled from here"),
            Self::Orphaned => Some("no live hub has a link to it"),
            Self::Unresponsive => Some("it accepts connections and does not respond"),
            Self::Overslept => Some("it did not wake when it said it would"),
            Self::Vanished => Some("its link broke, and it has no address to dial"),
            Self::Unreachable => Some("its host does not answer"),
            Self::Refused => Some("nothing listens at its address"),
        }
    }
}

impl From<Failure> for Evidence {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Refused => Self::Refused,
            Failure::Unreachable => Self::Unreachable,
            Failure::Unresponsive => Self::Unresponsive,
            Failure::Untried => Self::Untried,
        }
    }
}

/// A buddy notification: what is said of a linked peer elsewhere, for it to refute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BuddyNotification {
    /// The incarnation that it concerns.
    pub incarnation: u64,
    /// What the peer is said to be.
    pub state: State,
    /// The node that says so.
    pub by: Option<NodeId>,
}

impl From<&Record<'_>> for BuddyNotification {
    fn from(record: &Record<'_>) -> Self {
        Self { incarnation: record.incarnation, state: record.state, by: record.by }
    }
}
