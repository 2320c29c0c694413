//! Links: node-core's [`Link`](node_core::link::Link) on a tokio carrier, one task for each link.
//!
//! The task moves bytes between the carrier and the link's state. Other tasks hold a [`LinkHandle`], or the two halves of an
//! exchange, and use that state themselves, under its lock: no message and no memory for each request. Under load the frames
//! of many tasks go out in one write, because the task lets all others that are ready go first. An idle link sends
//! immediately.
//!
//! ```text
//! task -> driver -> { handle, event } -> stream -> shared -> state -> { flow, output, slots, places }
//! ```

mod carrier;
mod driver;
mod end;
mod error;
mod event;
mod flow;
mod handle;
mod local;
mod output;
mod places;
mod rtt;
mod server;
mod shared;
mod slots;
mod state;
mod stream;
mod task;
#[cfg(test)]
mod tests;

pub use carrier::Carrier;
pub use error::ExchangeError;
pub use event::{LinkEvent, Origin, Outcome};
pub use handle::LinkHandle;
pub use local::{Greeting, KEY_USAGE_LIMIT, Local};
pub use rtt::Rtt;
pub use server::Server;
pub(crate) use stream::Opened;
pub use stream::{Accepted, Inbound, Outbound};
pub use task::{HELLO_TIMEOUT, LinkTask};
