//! Anti-entropy between two hubs: where two tables differ is found by halving spans of ids.
//!
//! *Compare* carries sums over spans. Who finds that a span differs answers with finer sums, or, when it holds
//! few members there, with *Have*: their versions. Who gets that sends the records that the other lacks and
//! asks by *Need* for those that it lacks itself. Nothing is remembered between two messages: who has no room
//! for an answer drops it and compares again soon. For tables that are equal it is one small message.

use core::cmp::Ordering;

use super::node::Node;
use super::table::{Index, MemberSlot};
use crate::id::{LinkId, NodeId};
use crate::log::notice;
use crate::time::{Duration, Instant};
use crate::wire::gossip::{IdRange, Items, Malformed, RangeFingerprint, Tag, Version, Writer};
use crate::wire::{Outbox, State};

/// A span with at most this many members is answered by their versions: they fit one message.
const FEW: usize = 32;
/// Parts that a larger span is cut into.
const PARTS: usize = 8;
/// Spans that one message may make us sum: work for a peer is bounded.
const MAX_RANGES: usize = 16;

/// Members that a peer may make us look at in each [`WORK_PERIOD`], for each member of the table.
const WORK: usize = 64;
const WORK_PERIOD: Duration = Duration::from_secs(1);
/// Shortest time between two lines of the log about repairs.
const REPORT: Duration = Duration::from_secs(10);

/// Wait before tables are compared again when there was no room for what follows from it.
pub(super) const AGAIN: Duration = Duration::from_millis(100);

