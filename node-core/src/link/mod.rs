//! The link protocol (PROTOCOL.md, R-001 to R-053): one carrier, after both sides proved who they are.
//!
//! [`Link`] is the same on both sides and on every adapter. It owns no buffer and no clock:
//!
//! ```text
//! carrier bytes -> handle_input -> Event         (what the peer did)
//! commands      -> Outbox       -> carrier bytes (greet, prove, open, ..)
//! time          -> handle_timeout, poll_expired
//! the rest      -> poll_transmit -> Outbox       (credit, resets, pings, GOAWAY: everything the link owes)
//! ```
//!
//! The files, each of which imports only from those to its right:
//!
//! ```text
//! { receive, send, transmit, liveness } -> close -> state -> { config, event, exchange, error } -> flow
//!
//! receive      what the peer's bytes mean
//! send         exchanges: open, send, reset, release
//! transmit     what the link sends for itself
//! liveness     time: pings, an unresponsive peer, time budgets
//! close        GOAWAY, and when the link is over
//! state        the link's state
//! exchange     the slots of exchanges under way
//! flow         credit
//! ```

mod close;
mod config;
mod error;
mod event;
mod exchange;
mod flow;
mod liveness;
mod receive;
mod send;
mod state;
mod transmit;

pub use config::Config;
pub use error::{OpenError, PeerError, ProveError, SendError};
pub use event::{Event, Input, Introduction};
pub use exchange::{Exchange, ExchangeId, Side, Slots};
pub use state::{LentLink, Link, Phase};

pub use crate::wire::{Full, GoAway, Hello, Limits, Open, Outbox, PREFACE, ResetCode, Service, SliceOutbox};
