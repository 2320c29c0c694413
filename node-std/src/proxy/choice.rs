//! Where a request goes: a component of this node first, else the node with the fewest requests of this one under way.

use node_core::gossip::Kind;
use node_core::id::NodeId;
use node_core::route::balance::{Load, choose};
use node_core::route::owners::eligible;
use node_core::route::target::{Candidate, Route};

use super::balance::{Requests, Target};
use super::error::ProxyError;
use super::forward::Proxy;
use super::request::Request;
use crate::cluster::{Member, View};

impl Proxy {
    /// The way to a component for the request, by members that are `usable`.
    pub(super) fn choose(
        &self,
        request: &Request,
        requests: &Requests,
        usable: impl Fn(NodeId) -> bool,
    ) -> Result<Route, ProxyError> {
        let view = self.cluster.view();
        let me = self.cluster.me();
        if let Some(to) = request.to.filter(|to| *to != me) {
            let found = usable(to).then_some(Route::Linked(to));
            return found
                .ok_or_else(|| ProxyError::unreachable(&format!("node {to}"), "no other way to it here"));
        }
        let component = request.component.as_str();
        let binding = self.bindings.iter().find(|binding| binding.component.as_str() == component);
        let owns = binding.is_none_or(|binding| binding.owns(me, Kind::Hub));
        let offers = owns && usable(me) && self.components.get(&request.component).is_some();
        let closed = self.closed(component, requests);
        if offers && closed.is_none() {
            return Ok(Route::Local);
        }
        let offering = view.offering(component).map(|Member { id, kind, state, hubs, .. }| Candidate {
            id: *id,
            kind: *kind,
            state: *state,
            hubs,
        });
        let others = eligible(binding, offering).filter(|candidate| candidate.id != me);
        let candidates = || others.clone().filter(|candidate| usable(candidate.id));
        let linked = |id| usable(id) && view.member(id).is_some_and(|member| member.linked);
        // Opening an exchange waits for a link that is being replaced. Such a link can come for a hub, and for a leaf of
        // this node.
        let returning = |id| {
            let can_return = |member: &Member| member.kind == Kind::Hub || member.hubs.contains(&me);
            id != me && usable(id) && view.member(id).is_some_and(can_return)
        };
        let direct = |reach: &dyn Fn(NodeId) -> bool| {
            candidates()
                .filter(|candidate| reach(candidate.id))
                .map(|candidate| (Route::Linked(candidate.id), load(&view, requests, &candidate)))
                .collect::<Vec<_>>()
        };
        let relayed = |reach: &dyn Fn(NodeId) -> bool| {
            candidates()
                .flat_map(|candidate| candidate.hubs.iter().map(move |&via| (candidate, via)))
                .filter(|(candidate, via)| *via != me && *via != candidate.id && reach(*via))
                .map(|(candidate, via)| {
                    (Route::Relayed { via, to: candidate.id }, load(&view, requests, &candidate))
                })
                .collect::<Vec<_>>()
        };
        for ways in [direct(&linked), relayed(&linked), direct(&returning), relayed(&returning)] {
            if let Some((route, _)) = choose(ways.iter().map(|(_, load)| *load), fastrand::u64(..))
                .and_then(|index| ways.get(index))
            {
                return Ok(*route);
            }
        }
        if let (true, Some(closed)) = (offers, closed) {
            return Err(closed);
        }
        Err(match others.clone().find_map(|candidate| view.member(candidate.id)) {
            Some(Member { name, state, .. }) => ProxyError::unreachable(
                &format!("component {component}"),
                &format!("no way from here to a node that offers it, such as {name}, which is {state}"),
            ),
            None if view.isolated => ProxyError::Isolated,
            None => ProxyError::NoComponent,
        })
    }

    /// Why the component of this node takes no request now.
    fn closed(&self, component: &str, requests: &Requests) -> Option<ProxyError> {
        let busy = |reason: &str| ProxyError::Busy {
            who: format!("component {component}"),
            reason: reason.to_owned(),
        };
        if requests.is_full() {
            return Some(busy("as many are under way as it allows"));
        }
        let is_down = self.health.as_ref().is_some_and(|health| !health.is_any_up(component));
        is_down.then(|| busy("none of its upstreams passes its health check"))
    }
}

fn load(view: &View, requests: &Requests, candidate: &Candidate<'_>) -> Load {
    let (outstanding, ejected) = requests.of(Target::Node(candidate.id));
    Load {
        local: false,
        state: candidate.state,
        closed: false,
        ejected,
        outstanding,
        round_trip: view.round_trip(candidate.id).unwrap_or_default(),
    }
}
