//! The metadata of all members in lent memory, one behind the other: most are far shorter than they may be.

use super::member::{MemberSlot, MetadataPlace, NOWHERE};
use crate::wire::Full;

/// Each metadata is preceded by the slot that it belongs to and the room that it has: `u32`, `u16`.
pub const HEADER: usize = 6;
/// The memory. What is replaced by something longer leaves a gap; gaps are closed when the end is reached.
pub struct MetadataArena<'s> {
    memory: &'s mut [u8],
    /// What is behind it is free.
    end: usize,
    /// Bytes in use, without gaps.
    used: usize,
}

impl<'s> MetadataArena<'s> {
    pub const fn new(memory: &'s mut [u8]) -> Self {
        Self { memory, end: 0, used: 0 }
    }

    pub fn get(&self, place: MetadataPlace) -> &[u8] {
        let start = place.at as usize;
        self.memory.get(start..start.saturating_add(place.len.into())).unwrap_or_default()
    }

    /// Replaces the metadata of the slot at `index`, as long as `spare` bytes stay free.
    ///
    /// # Errors
    /// [`Full`]; nothing changed.
    pub fn set(
        &mut self,
        slots: &mut [MemberSlot],
        index: u32,
        metadata: &[u8],
        spare: usize,
    ) -> Result<(), Full> {
        let len = u16::try_from(metadata.len()).map_err(|_| Full)?;
        let old = slots.get(index as usize).ok_or(Full)?.metadata;
        let used = self.used - taken(old) + HEADER + metadata.len();
        // What is no longer than before always fits.
        let grows = old.at == NOWHERE || old.len < len;
        if grows && used.saturating_add(spare) > self.memory.len() {
            return Err(Full);
        }
        if old.at == NOWHERE || self.room_at(old) < len {
            if self.memory.len() - self.end < HEADER + metadata.len() {
                self.close_gaps(slots, index);
            }
            let at = self.append(index, len)?;
            slots.get_mut(index as usize).ok_or(Full)?.metadata = MetadataPlace { at, len };
        }
        let place = &mut slots.get_mut(index as usize).ok_or(Full)?.metadata;
        place.len = len;
        let start = place.at as usize;
        self.memory.get_mut(start..start + metadata.len()).ok_or(Full)?.copy_from_slice(metadata);
        self.used = used;
        Ok(())
    }

    /// Takes over what another memory of the same size holds.
    #[cfg(feature = "sim")]
    pub fn copy_from(&mut self, other: &MetadataArena<'_>) {
        let (Some(to), Some(from)) = (self.memory.get_mut(..other.end), other.memory.get(..other.end)) else {
            return;
        };
        to.copy_from_slice(from);
        (self.end, self.used) = (other.end, other.used);
    }

    /// Forgets a metadata; its slot is about to be free.
    pub const fn remove(&mut self, place: MetadataPlace) {
        self.used -= taken(place);
    }

    fn append(&mut self, index: u32, room: u16) -> Result<u32, Full> {
        let start = self.end + HEADER;
        let header = self.memory.get_mut(self.end..start).ok_or(Full)?;
        let (owner, size) = header.split_at_mut(4);
        owner.copy_from_slice(&index.to_le_bytes());
        size.copy_from_slice(&room.to_le_bytes());
        self.end = start + usize::from(room);
        u32::try_from(start).map_err(|_| Full)
    }

    /// The slot and the room of the metadata whose header is there.
    fn header(&self, at: usize) -> Option<(u32, u16)> {
        let header: [u8; HEADER] = self.memory.get(at..at + HEADER)?.try_into().ok()?;
        let [a, b, c, d, e, f] = header;
        Some((u32::from_le_bytes([a, b, c, d]), u16::from_le_bytes([e, f])))
    }

    fn room_at(&self, place: MetadataPlace) -> u16 {
        let header = (place.at as usize).checked_sub(HEADER).and_then(|at| self.header(at));
        header.map_or(0, |(_, room)| room)
    }

    /// Moves all metadata but that of `replaced` to the front.
    fn close_gaps(&mut self, slots: &mut [MemberSlot], replaced: u32) {
        let (mut from, end) = (0, self.end);
        self.end = 0;
        while from < end {
            let Some((index, room)) = self.header(from) else { return };
            let start = from + HEADER;
            from = start + usize::from(room);
            let Some(slot) = slots.get_mut(index as usize) else { continue };
            let MetadataPlace { at, len } = slot.metadata;
            if index != replaced && at as usize == start {
                let Ok(at) = self.append(index, len) else { return };
                self.memory.copy_within(start..start + usize::from(len), at as usize);
                slot.metadata.at = at;
            }
        }
    }
}

/// Bytes that a metadata takes.
const fn taken(place: MetadataPlace) -> usize {
    if place.at == NOWHERE { 0 } else { HEADER + place.len as usize }
}
