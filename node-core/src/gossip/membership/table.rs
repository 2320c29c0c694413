//! The member table: slots in lent memory, and what keeps them in order.

use super::change_log::ChangeLog;
use super::deadlines::{Deadlines, NEVER};
use super::fingerprints::{Fingerprints, PartFingerprint, digest};
use super::id_index::{IdEntry, IdIndex};
use super::member::{Acquaintance, MemberSlot, NONE};
use super::metadata_arena::MetadataArena;
use crate::id::NodeId;
use crate::time::{Duration, Instant};
use crate::wire::gossip::{IdRange, RangeFingerprint};
use crate::wire::{Full, Record, State};

/// Index of a slot, valid until that member is removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Index(u32);

/// The memory that a table is lent.
pub struct TableStorage<'s> {
    pub slots: &'s mut [MemberSlot],
    pub id_index: &'s mut [IdEntry],
    pub deadlines: &'s mut [Instant],
    pub fingerprints: &'s mut [PartFingerprint],
    pub metadata: &'s mut [u8],
}

/// How many members are in which state, so that nobody counts them.
#[derive(Clone, Copy)]
struct Counts {
    dialling: usize,
    dialling_unverified: usize,
    link_wanted: usize,
    suspect: usize,
    down: usize,
    left: usize,
}

/// All members.
///
/// Invariant: `ids` holds the used slots, all before `peak`; these are in `log`; free slots form a list from `free` through
/// `newer`; `fingerprints` and `counts` are over all used slots.
pub struct Table<'s> {
    slots: &'s mut [MemberSlot],
    ids: IdIndex<'s>,
    deadlines: Deadlines<'s>,
    metadata: MetadataArena<'s>,
    fingerprints: Fingerprints<'s>,
    log: ChangeLog,
    free: u32,
    /// Slots from here on were never used.
    peak: u32,
    counts: Counts,
}

impl<'s> Table<'s> {
    pub fn new(storage: TableStorage<'s>) -> Self {
        let (ids, deadlines) = (IdIndex::new(storage.id_index), Deadlines::new(storage.deadlines));
        let capacity = storage.slots.len().min(ids.capacity()).min(deadlines.capacity());
        let slots = storage.slots.get_mut(..capacity).unwrap_or_default();
        for (next, slot) in (1..).zip(slots.iter_mut()) {
            *slot = MemberSlot::FREE;
            slot.change.newer = if (next as usize) < capacity { next } else { NONE };
        }
        Self {
            slots,
            ids,
            deadlines,
            metadata: MetadataArena::new(storage.metadata),
            fingerprints: Fingerprints::new(storage.fingerprints),
            log: ChangeLog::new(),
            free: if capacity == 0 { NONE } else { 0 },
            peak: 0,
            counts: Counts {
                dialling: 0,
                dialling_unverified: 0,
                link_wanted: 0,
                suspect: 0,
                down: 0,
                left: 0,
            },
        }
    }

    /// The number of the latest change.
    pub const fn sequence(&self) -> u64 {
        self.log.sequence()
    }

    /// Whether a new member finds room only when another is forgotten.
    pub const fn is_full(&self) -> bool {
        self.free == NONE
    }

    pub fn find(&self, id: NodeId) -> Option<Index> {
        let place = self.place(id).ok()?;
        self.ids.get(place).map(Index)
    }

    pub fn slot(&self, index: Index) -> &MemberSlot {
        self.slots.get(index.0 as usize).unwrap_or(&MemberSlot::FREE)
    }

    /// How many members there are.
    pub const fn len(&self) -> usize {
        self.ids.len()
    }

