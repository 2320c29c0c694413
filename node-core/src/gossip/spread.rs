//! Spreading: records go where they are not known yet, in the newest form.

use super::node::Node;
use super::peers::Peer;
use super::reconcile::AGAIN;
use super::table::Index;
use crate::id::{LinkId, NodeId};
use crate::time::{Duration, Instant};
use crate::wire::gossip::{Items, MAX_MESSAGE, Malformed, Records, Tag, Version, Writer};
use crate::wire::record::MAX_USES;
use crate::wire::{GoAway, Kind, Metadata, Outbox, Record, State};

/// Who does not hear of a change at once hears of it after this, in brief: what it heard elsewhere meanwhile it does not
/// ask for.
const NEWS: Duration = Duration::from_millis(250);
/// A hub that hears of changes at once is told once in this time when there are many; [`BURST`] times more before it comes to that.
const PACE: Duration = Duration::from_millis(100);
const BURST: u32 = 3;

impl Node<'_> {
    /// Takes a gossip message from a link. Answers go to `out`; for those that find no room the tables are compared
    /// again soon.
    ///
    /// # Errors
    /// [`Malformed`]: the peer is at fault, and [`poll_close`](Self::poll_close) ends the link. Records before the
    /// malformed one were used.
    pub fn handle_gossip(
        &mut self,
        now: Instant,
        link: LinkId,
        message: &[u8],
        out: &mut impl Outbox,
    ) -> Result<(), Malformed> {
        self.observe(now);
        self.take_gossip(now, link, message, out).inspect_err(|_| {
            // Also one that drains ends at once.
            if let Some(peer) =
                self.peers.get_mut(link).filter(|peer| peer.go_away.is_none_or(GoAway::drains))
            {
                (peer.go_away, peer.closing) = (Some(GoAway::Protocol), false);
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
        let Some(peer) = self.peers.get(link).filter(|peer| peer.go_away != Some(GoAway::Protocol)) else {
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
            Some(Tag::RangeFingerprints) => self.handle_compare((now, link), Items::new(items), out)?,
            Some(Tag::ItemList) => self.handle_have((now, link), items, out)?,
            Some(Tag::IWant) => self.handle_need((now, link), Items::new(items), out)?,
            Some(Tag::IHave) => self.handle_news(mark, Items::new(items), out)?,
            Some(Tag::Neighbor) => {
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
            let metadata = described.map_or(&[][..], |index| self.record_at(index).metadata);
            if self.say(&[Record { id: peer.id, incarnation, state, by, metadata }], out) {
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
            next.go_away = Some(GoAway::Asleep);
        }
        if peer.referred && self.say_referral(peer.id, out) {
            next.go_away = Some(GoAway::Pruned);
        }
        if let Some(place) = self.peers.get_mut(link) {
            *place = next;
        }
    }

    /// A leaf hears again of everything that concerns it, because it may need something else than before.
    pub(super) fn retell(&mut self, id: NodeId) {
        let leaves = self.peers.iter_mut().filter(|peer| peer.kind == Kind::Leaf && peer.id == id);
        leaves.for_each(|peer| (peer.cursor, peer.hubs_due) = (0, Some(0)));
    }

    /// Puts records as one message; `false` when there is no room.
    fn say(&self, records: &[Record<'_>], out: &mut impl Outbox) -> bool {
        let mut writer = Writer::new(Tag::Records);
        records.iter().all(|record| writer.push(record)) && out.put(&[writer.message()]).is_ok()
    }

    /// Tells a leaf of the neighbours in the overlay, from this place among the links on; returns where to go on when there was no
    /// room for all.
    fn say_hubs(&self, from: u16, out: &mut impl Outbox) -> Option<u16> {
        let hubs = (0..).zip(self.peers.hubs()).skip(from.into());
        let hubs = hubs.filter(|(_, peer)| peer.is_overlay());
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
        let uses = match peer.kind {
            Kind::Hub => Needs::new(),
            Kind::Leaf => self.uses(peer.id),
        };
        let mut said = peer.cursor;
        let mut writing = peer.cursor;
        let mut writer = Writer::new(Tag::Records);
        for (index, number) in self.table.changes(peer.cursor) {
            if self.concerns(index, peer, &uses) {
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
        let mut writer = Writer::new(Tag::IHave);
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

    /// Whether a peer is to hear of a member: a hub of every one, a leaf of the neighbours in the overlay, of those that departed, and
    /// of the owners of components that it uses. A leaf speaks of itself alone.
    fn concerns(&self, index: Index, peer: &Peer, uses: &Needs<'_>) -> bool {
        let slot = self.table.slot(index);
        let about_me = slot.id == self.config.id;
        match (self.config.kind, peer.kind) {
            (Kind::Leaf, _) => about_me,
            (Kind::Hub, Kind::Hub) => slot.known_to & peer.mark == 0,
            (Kind::Hub, Kind::Leaf) => {
                // From the beginning: of neighbours it is told apart.
                let is_neighbour = || self.peers.hubs().any(|hub| hub.is_overlay() && hub.id == slot.id);
                let changed = || peer.cursor > 0 && is_neighbour();
                let departed = !slot.state.is_live() && slot.was_neighbour;
                about_me
                    || (slot.kind == Kind::Hub && (departed || changed()))
                    || (slot.id != peer.id && self.offers(index, uses))
            }
        }
    }

    /// What a leaf uses.
    pub(super) fn uses(&self, leaf: NodeId) -> Needs<'_> {
        let about = self.table.find(leaf).and_then(|index| Metadata::decode(self.table.metadata(index)).ok());
        about.map(|metadata| metadata.uses).unwrap_or_default()
    }

    /// Whether a member offers something that is used.
    pub(super) fn offers(&self, index: Index, uses: &Needs<'_>) -> bool {
        !uses.is_empty()
            && Metadata::decode(self.table.metadata(index))
                .is_ok_and(|metadata| metadata.components.iter().any(|component| uses.contains(component)))
    }
}

/// Components that a leaf uses.
type Needs<'n> = heapless::Vec<&'n str, MAX_USES>;
