//! `MaelNode.GetStatus`, `ListMembers` and `ListComponents`: what every node answers of itself, a board too. `GetCounters`: what only a
//! board answers.

use node_core::id::NodeId;
use serde::{Deserialize, Serialize};

use super::brief::{MemberBrief, NodeBrief};
use super::counters::BoardCounters;
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

    pub(in crate::api) async fn board_counters(&self, of: OfNode) -> Result<BoardCounters, RpcError> {
        Ok(self.remote.counters(self.meant(of)?).await?)
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

/// Result of `MaelNode.ListMembers`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MemberList {
    /// The id of the node that knows them.
    pub node_id: String,
    /// The members, as many as 8 KiB hold.
    pub members: Vec<MemberBrief>,
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