impl Node<'_> {
    /// Starts a comparison; `false` when there is no room.
    pub(super) fn compare(&self, out: &mut impl Outbox) -> bool {
        let mut writer = Writer::new(Tag::RangeFingerprints);
        writer.push(&self.table.range(IdRange::ALL)) && out.put(&[writer.message()]).is_ok()
    }

    pub(super) fn handle_compare(
        &mut self,
        (now, link): (Instant, LinkId),
        ranges: Items<'_, RangeFingerprint>,
        out: &mut impl Outbox,
    ) -> Result<bool, Malformed> {
        for theirs in ranges.take(MAX_RANGES) {
            let theirs = theirs?;
            let count = self.table.count(theirs.range);
            // The sum over everything is at hand.
            if theirs.range == IdRange::ALL && self.table.range(IdRange::ALL) == theirs {
                continue;
            }
            if !self.afford(now, link, count) {
                return Ok(false);
            }
            if self.table.range(theirs.range) == theirs {
                continue;
            }
            let answered = if count <= FEW {
                self.say_versions(theirs.range, out)
            } else {
                self.afford(now, link, count) && self.say_parts(theirs.range, count, out)
            };
            if !answered {
                return Ok(false);
            }
        }
        Ok(true)
    }

    pub(super) fn handle_have(
        &mut self,
        (now, link): (Instant, LinkId),
        items: &[u8],
        out: &mut impl Outbox,
    ) -> Result<bool, Malformed> {
        let (span, versions) = postcard::take_from_bytes::<IdRange>(items).map_err(|_| Malformed)?;
        if !self.afford(now, link, self.table.count(span)) {
            return Ok(false);
        }
        let mut differences = 0;
        let mut need = Writer::new(Tag::IWant);
        for version in Items::<Version>::new(versions) {
            let version = version?;
            if self.is_newer(&version) {
                need.push(&version.id);
                differences += 1;
            }
        }
        // Both sides go by ascending id.
        let mut theirs = Items::<Version>::new(versions).flatten().peekable();
        let mut lacks = |slot: &MemberSlot| {
            while theirs.next_if(|version| version.id < slot.id).is_some() {}
            match theirs.peek().filter(|version| version.id == slot.id) {
                Some(theirs) => slot.version() > theirs.order(),
                None => slot.state.is_live(),
            }
        };
        let lacking = self.table.span(span).filter(|&index| lacks(self.table.slot(index)));
        let asked = need.is_empty() || out.put(&[need.message()]).is_ok();
        let said = self.say_records(lacking.inspect(|_| differences += 1), out);
        self.note_repair(now, link, differences);
        Ok(said && asked)
    }

    /// Whether a peer may make us look at so many members more: what it may is bounded for each second, and is several
    /// times what comparing two tables takes that have nothing in common.
    fn afford(&mut self, now: Instant, link: LinkId, members: usize) -> bool {
        let most = WORK * self.table.len().max(FEW);
        let Some(peer) = self.peers.get_mut(link) else {
            return false;
        };
        if now.since(peer.work_at) >= WORK_PERIOD {
            (peer.work, peer.work_at) = (0, now);
        }
        peer.work = peer.work.saturating_add(u32::try_from(members).unwrap_or(u32::MAX));
        peer.work as usize <= most
    }

    /// Logs what comparing found, not for each message.
    fn note_repair(&mut self, now: Instant, link: LinkId, differences: u32) {
        self.repairs = self.repairs.saturating_add(differences);
        if self.repairs == 0 || now < self.repairs_at {
            return;
        }
        if let Some(peer) = self.peers.get(link) {
            notice!(
                "repair: comparing with {} and others found {} records that differed",
                peer.id,
                self.repairs
            );
        }
        self.repairs = 0;
        self.repairs_at = now + REPORT;
    }

    /// What changed at the peer a while ago: what is still not known here is asked for.
    pub(super) fn handle_news(
        &mut self,
        mark: u64,
        versions: Items<'_, Version>,
        out: &mut impl Outbox,
    ) -> Result<bool, Malformed> {
        let mut need = Writer::new(Tag::IWant);
        for version in versions {
            let version = version?;
            match self.compare_version(&version) {
                (_, Ordering::Greater) => _ = need.push(&version.id),
                // It does not say who doubts a suspect.
                (Some(index), Ordering::Equal) if version.state != State::Suspect => {
                    self.note_known(index, mark);
                }
                _ => {}
            }
        }
        Ok(need.is_empty() || out.put(&[need.message()]).is_ok())
    }

    fn is_newer(&self, version: &Version) -> bool {
        self.compare_version(version).1 == Ordering::Greater
    }

    /// Whether a version is newer than what is known here of its member, or as new.
    fn compare_version(&self, version: &Version) -> (Option<Index>, Ordering) {
        match self.table.find(version.id) {
            Some(index) => (Some(index), version.order().cmp(&self.table.slot(index).version())),
            None if version.state.is_live() => (None, Ordering::Greater),
            None => (None, Ordering::Less),
        }
    }

    pub(super) fn handle_need(
        &mut self,
        (now, link): (Instant, LinkId),
        ids: Items<'_, NodeId>,
        out: &mut impl Outbox,
    ) -> Result<bool, Malformed> {
        let mut malformed = false;
        let mut count = 0;
        ids.clone().for_each(|id| (malformed, count) = (malformed | id.is_err(), count + 1));
        if malformed {
            return Err(Malformed);
        }
        if !self.afford(now, link, count) {
            return Ok(false);
        }
        let wanted = ids.flatten().filter_map(|id| self.table.find(id));
        Ok(self.say_records(wanted, out))
    }

    pub(super) fn say_records(&self, members: impl Iterator<Item = Index>, out: &mut impl Outbox) -> bool {
        let mut writer = Writer::new(Tag::Records);
        for index in members {
            let record = self.record_at(index);
            if !writer.push(&record) {
                if out.put(&[writer.message()]).is_err() {
                    return false;
                }
                writer.clear();
                writer.push(&record);
            }
        }
        writer.is_empty() || out.put(&[writer.message()]).is_ok()
    }

    fn say_versions(&self, span: IdRange, out: &mut impl Outbox) -> bool {
        let mut writer = Writer::new(Tag::ItemList);
        let mut fits = writer.push(&span);
        for slot in self.table.span(span).map(|index| self.table.slot(index)) {
            fits &= writer.push(&Version::of(slot));
        }
        fits && out.put(&[writer.message()]).is_ok()
    }

    fn say_parts(&self, span: IdRange, count: usize, out: &mut impl Outbox) -> bool {
        let mut writer = Writer::new(Tag::RangeFingerprints);
        let size = count.div_ceil(PARTS);
        let mut first = span.first;
        let mut fits = true;
        for part in 1..=PARTS {
            // Each part ends just before the member that begins the next, the last one with the span.
            let next = self.table.nth(span, part * size).map(|index| self.table.slot(index).id);
            let last = next.map_or(span.last, before);
            fits &= writer.push(&self.table.range(IdRange { first, last }));
            match next {
                Some(id) => first = id,
                None => break,
            }
        }
        fits && out.put(&[writer.message()]).is_ok()
    }
}

impl Version {
    pub(super) fn of(slot: &MemberSlot) -> Self {
        let (id, incarnation, state) = (slot.id, slot.incarnation, slot.state);
        Self { id, incarnation, state, digest: slot.digest.to_le_bytes() }
    }

    fn order(&self) -> (u64, State, u32) {
        (self.incarnation, self.state, u32::from_le_bytes(self.digest))
    }
}

/// The id just below `id`.
pub(super) fn before(id: NodeId) -> NodeId {
    NodeId(u128::from_be_bytes(id.0).saturating_sub(1).to_be_bytes())
}
