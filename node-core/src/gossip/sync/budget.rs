//! The budget of a peer: how much work it may make.

use crate::gossip::membership::Members;
use crate::gossip::overlay::Peers;
use crate::id::LinkId;
use crate::time::{Duration, Instant};

/// A range with at most this many members is answered by an item list: it fits one message.
pub const FEW: usize = 32;
/// Members that a peer may make this node look at in each [`BUDGET_PERIOD`], for each member of the table: several times what
/// reconciling two tables takes that have nothing in common.
const BUDGET: usize = 64;
const BUDGET_PERIOD: Duration = Duration::from_secs(1);

/// Whether a peer may make this node look at so many members more.
pub fn afford(
    members: &Members<'_>,
    peers: &mut Peers<'_>,
    now: Instant,
    link: LinkId,
    looked_at: usize,
) -> bool {
    let most = BUDGET * members.table.len().max(FEW);
    let Some(peer) = peers.get_mut(link) else { return false };
    if now.since(peer.work_since) >= BUDGET_PERIOD {
        (peer.work, peer.work_since) = (0, now);
    }
    peer.work = peer.work.saturating_add(u32::try_from(looked_at).unwrap_or(u32::MAX));
    peer.work as usize <= most
}
