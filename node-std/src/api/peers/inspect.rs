//! `MaelNode.GetStatus`, `ListMembers` and `ListComponents`: what every node answers of itself, a board too.

use node_core::id::NodeId;
use node_core::rpc::{MemberItem, Status};
use serde::{Deserialize, Serialize};

use super::remote::Remote;
use crate::api::error::RpcError;
use crate::api::node;
use crate::api::service::Api;

impl<R: Remote> Api<R> {
    pub(in crate::api) async fn node_status(&self, of: OfNode) -> Result<NodeBrief, RpcError> {
        Ok(self.remote.status(self.meant(of)?).await?)
    }

    pub(in crate::api) async fn list_members(&self, of: OfNode) -> Result<MemberList, RpcError> {
        let id = self.meant(of)?;
        Ok(MemberList { node_id: id.to_string(), members: self.remote.members(id).await? })
    }

    pub(in crate::api) async fn list_components(&self, of: OfNode) -> Result<ComponentList, RpcError> {
        let id = self.meant(of)?;
        Ok(ComponentList { node_id: id.to_string(), components: self.remote.components(id).await? })
    }

    /// The node of a request, this one by default.
    pub(super) fn meant(&self, OfNode { node }: OfNode) -> Result<NodeId, RpcError> {
        match node {
            Some(node) => node::find(self.cluster.view().members(), &node).map(|member| member.id),
            None => Ok(self.cluster.me()),
        }
    }
}

#[derive(Deserialize)]
pub struct OfNode {
    node: Option<String>,
}

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

/// Result of `MaelNode.ListMembers`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MemberList {
    /// The id of the node that knows them.
    pub node_id: String,
    /// The members, as many as 8 KiB hold.
    pub members: Vec<MemberBrief>,
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

/// Result of `MaelNode.ListComponents`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ComponentList {
    /// The id of the node that offers them.
    pub node_id: String,
    /// Their names.
    pub components: Vec<String>,
}
