//! The core's machines behind one cell, and the events that change them.
//!
//! | file | idea |
//! |---|---|
//! | `shared` | the cell, and how a task waits for a change |
//! | `core` | the machines: the gossip node, the ports, the exchanges |
//! | `link_events`, `exchange_events` | changes that a hub or the clock causes |
//! | `transmit` | frames that they have for the hub |
//! | `trial` | a keyring on trial |
//! | `events` | what the firmware hears of the links |
//! | `heartbeat` | what a watchdog is fed by |
//! | `port`, `batch` | one place for a link, and the frames that it sends next |
//! | `table` | exchanges under way, each in a bounded slot |
//! | `route` | the links over which a hub reaches other nodes |
//! | `strangers` | peers that are shaking hands with a hub |
//! | `subscribers` | nodes that subscribed to topics of this board |
//!
//! Arrows: `shared` -> `core` -> `port`, `table`, `subscribers`, `events`, `heartbeat`, and `port` -> `batch`. The events are methods of `Core` in files of
//! their own; `link_events` and `transmit` use those of `exchange_events`.

mod batch;
mod clock;
mod core;
mod events;
mod exchange_events;
mod heartbeat;
mod link_events;
mod port;
#[cfg(feature = "accept")]
mod route;
mod shared;
#[cfg(feature = "accept")]
mod strangers;
mod subscribers;
mod table;
mod transmit;
mod trial;

pub(crate) use self::core::{Boot, Core, CoreError, CoreMemory, NodeMemory};
pub(crate) use clock::now;
pub(crate) use link_events::Closed;
pub(crate) use port::{OpenedSession, Origin};
pub(crate) use shared::{Owner, State};
#[cfg(feature = "accept")]
pub(crate) use table::Onward;
pub(crate) use table::{ExchangeKey, SlotIndex, Work};
pub(crate) use transmit::Outgoing;
pub(crate) use trial::{TRIAL, Trial};

pub use table::ExchangeError;
