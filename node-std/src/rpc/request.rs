//! Asks a method of another node.

use core::time::Duration;

use bytes::{Bytes, BytesMut};
use node_core::id::NodeId;
use node_core::link::{Open, Service};
use node_core::rpc::{Code, Response};

use crate::cluster::{Cluster, MAX_HOPS};
use crate::link::ExchangeError;

/// A request for a method of another node.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    /// The number of the method.
    pub method: u16,
    /// The most time that it may take in all.
    pub budget: Duration,
    /// The body.
    pub body: Bytes,
    /// The longest response that is taken.
    pub limit: usize,
}

/// Why a method of another node gave no result.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// The node answered with an error.
    #[error("{message}")]
    Answered {
        /// The kind of failure.
        code: Code,
        /// The node's words.
        message: String,
    },
    /// The exchange failed. [`ExchangeError::LinkClosed`] and [`ExchangeError::Full`] mean that the node has not seen it.
    #[error(transparent)]
    Exchange(#[from] ExchangeError),
    /// The answer is longer than what is taken.
    #[error("the answer is longer than {0} bytes")]
    TooLong(usize),
    /// The answer breaks the protocol.
    #[error("the answer cannot be read")]
    Unreadable,
}

/// Asks the node `to` over its link or one of its hubs'. Returns what follows `Ok(())`. Dropping the future resets the exchange,
/// and with it the work of the other node.
pub(crate) async fn request(cluster: &Cluster, to: NodeId, request: Request) -> Result<Bytes, CallError> {
    let Request { method, budget, body, limit } = request;
    let asked = async {
        let via = cluster.next_hop(to)?;
        let budget_ms = u32::try_from(budget.as_millis()).unwrap_or(u32::MAX).max(1);
        let to = (via != to).then_some(to);
        let open = Open { to, hops: MAX_HOPS, budget_ms, service: Service::Rpc(method) };
        let (outbound, mut inbound) = cluster.open(via, open).await?;
        outbound.finish_with(body).await?;
        let mut response = BytesMut::new();
        while let Some(part) = inbound.next().await? {
            if response.len() + part.len() > limit {
                return Err(CallError::TooLong(limit));
            }
            response.extend_from_slice(&part);
        }
        Ok(response.freeze())
    };
    let response =
        tokio::time::timeout(budget, asked).await.map_err(|_| ExchangeError::Timeout(budget))??;
    read(&response).map(|rest| response.slice_ref(rest))
}

/// The bytes after `Ok(())`, or the error that the node answered.
pub(crate) fn read(response: &[u8]) -> Result<&[u8], CallError> {
    match postcard::take_from_bytes::<Response<'_, ()>>(response) {
        Ok((Ok(()), rest)) => Ok(rest),
        Ok((Err(error), _)) => {
            Err(CallError::Answered { code: error.code, message: error.message.to_owned() })
        }
        Err(_) => Err(CallError::Unreadable),
    }
}
