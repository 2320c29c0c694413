//! Answers proxied requests from a link.

use core::convert::Infallible;
use core::future::pending;

use bytes::Bytes;
use http::header::CONTENT_LENGTH;
use http::{Method, Request, Response};
use node_core::link::ResetCode;
use node_core::route::deadline::TimeLimits;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};

use super::body::{Body, BodyPiece};
use super::error::ProxyError;
use super::forward::Proxy;
use super::head::{ReadError, encode_response, read_request};
use super::link;
use super::request::ProxyRequest;
use crate::link::{Accepted, ExchangeError, Inbound, Outbound};

impl Proxy {
    /// Serves an exchange of [`Service::Http`](node_core::link::Service::Http) that a peer opened. A component of this
    /// node answers, or another node. An error becomes a response that describes it, or a reset.
    pub async fn serve(&self, Accepted { open, mut inbound, outbound }: Accepted) {
        let limits = TimeLimits { budget_ms: Some(open.budget_ms), ..TimeLimits::default() };
        let deadline = Instant::now() + limits.remaining();
        let read = match timeout_at(deadline, read(&mut inbound)).await {
            Ok(read) => read,
            Err(_) => return outbound.reset(ResetCode::Timeout),
        };
        let served = match read {
            Ok((request, None)) => {
                let request = ProxyRequest::from_link(request, Body::default(), open, deadline);
                self.serve_request(request, outbound).await
            }
            Ok((request, Some(first))) => {
                let (pieces, body) = Body::pieces();
                let request = ProxyRequest::from_link(request, body, open, deadline);
                // The part of the request that the component did not read is dropped after the response, so that it
                // does not hold the link's credit any longer.
                tokio::select! {
                    served = self.serve_request(request, outbound) => served,
                    never = feed(first, inbound, pieces) => match never {},
                }
            }
            Err(ReadError::Exchange(error)) => Err(error),
            Err(error) => {
                respond(ProxyError::BadRequest(format!("bad request: {error}")).into(), outbound).await
            }
        };
        if let Err(error) = served {
            tracing::debug!(%error, "a proxied request ended early");
        }
    }

    async fn serve_request(&self, request: ProxyRequest, outbound: Outbound) -> Result<(), ExchangeError> {
        let for_another = request.to.is_some_and(|to| to != self.cluster.me());
        let response = tokio::select! {
            response = self.try_respond(request) => response,
            // The peer gave up the request, so the work on it ends.
            () = outbound.closed() => return Err(ExchangeError::LinkClosed("the exchange is over".into())),
        };
        match response {
            // No component has seen the request, and the sender may know another way.
            Err(error @ ProxyError::Unreachable { .. }) if for_another => {
                tracing::debug!(%error, "a request cannot be passed on");
                outbound.reset(ResetCode::Unknown);
                Ok(())
            }
            response => respond(response.unwrap_or_else(ProxyError::into), outbound).await,
        }
    }
}

/// Reads a request's head and, if it has a body, the first piece of the body.
async fn read(inbound: &mut Inbound) -> Result<(Request<()>, Option<Bytes>), ReadError> {
    let (request, first) = read_request(inbound).await?;
    if !first.is_empty() || announces_body(&request) {
        return Ok((request, Some(first)));
    }
    // The end usually comes next. Without this wait a component gets a GET with an empty chunked body.
    let first = inbound.next().await?;
    Ok((request, first))
}

fn announces_body(request: &Request<()>) -> bool {
    match request.headers().get(CONTENT_LENGTH) {
        Some(length) => length != "0",
        None => [Method::PATCH, Method::POST, Method::PUT].contains(request.method()),
    }
}

/// Hands a request's body over as fast as it is read. It never returns, so that it can run beside the answer.
async fn feed(first: Bytes, mut inbound: Inbound, pieces: mpsc::Sender<BodyPiece>) -> Infallible {
    let mut piece = Ok(Some(first));
    loop {
        let last = !matches!(piece, Ok(Some(_)));
        if pieces.send(piece).await.is_err() || last {
            break;
        }
        piece = inbound.next().await;
    }
    // The component reads no more of the request.
    drop(inbound);
    pending().await
}

async fn respond(response: Response<Body>, outbound: Outbound) -> Result<(), ExchangeError> {
    let (parts, body) = response.into_parts();
    match encode_response(&parts) {
        Ok(head) => link::respond(head, body, outbound).await,
        Err(error) => {
            tracing::warn!(%error, "a component's response head cannot be passed on");
            outbound.reset(ResetCode::Internal);
            Ok(())
        }
    }
}
