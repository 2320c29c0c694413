//! The node itself, as the firmware sees it.
//!
//! `start` puts a node together when `prepare` found what it needs, `identity` finds or makes its identity, `tls_key` finds the TLS key that it made, both as a `key` in
//! its place, `handle` is the firmware's handle to it, `call`
//! is a request to a component, which `response` sends at once and `stream` piece by piece, `method` calls methods and has a part in
//! topics, and `open` opens the exchanges of these. `events` tells of the links.

mod call;
mod error;
#[cfg(feature = "events")]
mod events;
mod handle;
mod identity;
mod key;
mod method;
mod open;
mod prepare;
mod response;
mod start;
mod stream;
#[cfg(feature = "tls-key")]
mod tls_key;

pub use call::{Call, CallError};
pub use error::StartError;
pub use handle::{ClockReading, Leaf};
pub(crate) use identity::{check_device, own_identity};
#[cfg(feature = "tls-key")]
pub(crate) use key::keep;
pub(crate) use key::{OwnKeys, draw_key};
pub use method::MethodCall;
pub use response::CallResponse;
pub use start::{LeafResources, NotStarted, Parts, start};
pub use stream::{CallHead, CallStream};
#[cfg(feature = "tls-key")]
pub(crate) use tls_key::load_tls_key;
