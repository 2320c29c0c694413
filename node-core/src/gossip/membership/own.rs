//! This node's own record, and how it changes.

use super::failure_detector::{HUBS_GRACE, MAX_SLEEP};
use super::members::{Links, Members};
use super::refutation::MAX_INCARNATION;
use crate::gossip::context::Context;
use crate::gossip::timers::Timer;
use crate::id::NodeId;
use crate::log::warning;
use crate::time::Instant;
use crate::wire::record::{BadMetadata, MAX_HUBS, MAX_METADATA};
use crate::wire::{Metadata, Record, State};

impl Members<'_> {
    /// Puts this node into its table.
    ///
    /// # Errors
    /// [`BadMetadata`] when the table has no slot.
    pub fn insert_own(
        &mut self,
        context: &Context,
        now: Instant,
        incarnation: u64,
    ) -> Result<(), BadMetadata> {
        let me = self.table.insert(context.config.id).map_err(|_| BadMetadata)?;
        if let Some(slot) = self.table.slot_mut(me) {
            slot.since = now;
            slot.kind = context.config.kind;
        }
        self.table.update(me, |slot| {
            slot.state = State::Alive;
            slot.incarnation = incarnation.min(MAX_INCARNATION - 1);
        });
        Ok(())
    }

    pub fn own_record(&self, context: &Context) -> Record<'_> {
        let id = context.config.id;
        let unknown = Record { id, incarnation: 0, state: State::Left, by: None, metadata: &[] };
        self.table.find(id).map_or(unknown, |me| self.table.record(me))
    }

    /// Refutes what others said of this node, if it is time.
    pub fn refute(&mut self, context: &mut Context, now: Instant) {
        self.refutation.refute(context, &mut self.table, now);
    }

    /// Changes what this node says of itself and spreads it.
    ///
    /// # Errors
    /// [`BadMetadata`] when it breaks a limit or does not fit the storage; nothing changed.
    pub fn set_own_metadata(
        &mut self,
        context: &Context,
        metadata: &Metadata<'_>,
    ) -> Result<(), BadMetadata> {
        let mut buffer = [0; MAX_METADATA];
        let encoded = metadata.encode(&mut buffer)?;
        let me = self.table.find(context.config.id).ok_or(BadMetadata)?;
        if self.table.metadata(me) == encoded {
            return Ok(());
        }
        let is_first = self.table.metadata(me).is_empty();
        self.table.set_metadata(me, encoded, 0).map_err(|_| BadMetadata)?;
        if !is_first {
            self.table.update(me, |slot| slot.incarnation = slot.incarnation.saturating_add(1));
        }
        self.table.mark_changed(me, 0);
        Ok(())
    }

    /// Changes one thing in this node's metadata.
    ///
    /// # Errors
    /// As [`set_own_metadata`](Self::set_own_metadata).
    pub fn change_own_metadata(
        &mut self,
        context: &Context,
        change: impl FnOnce(&mut Metadata<'_>),
    ) -> Result<(), BadMetadata> {
        let me = self.table.find(context.config.id).ok_or(BadMetadata)?;
        let mut copy = [0; MAX_METADATA];
        let old = self.table.metadata(me);
        let copy = copy.get_mut(..old.len()).ok_or(BadMetadata)?;
        copy.copy_from_slice(old);
        let mut metadata = Metadata::decode(copy)?;
        change(&mut metadata);
        self.set_own_metadata(context, &metadata)
    }

    /// This node leaves the cluster.
    pub fn leave(&mut self, context: &Context, now: Instant) {
        self.leaving = true;
        let Some(me) = self.table.find(context.config.id) else { return };
        if let Some(slot) = self.table.slot_mut(me) {
            slot.since = now;
        }
        self.table.update(me, |slot| {
            slot.incarnation = slot.incarnation.saturating_add(1);
            slot.state = State::Left;
        });
        self.table.mark_changed(me, 0);
    }

    /// This leaf sleeps for so many seconds.
    ///
    /// # Errors
    /// [`BadMetadata`] on a hub, or when the metadata has no room for it; nothing changed.
    pub fn sleep(&mut self, context: &mut Context, seconds: u32) -> Result<(), BadMetadata> {
        if context.is_hub() {
            return Err(BadMetadata);
        }
        self.change_own_metadata(context, |metadata| metadata.sleep_s = seconds.clamp(1, MAX_SLEEP))?;
        self.sleeping = true;
        context.timers.clear(Timer::AnnounceHubs);
        Ok(())
    }

    /// # Errors
    /// Never, as long as the metadata could be written before.
    pub fn wake(&mut self, context: &Context) -> Result<(), BadMetadata> {
        self.sleeping = false;
        self.change_own_metadata(context, |metadata| metadata.sleep_s = 0)
    }

    /// A link broke: this node announces its hubs anew in a while.
    pub fn announce_hubs_later(&self, context: &mut Context, now: Instant) {
        if !self.sleeping {
            context.timers.set_if_unset(Timer::AnnounceHubs, now + HUBS_GRACE);
        }
    }

    /// A node that cannot be dialled, a leaf above all, announces the hubs that it is linked to.
    pub fn announce_hubs(&mut self, context: &mut Context, links: &impl Links) {
        context.timers.clear(Timer::AnnounceHubs);
        let me = self.table.find(context.config.id);
        let me = me.and_then(|me| Metadata::decode(self.table.metadata(me)).ok());
        let Some(Metadata { hubs: before, .. }) = me.filter(|metadata| metadata.addrs.is_empty()) else {
            return;
        };
        // Those named already stay, in their order: which link is older is nothing to tell the cluster.
        let named = before.iter().copied().filter(|hub| links.linked_hubs().any(|id| id == *hub));
        let others = links.linked_hubs().filter(|hub| !before.contains(hub));
        let hubs: heapless::Vec<NodeId, MAX_HUBS> = named.chain(others).take(MAX_HUBS).collect();
        // A leaf that sleeps still belongs to the hubs that it had.
        if !self.sleeping && self.change_own_metadata(context, |metadata| metadata.hubs = hubs).is_err() {
            warning!("the metadata of this node leaves no room for its hubs");
        }
    }
}
