//! Choosing the node that answers a request, and sending the request there.

use core::future::poll_fn;
use std::sync::Arc;

use node_core::gossip::State;
use node_core::http::BodyLength;
use node_core::id::NodeId;
use node_core::link::{Open, Service};
use node_core::route::balance::{Load, choose};
use node_core::route::deadline::budget_ms;
use node_core::route::owners::Binding;
use node_core::route::relay::RelayPath;
use node_core::route::target::Route;
use tokio::time::{Instant, timeout_at};

use super::arrival::Arrival;
use super::balance::{Balancer, Requests, Target};
use super::error::ProxyError;
use super::health::Health;
use super::leg::{Arrived, Leg, LegError, Outline};
use super::link::{LinkLeg, finish_head};
use super::relay::{Failure, Finished, Progress, Terms, relay};
use super::request::Request;
use super::shares::{OF_COMPONENT, Shares};
use super::timers::Timers;
use super::upstream::{Components, Offered, Opened, Pool};
use crate::cluster::Cluster;
use crate::config::{Component, LONGEST};
use crate::link::ExchangeError;
use crate::log_limit::LogLimit;

/// How often a request is tried when it cannot be sent.
const MAX_TRIES: usize = 3;

/// Passes requests to the components of all nodes of the cluster.
#[derive(Debug)]
pub struct Proxy {
    pub(super) cluster: Cluster,
    pub(super) components: Components,
    pub(super) bindings: Vec<Binding>,
    balancer: Balancer,
    shares: Shares,
    /// Limits the log lines of requests that failed.
    failures: LogLimit,
    pub(super) health: Option<Arc<Health>>,
}

