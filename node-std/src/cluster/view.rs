//! The cluster at one moment.

use core::time::Duration;
use std::collections::HashMap;

use node_core::crypto::PublicKey;
use node_core::gossip::{self, Kind, State};
use node_core::id::{Name, NodeId};
use node_core::time::Instant;
use node_core::trust::Fingerprint;

use crate::clock::unix_millis;
use crate::link::{LinkHandle, Rtt};
use crate::tls::Session;

/// One member, as this node knows it.
#[derive(Clone, Debug)]
pub struct Member {
    /// Its identity.
    pub id: NodeId,
    /// The public key of its identity, whose hash the id is.
    pub identity: PublicKey,
    /// Its name.
    pub name: Name,
    /// Hub or leaf.
    pub kind: Kind,
    /// Its state, as this node knows it.
    pub state: State,
    /// Its incarnation.
    pub incarnation: u64,
    /// Unix time in milliseconds when `state` was learned here.
    pub since_unix_ms: u64,
    /// Addresses (`HOST:PORT`) at which a hub can be dialled.
    pub addrs: Vec<String>,
    /// Components that it offers.
    pub components: Vec<String>,
    /// For a leaf: the hubs that it is linked to.
    pub hubs: Vec<NodeId>,
    /// SHA-256 of the certificate that it presents. All zero without one (plaintext).
    pub active_key: [u8; 32],
    /// Digest of all certificates that it trusts.
    pub keyring: [u8; 32],
    /// Whether this node has a link to it.
    pub linked: bool,
    /// The round-trip time of that link.
    pub rtt: Option<Rtt>,
    /// For a suspect: the failure that this node itself saw.
    pub evidence: Option<&'static str>,
    /// It is a leaf that announced that it sleeps.
    pub asleep: bool,
}

/// A link of this node.
#[derive(Clone, Debug)]
pub struct LinkInfo {
    /// The member at the other end.
    pub peer: NodeId,
    /// The address at the other end.
    pub address: String,
    /// Whether this node dialled.
    pub dialled: bool,
    /// Whether it carries gossip, and not only requests.
    pub gossip: bool,
    /// Unix time in milliseconds when it came up.
    pub since_unix_ms: u64,
    /// Its round-trip time.
    pub rtt: Rtt,
    /// SHA-256 of the certificate that the peer showed, under TLS.
    pub peer_key: Option<Fingerprint>,
    /// What its handshake agreed on, under TLS.
    pub session: Option<Session>,
}

impl Member {
    /// Takes over the core's knowledge of a member at `now`. `None` if its name is invalid, which no record allows.
    pub(super) fn new(member: &gossip::Member<'_>, rtt: Option<Rtt>, now: Instant) -> Option<Self> {
        let gossip::Member { record, metadata, since, linked, evidence, asleep } = member;
        let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        let age = u64::try_from(now.since(*since).as_millis()).unwrap_or(u64::MAX);
        Some(Self {
            id: record.id,
            identity: metadata.identity,
            name: Name::new(metadata.name).ok()?,
            kind: metadata.kind,
            state: record.state,
            incarnation: record.incarnation,
            since_unix_ms: unix_millis().saturating_sub(age),
            addrs: owned(&metadata.addrs),
            components: owned(&metadata.components),
            hubs: metadata.hubs.iter().copied().collect(),
            active_key: metadata.active_key,
            keyring: metadata.keyring,
            linked: *linked,
            rtt,
            evidence: *evidence,
            asleep: *asleep,
        })
    }
}

/// The next step of an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Hop {
    /// The node at the other end of the link that it takes.
    pub(super) via: NodeId,
    /// The node that it is for, `None` for `via` itself.
    pub(super) to: Option<NodeId>,
}

/// All members at one moment, this node included.
#[derive(Clone, Debug, Default)]
pub struct View {
    /// Ordered by name, then id.
    members: Vec<Member>,
    /// The index in `members` of each member.
    places: HashMap<NodeId, usize>,
    /// For each component, the indexes in `members` of the members that offer it.
    offers: HashMap<String, Vec<usize>>,
    /// The link to use for each linked member.
    pub(super) links: HashMap<NodeId, LinkHandle>,
    /// All links that are up, also those that are ending.
    pub link_list: Vec<LinkInfo>,
    /// Whether this node is leaving the cluster. Then it makes no new links.
    pub(super) leaving: bool,
    /// Whether other members exist, or should exist, and there is no link to any of them. Then the offered components are not
    /// known.
    pub isolated: bool,
}

impl View {
    /// The round-trip time of the link to a member.
    pub(crate) fn round_trip(&self, id: NodeId) -> Option<Duration> {
        self.links.get(&id)?.rtt().micros().map(Duration::from_micros)
    }

    /// A view of these members, without links.
    pub(super) fn of(mut members: Vec<Member>) -> Self {
        members.sort_by(|a, b| (&a.name, a.id).cmp(&(&b.name, b.id)));
        let places = members.iter().enumerate().map(|(place, member)| (member.id, place)).collect();
        let mut offers: HashMap<String, Vec<usize>> = HashMap::new();
        for (place, member) in members.iter().enumerate() {
            for component in &member.components {
                let offering = offers.entry(component.clone()).or_default();
                // A member that names one twice does not get twice the requests.
                if offering.last() != Some(&place) {
                    offering.push(place);
                }
            }
        }
        Self { members, places, offers, ..Self::default() }
    }

