//! The member table: slots in lent memory, an index ordered by id, and the order of changes.

use super::descriptions::{Descriptions, Place};
use super::due::{Due, NEVER};
use super::order::{IdEntry, Order};
use super::sums::{PartFingerprint, Sums};
use super::suspicion::Evidence;
use crate::id::NodeId;
use crate::time::{Duration, Instant};
use crate::wire::gossip::{IdRange, RangeFingerprint};
use crate::wire::{Full, Kind, State};

/// No slot.
const NONE: u32 = u32::MAX;
/// Accusers that count for one suspicion; more change nothing.
pub(super) const MAX_ACCUSERS: usize = 3;

/// A member's place in the table; [`MemberSlot::FREE`] fills the storage that a caller lends.
#[derive(Clone, Copy, Debug)]
pub struct MemberSlot {
    pub(super) id: NodeId,
    pub(super) incarnation: u64,
    /// When `state` was learned here.
    pub(super) since: Instant,
    /// Not dialled before.
    pub(super) retry_at: Instant,
    /// Number in the order of changes; 0 for a free slot.
    changed: u64,
    older: u32,
    newer: u32,
    /// The marks of linked hubs that know the last change, because they said it: they need not hear it.
    pub(super) known_to: u64,
    pub(super) description: Place,
    /// Digest of the description.
    pub(super) digest: u32,
    /// There was no room for the description that belongs to `digest`: the one here is older, and nobody is told it.
    pub(super) outdated: bool,
    /// The latest accuser of a suspect or downed member.
    pub(super) by: Option<NodeId>,
    /// Whose accusations were counted, in brief.
    pub(super) accusers: [u16; MAX_ACCUSERS],
    /// What the suspicion rests on here.
    pub(super) evidence: Evidence,
    pub(super) state: State,
    pub(super) kind: Kind,
    /// A hub with an address.
    pub(super) dialable: bool,
    /// Dials that failed in a row.
    pub(super) attempts: u8,
    /// A dial is under way.
    pub(super) dialling: bool,
    /// A link is wanted whatever the degree says: to verify a lost one, to replace one, or for a request.
    pub(super) wanted: bool,
    /// It is wanted for requests alone: without need it does not become part of the overlay.
    pub(super) for_requests: bool,
    /// A hub that was a neighbour in the overlay: leaves have been told of it.
    pub(super) was_neighbour: bool,
    /// A leaf that said that it sleeps.
    pub(super) asleep: bool,
    /// Its link broke, and it cannot be dialled: it is to come back, or to say that it has another hub.
    pub(super) missed: bool,
}

const _: () = assert!(size_of::<MemberSlot>() <= 128, "10,000 members are to fit a small server");

impl MemberSlot {
    /// A free slot.
    pub const FREE: Self = Self {
        id: NodeId([0; 16]),
        incarnation: 0,
        since: Instant::START,
        retry_at: Instant::START,
        changed: 0,
        older: NONE,
        newer: NONE,
        known_to: 0,
        description: Place::NONE,
        digest: 0,
        outdated: false,
        by: None,
        accusers: [0; MAX_ACCUSERS],
        evidence: Evidence::Hearsay,
        state: State::Left,
        kind: Kind::Leaf,
        dialable: false,
        attempts: 0,
        dialling: false,
        wanted: false,
        for_requests: false,
        was_neighbour: false,
        asleep: false,
        missed: false,
    };

    /// Of two versions of a record the larger is newer.
    pub(super) const fn version(&self) -> (u64, State, u32) {
        (self.incarnation, self.state, self.digest)
    }
}

/// Index of a slot, valid until that member is removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Index(u32);

/// All members.
///
/// Invariant: `order` holds the used slots, all before `peak`; these form a list from `oldest` to `newest` by ascending
/// `changed`; free slots form a list from `free` through `newer`; `sums` are over all used slots.
pub(super) struct Table<'s> {
    slots: &'s mut [MemberSlot],
    order: Order<'s>,
    due: Due<'s>,
    descriptions: Descriptions<'s>,
    free: u32,
    /// Slots from here on were never used.
    peak: u32,
    oldest: u32,
    newest: u32,
    /// The number of the latest change.
    sequence: u64,
    /// What is held, in brief.
    sums: Sums<'s>,
    /// Members that are being dialled.
    dialling: usize,
    /// Members that a link is wanted to.
    wanted: usize,
    /// Members that are suspect.
    suspects: usize,
    /// Members that are down.
    down: usize,
    /// Members that left.
    left: usize,
}

