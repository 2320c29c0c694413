//! Events: of a process, of a machine, on the network.

use std::prelude::rust_2024::*;

use super::dial::{DialId, Failure};
use super::link::{LinkNumber, Parcel, Side};
use crate::time::Instant;

/// An event that a process is told.
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
        /// The dial.
        dial: DialId,
        /// The link.
        link: LinkNumber,
        /// The machine that answered.
        to: usize,
    },
    /// A dial failed.
    DialFailed {
        /// The dial.
        dial: DialId,
        /// The reason.
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
    /// The other end closed the link, or the link broke or timed out.
    Lost {
        /// The link.
        link: LinkNumber,
    },
}

/// Work of a process.
pub(super) enum Work {
    Tell(Event),
    /// Take part in the handshake of a dial.
    Knock(DialId),
    /// Check whether a link has timed out. The number is the end's [generation](super::link::End).
    CheckTimeout(LinkNumber, Side, u32),
}

impl Work {
    pub(super) const fn is_datagram(&self) -> bool {
        matches!(self, Self::Tell(Event::Datagram { .. }))
    }
}

/// An entry of the queue.
pub(super) enum What {
    /// The alarm of a machine, set for that time.
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
    /// A link may have timed out.
    LinkTimeout(LinkNumber, Side, u32),
    Break(LinkNumber),
}
