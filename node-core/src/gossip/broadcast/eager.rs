//! Eager push: a hub of a low rank gets records at once; when there are many, several together.

use super::changes::push_changes;
use crate::gossip::membership::Members;
use crate::gossip::overlay::Peer;
use crate::time::{Duration, Instant};
use crate::wire::Outbox;

/// A hub gets eager push once in this time when there is much; [`EAGER_BURST`] times more before it comes to that.
const EAGER_INTERVAL: Duration = Duration::from_millis(100);
const EAGER_BURST: u32 = 3;

/// Pushes to a hub what changed and it does not know, unless it got much just now.
pub fn push_eagerly(members: &Members<'_>, now: Instant, peer: &mut Peer, out: &mut impl Outbox) {
    let sequence = members.table.sequence();
    peer.push.lazy_at = None;
    if peer.push.cursor == sequence {
        return;
    }
    let turn = peer.push.eager_paced_at.max(now);
    if turn.since(now) > EAGER_INTERVAL * EAGER_BURST && !members.is_leaving() {
        peer.push.lazy_at = Some(peer.push.eager_paced_at - EAGER_INTERVAL * EAGER_BURST);
        peer.push.lazy_to = sequence;
        return;
    }
    let known_by = peer.known_by;
    let unknown = |index| members.table.slot(index).known_by & known_by == 0;
    let pushed = push_changes(members, peer, unknown, out);
    peer.push.cursor = pushed.position;
    if pushed.any_sent {
        peer.push.eager_paced_at = turn + EAGER_INTERVAL;
    }
}
