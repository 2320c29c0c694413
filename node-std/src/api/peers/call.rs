//! `MaelNode.Call`: a method of any node, asked of this one.
//!
//! A hub answers the request itself: it comes over a link, as JSON-RPC. A board speaks no JSON: this node asks it in the
//! methods that boards have.
//!
//! The other node sees this node as the caller, and not the operator. So only what reads is passed on, which any node may ask of
//! any other; nobody gains a role through a node that passes his requests on.

use bytes::Bytes;
use node_core::gossip::Kind;
use node_core::rpc::MAX_BODY;
use node_core::trust::{Role, Roles};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::remote::Remote;
use crate::access::{Caller, Credential};
use crate::api::answer::Answer;
use crate::api::error::RpcError;
use crate::api::node;
use crate::api::service::Api;
use crate::cluster::Member;

/// A peer that passes a request on may read, as every node may. It is no operator, whatever its certificate says.
pub(in crate::api) const PEER: Caller =
    Caller { roles: Roles::of(&[Role::Application]), credential: Credential::Nothing };

/// The most that an envelope adds to a result.
const ENVELOPE: usize = 256;

#[derive(Deserialize)]
pub struct CallParams {
    pub node: String,
    pub method: String,
    #[serde(default)]
    pub params: Value,
}

/// Where a call goes.
pub(in crate::api) enum Way {
    /// It is for this node.
    Here,
    /// To this hub, in JSON.
    Hub(Member),
    /// To this board, in its own methods.
    Board(Member),
}

impl<R: Remote> Api<R> {
    /// Where a call to `node` goes.
    pub(in crate::api) fn way(&self, node: &str) -> Result<Way, RpcError> {
        let view = self.cluster.view();
        let member = node::find(view.members(), node)?;
        Ok(match member.kind {
            _ if member.id == self.cluster.me() => Way::Here,
            Kind::Hub => Way::Hub(member.clone()),
            Kind::Leaf => Way::Board(member.clone()),
        })
    }

    /// Passes a call on to a hub, and writes its result.
    pub(in crate::api) async fn pass_on(
        &self,
        hub: &Member,
        method: &str,
        params: &Value,
        answer: &mut Answer,
    ) -> Result<(), RpcError> {
        let request = json!({"jsonrpc": "2.0", "id": 0, "method": method, "params": params}).to_string();
        if request.len() > MAX_BODY {
            return Err(RpcError::InvalidParams(format!(
                "a call of another node has at most {MAX_BODY} bytes, and this has {}: ask the node itself",
                request.len()
            )));
        }
        let text = self.remote.json(hub.id, Bytes::from(request), answer.room() + ENVELOPE).await?;
        let unreadable =
            |_| RpcError::Unreachable(format!("node {} answered what is not JSON-RPC", hub.name));
        match serde_json::from_slice(&text).map_err(unreadable)? {
            Passed { error: Some(FarError { code, message }), .. } => {
                Err(RpcError::Elsewhere { code, message })
            }
            Passed { result, error: None } => answer.result(&result),
        }
    }
}

/// The answer of a hub.
#[derive(Deserialize)]
struct Passed<'b> {
    #[serde(default, borrow, deserialize_with = "present")]
    result: Option<&'b RawValue>,
    error: Option<FarError>,
}

#[derive(Deserialize)]
struct FarError {
    code: i32,
    message: String,
}

/// A result may be `null`.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(deserializer).map(Some)
}
