//! The node itself, as the firmware sees it.
//!
//! `start` puts a node together, `identity` finds or makes its identity, `handle` is the firmware's handle to it, `call`
//! and `stream` make requests to components, `method` calls methods and has a part in topics, `open` opens the exchanges of these.

mod call;
mod error;
mod handle;
mod identity;
mod method;
mod open;
mod start;
mod stream;

pub use call::{Call, CallError, CallResponse};
pub use error::StartError;
pub use handle::Leaf;
pub use method::MethodCall;
pub use start::{LeafResources, Parts, start};
pub use stream::{CallHead, CallStream};
