//! Links: node-core's [`Link`](node_core::link::Link) on a tokio carrier, one task each.
//!
//! A link is owned by its task; everybody else holds a [`LinkHandle`] and sends commands. Under load the frames of
//! many commands go out in one write; an idle link sends at once.

mod buffer;
mod driver;
mod exchanges;
mod flow;
mod handle;
mod notice;
mod rtt;
mod waiting;

pub use driver::{Carrier, Greeting, HELLO_TIMEOUT, Identity, RECORDS, Server, run};
pub(crate) use handle::Command;
pub use handle::LinkHandle;
pub use notice::{Notice, Origin};
pub use rtt::Rtt;
