//! Reverse proxy: takes a request from an HTTP port or from a link and hands it to a component, here or on
//! another node.
//!
//! Both kinds of arrival become one `Call`, so that routing, deadlines, relay paths and errors exist once:
//!
//! ```text
//! HTTP port -> Call -+-> upstream (a component of this node)
//! link      -> Call -+-> link     (another node, as an exchange)
//! ```

mod body;
mod error;
mod fields;
mod head;
mod inbound;
mod link;
#[cfg(test)]
mod link_tests;
#[cfg(test)]
mod tests;
mod upstream;

use core::sync::atomic::{AtomicU32, Ordering};
use core::time::Duration;

use http::header::UPGRADE;
use http::request::Parts;
use http::{Method, Request, Response};
use http_body::Body as _;
use node_core::gossip::Kind;
use node_core::http::lists;
use node_core::id::NodeId;
use node_core::link::{Open, Service};
use node_core::route::deadline::{Limits, budget_ms};
use node_core::route::relay::RelayPath;
use node_core::route::target::{Candidate, Route, choose};
use tokio::time::{Instant, timeout_at};

pub use body::{Body, BodyError};
pub use error::{ProxyError, json, text};
pub use fields::{Arrival, COMPONENT, strip_maelstrom};

use crate::cluster::{Cluster, MAX_HOPS, Member};
use crate::config::Component;
use crate::link::ExchangeError;
use body::Stalled;
use upstream::Upstream;

/// Longest request or response head that is passed on, in bytes.
pub const MAX_HEAD: usize = 64 * 1024;

/// How often a request is tried when a link or a pooled connection breaks under it.
const MAX_TRIES: usize = 3;

/// How long a client may bring nothing of a request's body: it holds an exchange of a link meanwhile.
const BODY_PATIENCE: Duration = Duration::from_secs(30);

/// Passes requests to components, wherever in the cluster they are.
#[derive(Debug)]
pub struct Proxy {
    cluster: Cluster,
    upstream: Upstream,
    turn: AtomicU32,
    patience: Duration,
}

impl Proxy {
    /// A proxy to `components` of this node and to those of the `cluster`.
    #[must_use]
    pub fn new(cluster: Cluster, components: &[Component]) -> Self {
        let upstream = Upstream::new(components);
        Self { cluster, upstream, turn: AtomicU32::new(0), patience: BODY_PATIENCE }
    }

    /// The same, giving a request from outside up when nothing of its body comes for so long; 30 s is usual.
    #[must_use]
    pub fn patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// Answers a request that came over HTTP; its `MAELSTROM-COMPONENT` header names who is to. Whatever goes
    /// wrong is a response that says so.
    pub async fn respond(&self, request: Request<Body>, arrival: Arrival) -> Response<Body> {
        match Call::from_http(request, arrival, self.patience) {
            Ok(call) => self.answer(call).await,
            Err(error) => error.into(),
        }
    }

    /// As [`try_answer`](Self::try_answer); an error is a response too.
    async fn answer(&self, call: Call) -> Response<Body> {
        self.try_answer(call).await.unwrap_or_else(ProxyError::into)
    }

    /// The response to a call. Its body breaks off at the call's deadline.
    async fn try_answer(&self, call: Call) -> Result<Response<Body>, ProxyError> {
        let (deadline, stalled) = (call.deadline, call.stalled.clone());
        if deadline <= Instant::now() {
            return Err(ProxyError::Late);
        }
        let response = timeout_at(deadline, self.pass_on(call)).await.unwrap_or(Err(ProxyError::Late));
        // Whoever read such a body could only break off.
        let response = response.map_err(|error| if stalled.get() { ProxyError::Stalled } else { error });
        response.map(|response| response.map(|body| body.until(deadline)))
    }

    /// Hands the call to who is to answer. When that one cannot be reached, or breaks off a request that may be
    /// repeated, another is tried.
    async fn pass_on(&self, mut call: Call) -> Result<Response<Body>, ProxyError> {
        let path = fields::relay_path(&call.parts.headers);
        let path = RelayPath(&path);
        if path.visits(self.cluster.me()) {
            return Err(ProxyError::Loop);
        }
        fields::join_relay_path(&mut call.parts.headers, path.joined(self.cluster.me()));
        let bodyless = call.body.is_end_stream();
        let repeatable = bodyless && call.parts.method.is_idempotent();
        let mut failed = Vec::new();
        let mut failure = None;
        for _ in 0..MAX_TRIES {
            let usable = |id| !path.visits(id) && !failed.contains(&id);
            let (who, result) = match self.route(&call, usable) {
                Ok(Route::Local) => (None, self.upstream.send(&mut call).await),
                Ok(Route::Linked(via)) => (Some(via), self.send(via, None, &mut call).await),
                Ok(Route::Relayed { via, to }) => (Some(via), self.send(via, Some(to), &mut call).await),
                Err(error) => return Err(failure.unwrap_or(error)),
            };
            // A body that was handed over is gone.
            let intact = call.body.is_end_stream() == bodyless;
            match result {
                Err(error @ (ProxyError::Unreachable { .. } | ProxyError::Busy { .. })) if intact => {
                    failed.push(who.unwrap_or(self.cluster.me()));
                    failure = Some(error);
                }
                Err(error @ ProxyError::BrokeOff { .. }) if repeatable => {
                    // A link that broke is gone. A pooled connection may just have been idle for too long.
                    failed.extend(who);
                    failure = Some(error);
                }
                result => return result,
            }
        }
        Err(failure.unwrap_or(ProxyError::NoComponent))
    }

