//! Choosing the node that answers a request, and sending the request there.

use core::future::poll_fn;
use core::sync::atomic::{AtomicU32, Ordering};

use node_core::gossip::Kind;
use node_core::http::BodyLength;
use node_core::id::NodeId;
use node_core::link::{Open, Service};
use node_core::route::deadline::budget_ms;
use node_core::route::owners::{Binding, eligible};
use node_core::route::relay::RelayPath;
use node_core::route::target::{Candidate, Route, choose};
use tokio::time::{Instant, timeout_at};

use super::alarm::Alarm;
use super::error::ProxyError;
use super::leg::{Arrived, Leg, LegError, Outline};
use super::link::{LinkLeg, finish_head};
use super::pace::Pace;
use super::relay::{Failure, Finished, Progress, Terms, relay};
use super::request::Request;
use super::upstream::{Components, Offered, Opened, Pool};
use crate::cluster::{Cluster, Member};
use crate::config::Component;
use crate::link::ExchangeError;

/// How often a request is tried when it cannot be sent.
const MAX_TRIES: usize = 3;

/// Passes requests to the components of all nodes of the cluster.
#[derive(Debug)]
pub struct Proxy {
    pub(super) cluster: Cluster,
    components: Components,
    bindings: Vec<Binding>,
    /// Counts requests, so that they are spread over the nodes that offer a component.
    turn: AtomicU32,
}

/// What the leg that a request came on has for it.
pub(crate) struct Sender<'s> {
    /// This node lets the request into the cluster.
    pub(crate) enters: bool,
    /// The sender is not of the cluster.
    pub(crate) outside: bool,
    pub(crate) alarm: &'s mut Alarm,
    pub(crate) pace: &'s mut Pace,
}

/// What became of a request.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// The whole response was passed on, and the whole request if so.
    Answered { request_sent: bool },
    /// Nothing was passed on: the sender is to be told of the error.
    Refused(ProxyError),
    /// A part of the response was passed on, and the rest will not come.
    Broken,
    /// The sender is gone.
    Gone,
}

impl Proxy {
    /// A proxy to `components` of this node and to those of the `cluster`.
    #[must_use]
    pub fn new(cluster: Cluster, components: &[Component]) -> Self {
        let components = Components::new(components);
        Self { cluster, components, bindings: Vec::new(), turn: AtomicU32::new(0) }
    }

    /// The same proxy, which sends requests for a bound component only to its owners.
    #[must_use]
    pub fn bindings(self, bindings: Vec<Binding>) -> Self {
        Self { bindings, ..self }
    }

    /// This node.
    pub(crate) fn me(&self) -> NodeId {
        self.cluster.me()
    }

    /// Sends the request, whose head was read from `down`, to a component, and the response back. When the component cannot be
    /// reached, another node that offers it is tried.
    pub(crate) async fn forward<D: Leg>(
        &self,
        down: &mut D,
        request: &Request,
        mut sender: Sender<'_>,
    ) -> Outcome {
        sender.alarm.set(request.deadline);
        sender.pace.restart();
        let path = RelayPath(&request.path);
        let mut failed = Vec::new();
        let mut failure = None;
        for _ in 0..MAX_TRIES {
            let usable = |id| !path.visits(id) && !failed.contains(&id);
            let route = match self.route(request, usable) {
                Ok(route) => route,
                Err(error) => return Outcome::Refused(failure.unwrap_or(error)),
            };
            let mut progress = Progress::default();
            let attempt = Attempt { request, sender: &mut sender, progress: &mut progress };
            let (peer, result) = match route {
                Route::Local => (self.cluster.me(), self.to_component(down, attempt).await),
                Route::Linked(via) => (via, self.to_node(down, via, None, attempt).await),
                Route::Relayed { via, to } => (via, self.to_node(down, via, Some(to), attempt).await),
            };
            let error = match result {
                Ok(Finished { request_sent, .. }) => return Outcome::Answered { request_sent },
                Err(Fault::Gone) => return Outcome::Gone,
                Err(Fault::Proxy(error)) => error,
            };
            if progress.began {
                tracing::debug!(%error, "a response broke off");
                return Outcome::Broken;
            }
            let unseen = matches!(error, ProxyError::Unreachable { .. } | ProxyError::Busy { .. });
            let repeatable = request.is_safe && peer != self.cluster.me();
            let again = match error {
                ProxyError::BrokeOff { .. } => repeatable,
                _ => unseen,
            };
            if progress.took_body || !again {
                return Outcome::Refused(error);
            }
            failed.push(peer);
            failure = Some(error);
        }
        Outcome::Refused(failure.unwrap_or(ProxyError::NoComponent))
    }

