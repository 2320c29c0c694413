//! Reverse proxy: takes a request from an HTTP port or from a link and sends it to a component of this node or of
//! another node.
//!
//! Whatever a request comes on, and whatever it goes out on, is a leg (`leg.rs`). All legs take and give heads as the same
//! text, so that routing, fields, deadlines and errors exist once, and a component is sent the same over a link as without:
//!
//! ```text
//! HTTP/1 connection -+                        +-> HTTP/1 connection  (a component of this node)
//! HTTP/2 stream     -+-> Request -> forward  -+-> HTTP/2 stream      (the same)
//! link              -+     relay <-> relay    +-> link               (another node, as an exchange)
//! ```

use crate::config::MOST_HEADERS;

mod alarm;
mod arrival;
mod balance;
mod body;
mod choice;
mod error;
mod field;
mod forward;
mod health;
mod http1;
mod http2;
mod inbound;
mod interim;
mod leg;
mod link;
mod pace;
mod refusal;
mod relay;
mod reply;
mod request;
mod response;
mod shares;
mod slots;
#[cfg(test)]
mod tests;
mod timers;
mod trailers;
mod upgrade;
mod upstream;

pub(crate) use alarm::Alarm;
pub use arrival::Arrival;
pub(crate) use arrival::Origin;
pub use balance::{Balancer, Full, Guard, Requests, Target};
pub use body::Body;
pub use error::ProxyError;
pub use forward::Proxy;
pub(crate) use forward::{Outcome, Sender};
pub use health::{Health, HealthChecks};
pub(crate) use http1::Http1;
pub(crate) use http2::Http2Server;
pub(crate) use leg::{Arrived, Carried, Leg, LegError, Outline};
pub(crate) use refusal::{Reader, refuse, respond};
pub(crate) use request::{Request, absolute, normal, refuse_connect};
pub use response::{json, text};
pub(crate) use slots::Slots;
pub(crate) use timers::Timers;

/// Longest request or response head that is passed on, in bytes.
pub const MAX_HEAD: usize = 64 * 1024;
/// Most fields that a head from another node or from a component may have.
pub(crate) const MAX_FIELDS: usize = MOST_HEADERS + slots::ADDED;
/// Longest head from another node, in bytes.
pub(crate) const MAX_LINK_HEAD: usize = (1 << 20) + MAX_HEAD;
