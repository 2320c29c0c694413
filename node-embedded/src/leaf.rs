//! The node itself, as the firmware sees it.
//!
//! `start` puts a node together when `prepare` found what it needs, `identity` finds or makes its identity, `handle` is the firmware's handle to it, `call`
//! is a request to a component, which `response` sends at once and `stream` piece by piece, `method` calls methods and has a part in
//! topics, and `open` opens the exchanges of these. `events` tells of the links.

mod call;
mod error;
#[cfg(feature = "events")]
mod events;
mod handle;
mod identity;
mod method;
mod open;
mod prepare;
mod response;
mod start;
mod stream;

pub use call::{Call, CallError};
pub use error::StartError;
pub use handle::{ClockReading, Leaf};
pub(crate) use identity::{IdentityMemory, check_device, draw_identity, own_identity};
pub use method::MethodCall;
pub use response::CallResponse;
pub use start::{LeafResources, NotStarted, Parts, start};
pub use stream::{CallHead, CallStream};
