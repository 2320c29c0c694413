//! JSON-RPC and the state of health as HTTP responses.

use core::time::Duration;

use bytes::Bytes;
use http::header::ORIGIN;
use http::{Request, Response, StatusCode};
use http_body::Body as HttpBody;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde_json::{Value, json};

use super::peers::Remote;
use super::service::Api;
use crate::proxy::{Body, json as json_response, text};

/// Longest request, in bytes.
const MAX_REQUEST: usize = 1 << 20;

/// How long a client may take to send a request.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);

impl<R: Remote> Api<R> {
    /// Answers a `POST`.
    pub async fn respond<B>(&self, request: Request<B>) -> Response<Body>
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
        let body = Limited::new(request.into_body(), MAX_REQUEST).collect();
        match tokio::time::timeout(BODY_TIMEOUT, body).await {
            Ok(Ok(body)) => match self.answer(&body.to_bytes()).await {
                Some(answer) => json_response(answer.to_string()),
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
        let tls = self.tls.borrow();
        json!({"status": "OK", "plaintext": !tls.enabled, "tls": *tls})
    }
}
