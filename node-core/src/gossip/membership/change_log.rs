//! The change log: all members in the order in which they last changed.
//!
//! Each change gets the next number. A link needs only a cursor into the log to know what its peer was not told yet, and several
//! changes of one member count once. The log is a list through the slots, so it needs no memory of its own.

use super::member::{Change, MemberSlot, NONE};

/// Invariant: the used slots form a list from `oldest` to `newest` by ascending numbers.
#[derive(Clone, Copy)]
pub struct ChangeLog {
    oldest: u32,
    newest: u32,
    /// The number of the latest change.
    sequence: u64,
}

impl ChangeLog {
    pub const fn new() -> Self {
        Self { oldest: NONE, newest: NONE, sequence: 0 }
    }

    pub const fn sequence(&self) -> u64 {
        self.sequence
    }

    /// Makes a slot the newest change.
    pub fn push(&mut self, slots: &mut [MemberSlot], index: u32) {
        self.remove(slots, index);
        self.sequence += 1;
        let Some(slot) = slots.get_mut(index as usize) else { return };
        slot.change = Change { number: self.sequence, older: self.newest, newer: NONE };
        match slots.get_mut(self.newest as usize) {
            Some(before) => before.change.newer = index,
            None => self.oldest = index,
        }
        self.newest = index;
    }

    /// Takes a slot out of the log.
    pub fn remove(&mut self, slots: &mut [MemberSlot], index: u32) {
        let Some(&MemberSlot { change: Change { number, older, newer }, .. }) = slots.get(index as usize)
        else {
            return;
        };
        if number == 0 {
            return;
        }
        match slots.get_mut(older as usize) {
            Some(before) => before.change.newer = newer,
            None => self.oldest = newer,
        }
        match slots.get_mut(newer as usize) {
            Some(after) => after.change.older = older,
            None => self.newest = older,
        }
    }

    /// Slots that changed after `sequence`, the oldest change first, each with the number of its change.
    pub fn after(&self, slots: &[MemberSlot], sequence: u64) -> impl Iterator<Item = (u32, u64)> {
        let number = |index: u32| slots.get(index as usize).map(|slot| (index, slot.change.number));
        let mut first = NONE;
        let mut at = self.newest;
        while let Some(slot) = slots.get(at as usize).filter(|slot| slot.change.number > sequence) {
            first = at;
            at = slot.change.older;
        }
        core::iter::successors(number(first), move |&(at, _)| {
            slots.get(at as usize).and_then(|slot| number(slot.change.newer))
        })
    }
}
