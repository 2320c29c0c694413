//! The leaf feed: a hub tells a leaf of itself, of its neighbours in the overlay, of former ones that departed, and
//! of the owners of components that the leaf uses. A leaf tells of itself alone.

use super::changes::push_changes;
use crate::gossip::context::Context;
use crate::gossip::membership::{Index, Members};
use crate::gossip::overlay::{Peer, Peers};
use crate::gossip::packer::Packer;
use crate::id::NodeId;
use crate::wire::gossip::Tag;
use crate::wire::{Kind, Outbox};

/// Pushes on a link to or from a leaf what changed and concerns the peer; returns the cursor moved on.
pub fn push_to_leaf(
    context: &Context,
    members: &Members<'_>,
    peers: &Peers<'_>,
    peer: &Peer,
    out: &mut impl Outbox,
) -> u64 {
    let me = context.config.id;
    if !context.is_hub() {
        let about_me = |index| members.table.slot(index).id == me;
        return push_changes(members, peer, about_me, out).position;
    }
    let uses = members.uses(peer.id);
    let concerns = |index: Index| {
        let slot = members.table.slot(index);
        // A leaf that is fed from the beginning hears of the neighbours by `feed_hubs`.
        let is_neighbour = || peers.hubs().any(|hub| hub.is_overlay() && hub.id == slot.id);
        let changed = || peer.push.cursor > 0 && is_neighbour();
        let departed = !slot.state.is_live() && slot.was_neighbour;
        slot.id == me
            || (slot.kind == Kind::Hub && (departed || changed()))
            || (slot.id != peer.id && members.offers(index, &uses))
    };
    push_changes(members, peer, concerns, out).position
}

/// Tells a leaf of the neighbours in the overlay that it has not heard of, as far as there is room.
pub fn feed_hubs(members: &Members<'_>, peers: &Peers<'_>, peer: &mut Peer, out: &mut impl Outbox) {
    let Some(from) = peer.push.feed_from else { return };
    let hubs = (0..).zip(peers.hubs()).skip(from.into()).filter(|(_, peer)| peer.is_overlay());
    let mut packer = Packer::new(Tag::Records, out, from);
    for (place, hub) in hubs {
        let Some(index) = members.table.find(hub.id) else { continue };
        packer.advance(place);
        if packer.push(&members.table.record(index)).is_err() {
            peer.push.feed_from = Some(packer.interrupted().position);
            return;
        }
    }
    let fed = packer.finish();
    peer.push.feed_from = (!fed.complete).then_some(fed.position);
}

/// A leaf hears again of everything that concerns it, because it may use something else than before.
pub fn feed_anew(peers: &mut Peers<'_>, id: NodeId) {
    let leaves = peers.iter_mut().filter(|peer| peer.kind == Kind::Leaf && peer.id == id);
    leaves.for_each(|peer| (peer.push.cursor, peer.push.feed_from) = (0, Some(0)));
}
