//! The addresses of hubs, stored for the next start.

use node_core::gossip::Kind;
use node_core::id::NodeId;
use node_core::time::{Duration, Instant};

use super::state_store::StateStore;
use super::view::{Member, View};
use crate::config::HostPort;

/// Addresses that are stored.
const MAX_KNOWN_HUBS: usize = 8;
/// The pause between two changes of them.
const STORE_PAUSE: Duration = Duration::from_secs(5);

/// Decides when the addresses are stored, and which.
pub(super) struct KnownHubs {
    /// Members changed since the last time.
    changed: bool,
    store_at: Instant,
}

impl KnownHubs {
    pub(super) const fn new(now: Instant) -> Self {
        Self { changed: false, store_at: now }
    }

    pub(super) const fn mark_changed(&mut self) {
        self.changed = true;
    }

    /// When [`store`](Self::store) is due.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.changed.then_some(self.store_at)
    }

    /// Stores where live hubs other than `me` can be dialled: first those that were stored before, then those that are linked
    /// and so proved who they are. Without a live hub the stored addresses stay.
    pub(super) fn store(&mut self, now: Instant, me: NodeId, view: &View, store: &StateStore) {
        self.changed = false;
        let is_live =
            |member: &&Member| member.id != me && member.kind == Kind::Hub && member.state.is_live();
        let live = view.members().iter().filter(is_live).filter_map(|member| member.addrs.first());
        let stored = store.hubs();
        let is_stored = |addr: &str| stored.iter().any(|hub| hub.as_str() == addr);
        let still_live = stored.iter().filter(|hub| live.clone().any(|addr| addr == hub.as_str())).cloned();
        let linked = view.members().iter().filter(is_live).filter(|member| member.linked);
        let new = linked.filter_map(|member| member.addrs.first()).filter(|addr| !is_stored(addr));
        let new = new.filter_map(|addr| addr.parse().ok());
        let hubs: Vec<HostPort> = still_live.chain(new).take(MAX_KNOWN_HUBS).collect();
        if hubs.is_empty() || hubs == stored {
            return;
        }
        self.store_at = now + STORE_PAUSE;
        store.set_hubs(hubs);
    }
}
