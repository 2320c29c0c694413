//! Why a request was not answered by a component, as the caller is told.

use http::{HeaderValue, Response, StatusCode, header};
use node_core::link::ResetCode;

use super::Body;
use crate::link::ExchangeError;

/// Why there is no response of a component; becomes a response with a status and a line of text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProxyError {
    /// The request breaks a rule.
    #[error("{0}")]
    BadRequest(String),
    /// The other side stopped when the request may have been acted upon.
    #[error("{who} broke off: {reason}")]
    BrokeOff {
        /// The component or node.
        who: String,
        /// What happened.
        reason: String,
    },
    /// The other side has no room.
    #[error("{who} has no room for another request: {reason}")]
    Busy {
        /// The component or node.
        who: String,
        /// What is full.
        reason: String,
    },
    /// The request's head is larger than is passed on.
    #[error("the request's headers take more than {} bytes", super::MAX_HEAD)]
    HeadTooLarge,
    /// Time ran out.
    #[error("no answer within the request's deadline")]
    Late,
    /// This node is cut off from its cluster, or has just started.
    #[error("No component matches the request here, and this node has no link to its cluster yet")]
    Lonely,
    /// The request has been here before, or crossed too many links.
    #[error("the request runs in a circle: see its MAELSTROM-RELAY-PATH")]
    Loop,
    /// Nobody in the cluster offers what was asked for, or nothing was.
    #[error("No component matches the request")]
    NoComponent,
    /// The other side cannot be reached; it has seen nothing of the request.
    #[error("cannot reach {who}: {reason}")]
    Unreachable {
        /// The component or node.
        who: String,
        /// Why not.
        reason: String,
    },
    /// The client stopped sending its request.
    #[error("the request's body stood still for too long")]
    Stalled,
    /// The request would turn the connection into something else.
    #[error("WebSockets and CONNECT are not proxied yet")]
    Upgrade,
}

impl ProxyError {
    pub(super) fn unreachable(who: &str, reason: &str) -> Self {
        Self::Unreachable { who: who.to_owned(), reason: reason.to_owned() }
    }

    pub(super) fn broke_off(who: &str, reason: &str) -> Self {
        Self::BrokeOff { who: who.to_owned(), reason: reason.to_owned() }
    }

    /// What an exchange with `who` that ended early means for the request.
    pub(super) fn exchange(who: &str, error: &ExchangeError) -> Self {
        match error {
            ExchangeError::Timeout(_) | ExchangeError::Reset(ResetCode::Timeout) => Self::Late,
            ExchangeError::Full | ExchangeError::Reset(ResetCode::Full) => {
                Self::Busy { who: who.to_owned(), reason: error.to_string() }
            }
            // Nobody has seen the request.
            ExchangeError::Reset(ResetCode::Unknown) => {
                Self::unreachable(who, "it has no way to pass the request on")
            }
            _ => Self::broke_off(who, &error.to_string()),
        }
    }

    /// The status that says whose fault it is.
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        match self {
            Self::BadRequest(_) => StatusCode::BAD_REQUEST,
            Self::BrokeOff { .. } | Self::Unreachable { .. } => StatusCode::BAD_GATEWAY,
            Self::Busy { .. } | Self::Lonely => StatusCode::SERVICE_UNAVAILABLE,
            Self::HeadTooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::Late => StatusCode::GATEWAY_TIMEOUT,
            Self::Loop => StatusCode::LOOP_DETECTED,
            Self::NoComponent => StatusCode::NOT_FOUND,
            Self::Stalled => StatusCode::REQUEST_TIMEOUT,
            Self::Upgrade => StatusCode::NOT_IMPLEMENTED,
        }
    }
}

impl From<ProxyError> for Response<Body> {
    fn from(error: ProxyError) -> Self {
        text(error.status(), error.to_string())
    }
}

/// A response of JSON.
pub fn json(body: impl Into<bytes::Bytes>) -> Response<Body> {
    let mut response = Response::new(Body::from(body.into()));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// A response of plain text.
pub fn text(status: StatusCode, text: impl Into<bytes::Bytes>) -> Response<Body> {
    let mut response = Response::new(Body::from(text.into()));
    *response.status_mut() = status;
    let plain = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, plain);
    response
}
