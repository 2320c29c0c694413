//! What a node says of itself and of others, in brief.

use node_core::id::NodeId;
use node_core::rpc::{MemberItem, Status};
use serde::{Deserialize, Serialize};

/// Result of `MaelNode.GetStatus`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NodeBrief {
    /// The id of the node.
    pub node_id: String,
    /// Its name.
    pub name: String,
    /// The version of its software.
    pub version: String,
    /// Milliseconds since it started.
    pub uptime_ms: u64,
    /// Links that are up.
    pub links: u32,
    /// Members in its table, itself included.
    pub members: u32,
    /// Most bytes of stack used so far, where that is measured.
    pub stack_high_water: Option<u32>,
}

impl NodeBrief {
    /// What `node` said of itself.
    #[must_use]
    pub fn new(node: NodeId, status: &Status<'_>) -> Self {
        Self {
            node_id: node.to_string(),
            name: status.name.to_owned(),
            version: status.version.to_owned(),
            uptime_ms: status.uptime_ms,
            links: status.links,
            members: status.members,
            stack_high_water: status.stack_high_water,
        }
    }
}

/// A member, in brief.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MemberBrief {
    /// Its id.
    pub node_id: String,
    /// Its name.
    pub name: String,
    /// `alive`, `suspect`, `down` or `left`.
    pub state: String,
    /// Whether the node has a link to it.
    pub linked: bool,
}

impl MemberBrief {
    /// What a node said of a member.
    #[must_use]
    pub fn new(item: &MemberItem<'_>) -> Self {
        Self {
            node_id: item.id.to_string(),
            name: item.name.to_owned(),
            state: item.state.to_string(),
            linked: item.linked,
        }
    }
}