/// What the leg that a request came on has for it.
pub(crate) struct Sender<'s> {
    /// Who sent the request, if this node lets it into the cluster.
    pub(crate) arrival: Option<Arrival>,
    /// The longest body that it may send, in bytes.
    pub(crate) most: u64,
    pub(crate) timers: &'s mut Timers,
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
        let balancer = Balancer::new(components);
        let components = Components::new(components);
        let failures = LogLimit::of("requests to components that failed");
        let (bindings, shares) = (Vec::new(), Shares::default());
        Self { cluster, components, bindings, balancer, shares, failures, health: None }
    }

    /// The same proxy, which sends no requests to upstreams that fail their health check.
    #[must_use]
    pub fn health(self, health: Arc<Health>) -> Self {
        Self { health: Some(health), ..self }
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
        sender.timers.received.restart();
        sender.timers.sent.restart();
        let path = RelayPath(&request.path);
        let requests = self.balancer.component(request.component.as_str());
        let mut failed = Vec::new();
        let mut failure = None;
        for _ in 0..MAX_TRIES {
            let usable = |id| !path.visits(id) && !failed.contains(&id);
            let route = match self.choose(request, &requests, usable) {
                Ok(route) => route,
                Err(error) => {
                    if failure.is_none() {
                        self.log(request, &error);
                    }
                    return Outcome::Refused(failure.unwrap_or(error));
                }
            };
            let mut progress = Progress::default();
            let deadline = self.deadline(request, route);
            sender.timers.alarm.set(deadline);
            let attempt = Attempt {
                request,
                deadline,
                requests: &requests,
                sender: &mut sender,
                progress: &mut progress,
            };
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
            self.log(request, &error);
            if progress.began {
                return Outcome::Broken;
            }
            // The link to a node is gone, so it is not tried again. What may have been acted on is repeated only if it is safe.
            let may_repeat =
                matches!(error, ProxyError::BrokeOff { .. }) && request.is_safe && peer != self.cluster.me();
            if progress.took_body || !(error.is_unseen() || may_repeat) {
                return Outcome::Refused(error);
            }
            failed.push(peer);
            failure = Some(error);
        }
        Outcome::Refused(failure.unwrap_or(ProxyError::NoComponent))
    }

    /// Logs what an operator may have to mend.
    fn log(&self, request: &Request, error: &ProxyError) {
        if error.status().is_server_error() && self.failures.admits() {
            tracing::warn!(component = %request.component, "a request failed: {error}");
        }
    }

    /// When an attempt on this route ends: a component of this node may have less time than the request.
    fn deadline(&self, request: &Request, route: Route) -> Instant {
        let offered = self.components.get(&request.component).filter(|_| matches!(route, Route::Local));
        let most = offered.map(|offered| Instant::now() + offered.component.max_duration);
        most.map_or(request.deadline, |most| most.min(request.deadline))
    }

    /// Sends the request to a component of this node.
    async fn to_component<D: Leg>(&self, down: &mut D, attempt: Attempt<'_, '_>) -> Result<Finished, Fault> {
        let Attempt { request, deadline, requests, sender, progress } = attempt;
        let offered = self.components.get(&request.component).ok_or(ProxyError::NoComponent)?;
        let component = &offered.component;
        let most = sender.most.min(component.max_body.unwrap_or(u64::MAX));
        let body = length(down, request, deadline).await?;
        let mut failure = None;
        let mut tried = Vec::new();
        while let Some(index) = self.upstream(offered, requests, &tried) {
            let Some(pool) = offered.upstreams.get(index) else { break };
            let under_way = requests.begin(Target::Upstream(index)).map_err(|full| ProxyError::Busy {
                who: format!("component {}", component.name),
                reason: full.to_string(),
            })?;
            let attempt =
                Attempt { request, deadline, requests, sender: &mut *sender, progress: &mut *progress };
            let result = to_upstream(down, offered, pool, (body, most), attempt).await;
            note(&under_way, &result);
            match result {
                Err(Fault::Proxy(error @ ProxyError::Unreachable { .. })) if !progress.took_body => {
                    failure = Some(error);
                    tried.push(index);
                }
                result => return result,
            }
        }
        Err(failure.unwrap_or(ProxyError::NoComponent).into())
    }

    /// The upstream of a component that is tried next.
    fn upstream(&self, offered: &Offered, requests: &Requests, tried: &[usize]) -> Option<usize> {
        if offered.upstreams.len() == 1 {
            return tried.is_empty().then_some(0);
        }
        let name = offered.component.name.as_str();
        let is_up = |index| self.health.as_ref().is_none_or(|health| health.is_up(name, index));
        let loads = (0..offered.upstreams.len()).map(|index| {
            let (outstanding, ejected) = requests.of(Target::Upstream(index));
            let closed = tried.contains(&index) || !is_up(index);
            Load {
                local: true,
                state: State::Alive,
                closed,
                ejected,
                outstanding,
                round_trip: core::time::Duration::ZERO,
            }
        });
        choose(loads, fastrand::u64(..))
    }

    /// Sends the request over the link to `via`.
    async fn to_node<D: Leg>(
        &self,
        down: &mut D,
        via: NodeId,
        to: Option<NodeId>,
        attempt: Attempt<'_, '_>,
    ) -> Result<Finished, Fault> {
        let Attempt { request, deadline, requests, sender, progress } = attempt;
        let hops = request.hops.checked_sub(1).ok_or_else(|| match request.to {
            Some(to) => ProxyError::unreachable(&format!("node {to}"), "the request crossed too many links"),
            None => ProxyError::Loop,
        })?;
        let body = length(down, request, deadline).await?;
        if let BodyLength::Known(length) = body
            && length > sender.most
        {
            return Err(ProxyError::TooLarge { limit: sender.most }.into());
        }
        // A tunnel has no deadline once it is one. Until then this node keeps the request's.
        let left =
            if request.upgrades { LONGEST } else { deadline.saturating_duration_since(Instant::now()) };
        let open = Open { to, hops, budget_ms: budget_ms(left), service: Service::Http };
        let outline = Outline::of(body);
        let mut head = Vec::with_capacity(request.text().len() + 64);
        head.extend_from_slice(request.text());
        finish_head(&mut head, outline);
        let end = body == BodyLength::None && !request.upgrades;
        let who = || format!("node {via}");
        let target = Target::Node(to.unwrap_or(via));
        let busy = |reason: &str| ProxyError::Busy { who: who(), reason: reason.to_owned() };
        if requests.of(target).0 >= OF_COMPONENT {
            return Err(busy("the component has its share of the link").into());
        }
        let _share = match sender.arrival {
            None => None,
            Some(arrival) => {
                let share = self.shares.begin(arrival, !down.is_whole());
                share.map_err(|too_many| busy(&too_many.to_string()))?
            }
        };
        let under_way = requests.begin(target).map_err(|full| busy(&full.to_string()))?;
        let opened = timeout_at(deadline, self.cluster.open_with(via, open, &head, end)).await;
        let opened = match opened {
            Ok(Ok(opened)) => opened,
            Ok(Err(error)) => {
                let failed = Err(Fault::Proxy(match error {
                    ExchangeError::LinkClosed(_) => ProxyError::unreachable(&who(), &error.to_string()),
                    error => ProxyError::exchange(&who(), &error),
                }));
                note(&under_way, &failed);
                return failed;
            }
            Err(_) => return Err(ProxyError::Late.into()),
        };
        let mut up = LinkLeg::opened(opened, &head, outline, end);
        let Sender { arrival, most, timers } = sender;
        let terms = Terms { request, enters: arrival.is_some(), most: *most, timers };
        let result = relay(down, &mut up, terms, progress).await.map_err(|failure| match failure {
            Failure::Upstream(LegError::Exchange(error)) => ProxyError::exchange(&who(), &error).into(),
            failure => Fault::of(failure, who),
        });
        note(&under_way, &result);
        result
    }
}

