//! A request to a component anywhere in the cluster, and why it may have no response.

use embassy_time::Duration;
use node_core::rpc::Code;
use thiserror::Error;

use crate::state::ExchangeError;

/// A request to a component.
#[derive(Clone, Copy, Debug)]
pub struct Call<'c> {
    /// The component's name.
    pub component: &'c str,
    /// The method, usually `GET` or `POST`.
    pub method: &'c str,
    /// The target, usually `/path?query`.
    pub target: &'c str,
    /// Further header fields. The node adds the length of the body.
    pub fields: &'c [(&'c str, &'c [u8])],
    /// The whole body; see [`Leaf::open`](crate::Leaf::open) for one that is sent piece by piece.
    pub body: &'c [u8],
    /// The most time that it may take in all, a wait for a link included.
    pub timeout: Duration,
}

impl<'c> Call<'c> {
    /// A `GET` that may take 10 seconds.
    #[must_use]
    pub const fn get(component: &'c str, target: &'c str) -> Self {
        let timeout = Duration::from_secs(10);
        Self { component, method: "GET", target, fields: &[], body: &[], timeout }
    }

    /// A `POST` that may take 10 seconds.
    #[must_use]
    pub const fn post(component: &'c str, target: &'c str, body: &'c [u8]) -> Self {
        Self { method: "POST", body, ..Self::get(component, target) }
    }
}

/// Why a request has no response.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum CallError {
    /// The other node answered with an error of this kind.
    #[error("the other node answered with an error: {0}")]
    Answered(Code),
    /// The request's head is too long, or has parts that do not belong there. Nothing was sent.
    #[error("the request's headers are too long or malformed")]
    BadRequest,
    /// The response, or its head, is malformed, or longer than the buffer.
    #[error("the response is malformed, or longer than the buffer")]
    BadResponse,
    /// The exchange ended early.
    #[error(transparent)]
    Exchange(#[from] ExchangeError),
    /// No link took it in time. Nothing was sent.
    #[error("no hub took the request in time")]
    NoLink,
}
