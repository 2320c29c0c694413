//! The services of this node for its peers, and its questions to them.
//!
//! [`Services`] answers methods, hands proxied requests to the proxy, and relays exchanges for other nodes. [`Peers`] asks other
//! nodes for the API.
//!
//! ```text
//! services -> { json -> answer -> methods, relay, remote -> { request, methods } }
//! ```

mod answer;
mod json;
mod methods;
mod relay;
mod remote;
mod request;
mod services;

pub use answer::Failure;
pub use methods::Methods;
pub use remote::Peers;
pub use request::CallError;
pub use services::Services;
