//! What happens: to a process, to a machine, on a way.

use std::prelude::rust_2024::*;

use super::dial::{DialId, Failure};
use super::link::{LinkNumber, Parcel, Side};
use crate::time::Instant;

/// What a process learns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The timer ran out.
    Timer,
    /// A datagram arrived.
    Datagram {
        /// The machine that sent it.
        from: usize,
        /// Its payload.
        bytes: Vec<u8>,
    },
    /// A dial opened a link.
    Dialled {
        /// Which.
        dial: DialId,
        /// The link.
        link: LinkNumber,
        /// The machine that answered.
        to: usize,
    },
    /// A dial came to nothing.
    DialFailed {
        /// Which.
        dial: DialId,
        /// Why.
        why: Failure,
    },
    /// Another machine opened a link.
    Accepted {
        /// The link.
        link: LinkNumber,
        /// The machine that dialled.
        from: usize,
    },
    /// A message arrived on a link.
    Message {
        /// The link.
        link: LinkNumber,
        /// Its bytes.
        bytes: Vec<u8>,
    },
    /// A link that was full takes messages again.
    Writable {
        /// The link.
        link: LinkNumber,
    },
    /// The other end closed the link, or it broke, or it was silent for too long.
    Lost {
        /// The link.
        link: LinkNumber,
    },
}

/// What a process has to do.
pub(super) enum Work {
    Tell(Event),
    /// Take part in the handshake of a dial.
    Knock(DialId),
    /// See whether a link has been silent for too long.
    Listen(LinkNumber, Side, u32),
}

impl Work {
    pub(super) const fn is_datagram(&self) -> bool {
        matches!(self, Self::Tell(Event::Datagram { .. }))
    }
}

/// What is in the queue.
pub(super) enum What {
    /// Of a machine, for that time.
    Alarm(usize, Instant),
    /// A machine handles the first of its backlog.
    Turn(usize),
    Datagram {
        from: usize,
        to: usize,
        bytes: Vec<u8>,
    },
    Knock(DialId),
    Opened(DialId),
    GiveUp(DialId),
    Arrive(LinkNumber, Side, Parcel),
    Writable(LinkNumber, Side),
    Silent(LinkNumber, Side, u32),
    Break(LinkNumber),
}
