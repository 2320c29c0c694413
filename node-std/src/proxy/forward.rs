//! Choosing the node that answers a request, and sending the request there.

use core::sync::atomic::{AtomicU32, Ordering};
use core::time::Duration;

use http::{Request, Response};
use http_body::Body as _;
use node_core::gossip::Kind;
use node_core::id::NodeId;
use node_core::link::{Open, Service};
use node_core::route::deadline::budget_ms;
use node_core::route::owners::{Binding, eligible};
use node_core::route::relay::RelayPath;
use node_core::route::target::{Candidate, Route, choose};
use tokio::time::{Instant, timeout_at};

use super::body::Body;
use super::error::ProxyError;
use super::fields::{self, Arrival};
use super::request::ProxyRequest;
use super::upstream::Upstream;
use super::{head, link};
use crate::cluster::{Cluster, Member};
use crate::config::Component;
use crate::link::ExchangeError;

/// How often a request is tried when a link or a pooled connection breaks under it.
const MAX_TRIES: usize = 3;

/// How long nothing of a request's body may arrive. The request holds an exchange of a link meanwhile.
const STALL_TIMEOUT: Duration = Duration::from_secs(30);

/// Passes requests to the components of all nodes of the cluster.
#[derive(Debug)]
pub struct Proxy {
    pub(super) cluster: Cluster,
    upstream: Upstream,
    bindings: Vec<Binding>,
    /// Counts requests, so that they are spread over the nodes that offer a component.
    turn: AtomicU32,
    stall_timeout: Duration,
}

impl Proxy {
    /// A proxy to `components` of this node and to those of the `cluster`.
    #[must_use]
    pub fn new(cluster: Cluster, components: &[Component]) -> Self {
        let upstream = Upstream::new(components);
        Self {
            cluster,
            upstream,
            bindings: Vec::new(),
            turn: AtomicU32::new(0),
            stall_timeout: STALL_TIMEOUT,
        }
    }

    /// The same proxy, which sends requests for a bound component only to its owners.
    #[must_use]
    pub fn bindings(self, bindings: Vec<Binding>) -> Self {
        Self { bindings, ..self }
    }

    /// The same proxy with another stall timeout than 30 s: it gives up a request from an HTTP port when nothing of the
    /// body arrives for so long.
    #[must_use]
    pub fn stall_timeout(self, stall_timeout: Duration) -> Self {
        Self { stall_timeout, ..self }
    }

    /// Answers a request that came over HTTP. Its `MAELSTROM-COMPONENT` header names the component. An error becomes a
    /// response that describes it.
    pub async fn respond(&self, request: Request<Body>, arrival: Arrival) -> Response<Body> {
        let request = match ProxyRequest::from_http(request, arrival, self.stall_timeout) {
            Ok(request) => request,
            Err(error) => return error.into(),
        };
        self.try_respond(request).await.unwrap_or_else(ProxyError::into)
    }

    /// The response to a request. Its body ends early at the request's deadline.
    pub(super) async fn try_respond(&self, request: ProxyRequest) -> Result<Response<Body>, ProxyError> {
        let (deadline, stalled) = (request.deadline, request.stalled.clone());
        if deadline <= Instant::now() {
            return Err(ProxyError::Late);
        }
        let response = timeout_at(deadline, self.pass_on(request)).await.unwrap_or(Err(ProxyError::Late));
        // The component saw only that the body ended early, so its error does not tell the cause.
        let response = response.map_err(|error| if stalled.get() { ProxyError::Stalled } else { error });
        response.map(|response| response.map(|body| body.until(deadline)))
    }

