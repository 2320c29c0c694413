//! How much of a board's memory is in use at most.

use std::fmt;

use anyhow::{Context as _, Result};
use serde_json::Value;

/// The stack or the heap of a board.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage {
    /// Most bytes that have been in use at the same time.
    pub most: u64,
    /// Bytes that `memory.x` grants.
    pub size: u64,
}

impl Usage {
    /// Reads the stack's from the status that the board's component tells.
    ///
    /// # Errors
    ///
    /// The status does not have it.
    pub fn of_stack(status: &Value) -> Result<Self> {
        Self::read(status, "stackHighWater", "stackSize")
    }

    /// The same of the heap, which only a hub has.
    ///
    /// # Errors
    ///
    /// The status does not have it.
    pub fn of_heap(status: &Value) -> Result<Self> {
        Self::read(status, "heapHighWater", "heapSize")
    }

    fn read(status: &Value, most: &str, size: &str) -> Result<Self> {
        let bytes = |field: &str| status[field].as_u64().with_context(|| format!("{field} in {status}"));
        Ok(Self { most: bytes(most)?, size: bytes(size)? })
    }

    /// Bytes that have never been in use.
    #[must_use]
    pub const fn free(&self) -> u64 {
        self.size.saturating_sub(self.most)
    }
}

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} bytes", self.most, self.size)
    }
}
