//! Exchanges under way, and the bytes of each that arrived and were not read.
//!
//! The link counts credit and frames; an [`ExchangeSlot`] holds the bytes. An exchange takes a slot when a hub or this
//! node opens it. The slot is free again when the [`Exchange`](crate::exchange::Exchange) over it is dropped, which may
//! be later than the end of the link's own record of it.

use embassy_sync::waitqueue::WakerRegistration;
use node_core::id::LinkId;
#[cfg(feature = "accept")]
use node_core::id::NodeId;
use node_core::link::{ExchangeId, Open, ResetCode, Side};
use node_core::rpc::{FIRST_CUSTOM, Method};
use node_core::time::{Duration, Instant};
use node_core::wire::Service;
use thiserror::Error;

use crate::sizes::{ALL_THEIR_EXCHANGES, EXCHANGE_CREDIT, EXCHANGES, OUR_EXCHANGES, THEIR_EXCHANGES, WAIT};

/// [`WAIT`] as the core counts time.
const WAIT_TIMEOUT: Duration = Duration::from_micros(WAIT.as_micros());

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
    /// The exchange waits for a worker.
    waiting: Option<Waiting>,
    service: Service,
    /// What is left of its way, for a hub.
    #[cfg(feature = "accept")]
    pub(crate) onward: Onward,
    /// Wakes the task that reads or writes it.
    pub(crate) waker: WakerRegistration,
}

/// What a hub needs to know to pass an exchange on.
#[cfg(feature = "accept")]
#[derive(Clone, Copy)]
pub(crate) struct Onward {
    /// The node that it is for, `None` for this one.
    pub(crate) to: Option<NodeId>,
    /// Links that it may still cross.
    pub(crate) hops: u8,
    /// When its time is over.
    pub(crate) until: Instant,
}

/// An exchange that waits for a worker.
struct Waiting {
    /// The count of arrivals with it.
    arrival: u32,
    until: Instant,
}

/// The exchanges that a worker takes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Work {
    /// Built-in methods.
    BuiltIn,
    /// Those for the application.
    Application,
    /// Those for the application of which everything has arrived.
    Whole,
    /// Readers of the log.
    #[cfg(feature = "logs")]
    Log,
    /// Those for other nodes.
    #[cfg(feature = "accept")]
    Relay,
    /// Built-in methods of other nodes.
    #[cfg(feature = "accept")]
    RelayBuiltIn,
}

impl Work {
    fn takes(self, slot: &ExchangeSlot) -> bool {
        let (built_in, log) = (is_built_in(slot.service), is_for_log(slot.service));
        #[cfg(feature = "accept")]
        if slot.onward.to.is_some() {
            return self == Self::Relay || (self == Self::RelayBuiltIn && built_in);
        }
        match self {
            #[cfg(feature = "accept")]
            Self::Relay | Self::RelayBuiltIn => false,
            Self::BuiltIn => built_in,
            Self::Application => !built_in && !log,
            Self::Whole => !built_in && !log && slot.ended,
            #[cfg(feature = "logs")]
            Self::Log => log,
        }
    }
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

    /// Takes a slot for an exchange that a peer opened, for this node or another one, which then waits for a worker. `None` when there is no room.
    pub(crate) fn arrive(
        &mut self,
        now: Instant,
        key: ExchangeKey,
        open: &Open,
        for_us: bool,
    ) -> Option<&mut ExchangeSlot> {
        let service = open.service;
        let theirs = self.slots.iter().filter_map(|slot| Some((slot.key?, slot.service)));
        let theirs = theirs.filter(|(key, _)| key.id.side == Side::Theirs);
        let of_link =
            theirs.clone().filter(|(other, service)| other.link == key.link && !is_built_in(*service));
        let link_is_full = !is_built_in(service) && of_link.count() >= THEIR_EXCHANGES - 1;
        if link_is_full || theirs.count() >= ALL_THEIR_EXCHANGES {
            return None;
        }
        self.arrivals = self.arrivals.wrapping_add(1);
        let slot = self.slots.iter_mut().find(|slot| slot.key.is_none())?;
        slot.occupy(key);
        slot.service = service;
        #[cfg(feature = "accept")]
        {
            let until = now + Duration::from_millis(open.budget_ms.into());
            slot.onward = Onward { to: open.to.filter(|_| !for_us), hops: open.hops, until };
        }
        let _ = for_us;
        slot.waiting = Some(Waiting { arrival: self.arrivals, until: now + WAIT_TIMEOUT });
        Some(slot)
    }

    /// The exchange that has waited longest for a worker, among those that are such work.
    pub(crate) fn next_waiting(&mut self, work: Work) -> Option<(SlotIndex, Service)> {
        let now = self.arrivals;
        let age =
            |slot: &ExchangeSlot| slot.waiting.as_ref().map(|waiting| now.wrapping_sub(waiting.arrival));
        let fitting =
            (0..).zip(self.slots.iter_mut()).filter(|(_, slot)| slot.waiting.is_some() && work.takes(slot));
        let (index, slot) = fitting.max_by_key(|(_, slot)| age(slot))?;
        slot.waiting = None;
        Some((SlotIndex(index), slot.service))
    }

    /// Takes an exchange that has waited too long out of the table. Returns how many of its bytes were not read.
    pub(crate) fn take_overdue(&mut self, now: Instant) -> Option<(ExchangeKey, usize)> {
        let is_overdue =
            |slot: &&mut ExchangeSlot| slot.waiting.as_ref().is_some_and(|waiting| now >= waiting.until);
        let slot = self.slots.iter_mut().find(is_overdue)?;
        slot.waiting = None;
        Some((slot.key.take()?, slot.unread.len()))
    }

    /// When the next exchange will have waited too long.
    pub(crate) fn next_overdue(&self) -> Option<Instant> {
        self.slots.iter().filter_map(|slot| Some(slot.waiting.as_ref()?.until)).min()
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
        service: Service::Http,
        #[cfg(feature = "accept")]
        onward: Onward { to: None, hops: 0, until: Instant::START },
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

/// Whether the node itself answers. An event is the application's.
const fn is_built_in(service: Service) -> bool {
    matches!(service, Service::Rpc(number) if number < FIRST_CUSTOM && number != Method::Event.number())
        && !is_for_log(service)
}

/// A reader of the log may stay long, so it does not take the place that is kept for built-in methods.
const fn is_for_log(service: Service) -> bool {
    cfg!(feature = "logs") && matches!(service, Service::Rpc(number) if number == Method::Logs.number())
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
    /// A head is larger than its buffer, or has parts that do not belong there: fields that end at a hop, or an interim status.
    #[error("the head of the message is too long or malformed")]
    BadHead,
    /// The other side's body is not as long as its Content-Length says.
    #[error("the body is not as long as its Content-Length says")]
    BadBody,
    /// The other side sent, or read, too little for too long.
    #[error("the other side stalls")]
    Stalled,
    /// The other side answered before it got the whole request, and wants no more of it.
    #[error("the other side answered before the request was whole")]
    Answered,
    /// The firmware sends a body that is not as long as the Content-Length that it announced, or one without a head.
    #[error("this board's body is not as long as its Content-Length says")]
    Misuse,
    /// The firmware cannot answer: its [`serve`](crate::Application::serve) says so.
    #[error("the component failed")]
    Failed,
}
