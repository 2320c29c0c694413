//! JSON-RPC and the state of health as HTTP responses.

use core::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderMap, ORIGIN};
use http::{Request, Response, StatusCode};
use http_body::Body as HttpBody;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde_json::{Value, json};

use super::peers::Remote;
use super::service::Api;
use crate::access::Caller;
use crate::log;
use crate::proxy::{Body, json as json_response, text};

/// Longest request, in bytes.
const MAX_REQUEST: usize = 1 << 20;

/// How long a client may take to send a request.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);

impl<R: Remote> Api<R> {
    /// Answers a `POST` of this caller.
    pub async fn respond<B>(&self, request: Request<B>, caller: &Caller) -> Response<Body>
    where
        B: HttpBody<Data = Bytes, Error: Into<Box<dyn core::error::Error + Send + Sync>>>,
    {
        // A web page in a browser on this machine can post here. The browser then adds an Origin header.
        if request.headers().contains_key(ORIGIN) {
            return text(
                StatusCode::FORBIDDEN,
                "JSON-RPC is not for web pages: the request has an Origin header",
            );
        }
        // A page can send plain text and forms without asking first, but not this type.
        if !is_json(request.headers()) {
            return text(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "JSON-RPC is JSON: send the header `Content-Type: application/json`",
            );
        }
        let body = Limited::new(request.into_body(), MAX_REQUEST).collect();
        match tokio::time::timeout(BODY_TIMEOUT, body).await {
            Ok(Ok(body)) => match self.answer(caller, &body.to_bytes()).await {
                Some(answer) => json_response(answer),
                None => text(StatusCode::NO_CONTENT, ""),
            },
            Ok(Err(error)) if error.is::<LengthLimitError>() => text(
                StatusCode::PAYLOAD_TOO_LARGE,
                format!("the request takes more than {MAX_REQUEST} bytes"),
            ),
            Ok(Err(error)) => text(StatusCode::BAD_REQUEST, format!("the request broke off: {error}")),
            Err(_) => {
                text(StatusCode::REQUEST_TIMEOUT, format!("the request took longer than {BODY_TIMEOUT:?}"))
            }
        }
    }

    /// The health check's answer in JSON.
    #[must_use]
    pub fn health(&self) -> Value {
        let (tls, connections) = (self.tls.borrow(), &self.about.connections);
        json!({
            "status": "OK", "plaintext": !tls.enabled, "tls": *tls, "refusedForRole": self.about.access.refused(),
            "connections": {"private": *connections.private, "gateway": *connections.gateway},
            "logLinesLost": log::lost(),
        })
    }
}

/// Whether the one `Content-Type` is JSON, whatever its parameters.
fn is_json(headers: &HeaderMap) -> bool {
    let mut types = headers.get_all(CONTENT_TYPE).iter();
    let (Some(only), None) = (types.next(), types.next()) else { return false };
    let media_type = only.to_str().ok().and_then(|value| value.split(';').next());
    media_type.is_some_and(|media_type| media_type.trim().eq_ignore_ascii_case("application/json"))
}
