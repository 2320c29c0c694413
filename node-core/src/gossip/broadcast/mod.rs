//! Broadcast: what changed here goes to peers that do not know it yet, in the newest form.
//!
//! Every change of the table has a number, and each link a cursor: what lies behind the cursor is sent when the link has room. So
//! a burst of changes to one member costs one record for each link, and nothing queues. Between hubs the links of the lowest rank
//! get eager push, records at once; the others get lazy push, IHAVE a while later (Plumtree). A leaf gets a feed of what concerns
//! it.

mod changes;
mod eager;
mod lazy;
mod leaf_feed;

pub use lazy::handle_ihave;
pub use leaf_feed::{feed_anew, feed_hubs};

use super::context::Context;
use super::membership::Members;
use super::overlay::{Overlay, Peer};
use super::packer::send_all;
use crate::time::Instant;
use crate::wire::gossip::Tag;
use crate::wire::{Kind, Outbox, Record};

/// Pushes what changed: eagerly or lazily between hubs, as a feed on a link to or from a leaf.
pub fn push(
    context: &Context,
    members: &Members<'_>,
    overlay: &Overlay<'_>,
    now: Instant,
    peer: &mut Peer,
    out: &mut impl Outbox,
) {
    if peer.kind == Kind::Leaf || !context.is_hub() {
        peer.push.cursor = leaf_feed::push_to_leaf(context, members, &overlay.peers, peer, out);
    } else if peer.is_overlay() && overlay.is_eager(context, peer) {
        eager::push_eagerly(members, now, peer, out);
    } else if peer.is_overlay() {
        lazy::push_lazily(members, now, peer, out);
    } else {
        peer.push.cursor = members.table.sequence();
        peer.push.lazy_at = None;
    }
}

/// Tells a peer what is said of it elsewhere.
pub fn put_buddy_notification(members: &Members<'_>, peer: &mut Peer, out: &mut impl Outbox) {
    let Some(said) = peer.buddy_notification else { return };
    // With its own signature the peer believes what it forgot itself.
    let known = members.table.find(peer.id).map(|index| members.table.record(index));
    let known = known.filter(|record| record.incarnation == said.incarnation);
    let metadata = known.map_or(&[][..], |record| record.metadata);
    let (incarnation, state, by) = (said.incarnation, said.state, said.by);
    let record = Record { id: peer.id, incarnation, state, by, metadata };
    if send_all(Tag::Records, [record].into_iter(), out) {
        peer.buddy_notification = None;
    }
}

#[cfg(test)]
mod tests;