    /// All members, ordered by name, then id.
    #[must_use]
    pub fn members(&self) -> &[Member] {
        &self.members
    }

    /// The member with this identity.
    #[must_use]
    pub fn member(&self, id: NodeId) -> Option<&Member> {
        self.members.get(*self.places.get(&id)?)
    }

    /// The members that offer this component.
    pub fn offering(&self, component: &str) -> impl Iterator<Item = &Member> + Clone {
        let places = self.offers.get(component).map_or(&[][..], Vec::as_slice);
        places.iter().filter_map(|place| self.members.get(*place))
    }

    /// The number of links.
    #[must_use]
    pub fn link_count(&self) -> usize {
        self.links.len()
    }

    /// Routes an exchange for `to` that was meant for the link to `via`. A leaf may have come back to another hub meanwhile.
    pub(super) fn forward(&self, me: NodeId, via: NodeId, to: Option<NodeId>) -> Hop {
        match self.next_hop(me, via) {
            Some(hub) if hub != via => Hop { via: hub, to: to.or(Some(via)) },
            _ => Hop { via, to },
        }
    }

    /// The node over whose link `me` reaches `to`: itself, or one of its hubs.
    pub(super) fn next_hop(&self, me: NodeId, to: NodeId) -> Option<NodeId> {
        if self.links.contains_key(&to) {
            return Some(to);
        }
        let member = self.member(to).filter(|member| member.state.is_live())?;
        match member.kind {
            Kind::Hub => Some(to),
            // It comes back to this node, as far as is known.
            Kind::Leaf if member.asleep && member.hubs.contains(&me) => Some(to),
            Kind::Leaf => {
                let others = || member.hubs.iter().filter(|hub| **hub != me);
                let hub = others().find(|hub| self.links.contains_key(hub)).or_else(|| others().next());
                // A leaf that lost its link to this node, its only hub, dials this node again.
                hub.or_else(|| member.hubs.first().map(|_| &to)).copied()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Hop, Member, View};
    use node_core::crypto::PublicKey;
    use node_core::gossip::{Kind, State};
    use node_core::id::{Name, NodeId};

    const ME: NodeId = NodeId([1; 16]);
    const OTHER: NodeId = NodeId([2; 16]);
    const LEAF: NodeId = NodeId([3; 16]);

    fn leaf(id: NodeId, name: &str) -> Member {
        Member {
            id,
            identity: PublicKey::NONE,
            name: Name::new(name).unwrap(),
            kind: Kind::Leaf,
            state: State::Suspect,
            incarnation: 1,
            since_unix_ms: 0,
            addrs: Vec::new(),
            components: Vec::new(),
            hubs: Vec::new(),
            active_key: [0; 32],
            keyring: [0; 32],
            linked: false,
            rtt: None,
            evidence: None,
            asleep: false,
        }
    }

    /// The next hop to a leaf with these hubs, while there is no link at all.
    fn next_hop(hubs: &[NodeId]) -> Option<NodeId> {
        View::of(vec![Member { hubs: hubs.to_vec(), ..leaf(LEAF, "leaf") }]).next_hop(ME, LEAF)
    }

    #[test]
    fn members_are_found_by_id_and_by_what_they_offer() {
        let offers = |id, name, components: &[&str]| Member {
            components: components.iter().map(|name| (*name).to_owned()).collect(),
            ..leaf(id, name)
        };
        let view = View::of(vec![
            offers(ME, "c", &["shop", "web"]),
            offers(OTHER, "a", &["web", "web"]),
            offers(LEAF, "b", &[]),
        ]);
        let names =
            |members: &[Member]| members.iter().map(|member| member.name.to_string()).collect::<Vec<_>>();
        assert_eq!(names(view.members()), ["a", "b", "c"]);
        for id in [ME, OTHER, LEAF] {
            assert_eq!(view.member(id).map(|member| member.id), Some(id));
        }
        assert!(view.member(NodeId([9; 16])).is_none());
        let offering = |component| view.offering(component).map(|member| member.id).collect::<Vec<_>>();
        assert_eq!(offering("web"), [OTHER, ME]);
        assert_eq!((offering("shop"), offering("none")), (vec![ME], vec![]));
    }

    #[test]
    fn a_leaf_that_lost_its_link_to_this_node_is_waited_for() {
        assert_eq!(next_hop(&[ME]), Some(LEAF));
    }

    #[test]
    fn a_leaf_is_reached_over_its_other_hub() {
        assert_eq!(next_hop(&[ME, OTHER]), Some(OTHER));
    }

    #[test]
    fn a_leaf_that_sleeps_is_waited_for_until_it_wakes_at_another_hub() {
        let asleep = Member { hubs: vec![ME, OTHER], asleep: true, ..leaf(LEAF, "leaf") };
        let view = View::of(vec![asleep.clone()]);
        assert_eq!(view.next_hop(ME, LEAF), Some(LEAF));
        assert_eq!(view.forward(ME, LEAF, None), Hop { via: LEAF, to: None });
        let awake = View::of(vec![Member { hubs: vec![OTHER], asleep: false, ..asleep }]);
        let over_its_hub = Hop { via: OTHER, to: Some(LEAF) };
        assert_eq!(awake.forward(ME, LEAF, None), over_its_hub);
        // A hub is reached by itself.
        assert_eq!(awake.forward(ME, OTHER, Some(LEAF)), over_its_hub);
    }

    #[test]
    fn a_leaf_without_a_hub_is_not_reached() {
        assert_eq!(next_hop(&[]), None);
    }
}
