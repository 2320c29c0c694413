//! The node: its own record, its table, its links.

use super::config::Config;
use super::denial::Denial;
use super::dial::{MAX_SEEDS, Seed};
use super::peers::Peers;
use super::storage::Storage;
use super::suspicion::MAX_SLEEP;
use super::table::{Index, Table};
use crate::id::{LinkId, NodeId};
use crate::log::warning;
use crate::time::{Duration, Instant};
use crate::trust::Fingerprint;
use crate::wire::record::{BadMetadata, MAX_HUBS, MAX_METADATA};
use crate::wire::{Kind, Metadata, Record, State};

/// One node's part in the cluster. See the [module](super) for how its methods work together.
///
/// After every `handle_*` call and every command: drain [`poll_dial`](Self::poll_dial), call
/// [`poll_gossip`](Self::poll_gossip) for each link, then drain [`poll_close`](Self::poll_close), for what was said may be
/// the last word, and be back with [`handle_timeout`](Self::handle_timeout) no later than [`poll_timeout`](Self::poll_timeout) says. Times given
/// to one node never go backwards.
pub struct Node<'s> {
    pub(super) config: Config,
    pub(super) table: Table<'s>,
    pub(super) peers: Peers<'s>,
    pub(super) seeds: heapless::Vec<Seed, MAX_SEEDS>,
    pub(super) rng: fastrand::Rng,
    pub(super) leaving: bool,
    pub(super) sleeping: bool,
    /// When dials are considered next.
    pub(super) overlay_at: Option<Instant>,
    /// When a hub next looks after what no event reminds it of.
    pub(super) patrol_at: Instant,
    /// From where in the table on orphans are looked for next, after the first time.
    pub(super) orphans_from: Option<usize>,
    /// When a hub next makes a link to one that it has none to.
    pub(super) shuffle_at: Instant,
    /// When this node, if it cannot be dialled, names its hubs anew.
    pub(super) hubs_at: Option<Instant>,
    /// When links that are too many are ended.
    pub(super) shed_at: Option<Instant>,
    /// What is due for members is not looked for before.
    pub(super) expire_from: Instant,
    /// The last time that this node was told.
    pub(super) seen_at: Instant,
    /// Until then it is no good witness.
    pub(super) impaired_until: Instant,
    /// What is still to be denied.
    pub(super) denial: Denial,
    /// What members said that was not believed.
    pub(super) complaints: u32,
    /// Records that comparing found to differ, and when that is logged next.
    pub(super) repairs: u32,
    pub(super) repairs_at: Instant,
    pub(super) complain_at: Instant,
}

/// Highest incarnation; what claims more is not believed.
pub(super) const MAX_INCARNATION: u64 = 1 << 62;
/// Who cannot be dialled names a hub for so long after its link broke: it may be linked there again, and nobody need know.
pub(super) const NAMED_STILL: Duration = Duration::from_secs(2);
/// Who is called so much later than it asked for stood still.
const STALL: Duration = Duration::from_secs(1);

/// A member as the table holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member<'n> {
    /// What is known of it.
    pub record: Record<'n>,
    /// Its description.
    pub metadata: Metadata<'n>,
    /// When its state was learned here.
    pub since: Instant,
    /// The link to it, if there is one.
    pub linked: bool,
    /// What was seen here that speaks against a suspect; others may have seen more.
    pub evidence: Option<&'static str>,
    /// It is a leaf that sleeps, as it said it would.
    pub asleep: bool,
}

