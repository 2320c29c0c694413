//! A request on its way to a component.

use core::time::Duration;

use http::header::UPGRADE;
use http::request::Parts;
use http::{Method, Request};
use node_core::http::lists;
use node_core::id::NodeId;
use node_core::link::Open;
use node_core::route::deadline::TimeLimits;
use tokio::time::Instant;

use super::body::{Body, Stalled};
use super::error::ProxyError;
use super::fields::{self, Arrival};
use crate::cluster::MAX_HOPS;

/// A request on its way to a component, from an HTTP port or from a link. Its head has no hop-by-hop fields.
#[derive(Debug)]
pub struct ProxyRequest {
    pub parts: Parts,
    pub body: Body,
    pub stalled: Stalled,
    /// The node that answers, `None` for any node that offers the component.
    pub to: Option<NodeId>,
    pub deadline: Instant,
    /// How many more links it may cross.
    pub hops: u8,
}

impl ProxyRequest {
    /// A request that a peer sent over a link.
    pub fn from_link(request: Request<()>, body: Body, open: Open, deadline: Instant) -> Self {
        let (parts, ()) = request.into_parts();
        Self { parts, body, stalled: Stalled::default(), to: open.to, deadline, hops: open.hops }
    }

    /// A request that came to an HTTP port. It ends with [`BodyError::Stalled`](super::BodyError::Stalled) when nothing of
    /// its body arrives for `stall_timeout`.
    pub fn from_http(
        request: Request<Body>,
        arrival: Arrival,
        stall_timeout: Duration,
    ) -> Result<Self, ProxyError> {
        let (mut parts, body) = request.into_parts();
        let (body, stalled) = body.with_stall_timeout(stall_timeout);
        // Any other upgrade is an offer, which RFC 9110 section 7.8 lets a server ignore.
        let mut upgrades = parts.headers.get_all(UPGRADE).iter();
        let is_websocket = upgrades.any(|offer| lists(offer.as_bytes(), "websocket"));
        if is_websocket || parts.method == Method::CONNECT {
            return Err(ProxyError::Upgrade);
        }
        let now_nano = fields::unix_nanos();
        let deadline_nano = fields::take_deadline(&mut parts.headers)?;
        let limits = TimeLimits { deadline_nano, now_nano: Some(now_nano), budget_ms: None };
        fields::take_in(&mut parts, arrival, now_nano)?;
        let deadline = Instant::now() + limits.remaining();
        Ok(Self { parts, body, stalled, to: None, deadline, hops: MAX_HOPS })
    }
}
