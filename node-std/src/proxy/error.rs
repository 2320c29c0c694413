//! Why there is no response of a component.

use http::{Response, StatusCode};
use node_core::http::FramingError;
use node_core::link::ResetCode;

use super::body::Body;
use super::response::text;
use crate::link::ExchangeError;

/// Why there is no response of a component. It becomes a response with a status and a line of text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProxyError {
    /// The request breaks a rule.
    #[error("{0}")]
    BadRequest(String),
    /// The other side stopped after it may have acted on the request.
    #[error("{who} broke off: {reason}")]
    BrokeOff {
        /// The component or node.
        who: String,
        /// The reason.
        reason: String,
    },
    /// The other side has no room.
    #[error("{who} has no room for another request: {reason}")]
    Busy {
        /// The component or node.
        who: String,
        /// The thing that is full.
        reason: String,
    },
    /// The request's head is longer than this node passes on.
    #[error("the request's headers take more than {limit} bytes")]
    HeadTooLarge {
        /// The most bytes of a head.
        limit: usize,
    },
    /// The client takes too long for the head of a request.
    #[error("the request's headers arrived too slowly")]
    SlowHead,
    /// The body is longer than is taken.
    #[error("the request takes more than {limit} bytes")]
    TooLarge {
        /// The most bytes of a body.
        limit: u64,
    },
    /// The head has more fields than are taken.
    #[error("the request has more than {limit} headers")]
    TooManyFields {
        /// The most fields.
        limit: usize,
    },
    /// Time ran out.
    #[error("no answer within the request's deadline")]
    Late,
    /// This node is isolated: it has just started or lost all its links.
    #[error("No component matches the request here, and this node has no link to its cluster yet")]
    Isolated,
    /// The request has been here before, or crossed too many links.
    #[error("the request went in a loop: see its MAELSTROM-RELAY-PATH")]
    Loop,
    /// The request names no component, or one that no node offers.
    #[error("No component matches the request")]
    NoComponent,
    /// The other side cannot be reached and has seen nothing of the request.
    #[error("cannot reach {who}: {reason}")]
    Unreachable {
        /// The component or node.
        who: String,
        /// The reason.
        reason: String,
    },
    /// The client sends its request too slowly.
    #[error("the request's body arrived too slowly")]
    Stalled,
    /// A node further on said what failed.
    #[error("{what}")]
    Told {
        /// The status of its answer.
        status: u16,
        /// No component has seen the request.
        unseen: bool,
        /// What it said.
        what: String,
    },
    /// CONNECT, which asks for a tunnel.
    #[error("CONNECT is not served here")]
    Connect,
    /// The body has a coding that is not known here.
    #[error("the request's Transfer-Encoding is not known here: only chunked is")]
    Coding,
}

impl ProxyError {
    pub(super) fn unreachable(who: &str, reason: &str) -> Self {
        Self::Unreachable { who: who.to_owned(), reason: reason.to_owned() }
    }

    pub(super) fn broke_off(who: &str, reason: &str) -> Self {
        Self::BrokeOff { who: who.to_owned(), reason: reason.to_owned() }
    }

    /// The error for a request whose exchange with `who` ended early.
    pub(super) fn exchange(who: &str, error: &ExchangeError) -> Self {
        match error {
            ExchangeError::Timeout(_) | ExchangeError::Reset(ResetCode::Timeout) => Self::Late,
            ExchangeError::Full | ExchangeError::Reset(ResetCode::Full) => {
                Self::Busy { who: who.to_owned(), reason: error.to_string() }
            }
            // No component has seen the request.
            ExchangeError::Reset(ResetCode::Unknown) => {
                Self::unreachable(who, "it has no way to pass the request on")
            }
            _ => Self::broke_off(who, &error.to_string()),
        }
    }

