//! The links over which a hub reaches other nodes.

use node_core::gossip::Member;
use node_core::id::NodeId;
use node_core::route::owners::eligible;
use node_core::route::relay::RelayPath;
use node_core::route::target::Candidate;
use node_core::wire::Kind;

use super::core::Core;
use super::port::{Port, Stage};
use crate::sizes::MEMBERS;

impl Core<'_> {
    /// Whether a request for this node may leave over a port, and if so, the `to` that it has there. Without `to` it is for whichever hub
    /// gets it.
    pub(crate) fn way(&self, index: usize, to: Option<NodeId>) -> Option<Option<NodeId>> {
        let port = self.ports.get(index).filter(|port| port.is_up())?;
        let Stage::Joined(_, peer) = port.stage else { return None };
        let Some(to) = to else { return self.is_hub_at(peer).then_some(None) };
        match self.node.member(to) {
            _ if peer == to => Some(None),
            // A leaf asks any hub.
            _ if !self.is_hub => Some(Some(to)),
            Some(member) if member.metadata.hubs.contains(&peer) => Some(Some(to)),
            _ => None,
        }
    }

    /// The node for a request of this node's own to a component. A leaf lets its hub choose.
    pub(crate) fn chosen(&self, component: &str) -> Option<NodeId> {
        self.is_hub.then(|| self.provider(component, RelayPath::default())).flatten()
    }

    /// The node that answers requests to a component which this node does not offer: a live one to which the request has not been. One
    /// that is linked comes first.
    pub(crate) fn provider(&self, component: &str, path: RelayPath<'_>) -> Option<NodeId> {
        let offers = |member: &Member<'_>| {
            member.metadata.components.contains(&component) && member.record.id != self.node.id()
        };
        let candidate = |member: Member<'_>| Candidate {
            id: member.record.id,
            kind: member.metadata.kind,
            state: member.record.state,
            hubs: &[],
        };
        let offering: heapless::Vec<_, MEMBERS> = self.node.members().filter(offers).map(candidate).collect();
        let candidates = offering.iter().copied();
        let fits = |candidate: &Candidate<'_>| candidate.state.is_live() && !path.visits(candidate.id);
        eligible(None, candidates)
            .filter(fits)
            .map(|candidate| candidate.id)
            .max_by_key(|id| self.is_near(*id))
    }

    fn is_hub_at(&self, peer: NodeId) -> bool {
        self.node.member(peer).is_some_and(|member| member.metadata.kind == Kind::Hub)
    }

    fn is_near(&self, id: NodeId) -> bool {
        let is_at =
            |port: &Port<'_>| port.is_up() && matches!(port.stage, Stage::Joined(_, peer) if peer == id);
        self.ports.iter().any(is_at)
    }
}
