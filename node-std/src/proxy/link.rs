//! The asking side of a proxied request on a link.

use bytes::Bytes;
use http::Response;
use http_body::{Body as _, Frame};
use http_body_util::BodyExt;
use node_core::id::NodeId;
use node_core::link::ResetCode;
use tokio_util::task::AbortOnDropHandle;

use super::head::{ReadError, read_response};
use super::{Body, ProxyError};
use crate::exchange::{ExchangeError, Inbound, Outbound};

/// Sends a request to the node `via` and waits for the response's head. Dropping the future, or the response's body
/// before its end, resets the exchange.
pub async fn send(
    (outbound, mut inbound): (Outbound, Inbound),
    head: Bytes,
    body: Body,
    via: NodeId,
) -> Result<Response<Body>, ProxyError> {
    // If sending fails, the inbound half says why.
    let sending = if body.is_end_stream() {
        let _ = outbound.finish_with(head).await;
        None
    } else {
        // The response may begin before the request ends; when it ends first, the rest is of no interest.
        Some(AbortOnDropHandle::new(tokio::spawn(async move {
            let _ = pump(head, body, outbound).await;
        })))
    };
    match read_response(&mut inbound).await {
        Ok((response, first)) => Ok(response.map(|()| Body::exchange(first, inbound, sending))),
        Err(ReadError::Exchange(error)) => Err(ProxyError::exchange(&format!("node {via}"), &error)),
        Err(error) => Err(ProxyError::broke_off(&format!("node {via}"), &format!("bad response: {error}"))),
    }
}

/// Sends a head and `body` to its end; a body that breaks off resets the exchange.
pub async fn pump(head: Bytes, mut body: Body, mut outbound: Outbound) -> Result<(), ExchangeError> {
    let mut piece = head;
    // The last piece and the end go out together.
    while !body.is_end_stream() {
        outbound.send(piece).await?;
        piece = match body.frame().await.map(|frame| frame.map(Frame::into_data)) {
            Some(Ok(Ok(data))) => data,
            // Trailers end at this hop: a link has no place for them.
            Some(Ok(Err(_))) => Bytes::new(),
            Some(Err(_)) => {
                outbound.reset(ResetCode::Cancelled);
                return Ok(());
            }
            None => return outbound.finish().await,
        };
    }
    outbound.finish_with(piece).await
}
