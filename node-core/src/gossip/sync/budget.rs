//! The budget of a peer: how much work it may make.

use crate::gossip::membership::Members;
use crate::gossip::overlay::Peers;
use crate::id::LinkId;
use crate::time::{Duration, Instant};

/// A range with at most this many members is answered by an item list: it fits one message.
pub const MAX_LISTED: usize = 32;
/// Members that a peer may make this node look at in each [`WORK_PERIOD`], for each member of the table: several times what
/// reconciling two tables takes that have nothing in common.
const MAX_WORK: usize = 64;
const WORK_PERIOD: Duration = Duration::from_secs(1);

/// Whether a peer may make this node look at so many members more.
pub fn afford(
    members: &Members<'_>,
    peers: &mut Peers<'_>,
    now: Instant,
    link: LinkId,
    looked_at: usize,
) -> bool {
    let most = MAX_WORK * members.table.len().max(MAX_LISTED);
    let Some(peer) = peers.get_mut(link) else { return false };
    if now.since(peer.sync.work_since) >= WORK_PERIOD {
        (peer.sync.work, peer.sync.work_since) = (0, now);
    }
    peer.sync.work = peer.sync.work.saturating_add(u32::try_from(looked_at).unwrap_or(u32::MAX));
    peer.sync.work as usize <= most
}
