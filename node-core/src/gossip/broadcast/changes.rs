//! Changes as records, from a cursor on.

use crate::gossip::membership::{Index, Members};
use crate::gossip::overlay::Peer;
use crate::gossip::packer::{Packed, Packer};
use crate::wire::Outbox;
use crate::wire::gossip::Tag;

/// Sends the records of members that changed after the peer's cursor and concern it.
pub fn push_changes(
    members: &Members<'_>,
    peer: &Peer,
    concerns: impl Fn(Index) -> bool,
    out: &mut impl Outbox,
) -> Packed<u64> {
    let mut packer = Packer::new(Tag::Records, out, peer.push.cursor);
    for (index, number) in members.table.changes(peer.push.cursor) {
        if concerns(index) && packer.push(&members.table.record(index)).is_err() {
            return packer.interrupted();
        }
        packer.advance(number);
    }
    packer.finish()
}
