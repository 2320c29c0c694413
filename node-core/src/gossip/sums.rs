//! Sums over parts of all ids, kept up to date, so that comparing tables does not look at every member.
//!
//! All ids are cut into equal parts, one for each [`PartFingerprint`] that was lent: of a span only the parts at both ends are summed
//! member by member. With as many parts as the root of the members both cost the same.

use super::reconcile::before;
use crate::id::NodeId;
use crate::wire::gossip::IdRange;

/// How many live members a part of all ids has, and the sum of their fingerprints; [`PartFingerprint::EMPTY`] fills the storage that a
/// caller lends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartFingerprint {
    pub(super) count: u32,
    pub(super) sum: u64,
}

impl PartFingerprint {
    /// Of nobody.
    pub const EMPTY: Self = Self { count: 0, sum: 0 };

    pub(super) const fn plus(self, other: Self) -> Self {
        Self { count: self.count.wrapping_add(other.count), sum: self.sum.wrapping_add(other.sum) }
    }

    const fn minus(self, other: Self) -> Self {
        Self { count: self.count.wrapping_sub(other.count), sum: self.sum.wrapping_sub(other.sum) }
    }
}

/// Invariant: each of `parts` is the sum over the live members whose ids fall into it; `whole` that over all.
pub(super) struct Sums<'s> {
    parts: &'s mut [PartFingerprint],
    whole: PartFingerprint,
}

impl<'s> Sums<'s> {
    pub(super) fn new(parts: &'s mut [PartFingerprint]) -> Self {
        parts.fill(PartFingerprint::EMPTY);
        Self { parts, whole: PartFingerprint::EMPTY }
    }

    pub(super) const fn whole(&self) -> PartFingerprint {
        self.whole
    }

    /// What a member adds has changed.
    pub(super) fn change(&mut self, id: NodeId, before: PartFingerprint, after: PartFingerprint) {
        self.whole = self.whole.minus(before).plus(after);
        let part = self.part(id);
        if let Some(part) = self.parts.get_mut(part) {
            *part = part.minus(before).plus(after);
        }
    }

    /// The sum over the parts that lie wholly within a span, and what of it is before and behind them; `None` when there are
    /// none.
    pub(super) fn within(&self, span: IdRange) -> Option<(PartFingerprint, [IdRange; 2])> {
        let (first, last) = (self.part(span.first) + 1, self.part(span.last));
        let parts = self.parts.get(first..last).filter(|parts| !parts.is_empty())?;
        let sum = parts.iter().fold(PartFingerprint::EMPTY, |sum, part| sum.plus(*part));
        let before = IdRange { first: span.first, last: before(self.start(first)) };
        Some((sum, [before, IdRange { first: self.start(last), last: span.last }]))
    }

    /// Takes over what another one of the same size holds.
    #[cfg(feature = "sim")]
    pub(super) fn copy_from(&mut self, other: &Sums<'_>) {
        self.parts.copy_from_slice(other.parts);
        self.whole = other.whole;
    }

    #[cfg(feature = "sim")]
    pub(super) const fn parts(&self) -> usize {
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