impl<'s> Node<'s> {
    /// A node that is alone so far. `incarnation` must be higher than in its last life, if that is known; else a
    /// peer that remembers will make it catch up. `seed` is for choices and jitter, never for keys.
    ///
    /// # Errors
    /// [`BadMetadata`] when `metadata` breaks a limit or does not fit the storage, or the storage has no slot.
    pub fn new(
        now: Instant,
        config: Config,
        (incarnation, metadata): (u64, &Metadata<'_>),
        (storage, seed): (Storage<'s>, u64),
    ) -> Result<Self, BadMetadata> {
        // Hubs need places, too, if only to be told of other hubs.
        let config = Config { max_leaves: config.max_leaves.min(storage.peers.len().div_ceil(2)), ..config };
        let mut node = Self {
            config,
            table: Table::new(
                storage.slots,
                (storage.id_index, storage.deadlines),
                storage.fingerprints,
                storage.metadata,
            ),
            peers: Peers::new(storage.peers),
            seeds: heapless::Vec::new(),
            rng: fastrand::Rng::with_seed(seed),
            leaving: false,
            sleeping: false,
            overlay_at: Some(now),
            patrol_at: now,
            orphans_from: None,
            shuffle_at: now,
            hubs_at: None,
            shed_at: None,
            expire_from: now,
            seen_at: now,
            impaired_until: now,
            denial: Denial::NONE,
            complaints: 0,
            repairs: 0,
            repairs_at: now,
            complain_at: now,
        };
        let me = node.table.insert(config.id).map_err(|_| BadMetadata)?;
        if let Some(slot) = node.table.slot_mut(me) {
            slot.since = now;
            slot.kind = config.kind;
        }
        node.table.revise(me, |slot| {
            slot.state = State::Alive;
            slot.incarnation = incarnation.min(MAX_INCARNATION - 1);
        });
        node.patrol_at = now + node.jitter(config.retry_max);
        node.shuffle_at = now + node.jitter(config.shuffle);
        node.set_metadata(metadata)?;
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
            Record { id: self.config.id, incarnation: 0, state: State::Left, by: None, metadata: &[] },
            |me| self.record_at(me),
        )
    }

    /// How many links to hubs carry gossip.
    #[must_use]
    pub fn active_view_len(&self) -> usize {
        self.overlay_links()
    }

    /// How many members there are, this node included.
    #[must_use]
    pub const fn member_count(&self) -> usize {
        self.table.len()
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

    /// Whether a link carries gossip: every one to a leaf, of those to hubs the links of the overlay.
    #[must_use]
    pub fn carries_gossip(&self, link: LinkId) -> bool {
        self.peers.get(link).is_some_and(|peer| {
            let between_hubs = peer.kind == Kind::Hub && self.config.kind == Kind::Hub;
            peer.is_overlay() || (peer.is_usable() && !between_hubs)
        })
    }

    /// Whether [`leave`](Self::leave) was called.
    #[must_use]
    pub const fn is_leaving(&self) -> bool {
        self.leaving
    }

    // What happened

    /// Tells the node what time it is.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.observe(now);
        self.expire(now);
        self.deny_late(now);
        if self.hubs_at.is_some_and(|at| now >= at) {
            self.refresh_hubs();
        }
        if self.config.kind == Kind::Hub && now >= self.patrol_at {
            self.patrol_at = now + self.jitter(self.config.retry_max);
            self.rejoin(now);
            self.look_for_orphans(now);
        }
        self.tend_overlay(now);
    }

    /// Takes note of the time, and of having been called late.
    pub(super) fn observe(&mut self, now: Instant) {
        let due = self.poll_timeout().map_or(now, |due| due.max(self.seen_at));
        self.seen_at = now;
        let late = now.since(due);
        if late > STALL {
            self.excuse(now, late);
        }
    }

    // Commands

    /// Changes what this node says of itself and spreads it.
    ///
    /// # Errors
    /// [`BadMetadata`] when it breaks a limit or does not fit the storage; nothing changed.
    pub fn set_metadata(&mut self, metadata: &Metadata<'_>) -> Result<(), BadMetadata> {
        let mut buffer = [0; MAX_METADATA];
        let encoded = metadata.encode(&mut buffer)?;
        let me = self.table.find(self.config.id).ok_or(BadMetadata)?;
        if self.table.metadata(me) == encoded {
            return Ok(());
        }
        let first = self.table.metadata(me).is_empty();
        self.table.set_metadata(me, encoded, 0).map_err(|_| BadMetadata)?;
        if !first {
            self.table.revise(me, |slot| slot.incarnation = slot.incarnation.saturating_add(1));
        }
        self.table.touch(me, 0);
        Ok(())
    }

    /// Tells the cluster which certificate this node shows, and the digest of all that it trusts.
    ///
    /// # Errors
    /// [`BadMetadata`] when the description leaves no room for it; nothing changed.
    pub fn set_keys(&mut self, active: Fingerprint, keyring: Fingerprint) -> Result<(), BadMetadata> {
        self.describe(|metadata| (metadata.active_key, metadata.keyring) = (active.0, keyring.0))
    }

    /// Says GOAWAY to the cluster. Give [`poll_gossip`](Self::poll_gossip) a chance to say so on every link
    /// before the links are closed.
    pub fn leave(&mut self, now: Instant) {
        self.leaving = true;
        let Some(me) = self.table.find(self.config.id) else { return };
        if let Some(slot) = self.table.slot_mut(me) {
            slot.since = now;
        }
        self.table.revise(me, |slot| {
            slot.incarnation = slot.incarnation.saturating_add(1);
            slot.state = State::Left;
        });
        self.table.touch(me, 0);
    }

    /// Tells the cluster that this leaf sleeps for so many seconds, a week at most: the links are ended when their
    /// hubs know.
    ///
    /// # Errors
    /// [`BadMetadata`] when the description leaves no room for it, or the node is a hub; nothing changed.
    pub fn sleep(&mut self, seconds: u32) -> Result<(), BadMetadata> {
        if self.config.kind == Kind::Hub {
            return Err(BadMetadata);
        }
        self.describe(|metadata| metadata.sleep_s = seconds.clamp(1, MAX_SLEEP))?;
        (self.sleeping, self.hubs_at) = (true, None);
        Ok(())
    }

    /// Wakes up after [`sleep`](Self::sleep), however early or late.
    ///
    /// # Errors
    /// Never, as long as the description could be written before.
    pub fn wake(&mut self, now: Instant) -> Result<(), BadMetadata> {
        self.sleeping = false;
        self.overlay_at = Some(now);
        self.describe(|metadata| metadata.sleep_s = 0)
    }

    /// Takes a member that is down out of the cluster: it counts as left.
    ///
    /// # Errors
    /// [`NotDown`]; nothing changed.
    pub fn remove(&mut self, now: Instant, id: NodeId) -> Result<(), NotDown> {
        let down = self.table.find(id).filter(|&index| self.table.slot(index).state == State::Down);
        let index = down.ok_or(NotDown)?;
        self.set_state(now, index, State::Left, Some(self.config.id));
        self.table.touch(index, 0);
        Ok(())
    }

    /// Knows all that another node of the same size knows, which must know this one: simulations begin so in the middle
    /// of things.
    #[cfg(feature = "sim")]
    pub(crate) fn learn_all(&mut self, other: &Node<'_>) {
        self.table.copy_from(&other.table);
    }

    // What to do next

    /// Members that changed after the change numbered `after`, the oldest change first, each with the number of its change;
    /// start with 0. A member that changed several times is named once. Members that are forgotten are not named: compare
    /// with [`members`](Self::members) now and then.
    pub fn changes(&self, after: u64) -> impl Iterator<Item = (u64, Member<'_>)> {
        self.table.changes(after).filter_map(|(index, number)| Some((number, self.member_at(index)?)))
    }

    /// The same, without reading what members say of themselves.
    #[cfg(feature = "sim")]
    pub(crate) fn changed_records(&self, after: u64) -> impl Iterator<Item = (u64, Record<'_>)> {
        self.table.changes(after).map(|(index, number)| (number, self.record_at(index)))
    }

    /// When [`handle_timeout`](Self::handle_timeout), [`poll_dial`](Self::poll_dial) and
    /// [`poll_gossip`](Self::poll_gossip) are due.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        if self.leaving {
            return None;
        }
        let patrol = (self.config.kind == Kind::Hub).then_some(self.patrol_at.min(self.shuffle_at));
        let own =
            [self.overlay_at, patrol, self.hubs_at, self.shed_at, self.denial.due(), Some(self.expiry_due())];
        let earliest = |one: Option<Instant>, other: Option<Instant>| one.into_iter().chain(other).min();
        let usable = self.peers.iter().filter(|peer| peer.is_usable());
        let links = usable.map(|peer| earliest(peer.sync_at, peer.news_at));
        links.fold(own.into_iter().flatten().min(), earliest)
    }

    // Inside

    pub(super) fn record_at(&self, index: Index) -> Record<'_> {
        let slot = self.table.slot(index);
        let (id, incarnation, state, by) = (slot.id, slot.incarnation, slot.state, slot.by);
        let metadata = if slot.outdated { &[] } else { self.table.metadata(index) };
        Record { id, incarnation, state, by, metadata }
    }

    fn member_at(&self, index: Index) -> Option<Member<'_>> {
        let record = Record { metadata: self.table.metadata(index), ..self.record_at(index) };
        let metadata = Metadata::decode(record.metadata).ok()?;
        let slot = self.table.slot(index);
        let evidence = (record.state == State::Suspect).then(|| slot.evidence.reason()).flatten();
        let (since, linked) = (slot.since, self.is_linked(record.id));
        let asleep = slot.asleep && record.state == State::Alive;
        Some(Member { record, metadata, since, linked, evidence, asleep })
    }

    /// Changes one thing in what this node says of itself.
    fn describe(&mut self, change: impl FnOnce(&mut Metadata<'_>)) -> Result<(), BadMetadata> {
        let me = self.table.find(self.config.id).ok_or(BadMetadata)?;
        let mut copy = [0; MAX_METADATA];
        let old = self.table.metadata(me);
        let copy = copy.get_mut(..old.len()).ok_or(BadMetadata)?;
        copy.copy_from_slice(old);
        let mut metadata = Metadata::decode(copy)?;
        change(&mut metadata);
        self.set_metadata(&metadata)
    }

    /// A link broke: the hubs that speak for this node are named anew in a while.
    pub(super) fn rename_hubs(&mut self, now: Instant) {
        if !self.sleeping {
            self.hubs_at.get_or_insert(now + NAMED_STILL);
        }
    }

    /// Who cannot be dialled, a leaf above all, tells which hubs speak for it.
    pub(super) fn refresh_hubs(&mut self) {
        self.hubs_at = None;
        let me =
            self.table.find(self.config.id).and_then(|me| Metadata::decode(self.table.metadata(me)).ok());
        let Some(Metadata { hubs: before, .. }) = me.filter(|metadata| metadata.addrs.is_empty()) else {
            return;
        };
        let linked = || self.peers.hubs().filter(|peer| peer.is_usable());
        // Those named already stay, in their order: which link is older is nothing to tell the cluster.
        let named = before.iter().copied().filter(|hub| linked().any(|peer| peer.id == *hub));
        let others = linked().map(|peer| peer.id).filter(|hub| !before.contains(hub));
        let hubs: heapless::Vec<NodeId, MAX_HUBS> = named.chain(others).take(MAX_HUBS).collect();
        // A leaf that sleeps still belongs to the hubs that it had.
        if !self.sleeping && self.describe(|metadata| metadata.hubs = hubs).is_err() {
            warning!("the description of this node leaves no room for its hubs");
        }
    }
}

/// The member is not known, or not down: only what is down can be taken out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotDown;

impl core::fmt::Display for NotDown {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("only a member that is down can be removed")
    }
}

impl core::error::Error for NotDown {}
