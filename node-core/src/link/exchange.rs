//! Exchanges under way: two fixed tables of slots, one for each side's own.
//!
//! The number of an exchange is `generation << 16 | slot`, so both sides find it without a search, and a frame
//! that was under way when a slot was reused is told from the new exchange's.

use core::fmt;

use super::flow::{Credit, Window};
use crate::time::Instant;
use crate::wire::{Open, ResetCode};

/// The side that opened an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    /// This node.
    Ours,
    /// The peer.
    Theirs,
}

/// An exchange of one link.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ExchangeId {
    /// The side that opened it.
    pub side: Side,
    /// Its number, given by that side.
    pub number: u32,
}

impl ExchangeId {
    pub(super) fn slot(self) -> usize {
        usize::from((self.number & 0xffff) as u16)
    }

    pub(super) const fn generation(self) -> u32 {
        self.number >> 16
    }
}

impl fmt::Debug for ExchangeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {}.{}", self.side, self.number & 0xffff, self.number >> 16)
    }
}

/// The slots for the exchanges that one side opens: lent on a board, growing with their use on a server. The lowest free slot
/// is used first, so memory follows the exchanges that were under way at once.
pub trait Slots: Default {
    /// The slots so far.
    fn all(&self) -> &[Exchange];

    /// The slots so far.
    fn all_mut(&mut self) -> &mut [Exchange];

    /// The slot with this index. It is added, and the ones before it, if there is memory for them.
    fn reach(&mut self, index: usize) -> Option<&mut Exchange>;
}

impl Slots for &mut [Exchange] {
    fn all(&self) -> &[Exchange] {
        self
    }

    fn all_mut(&mut self) -> &mut [Exchange] {
        self
    }

    fn reach(&mut self, index: usize) -> Option<&mut Exchange> {
        self.get_mut(index)
    }
}

/// One slot of a link's memory for exchanges; [`Exchange::FREE`] fills the storage that a caller lends.
#[derive(Clone, Copy, Debug)]
pub struct Exchange {
    pub(super) number: u32,
    pub(super) stage: Stage,
    pub(super) credit: Credit,
    pub(super) window: Window,
    pub(super) deadline: Instant,
    pub(super) sent_end: bool,
    pub(super) received_end: bool,
}

const _: () = assert!(size_of::<Exchange>() <= 48, "a board has few bytes for each exchange");

/// The stage of an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// The slot is free.
    Free,
    /// Bytes flow.
    Live,
    /// The time budget ran out: the adapter hears of it first, then the peer.
    Expired,
    /// Given up here: the slot is free when the reset is sent.
    Resetting(ResetCode),
}

impl Exchange {
    /// A free slot.
    pub const FREE: Self = Self {
        number: 0,
        stage: Stage::Free,
        credit: Credit::new(0),
        window: Window::new(0),
        deadline: Instant::START,
        sent_end: true,
        received_end: true,
    };

    pub(super) fn is_live(&self) -> bool {
        self.stage == Stage::Live
    }

    /// Frees the slot when both directions have ended.
    pub(super) fn settle(&mut self) {
        if self.is_live() && self.sent_end && self.received_end {
            self.stage = Stage::Free;
        }
    }

    /// Ends the exchange from here; the reset is still to be sent.
    pub(super) fn give_up(&mut self, code: ResetCode) {
        if matches!(self.stage, Stage::Live | Stage::Expired) {
            self.stage = Stage::Resetting(code);
        }
    }
}

/// When the time budget that the opener set runs out.
pub(super) fn deadline(now: Instant, open: &Open) -> Instant {
    now + core::time::Duration::from_millis(open.budget_ms.into())
}
