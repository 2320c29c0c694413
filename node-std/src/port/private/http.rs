//! The HTTP requests of the private port.
//!
//! | request                      | answer                                                    |
//! |------------------------------|-----------------------------------------------------------|
//! | `GET /_mael_health_check`    | 200 `OK`, or JSON with the state of TLS when asked for it |
//! | `GET /_mael_ready`           | 200 while the node can make new links, else 503            |
//! | `POST /_mael/v1`             | JSON-RPC 2.0, see [`api`](crate::api)                     |
//! | `GET /_mael/logs`            | the log of any node, as it grows, see [`api`](crate::api)  |
//! | any other `/_mael/…`         | 404                                                       |
//! | anything else                | the component that `MAELSTROM-COMPONENT` names            |

use std::sync::Arc;

use http::header::{ACCEPT, ALLOW, HeaderValue};
use http::{Method, Response, StatusCode};
use node_core::http::{RequestHead, find};
use node_core::trust::{Role, Roles};
use tokio::time::Instant;

use crate::access::Access;
use crate::api::{Api, Remote};
use crate::config::HttpLimits;
use crate::port::admission::{Ticket, Wish};
use crate::port::health::{HEALTH_CHECK, READY, Readiness};
use crate::port::service::{Service, Taken};
use crate::proxy::{
    Arrival, Body, Carried, Origin, Proxy, ProxyError, Reader, Request, absolute, json, text,
};
use crate::tls::Shown;

/// The HTTP side of the private port.
#[derive(Debug)]
pub struct PrivateHttp<R> {
    /// Answers JSON-RPC.
    pub api: Arc<Api<R>>,
    /// Answers requests to components.
    pub proxy: Arc<Proxy>,
    /// Decides on the roles of clients.
    pub access: Arc<Access>,
    /// Whether this node can make new links.
    pub readiness: Readiness,
    /// What a client may take of this node.
    pub limits: HttpLimits,
}

/// A connection to the private port.
pub(in crate::port) struct Visit<R> {
    pub(in crate::port) http: Arc<PrivateHttp<R>>,
    pub(in crate::port) arrival: Arrival,
    /// What the client showed, under TLS.
    pub(in crate::port) shown: Option<Shown>,
    pub(in crate::port) ticket: Ticket,
    pub(in crate::port) first_by: Instant,
}

impl<R: Remote> Service for Visit<R> {
    const OWN_BODY: usize = 1 << 20;

    fn proxy(&self) -> &Proxy {
        &self.http.proxy
    }

    fn limits(&self) -> &HttpLimits {
        &self.http.limits
    }

    fn arrival(&self) -> Arrival {
        self.arrival
    }

    fn first_by(&self) -> Instant {
        self.first_by
    }

    fn reader(&self) -> Reader {
        Reader::Inside
    }

    fn take(&self, head: &RequestHead<'_, '_>, carried: Carried) -> Result<Taken, ProxyError> {
        let path = absolute(head.target).0.split('?').next().unwrap_or_default();
        // Judged for each request: the keyring may change while a connection lives.
        let caller = || self.http.access.caller_with(self.shown.as_ref(), find(head.fields, "authorization"));
        let (is_probe, is_call) = (matches!(path, HEALTH_CHECK | READY), path.starts_with("/_mael/"));
        if !self.ticket.is_admitted() {
            let is_operator = is_call && caller().roles.contains(Role::Operator);
            self.ticket.admit_request(if is_operator { Wish::Operator } else { Wish::Http }, is_probe)?;
        }
        if is_probe || is_call || path == "/_mael" {
            return Ok(Taken::Own);
        }
        let caller = caller();
        if let Err(refusal) = self.http.access.require(&caller, Roles::PROXY, "a request to a component") {
            return Ok(Taken::Done(text(StatusCode::FORBIDDEN, String::from(refusal))));
        }
        let origin = Origin::Inside(self.arrival);
        let most = self.http.limits.timeouts.request;
        Request::take(head, carried, origin, most, self.http.proxy.me()).map(Taken::Forward)
    }

    async fn answer(&self, request: http::Request<Body>) -> Response<Body> {
        self.http.answer(request, self.shown.as_ref()).await
    }
}

impl<R: Remote> PrivateHttp<R> {
    /// Answers a request to this node itself, of a client that showed this, under TLS. An error is a response that describes it.
    async fn answer(&self, request: http::Request<Body>, shown: Option<&Shown>) -> Response<Body> {
        let caller = self.access.caller(shown, request.headers());
        match request.uri().path() {
            HEALTH_CHECK => self.health(&request),
            READY => match self.readiness.check() {
                Ok(()) => text(StatusCode::OK, "ready"),
                Err(reason) => text(StatusCode::SERVICE_UNAVAILABLE, reason),
            },
            "/_mael/logs" => self.api.logs(&request, &caller).await,
            "/_mael/v1" if request.method() == Method::POST => self.api.respond(request, &caller).await,
            "/_mael/v1" => {
                let mut response = text(StatusCode::METHOD_NOT_ALLOWED, "JSON-RPC is served by POST");
                response.headers_mut().insert(ALLOW, HeaderValue::from_static("POST"));
                response
            }
            _ => text(StatusCode::NOT_FOUND, "there is no such page; JSON-RPC is at /_mael/v1"),
        }
    }

    fn health(&self, request: &http::Request<Body>) -> Response<Body> {
        let accepts =
            |value: &HeaderValue| value.to_str().is_ok_and(|value| value.contains("application/json"));
        if !request.headers().get(ACCEPT).is_some_and(accepts) {
            return text(StatusCode::OK, "OK");
        }
        json(self.api.health().to_string())
    }
}
