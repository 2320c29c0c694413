//! `MaelNode.ListKeys` and `MaelNode.PushKeys`.

use base64ct::{Base64, Encoding};
use node_core::crypto::Software;
use node_core::gossip::Kind;
use node_core::keys::{Bundle, BundleError, Keyring};
use serde::{Deserialize, Serialize};

use super::remote::Remote;
use crate::api::error::RpcError;
use crate::api::keyring::{KeySlot, sha256};
use crate::api::node;
use crate::api::service::Api;
use crate::cluster::Member;

impl<R: Remote> Api<R> {
    pub(in crate::api) async fn list_keys(&self, ListKeys { node }: ListKeys) -> Result<KeyList, RpcError> {
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

    pub(in crate::api) async fn push_keys(
        &self,
        PushKeys { node, bundle, force }: PushKeys,
    ) -> Result<PushAnswer, RpcError> {
        // Without TLS this request and the link to the board are both in the clear. With TLS neither is.
        if !self.tls.borrow().enabled {
            return Err(RpcError::Invalid(
                "this node has no TLS and does not pass private keys on in the clear: give it a TLS directory (--tls-dir)"
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
            self.check_mutual_trust(&bundle)?;
        }
        self.remote.push_keys(id, bundle.into()).await?;
        Ok(PushAnswer { node_id: id.to_string() })
    }

    /// Checks that this node and a board with the keys of this bundle trust each other. A board whose hubs do not trust it is
    /// lost until somebody flashes it.
    fn check_mutual_trust(&self, bundle: &[u8]) -> Result<(), RpcError> {
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
}

#[derive(Deserialize)]
pub struct ListKeys {
    node: Option<String>,
}

#[derive(Deserialize)]
pub struct PushKeys {
    node: String,
    bundle: String,
    #[serde(default)]
    force: bool,
}

/// Result of `MaelNode.ListKeys`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KeyList {
    /// The id of the node with this keyring.
    pub node_id: String,
    /// Its slots, by name.
    pub slots: Vec<KeySlot>,
}

/// Result of `MaelNode.PushKeys`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PushAnswer {
    /// The id of the node whose keyring was replaced.
    pub node_id: String,
}
