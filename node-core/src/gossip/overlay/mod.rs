//! The overlay: which links there are, and which of them carry gossip.
//!
//! The hubs form a random graph: each keeps links to some hubs that it chose with equal chance, its active view, takes links that
//! other hubs chose, and prunes what is too much (HyParView). A link belongs to the overlay while one side grafts it; a link that
//! was dialled for requests alone carries no gossip until then.
//!
//! [`Overlay`] holds one [`Peer`] for each link, and the seeds. It reads from the membership whom to dial, and tells it how dials
//! and links ended.

mod active_view;
mod dialer;
mod links;
mod peer;
mod peer_exchange;
mod peers;
mod prune;
mod rekey;
mod seeds;
mod tie_break;

pub use dialer::{Dial, Target};
pub use links::{Direction, LinkEnd};
pub use peer::Peer;
pub use peers::Peers;
pub use rekey::Certificates;

use seeds::Seeds;

use super::config::Config;
use super::context::Context;
use super::membership::{Index, Links, Members};
use crate::id::{LinkId, NodeId};
use crate::wire::{Kind, State};

/// The links of a node, and the addresses that it joins through.
pub struct Overlay<'s> {
    pub peers: Peers<'s>,
    seeds: Seeds,
}

impl<'s> Overlay<'s> {
    pub const fn new(peers: &'s mut [Peer]) -> Self {
        Self { peers: Peers::new(peers), seeds: Seeds::new() }
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
    fn leaf_links(&self) -> usize {
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
    fn pick_peer(&self, rng: &mut fastrand::Rng, fits: impl Fn(&Peer) -> bool) -> Option<LinkId> {
        let mut rng = rng.fork();
        let fitting = || self.peers.iter().filter(|peer| fits(peer));
        let count = fitting().count();
        if count == 0 { None } else { fitting().nth(rng.usize(0..count)).map(|peer| peer.link) }
    }

    /// A hub that can become a neighbour, even one that is down.
    fn is_candidate(&self, config: &Config, members: &Members<'_>, index: Index) -> bool {
        let slot = members.table.slot(index);
        let dialable = slot.dialable && slot.id != config.id && slot.state != State::Left;
        dialable && !self.is_dialled(members, index) && !self.is_neighbour(config, slot.id)
    }
}