impl<'s> Table<'s> {
    pub(super) fn new(
        slots: &'s mut [MemberSlot],
        (order, due): (&'s mut [IdEntry], &'s mut [Instant]),
        sums: &'s mut [PartFingerprint],
        metadata: &'s mut [u8],
    ) -> Self {
        let (order, due) = (Order::new(order), Due::new(due));
        let capacity = slots.len().min(order.capacity()).min(due.capacity());
        let slots = slots.get_mut(..capacity).unwrap_or_default();
        for (next, slot) in (1..).zip(slots.iter_mut()) {
            *slot = MemberSlot {
                newer: if (next as usize) < capacity { next } else { NONE },
                ..MemberSlot::FREE
            };
        }
        let free = if capacity == 0 { NONE } else { 0 };
        Self {
            slots,
            order,
            due,
            descriptions: Descriptions::new(metadata),
            free,
            peak: 0,
            oldest: NONE,
            newest: NONE,
            sequence: 0,
            sums: Sums::new(sums),
            dialling: 0,
            wanted: 0,
            suspects: 0,
            down: 0,
            left: 0,
        }
    }

    pub(super) const fn sequence(&self) -> u64 {
        self.sequence
    }

    /// Whether a new member finds room only when another is forgotten.
    pub(super) const fn is_full(&self) -> bool {
        self.free == NONE
    }

    pub(super) fn find(&self, id: NodeId) -> Option<Index> {
        let place = self.place(id).ok()?;
        self.order.get(place).map(Index)
    }

    pub(super) fn slot(&self, index: Index) -> &MemberSlot {
        self.slots.get(index.0 as usize).unwrap_or(&MemberSlot::FREE)
    }

    /// How many members there are.
    pub(super) const fn len(&self) -> usize {
        self.order.len()
    }

    /// Changes what is counted over all members: incarnation, state, `digest`, `dialling` and `wanted`.
    pub(super) fn revise(&mut self, index: Index, change: impl FnOnce(&mut MemberSlot)) {
        let Some(slot) = self.slots.get_mut(index.0 as usize) else { return };
        let before = *slot;
        change(slot);
        if slot.version() != before.version() {
            self.sums.change(slot.id, share_of_sum(&before), share_of_sum(slot));
        }
        let counted =
            |before: bool, after: bool, count: usize| count + usize::from(after) - usize::from(before);
        self.dialling = counted(before.dialling, slot.dialling, self.dialling);
        self.wanted = counted(before.wanted, slot.wanted, self.wanted);
        let counted_in = |state, count| counted(before.state == state, slot.state == state, count);
        self.suspects = counted_in(State::Suspect, self.suspects);
        self.down = counted_in(State::Down, self.down);
        self.left = counted_in(State::Left, self.left);
    }

    /// How many members are being dialled.
    pub(super) const fn dialling(&self) -> usize {
        self.dialling
    }

    /// To how many members a link is wanted.
    pub(super) const fn wanted(&self) -> usize {
        self.wanted
    }

    /// How many members are suspect.
    pub(super) const fn suspects(&self) -> usize {
        self.suspects
    }

    /// How many members are down.
    pub(super) const fn down(&self) -> usize {
        self.down
    }

    /// How many members departed.
    pub(super) const fn departed(&self) -> usize {
        self.down + self.left
    }

    /// The slot for changes that nobody else hears of; use [`touch`](Self::touch) for those that spread, and
    /// [`revise`](Self::revise) for what is counted.
    pub(super) fn slot_mut(&mut self, index: Index) -> Option<&mut MemberSlot> {
        self.slots.get_mut(index.0 as usize)
    }

    /// When something happens to a member.
    pub(super) fn due(&self, index: Index) -> Instant {
        self.due.get(index.0)
    }

    pub(super) fn set_due(&mut self, index: Index, at: Instant) {
        self.due.set(index.0, at);
    }

    /// When something happens to any member, or before.
    pub(super) const fn first_due(&self) -> Instant {
        self.due.earliest()
    }

    /// Who was due is done with.
    pub(super) fn review_due(&mut self) {
        self.due.review();
    }

    /// Whatever is due is put off.
    pub(super) fn put_off(&mut self, late: Duration) {
        self.due.put_off(late);
    }

