//! Exchanges as this node's own code sees them: what has arrived and was not read, and how far each is.
//!
//! The link counts credit and frames; a [`Slot`] here holds the bytes. A slot is taken when a hub opens an exchange or
//! this node does, and free again when the [`Exchange`](crate::exchange::Exchange) over it is dropped, which may be
//! later than the link's own.

use core::fmt;

use embassy_sync::waitqueue::WakerRegistration;
use node_core::id::LinkId;
use node_core::link::{ExchangeId, Open, ResetCode, Side};
use node_core::wire::Service;

use crate::sizes::{EXCHANGE_CREDIT, EXCHANGES, OUR_EXCHANGES};

/// All exchanges.
pub(crate) struct Table<'d> {
    slots: &'d mut Slots,
    /// Counts exchanges that wait for a worker, so that they are served in their order.
    arrivals: u32,
}

/// The table's memory, empty until the table uses it.
pub(crate) type Slots = heapless::Vec<Slot, EXCHANGES>;

/// One exchange.
pub(crate) struct Slot {
    pub(crate) at: Option<Place>,
    /// Arrived and not read.
    pub(crate) unread: heapless::Vec<u8, EXCHANGE_CREDIT>,
    /// Nothing more will arrive.
    pub(crate) ended: bool,
    /// Why it ended early.
    pub(crate) broken: Option<ExchangeError>,
    /// Waits for a worker since this arrival.
    waiting: Option<(u32, Open)>,
    /// Who reads or writes it.
    pub(crate) waker: WakerRegistration,
}

/// Where an exchange is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    /// The port of its link.
    pub(crate) port: usize,
    /// Its link: a port serves one after the other.
    pub(crate) link: LinkId,
    /// Which one on that link.
    pub(crate) id: ExchangeId,
}

/// A slot's place in the table.
#[derive(Clone, Copy)]
pub(crate) struct SlotIndex(u8);

impl<'d> Table<'d> {
    pub(crate) fn new(slots: &'d mut Slots) -> Self {
        slots.clear();
        while slots.push(Slot::FREE).is_ok() {}
        Self { slots, arrivals: 0 }
    }

    /// A hub opened an exchange: it waits for a worker. `None` when there is no room.
    pub(crate) fn arrive(&mut self, at: Place, open: Open) -> Option<&mut Slot> {
        self.arrivals = self.arrivals.wrapping_add(1);
        let waiting = Some((self.arrivals, open));
        let slot = self.slots.iter_mut().find(|slot| slot.at.is_none())?;
        slot.occupy(at);
        slot.waiting = waiting;
        Some(slot)
    }

    /// The exchange that has waited longest for a worker, of those that `fits` holds for.
    pub(crate) fn next_waiting(&mut self, fits: fn(Service) -> bool) -> Option<(SlotIndex, Open)> {
        let now = self.arrivals;
        let waiting = (0..)
            .zip(self.slots.iter_mut())
            .filter(|(_, slot)| slot.waiting.is_some_and(|(_, open)| fits(open.service)));
        let age = |slot: &Slot| slot.waiting.map_or(0, |(arrival, _)| now.wrapping_sub(arrival));
        let (index, slot) = waiting.max_by_key(|(_, slot)| age(slot))?;
        slot.waiting.take().map(|(_, open)| (SlotIndex(index), open))
    }

    /// Whether this node may open another exchange.
    pub(crate) fn has_room_for_ours(&self) -> bool {
        let ours = self.slots.iter().filter(|slot| slot.at.is_some_and(|at| at.id.side == Side::Ours));
        ours.count() < OUR_EXCHANGES && self.slots.iter().any(|slot| slot.at.is_none())
    }

    /// Takes a slot for an exchange that this node opened.
    pub(crate) fn opened(&mut self, at: Place) -> Option<SlotIndex> {
        let (index, slot) = (0..).zip(self.slots.iter_mut()).find(|(_, slot)| slot.at.is_none())?;
        slot.occupy(at);
        Some(SlotIndex(index))
    }

    pub(crate) fn slot_mut(&mut self, index: SlotIndex) -> Option<&mut Slot> {
        self.slots.get_mut(usize::from(index.0))
    }

    /// The slot of an exchange, if somebody still has it.
    pub(crate) fn find_mut(&mut self, at: Place) -> Option<&mut Slot> {
        self.slots.iter_mut().find(|slot| slot.at == Some(at))
    }

    /// The exchanges of one link.
    pub(crate) fn of_link(&mut self, link: LinkId) -> impl Iterator<Item = &mut Slot> {
        self.slots.iter_mut().filter(move |slot| slot.at.is_some_and(|at| at.link == link))
    }
}

impl Slot {
    const FREE: Self = Self {
        at: None,
        unread: heapless::Vec::new(),
        ended: false,
        broken: None,
        waiting: None,
        waker: WakerRegistration::new(),
    };

    fn occupy(&mut self, at: Place) {
        self.at = Some(at);
        self.unread.clear();
        self.ended = false;
        self.broken = None;
        self.waiting = None;
    }

    /// Ends it early. What has arrived can still be read.
    pub(crate) fn break_off(&mut self, why: ExchangeError) {
        self.broken.get_or_insert(why);
        self.waker.wake();
    }
}

/// Why an exchange ended early.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ExchangeError {
    /// The link under it is gone.
    LinkLost,
    /// The other side gave it up.
    Reset(ResetCode),
    /// Its time ran out.
    TimedOut,
    /// A head is larger than its buffer, or has parts that do not belong there.
    BadHead,
}

impl fmt::Display for ExchangeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LinkLost => f.write_str("the link to the hub is gone"),
            Self::Reset(code) => write!(f, "the other side gave the exchange up: {code}"),
            Self::TimedOut => f.write_str("the exchange ran out of time"),
            Self::BadHead => f.write_str("the head of the message is too long or malformed"),
        }
    }
}

impl core::error::Error for ExchangeError {}
