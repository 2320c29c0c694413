//! Peer exchange (GossipSub PX): a hub without room tells a newcomer of other hubs before it prunes the link.

use super::links::Overlay;
use crate::gossip::context::Context;
use crate::gossip::membership::Members;
use crate::id::NodeId;
use crate::wire::gossip::{Tag, Writer};
use crate::wire::{Outbox, State};

/// Hubs that a newcomer is told of.
const MAX_EXCHANGED: usize = 8;

impl Overlay<'_> {
    /// Tells a peer of some hubs that may have room; `false` when the link has none.
    pub fn put_peer_exchange(
        &self,
        context: &mut Context,
        members: &Members<'_>,
        to: NodeId,
        out: &mut impl Outbox,
    ) -> bool {
        let table = &members.table;
        let start = context.rng.usize(0..table.len().max(1));
        let hubs = table.iter().cycle().skip(start).take(table.len()).filter(|&index| {
            let slot = table.slot(index);
            slot.dialable && slot.state == State::Alive && slot.id != context.config.id && slot.id != to
        });
        let mut writer = Writer::new(Tag::Records);
        hubs.take(MAX_EXCHANGED).all(|index| writer.push(&table.record(index)));
        writer.is_empty() || out.put(&[writer.message()]).is_ok()
    }
}
