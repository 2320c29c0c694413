//! The node: its own record, its table, its links.

use super::config::Config;
use super::dial::{MAX_SEEDS, Seed};
use super::links::Peer;
use super::storage::Storage;
use super::table::{Index, Table};
use crate::id::NodeId;
use crate::log::warning;
use crate::time::Instant;
use crate::wire::record::{BadMeta, MAX_META};
use crate::wire::{Kind, Meta, Record, State};

/// One node's part in the cluster. See the [module](super) for how its methods work together.
///
/// After every `handle_*` call and every command: drain [`poll_close`](Self::poll_close) and
/// [`poll_dial`](Self::poll_dial), call [`poll_gossip`](Self::poll_gossip) for each link, and be back with
/// [`handle_timeout`](Self::handle_timeout) no later than [`poll_timeout`](Self::poll_timeout) says. Times given
/// to one node never go backwards.
pub struct Node<'s> {
    pub(super) config: Config,
    pub(super) table: Table<'s>,
    pub(super) peers: &'s mut [Peer],
    pub(super) seeds: heapless::Vec<Seed, MAX_SEEDS>,
    pub(super) rng: fastrand::Rng,
    pub(super) leaving: bool,
    /// When dials are considered next.
    pub(super) overlay_at: Option<Instant>,
    /// When a hub next looks after what no event reminds it of.
    pub(super) patrol_at: Instant,
    /// When a suspicion or a tombstone may end next.
    pub(super) expiry_at: Instant,
}

/// A member as the table holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member<'n> {
    /// What is known of it.
    pub record: Record<'n>,
    /// Its description.
    pub meta: Meta<'n>,
    /// When its state was learned here.
    pub since: Instant,
    /// The link to it, if there is one.
    pub linked: bool,
}

impl<'s> Node<'s> {
    /// A node that is alone so far. `incarnation` must be higher than in its last life, if that is known; else a
    /// peer that remembers will make it catch up. `seed` is for choices and jitter, never for keys.
    ///
    /// # Errors
    /// [`BadMeta`] when `meta` breaks a limit or does not fit the storage, or the storage has no slot.
    pub fn new(
        now: Instant,
        config: Config,
        (incarnation, meta): (u64, &Meta<'_>),
        (storage, seed): (Storage<'s>, u64),
    ) -> Result<Self, BadMeta> {
        storage.peers.fill(Peer::FREE);
        let mut node = Self {
            config,
            table: Table::new(storage.slots, storage.order, storage.meta),
            peers: storage.peers,
            seeds: heapless::Vec::new(),
            rng: fastrand::Rng::with_seed(seed),
            leaving: false,
            overlay_at: Some(now),
            patrol_at: now,
            expiry_at: Instant::from_micros(u64::MAX),
        };
        let me = node.table.insert(config.id).map_err(|_| BadMeta)?;
        if let Some(slot) = node.table.slot_mut(me) {
            slot.state = State::Alive;
            slot.since = now;
            slot.kind = config.kind;
            slot.incarnation = incarnation;
        }
        node.patrol_at = now + node.jitter(config.retry_max);
        node.set_meta(meta)?;
        Ok(node)
    }

    // Getters

    /// This node.
    #[must_use]
    pub const fn id(&self) -> NodeId {
        self.config.id
    }

    /// This node's own record, for its hello.
    #[must_use]
    pub fn record(&self) -> Record<'_> {
        self.table.find(self.config.id).map_or(
            Record { id: self.config.id, incarnation: 0, state: State::Left, by: None, meta: &[] },
            |me| self.record_at(me),
        )
    }

    /// All members by ascending id, this node included.
    pub fn members(&self) -> impl Iterator<Item = Member<'_>> {
        self.table.iter().filter_map(|index| self.member_at(index))
    }

