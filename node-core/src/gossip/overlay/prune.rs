//! Pruning: which links end when there are too many.

use super::links::Overlay;
use super::peer::Peer;
use crate::gossip::context::Context;
use crate::gossip::membership::Members;
use crate::gossip::timers::Timer;
use crate::id::{LinkId, NodeId};
use crate::time::{Duration, Instant};
use crate::wire::{GoAway, Kind};

/// Links that are too many are pruned after this, with jitter: by then a node that just joined knows others.
const PRUNE_DELAY: Duration = Duration::from_secs(2);
/// Overlay links that a hub keeps beside those that it needs: else it would prune one whenever another hub dials it.
const SPARE_LINKS: usize = 1;
/// A link is not pruned before this age.
const SETTLED: Duration = Duration::from_secs(5);
/// A link may drain for so long before it has to make room for another.
const LONG_DRAIN: Duration = Duration::from_secs(300);

impl Overlay<'_> {
    /// Whether there are more overlay links than the hub keeps.
    pub(super) fn has_spare_links(&self, context: &Context) -> bool {
        self.active_view_len() > context.config.active_view + SPARE_LINKS
    }

    pub(super) fn prune_later(&self, context: &mut Context, now: Instant) {
        if context.timers.due(Timer::Prune).is_none() {
            let at = now + context.jitter(PRUNE_DELAY + SETTLED);
            context.timers.set(Timer::Prune, at);
        }
    }

    /// Makes room for one more overlay link: prunes another one. `false` when all are new, as when many hubs join at once.
    pub(super) fn evict_for_newcomer(&mut self, context: &mut Context, now: Instant) -> bool {
        while self.active_view_len() >= context.config.max_active_view {
            // Links that this node chose itself stay: else a node that dials often enough could surround it.
            let settled = self.pick_peer(&mut context.rng, |peer| {
                peer.is_overlay() && !peer.grafted && now.since(peer.up_at) >= SETTLED
            });
            if settled.is_none() {
                return false;
            }
            self.prune(settled);
        }
        true
    }

    /// Prunes the oldest of the overlay links that this node dialled, when there are more than it needs.
    pub(super) fn prune_hubs(&mut self, context: &Context, now: Instant) {
        if self.has_spare_links(context) {
            let dialled = self.peers.hubs().filter(|peer| peer.is_overlay() && peer.dialled);
            let oldest =
                dialled.min_by_key(|peer| peer.up_at).filter(|peer| now.since(peer.up_at) >= SETTLED);
            self.prune(oldest.map(|peer| peer.link));
        }
    }

    pub(super) fn has_too_many_leaves(&self, context: &Context) -> bool {
        self.leaf_links() > context.config.max_leaves
    }

    /// Sends leaves away that are too many, first those that have another hub.
    pub(super) fn prune_leaves(&mut self, context: &mut Context, members: &Members<'_>, now: Instant) {
        for _ in 0..self.leaf_links().saturating_sub(context.config.max_leaves) {
            let is_leaf =
                |peer: &Peer| peer.is_usable() && peer.kind == Kind::Leaf && now.since(peer.up_at) >= SETTLED;
            let rng = &mut context.rng;
            let spare = self.pick_peer(rng, |peer| is_leaf(peer) && members.named_hubs(peer.id) > 1);
            let chosen = spare.or_else(|| self.pick_peer(rng, is_leaf));
            self.prune(chosen);
        }
    }

    /// Makes a place for a link to `id` when all are taken, for the next time. A link that has drained for long is ended hard, for
    /// it would drain as long as its peer likes; else the oldest other one that serves requests alone is pruned.
    pub(super) fn evict_for_link(&mut self, now: Instant, id: NodeId) {
        let is_overdue = |peer: &&mut Peer| {
            peer.go_away.is_some_and(GoAway::drains)
                && peer.drains_since.is_some_and(|since| now.since(since) >= LONG_DRAIN)
        };
        if let Some(overdue) = self.peers.iter_mut().find(is_overdue) {
            (overdue.go_away, overdue.closing) = (Some(GoAway::Full), false);
            return;
        }
        let for_requests = |peer: &&Peer| peer.is_usable() && !peer.is_overlay() && peer.id != id;
        let idle = self.peers.hubs().filter(for_requests);
        let oldest = idle.min_by_key(|peer| peer.up_at).map(|peer| peer.link);
        self.prune(oldest);
    }

    fn prune(&mut self, link: Option<LinkId>) {
        if let Some(peer) = link.and_then(|link| self.peers.get_mut(link)) {
            peer.go_away = Some(GoAway::Pruned);
        }
    }
}
