//! What happens on a link, passed on to the core and to the exchanges.

use node_core::gossip::{Certificates, Direction, Failure, LinkEnd, Target};
use node_core::id::LinkId;
use node_core::link::{Event, ExchangeId, GoAway, Hello, Open, PeerError, Phase, ResetCode};
use node_core::time::Instant;
use node_core::wire::{FrameKind, Metadata, VERSION};

use crate::batch::Gossip;
use crate::keyring::Keys;
use crate::log::{information, warning};
use crate::port::{Carried, Opened, Parted, Port, Stage};
use crate::sizes::LIMITS;
use crate::state::Core;
use crate::table::{ExchangeError, Place};

impl Core<'_> {
    /// A carrier to a hub is open: greets on it.
    pub(crate) fn handle_open(
        &mut self,
        index: usize,
        now: Instant,
        cluster: &str,
        Opened { target, ours, hub }: Opened,
    ) {
        self.links = self.links.wrapping_add(1);
        let Some(port) = self.ports.get_mut(index) else { return };
        port.link.restart(now);
        port.batch.clear();
        port.blocked = false;
        port.go_away = None;
        let certificates = Certificates { ours, theirs: hub.certificate };
        let carried = Carried { id: LinkId(self.links), target, certificates, pinned: hub.pinned };
        port.stage = Stage::Greeting(carried);
        let hello =
            Hello { version: VERSION, cluster, limits: LIMITS, time: None, record: self.node.record() };
        if port.link.greet(&hello, port.batch).is_err() {
            port.part(now, GoAway::Full, None);
        }
        self.runner.wake();
    }

    /// Bytes arrived. Returns how many were used; the rest is the start of a frame.
    pub(crate) fn handle_input(
        &mut self,
        (index, keys): (usize, &Keys),
        now: Instant,
        input: &[u8],
    ) -> usize {
        let mut used = 0;
        while let Some(port) = self.ports.get_mut(index) {
            if matches!(port.stage, Stage::Idle | Stage::Parting(..)) {
                return input.len();
            }
            let rest = input.get(used..).unwrap_or_default();
            let event = match port.link.handle_input(now, rest) {
                Ok(read) if read.consumed == 0 => break,
                Ok(read) => {
                    used += read.consumed;
                    read.event
                }
                Err(error) => {
                    self.handle_fault(index, now, error);
                    return input.len();
                }
            };
            if let Some(event) = event {
                self.handle_event((index, keys), now, event);
            }
        }
        self.runner.wake();
        used
    }

    /// The hub broke a rule, or is silent.
    pub(crate) fn handle_fault(&mut self, index: usize, now: Instant, error: PeerError) {
        warning!("link: {}", error);
        if let Some(port) = self.ports.get_mut(index) {
            port.part(now, error.go_away(), Some(error));
        }
        self.runner.wake();
    }

    pub(crate) fn handle_link_time(&mut self, index: usize, now: Instant) {
        let Some(port) = self.ports.get_mut(index) else { return };
        if matches!(port.stage, Stage::Idle | Stage::Parting(..)) {
            return;
        }
        let Some(link) = port.id() else { return };
        if let Err(error) = port.link.handle_timeout(now) {
            self.handle_fault(index, now, error);
            return;
        }
        while let Some(id) = port.link.poll_expired() {
            if let Some(slot) = self.table.find_mut(Place { port: index, link, id }) {
                slot.break_off(ExchangeError::TimedOut);
            }
        }
    }

    /// Puts what the link and the core owe the hub into the port's batch.
    pub(crate) fn transmit(&mut self, index: usize, now: Instant) {
        while let Some((link, reason)) = self.node.poll_close() {
            let Some(port) = self.ports.iter_mut().find(|port| port.id() == Some(link)) else { continue };
            if reason.drains() {
                port.link.go_away(reason);
            } else {
                port.part(now, reason, None);
                // Who is not trusted any more is not served any more.
                self.table.of_link(link).for_each(|slot| slot.break_off(ExchangeError::LinkLost));
            }
        }
        let leaving = self.node.is_leaving();
        let Some(port) = self.ports.get_mut(index) else { return };
        if let Stage::Joined(carried, _) = port.stage {
            let Port { link, batch, .. } = port;
            self.node.poll_gossip(now, carried.id, &mut Gossip { link, batch });
            if leaving {
                port.link.go_away(GoAway::Leaving);
            }
        }
        port.link.poll_transmit(now, port.batch);
    }

    /// The carrier is gone.
    pub(crate) fn handle_closed(&mut self, index: usize, now: Instant) {
        let Some(port) = self.ports.get_mut(index) else { return };
        let stage = core::mem::replace(&mut port.stage, Stage::Idle);
        port.batch.clear();
        let (carried, joined, settled, error) = match stage {
            Stage::Idle => return,
            Stage::Greeting(carried) => (carried, false, false, None),
            Stage::Joined(carried, _) => (carried, true, false, None),
            Stage::Parting(carried, Parted { from, error, settled, .. }) => {
                (carried, from.is_some(), settled, error)
            }
        };
        for slot in self.table.of_link(carried.id) {
            slot.break_off(ExchangeError::LinkLost);
        }
        let down = port.go_away.take().map_or(LinkEnd::Lost, LinkEnd::GoAway);
        match error {
            _ if joined => self.node.handle_link_down(now, carried.id, down),
            _ if settled => {}
            Some(PeerError::Itself(_)) => self.node.handle_dialled_itself(now, carried.target),
            _ => self.node.handle_dial_failed(now, carried.target, Failure::Unresponsive),
        }
        self.runner.wake();
        self.callers.wake();
    }

    fn handle_event(&mut self, (index, keys): (usize, &Keys), now: Instant, event: Event<'_>) {
        match event {
            Event::Up(hello) => self.handle_hello((index, keys), now, &hello),
            Event::Opened { id, open, data, end } => self.handle_opened(index, (id, open), data, end),
            Event::Data { id, data, end } => self.handle_data(index, id, data, end),
            Event::Reset { id, code } => {
                if let Some(slot) = self.place(index, id).and_then(|place| self.table.find_mut(place)) {
                    slot.break_off(ExchangeError::Reset(code));
                }
            }
            Event::Credit(Some(id)) => {
                if let Some(slot) = self.place(index, id).and_then(|place| self.table.find_mut(place)) {
                    slot.waker.wake();
                }
            }
            Event::Credit(None) => self.wake_exchanges(index),
            Event::Gossip(message) => self.handle_gossip(index, now, message),
            Event::GoAway(reason) => self.handle_go_away(index, now, reason),
            Event::Pong(_) | Event::Skipped(_) => {}
        }
    }

    fn handle_hello(&mut self, (index, keys): (usize, &Keys), now: Instant, hello: &Hello<'_>) {
        let Some(port) = self.ports.get_mut(index) else { return };
        let Stage::Greeting(carried) = port.stage else { return };
        let id = hello.record.id;
        if !carried.pinned && !keys.trusts(carried.certificates.theirs) {
            // The keyring was replaced since the handshake.
            port.part(now, GoAway::Untrusted, None);
            return;
        }
        match self.node.handle_link_up(now, carried.id, Direction::Dialled(carried.target), hello) {
            Ok(()) => {
                let name = Metadata::decode(hello.record.metadata).map_or("?", |metadata| metadata.name);
                information!("linked to {} ({})", name, id);
                port.stage = Stage::Joined(carried, id);
                self.node.secure(now, carried.id, carried.certificates);
                self.judge_links(now, keys);
                if let Some(time) = hello.time {
                    self.clock.hear(now, time, keys.not_after());
                }
                self.callers.wake();
            }
            Err(reason) => {
                warning!("no link to {}: {}", id, reason);
                port.part(now, reason, None);
                if let Stage::Parting(_, parted) = &mut port.stage {
                    parted.settled = true;
                }
            }
        }
    }

    fn handle_opened(&mut self, index: usize, (id, open): (ExchangeId, Open), data: &[u8], end: bool) {
        let for_us = open.to.is_none_or(|to| to == self.node.id());
        let place = self.place(index, id);
        let Some(port) = self.ports.get_mut(index) else { return };
        let slot = place.filter(|_| for_us).and_then(|place| self.table.arrive(place, open));
        let Some(slot) = slot else {
            port.link.reset(id, if for_us { ResetCode::Full } else { ResetCode::Unknown });
            port.link.release(id, data.len());
            return;
        };
        slot.ended = end;
        if slot.unread.extend_from_slice(data).is_err() {
            port.link.release(id, data.len());
        }
    }

    fn handle_data(&mut self, index: usize, id: ExchangeId, data: &[u8], end: bool) {
        let place = self.place(index, id);
        let Some(port) = self.ports.get_mut(index) else { return };
        // The credit that was given is the room that there is.
        let slot = place.and_then(|place| self.table.find_mut(place));
        let kept = slot.is_some_and(|slot| {
            slot.ended |= end;
            slot.waker.wake();
            slot.unread.extend_from_slice(data).is_ok()
        });
        if !kept {
            port.link.release(id, data.len());
        }
    }

    fn handle_gossip(&mut self, index: usize, now: Instant, message: &[u8]) {
        let Some(port) = self.ports.get_mut(index) else { return };
        let Some(id) = port.id() else { return };
        let Port { link, batch, .. } = port;
        if self.node.handle_gossip(now, id, message, &mut Gossip { link, batch }).is_err() {
            self.handle_fault(index, now, PeerError::BadPayload(FrameKind::Gossip));
        }
    }

    fn handle_go_away(&mut self, index: usize, now: Instant, reason: GoAway) {
        let Some(port) = self.ports.get_mut(index) else { return };
        let Some(id) = port.id() else { return };
        if reason != GoAway::Acknowledged {
            information!("the hub says GOAWAY: {}", reason);
        }
        port.go_away = Some(reason);
        self.node.handle_go_away(now, id, reason);
    }

    /// Wakes whoever waits to send on a port's exchanges.
    pub(crate) fn wake_exchanges(&mut self, index: usize) {
        if let Some(link) = self.ports.get(index).and_then(Port::id) {
            self.table.of_link(link).for_each(|slot| slot.waker.wake());
        }
        self.callers.wake();
    }

    fn place(&self, index: usize, id: ExchangeId) -> Option<Place> {
        let link = self.ports.get(index)?.id()?;
        Some(Place { port: index, link, id })
    }

    /// Hands the frames that wait to `stage`; `Some(None)` when the link is over and nothing is left to send.
    pub(crate) fn take_batch<T>(
        &mut self,
        index: usize,
        stage: impl FnOnce(&[u8]) -> T,
    ) -> Option<Option<T>> {
        let port = self.ports.get_mut(index)?;
        if port.batch.is_empty() {
            return (port.link.phase() == Phase::Over).then_some(None);
        }
        let staged = stage(port.batch.as_bytes());
        port.batch.clear();
        if core::mem::take(&mut port.blocked) {
            self.wake_exchanges(index);
        }
        Some(Some(staged))
    }

    /// Whether a port has a connection.
    pub(crate) fn is_connected(&self, index: usize) -> bool {
        self.ports.get(index).is_some_and(|port| !matches!(port.stage, Stage::Idle))
    }

    /// Whether a port's link has come to its end.
    pub(crate) fn is_over(&self, index: usize) -> bool {
        self.ports.get(index).is_none_or(|port| port.link.phase() == Phase::Over)
    }

    /// Whether the hub had time enough to take a GOAWAY.
    pub(crate) fn is_overdue(&self, index: usize, now: Instant) -> bool {
        self.ports
            .get(index)
            .is_some_and(|port| matches!(port.stage, Stage::Parting(_, parted) if now >= parted.until))
    }

    /// A dial came to nothing.
    pub(crate) fn handle_dial_failed(&mut self, now: Instant, target: Target) {
        self.node.handle_dial_failed(now, target, Failure::Unreachable);
        self.runner.wake();
    }
}
