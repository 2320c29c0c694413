//! The answering side of a proxied request on a link.

use core::convert::Infallible;
use core::future::pending;

use bytes::Bytes;
use http::header::CONTENT_LENGTH;
use http::{Method, Request, Response};
use node_core::link::ResetCode;
use node_core::route::deadline::Limits;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};

use super::body::Piece;
use super::head::{ReadError, encode_response, read_request};
use super::{Body, Call, Proxy, ProxyError, link};
use crate::link::{Accepted, ExchangeError, Inbound, Outbound};

impl Proxy {
    /// Serves an exchange of [`Service::Http`](node_core::link::Service::Http) that a peer opened: by a
    /// component of this node, or by passing it on. Whatever goes wrong is a response that says so, or a reset.
    pub async fn serve(&self, Accepted { open, mut inbound, outbound }: Accepted) {
        let limits = Limits { budget_ms: Some(open.budget_ms), ..Limits::default() };
        let deadline = Instant::now() + limits.remaining();
        let read = match timeout_at(deadline, read(&mut inbound)).await {
            Ok(read) => read,
            Err(_) => return outbound.reset(ResetCode::Timeout),
        };
        let served = match read {
            Ok((request, None)) => {
                let call = Call::from_link(request, Body::default(), (open, deadline));
                self.serve_call(call, outbound).await
            }
            Ok((request, Some(first))) => {
                let (pieces, body) = Body::pieces();
                let call = Call::from_link(request, body, (open, deadline));
                // What the component does not read is given up when the response is out, so that no request
                // holds the link's credit longer than that.
                tokio::select! {
                    served = self.serve_call(call, outbound) => served,
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

    async fn serve_call(&self, call: Call, outbound: Outbound) -> Result<(), ExchangeError> {
        let for_another = call.to.is_some_and(|to| to != self.cluster.me());
        let response = tokio::select! {
            response = self.try_answer(call) => response,
            // Who asked has gone: nobody is worked for any more.
            () = outbound.closed() => return Err(ExchangeError::LinkClosed("the exchange is over".into())),
        };
        match response {
            // Nobody has seen the request: who sent it may know another way.
            Err(error @ ProxyError::Unreachable { .. }) if for_another => {
                tracing::debug!(%error, "a request cannot be passed on");
                outbound.reset(ResetCode::Unknown);
                Ok(())
            }
            response => respond(response.unwrap_or_else(ProxyError::into), outbound).await,
        }
    }
}

/// Reads a request's head and, if it has a body, what came of that already.
async fn read(inbound: &mut Inbound) -> Result<(Request<()>, Option<Bytes>), ReadError> {
    let (request, first) = read_request(inbound).await?;
    if !first.is_empty() || announces_body(&request) {
        return Ok((request, Some(first)));
    }
    // To wait a moment for the end is better than to send a component a GET with an empty chunked body.
    let first = inbound.next().await?;
    Ok((request, first))
}

fn announces_body(request: &Request<()>) -> bool {
    match request.headers().get(CONTENT_LENGTH) {
        Some(length) => length != "0",
        None => [Method::PATCH, Method::POST, Method::PUT].contains(request.method()),
    }
}

/// Hands a request's body over as fast as it is read; goes on for ever so that it can run beside the answer.
async fn feed(first: Bytes, mut inbound: Inbound, pieces: mpsc::Sender<Piece>) -> Infallible {
    let mut piece = Ok(Some(first));
    loop {
        let last = !matches!(piece, Ok(Some(_)));
        if pieces.send(piece).await.is_err() || last {
            break;
        }
        piece = inbound.next().await;
    }
    // Nobody reads any more.
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
