//! Memory for the TLS server of a hub, which is all in a node that takes memory while the board runs.

#[cfg(feature = "runtime")]
mod own;

#[cfg(feature = "runtime")]
pub use own::{high_water, init};

/// Bytes of the heap: four connections, one of them in a handshake with somebody who asks for as much as may be
/// (`node_embedded::sizes::ACCEPT_HEAP`). A firmware that has a heap for something else adds them to it.
pub const SIZE: usize = 32 * 1024;