    /// Who answers the call, among the members that are `usable`.
    fn route(&self, call: &Call, usable: impl Fn(NodeId) -> bool) -> Result<Route, ProxyError> {
        let view = self.cluster.view();
        let me = self.cluster.me();
        let linked = |id| usable(id) && view.member(id).is_some_and(|member| member.linked);
        if let Some(to) = call.to.filter(|to| *to != me) {
            let found = usable(to).then_some(Route::Linked(to));
            return found
                .ok_or_else(|| ProxyError::unreachable(&format!("node {to}"), "no other way to it here"));
        }
        let component = fields::component(&call.parts.headers)?;
        if usable(me) && self.upstream.offers(component) {
            return Ok(Route::Local);
        }
        let others = || view.offering(component).filter(|member| member.id != me);
        let candidates = others().filter(|member| usable(member.id));
        let candidates =
            candidates.map(|Member { id, state, hubs, .. }| Candidate { id: *id, state: *state, hubs });
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        // A link that is being replaced is worth waiting for, which opening an exchange does: to a hub, or to a leaf of
        // this node.
        let awaited = |id| {
            let comes = |member: &Member| member.kind == Kind::Hub || member.hubs.contains(&me);
            id != me && usable(id) && view.member(id).is_some_and(comes)
        };
        let route =
            choose(candidates.clone(), me, linked, turn).or_else(|| choose(candidates, me, awaited, turn));
        route.ok_or_else(|| match others().next() {
            Some(Member { name, state, .. }) => ProxyError::unreachable(
                &format!("component {component}"),
                &format!("no way from here to a node that offers it, such as {name}, which is {state}"),
            ),
            None if view.isolated => ProxyError::Lonely,
            None => ProxyError::NoComponent,
        })
    }

    /// Sends the call over the link to `via`.
    async fn send(
        &self,
        via: NodeId,
        to: Option<NodeId>,
        call: &mut Call,
    ) -> Result<Response<Body>, ProxyError> {
        let hops = call.hops.checked_sub(1).ok_or_else(|| match call.to {
            Some(to) => ProxyError::unreachable(&format!("node {to}"), "the request crossed too many links"),
            None => ProxyError::Loop,
        })?;
        let budget_ms = budget_ms(call.deadline.saturating_duration_since(Instant::now()));
        let open = Open { to, hops, budget_ms, service: Service::Http };
        let head = head::encode_request(&call.parts)?;
        let halves = self.cluster.open(via, open).await.map_err(|error| match error {
            ExchangeError::LinkClosed(_) => {
                ProxyError::unreachable(&format!("node {via}"), &error.to_string())
            }
            error => ProxyError::exchange(&format!("node {via}"), &error),
        })?;
        link::send(halves, head, core::mem::take(&mut call.body), via).await
    }
}

/// A request on its way, wherever it came from. Hop-by-hop fields are gone from its head.
#[derive(Debug)]
struct Call {
    parts: Parts,
    body: Body,
    stalled: Stalled,
    /// The node that is to answer; `None` for any that offers the component.
    to: Option<NodeId>,
    deadline: Instant,
    /// Links that it may still cross.
    hops: u8,
}

impl Call {
    fn from_link(request: Request<()>, body: Body, (open, deadline): (Open, Instant)) -> Self {
        let (parts, ()) = request.into_parts();
        Self { parts, body, stalled: Stalled::default(), to: open.to, deadline, hops: open.hops }
    }

    fn from_http(request: Request<Body>, arrival: Arrival, patience: Duration) -> Result<Self, ProxyError> {
        let (mut parts, body) = request.into_parts();
        let (body, stalled) = body.patient(patience);
        // Any other upgrade is an offer, which RFC 9110 section 7.8 lets a server ignore.
        let mut upgrades = parts.headers.get_all(UPGRADE).iter();
        let is_websocket = upgrades.any(|offer| lists(offer.as_bytes(), "websocket"));
        if is_websocket || parts.method == Method::CONNECT {
            return Err(ProxyError::Upgrade);
        }
        let now_nano = fields::unix_nanos();
        let deadline_nano = fields::take_deadline(&mut parts.headers)?;
        let limits = Limits { deadline_nano, now_nano: Some(now_nano), budget_ms: None };
        fields::take_in(&mut parts, arrival, now_nano)?;
        let deadline = Instant::now() + limits.remaining();
        Ok(Self { parts, body, stalled, to: None, deadline, hops: MAX_HOPS })
    }
}