/// Notes how a request ended, for the choice of later ones.
fn note(under_way: &super::balance::Guard, result: &Result<Finished, Fault>) {
    match result {
        Ok(Finished { is_failure: false, .. }) => under_way.succeeded(),
        Ok(_) => under_way.failed(),
        Err(Fault::Proxy(error)) if error.is_failure() => under_way.failed(),
        Err(_) => {}
    }
}

/// Sends the request to one upstream of a component of this node.
async fn to_upstream<D: Leg>(
    down: &mut D,
    offered: &Offered,
    pool: &Pool,
    (body, most): (BodyLength, u64),
    attempt: Attempt<'_, '_>,
) -> Result<Finished, Fault> {
    let Attempt { request, deadline, sender, progress, .. } = attempt;
    if let BodyLength::Known(length) = body
        && length > most
    {
        return Err(ProxyError::TooLarge { limit: most }.into());
    }
    let who = || format!("component {} at {}", offered.component.name, pool.url);
    loop {
        let opened = match timeout_at(deadline, pool.open(request.is_safe)).await {
            Ok(Ok(opened)) => opened,
            Ok(Err(error)) => {
                return Err(ProxyError::unreachable(&who(), &crate::tls::explain(&error)).into());
            }
            Err(_) => return Err(ProxyError::Late.into()),
        };
        let (head, outline) = (request.text_for_component(&pool.url.prefix, deadline), Outline::of(body));
        let Sender { arrival, timers, .. } = &mut *sender;
        let terms = Terms { request, enters: arrival.is_some(), most, timers };
        let (mut up, reused) = match opened {
            Opened::Http1 { connection, reused } => (connection, reused),
            Opened::Http2(mut up) => {
                up.begin(&head, outline);
                return relay(down, &mut *up, terms, progress)
                    .await
                    .map_err(|failure| Fault::of(failure, who));
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
            Err(Failure::Upstream(_))
                if reused && !progress.heard && !progress.took_body && request.is_safe => {}
            Err(failure) => return Err(Fault::of(failure, who)),
        }
    }
}

/// The length of the request's body for the next hop, which is told whether there is one.
async fn length<D: Leg>(down: &mut D, request: &Request, deadline: Instant) -> Result<BodyLength, Fault> {
    if request.body != BodyLength::UntilClose {
        return Ok(request.body);
    }
    let first = timeout_at(deadline, poll_fn(|cx| down.poll_body(cx))).await;
    match first.map_err(|_| ProxyError::Late)? {
        Ok(Arrived::End) if down.trailers().is_empty() => Ok(BodyLength::None),
        Ok(_) => Ok(BodyLength::Chunked),
        Err(_) => Err(Fault::Gone),
    }
}

/// A request on its way to one node.
struct Attempt<'a, 's> {
    request: &'a Request,
    /// When it ends.
    deadline: Instant,
    requests: &'a Requests,
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
            Failure::Downstream(LegError::Length | LegError::Chunk(_) | LegError::Trailers(_)) => {
                ProxyError::BadRequest("the body is not as its head says".to_owned())
            }
            Failure::Downstream(_) => return Self::Gone,
            Failure::Slow => ProxyError::Stalled,
            Failure::Late => ProxyError::Late,
            Failure::Told(error) => error,
            Failure::TooLarge(limit) => ProxyError::TooLarge { limit },
            Failure::Upstream(error @ LegError::Head) => {
                ProxyError::BadRequest(format!("the request: {error}"))
            }
            Failure::Upstream(error) => ProxyError::broke_off(&who(), &error.to_string()),
            Failure::Response(problem) => ProxyError::broke_off(&who(), &format!("bad response: {problem}")),
        };
        Self::Proxy(error)
    }
}