    /// What is known of all members, by ascending id, without reading their descriptions.
    pub fn records(&self) -> impl Iterator<Item = Record<'_>> {
        self.table.iter().map(|index| self.record_at(index))
    }

    /// One member.
    #[must_use]
    pub fn member(&self, id: NodeId) -> Option<Member<'_>> {
        self.table.find(id).and_then(|index| self.member_at(index))
    }

    /// Whether [`leave`](Self::leave) was called.
    #[must_use]
    pub const fn is_leaving(&self) -> bool {
        self.leaving
    }

    // What happened

    /// Tells the node what time it is.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.expire(now);
        if self.config.kind == Kind::Hub && now >= self.patrol_at {
            self.patrol_at = now + self.jitter(self.config.retry_max);
            self.rejoin(now);
            self.suspect_orphans(now);
        }
    }

    // Commands

    /// Changes what this node says of itself and spreads it.
    ///
    /// # Errors
    /// [`BadMeta`] when it breaks a limit or does not fit the storage; nothing changed.
    pub fn set_meta(&mut self, meta: &Meta<'_>) -> Result<(), BadMeta> {
        let mut buffer = [0; MAX_META];
        let encoded = meta.encode(&mut buffer)?;
        let me = self.table.find(self.config.id).ok_or(BadMeta)?;
        if self.table.meta(me) == encoded {
            return Ok(());
        }
        let first = self.table.meta(me).is_empty();
        self.table.set_meta(me, encoded).map_err(|_| BadMeta)?;
        if let Some(slot) = self.table.slot_mut(me).filter(|_| !first) {
            slot.incarnation = slot.incarnation.saturating_add(1);
        }
        self.table.touch(me, None);
        Ok(())
    }

    /// Says goodbye to the cluster. Give [`poll_gossip`](Self::poll_gossip) a chance to say so on every link
    /// before the links are closed.
    pub fn leave(&mut self, now: Instant) {
        self.leaving = true;
        let Some(me) = self.table.find(self.config.id) else { return };
        if let Some(slot) = self.table.slot_mut(me) {
            slot.incarnation = slot.incarnation.saturating_add(1);
            slot.since = now;
            slot.state = State::Left;
        }
        self.table.touch(me, None);
    }

    // What to do next

    /// A member that changed after the change numbered `cursor`, which is moved on; start with 0. A member that
    /// changed several times is named once. Members that are forgotten are not named: compare with
    /// [`members`](Self::members) now and then.
    pub fn poll_change(&self, cursor: &mut u64) -> Option<Member<'_>> {
        self.table.changes(*cursor).find_map(|(index, number)| {
            *cursor = number;
            self.member_at(index)
        })
    }

    /// When [`handle_timeout`](Self::handle_timeout), [`poll_dial`](Self::poll_dial) and
    /// [`poll_gossip`](Self::poll_gossip) are due.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        if self.leaving {
            return None;
        }
        let patrol = (self.config.kind == Kind::Hub).then_some(self.patrol_at);
        let syncs = self.peers.iter().filter(|peer| peer.is_usable()).filter_map(|peer| peer.sync_at);
        [self.overlay_at, patrol, Some(self.expiry_at)].into_iter().flatten().chain(syncs).min()
    }

    // Inside

    /// The name of a member, for the log.
    pub(super) fn name(&self, index: Index) -> &str {
        Meta::decode(self.table.meta(index)).map_or("?", |meta| meta.name)
    }

    pub(super) fn record_at(&self, index: Index) -> Record<'_> {
        let slot = self.table.slot(index);
        let (id, incarnation, state, by) = (slot.id, slot.incarnation, slot.state, slot.by);
        Record { id, incarnation, state, by, meta: self.table.meta(index) }
    }

    fn member_at(&self, index: Index) -> Option<Member<'_>> {
        let record = self.record_at(index);
        let meta = Meta::decode(record.meta).ok()?;
        Some(Member { record, meta, since: self.table.slot(index).since, linked: self.is_linked(record.id) })
    }

    /// A leaf tells which hubs speak for it.
    pub(super) fn refresh_hubs(&mut self) {
        let Some(me) = self.table.find(self.config.id) else { return };
        let mut copy = [0; MAX_META];
        let old = self.table.meta(me);
        let Some(copy) = copy.get_mut(..old.len()) else { return };
        copy.copy_from_slice(old);
        let Ok(mut meta) = Meta::decode(copy) else { return };
        meta.hubs.clear();
        let hubs = self.peers.iter().filter(|peer| peer.is_usable() && peer.kind == Kind::Hub);
        meta.hubs.extend(hubs.map(|peer| peer.id).take(crate::wire::record::MAX_HUBS));
        if self.set_meta(&meta).is_err() {
            warning!("the description of this node leaves no room for its hubs");
        }
    }
}
