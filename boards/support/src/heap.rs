//! Memory for the TLS server of a hub, which is all in a node that takes memory while the board runs.

#[cfg(feature = "runtime")]
mod own;

use node_embedded::sizes::{ACCEPT_HEAP, ACCEPTED};

#[cfg(feature = "runtime")]
pub use own::{high_water, init};

/// Bytes of the heap: as if a peer on each connection made its handshake take as much as may be, on a host, whose pointers are twice as
/// long. A firmware that has a heap for something else adds them to it.
pub const SIZE: usize = ACCEPTED * ACCEPT_HEAP;
