//! Links: node-core's [`Link`](node_core::link::Link) on a tokio carrier, one task for each link.
//!
//! The task owns the link. Other tasks hold a [`LinkHandle`], or the two halves of an exchange, and send commands. Under load
//! the frames of many commands go out in one write. An idle link sends immediately.
//!
//! ```text
//! task -> driver -> { opener -> exchanges -> flow, gossip, buffer } -> { handle, event } -> stream -> command
//! ```

mod buffer;
mod carrier;
mod command;
mod driver;
mod end;
mod error;
mod event;
mod exchanges;
mod flow;
mod gossip;
mod handle;
mod local;
mod opener;
mod rtt;
mod server;
mod stream;
mod task;
mod waiting;

pub use carrier::Carrier;
pub use error::ExchangeError;
pub use event::{LinkEvent, Origin, Outcome};
pub use handle::LinkHandle;
pub use local::{Greeting, KEY_USAGE_LIMIT, Local};
pub use rtt::Rtt;
pub use server::Server;
pub use stream::{Accepted, Inbound, Outbound};
pub use task::{HELLO_TIMEOUT, LinkTask};
