//! `MaelNode.ListKeys` and `MaelNode.PushKeys`.

use base64ct::{Base64, Encoding};
use node_core::keys::{Bundle, addressee};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::inspect::OfNode;
use super::remote::Remote;
use crate::api::error::RpcError;
use crate::api::keyring::KeySlot;
use crate::api::node;
use crate::api::service::Api;
use crate::cluster::Member;

impl<R: Remote> Api<R> {
    pub(in crate::api) async fn list_keys(&self, of: OfNode) -> Result<KeyList, RpcError> {
        let id = self.meant(of)?;
        let slots = if id == self.cluster.me() {
            self.tls.borrow().slots.clone()
        } else {
            self.remote.list_keys(id).await?
        };
        Ok(KeyList { node_id: id.to_string(), slots })
    }

    /// Relays a sealed keyring to the board that it is for. This node cannot read it; the board checks who sealed it. A hub may be a board,
    /// too; a server refuses it.
    pub(in crate::api) async fn push_keys(
        &self,
        PushKeys { node, bundle }: PushKeys,
    ) -> Result<PushAnswer, RpcError> {
        if !self.tls.borrow().enabled {
            return Err(RpcError::Invalid(
                "this node has no TLS, so no board links to it with these keys: give it a TLS directory (--tls-dir)"
                    .to_owned(),
            ));
        }
        let sealed = read_sealed(&bundle)?;
        let (board, _) = addressee(&sealed).map_err(|error| RpcError::Invalid(error.to_string()))?;
        let Member { id, .. } = *node::find_sole(self.cluster.view().members(), &node)?;
        if board != id {
            return Err(RpcError::Invalid(format!(
                "the keyring is sealed for the board {board}, and {node} is {id}: seal it for {node}"
            )));
        }
        self.remote.push_keys(id, sealed.into()).await?;
        Ok(PushAnswer { node_id: id.to_string() })
    }
}

/// The bytes of a sealed keyring. An unsealed one, with private keys in the clear, is refused. Its decoded bytes are wiped; the request that
/// brought them is not.
fn read_sealed(base64: &str) -> Result<Vec<u8>, RpcError> {
    let decoded = Base64::decode_vec(base64);
    let mut decoded = decoded.map(Zeroizing::new).map_err(|error| {
        RpcError::Invalid(format!("the bundle is not base64: {error}: push the TLS directory again"))
    })?;
    match decoded.first() {
        Some(&Bundle::VERSION) => Err(RpcError::Invalid(
            "the keyring is not sealed, so every node on the way could read its private keys: update maelctl"
                .to_owned(),
        )),
        _ => Ok(core::mem::take(&mut *decoded)),
    }
}

#[derive(Deserialize)]
pub struct PushKeys {
    node: String,
    bundle: String,
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
    /// The id of the board. It has stored the keyring, and tries it.
    pub node_id: String,
}
