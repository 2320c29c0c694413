//! `NodeService`: all members as this node knows them, and this node in detail.

use std::sync::Arc;

use serde::{Deserialize, Serialize, Serializer};

use super::error::RpcError;
use super::keyring::TlsStatus;
use super::machine::Machine;
use super::node::NodeStatus;
use super::service::Api;
use crate::clock::unix_millis;
use crate::cluster::{LinkInfo, Member, View};
use crate::config::InForce;

impl<R> Api<R> {
    pub(super) fn list_node_status(&self) -> NodeList<impl Serialize + use<'_, R>> {
        let nodes = Nodes { api: self, view: self.cluster.view() };
        NodeList { responding_node_id: self.cluster.me().to_string(), observed_at: unix_millis(), nodes }
    }

    pub(super) fn status(&self) -> Result<StatusAnswer, RpcError> {
        let view = self.cluster.view();
        let me = self.cluster.me();
        let member = view
            .member(me)
            .ok_or_else(|| RpcError::Internal("this node is not up yet: ask again".to_owned()))?;
        let tls = self.tls.borrow().clone();
        Ok(StatusAnswer {
            status: NodeDetails {
                node: self.node(&view, member),
                observed_at: unix_millis(),
                machine: Machine::read(),
                running_components: member.components.iter().map(|name| ComponentInfo::new(name)).collect(),
                cluster_id: self.about.cluster_id.to_string(),
                plaintext: !tls.enabled,
                refused_for_role: self.about.access.refused(),
                tls,
            },
        })
    }

    /// When the certificate of a member ends, if this node has seen it.
    fn end_of(&self, view: &View, member: &Member, key: &str) -> Option<u64> {
        let tls = self.tls.borrow();
        if let Some(slot) = tls.slots.iter().find(|slot| slot.certificate_sha256 == key) {
            return Some(slot.not_after);
        }
        let shows = |link: &&LinkInfo| {
            link.peer == member.id && link.peer_key.is_some_and(|shown| shown.0 == member.active_key)
        };
        let session = view.link_list.iter().find(shows)?.session.as_ref()?;
        Some(session.expires?.0.saturating_mul(1000))
    }

    pub(super) fn show_config(&self) -> ConfigAnswer {
        let settings = self.about.config.borrow().clone();
        ConfigAnswer { responding_node_id: self.cluster.me().to_string(), settings }
    }

    fn node(&self, view: &View, member: &Member) -> NodeStatus {
        let mut node = NodeStatus::new(member, self.tls.borrow().enabled);
        node.active_key_not_after = node.active_key.as_deref().and_then(|key| self.end_of(view, member, key));
        if member.id != self.cluster.me() {
            return node;
        }
        let software_version = Some(env!("CARGO_PKG_VERSION").to_owned());
        NodeStatus { started_at: Some(self.about.started_at), software_version, ..node }
    }
}

/// All members of a view. There may be thousands, so each is described when it is written.
struct Nodes<'a, R> {
    api: &'a Api<R>,
    view: Arc<View>,
}

impl<R> Serialize for Nodes<'_, R> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.view.members().iter().map(|member| self.api.node(&self.view, member)))
    }
}

/// Result of `NodeService.ListNodeStatus`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NodeList<N = Vec<NodeStatus>> {
    /// The id of the node that answers.
    pub responding_node_id: String,
    /// When the answer was written, in Unix milliseconds. An older node does not say, and the time of reading stands in.
    #[serde(default = "unix_millis")]
    pub observed_at: u64,
    /// All members, by name.
    pub nodes: N,
}

/// Result of `MaelNode.ShowConfig`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ConfigAnswer {
    /// The id of the node that answers.
    pub responding_node_id: String,
    /// Its settings.
    pub settings: Vec<InForce>,
}

/// Result of `NodeService.GetStatus`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct StatusAnswer {
    /// The node that answers.
    pub status: NodeDetails,
}

/// A node in detail.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NodeDetails {
    /// The part that other nodes know, too.
    #[serde(flatten)]
    pub node: NodeStatus,
    /// When the answer was written, in Unix milliseconds.
    pub observed_at: u64,
    /// The machine that it runs on.
    #[serde(flatten)]
    pub machine: Machine,
    /// Its components, as Maelstrom lists them.
    pub running_components: Vec<ComponentInfo>,
    /// The cluster's name.
    pub cluster_id: String,
    /// Whether its private port speaks without TLS.
    pub plaintext: bool,
    /// What was refused since the start, because a peer lacked the role for it.
    #[serde(default)]
    pub refused_for_role: u64,
    /// The private port's TLS.
    pub tls: TlsStatus,
}

/// A component that runs on a node.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ComponentInfo {
    /// Its name.
    pub component_name: String,
}

impl ComponentInfo {
    fn new(name: &str) -> Self {
        Self { component_name: name.to_owned() }
    }
}
