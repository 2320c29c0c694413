//! The services of this node for its peers, and its questions to them.
//!
//! [`Services`] answers the built-in methods, hands proxied requests to the proxy, and relays exchanges for other nodes. [`Peers`]
//! asks other nodes for the API.

mod relay;
mod remote;
mod services;

pub use remote::Peers;
pub use services::Services;
