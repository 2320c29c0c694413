//! The methods, by name.

use base64ct::{Base64, Encoding};
use node_core::crypto::Software;
use node_core::gossip::Kind;
use node_core::keys::{Bundle, BundleError, Keyring};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Api;
use super::cluster::ListEvents;
use super::envelope::{Params, RpcError, Sent};
use super::machine::Machine;
use super::node::{self, Node};
use super::remote::{KeySlot, Remote, TlsStatus, sha256};
use crate::clock::unix_millis;
use crate::cluster::Member;

/// Every method, for who asks for one that does not exist.
pub const NAMES: [&str; 10] = [
    "NodeService.ListNodeStatus",
    "NodeService.GetStatus",
    "MaelNode.Ping",
    "MaelNode.ListKeys",
    "MaelNode.PushKeys",
    "MaelNode.ListEvents",
    "MaelNode.ListLinks",
    "MaelNode.RemoveNode",
    "MaelNode.Leave",
    "barrister-idl",
];

/// The interface in Barrister's form. A constant file: it changes only with the code.
const IDL: &str = include_str!("idl.json");

impl<R: Remote> Api<R> {
    pub(super) async fn call(&self, method: &str, params: Params, sent: Sent) -> Result<Value, RpcError> {
        tracing::debug!("asked for {method:?}");
        match method {
            "NodeService.ListNodeStatus" => result(self.list_node_status()),
            "NodeService.GetStatus" => result(self.status()?),
            "MaelNode.Ping" => result(self.ping(params.into()?).await?),
            "MaelNode.ListKeys" => result(self.list_keys(params.into()?).await?),
            "MaelNode.PushKeys" => result(self.push_keys(params.into()?).await?),
            "MaelNode.ListEvents" => {
                let asked: ListEvents = params.into()?;
                let asked = match sent {
                    Sent::Alone => asked,
                    Sent::InABatch => asked.of_a_batch()?,
                };
                result(self.list_events(asked).await)
            }
            "MaelNode.ListLinks" => result(self.list_links()),
            "MaelNode.RemoveNode" => result(self.remove_node(params.into()?).await?),
            "MaelNode.Leave" => result(self.leave()),
            "barrister-idl" => serde_json::from_str(IDL).map_err(|e| RpcError::Internal(e.to_string())),
            _ => Err(RpcError::MethodNotFound(method.to_owned())),
        }
    }

    fn list_node_status(&self) -> NodeList {
        let view = self.cluster.view();
        let nodes = view.members().iter().map(|member| self.node(member)).collect();
        NodeList { responding_node_id: self.cluster.me().to_string(), observed_at: unix_millis(), nodes }
    }

    fn status(&self) -> Result<StatusAnswer, RpcError> {
        let view = self.cluster.view();
        let me = self.cluster.me();
        let member = view
            .member(me)
            .ok_or_else(|| RpcError::Internal("this node is not up yet: ask again".to_owned()))?;
        let tls = self.tls.borrow().clone();
        Ok(StatusAnswer {
            status: Status {
                node: self.node(member),
                observed_at: unix_millis(),
                machine: Machine::read(),
                running_components: member.components.iter().map(|name| ComponentInfo::new(name)).collect(),
                cluster_id: self.about.cluster_id.to_string(),
                plaintext: !tls.enabled,
                tls,
            },
        })
    }

    async fn ping(&self, Target { node }: Target) -> Result<PingAnswer, RpcError> {
        let view = self.cluster.view();
        let member = node::find(view.members(), &node)?;
        let pong = self.remote.ping(member.id).await?;
        Ok(PingAnswer {
            node: member.id.to_string(),
            name: member.name.to_string(),
            rtt_micros: u64::try_from(pong.rtt.as_micros()).unwrap_or(u64::MAX),
            via: pong.via.map(|hub| hub.to_string()),
        })
    }

    async fn list_keys(&self, MaybeTarget { node }: MaybeTarget) -> Result<KeyList, RpcError> {
        let id = match node {
            Some(node) => node::find(self.cluster.view().members(), &node)?.id,
            None => self.cluster.me(),
        };
        let slots = if id == self.cluster.me() {
            self.tls.borrow().slots.clone()
        } else {
            self.remote.list_keys(id).await?
        };
        Ok(KeyList { node_id: id.to_string(), slots })
    }

