//! The link protocol (PROTOCOL.md, R-001 to R-053): one carrier, after both sides said hello.
//!
//! [`Link`] is the same on both sides, whoever dialled, and on every adapter. It owns no buffer and no clock:
//!
//! ```text
//! carrier bytes -> handle_input -> Event         (what the peer did)
//! commands      -> Outbox       -> carrier bytes (open, send, gossip, GOAWAY …)
//! time          -> handle_timeout, poll_expired
//! the rest      -> poll_transmit -> Outbox       (hello, credit, resets, pings: everything the link owes)
//! ```

mod error;
mod exchange;
mod flow;
mod receive;
mod session;
mod transmit;

pub use error::{OpenError, PeerError, SendError};
pub use exchange::{Exchange, ExchangeId, Side};
pub use session::{Config, Event, Input, Link, Phase};

pub use crate::wire::{Full, GoAway, Hello, Limits, Open, Outbox, PREFACE, ResetCode, Service, SliceOutbox};
