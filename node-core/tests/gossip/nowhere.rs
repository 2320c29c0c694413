//! An outbox for messages that a test does not read.

use node_core::wire::{Full, Outbox};

pub struct Nowhere;

impl Outbox for Nowhere {
    fn put(&mut self, _: &[&[u8]]) -> Result<(), Full> {
        Ok(())
    }

    fn room(&self) -> usize {
        usize::MAX
    }
}
