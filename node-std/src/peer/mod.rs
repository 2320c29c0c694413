//! The services of this node for its peers, and its questions to them.
//!
//! [`Services`] answers methods, hands proxied requests to the proxy, those for an application to it, and relays exchanges for other
//! nodes. [`Peers`] asks other nodes for the API.
//!
//! ```text
//! services -> { json, logs, relay, remote } -> methods
//! ```

mod json;
mod logs;
mod methods;
mod relay;
mod remote;
mod services;

pub use logs::Logs;
pub use methods::Methods;
pub use remote::Peers;
pub use services::Services;
