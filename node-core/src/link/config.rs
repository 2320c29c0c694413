//! The link's configuration.

use crate::time::Duration;
use crate::wire::Limits;

/// The configuration of a link.
#[derive(Clone, Copy, Debug)]
pub struct Config<I> {
    /// This node and its cluster.
    pub identity: I,
    /// The limits that this node announces. `exchanges` MUST NOT exceed the slots for the peer's exchanges.
    pub limits: Limits,
    /// How long the peer has for its hello and its proof; 5 s is usual.
    pub hello_timeout: Duration,
    /// Idle time after which the peer is pinged; 5 s is usual, longer for a board on a battery.
    pub ping_after: Duration,
    /// How long the peer has to answer a ping before the link is dead; 5 s is usual.
    pub ping_timeout: Duration,
}
