//! The links of a node, and what can be asked of them.

use super::addresses::Addresses;
use super::dial_budget::DialBudget;
use super::peer::Peer;
use super::peers::Peers;
use super::seeds::Seeds;
use crate::gossip::config::Config;
use crate::gossip::context::Context;
use crate::gossip::membership::{Index, Links, Members};
use crate::id::{LinkId, NodeId};
use crate::wire::{GoAway, Kind, State};

/// The links of a node, and the addresses that it joins through.
pub struct Overlay<'s> {
    pub peers: Peers<'s>,
    pub(super) seeds: Seeds,
    pub(super) addresses: Addresses,
    pub(super) dial_budget: DialBudget,
}

impl<'s> Overlay<'s> {
    /// `key` is random.
    pub const fn new(peers: &'s mut [Peer], key: u64) -> Self {
        Self {
            peers: Peers::new(peers),
            seeds: Seeds::new(),
            addresses: Addresses::new(key),
            dial_budget: DialBudget::new(),
        }
    }

    /// Links to hubs that carry gossip.
    pub fn active_view_len(&self) -> usize {
        self.peers.hubs().filter(|peer| peer.is_overlay()).count()
    }

    /// Links to hubs that may be used.
    pub fn hub_links(&self) -> usize {
        self.peers.linked_hubs().count()
    }

    /// Links to leaves that may be used.
    pub(super) fn leaf_links(&self) -> usize {
        self.peers.iter().filter(|peer| peer.is_usable() && peer.kind == Kind::Leaf).count()
    }

    /// The link to use for a node, if there is one.
    pub fn link_to(&self, id: NodeId) -> Option<LinkId> {
        self.peers.iter().find(|peer| peer.is_usable() && peer.id == id).map(|peer| peer.link)
    }

    /// Whether a link carries gossip: every one to a leaf, of those to hubs the links of the overlay.
    pub fn carries_gossip(&self, context: &Context, link: LinkId) -> bool {
        self.peers.get(link).is_some_and(|peer| {
            let between_hubs = peer.kind == Kind::Hub && context.is_hub();
            peer.is_overlay() || (peer.is_usable() && !between_hubs)
        })
    }

    /// A link for which `fits` holds, each with equal chance.
    pub(super) fn pick_peer(&self, rng: &mut fastrand::Rng, fits: impl Fn(&Peer) -> bool) -> Option<LinkId> {
        let mut rng = rng.fork();
        let fitting = || self.peers.iter().filter(|peer| fits(peer));
        let count = fitting().count();
        if count == 0 { None } else { fitting().nth(rng.usize(0..count)).map(|peer| peer.link) }
    }

    /// A hub that can become a neighbour, even one that is down.
    pub(super) fn is_candidate(&self, config: &Config, members: &Members<'_>, index: Index) -> bool {
        let slot = members.table.slot(index);
        let dialable = slot.dialable && slot.id != config.id && slot.state != State::Left;
        dialable && !self.is_dialled(members, index) && !self.is_neighbour(config, slot.id)
    }

    /// Whether a dial to it is under way, at an address of its own or at a seed where it answered before. A second one might lead
    /// to two links, of which each end takes another for the newer.
    pub(super) fn is_dialled(&self, members: &Members<'_>, index: Index) -> bool {
        let slot = members.table.slot(index);
        slot.dial.under_way || self.seeds.reached(slot.id).any(|seed| seed.dialling)
    }

    /// Whether there is a link that counts: for a leaf any, for a hub one that carries gossip.
    pub(super) fn is_neighbour(&self, config: &Config, id: NodeId) -> bool {
        let mut links = self.peers.iter().filter(|peer| peer.id == id);
        links.any(|peer| match peer.go_away {
            None => !config.is_hub() || peer.is_overlay(),
            // A peer whose link was pruned does not come back at once.
            Some(reason) => reason == GoAway::Pruned,
        })
    }
}
