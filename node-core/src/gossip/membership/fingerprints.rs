//! Range fingerprints: what the table holds in a range of ids, as a number of members and a sum of hashes.
//!
//! All ids are cut into equal parts, one for each [`PartFingerprint`] that was lent, whose fingerprints are kept up to date. Of a
//! range only the two ends are summed member by member. With as many parts as the root of the members both cost the same.

use super::member::MemberSlot;
use crate::id::NodeId;
use crate::wire::gossip::IdRange;

/// The fingerprint of a set of members; [`PartFingerprint::EMPTY`] fills the storage that a caller lends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartFingerprint {
    pub(crate) count: u32,
    pub(crate) sum: u64,
}

impl PartFingerprint {
    /// Of nobody.
    pub const EMPTY: Self = Self { count: 0, sum: 0 };

    /// The share of one member: only live members count.
    pub(super) fn of(slot: &MemberSlot) -> Self {
        if slot.state.is_live() { Self { count: 1, sum: hash(slot) } } else { Self::EMPTY }
    }

    pub(super) const fn plus(self, other: Self) -> Self {
        Self { count: self.count.wrapping_add(other.count), sum: self.sum.wrapping_add(other.sum) }
    }

    const fn minus(self, other: Self) -> Self {
        Self { count: self.count.wrapping_sub(other.count), sum: self.sum.wrapping_sub(other.sum) }
    }
}

/// Invariant: each of `parts` is the fingerprint of the live members whose ids fall into it; `whole` that of all.
pub struct Fingerprints<'s> {
    parts: &'s mut [PartFingerprint],
    whole: PartFingerprint,
}

impl<'s> Fingerprints<'s> {
    pub fn new(parts: &'s mut [PartFingerprint]) -> Self {
        parts.fill(PartFingerprint::EMPTY);
        Self { parts, whole: PartFingerprint::EMPTY }
    }

    pub const fn whole(&self) -> PartFingerprint {
        self.whole
    }

    /// Replaces the share of a member.
    pub fn change(&mut self, id: NodeId, before: PartFingerprint, after: PartFingerprint) {
        self.whole = self.whole.minus(before).plus(after);
        let part = self.part(id);
        if let Some(part) = self.parts.get_mut(part) {
            *part = part.minus(before).plus(after);
        }
    }

    /// The fingerprint of the parts that lie wholly within a range, and what of it is before and behind them; `None` when there
    /// are none.
    pub fn within(&self, range: IdRange) -> Option<(PartFingerprint, [IdRange; 2])> {
        let (first, last) = (self.part(range.first) + 1, self.part(range.last));
        let parts = self.parts.get(first..last).filter(|parts| !parts.is_empty())?;
        let sum = parts.iter().fold(PartFingerprint::EMPTY, |sum, part| sum.plus(*part));
        let front = IdRange { first: range.first, last: id_before(self.start(first)) };
        Some((sum, [front, IdRange { first: self.start(last), last: range.last }]))
    }

    /// Takes over what another one of the same size holds.
    #[cfg(feature = "sim")]
    pub fn copy_from(&mut self, other: &Fingerprints<'_>) {
        self.parts.copy_from_slice(other.parts);
        self.whole = other.whole;
    }

    #[cfg(feature = "sim")]
    pub const fn parts(&self) -> usize {
        self.parts.len()
    }

    /// The part that an id falls into.
    fn part(&self, id: NodeId) -> usize {
        let [a, b, c, d, ..] = id.0;
        ((u64::from(u32::from_be_bytes([a, b, c, d])) * self.parts.len() as u64) >> 32) as usize
    }

    /// The first id of a part.
    fn start(&self, part: usize) -> NodeId {
        let head = ((part as u64) << 32).div_ceil(self.parts.len().max(1) as u64);
        NodeId((u128::from(head) << 96).to_be_bytes())
    }
}

/// The id just below `id`.
pub fn id_before(id: NodeId) -> NodeId {
    NodeId(u128::from_be_bytes(id.0).saturating_sub(1).to_be_bytes())
}

/// Hashes what identifies a version of a record into 64 bits.
pub fn hash(slot: &MemberSlot) -> u64 {
    let id = u128::from_le_bytes(slot.id.0);
    let words = [id as u64, (id >> 64) as u64, slot.incarnation, slot.state as u64, slot.digest.into()];
    words.into_iter().fold(0, |sum, word| mix(sum ^ word))
}

/// Tells two versions of a member's metadata apart.
pub fn digest(metadata: &[u8]) -> u32 {
    let words = metadata.chunks(8).map(|chunk| {
        let mut word = [0; 8];
        word.iter_mut().zip(chunk).for_each(|(to, from)| *to = *from);
        u64::from_le_bytes(word)
    });
    words.fold(metadata.len() as u64, |sum, word| mix(sum ^ word)) as u32
}

/// One step of SplitMix64.
pub const fn mix(word: u64) -> u64 {
    let word = word.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}