    /// Sends the request to a component. When the component cannot be reached, or breaks off a request that may be
    /// repeated, another node that offers it is tried.
    async fn pass_on(&self, mut request: ProxyRequest) -> Result<Response<Body>, ProxyError> {
        let path = fields::relay_path(&request.parts.headers);
        let path = RelayPath(&path);
        if path.visits(self.cluster.me()) {
            return Err(ProxyError::Loop);
        }
        fields::join_relay_path(&mut request.parts.headers, path.joined(self.cluster.me()));
        let bodyless = request.body.is_end_stream();
        let repeatable = bodyless && request.parts.method.is_idempotent();
        let mut failed = Vec::new();
        let mut failure = None;
        for _ in 0..MAX_TRIES {
            let usable = |id| !path.visits(id) && !failed.contains(&id);
            let (peer, result) = match self.route(&request, usable) {
                Ok(Route::Local) => (None, self.upstream.send(&mut request).await),
                Ok(Route::Linked(via)) => (Some(via), self.send(via, None, &mut request).await),
                Ok(Route::Relayed { via, to }) => (Some(via), self.send(via, Some(to), &mut request).await),
                Err(error) => return Err(failure.unwrap_or(error)),
            };
            // A body that was handed over cannot be sent a second time.
            let intact = request.body.is_end_stream() == bodyless;
            match result {
                Err(error @ (ProxyError::Unreachable { .. } | ProxyError::Busy { .. })) if intact => {
                    failed.push(peer.unwrap_or(self.cluster.me()));
                    failure = Some(error);
                }
                Err(error @ ProxyError::BrokeOff { .. }) if repeatable => {
                    // The link to a peer is gone, so the peer is not tried again. A component of this node is: perhaps only
                    // the pooled connection was closed.
                    failed.extend(peer);
                    failure = Some(error);
                }
                result => return result,
            }
        }
        Err(failure.unwrap_or(ProxyError::NoComponent))
    }

    /// The way to a component for the request, by members that are `usable`.
    fn route(&self, request: &ProxyRequest, usable: impl Fn(NodeId) -> bool) -> Result<Route, ProxyError> {
        let view = self.cluster.view();
        let me = self.cluster.me();
        let linked = |id| usable(id) && view.member(id).is_some_and(|member| member.linked);
        if let Some(to) = request.to.filter(|to| *to != me) {
            let found = usable(to).then_some(Route::Linked(to));
            return found
                .ok_or_else(|| ProxyError::unreachable(&format!("node {to}"), "no other way to it here"));
        }
        let component = fields::component(&request.parts.headers)?;
        let binding = self.bindings.iter().find(|binding| binding.component.as_str() == component);
        let owns = binding.is_none_or(|binding| binding.owns(me, Kind::Hub));
        if owns && usable(me) && self.upstream.offers(component) {
            return Ok(Route::Local);
        }
        let offers = view.offering(component).map(|Member { id, kind, state, hubs, .. }| Candidate {
            id: *id,
            kind: *kind,
            state: *state,
            hubs,
        });
        let others = eligible(binding, offers).filter(|candidate| candidate.id != me);
        let candidates = others.clone().filter(|candidate| usable(candidate.id));
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        // Opening an exchange waits for a link that is being replaced. Such a link can come for a hub, and for a leaf of
        // this node.
        let reconnecting = |id| {
            let can_return = |member: &Member| member.kind == Kind::Hub || member.hubs.contains(&me);
            id != me && usable(id) && view.member(id).is_some_and(can_return)
        };
        let route = choose(candidates.clone(), me, linked, turn)
            .or_else(|| choose(candidates, me, reconnecting, turn));
        let mut others = others.filter_map(|candidate| view.member(candidate.id));
        route.ok_or_else(|| match others.next() {
            Some(Member { name, state, .. }) => ProxyError::unreachable(
                &format!("component {component}"),
                &format!("no way from here to a node that offers it, such as {name}, which is {state}"),
            ),
            None if view.isolated => ProxyError::Isolated,
            None => ProxyError::NoComponent,
        })
    }

    /// Sends the request over the link to `via`.
    async fn send(
        &self,
        via: NodeId,
        to: Option<NodeId>,
        request: &mut ProxyRequest,
    ) -> Result<Response<Body>, ProxyError> {
        let hops = request.hops.checked_sub(1).ok_or_else(|| match request.to {
            Some(to) => ProxyError::unreachable(&format!("node {to}"), "the request crossed too many links"),
            None => ProxyError::Loop,
        })?;
        let budget_ms = budget_ms(request.deadline.saturating_duration_since(Instant::now()));
        let open = Open { to, hops, budget_ms, service: Service::Http };
        let head = head::encode_request(&request.parts)?;
        let (outbound, inbound) = self.cluster.open(via, open).await.map_err(|error| match error {
            ExchangeError::LinkClosed(_) => {
                ProxyError::unreachable(&format!("node {via}"), &error.to_string())
            }
            error => ProxyError::exchange(&format!("node {via}"), &error),
        })?;
        link::send(outbound, inbound, head, core::mem::take(&mut request.body), via).await
    }
}
