//! `MaelNode.CallMethod`: a method of an application on another node, by its number.

use base64ct::{Base64, Encoding};
use bytes::Bytes;
use node_core::rpc::{FIRST_CUSTOM, MAX_BODY};
use serde::{Deserialize, Serialize};

use super::remote::Remote;
use crate::api::error::RpcError;
use crate::api::node;
use crate::api::service::Api;

impl<R: Remote> Api<R> {
    /// Calls the method, and returns its result. What it does is the application's affair, so only operators ask for it. The other
    /// node sees this node as the caller.
    pub(in crate::api) async fn call_method(&self, params: MethodParams) -> Result<MethodAnswer, RpcError> {
        let MethodParams { node, method, body } = params;
        let Some(number) = u16::try_from(method).ok().filter(|number| *number >= FIRST_CUSTOM) else {
            return Err(RpcError::Invalid(format!(
                "method {method} is none of an application: these have numbers from {FIRST_CUSTOM} to {}, and built-in methods names",
                u16::MAX
            )));
        };
        let body = Base64::decode_vec(&body)
            .map_err(|error| RpcError::Invalid(format!("the body is not base64: {error}")))?;
        if body.len() > MAX_BODY {
            return Err(RpcError::Invalid(format!(
                "the body of a method has at most {MAX_BODY} bytes, and this has {}",
                body.len()
            )));
        }
        let id = node::find_sole(self.cluster.view().members(), &node)?.id;
        if id == self.cluster.me() {
            return Err(RpcError::Invalid(format!(
                "{node} is the node that is asked, and a node calls no method of its own: ask another node for it (--url)"
            )));
        }
        let result = self.remote.custom(id, number, Bytes::from(body)).await?;
        Ok(MethodAnswer { node_id: id.to_string(), body: Base64::encode_string(&result) })
    }
}

#[derive(Deserialize)]
pub struct MethodParams {
    node: String,
    method: u32,
    #[serde(default)]
    body: String,
}

/// Result of `MaelNode.CallMethod`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MethodAnswer {
    /// The id of the node that answered.
    pub node_id: String,
    /// The result of the method, in base64.
    pub body: String,
}
