//! This node's own record, and how it changes.

use thiserror::Error;

use super::failure_detector::{HUBS_GRACE, MAX_SLEEP};
use super::members::{Links, Members};
use super::refutation::MAX_INCARNATION;
use crate::crypto::SignError;
use crate::gossip::context::Context;
use crate::gossip::timers::Timer;
use crate::id::NodeId;
use crate::log::warning;
use crate::time::Instant;
use crate::wire::record::{BadMetadata, MAX_HUBS, MAX_METADATA, split_signature};
use crate::wire::{Metadata, Record, Rival, State};

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

    /// Another node says something of this one. What is wrong is refuted.
    pub(super) fn hear_of_self(&mut self, context: &mut Context, now: Instant, record: &Record<'_>) {
        let Some(me) = self.table.find(context.config.id).filter(|_| !self.leaving) else { return };
        let slot = *self.table.slot(me);
        let known = record.metadata.is_empty() || record.metadata == self.table.metadata(me);
        let right = record.state == slot.state && known;
        if record.incarnation < slot.incarnation || (record.incarnation == slot.incarnation && right) {
            return;
        }
        if record.incarnation >= MAX_INCARNATION - 1 {
            return self.rejections.count(now, "too high an incarnation", record.id);
        }
        let published = || self.identity.verify_record(record).is_ok();
        if (record.incarnation > slot.incarnation || !known) && !published() {
            // Nobody else raises the incarnation of this node.
            return self.rejections.count(now, "not signed by this node", record.id);
        }
        if self.is_refused(record) || (self.refused && record.metadata == self.table.metadata(me)) {
            return;
        }
        self.refutation.note(record);
        self.refute_with(context, now, self.rival_in(record));
    }

    /// Whether the node that has this identity, and is live, names this process as its rival: it was there first.
    fn is_refused(&mut self, record: &Record<'_>) -> bool {
        let metadata = Metadata::decode(record.metadata).ok().filter(|_| record.state.is_live());
        let named = metadata.filter(|metadata| metadata.rival.is_some_and(|rival| rival.start == self.start));
        let Some(first) = named else { return false };
        if !self.refusal_logged {
            warning!(
                "node {} ({}) runs already, at {}: this process, which has the same identity, is refused",
                first.name,
                record.id,
                first.addrs.first().copied().unwrap_or("no address")
            );
        }
        (self.refused, self.refusal_logged) = (true, true);
        true
    }

    /// A peer said that another process with this identity was there first.
    pub fn note_refusal(&mut self) {
        self.refused = true;
    }

    /// The process that published the record, if it started later than this one: it has a copy of the identity. One
    /// that started earlier is the former life of this node.
    fn rival_in<'r>(&self, record: &Record<'r>) -> Option<Rival<'r>> {
        let metadata = Metadata::decode(record.metadata).ok()?;
        let address = metadata.addrs.first().copied().unwrap_or_default();
        (metadata.start > self.start).then_some(Rival { start: metadata.start, address })
    }

    /// Refutes what others said of this node, if it is time.
    pub fn refute(&mut self, context: &mut Context, now: Instant) {
        self.refute_with(context, now, None);
    }

    /// Refutes what others said, and publishes who has the same identity.
    fn refute_with(&mut self, context: &mut Context, now: Instant, rival: Option<Rival<'_>>) {
        let mine = self.own_record(context).incarnation;
        let Some(incarnation) = self.refutation.take(context, now, mine) else { return };
        if let Some(Rival { address, .. }) = rival {
            warning!("another process runs with the identity of this node, at {}: it is refused", address);
        }
        let published = match rival {
            Some(_) => self.publish_rival(context, incarnation, rival),
            None => self.sign_anew(context, incarnation),
        };
        if let Err(error) = published {
            warning!("this node cannot refute what is said of it: {}", error);
        }
    }

    /// Changes what this node says of itself and spreads it. What a node alone knows of itself stays: its start, its rival,
    /// whether it leaves, its identity.
    ///
    /// # Errors
    /// [`PublishError`] when it breaks a limit or does not fit the storage, or cannot be signed; nothing changed.
    pub fn set_own_metadata(
        &mut self,
        context: &Context,
        metadata: &Metadata<'_>,
    ) -> Result<(), PublishError> {
        let mut buffer = [0; MAX_METADATA];
        let length = self.encode_own(context, &mut buffer, metadata)?;
        self.publish_next(context, buffer.get_mut(..length).ok_or(BadMetadata)?)
    }

    /// Changes one thing in this node's metadata.
    ///
    /// # Errors
    /// As [`set_own_metadata`](Self::set_own_metadata).
    pub fn change_own_metadata(
        &mut self,
        context: &Context,
        change: impl FnOnce(&mut Metadata<'_>),
    ) -> Result<(), PublishError> {
        let mut buffer = [0; MAX_METADATA];
        let length = self.encode_changed(context, &mut buffer, |metadata| {
            let Metadata { start, rival, left, identity, .. } = *metadata;
            change(metadata);
            (metadata.start, metadata.rival, metadata.left, metadata.identity) =
                (start, rival, left, identity);
        })?;
        self.publish_next(context, buffer.get_mut(..length).ok_or(BadMetadata)?)
    }

    /// This node leaves the cluster. Without a signature the others see only that its links end.
    pub fn leave(&mut self, context: &Context, now: Instant) {
        if let Err(error) = self.publish_left(context) {
            warning!("this node cannot publish that it leaves: {}", error);
        }
        self.leaving = true;
        if let Some(slot) = self.table.find(context.config.id).and_then(|me| self.table.slot_mut(me)) {
            slot.since = now;
        }
    }

    /// This leaf sleeps for so many seconds.
    ///
    /// # Errors
    /// [`PublishError`] on a hub, or when the metadata has no room for it or cannot be signed; nothing changed.
    pub fn sleep(&mut self, context: &mut Context, seconds: u32) -> Result<(), PublishError> {
        if context.is_hub() {
            return Err(BadMetadata.into());
        }
        self.change_own_metadata(context, |metadata| metadata.sleep_s = seconds.clamp(1, MAX_SLEEP))?;
        self.sleeping = true;
        context.timers.clear(Timer::AnnounceHubs);
        Ok(())
    }

    /// # Errors
    /// Never, as long as the metadata could be written before, and the identity key can be used.
    pub fn wake(&mut self, context: &Context) -> Result<(), PublishError> {
        self.sleeping = false;
        self.change_own_metadata(context, |metadata| metadata.sleep_s = 0)
    }

    /// A link broke: this node announces its hubs anew in a while.
    pub fn announce_hubs_later(&self, context: &mut Context, now: Instant) {
        if !self.sleeping {
            context.timers.set_if_unset(Timer::AnnounceHubs, now + HUBS_GRACE);
        }
    }

    /// A link came up: a node that cannot be dialled, a leaf above all, announces the hubs that it is linked to. One that is
    /// refused as the second process with its identity waits whether the link stays.
    pub fn announce_hubs(&mut self, context: &mut Context, links: &impl Links, now: Instant) {
        if self.refused {
            return self.announce_hubs_later(context, now);
        }
        self.announce_hubs_now(context, links);
    }

    /// Some time passed since a link came or went.
    pub fn announce_settled_hubs(&mut self, context: &mut Context, links: &impl Links) {
        if self.refused && links.linked_hubs().next().is_none() {
            return context.timers.clear(Timer::AnnounceHubs);
        }
        (self.refused, self.refusal_logged) = (false, false);
        self.announce_hubs_now(context, links);
    }

    fn announce_hubs_now(&mut self, context: &mut Context, links: &impl Links) {
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

    // The metadata takes much of a board's stack, decoded as well as encoded, and a signature takes more. So whatever encodes
    // metadata is not inlined into what signs it, and only the encoded form is there in both.

    /// Encodes this metadata, and what a node alone knows of itself. Returns the length.
    #[inline(never)]
    fn encode_own(
        &self,
        context: &Context,
        buffer: &mut [u8; MAX_METADATA],
        metadata: &Metadata<'_>,
    ) -> Result<usize, BadMetadata> {
        let own = self.own_record(context).metadata;
        let mut next = metadata.clone();
        if own.is_empty() {
            (next.start, next.identity) = (self.start, self.identity.key);
        } else {
            let Metadata { start, rival, left, identity, .. } = Metadata::decode(own)?;
            (next.start, next.rival, next.left, next.identity) = (start, rival, left, identity);
        }
        Ok(next.encode(buffer)?.len())
    }

    /// Encodes the present metadata with a change. Returns the length.
    #[inline(never)]
    fn encode_changed<'s>(
        &'s self,
        context: &Context,
        buffer: &mut [u8; MAX_METADATA],
        change: impl FnOnce(&mut Metadata<'s>),
    ) -> Result<usize, BadMetadata> {
        let mut metadata = Metadata::decode(self.own_record(context).metadata)?;
        change(&mut metadata);
        Ok(metadata.encode(buffer)?.len())
    }

    fn publish_rival(
        &mut self,
        context: &Context,
        incarnation: u64,
        rival: Option<Rival<'_>>,
    ) -> Result<(), PublishError> {
        let mut buffer = [0; MAX_METADATA];
        let length = self.encode_rival(context, &mut buffer, rival)?;
        self.sign(context, incarnation, State::Alive, buffer.get_mut(..length).ok_or(BadMetadata)?)
    }

    /// Encodes the present metadata with another rival. Returns the length.
    #[inline(never)]
    fn encode_rival(
        &self,
        context: &Context,
        buffer: &mut [u8; MAX_METADATA],
        rival: Option<Rival<'_>>,
    ) -> Result<usize, BadMetadata> {
        let metadata = Metadata { rival, ..Metadata::decode(self.own_record(context).metadata)? };
        Ok(metadata.encode(buffer)?.len())
    }

    fn publish_left(&mut self, context: &Context) -> Result<(), PublishError> {
        let incarnation = self.own_record(context).incarnation.saturating_add(1);
        let mut buffer = [0; MAX_METADATA];
        let length = self.encode_changed(context, &mut buffer, |metadata| metadata.left = true)?;
        self.sign(context, incarnation, State::Left, buffer.get_mut(..length).ok_or(BadMetadata)?)
    }

    /// Signs and spreads this metadata, unless it is the present one.
    fn publish_next(&mut self, context: &Context, metadata: &mut [u8]) -> Result<(), PublishError> {
        let Record { incarnation, metadata: own, .. } = self.own_record(context);
        let fields = |metadata| split_signature(metadata).map(|(fields, _)| fields);
        if !own.is_empty() && fields(own) == fields(metadata) {
            return Ok(());
        }
        let incarnation = if own.is_empty() { incarnation } else { incarnation.saturating_add(1) };
        self.sign(context, incarnation, State::Alive, metadata)
    }

    /// Publishes the present metadata with another incarnation.
    fn sign_anew(&mut self, context: &Context, incarnation: u64) -> Result<(), PublishError> {
        let mut buffer = [0; MAX_METADATA];
        let own = self.own_record(context).metadata;
        let copy = buffer.get_mut(..own.len()).ok_or(BadMetadata)?;
        copy.copy_from_slice(own);
        self.sign(context, incarnation, State::Alive, copy)
    }

    fn sign(
        &mut self,
        context: &Context,
        incarnation: u64,
        state: State,
        metadata: &mut [u8],
    ) -> Result<(), PublishError> {
        let me = self.table.find(context.config.id).ok_or(BadMetadata)?;
        self.identity.sign_record(incarnation, metadata)?;
        self.table.set_metadata(me, metadata, 0).map_err(|_| BadMetadata)?;
        self.table.update(me, |slot| (slot.incarnation, slot.state) = (incarnation, state));
        self.table.mark_changed(me, 0);
        Ok(())
    }
}

/// This node could not publish a record of itself. Nothing changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum PublishError {
    /// The metadata breaks a limit, or does not fit the storage.
    #[error(transparent)]
    Metadata(#[from] BadMetadata),
    /// The identity key cannot be used.
    #[error(transparent)]
    Sign(#[from] SignError),
}
