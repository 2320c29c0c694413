//! How a node takes part, and its times.

use crate::id::NodeId;
use crate::time::Duration;
use crate::wire::Kind;

/// How a node takes part, and its times.
#[derive(Clone, Copy, Debug)]
pub struct Config {
    /// This node. [`Node::new`](crate::gossip::Node::new) takes it from the identity.
    pub id: NodeId,
    /// Hub or leaf. A hub needs the feature `hub`.
    pub kind: Kind,
    /// The active view: overlay links that the node makes of its own accord. 5 is usual for a hub, 1 or 2 for a leaf.
    pub active_view: usize,
    /// Most overlay links of a hub. For one more, the hub prunes a link that a peer dialled, or sends the newcomer on with peer
    /// exchange. 12 is usual.
    pub max_active_view: usize,
    /// Most leaves of a hub: it sends more to other hubs. 256 is usual; never more than half of the places for links.
    pub max_leaves: usize,
    /// Links to hubs that get eager push; the others get lazy push. 4 is usual.
    pub fanout: usize,
    /// Dials under way at once, and as many again to members that were never linked here; 4 is usual.
    pub dials: usize,
    /// The dial budget: so many dials may begin at once. A node keeps half of it for members that were linked to it. 32 is usual.
    pub dial_burst: u32,
    /// The time until the dial budget allows one more dial; 125 ms is usual.
    pub dial_interval: Duration,
    /// Dials to members that were never linked here and turn out false, before such dials go out one at a time. One more is
    /// allowed each `retry_max`. 8 is usual, and not less than `active_view`.
    pub unproven_burst: u32,
    /// From then on, the time between two of them; 1 s is usual.
    pub unproven_interval: Duration,
    /// Wait before a failed dial is tried again, doubled each time up to `retry_max`, with jitter. 500 ms is usual.
    pub retry: Duration,
    /// Longest wait between two dials of one address; 30 s is usual.
    pub retry_max: Duration,
    /// Time between two random probes: a hub dials a random hub that is down, and looks for orphans. With jitter; 30 s is usual.
    pub random_probe: Duration,
    /// How long a suspect has to refute the strongest evidence, that nothing listens at its address. Weaker evidence gives it
    /// more time, and each independent confirmer halves the time. 2 s is usual.
    pub suspicion_timeout: Duration,
    /// Time between two reconciliations with one linked hub, with jitter; 10 s is usual.
    pub sync: Duration,
    /// Time between two shuffles: a hub links to a random hub that it has no link to. With jitter; 2 min is usual.
    pub shuffle: Duration,
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
            active_view: match kind {
                Kind::Hub => 5,
                Kind::Leaf => 2,
            },
            max_active_view: 12,
            max_leaves: 256,
            fanout: 4,
            dials: 4,
            dial_burst: 32,
            dial_interval: Duration::from_millis(125),
            unproven_burst: 8,
            unproven_interval: Duration::from_secs(1),
            retry: Duration::from_millis(500),
            retry_max: Duration::from_secs(30),
            random_probe: Duration::from_secs(30),
            suspicion_timeout: Duration::from_secs(2),
            sync: Duration::from_secs(10),
            shuffle: Duration::from_secs(120),
            tombstone: Duration::from_secs(24 * 3600),
        }
    }

    /// Whether this node is a hub. Without the feature `hub` the answer is known when the node is compiled, and what only hubs
    /// do is left out.
    pub(crate) const fn is_hub(&self) -> bool {
        cfg!(feature = "hub") && matches!(self.kind, Kind::Hub)
    }
}
