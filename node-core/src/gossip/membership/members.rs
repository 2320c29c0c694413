//! The members: the table, and what this node remembers beside it.

use super::evidence::BuddyNotification;
use super::local_health::LocalHealth;
use super::member::Member;
use super::refutation::Refutation;
use super::rejections::Rejections;
use super::table::{Index, Table, TableStorage};
use crate::gossip::context::Context;
use crate::gossip::timers::Timer;
use crate::id::{LinkId, NodeId};
use crate::identity::Identity;
use crate::time::Instant;
use crate::trust::Fingerprint;
use crate::wire::record::MAX_USES;
use crate::wire::{Metadata, Record, Start, State};

/// The links, as membership sees them.
pub trait Links {
    /// Whether a link to the node may be used.
    fn is_linked(&self, id: NodeId) -> bool;

    /// Whether a link leads to it as to a leaf, whatever others say that it is.
    fn is_linked_leaf(&self, id: NodeId) -> bool;

    /// Hubs with a link that may be used.
    fn linked_hubs(&self) -> impl Iterator<Item = NodeId>;

    /// The peer of a link.
    fn sender(&self, link: LinkId) -> Sender;

    /// Tells a linked peer what is said of it elsewhere.
    fn notify_buddy(&mut self, id: NodeId, notification: BuddyNotification);

    /// When this node may dial a peer again that showed another certificate than `active` on a link that this node dialled.
    fn renewal_due(&self, id: NodeId, active: Fingerprint) -> Option<Instant>;
}

/// The peer that sent a record.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sender {
    pub id: Option<NodeId>,
    /// Its bit in the known-by bitmap of a member; 0 when it has none.
    pub known_by: u64,
}

/// Components that a leaf uses.
pub type Uses<'n> = heapless::Vec<&'n str, MAX_USES>;

/// All members, this node included.
pub struct Members<'s> {
    pub table: Table<'s>,
    pub(super) identity: Identity<'s>,
    /// Records whose signature was checked.
    #[cfg(feature = "sim")]
    pub checked: core::cell::Cell<u64>,
    pub(super) start: Start,
    pub(super) local_health: LocalHealth,
    pub(super) refutation: Refutation,
    pub(super) rejections: Rejections,
    pub(super) leaving: bool,
    /// Another process with this identity was there first.
    pub(super) refused: bool,
    /// The log names that process, once.
    pub(super) refusal_logged: bool,
    pub(super) sleeping: bool,
    /// Overdue members are not looked for before.
    pub(super) expire_from: Instant,
    /// From where in the table on orphans are looked for next, after the first time.
    pub(super) orphans_from: Option<usize>,
}

impl<'s> Members<'s> {
    pub fn new(now: Instant, storage: TableStorage<'s>, identity: Identity<'s>, start: Start) -> Self {
        Self {
            table: Table::new(storage),
            identity,
            #[cfg(feature = "sim")]
            checked: core::cell::Cell::new(0),
            start,
            local_health: LocalHealth::new(now),
            refutation: Refutation::NONE,
            rejections: Rejections::new(now),
            leaving: false,
            refused: false,
            refusal_logged: false,
            sleeping: false,
            expire_from: now,
            orphans_from: None,
        }
    }

    /// Takes note of the time, and of having been called late. `due` is when this node asked to be called.
    pub fn observe(&mut self, now: Instant, due: Option<Instant>) {
        self.local_health.observe(&mut self.table, now, due);
    }

    /// The start of this process.
    pub const fn start(&self) -> Start {
        self.start
    }

    pub const fn is_leaving(&self) -> bool {
        self.leaving
    }

    pub const fn is_sleeping(&self) -> bool {
        self.sleeping
    }

    pub fn is_live(&self, id: NodeId) -> bool {
        self.table.find(id).is_some_and(|index| self.table.slot(index).state.is_live())
    }

    /// Whether a live member published that this start of it is a rival.
    pub fn is_known_rival(&self, id: NodeId, start: Start) -> bool {
        let live = self.table.find(id).filter(|&index| self.table.slot(index).state.is_live());
        let metadata = live.and_then(|index| Metadata::decode(self.table.metadata(index)).ok());
        metadata.and_then(|metadata| metadata.rival).is_some_and(|rival| rival.start == start)
    }

