//! Learning: of two records of one member the newer is taken, as far as there is reason to believe it.

use super::denial::{MAX_LEAP, MAX_STEP, PAUSE};
use super::node::{MAX_INCARNATION, Node};
use super::suspicion::Evidence;
use super::table::{Index, MemberSlot, digest};
use crate::id::{LinkId, NodeId};
use crate::log::warning;
use crate::time::{Duration, Instant};
use crate::wire::record::MAX_METADATA;
use crate::wire::{Kind, Metadata, Record, State};

/// Shortest time between two complaints about what members say.
const COMPLAINTS: Duration = Duration::from_secs(10);

impl Node<'_> {
    /// Takes what is said of a member, unless more is known here. `source` is the link that it came from.
    pub(super) fn apply(&mut self, now: Instant, record: &Record<'_>, source: Option<LinkId>) {
        if record.id == self.config.id {
            self.deny(now, record);
            return;
        }
        if record.incarnation >= MAX_INCARNATION {
            self.complain(now, "too high an incarnation", record.id);
            return;
        }
        let peer = source.and_then(|link| self.peers.get(link));
        let (direct, mark) = peer.map_or((false, 0), |peer| (peer.id == record.id, peer.mark));
        let index = match self.table.find(record.id) {
            Some(index) => index,
            // A departed member that is not known is not worth knowing: so no ghost is passed around.
            None if !record.state.is_live() => return,
            // Nor is what others doubt of a peer that found no place.
            None if record.state != State::Alive && self.is_linked(record.id) => return,
            None => match self.admit(now, record) {
                Some(index) => index,
                None => return,
            },
        };
        let slot = *self.table.slot(index);
        let fresh = self.table.metadata(index).is_empty();
        let leap = record.incarnation.saturating_sub(slot.incarnation);
        if leap > MAX_STEP && !fresh && !direct && !self.believe_leap(now, source, (index, leap)) {
            self.complain(now, "too high an incarnation", record.id);
            return;
        }
        let doubt = record.state != State::Alive;
        if doubt && !direct && record.incarnation >= slot.incarnation && self.is_linked(record.id) {
            // The peer is right here: let it deny it itself.
            self.accuse_to_its_face(record.id, (record.incarnation, record.state, record.by));
            return;
        }
        let condemned =
            is_verdict(record) && !direct && slot.state.is_live() && record.incarnation >= slot.incarnation;
        // A leaf leaves it to its hubs.
        let judges = self.config.kind == Kind::Hub;
        if condemned && judges && !self.had_its_say(now, index, record) {
            // Who called it down may have been cut off, or lies: it is given time to object here, too.
            if slot.state == State::Alive || record.incarnation > slot.incarnation {
                let doubt = Record { state: State::Suspect, ..*record };
                self.update(now, index, (&doubt, Evidence::Condemned), (direct, mark));
            }
            return;
        }
        self.update(now, index, (record, Evidence::Hearsay), (direct, mark));
    }

    /// Takes what is said of a known member if it is newer, and counts who else doubts it. `direct`: it says so itself. `mark` is
    /// that of the hub that said it.
    fn update(
        &mut self,
        now: Instant,
        index: Index,
        (record, evidence): (&Record<'_>, Evidence),
        (direct, mark): (bool, u64),
    ) {
        let slot = *self.table.slot(index);
        let fresh = self.table.metadata(index).is_empty();
        // An accusation need not describe whom it accuses.
        let described = if record.metadata.is_empty() { slot.digest } else { digest(record.metadata) };
        let version = (record.incarnation, record.state, described);
        if fresh || version > slot.version() {
            if self.replace(now, index, (record, evidence)) {
                self.table.touch(index, mark);
                if self.is_linked_leaf(record.id) && !direct {
                    // No comparing shows a leaf that others know of it what it did not say in this life.
                    self.accuse_to_its_face(record.id, (record.incarnation, record.state, record.by));
                }
            } else if fresh {
                self.table.remove(index);
            }
        } else if record.state == State::Suspect
            && slot.state == State::Suspect
            && record.incarnation == slot.incarnation
            // Who is no member is no witness.
            && let Some(by) = record.by.filter(|by| slot.counts(*by) && self.is_live(*by))
            && self.weigh(now, index, (by, evidence))
        {
            self.pass_on_accuser(index, by, mark);
        } else if version == slot.version() && (record.state != State::Suspect || record.by == slot.by) {
            self.note_known(index, mark);
        }
    }

    /// A linked hub said what is known here already.
    pub(super) fn note_known(&mut self, index: Index, mark: u64) {
        if let Some(slot) = self.table.slot_mut(index) {
            slot.known_to |= mark;
        }
    }

    /// Whether an incarnation may leap by what others say. If it would leap too far, it moves as far as it may.
    fn believe_leap(&mut self, now: Instant, source: Option<LinkId>, (index, leap): (Index, u64)) -> bool {
        let peer = source.and_then(|link| self.peers.get_mut(link));
        let Some(peer) = peer.filter(|peer| now >= peer.leap_at) else { return false };
        peer.leap_at = now + PAUSE;
        if leap <= MAX_LEAP {
            return true;
        }
        self.table.revise(index, |slot| slot.incarnation = slot.incarnation.saturating_add(MAX_LEAP));
        let slot = *self.table.slot(index);
        if self.is_linked_leaf(slot.id) {
            // Nobody else tells it: hubs do not compare tables with leaves.
            self.accuse_to_its_face(slot.id, (slot.incarnation, slot.state, slot.by));
        }
        false
    }

    /// Whether there is a link to it, as to a leaf, whatever others say that it is.
    fn is_linked_leaf(&self, id: NodeId) -> bool {
        self.peers.iter().any(|peer| peer.is_usable() && peer.kind == Kind::Leaf && peer.id == id)
    }

    /// A place for a member that was not known.
    fn admit(&mut self, now: Instant, record: &Record<'_>) -> Option<Index> {
        Metadata::decode(record.metadata).ok().filter(|_| !self.leaving)?;
        self.make_room();
        let Ok(index) = self.table.insert(record.id) else {
            self.complain(now, "no room in the table", record.id);
            return None;
        };
        self.table.slot_mut(index)?.since = now;
        self.table.revise(index, |slot| slot.state = State::Alive);
        Some(index)
    }

    /// A leaf whose table is full of live members forgets one that it neither is linked to nor needs.
    fn make_room(&mut self) {
        if self.config.kind == Kind::Leaf && self.table.is_full() && self.table.departed() == 0 {
            self.forget_spare(None);
        }
    }

    /// On a leaf, forgets one that it neither is linked to nor needs, but for `kept`; `false` when there is none.
    fn forget_spare(&mut self, kept: Option<Index>) -> bool {
        if self.config.kind == Kind::Hub {
            return false;
        }
        let spare = self.pick(|node, index| {
            let id = node.table.slot(index).id;
            let mine = id == node.config.id || Some(index) == kept;
            !mine && !node.is_linked(id) && !node.offers(index, &node.uses(node.config.id))
        });
        spare.inspect(|&index| self.table.remove(index)).is_some()
    }

    /// Remembers a member's description, for which departed and spare members make room.
    fn describe_member(&mut self, index: Index, metadata: &[u8]) -> bool {
        loop {
            if self.table.set_metadata(index, metadata, self.own_reserve()).is_ok() {
                return true;
            }
            if !self.table.evict(self.config.id, Some(index)) && !self.forget_spare(Some(index)) {
                return false;
            }
        }
    }

    /// Takes a newer record for a member; `false`, and no change, when its description cannot be used.
    fn replace(&mut self, now: Instant, index: Index, (record, evidence): (&Record<'_>, Evidence)) -> bool {
        let before = *self.table.slot(index);
        let mut sleep_s = None;
        match Metadata::decode(record.metadata) {
            Ok(metadata) => {
                let fresh = self.table.metadata(index).is_empty();
                let described_anew = self.table.metadata(index) != record.metadata;
                let remembered = self.describe_member(index, record.metadata);
                if !remembered {
                    self.complain(now, "no room for the description", record.id);
                    if fresh {
                        return false;
                    }
                    // That it lives is worth more than what it says.
                    self.table
                        .revise(index, |slot| (slot.digest, slot.outdated) = (digest(record.metadata), true));
                }
                if let Some(slot) = self.table.slot_mut(index).filter(|_| remembered) {
                    slot.kind = metadata.kind;
                    slot.dialable = metadata.kind == Kind::Hub && !metadata.addrs.is_empty();
                }
                sleep_s = Some(metadata.sleep_s);
                if described_anew {
                    self.retell(record.id);
                    self.renew(now, record.id);
                }
            }
            // An accusation need not describe whom it accuses.
            Err(_) if record.metadata.is_empty() && record.state != State::Alive => {}
            Err(_) => return false,
        }
        self.table.revise(index, |slot| slot.incarnation = record.incarnation);
        // Who only denied a doubt is no easier to dial than before.
        let revived = record.state == State::Alive && !before.state.is_live();
        if let Some(slot) = self.table.slot_mut(index).filter(|_| revived) {
            slot.attempts = 0;
            slot.retry_at = now;
        }
        if before.state != record.state || before.incarnation != record.incarnation {
            // Only a doubt has an author.
            self.set_state(now, index, record.state, record.by.filter(|_| record.state != State::Alive));
        }
        if record.state == State::Suspect {
            self.accuse(now, index, (record, evidence), &before);
        }
        if let Some(seconds) = sleep_s {
            self.note_sleep(now, index, seconds);
        }
        // The table may be long: whom to dial is looked for only when there may be somebody new.
        let dialable = self.table.slot(index).dialable;
        if (dialable && !self.has_enough()) || self.seeds.iter().any(|seed| seed.reached == Some(record.id)) {
            self.overlay_at = Some(now);
        }
        true
    }

    /// Counts whoever accuses a suspect that was `before` something else, or described in another way.
    fn accuse(
        &mut self,
        now: Instant,
        index: Index,
        (record, evidence): (&Record<'_>, Evidence),
        before: &MemberSlot,
    ) {
        if before.state == State::Suspect && before.incarnation == record.incarnation {
            // Who is no member is no further witness.
            if let Some(by) = record.by.filter(|by| self.is_live(*by))
                && self.weigh(now, index, (by, evidence))
                && let Some(slot) = self.table.slot_mut(index)
            {
                slot.by = Some(by);
            }
            return;
        }
        if let Some(slot) = self.table.slot_mut(index) {
            slot.since = now;
        }
        // Whoever it is, the first accuser is one.
        self.weigh(now, index, (record.by.unwrap_or(record.id), evidence));
        if before.missed {
            self.look_after(now, index);
        }
    }

    /// Memory that this node's own description may still grow by.
    fn own_reserve(&self) -> usize {
        let own = self.table.find(self.config.id).map_or(0, |me| self.table.metadata(me).len());
        MAX_METADATA.saturating_sub(own)
    }

    /// Logs that something said of a member is not believed, at a sensible rate.
    pub(super) fn complain(&mut self, now: Instant, what: &str, id: NodeId) {
        self.complaints = self.complaints.saturating_add(1);
        if now >= self.complain_at {
            warning!("not believed of {}: {} ({} such so far)", id, what, self.complaints);
            self.complain_at = now + COMPLAINTS;
        }
    }
}

/// Whether it is somebody's word that a member is gone, and not its own.
fn is_verdict(record: &Record<'_>) -> bool {
    record.state == State::Down || (record.state == State::Left && record.by.is_some())
}
