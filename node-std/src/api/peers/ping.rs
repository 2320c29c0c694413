//! `MaelNode.Ping`.

use serde::{Deserialize, Serialize};

use super::remote::Remote;
use crate::api::error::RpcError;
use crate::api::node;
use crate::api::service::Api;

impl<R: Remote> Api<R> {
    pub(in crate::api) async fn ping(&self, PingParams { node }: PingParams) -> Result<PingAnswer, RpcError> {
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
}

#[derive(Deserialize)]
pub struct PingParams {
    node: String,
}

/// Result of `MaelNode.Ping`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PingAnswer {
    /// The id of the node that answered.
    pub node: String,
    /// Its name.
    pub name: String,
    /// Round-trip time, in microseconds.
    pub rtt_micros: u64,
    /// The id of the hub in between, none over a direct link.
    pub via: Option<String>,
}