    pub fn is_asleep(&self, id: NodeId) -> bool {
        self.table.find(id).is_some_and(|index| self.table.slot(index).asleep)
    }

    /// A member as others see it; `None` when its metadata is not known.
    pub fn member(&self, links: &impl Links, index: Index) -> Option<Member<'_>> {
        let record = Record { metadata: self.table.metadata(index), ..self.table.record(index) };
        let metadata = Metadata::decode(record.metadata).ok()?;
        let slot = self.table.slot(index);
        Some(Member {
            evidence: (record.state == State::Suspect).then(|| slot.evidence.text()).flatten(),
            since: slot.since,
            linked: links.is_linked(record.id),
            asleep: slot.asleep && record.state == State::Alive,
            record,
            metadata,
        })
    }

    /// The components that a leaf uses.
    pub fn uses(&self, leaf: NodeId) -> Uses<'_> {
        let metadata =
            self.table.find(leaf).and_then(|index| Metadata::decode(self.table.metadata(index)).ok());
        metadata.map(|metadata| metadata.uses).unwrap_or_default()
    }

    /// Whether a member offers a component that is used.
    pub fn offers(&self, index: Index, uses: &Uses<'_>) -> bool {
        !uses.is_empty()
            && Metadata::decode(self.table.metadata(index))
                .is_ok_and(|metadata| metadata.components.iter().any(|component| uses.contains(component)))
    }

    /// How many hubs a member without an address names.
    pub fn named_hubs(&self, id: NodeId) -> usize {
        let metadata =
            self.table.find(id).and_then(|index| Metadata::decode(self.table.metadata(index)).ok());
        metadata.map_or(0, |metadata| metadata.hubs.len())
    }

    /// A member for which `fits` holds, each with equal chance.
    pub fn pick(&self, rng: &mut fastrand::Rng, fits: impl Fn(Index) -> bool) -> Option<Index> {
        self.pick_best(rng, |index| fits(index).then_some(()))
    }

    /// A member of the greatest `merit`, each of these with equal chance.
    pub fn pick_best<M: Ord>(
        &self,
        rng: &mut fastrand::Rng,
        merit: impl Fn(Index) -> Option<M>,
    ) -> Option<Index> {
        let mut best = None;
        let (mut chosen, mut seen) = (None, 0);
        let mut rng = rng.fork();
        for index in self.table.unordered() {
            let Some(merit) = merit(index).map(Some).filter(|merit| *merit >= best) else { continue };
            if merit > best {
                (best, seen) = (merit, 0);
            }
            seen += 1;
            if rng.u32(0..seen) == 0 {
                chosen = Some(index);
            }
        }
        chosen
    }

    /// Wants a link to a member at a time to come; `false` when one is wanted already, or there is no way to dial.
    pub fn want_link(&mut self, context: &mut Context, at: Instant, id: NodeId) -> bool {
        let Some(index) = self.table.find(id) else { return false };
        let slot = *self.table.slot(index);
        if !slot.dialable {
            return false;
        }
        context.timers.set_no_later(Timer::Dial, at);
        if !slot.dial.wanted {
            self.table.update(index, |slot| (slot.dial.wanted, slot.retry_at) = (true, at));
        }
        !slot.dial.wanted
    }

    /// Wants a new link to a member that announces another certificate than it showed when this node dialled it: only a new link
    /// lets it prove the new certificate before the old one leaves the keyring here.
    pub fn renew_link(&mut self, context: &mut Context, links: &impl Links, now: Instant, id: NodeId) {
        let Some(index) = self.table.find(id) else { return };
        let metadata = Metadata::decode(self.table.metadata(index));
        let Ok(active) = metadata.map(|metadata| Fingerprint(metadata.active_key)) else { return };
        // Zeros: it does not say which.
        if active.0 != [0; 32]
            && let Some(due) = links.renewal_due(id, active)
        {
            self.want_link(context, now.max(due), id);
        }
    }
}
