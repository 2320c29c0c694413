//! JSON-RPC 2.0 on the private port, `POST /_mael/v1`: batches, Barrister's introspection, and Maelstrom's
//! method and field names where it has them. Times are Unix milliseconds.
//!
//! | method                      | parameters        | result                                         |
//! |-----------------------------|-------------------|------------------------------------------------|
//! | `NodeService.ListNodeStatus`| none              | all members, as this node knows them           |
//! | `NodeService.GetStatus`     | none              | this node in detail                            |
//! | `MaelNode.Ping`             | `node`            | round-trip time to a node, and the way there   |
//! | `MaelNode.ListKeys`         | `node`?           | the keyring of a node, of this one by default  |
//! | `MaelNode.PushKeys`         | `node`, `bundle`  | replaces the keyring of a board                |
//! | `MaelNode.ListEvents`       | `after`?, `waitMs`?| what happened to members, as this node saw it |
//! | `MaelNode.ListLinks`        | none              | the links of this node                         |
//! | `MaelNode.RemoveNode`       | `node`            | takes a member that is down out of the cluster |
//! | `MaelNode.Leave`            | none              | this node leaves the cluster and stops         |
//! | `barrister-idl`             | none              | this interface, for machines                   |
//!
//! A `node` is a name or an id. `waitMs` is not for batches.

mod cluster;
mod envelope;
mod machine;
mod methods;
mod node;
mod remote;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

use core::time::Duration;

use bytes::Bytes;
use http::header::ORIGIN;
use http::{Request, Response, StatusCode};
use http_body::Body as HttpBody;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use node_core::id::Name;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

pub use cluster::{EventList, LeaveAnswer, Link, LinkList, NodeEvent, RemoveAnswer};
pub use envelope::RpcError;
pub use machine::Machine;
pub use methods::{ComponentInfo, KeyList, NodeList, PingAnswer, PushAnswer, Status, StatusAnswer};
pub use node::Node;
pub use remote::{KeySlot, Pong, Remote, RemoteError, TlsStatus};

use crate::cluster::Cluster;
use crate::proxy::{Body, json as json_response, text};

/// Longest request, in bytes.
const MAX_BODY: usize = 1 << 20;

/// How long a client may take to send a request.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);

/// What does not change about this node while it runs.
#[derive(Clone, Debug)]
pub struct About {
    /// The cluster's name.
    pub cluster_id: Name,
    /// When the daemon started, in Unix milliseconds.
    pub started_at: u64,
    /// Cancelled to make the daemon leave the cluster and stop.
    pub stop: CancellationToken,
    /// Cancelled when the daemon drains: from then on nobody waits for what may happen.
    pub drain: CancellationToken,
}

/// Answers JSON-RPC about this node and, through `R`, about others.
#[derive(Debug)]
pub struct Api<R> {
    about: About,
    cluster: Cluster,
    tls: watch::Receiver<TlsStatus>,
    remote: R,
}

impl<R: Remote> Api<R> {
    /// An API over the `cluster` as this node knows it; `tls` is how the private port's keyring is.
    #[must_use]
    pub const fn new(about: About, cluster: Cluster, tls: watch::Receiver<TlsStatus>, remote: R) -> Self {
        Self { about, cluster, tls, remote }
    }

    /// Answers a `POST`.
    pub async fn respond<B>(&self, request: Request<B>) -> Response<Body>
    where
        B: HttpBody<Data = Bytes, Error: Into<Box<dyn core::error::Error + Send + Sync>>>,
    {
        // A web page that a person on this machine looks at may post here; the browser then says so.
        if request.headers().contains_key(ORIGIN) {
            return text(
                StatusCode::FORBIDDEN,
                "JSON-RPC is not for web pages: the request has an Origin header",
            );
        }
        let body = Limited::new(request.into_body(), MAX_BODY).collect();
        match tokio::time::timeout(BODY_TIMEOUT, body).await {
            Ok(Ok(body)) => match self.answer(&body.to_bytes()).await {
                Some(answer) => json_response(answer.to_string()),
                None => text(StatusCode::NO_CONTENT, ""),
            },
            Ok(Err(error)) if error.is::<LengthLimitError>() => {
                text(StatusCode::PAYLOAD_TOO_LARGE, format!("the request takes more than {MAX_BODY} bytes"))
            }
            Ok(Err(error)) => text(StatusCode::BAD_REQUEST, format!("the request broke off: {error}")),
            Err(_) => {
                text(StatusCode::REQUEST_TIMEOUT, format!("the request took longer than {BODY_TIMEOUT:?}"))
            }
        }
    }

    /// How this node is, for who asks the health check for JSON.
    #[must_use]
    pub fn health(&self) -> Value {
        let tls = self.tls.borrow();
        json!({"status": "OK", "plaintext": !tls.enabled, "tls": *tls})
    }
}