    pub(super) fn metadata(&self, index: Index) -> &[u8] {
        self.descriptions.get(self.slot(index).description)
    }

    /// Replaces a member's description, as long as `spare` bytes of memory stay free for others.
    ///
    /// # Errors
    /// [`Full`]; nothing changed.
    pub(super) fn set_metadata(&mut self, index: Index, metadata: &[u8], spare: usize) -> Result<(), Full> {
        self.descriptions.set(self.slots, index.0, (metadata, spare))?;
        self.revise(index, |slot| (slot.digest, slot.outdated) = (digest(metadata), false));
        Ok(())
    }

    /// A new member, the newest change.
    ///
    /// # Errors
    /// [`Full`] when no slot is free and no departed member can make room.
    pub(super) fn insert(&mut self, id: NodeId) -> Result<Index, Full> {
        if let Some(index) = self.find(id) {
            return Ok(index);
        }
        if self.free == NONE {
            self.evict(id, None);
        }
        let place = self.place(id).unwrap_or_else(|place| place);
        let index = Index(self.free);
        let slot = self.slots.get_mut(index.0 as usize).ok_or(Full)?;
        self.free = slot.newer;
        self.peak = self.peak.max(index.0.saturating_add(1));
        *slot = MemberSlot { id, ..MemberSlot::FREE };
        self.left += 1;
        self.order.insert(place, id, index.0);
        self.touch(index, 0);
        Ok(index)
    }

    pub(super) fn remove(&mut self, index: Index) {
        let Ok(place) = self.place(self.slot(index).id) else { return };
        self.order.remove(place);
        self.revise(index, |slot| (slot.state, slot.dialling, slot.wanted) = (State::Left, false, false));
        self.descriptions.remove(self.slot(index).description);
        self.unlink(index);
        self.due.set(index.0, NEVER);
        let free = self.free;
        if let Some(slot) = self.slot_mut(index) {
            *slot = MemberSlot { newer: free, ..MemberSlot::FREE };
            self.free = index.0;
            self.left -= 1;
        }
    }

    /// Makes it the newest change. `source` is the mark of the hub that said it, if one did.
    pub(super) fn touch(&mut self, index: Index, source: u64) {
        self.unlink(index);
        self.sequence += 1;
        let (sequence, newest) = (self.sequence, self.newest);
        let Some(slot) = self.slot_mut(index) else { return };
        slot.changed = sequence;
        slot.known_to = source;
        slot.older = newest;
        slot.newer = NONE;
        match self.slots.get_mut(newest as usize) {
            Some(before) => before.newer = index.0,
            None => self.oldest = index.0,
        }
        self.newest = index.0;
    }

    /// Members that changed after `sequence`, the oldest change first, each with the number of its change.
    pub(super) fn changes(&self, sequence: u64) -> impl Iterator<Item = (Index, u64)> {
        let mut first = NONE;
        let mut at = self.newest;
        while let Some(slot) = self.slots.get(at as usize).filter(|slot| slot.changed > sequence) {
            first = at;
            at = slot.older;
        }
        core::iter::successors(
            self.slots.get(first as usize).map(|slot| (Index(first), slot.changed)),
            |(at, _)| {
                let next = self.slot(*at).newer;
                self.slots.get(next as usize).map(|slot| (Index(next), slot.changed))
            },
        )
    }

    /// All members as they lie in memory, which is faster than [`iter`](Self::iter).
    pub(super) fn unordered(&self) -> impl Iterator<Item = Index> + Clone {
        self.places_in_memory().filter(|&index| self.is_used(index))
    }

    /// Where members may lie in memory, be these [used](Self::is_used) or not: for who changes them meanwhile.
    pub(super) fn places_in_memory(&self) -> impl ExactSizeIterator<Item = Index> + Clone + use<> {
        (0..self.peak).map(Index)
    }

    /// Whether a member lies there.
    pub(super) fn is_used(&self, index: Index) -> bool {
        self.slot(index).changed > 0
    }

    /// All members by ascending id.
    pub(super) fn iter(&self) -> impl Iterator<Item = Index> + Clone {
        self.order.slots(0..self.len()).map(Index)
    }

    /// Members in a span by ascending id.
    pub(super) fn span(&self, span: IdRange) -> impl Iterator<Item = Index> + Clone {
        self.order.slots(self.places(span)).map(Index)
    }

