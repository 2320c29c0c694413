//! A method of another node that streams its response.

use core::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use node_core::id::NodeId;
use node_core::link::{Open, Service};
use node_core::rpc::{MAX_BODY, Response};

use super::request::CallError;
use crate::cluster::{Cluster, MAX_HOPS};
use crate::link::{ExchangeError, Inbound};

/// The bytes of a response as they come. Dropping it resets the exchange, and with it the work of the other node.
#[derive(Debug)]
pub struct Stream {
    inbound: Inbound,
    /// What came with the head of the response.
    early: BytesMut,
}

/// Asks a method, with its body, of the node `to`. Waits for the head of its response for `timeout`; all of it may take
/// `budget`.
pub(crate) async fn stream(
    cluster: &Cluster,
    to: NodeId,
    (method, body): (u16, Bytes),
    (timeout, budget): (Duration, Duration),
) -> Result<Stream, CallError> {
    let asked = async {
        let via = cluster.next_hop(to)?;
        let to = (via != to).then_some(to);
        let budget_ms = u32::try_from(budget.as_millis()).unwrap_or(u32::MAX);
        let open = Open { to, hops: MAX_HOPS, budget_ms, service: Service::Rpc(method) };
        let (outbound, mut inbound) = cluster.open(via, open).await?;
        outbound.finish_with(body).await?;
        let mut early = BytesMut::new();
        while let Some(part) = inbound.next().await? {
            early.extend_from_slice(&part);
            match postcard::take_from_bytes::<Response<'_, ()>>(&early) {
                Ok((Ok(()), rest)) => {
                    let head = early.len() - rest.len();
                    early.advance(head);
                    return Ok(Stream { inbound, early });
                }
                Ok((Err(error), _)) => {
                    return Err(CallError::Answered { code: error.code, message: error.message.to_owned() });
                }
                Err(postcard::Error::DeserializeUnexpectedEnd) if early.len() <= MAX_BODY => {}
                Err(_) => break,
            }
        }
        Err(CallError::Unreadable)
    };
    tokio::time::timeout(timeout, asked).await.map_err(|_| ExchangeError::Timeout(timeout))?
}

impl Stream {
    /// The next bytes, `None` at the end.
    ///
    /// # Errors
    /// The exchange was reset, or its link closed.
    pub async fn next(&mut self) -> Result<Option<Bytes>, ExchangeError> {
        if self.early.is_empty() { self.inbound.next().await } else { Ok(Some(self.early.split().freeze())) }
    }
}