    /// The record of a member, as others are told it.
    pub fn record(&self, index: Index) -> Record<'_> {
        let slot = self.slot(index);
        let (id, incarnation, state, by) = (slot.id, slot.incarnation, slot.state, slot.by);
        let metadata = if slot.outdated { &[] } else { self.metadata(index) };
        Record { id, incarnation, state, by, metadata }
    }

    /// Changes what is counted over all members: incarnation, state, `digest`, `acquaintance`, `dialling` and `link_wanted`.
    pub fn update(&mut self, index: Index, change: impl FnOnce(&mut MemberSlot)) {
        let Some(slot) = self.slots.get_mut(index.0 as usize) else { return };
        let before = *slot;
        change(slot);
        // Leaves reconcile with nobody.
        if cfg!(feature = "hub") && slot.version() != before.version() {
            self.fingerprints.change(slot.id, PartFingerprint::of(&before), PartFingerprint::of(slot));
        }
        let counted =
            |before: bool, after: bool, count: usize| count + usize::from(after) - usize::from(before);
        let counts = self.counts;
        let counted_in = |state, count| counted(before.state == state, slot.state == state, count);
        self.counts = Counts {
            dialling: counted(before.dial.under_way, slot.dial.under_way, counts.dialling),
            dialling_unverified: counted(
                is_dialling_unverified(&before),
                is_dialling_unverified(slot),
                counts.dialling_unverified,
            ),
            link_wanted: counted(before.dial.wanted, slot.dial.wanted, counts.link_wanted),
            suspect: counted_in(State::Suspect, counts.suspect),
            down: counted_in(State::Down, counts.down),
            left: counted_in(State::Left, counts.left),
        };
    }

    /// How many members are being dialled.
    pub const fn dialling(&self) -> usize {
        self.counts.dialling
    }

    /// How many of them were never linked here.
    pub const fn dialling_unverified(&self) -> usize {
        self.counts.dialling_unverified
    }

    /// To how many members a link is wanted.
    pub const fn link_wanted(&self) -> usize {
        self.counts.link_wanted
    }

    /// How many members are suspect.
    pub const fn suspects(&self) -> usize {
        self.counts.suspect
    }

    /// How many members are down.
    pub const fn down(&self) -> usize {
        self.counts.down
    }

    /// How many members departed.
    pub const fn departed(&self) -> usize {
        self.counts.down + self.counts.left
    }

    /// The slot, for changes that nobody else hears of; use [`mark_changed`](Self::mark_changed) for those that spread, and
    /// [`update`](Self::update) for what is counted.
    pub fn slot_mut(&mut self, index: Index) -> Option<&mut MemberSlot> {
        self.slots.get_mut(index.0 as usize)
    }

    pub fn deadline(&self, index: Index) -> Instant {
        self.deadlines.deadline(index.0)
    }

    pub fn set_deadline(&mut self, index: Index, at: Instant) {
        self.deadlines.set(index.0, at);
    }

    /// The earliest deadline of any member, or before.
    pub const fn first_deadline(&self) -> Instant {
        self.deadlines.earliest()
    }

    /// To be called after overdue members were handled.
    pub fn recompute_deadlines(&mut self) {
        self.deadlines.recompute();
    }

    /// Moves every deadline back.
    pub fn postpone_deadlines(&mut self, by: Duration) {
        self.deadlines.postpone(by);
    }

    pub fn metadata(&self, index: Index) -> &[u8] {
        self.metadata.get(self.slot(index).metadata)
    }

    /// Replaces a member's metadata, as long as `spare` bytes of memory stay free for others.
    ///
    /// # Errors
    /// [`Full`]; nothing changed.
    pub fn set_metadata(&mut self, index: Index, metadata: &[u8], spare: usize) -> Result<(), Full> {
        self.metadata.set(self.slots, index.0, metadata, spare)?;
        self.update(index, |slot| (slot.digest, slot.outdated) = (digest(metadata), false));
        Ok(())
    }

    /// A new member, the newest change.
    ///
    /// # Errors
    /// [`Full`] when no slot is free and no departed member can make room.
    pub fn insert(&mut self, id: NodeId) -> Result<Index, Full> {
        if let Some(index) = self.find(id) {
            return Ok(index);
        }
        if self.free == NONE {
            self.evict(id, None);
        }
        let place = self.place(id).unwrap_or_else(|place| place);
        let index = Index(self.free);
        let slot = self.slots.get_mut(index.0 as usize).ok_or(Full)?;
        self.free = slot.change.newer;
        self.peak = self.peak.max(index.0.saturating_add(1));
        *slot = MemberSlot { id, ..MemberSlot::FREE };
        self.counts.left += 1;
        self.ids.insert(place, id, index.0);
        self.mark_changed(index, 0);
        Ok(index)
    }

    pub fn remove(&mut self, index: Index) {
        let Ok(place) = self.place(self.slot(index).id) else { return };
        self.ids.remove(place);
        self.update(index, |slot| {
            (slot.state, slot.dial.under_way, slot.dial.wanted) = (State::Left, false, false);
        });
        self.metadata.remove(self.slot(index).metadata);
        self.log.remove(self.slots, index.0);
        self.deadlines.set(index.0, NEVER);
        let free = self.free;
        if let Some(slot) = self.slot_mut(index) {
            *slot = MemberSlot::FREE;
            slot.change.newer = free;
            self.free = index.0;
            self.counts.left -= 1;
        }
    }

    /// Makes it the newest change. `known_by` is the bit of the hub that said it, if one did.
    pub fn mark_changed(&mut self, index: Index, known_by: u64) {
        self.log.push(self.slots, index.0);
        if let Some(slot) = self.slot_mut(index) {
            slot.known_by = known_by;
        }
    }

    /// Members that changed after `sequence`, the oldest change first, each with the number of its change.
    pub fn changes(&self, sequence: u64) -> impl Iterator<Item = (Index, u64)> {
        self.log.after(self.slots, sequence).map(|(index, number)| (Index(index), number))
    }

    /// All members as they lie in memory, which is faster than [`iter`](Self::iter).
    pub fn unordered(&self) -> impl Iterator<Item = Index> + Clone {
        self.slots_in_memory().filter(|&index| self.is_used(index))
    }

    /// Slots as they lie in memory, [used](Self::is_used) or not: for loops that change them meanwhile.
    pub fn slots_in_memory(&self) -> impl ExactSizeIterator<Item = Index> + Clone + use<> {
        (0..self.peak).map(Index)
    }

    /// Whether a member lies there.
    pub fn is_used(&self, index: Index) -> bool {
        self.slot(index).change.number > 0
    }

    /// All members by ascending id.
    pub fn iter(&self) -> impl Iterator<Item = Index> + Clone {
        self.ids.slots(0..self.len()).map(Index)
    }

    /// Members in a range by ascending id.
    pub fn range(&self, range: IdRange) -> impl Iterator<Item = Index> + Clone {
        self.ids.slots(self.places(range)).map(Index)
    }

    /// The member of a range that so many others of it come before.
    pub fn nth(&self, range: IdRange, number: usize) -> Option<Index> {
        let places = self.places(range);
        let place = places.start.saturating_add(number);
        self.ids.get(place).filter(|_| places.contains(&place)).map(Index)
    }

    /// How many members a range has.
    pub fn count(&self, range: IdRange) -> usize {
        self.places(range).len()
    }

    fn places(&self, range: IdRange) -> core::ops::Range<usize> {
        let start = self.place(range.first).unwrap_or_else(|place| place);
        let end = self.place(range.last).map_or_else(|place| place, |place| place + 1);
        start..end
    }

    /// The fingerprint of a range.
    pub fn fingerprint(&self, range: IdRange) -> RangeFingerprint {
        let PartFingerprint { count, sum } = match self.fingerprints.within(range) {
            _ if range == IdRange::ALL => self.fingerprints.whole(),
            Some((within, ends)) => ends.into_iter().fold(within, |sum, end| sum.plus(self.sum(end))),
            None => self.sum(range),
        };
        RangeFingerprint { range, count, fingerprint: sum }
    }

    /// The same, member by member.
    fn sum(&self, range: IdRange) -> PartFingerprint {
        let members = self.range(range).map(|index| PartFingerprint::of(self.slot(index)));
        members.fold(PartFingerprint::EMPTY, PartFingerprint::plus)
    }

    /// Takes over what another table of the same size holds, as if nobody had said it here.
    #[cfg(feature = "sim")]
    pub fn copy_from(&mut self, other: &Table<'_>) {
        if self.slots.len() != other.slots.len()
            || self.ids.capacity() != other.ids.capacity()
            || self.deadlines.capacity() != other.deadlines.capacity()
            || self.fingerprints.parts() != other.fingerprints.parts()
        {
            return;
        }
        self.slots.copy_from_slice(other.slots);
        self.slots.iter_mut().for_each(|slot| slot.known_by = 0);
        self.ids.copy_from(&other.ids);
        self.deadlines.copy_from(&other.deadlines);
        self.metadata.copy_from(&other.metadata);
        self.fingerprints.copy_from(&other.fingerprints);
        (self.log, self.free, self.peak, self.counts) = (other.log, other.free, other.peak, other.counts);
    }

    /// Removes the departed member that left longest ago, but for `me` and `kept`; `false` when there is none.
    pub fn evict(&mut self, me: NodeId, kept: Option<Index>) -> bool {
        // The table may be long, and a flood of newcomers asks often.
        if self.departed() == 0 {
            return false;
        }
        let departed = self.unordered().filter(|&index| {
            let slot = self.slot(index);
            !slot.state.is_live() && slot.id != me && Some(index) != kept
        });
        let oldest = departed.min_by_key(|&index| {
            let slot = self.slot(index);
            (slot.since, slot.id)
        });
        oldest.inspect(|&index| self.remove(index)).is_some()
    }

    fn place(&self, id: NodeId) -> Result<usize, usize> {
        self.ids.place(id, |index| self.slot(Index(index)).id)
    }
}

fn is_dialling_unverified(slot: &MemberSlot) -> bool {
    slot.dial.under_way && slot.acquaintance == Acquaintance::Unverified
}

#[cfg(test)]
mod tests;