    async fn push_keys(&self, PushKeys { node, bundle, force }: PushKeys) -> Result<PushAnswer, RpcError> {
        // Without TLS whoever asks and the board's link are both in the clear; with it neither can be.
        if !self.tls.borrow().enabled {
            return Err(RpcError::Invalid(
                "private keys are not passed on without TLS: give this node a TLS directory (--tls-dir)"
                    .to_owned(),
            ));
        }
        // Constant in time: the bundle holds private keys.
        let bundle = Base64::decode_vec(&bundle);
        let bundle =
            bundle.map_err(|error| RpcError::Invalid(format!("the bundle is not base64: {error}")))?;
        let Member { id, kind, .. } = *node::find_sole(self.cluster.view().members(), &node)?;
        if kind != Kind::Leaf {
            return Err(RpcError::Invalid(format!(
                "{node} is a {kind}: its keyring is its TLS directory, change the files there"
            )));
        }
        if !force {
            self.shares_keys(&bundle)?;
        }
        self.remote.push_keys(id, bundle.into()).await?;
        Ok(PushAnswer { node_id: id.to_string() })
    }

    /// Whether a board with the keys of this bundle and this node would still trust each other: a board whose hubs do not trust
    /// it is lost until it is flashed anew.
    fn shares_keys(&self, bundle: &[u8]) -> Result<(), RpcError> {
        let invalid = |error: BundleError| RpcError::Invalid(error.to_string());
        let bundle = Bundle::decode(bundle).map_err(invalid)?;
        let slots = bundle.validate(&Software).map_err(invalid)?;
        let theirs = Keyring::new(&slots).map_err(|error| invalid(BundleError::Keyring(error)))?;
        let tls = self.tls.borrow();
        let mine = || tls.slots.iter();
        let active = sha256(&theirs.active().certificate.0);
        if !mine().any(|slot| slot.certificate_sha256 == active) {
            return Err(RpcError::Invalid(format!(
                "the board would be lost: this node does not trust {}.crt, which the board would show; put it into \
                 the TLS directories of the hubs first, or use --force",
                theirs.active().name
            )));
        }
        let trusted = |slot: &KeySlot| {
            theirs.slots().iter().any(|other| sha256(&other.certificate.0) == slot.certificate_sha256)
        };
        match mine().find(|slot| slot.active) {
            Some(slot) if !trusted(slot) => Err(RpcError::Invalid(format!(
                "the board would be lost: it would not trust {}.crt, which this node shows; put it into the directory, \
                 or use --force if the board has it pinned",
                slot.name
            ))),
            _ => Ok(()),
        }
    }

    fn node(&self, member: &Member) -> Node {
        let node = Node::new(member, self.tls.borrow().enabled);
        if member.id != self.cluster.me() {
            return node;
        }
        let software_version = Some(env!("CARGO_PKG_VERSION").to_owned());
        Node { started_at: Some(self.about.started_at), software_version, ..node }
    }
}

fn result(result: impl Serialize) -> Result<Value, RpcError> {
    serde_json::to_value(result).map_err(|error| RpcError::Internal(error.to_string()))
}

#[derive(Deserialize)]
struct Target {
    node: String,
}

#[derive(Deserialize)]
struct MaybeTarget {
    node: Option<String>,
}

#[derive(Deserialize)]
struct PushKeys {
    node: String,
    bundle: String,
    #[serde(default)]
    force: bool,
}

/// Result of `NodeService.ListNodeStatus`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NodeList {
    /// Whose knowledge this is.
    pub responding_node_id: String,
    /// When this was written, in Unix milliseconds: when it is read, if an older node does not say.
    #[serde(default = "unix_millis")]
    pub observed_at: u64,
    /// All members, by name.
    pub nodes: Vec<Node>,
}

/// Result of `NodeService.GetStatus`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct StatusAnswer {
    /// The node that answers.
    pub status: Status,
}

/// A node in detail.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// What others know of it too.
    #[serde(flatten)]
    pub node: Node,
    /// When this was written, in Unix milliseconds.
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

/// Result of `MaelNode.Ping`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PingAnswer {
    /// Who answered.
    pub node: String,
    /// Its name.
    pub name: String,
    /// How long it took there and back, in microseconds.
    pub rtt_micros: u64,
    /// The id of the hub that it went through, none over a direct link.
    pub via: Option<String>,
}

/// Result of `MaelNode.ListKeys`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KeyList {
    /// Whose keyring this is.
    pub node_id: String,
    /// Its slots, by name.
    pub slots: Vec<KeySlot>,
}

/// Result of `MaelNode.PushKeys`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PushAnswer {
    /// Whose keyring was replaced.
    pub node_id: String,
}
