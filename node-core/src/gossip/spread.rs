//! Spreading: records go where they are not known yet, and the newest wins.

use super::denial::{MAX_LEAP, MAX_STEP, PAUSE};
use super::node::{MAX_INCARNATION, Node};
use super::peers::Peer;
use super::reconcile::AGAIN;
use super::suspicion::Evidence;
use super::table::{Index, digest};
use crate::id::{LinkId, NodeId};
use crate::log::warning;
use crate::time::{Duration, Instant};
use crate::wire::gossip::{Items, MAX_MESSAGE, Malformed, Records, Tag, Version, Writer};
use crate::wire::record::{MAX_META, MAX_NEEDS};
use crate::wire::{Goodbye, Kind, Meta, Outbox, Record, State};

/// Who does not hear of a change at once hears of it after this, in brief: what it heard elsewhere meanwhile it does not
/// ask for.
const NEWS: Duration = Duration::from_millis(250);
/// A hub that hears of changes at once is told once in this time when there are many; [`BURST`] times more before it comes to that.
const PACE: Duration = Duration::from_millis(100);
const BURST: u32 = 3;
/// Shortest time between two complaints about what members say.
const COMPLAINTS: Duration = Duration::from_secs(10);

impl Node<'_> {
    /// Takes a gossip message from a link. Answers go to `out`; for those that find no room the tables are compared
    /// again soon.
    ///
    /// # Errors
    /// [`Malformed`]: the peer is at fault, and [`poll_close`](Self::poll_close) ends the link. Items before the malformed
    /// one were used.
    pub fn handle_gossip(
        &mut self,
        now: Instant,
        link: LinkId,
        message: &[u8],
        out: &mut impl Outbox,
    ) -> Result<(), Malformed> {
        self.observe(now);
        self.take_gossip(now, link, message, out).inspect_err(|_| {
            if let Some(peer) = self.peers.get_mut(link) {
                peer.goodbye.get_or_insert(Goodbye::Protocol);
            }
        })
    }

    fn take_gossip(
        &mut self,
        now: Instant,
        link: LinkId,
        message: &[u8],
        out: &mut impl Outbox,
    ) -> Result<(), Malformed> {
        let Some(peer) = self.peers.get(link).filter(|peer| peer.goodbye != Some(Goodbye::Protocol)) else {
            return Ok(());
        };
        let (id, kind, mark) = (peer.id, peer.kind, peer.mark);
        let (&tag, items) = message.split_first().ok_or(Malformed)?;
        if message.len() > MAX_MESSAGE {
            return Err(Malformed);
        }
        let answered = match Tag::from_byte(tag) {
            Some(Tag::Records) => {
                for record in Records::new(items) {
                    let record = record?;
                    // A leaf never speaks for others.
                    if kind == Kind::Hub || record.id == id {
                        self.apply(now, &record, Some(link));
                    }
                }
                true
            }
            // Only hubs hold whole tables, so only they compare them.
            Some(_) if kind == Kind::Leaf || self.config.kind == Kind::Leaf => true,
            Some(Tag::Compare) => self.handle_compare((now, link), Items::new(items), out)?,
            Some(Tag::Have) => self.handle_have((now, link), items, out)?,
            Some(Tag::Need) => self.handle_need(Items::new(items), out)?,
            Some(Tag::News) => self.handle_news(mark, Items::new(items), out)?,
            Some(Tag::Standing) => {
                let (&standing, _) = items.split_first().ok_or(Malformed)?;
                self.handle_standing(now, link, standing);
                true
            }
            // A later version's message.
            None => true,
        };
        if !answered && let Some(peer) = self.peers.get_mut(link) {
            peer.sync_at = Some(now + AGAIN);
        }
        Ok(())
    }

    /// Says on a link what its peer does not know yet, as far as `out` has room.
    pub fn poll_gossip(&mut self, now: Instant, link: LinkId, out: &mut impl Outbox) {
        let Some(peer) = self.peers.get(link).filter(|peer| peer.is_usable()) else { return };
        let asks = self.is_source(peer);
        if peer.knows(self.table.sequence(), asks) && !self.sleeping && peer.sync_at.is_none_or(|at| now < at)
        {
            return;
        }
        let peer = *peer;
        let mut next = Peer { asks, ..peer };
        if let Some((incarnation, state, by)) = peer.accused {
            let described = self.table.find(peer.id).filter(|_| state == State::Alive);
            let meta = described.map_or(&[][..], |index| self.record_at(index).meta);
            if self.say(&[Record { id: peer.id, incarnation, state, by, meta }], out) {
                next.accused = None;
            }
        }
        if peer.standing_due || next.asks != peer.asks {
            next.standing_due = !self.say_standing(&next, out);
        }
        if peer.sync_at.is_some_and(|at| now >= at) {
            next.sync_at = match self.compare(out) {
                true => peer.dialled.then(|| now + self.jitter(self.config.sync)),
                false => Some(now + AGAIN),
            };
        }
        if let Some(from) = peer.hubs_due {
            next.hubs_due = self.say_hubs(from, out);
        }
        let between_hubs = peer.kind == Kind::Hub && self.config.kind == Kind::Hub;
        if !between_hubs {
            (next.cursor, _) = self.say_changes(&peer, out);
        } else if peer.is_overlay() && self.is_eager(&peer) {
            self.say_soon(now, &mut next, out);
        } else if peer.is_overlay() {
            self.say_later(now, &mut next, out);
        } else {
            next.cursor = self.table.sequence();
            next.news_at = None;
        }
        if self.sleeping && next.cursor == self.table.sequence() {
            next.goodbye = Some(Goodbye::Asleep);
        }
        if peer.referred && self.say_referral(peer.id, out) {
            next.goodbye = Some(Goodbye::Surplus);
        }
        if let Some(place) = self.peers.get_mut(link) {
            *place = next;
        }
    }

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
            None => match self.admit(now, record) {
                Some(index) => index,
                None => return,
            },
        };
        let slot = *self.table.slot(index);
        let fresh = self.table.meta(index).is_empty();
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
        // An accusation need not describe whom it accuses.
        let described = if record.meta.is_empty() { slot.digest } else { digest(record.meta) };
        let version = (record.incarnation, record.state, described);
        let newer = fresh || version > slot.version();
        if newer {
            if self.replace(now, index, record) {
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
            && record.by.is_some_and(|by| {
                // Who is no member is no witness.
                self.is_live(by) && self.weigh(now, index, (by, Evidence::Hearsay))
            })
        {
            if let Some(slot) = self.table.slot_mut(index) {
                slot.by = record.by;
            }
            self.table.touch(index, mark);
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
        Meta::decode(record.meta).ok().filter(|_| !self.leaving)?;
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
        let departed = self.table.iter().any(|index| !self.table.slot(index).state.is_live());
        if self.table.is_full() && !departed {
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
            !mine && !node.is_linked(id) && !node.offers(index, &node.needs(node.config.id))
        });
        spare.inspect(|&index| self.table.remove(index)).is_some()
    }

    /// Remembers a member's description, for which departed and spare members make room.
    fn describe_member(&mut self, index: Index, meta: &[u8]) -> bool {
        loop {
            if self.table.set_meta(index, meta, self.own_reserve()).is_ok() {
                return true;
            }
            if !self.table.evict(self.config.id, Some(index)) && !self.forget_spare(Some(index)) {
                return false;
            }
        }
    }

    /// Takes a newer record for a member; `false`, and no change, when its description cannot be used.
    fn replace(&mut self, now: Instant, index: Index, record: &Record<'_>) -> bool {
        let before = *self.table.slot(index);
        let mut sleep_s = None;
        match Meta::decode(record.meta) {
            Ok(meta) => {
                let fresh = self.table.meta(index).is_empty();
                let described_anew = self.table.meta(index) != record.meta;
                let remembered = self.describe_member(index, record.meta);
                if !remembered {
                    self.complain(now, "no room for the description", record.id);
                    if fresh {
                        return false;
                    }
                    // That it lives is worth more than what it says.
                    self.table
                        .revise(index, |slot| (slot.digest, slot.outdated) = (digest(record.meta), true));
                }
                if let Some(slot) = self.table.slot_mut(index).filter(|_| remembered) {
                    slot.kind = meta.kind;
                    slot.dialable = meta.kind == Kind::Hub && !meta.addrs.is_empty();
                }
                sleep_s = Some(meta.sleep_s);
                if described_anew {
                    self.retell(|peer| peer.id == record.id);
                    self.renew(now, record.id);
                }
            }
            // An accusation need not describe whom it accuses.
            Err(_) if record.meta.is_empty() && record.state != State::Alive => {}
            Err(_) => return false,
        }
        self.table.revise(index, |slot| slot.incarnation = record.incarnation);
        let revived = record.state == State::Alive && before.state != State::Alive;
        if let Some(slot) = self.table.slot_mut(index).filter(|_| revived) {
            slot.attempts = 0;
            slot.retry_at = now;
        }
        if before.state != record.state || before.incarnation != record.incarnation {
            // Only a doubt has an author.
            self.set_state(now, index, record.state, record.by.filter(|_| record.state != State::Alive));
        }
        if record.state == State::Suspect {
            if let Some(slot) = self.table.slot_mut(index) {
                slot.since = now;
            }
            let by = record.by.filter(|by| self.is_live(*by));
            self.weigh(now, index, (by.unwrap_or(record.id), Evidence::Hearsay));
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

    /// Memory that this node's own description may still grow by.
    fn own_reserve(&self) -> usize {
        let own = self.table.find(self.config.id).map_or(0, |me| self.table.meta(me).len());
        MAX_META.saturating_sub(own)
    }

    /// Logs that something said of a member is not believed, at a sensible rate.
    pub(super) fn complain(&mut self, now: Instant, what: &str, id: NodeId) {
        self.complaints = self.complaints.saturating_add(1);
        if now >= self.complain_at {
            warning!("not believed of {}: {} ({} such so far)", id, what, self.complaints);
            self.complain_at = now + COMPLAINTS;
        }
    }

    /// Some leaves hear again of everything that concerns them, because they need something else than before.
    pub(super) fn retell(&mut self, which: impl Fn(&Peer) -> bool) {
        let leaves = self.peers.iter_mut().filter(|peer| peer.kind == Kind::Leaf);
        leaves.filter(|peer| which(peer)).for_each(|peer| (peer.cursor, peer.hubs_due) = (0, Some(0)));
    }

    /// Puts records as one message; `false` when there is no room.
    fn say(&self, records: &[Record<'_>], out: &mut impl Outbox) -> bool {
        let mut writer = Writer::new(Tag::Records);
        records.iter().all(|record| writer.push(record)) && out.put(&[writer.message()]).is_ok()
    }

    /// Tells a leaf of the hubs that are linked here, from this place among the links on; returns where to go on when there
    /// was no room for all.
    fn say_hubs(&self, from: u16, out: &mut impl Outbox) -> Option<u16> {
        let hubs = (0..).zip(self.peers.iter()).skip(from.into());
        let hubs = hubs.filter(|(_, peer)| peer.is_usable() && peer.kind == Kind::Hub);
        let mut writer = Writer::new(Tag::Records);
        let mut first = from;
        for (place, hub) in hubs {
            let Some(record) = self.table.find(hub.id).map(|index| self.record_at(index)) else { continue };
            if !writer.push(&record) {
                if out.put(&[writer.message()]).is_err() {
                    return Some(first);
                }
                first = place;
                writer.clear();
                writer.push(&record);
            }
        }
        let said = writer.is_empty() || out.put(&[writer.message()]).is_ok();
        if said { None } else { Some(first) }
    }

    /// To a hub that hears of changes at once; when there are many, of several together.
    fn say_soon(&self, now: Instant, peer: &mut Peer, out: &mut impl Outbox) {
        peer.news_at = None;
        if peer.cursor == self.table.sequence() {
            return;
        }
        let turn = peer.paced_at.max(now);
        if turn.since(now) > PACE * BURST && !self.leaving {
            peer.news_at = Some(peer.paced_at - PACE * BURST);
            peer.news_to = self.table.sequence();
            return;
        }
        let (cursor, said) = self.say_changes(peer, out);
        peer.cursor = cursor;
        if said {
            peer.paced_at = turn + PACE;
        }
    }

    /// Says what changed after the peer's cursor; returns the cursor moved on, and whether anything was said.
    fn say_changes(&self, peer: &Peer, out: &mut impl Outbox) -> (u64, bool) {
        let needs = match peer.kind {
            Kind::Hub => Needs::new(),
            Kind::Leaf => self.needs(peer.id),
        };
        let mut said = peer.cursor;
        let mut writing = peer.cursor;
        let mut writer = Writer::new(Tag::Records);
        for (index, number) in self.table.changes(peer.cursor) {
            if self.concerns(index, peer, &needs) {
                let record = self.record_at(index);
                if !writer.push(&record) {
                    if out.put(&[writer.message()]).is_err() {
                        return (said, said > peer.cursor);
                    }
                    said = writing;
                    writer.clear();
                    writer.push(&record);
                }
            }
            writing = number;
        }
        match writer.is_empty() {
            true => (writing, false),
            false if out.put(&[writer.message()]).is_ok() => (writing, true),
            false => (said, said > peer.cursor),
        }
    }

    /// To a peer that most likely hears of changes from others: a while later, and only in brief.
    fn say_later(&self, now: Instant, peer: &mut Peer, out: &mut impl Outbox) {
        if peer.news_at.is_some_and(|at| now >= at) {
            let (cursor, whole) = self.say_news(peer, out);
            peer.cursor = cursor;
            peer.news_at = (!whole).then(|| now + AGAIN);
        }
        if peer.news_at.is_none() && peer.cursor < self.table.sequence() {
            peer.news_at = Some(now + NEWS);
            peer.news_to = self.table.sequence();
        }
    }

    /// Says which versions are known here of what changed up to `news_to`; returns the cursor moved on, and whether there was
    /// room for all.
    fn say_news(&self, peer: &Peer, out: &mut impl Outbox) -> (u64, bool) {
        let end = peer.news_to.max(peer.cursor);
        let mut said = peer.cursor;
        let mut writing = peer.cursor;
        let mut writer = Writer::new(Tag::News);
        for (index, number) in self.table.changes(peer.cursor).take_while(|&(_, number)| number <= end) {
            let slot = self.table.slot(index);
            if slot.known_to & peer.mark == 0 {
                let version = Version::of(slot);
                if !writer.push(&version) {
                    if out.put(&[writer.message()]).is_err() {
                        return (said, false);
                    }
                    said = writing;
                    writer.clear();
                    writer.push(&version);
                }
            }
            writing = number;
        }
        if writer.is_empty() || out.put(&[writer.message()]).is_ok() { (end, true) } else { (said, false) }
    }

    /// Whether a peer is to hear of a member: a hub of every one, a leaf of the hubs that are linked here or
    /// departed and of the owners of components that it uses. A leaf speaks of itself alone.
    fn concerns(&self, index: Index, peer: &Peer, needs: &Needs<'_>) -> bool {
        let slot = self.table.slot(index);
        let about_me = slot.id == self.config.id;
        match (self.config.kind, peer.kind) {
            (Kind::Leaf, _) => about_me,
            (Kind::Hub, Kind::Hub) => slot.known_to & peer.mark == 0,
            (Kind::Hub, Kind::Leaf) => {
                // From the beginning: those that are linked it is told of apart.
                let linked = peer.cursor > 0 && self.is_linked(slot.id);
                about_me
                    || (slot.kind == Kind::Hub && (linked || !slot.state.is_live()))
                    || (slot.id != peer.id && self.offers(index, needs))
            }
        }
    }

    /// What a leaf uses.
    fn needs(&self, leaf: NodeId) -> Needs<'_> {
        let about = self.table.find(leaf).and_then(|index| Meta::decode(self.table.meta(index)).ok());
        about.map(|meta| meta.needs).unwrap_or_default()
    }

    /// Whether a member offers something that is used.
    fn offers(&self, index: Index, needs: &Needs<'_>) -> bool {
        !needs.is_empty()
            && Meta::decode(self.table.meta(index))
                .is_ok_and(|meta| meta.components.iter().any(|component| needs.contains(component)))
    }
}

/// Components that a leaf uses.
type Needs<'n> = heapless::Vec<&'n str, MAX_NEEDS>;