    /// The member of a span that so many others of it come before.
    pub(super) fn nth(&self, span: IdRange, number: usize) -> Option<Index> {
        let places = self.places(span);
        let place = places.start.saturating_add(number);
        self.order.get(place).filter(|_| places.contains(&place)).map(Index)
    }

    /// How many members a span has.
    pub(super) fn count(&self, span: IdRange) -> usize {
        self.places(span).len()
    }

    fn places(&self, span: IdRange) -> core::ops::Range<usize> {
        let start = self.place(span.first).unwrap_or_else(|place| place);
        let end = self.place(span.last).map_or_else(|place| place, |place| place + 1);
        start..end
    }

    /// What is held in a span, in brief.
    pub(super) fn range(&self, span: IdRange) -> RangeFingerprint {
        let PartFingerprint { count, sum } = match self.sums.within(span) {
            _ if span == IdRange::ALL => self.sums.whole(),
            Some((within, ends)) => ends.into_iter().fold(within, |sum, end| sum.plus(self.sum(end))),
            None => self.sum(span),
        };
        RangeFingerprint { range: span, count, fingerprint: sum }
    }

    /// The sum over a span, member by member.
    fn sum(&self, span: IdRange) -> PartFingerprint {
        self.span(span)
            .map(|index| share_of_sum(self.slot(index)))
            .fold(PartFingerprint::EMPTY, PartFingerprint::plus)
    }

    /// Takes over what another table of the same size holds, as if nobody had said it here.
    #[cfg(feature = "sim")]
    pub(super) fn copy_from(&mut self, other: &Table<'_>) {
        if self.slots.len() != other.slots.len()
            || self.order.capacity() != other.order.capacity()
            || self.due.capacity() != other.due.capacity()
            || self.sums.parts() != other.sums.parts()
        {
            return;
        }
        self.slots.copy_from_slice(other.slots);
        self.slots.iter_mut().for_each(|slot| slot.known_to = 0);
        self.order.copy_from(&other.order);
        self.due.copy_from(&other.due);
        self.descriptions.copy_from(&other.descriptions);
        self.sums.copy_from(&other.sums);
        (self.free, self.peak) = (other.free, other.peak);
        (self.oldest, self.newest, self.sequence) = (other.oldest, other.newest, other.sequence);
        (self.dialling, self.wanted) = (other.dialling, other.wanted);
        (self.suspects, self.down, self.left) = (other.suspects, other.down, other.left);
    }

    /// Removes the departed member that left longest ago, but for `me` and `kept`; `false` when there is none.
    pub(super) fn evict(&mut self, me: NodeId, kept: Option<Index>) -> bool {
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
        self.order.place(id, |index| self.slot(Index(index)).id)
    }

    /// Takes it out of the order of changes.
    fn unlink(&mut self, index: Index) {
        let MemberSlot { changed, older, newer, .. } = *self.slot(index);
        if changed == 0 {
            return;
        }
        match self.slots.get_mut(older as usize) {
            Some(before) => before.newer = newer,
            None => self.oldest = newer,
        }
        match self.slots.get_mut(newer as usize) {
            Some(after) => after.older = older,
            None => self.newest = older,
        }
    }
}

/// What a member adds to the sums.
fn share_of_sum(slot: &MemberSlot) -> PartFingerprint {
    if slot.state.is_live() {
        PartFingerprint { count: 1, sum: fingerprint(slot) }
    } else {
        PartFingerprint::EMPTY
    }
}

/// Mixes what identifies a version of a record into 64 bits, by the finaliser of SplitMix64.
fn fingerprint(slot: &MemberSlot) -> u64 {
    let id = u128::from_le_bytes(slot.id.0);
    let words = [id as u64, (id >> 64) as u64, slot.incarnation, slot.state as u64, slot.digest.into()];
    words.into_iter().fold(0, |sum, word| mix(sum ^ word))
}

/// What tells two descriptions apart.
pub(super) fn digest(metadata: &[u8]) -> u32 {
    let words = metadata.chunks(8).map(|chunk| {
        let mut word = [0; 8];
        word.iter_mut().zip(chunk).for_each(|(to, from)| *to = *from);
        u64::from_le_bytes(word)
    });
    words.fold(metadata.len() as u64, |sum, word| mix(sum ^ word)) as u32
}

pub(super) const fn mix(word: u64) -> u64 {
    let word = word.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

#[cfg(test)]
mod tests;
