//! Exchanges under way, and the bytes of each that arrived and were not read.
//!
//! The link counts credit and frames; an [`ExchangeSlot`] holds the bytes. An exchange takes a slot when a hub or this
//! node opens it. The slot is free again when the [`Exchange`](crate::exchange::Exchange) over it is dropped, which may
//! be later than the end of the link's own record of it.

use embassy_sync::waitqueue::WakerRegistration;
use node_core::id::LinkId;
use node_core::link::{ExchangeId, Open, ResetCode, Side};
use node_core::wire::Service;
use thiserror::Error;

use crate::sizes::{EXCHANGE_CREDIT, EXCHANGES, OUR_EXCHANGES};

/// All exchanges.
pub(crate) struct ExchangeTable<'d> {
    slots: &'d mut ExchangeSlots,
    /// Counts exchanges that wait for a worker, so that workers serve them in order.
    arrivals: u32,
}

/// The table's memory, empty until the table uses it.
pub(crate) type ExchangeSlots = heapless::Vec<ExchangeSlot, EXCHANGES>;

/// One exchange.
pub(crate) struct ExchangeSlot {
    pub(crate) key: Option<ExchangeKey>,
    /// Arrived and not read.
    pub(crate) unread: heapless::Vec<u8, EXCHANGE_CREDIT>,
    /// No more bytes will arrive.
    pub(crate) ended: bool,
    /// The reason of an early end.
    pub(crate) broken: Option<ExchangeError>,
    /// The exchange waits for a worker since this arrival.
    waiting: Option<(u32, Open)>,
    /// Wakes the task that reads or writes it.
    pub(crate) waker: WakerRegistration,
}

/// One exchange of one link.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct ExchangeKey {
    /// The port of its link.
    pub(crate) port: usize,
    /// Its link: a port serves one link after the other.
    pub(crate) link: LinkId,
    /// Its number on that link.
    pub(crate) id: ExchangeId,
}

/// A slot's place in the table.
#[derive(Clone, Copy)]
pub(crate) struct SlotIndex(u8);

impl<'d> ExchangeTable<'d> {
    pub(crate) fn new(slots: &'d mut ExchangeSlots) -> Self {
        slots.clear();
        while slots.push(ExchangeSlot::FREE).is_ok() {}
        Self { slots, arrivals: 0 }
    }

    /// Takes a slot for an exchange that a hub opened, which then waits for a worker. `None` when there is no room.
    pub(crate) fn arrive(&mut self, key: ExchangeKey, open: Open) -> Option<&mut ExchangeSlot> {
        self.arrivals = self.arrivals.wrapping_add(1);
        let waiting = Some((self.arrivals, open));
        let slot = self.slots.iter_mut().find(|slot| slot.key.is_none())?;
        slot.occupy(key);
        slot.waiting = waiting;
        Some(slot)
    }

    /// The exchange that has waited longest for a worker, among those that `fits` accepts.
    pub(crate) fn next_waiting(&mut self, fits: fn(Service) -> bool) -> Option<(SlotIndex, Open)> {
        let now = self.arrivals;
        let waiting = (0..)
            .zip(self.slots.iter_mut())
            .filter(|(_, slot)| slot.waiting.is_some_and(|(_, open)| fits(open.service)));
        let age = |slot: &ExchangeSlot| slot.waiting.map_or(0, |(arrival, _)| now.wrapping_sub(arrival));
        let (index, slot) = waiting.max_by_key(|(_, slot)| age(slot))?;
        slot.waiting.take().map(|(_, open)| (SlotIndex(index), open))
    }

    /// Whether this node may open another exchange.
    pub(crate) fn has_room_for_ours(&self) -> bool {
        let ours = self.slots.iter().filter(|slot| slot.key.is_some_and(|key| key.id.side == Side::Ours));
        ours.count() < OUR_EXCHANGES && self.slots.iter().any(|slot| slot.key.is_none())
    }

    /// Takes a slot for an exchange that this node opened.
    pub(crate) fn opened(&mut self, key: ExchangeKey) -> Option<SlotIndex> {
        let (index, slot) = (0..).zip(self.slots.iter_mut()).find(|(_, slot)| slot.key.is_none())?;
        slot.occupy(key);
        Some(SlotIndex(index))
    }

    pub(crate) fn slot_mut(&mut self, index: SlotIndex) -> Option<&mut ExchangeSlot> {
        self.slots.get_mut(usize::from(index.0))
    }

    /// The slot of an exchange, if it still has one.
    pub(crate) fn find_mut(&mut self, key: ExchangeKey) -> Option<&mut ExchangeSlot> {
        self.slots.iter_mut().find(|slot| slot.key == Some(key))
    }

    /// The exchanges of one link.
    pub(crate) fn of_link(&mut self, link: LinkId) -> impl Iterator<Item = &mut ExchangeSlot> {
        self.slots.iter_mut().filter(move |slot| slot.key.is_some_and(|key| key.link == link))
    }
}

impl ExchangeSlot {
    const FREE: Self = Self {
        key: None,
        unread: heapless::Vec::new(),
        ended: false,
        broken: None,
        waiting: None,
        waker: WakerRegistration::new(),
    };

    fn occupy(&mut self, key: ExchangeKey) {
        self.key = Some(key);
        self.unread.clear();
        self.ended = false;
        self.broken = None;
        self.waiting = None;
    }

    /// Ends the exchange early. Bytes that have arrived can still be read.
    pub(crate) fn break_off(&mut self, why: ExchangeError) {
        self.broken.get_or_insert(why);
        self.waker.wake();
    }
}

/// Why an exchange ended early.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ExchangeError {
    /// The link under it is gone.
    #[error("the link to the hub is gone")]
    LinkLost,
    /// The other side reset it.
    #[error("the other side reset the exchange: {0}")]
    Reset(ResetCode),
    /// Its time ran out.
    #[error("the exchange ran out of time")]
    TimedOut,
    /// A head is larger than its buffer, or has parts that do not belong there.
    #[error("the head of the message is too long or malformed")]
    BadHead,
}
