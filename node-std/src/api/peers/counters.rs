//! What a board counts.

use node_core::id::NodeId;
use node_core::rpc::Counters;
use serde::{Deserialize, Serialize};

/// Result of `MaelNode.GetCounters`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BoardCounters {
    /// The id of the board.
    pub node_id: String,
    /// What it counts.
    #[serde(flatten)]
    pub counters: Counters,
}

impl BoardCounters {
    /// What `node` said of itself.
    #[must_use]
    pub fn new(node: NodeId, counters: &Counters) -> Self {
        Self { node_id: node.to_string(), counters: *counters }
    }
}