    /// What the world is told: no address, and no name of a node.
    pub(super) fn outside(&self) -> String {
        match self {
            Self::Told { status: 502, unseen: false, .. } | Self::BrokeOff { .. } => {
                "the component broke off".to_owned()
            }
            Self::Told { status: 502, .. } | Self::Unreachable { .. } => {
                "the component cannot be reached".to_owned()
            }
            Self::Told { status: 503, .. } | Self::Busy { .. } | Self::Isolated => {
                "the component takes no more requests at present".to_owned()
            }
            Self::Told { status: 504, .. } => Self::Late.to_string(),
            Self::Told { status: 404, .. } => Self::NoComponent.to_string(),
            // What the client did wrong is about its request alone.
            Self::Told { status: 400..=499, what, .. } => what.clone(),
            Self::Told { .. } => "the request failed".to_owned(),
            error => error.to_string(),
        }
    }

    /// The word for it in the field that marks an error on a link.
    pub(super) const fn code(&self) -> &'static str {
        match self {
            Self::BadRequest(_)
            | Self::Coding
            | Self::Connect
            | Self::HeadTooLarge { .. }
            | Self::Loop
            | Self::TooLarge { .. }
            | Self::TooManyFields { .. } => "refused",
            Self::Busy { .. } | Self::Isolated => "busy",
            Self::BrokeOff { .. } | Self::Told { unseen: false, .. } => "broken",
            Self::Late | Self::SlowHead | Self::Stalled => "late",
            Self::NoComponent | Self::Told { .. } | Self::Unreachable { .. } => "unreachable",
        }
    }

    /// Whether it is a failure of who was asked, and not of the client.
    pub(super) const fn is_failure(&self) -> bool {
        match self {
            Self::BrokeOff { .. } | Self::Unreachable { .. } => true,
            Self::Told { status, .. } => matches!(*status, 502..=504),
            _ => false,
        }
    }

    /// Whether no component has seen the request, so that another node may answer it.
    pub(super) const fn is_unseen(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::Busy { .. } | Self::Told { unseen: true, .. })
    }

    /// The status of the response.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match self {
            Self::BadRequest(_) => StatusCode::BAD_REQUEST,
            Self::BrokeOff { .. } | Self::Unreachable { .. } => StatusCode::BAD_GATEWAY,
            Self::Busy { .. } | Self::Isolated => StatusCode::SERVICE_UNAVAILABLE,
            Self::HeadTooLarge { .. } | Self::TooManyFields { .. } => {
                StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE
            }
            Self::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Late => StatusCode::GATEWAY_TIMEOUT,
            Self::Loop => StatusCode::LOOP_DETECTED,
            Self::NoComponent => StatusCode::NOT_FOUND,
            Self::Stalled | Self::SlowHead => StatusCode::REQUEST_TIMEOUT,
            Self::Coding | Self::Connect => StatusCode::NOT_IMPLEMENTED,
            Self::Told { status, .. } => StatusCode::from_u16(*status).unwrap_or(StatusCode::BAD_GATEWAY),
        }
    }
}

impl From<FramingError> for ProxyError {
    fn from(error: FramingError) -> Self {
        match error {
            FramingError::Coding => Self::Coding,
            error => Self::BadRequest(error.to_string()),
        }
    }
}

impl From<ProxyError> for Response<Body> {
    fn from(error: ProxyError) -> Self {
        text(error.status(), error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_client_can_cause_is_no_failure_of_who_was_asked() {
        let told = |status| ProxyError::Told { status, unseen: false, what: String::new() };
        for error in [told(502), told(503), told(504), ProxyError::unreachable("a", "b")] {
            assert!(error.is_failure(), "{error:?}");
        }
        let full = ProxyError::exchange("a", &ExchangeError::Full);
        for error in [told(400), told(408), told(413), told(431), told(508), ProxyError::Late, full] {
            assert!(!error.is_failure(), "{error:?}");
        }
    }

    #[test]
    fn the_world_learns_what_it_did_wrong_and_not_what_failed_inside() {
        let told = |status| ProxyError::Told { status, unseen: true, what: "of 10.0.0.1".to_owned() };
        for status in [400, 413] {
            assert_eq!(told(status).outside(), "of 10.0.0.1");
        }
        for status in [302, 404, 500, 502, 503, 504, 508] {
            assert!(!told(status).outside().contains("10.0.0.1"), "{status}");
        }
    }
}
