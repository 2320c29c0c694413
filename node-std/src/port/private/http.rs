//! The HTTP requests of the private port.
//!
//! | request                      | answer                                                    |
//! |------------------------------|-----------------------------------------------------------|
//! | `GET /_mael_health_check`    | 200 `OK`, or JSON with the state of TLS when asked for it |
//! | `GET /_mael_ready`           | 200 while the node can make new links, else 503            |
//! | `POST /_mael/v1`             | JSON-RPC 2.0, see [`api`](crate::api)                     |
//! | any other `/_mael/…`         | 404                                                       |
//! | anything else                | the component that `MAELSTROM-COMPONENT` names            |

use std::sync::Arc;

use http::header::{ACCEPT, ALLOW, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use node_core::trust::Roles;

use crate::access::Access;
use crate::api::{Api, Remote};
use crate::port::health::{HEALTH_CHECK, READY, Readiness};
use crate::proxy::{Arrival, Body, Proxy, json, text};
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
}

impl<R: Remote> PrivateHttp<R> {
    /// Answers a request of a client that showed this, under TLS. An error is a response that describes it.
    pub async fn respond(
        &self,
        request: Request<Incoming>,
        arrival: Arrival,
        shown: Option<&Shown>,
    ) -> Response<Body> {
        // Judged for each request: the keyring may change while a connection lives.
        let caller = self.access.caller(shown, request.headers());
        match request.uri().path() {
            HEALTH_CHECK => self.health(&request),
            READY => match self.readiness.check() {
                Ok(()) => text(StatusCode::OK, "ready"),
                Err(reason) => text(StatusCode::SERVICE_UNAVAILABLE, reason),
            },
            "/_mael/v1" if request.method() == Method::POST => self.api.respond(request, &caller).await,
            "/_mael/v1" => {
                let mut response = text(StatusCode::METHOD_NOT_ALLOWED, "JSON-RPC is served by POST");
                response.headers_mut().insert(ALLOW, HeaderValue::from_static("POST"));
                response
            }
            path if path == "/_mael" || path.starts_with("/_mael/") => {
                text(StatusCode::NOT_FOUND, "there is no such page; JSON-RPC is at /_mael/v1")
            }
            _ => match self.access.require(&caller, Roles::PROXY, "a request to a component") {
                Ok(()) => self.proxy.respond(request.map(Body::from), arrival).await,
                Err(refusal) => text(StatusCode::FORBIDDEN, String::from(refusal)),
            },
        }
    }

    fn health(&self, request: &Request<Incoming>) -> Response<Body> {
        let accepts =
            |value: &HeaderValue| value.to_str().is_ok_and(|value| value.contains("application/json"));
        if !request.headers().get(ACCEPT).is_some_and(accepts) {
            return text(StatusCode::OK, "OK");
        }
        json(self.api.health().to_string())
    }
}
