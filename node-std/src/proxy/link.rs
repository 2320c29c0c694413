//! Proxied messages on an exchange: asking with a request, and sending either kind.

use core::pin::Pin;
use core::task::{Context, Poll, Waker};

use bytes::Bytes;
use http::Response;
use http_body::{Body as _, Frame};
use http_body_util::BodyExt;
use node_core::id::NodeId;
use node_core::link::ResetCode;
use tokio_util::task::AbortOnDropHandle;

use super::head::{ReadError, read_response};
use super::{Body, BodyError, ProxyError};
use crate::link::{ExchangeError, Inbound, Outbound};

/// Sends a request to the node `via` and waits for the response's head. Dropping the future, or the response's body
/// before its end, resets the exchange.
pub async fn send(
    (outbound, mut inbound): (Outbound, Inbound),
    head: Bytes,
    mut body: Body,
    via: NodeId,
) -> Result<Response<Body>, ProxyError> {
    let Ok(begin) = gather(head, &mut body) else {
        return Err(ProxyError::BadRequest("the request broke off".to_owned()));
    };
    // If sending fails, the inbound half says why.
    let sending = if body.is_end_stream() {
        let _ = outbound.finish_with(begin).await;
        None
    } else {
        // The response may begin before the request ends; when it ends first, the rest is of no interest.
        Some(AbortOnDropHandle::new(tokio::spawn(async move {
            let _ = pump(begin, body, outbound).await;
        })))
    };
    match read_response(&mut inbound).await {
        Ok((response, first)) => Ok(response.map(|()| Body::exchange(first, inbound, sending))),
        Err(ReadError::Exchange(error)) => Err(ProxyError::exchange(&format!("node {via}"), &error)),
        Err(error) => Err(ProxyError::broke_off(&format!("node {via}"), &format!("bad response: {error}"))),
    }
}

/// Sends a response; a body that breaks off resets the exchange.
pub async fn respond(head: Bytes, mut body: Body, outbound: Outbound) -> Result<(), ExchangeError> {
    match gather(head, &mut body) {
        Ok(begin) => pump(begin, body, outbound).await,
        Err(_) => {
            outbound.reset(ResetCode::Internal);
            Ok(())
        }
    }
}

/// A head and what of its body is here already: small messages travel as one frame, whole or not at all.
fn gather(head: Bytes, body: &mut Body) -> Result<Bytes, BodyError> {
    let mut now = Context::from_waker(Waker::noop());
    match Pin::new(body).poll_frame(&mut now).map(|frame| frame.map(data)) {
        Poll::Ready(Some(data)) => Ok([head, data?].concat().into()),
        Poll::Ready(None) | Poll::Pending => Ok(head),
    }
}

/// Sends what begins a message and its body to the end. The last piece and the end go out together.
async fn pump(begin: Bytes, mut body: Body, mut outbound: Outbound) -> Result<(), ExchangeError> {
    let mut piece = begin;
    while !body.is_end_stream() {
        outbound.send(piece).await?;
        piece = match body.frame().await.map(data) {
            Some(Ok(data)) => data,
            Some(Err(_)) => {
                outbound.reset(ResetCode::Cancelled);
                return Ok(());
            }
            None => return outbound.finish().await,
        };
    }
    outbound.finish_with(piece).await
}

/// The bytes of a frame. Trailers end at this hop: a link has no place for them.
fn data(frame: Result<Frame<Bytes>, BodyError>) -> Result<Bytes, BodyError> {
    frame.map(|frame| frame.into_data().unwrap_or_default())
}
