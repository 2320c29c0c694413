//! Packs items into as many messages as it takes, and remembers up to where everything was sent.

use serde::Serialize;

use crate::time::Duration;
use crate::wire::gossip::{Tag, Writer};
use crate::wire::{Full, Outbox};

/// Wait before messages that found no room are tried again.
pub const RETRY: Duration = Duration::from_millis(100);

/// Packs items into messages. `P` is a position among the items, such as the number of a change.
pub struct Packer<'o, O, P> {
    writer: Writer,
    out: &'o mut O,
    /// Everything before this position was sent.
    sent: P,
    /// Everything before this position was sent or is in the writer.
    packed: P,
    any_sent: bool,
}

/// How packing ended.
pub struct Packed<P> {
    /// Where to go on.
    pub position: P,
    /// Whether any message was sent.
    pub any_sent: bool,
    /// Whether everything was sent.
    pub complete: bool,
}

impl<'o, O: Outbox, P: Copy> Packer<'o, O, P> {
    pub const fn new(tag: Tag, out: &'o mut O, start: P) -> Self {
        Self { writer: Writer::new(tag), out, sent: start, packed: start, any_sent: false }
    }

    /// Adds an item; sends what was packed before when it does not fit.
    ///
    /// # Errors
    /// [`Full`]: the link has no room for what was packed before.
    pub fn push(&mut self, item: &impl Serialize) -> Result<(), Full> {
        if !self.writer.push(item) {
            self.send()?;
            self.writer.push(item);
        }
        Ok(())
    }

    /// Everything before this position is packed, or need not be.
    pub const fn advance(&mut self, position: P) {
        self.packed = position;
    }

    /// Sends what is left.
    pub fn finish(mut self) -> Packed<P> {
        let complete = self.writer.is_empty() || self.send().is_ok();
        let position = if complete { self.packed } else { self.sent };
        Packed { position, any_sent: self.any_sent, complete }
    }

    /// Where to go on after [`push`](Self::push) failed.
    pub const fn interrupted(self) -> Packed<P> {
        Packed { position: self.sent, any_sent: self.any_sent, complete: false }
    }

    fn send(&mut self) -> Result<(), Full> {
        self.out.put(&[self.writer.message()])?;
        self.writer.clear();
        (self.sent, self.any_sent) = (self.packed, true);
        Ok(())
    }
}

/// Sends items of which none is sent again later; `false` when there was no room for all.
pub fn send_all<T: Serialize>(tag: Tag, items: impl Iterator<Item = T>, out: &mut impl Outbox) -> bool {
    let mut packer = Packer::new(tag, out, ());
    for item in items {
        if packer.push(&item).is_err() {
            return false;
        }
    }
    packer.finish().complete
}