    /// The way to a component for the request, by members that are `usable`.
    fn route(&self, request: &Request, usable: impl Fn(NodeId) -> bool) -> Result<Route, ProxyError> {
        let view = self.cluster.view();
        let me = self.cluster.me();
        let linked = |id| usable(id) && view.member(id).is_some_and(|member| member.linked);
        if let Some(to) = request.to.filter(|to| *to != me) {
            let found = usable(to).then_some(Route::Linked(to));
            return found
                .ok_or_else(|| ProxyError::unreachable(&format!("node {to}"), "no other way to it here"));
        }
        let component = request.component.as_str();
        let binding = self.bindings.iter().find(|binding| binding.component.as_str() == component);
        let owns = binding.is_none_or(|binding| binding.owns(me, Kind::Hub));
        if owns && usable(me) && self.components.get(&request.component).is_some() {
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

    /// Sends the request to a component of this node.
    async fn to_component<D: Leg>(&self, down: &mut D, attempt: Attempt<'_, '_>) -> Result<Finished, Fault> {
        let Attempt { request, sender, progress } = attempt;
        let offered = self.components.get(&request.component).ok_or(ProxyError::NoComponent)?;
        let busy = |_| ProxyError::Busy {
            who: format!("component {}", request.component),
            reason: format!("{} requests are under way", offered.component.max_requests),
        };
        let _place = offered.places.try_acquire().map_err(busy)?;
        sender.alarm.set(request.deadline.min(Instant::now() + offered.component.max_duration));
        let body = length(down, request).await?;
        let mut failure = ProxyError::NoComponent;
        for pool in offered.in_turn() {
            let attempt = Attempt { request, sender: &mut *sender, progress: &mut *progress };
            match to_upstream(down, offered, pool, body, attempt).await {
                Err(Fault::Proxy(error @ ProxyError::Unreachable { .. })) if !progress.took_body => failure = error,
                result => return result,
            }
        }
        Err(failure.into())
    }

    /// Sends the request over the link to `via`.
    async fn to_node<D: Leg>(
        &self,
        down: &mut D,
        via: NodeId,
        to: Option<NodeId>,
        attempt: Attempt<'_, '_>,
    ) -> Result<Finished, Fault> {
        let Attempt { request, sender, progress } = attempt;
        let hops = request.hops.checked_sub(1).ok_or_else(|| match request.to {
            Some(to) => ProxyError::unreachable(&format!("node {to}"), "the request crossed too many links"),
            None => ProxyError::Loop,
        })?;
        let budget_ms = budget_ms(request.deadline.saturating_duration_since(Instant::now()));
        let open = Open { to, hops, budget_ms, service: Service::Http };
        let outline = Outline::of(request.body);
        let mut head = Vec::with_capacity(request.text().len() + 64);
        head.extend_from_slice(request.text());
        finish_head(&mut head, outline);
        let end = request.body == BodyLength::None && !request.upgrades;
        let who = || format!("node {via}");
        let opened = timeout_at(request.deadline, self.cluster.open_with(via, open, &head, end)).await;
        let opened = opened.map_err(|_| ProxyError::Late)?.map_err(|error| match error {
            ExchangeError::LinkClosed(_) => ProxyError::unreachable(&who(), &error.to_string()),
            error => ProxyError::exchange(&who(), &error),
        })?;
        let mut up = LinkLeg::opened(opened, &head, outline, end);
        let Sender { enters, outside, alarm, pace } = sender;
        let terms = Terms { request, enters: *enters, outside: *outside, alarm, pace };
        relay(down, &mut up, terms, progress).await.map_err(|failure| match failure {
            Failure::Upstream(LegError::Exchange(error)) => ProxyError::exchange(&who(), &error).into(),
            failure => Fault::of(failure, who),
        })
    }
}

/// Sends the request to one upstream of a component of this node.
async fn to_upstream<D: Leg>(
    down: &mut D,
    offered: &Offered,
    pool: &Pool,
    body: BodyLength,
    attempt: Attempt<'_, '_>,
) -> Result<Finished, Fault> {
    let Attempt { request, sender, progress } = attempt;
    let who = || format!("component {} at {}", offered.component.name, pool.url);
    loop {
        let opened = match timeout_at(request.deadline, pool.open()).await {
            Ok(Ok(opened)) => opened,
            Ok(Err(error)) => {
                return Err(ProxyError::unreachable(&who(), &crate::tls::explain(&error)).into());
            }
            Err(_) => return Err(ProxyError::Late.into()),
        };
        let (head, outline) = (request.text_for_component(&pool.url.prefix), Outline::of(body));
        let Sender { enters, outside, alarm, pace } = &mut *sender;
        let terms = Terms { request, enters: *enters, outside: *outside, alarm, pace };
        let (mut up, reused) = match opened {
            Opened::Http1 { connection, reused } => (connection, reused),
            Opened::Http2(mut up) => {
                up.begin(&head, outline);
                return relay(down, &mut *up, terms, progress).await.map_err(|failure| Fault::of(failure, who));
            }
        };
        up.begin(&head, outline);
        match relay(down, &mut *up, terms, progress).await {
            Ok(finished) => {
                if finished.request_sent && !finished.closes && up.is_idle() {
                    pool.give(up);
                }
                return Ok(finished);
            }
            // The upstream closed the connection while it was idle, and has not seen the request.
            Err(Failure::Upstream(_)) if reused && !progress.heard && !progress.took_body && request.is_safe => {}
            Err(failure) => return Err(Fault::of(failure, who)),
        }
    }
}

/// The length of the request's body for HTTP/1, which needs to know whether there is one.
async fn length<D: Leg>(down: &mut D, request: &Request) -> Result<BodyLength, Fault> {
    if request.body != BodyLength::UntilClose {
        return Ok(request.body);
    }
    let first = timeout_at(request.deadline, poll_fn(|cx| down.poll_body(cx))).await;
    match first.map_err(|_| ProxyError::Late)? {
        Ok(Arrived::End) if down.trailers().is_empty() => Ok(BodyLength::None),
        Ok(_) => Ok(BodyLength::Chunked),
        Err(_) => Err(Fault::Gone),
    }
}

/// A request on its way to one node.
struct Attempt<'a, 's> {
    request: &'a Request,
    sender: &'a mut Sender<'s>,
    progress: &'a mut Progress,
}

/// Why an attempt failed.
enum Fault {
    /// The sender is gone.
    Gone,
    Proxy(ProxyError),
}

impl From<ProxyError> for Fault {
    fn from(error: ProxyError) -> Self {
        Self::Proxy(error)
    }
}

impl Fault {
    /// The fault of a request that was relayed to `who`.
    fn of(failure: Failure, who: impl Fn() -> String) -> Self {
        let error = match failure {
            Failure::Downstream(LegError::Length | LegError::Chunk(_)) => {
                ProxyError::BadRequest("the body is not as its head says".to_owned())
            }
            Failure::Downstream(_) => return Self::Gone,
            Failure::Slow => ProxyError::Stalled,
            Failure::Late => ProxyError::Late,
            Failure::Told(status) => ProxyError::Told(status),
            Failure::Upstream(error) => ProxyError::broke_off(&who(), &error.to_string()),
            Failure::Response(problem) => ProxyError::broke_off(&who(), &format!("bad response: {problem}")),
        };
        Self::Proxy(error)
    }
}
