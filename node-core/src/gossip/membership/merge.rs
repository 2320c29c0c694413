//! Merging: of two records of one member the newer is taken, as far as there is reason to believe it.

use core::cmp::Ordering;

use super::evidence::Evidence;
use super::fingerprints::digest;
use super::member::{MemberSlot, seconds};
use super::members::{Links, Members, Sender};
use super::refutation::MAX_INCARNATION;
use super::table::Index;
use crate::crypto::BadSignature;
use crate::gossip::context::Context;
use crate::id::LinkId;
use crate::time::Instant;
use crate::wire::record::{MAX_METADATA, split_signature};
use crate::wire::{Kind, Metadata, Record, State};

/// The change that a record made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Update {
    /// As much or more was known, or it is not believed.
    Unchanged,
    /// It is the newest record of its member now.
    Newer {
        /// Its metadata differs from what was known.
        described_anew: bool,
    },
}

/// A record that is merged, and what it is worth.
#[derive(Clone, Copy)]
struct Claim<'r> {
    record: &'r Record<'r>,
    evidence: Evidence,
    sender: Sender,
}

impl Members<'_> {
    /// Checks that the member published the record, if it tells something new. A leaf leaves that to its hubs, which pass on
    /// nothing that they did not check.
    ///
    /// # Errors
    /// [`BadSignature`]: it is forged, and its sender is at fault.
    pub fn verify_news(&self, context: &Context, record: &Record<'_>) -> Result<(), BadSignature> {
        // Metadata of a later version may be unreadable here. Such a record is dropped, and nobody is at fault.
        let readable = record.metadata.is_empty() || Metadata::decode(record.metadata).is_ok();
        if record.id == context.config.id || !readable || !self.is_news(record) {
            return Ok(());
        }
        self.verify(context, record)
    }

    /// Checks that the member published the record.
    ///
    /// # Errors
    /// [`BadSignature`]: it is forged.
    pub fn verify(&self, context: &Context, record: &Record<'_>) -> Result<(), BadSignature> {
        if !context.is_hub() {
            return Ok(());
        }
        #[cfg(feature = "sim")]
        self.checked.update(|checked| checked + 1);
        self.identity.verify_record(record)
    }

    /// Whether the record says something in the member's name that was not checked before.
    fn is_news(&self, record: &Record<'_>) -> bool {
        let Some(index) = self.table.find(record.id) else { return record.state.is_live() };
        let slot = self.table.slot(index);
        let own_word = record.state == State::Left && record.by.is_none() && slot.state != State::Left;
        let metadata = record.metadata;
        match record.incarnation.cmp(&slot.incarnation) {
            Ordering::Less => false,
            Ordering::Greater => true,
            Ordering::Equal => {
                own_word || (!metadata.is_empty() && metadata != self.table.record(index).metadata)
            }
        }
    }

    /// Takes a record that arrived, unless more is known here. What it says in the member's name was checked. `source` is the
    /// link that it came from.
    pub fn apply(
        &mut self,
        context: &mut Context,
        links: &mut impl Links,
        now: Instant,
        record: &Record<'_>,
        source: LinkId,
    ) -> Update {
        if record.id == context.config.id {
            self.hear_of_self(context, now, record);
            return Update::Unchanged;
        }
        if record.incarnation >= MAX_INCARNATION {
            self.rejections.count(now, "too high an incarnation", record.id);
            return Update::Unchanged;
        }
        let sender = links.sender(source);
        let direct = sender.id == Some(record.id);
        let index = match self.table.find(record.id) {
            Some(index) => index,
            // A departed member that is not known is not worth knowing: so no hub passes it on for ever.
            None if !record.state.is_live() => return Update::Unchanged,
            // Nor is a suspicion of a peer that found no place.
            None if record.state != State::Alive && links.is_linked(record.id) => return Update::Unchanged,
            None => match self.admit(context, links, now, record) {
                Some(index) => index,
                None => return Update::Unchanged,
            },
        };
        let slot = *self.table.slot(index);
        let as_new = record.incarnation >= slot.incarnation;
        if record.state != State::Alive && !direct && as_new && links.is_linked(record.id) {
            // The peer refutes it itself. What it published in a life that it forgot is kept, so that it can be shown its signature.
            let published = Record { state: State::Alive, by: None, ..*record };
            let word = if record.is_own_word() { record } else { &published };
            let mut update = Update::Unchanged;
            if record.incarnation > slot.incarnation && !record.metadata.is_empty() {
                let claim = Claim { record: word, evidence: Evidence::Reported, sender };
                update = self.merge(context, links, now, index, claim);
            }
            links.notify_buddy(record.id, record.into());
            return update;
        }
        // A leaf leaves it to its hubs.
        let is_declared =
            context.is_hub() && is_declaration(record) && !direct && slot.state.is_live() && as_new;
        if is_declared && !self.had_time_to_refute(context, now, index, record) {
            // The node that declared it down may have been cut off, or lies: the member may refute that here, too.
            if slot.state == State::Alive || record.incarnation > slot.incarnation {
                let suspicion = Record { state: State::Suspect, ..*record };
                let claim = Claim { record: &suspicion, evidence: Evidence::DeclaredDown, sender };
                return self.merge(context, links, now, index, claim);
            }
            return Update::Unchanged;
        }
        self.merge(context, links, now, index, Claim { record, evidence: Evidence::Reported, sender })
    }

    /// Takes what is said of a known member if it is newer, and counts confirmers.
    fn merge(
        &mut self,
        context: &mut Context,
        links: &mut impl Links,
        now: Instant,
        index: Index,
        claim: Claim<'_>,
    ) -> Update {
        let Claim { record, evidence, sender } = claim;
        let slot = *self.table.slot(index);
        let is_new = self.table.metadata(index).is_empty();
        // A suspicion need not carry the metadata of the suspect.
        let digest = if record.metadata.is_empty() { slot.digest } else { digest(record.metadata) };
        let version = (record.incarnation, record.state, digest);
        if is_new || version > slot.version() {
            let update = self.replace(context, links, now, index, claim);
            if update != Update::Unchanged {
                self.table.mark_changed(index, sender.known_by);
                if links.is_linked_leaf(record.id) && sender.id != Some(record.id) {
                    // No reconciliation shows a leaf that others know of it what it did not say in this life.
                    links.notify_buddy(record.id, record.into());
                }
            } else if is_new {
                self.table.remove(index);
            }
            return update;
        }
        if record.state == State::Suspect
            && slot.state == State::Suspect
            && record.incarnation == slot.incarnation
            // Only a live member confirms.
            && let Some(by) = record.by.filter(|by| slot.counts(*by) && self.is_live(*by))
            && self.confirm(context, now, index, by, evidence)
        {
            self.pass_on_confirmer(index, by, sender.known_by);
        } else if version == slot.version() && (record.state != State::Suspect || record.by == slot.by) {
            self.note_known_by(index, sender.known_by);
        }
        Update::Unchanged
    }

    /// A linked hub said what is known here already.
    pub fn note_known_by(&mut self, index: Index, known_by: u64) {
        if let Some(slot) = self.table.slot_mut(index) {
            slot.known_by |= known_by;
        }
    }

    /// A place for a member that was not known.
    fn admit(
        &mut self,
        context: &mut Context,
        links: &impl Links,
        now: Instant,
        record: &Record<'_>,
    ) -> Option<Index> {
        Metadata::decode(record.metadata).ok().filter(|_| !self.leaving)?;
        self.make_room(context, links);
        let Ok(index) = self.table.insert(record.id) else {
            self.rejections.count(now, "no room in the table", record.id);
            return None;
        };
        self.table.slot_mut(index)?.since = now;
        self.table.update(index, |slot| slot.state = State::Alive);
        Some(index)
    }

    /// A leaf whose table is full of live members forgets one that it neither is linked to nor uses.
    fn make_room(&mut self, context: &mut Context, links: &impl Links) {
        if !context.is_hub() && self.table.is_full() && self.table.departed() == 0 {
            self.forget_spare(context, links, None);
        }
    }

    /// On a leaf, forgets a member that it neither is linked to nor uses, but for `kept`; `false` when there is none.
    fn forget_spare(&mut self, context: &mut Context, links: &impl Links, kept: Option<Index>) -> bool {
        if context.is_hub() {
            return false;
        }
        let me = context.config.id;
        let spare = self.pick(&mut context.rng, |index| {
            let id = self.table.slot(index).id;
            let mine = id == me || Some(index) == kept;
            !mine && !links.is_linked(id) && !self.offers(index, &self.uses(me))
        });
        spare.inspect(|&index| self.table.remove(index)).is_some()
    }

    /// Keeps a member's metadata, for which departed and spare members make room.
    fn keep_metadata(
        &mut self,
        context: &mut Context,
        links: &impl Links,
        index: Index,
        metadata: &[u8],
    ) -> bool {
        loop {
            if self.table.set_metadata(index, metadata, self.own_reserve(context)).is_ok() {
                return true;
            }
            if !self.table.evict(context.config.id, Some(index))
                && !self.forget_spare(context, links, Some(index))
            {
                return false;
            }
        }
    }

    /// Takes a newer record for a member; no change when its metadata cannot be used.
    fn replace(
        &mut self,
        context: &mut Context,
        links: &impl Links,
        now: Instant,
        index: Index,
        claim: Claim<'_>,
    ) -> Update {
        let record = claim.record;
        let before = *self.table.slot(index);
        let is_new = self.table.metadata(index).is_empty();
        let (mut sleep_s, mut described_anew) = (None, false);
        match Metadata::decode(record.metadata) {
            Ok(metadata) if !is_new && metadata.kind != before.kind => {
                // Its role was judged for the kind that it proved on its links.
                self.rejections.count(now, "another kind than before", record.id);
                return Update::Unchanged;
            }
            Ok(metadata) => {
                let known = self.table.metadata(index);
                let fields = |metadata| split_signature(metadata).map(|(fields, _)| fields);
                described_anew = fields(known) != fields(record.metadata);
                let kept = self.keep_metadata(context, links, index, record.metadata);
                if !kept {
                    self.rejections.count(now, "no room for the metadata", record.id);
                    if is_new {
                        return Update::Unchanged;
                    }
                    // That it lives is worth more than what it says.
                    self.table.update(index, |slot| {
                        (slot.digest, slot.outdated) = (digest(record.metadata), true);
                    });
                }
                if let Some(slot) = self.table.slot_mut(index).filter(|_| kept) {
                    slot.kind = metadata.kind;
                    slot.dialable = metadata.kind == Kind::Hub && !metadata.addrs.is_empty();
                }
                sleep_s = Some(metadata.sleep_s);
                if described_anew {
                    self.renew_link(context, links, now, record.id);
                }
            }
            // A suspicion need not carry the metadata of the suspect.
            Err(_) if record.metadata.is_empty() && record.state != State::Alive => {}
            Err(_) => return Update::Unchanged,
        }
        let raised = !is_new && record.incarnation > before.incarnation;
        if let Some(slot) = self.table.slot_mut(index).filter(|_| raised) {
            slot.raised_at = seconds(now);
        }
        self.table.update(index, |slot| slot.incarnation = record.incarnation);
        // A member that only refuted a suspicion is no easier to dial than before.
        let revived = record.state == State::Alive && !before.state.is_live();
        if let Some(slot) = self.table.slot_mut(index).filter(|_| revived) {
            slot.dial.failed = 0;
            slot.retry_at = now;
        }
        if before.state != record.state || before.incarnation != record.incarnation {
            // A record of a live, unsuspected member has no other author than the member.
            let by = record.by.filter(|_| record.state != State::Alive);
            self.set_state(context, now, index, record.state, by);
        }
        if record.state == State::Suspect {
            self.count_confirmer(context, links, now, index, &before, claim);
        }
        if let Some(seconds) = sleep_s {
            self.note_sleep(now, index, seconds);
        }
        Update::Newer { described_anew }
    }

    /// Counts the author of a suspicion. The suspect was `before` in another state, or had other metadata.
    fn count_confirmer(
        &mut self,
        context: &mut Context,
        links: &impl Links,
        now: Instant,
        index: Index,
        before: &MemberSlot,
        claim: Claim<'_>,
    ) {
        let Claim { record, evidence, .. } = claim;
        if before.state == State::Suspect && before.incarnation == record.incarnation {
            // Only a live member confirms.
            if let Some(by) = record.by.filter(|by| self.is_live(*by))
                && self.confirm(context, now, index, by, evidence)
                && let Some(slot) = self.table.slot_mut(index)
            {
                slot.by = Some(by);
            }
            return;
        }
        if let Some(slot) = self.table.slot_mut(index) {
            slot.since = now;
        }
        // The first one counts, member or not.
        self.confirm(context, now, index, record.by.unwrap_or(record.id), evidence);
        if before.in_grace {
            self.probe_or_suspect(context, links, now, index);
        }
    }

    /// Memory that this node's own metadata may still grow by.
    fn own_reserve(&self, context: &Context) -> usize {
        let own = self.table.find(context.config.id).map_or(0, |me| self.table.metadata(me).len());
        MAX_METADATA.saturating_sub(own)
    }
}

/// Whether it is another node's word that a member is gone, and not its own.
fn is_declaration(record: &Record<'_>) -> bool {
    record.state == State::Down || (record.state == State::Left && record.by.is_some())
}
