//! Lazy push: a hub that most likely hears of a change from others gets IHAVE a while later, and asks by IWANT for what it lacks.

use core::cmp::Ordering;

use crate::gossip::membership::Members;
use crate::gossip::overlay::Peer;
use crate::gossip::packer::{NO_ROOM_RETRY, Packed, Packer};
use crate::time::{Duration, Instant};
use crate::wire::gossip::{Items, Malformed, Tag, Version, Writer};
use crate::wire::{Outbox, State};

/// How long after a change a hub gets lazy push: what it heard elsewhere meanwhile it does not ask for.
const LAZY_DELAY: Duration = Duration::from_millis(250);

/// Pushes lazily what waited long enough, and lets what changed since wait.
pub fn push_lazily(members: &Members<'_>, now: Instant, peer: &mut Peer, out: &mut impl Outbox) {
    let sequence = members.table.sequence();
    if peer.push.lazy_at.is_some_and(|at| now >= at) {
        let pushed = put_ihave(members, peer, out);
        peer.push.cursor = pushed.position;
        peer.push.lazy_at = (!pushed.complete).then(|| now + NO_ROOM_RETRY);
    }
    if peer.push.lazy_at.is_none() && peer.push.cursor < sequence {
        peer.push.lazy_at = Some(now + LAZY_DELAY);
        peer.push.lazy_to = sequence;
    }
}

/// Says which versions are known here of what changed up to `lazy_to`.
fn put_ihave(members: &Members<'_>, peer: &Peer, out: &mut impl Outbox) -> Packed<u64> {
    let end = peer.push.lazy_to.max(peer.push.cursor);
    let mut packer = Packer::new(Tag::IHave, out, peer.push.cursor);
    for (index, number) in members.table.changes(peer.push.cursor).take_while(|&(_, number)| number <= end) {
        let slot = members.table.slot(index);
        if slot.known_by & peer.known_by == 0 && packer.push(&slot.wire_version()).is_err() {
            return packer.interrupted();
        }
        packer.advance(number);
    }
    packer.advance(end);
    packer.finish()
}

/// Asks for what changed at the peer a while ago and is still not known here. `known_by` is the peer's bit.
///
/// # Errors
/// [`Malformed`]; the peer is at fault.
pub fn handle_ihave(
    members: &mut Members<'_>,
    known_by: u64,
    versions: Items<'_, Version>,
    out: &mut impl Outbox,
) -> Result<bool, Malformed> {
    let mut wanted = Writer::new(Tag::IWant);
    for version in versions {
        let version = version?;
        match members.compare_version(&version) {
            (_, Ordering::Greater) => _ = wanted.push(&version.id),
            // It does not say who suspects a suspect.
            (Some(index), Ordering::Equal) if version.state != State::Suspect => {
                members.note_known_by(index, known_by);
            }
            _ => {}
        }
    }
    Ok(wanted.is_empty() || out.put(&[wanted.message()]).is_ok())
}
