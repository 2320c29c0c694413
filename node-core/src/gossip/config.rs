//! What a node is told at start.

use crate::id::NodeId;
use crate::time::Duration;
use crate::wire::Kind;

/// How a node takes part, and its times.
#[derive(Clone, Copy, Debug)]
pub struct Config {
    /// This node.
    pub id: NodeId,
    /// Hub or leaf.
    pub kind: Kind,
    /// Links to hubs that the node keeps of its own accord: 5 is usual for a hub, 1 or 2 for a leaf. A hub
    /// accepts more.
    pub degree: usize,
    /// Dials under way at once; 4 is usual.
    pub dials: usize,
    /// Wait before a failed dial is tried again, doubled each time up to `retry_max`, with jitter. 500 ms is usual.
    pub retry: Duration,
    /// Longest wait between two dials of one address; 30 s is usual.
    pub retry_max: Duration,
    /// How long a suspect has to object; each independent accuser halves it. 4 s is usual.
    pub suspicion: Duration,
    /// How often tables are compared with a linked hub's, with jitter; 10 s is usual.
    pub sync: Duration,
    /// How long a member that is down or left is remembered; 24 h is usual.
    pub tombstone: Duration,
}

impl Config {
    /// The usual values.
    #[must_use]
    pub const fn new(id: NodeId, kind: Kind) -> Self {
        Self {
            id,
            kind,
            degree: match kind {
                Kind::Hub => 5,
                Kind::Leaf => 1,
            },
            dials: 4,
            retry: Duration::from_millis(500),
            retry_max: Duration::from_secs(30),
            suspicion: Duration::from_secs(4),
            sync: Duration::from_secs(10),
            tombstone: Duration::from_secs(24 * 3600),
        }
    }
}
