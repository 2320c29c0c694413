//! What a board counts.

use node_core::id::NodeId;
use node_core::rpc::Counters;
use serde::{Deserialize, Serialize};

/// Result of `MaelNode.GetCounters`. Counts are since the start of the board, unless said otherwise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BoardCounters {
    /// The id of the board.
    pub node_id: String,
    /// Starts in its life, this one included.
    pub starts: u32,
    /// TLS handshakes that gave a session.
    pub handshakes: u32,
    /// TLS handshakes that failed.
    pub handshakes_failed: u32,
    /// Dials that led to no link.
    pub dials_failed: u32,
    /// Links that came up.
    pub links_up: u32,
    /// Links that ended after they were up.
    pub links_down: u32,
    /// How often a link came up after all links were down, the first one not counted.
    pub reconnects: u32,
    /// Requests to its components and methods of its own that it answered.
    pub requests: u32,
    /// Those that ended without a whole answer.
    pub requests_failed: u32,
    /// Pages of the node's flash that were erased in the life of the board.
    pub pages_erased: u32,
    /// Pages of the node's flash.
    pub pages: u32,
    /// Bytes of stack in all, where that is known.
    pub stack_size: Option<u32>,
}

impl BoardCounters {
    /// What `node` said of itself.
    #[must_use]
    pub fn new(node: NodeId, counters: &Counters) -> Self {
        let Counters {
            starts,
            handshakes,
            handshakes_failed,
            dials_failed,
            links_up,
            links_down,
            reconnects,
            requests,
            requests_failed,
            pages_erased,
            pages,
            stack_size,
        } = *counters;
        Self {
            node_id: node.to_string(),
            starts,
            handshakes,
            handshakes_failed,
            dials_failed,
            links_up,
            links_down,
            reconnects,
            requests,
            requests_failed,
            pages_erased,
            pages,
            stack_size,
        }
    }
}
