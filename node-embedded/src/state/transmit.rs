//! Frames for the hub of a port.

use node_core::link::{GoAway, Phase};
use node_core::time::Instant;

use super::batch::GossipOutbox;
use super::core::Core;
use super::port::{Port, Stage};
use super::table::ExchangeError;

/// The next step of a port.
pub(crate) enum Outgoing<T> {
    /// It sends the frames that the caller staged.
    Staged(T),
    /// It ends: the link is over, and everything was sent.
    Finished,
}

impl Core<'_> {
    /// Puts the frames of the link and of the core into the port's batch.
    pub(crate) fn transmit(&mut self, index: usize, now: Instant) {
        self.close_links(now);
        let leaving = self.node.is_leaving();
        let Some(port) = self.ports.get_mut(index) else { return };
        if let Stage::Joined(carried, _) = port.stage {
            let Port { link, batch, .. } = port;
            self.node.poll_gossip(now, carried.id, &mut GossipOutbox { link, batch });
            if leaving {
                port.link.go_away(GoAway::Leaving);
            }
        }
        port.link.poll_transmit(now, port.batch);
    }

    /// Says GOAWAY on the links that the core closes.
    fn close_links(&mut self, now: Instant) {
        while let Some((link, reason)) = self.node.poll_close() {
            let Some(port) = self.ports.iter_mut().find(|port| port.id() == Some(link)) else { continue };
            if reason.drains() {
                port.link.go_away(reason);
            } else {
                port.part(now, reason, None);
                // A hub that is no longer trusted is no longer served.
                self.table.of_link(link).for_each(|slot| slot.break_off(ExchangeError::LinkLost));
            }
        }
    }

    /// Hands the frames that wait to `stage`; `None` when there are none for now.
    pub(crate) fn take_batch<T>(
        &mut self,
        index: usize,
        stage: impl FnOnce(&[u8]) -> T,
    ) -> Option<Outgoing<T>> {
        let port = self.ports.get_mut(index)?;
        if port.batch.is_empty() {
            return (port.link.phase() == Phase::Over).then_some(Outgoing::Finished);
        }
        let staged = stage(port.batch.as_bytes());
        port.batch.clear();
        if core::mem::take(&mut port.blocked) {
            self.wake_exchanges(index);
        }
        Some(Outgoing::Staged(staged))
    }
}
