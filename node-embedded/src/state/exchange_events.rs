//! Events on the exchanges of a link.

use node_core::link::{ExchangeId, Open, ResetCode};

use node_core::time::Instant;

use super::core::Core;
use super::port::Port;
use super::table::{ExchangeError, ExchangeKey, ExchangeSlot};

/// Bytes of an exchange that a hub sent.
pub(super) struct Arrived<'b> {
    pub(super) data: &'b [u8],
    /// Nothing follows.
    pub(super) end: bool,
}

impl Core<'_> {
    pub(super) fn handle_opened(
        &mut self,
        now: Instant,
        key: (usize, ExchangeId),
        open: Open,
        arrived: Arrived<'_>,
    ) {
        let (index, id) = key;
        let for_us = open.to.is_none_or(|to| to == self.node.id());
        let takes = for_us || self.relays();
        let key = self.exchange_key(index, id);
        let Some(port) = self.ports.get_mut(index) else { return };
        let slot = key.filter(|_| takes).and_then(|key| self.table.arrive(now, key, &open, for_us));
        let Some(slot) = slot else {
            port.link.reset(id, if takes { ResetCode::Full } else { ResetCode::Unknown });
            port.link.release(id, arrived.data.len());
            return;
        };
        slot.ended = arrived.end;
        if slot.unread.extend_from_slice(arrived.data).is_err() {
            port.link.release(id, arrived.data.len());
        }
    }

    /// Whether this node passes exchanges on: a hub does.
    #[cfg(feature = "accept")]
    const fn relays(&self) -> bool {
        self.is_hub
    }

    #[cfg(not(feature = "accept"))]
    #[expect(clippy::unused_self, reason = "with the feature accept it depends")]
    const fn relays(&self) -> bool {
        false
    }

    pub(super) fn handle_data(&mut self, index: usize, id: ExchangeId, arrived: Arrived<'_>) {
        let key = self.exchange_key(index, id);
        let Some(port) = self.ports.get_mut(index) else { return };
        // The hub has credit for no more than the slot has room for.
        let slot = key.and_then(|key| self.table.find_mut(key));
        let kept = slot.is_some_and(|slot| {
            slot.ended |= arrived.end;
            slot.waker.wake();
            slot.unread.extend_from_slice(arrived.data).is_ok()
        });
        if !kept {
            port.link.release(id, arrived.data.len());
        }
    }

    /// Refuses the exchanges that have waited too long for a worker.
    pub(super) fn refuse_overdue(&mut self, now: Instant) {
        while let Some((key, unread)) = self.table.take_overdue(now) {
            if let Some(port) = self.ports.get_mut(key.port).filter(|port| port.id() == Some(key.link)) {
                port.link.release(key.id, unread);
                port.link.reset(key.id, ResetCode::Full);
                self.runner.wake();
            }
        }
    }

    pub(super) fn handle_reset(&mut self, index: usize, id: ExchangeId, code: ResetCode) {
        if let Some(slot) = self.slot_of(index, id) {
            slot.break_off(ExchangeError::Reset(code));
        }
    }

    /// Wakes the task that waits for credit on one exchange.
    pub(super) fn handle_credit(&mut self, index: usize, id: ExchangeId) {
        if let Some(slot) = self.slot_of(index, id) {
            slot.waker.wake();
        }
    }

    pub(super) fn handle_expired(&mut self, index: usize, id: ExchangeId) {
        if let Some(slot) = self.slot_of(index, id) {
            slot.break_off(ExchangeError::TimedOut);
        }
    }

    /// Wakes the tasks that wait to send on a port's exchanges.
    pub(super) fn wake_exchanges(&mut self, index: usize) {
        if let Some(link) = self.ports.get(index).and_then(Port::id) {
            self.table.of_link(link).for_each(|slot| slot.waker.wake());
        }
        self.callers.wake();
    }

    fn slot_of(&mut self, index: usize, id: ExchangeId) -> Option<&mut ExchangeSlot> {
        self.exchange_key(index, id).and_then(|key| self.table.find_mut(key))
    }

    fn exchange_key(&self, index: usize, id: ExchangeId) -> Option<ExchangeKey> {
        let link = self.ports.get(index)?.id()?;
        Some(ExchangeKey { port: index, link, id })
    }
}
