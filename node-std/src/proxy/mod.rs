//! Reverse proxy: takes a request from an HTTP port or from a link and sends it to a component of this node or of
//! another node.
//!
//! Both kinds of arrival become one `ProxyRequest`, so that routing, deadlines, relay paths and errors exist once:
//!
//! ```text
//! HTTP port -> ProxyRequest -+-> upstream (a component of this node)
//! link      -> ProxyRequest -+-> link     (another node, as an exchange)
//! ```

mod balance;
mod body;
mod error;
mod fields;
mod forward;
mod head;
mod health;
mod inbound;
mod link;
#[cfg(test)]
mod link_tests;
mod request;
mod response;
#[cfg(test)]
mod tests;
mod upstream;

pub use balance::{Balancer, Full, Guard, Requests, Target};
pub use body::{Body, BodyError};
pub use error::ProxyError;
pub use fields::{Arrival, COMPONENT, strip_maelstrom};
pub use forward::Proxy;
pub use head::MAX_HEAD;
pub use health::{Health, HealthChecks};
pub use response::{json, text};
