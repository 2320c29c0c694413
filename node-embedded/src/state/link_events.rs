//! Events on a link, caused by its hub or by time.

use embassy_net::IpEndpoint;
use node_core::gossip::{Certificates, Dial, Failure, LinkEnd, Target};
use node_core::id::LinkId;
use node_core::identity::Channel;
use node_core::link::{Event, GoAway, Introduction, PeerError};
use node_core::time::{Duration, Instant};
use node_core::wire::{FrameKind, Metadata};

use super::batch::GossipOutbox;
use super::core::{Core, count};
use super::exchange_events::Arrived;
use super::port::{Carried, OpenedSession, Origin, Parted, Port, Stage};
use super::table::ExchangeError;
use crate::event::{DialError, DownReason, LinkEvent};
use crate::flash::Keys;
use crate::log::{information, warning};
use crate::sizes::PORTS;
#[cfg(feature = "accept")]
use crate::tls::AcceptError;
use crate::tls::Grounds;

/// Shortest wait between two calls of [`Core::handle_time`]: a dial that is due waits for a free port, not for time.
const TICK: Duration = Duration::from_millis(10);
/// Time for the exchanges under way with a hub that may have been revoked.
const DRAIN: Duration = Duration::from_secs(30);

/// The end of a connection that this node dialled, or of an attempt to make one.
pub(crate) struct Closed<'c> {
    pub(crate) dial: &'c Dial,
    /// The hub's address.
    pub(crate) endpoint: Option<IpEndpoint>,
    pub(crate) outcome: Result<(), DialError>,
}

impl Core<'_> {
    /// Greets a hub: the session with it is open.
    pub(crate) fn handle_open(&mut self, index: usize, now: Instant, session: &OpenedSession) {
        let OpenedSession { origin, endpoint, ours, edition, peer, nonce } = *session;
        self.links = self.links.wrapping_add(1);
        count(&mut self.counters.handshakes);
        let Some(port) = self.ports.get_mut(index) else { return };
        port.link.restart(now);
        port.batch.clear();
        port.blocked = false;
        port.go_away = None;
        let certificates = Certificates { ours, theirs: peer.certificate };
        let carried = Carried {
            id: LinkId(self.links),
            origin,
            endpoint,
            certificates,
            edition,
            by: peer.by,
            #[cfg(feature = "accept")]
            roles: peer.roles,
            until: Some(peer.until),
            ends: None,
        };
        port.stage = Stage::Greeting(carried);
        // embedded-tls offers no exporter.
        let channel = Channel { certificates: Some(certificates), exporter: None };
        if port.link.greet(nonce, channel, port.batch).is_err() {
            port.part(now, GoAway::Full, None);
        }
        self.runner.wake();
    }

    /// Feeds a port's link with bytes that arrived. Returns how many it used; the rest is the start of a frame.
    pub(crate) fn handle_input(&mut self, index: usize, now: Instant, keys: &Keys, input: &[u8]) -> usize {
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
                self.handle_event(index, now, keys, event);
            }
        }
        self.runner.wake();
        used
    }

    /// Parts from a hub that broke a rule or is unresponsive.
    fn handle_fault(&mut self, index: usize, now: Instant, error: PeerError) {
        warning!("link: {}", error);
        if let Some(port) = self.ports.get_mut(index) {
            port.part(now, error.go_away(), Some(error));
        }
        self.runner.wake();
    }

    /// Lets time pass, and returns when to call again.
    pub(crate) fn handle_time(&mut self, now: Instant) -> Instant {
        self.node.handle_timeout(now);
        for index in 0..PORTS {
            self.handle_link_time(index, now);
        }
        #[cfg(feature = "accept")]
        self.ping_suspects(now);
        self.refuse_overdue(now);
        let links = self.ports.iter().filter(|port| !port.is_idle());
        let links = links.flat_map(|port| match port.stage {
            Stage::Parting(_, parted) => Some(parted.until),
            _ => port.link.poll_timeout(),
        });
        let next = links.chain(self.node.poll_timeout()).chain(self.table.next_overdue()).min();
        next.unwrap_or(now + Duration::from_secs(60)).max(now + TICK)
    }

    /// Asks peers whether they are still there, of which another process says that it is they.
    #[cfg(feature = "accept")]
    fn ping_suspects(&mut self, now: Instant) {
        while let Some(link) = self.node.poll_ping() {
            if let Some(port) = self.ports.iter_mut().find(|port| port.id() == Some(link)) {
                port.link.ping(now);
            }
        }
    }

    fn handle_link_time(&mut self, index: usize, now: Instant) {
        let Some(port) = self.ports.get_mut(index) else { return };
        if matches!(port.stage, Stage::Idle | Stage::Parting(..)) {
            return;
        }
        if let Err(error) = port.link.handle_timeout(now) {
            self.handle_fault(index, now, error);
            return;
        }
        while let Some(id) = self.ports.get_mut(index).and_then(|port| port.link.poll_expired()) {
            self.handle_expired(index, id);
        }
        self.judge_dates(index, now);
        self.judge_drain(index, now);
    }

    /// Ends a link that did not end by itself in the time that it had for that.
    fn judge_drain(&mut self, index: usize, now: Instant) {
        let Some(port) = self.ports.get_mut(index) else { return };
        if port.carried().and_then(|carried| carried.ends).is_some_and(|ends| now >= ends) {
            port.part(now, GoAway::Untrusted, None);
        }
    }

    /// Ends a link, after its exchanges, whose hub's certificate has expired. The hub may have a newer one, so it is dialled again.
    fn judge_dates(&mut self, index: usize, now: Instant) {
        let time = self.clock.time(now);
        let Some(port) = self.ports.get_mut(index) else { return };
        let Stage::Joined(carried, id) = &mut port.stage else { return };
        if carried.until.is_none_or(|until| time <= until) {
            return;
        }
        warning!("the certificate {} of {} has expired: the link ends", carried.certificates.theirs, id);
        self.rekey(index, now);
    }

    /// Judges the hubs again that a CA made trusted, for its lists of revoked certificates have changed: each is dialled anew, and
    /// its link ends after its exchanges, for which it has [`DRAIN`].
    pub(crate) fn judge_certified(&mut self, now: Instant) {
        self.lists = self.lists.wrapping_add(1);
        for index in 0..PORTS {
            let carried = self.ports.get(index).and_then(Port::carried);
            if carried.is_none_or(|carried| carried.by != Grounds::Authority) {
                continue;
            }
            self.rekey(index, now);
            if let Some(Port { stage: Stage::Joined(carried, _), .. }) = self.ports.get_mut(index) {
                carried.ends.get_or_insert(now + DRAIN);
            }
        }
        self.runner.wake();
    }

    /// Ends a link after its exchanges, and dials its hub again.
    fn rekey(&mut self, index: usize, now: Instant) {
        let Some(port) = self.ports.get_mut(index) else { return };
        match &mut port.stage {
            Stage::Joined(carried, _) => {
                carried.until = None;
                let link = carried.id;
                port.link.go_away(GoAway::Rekeyed);
                self.node.handle_go_away(now, link, GoAway::Rekeyed);
            }
            Stage::Greeting(_) => port.part(now, GoAway::Rekeyed, None),
            Stage::Idle | Stage::Parting(..) => {}
        }
    }

    /// A connection is closed, or there was none. `dialled` says more of it if this node dialled. Returns whether there was a TLS
    /// session: the core knows the outcome of its dial.
    pub(crate) fn handle_closed(&mut self, index: usize, now: Instant, dialled: Option<&Closed<'_>>) -> bool {
        let Some(port) = self.ports.get_mut(index) else { return false };
        let reason = port.down_reason();
        let stage = core::mem::replace(&mut port.stage, Stage::Idle);
        port.batch.clear();
        let (carried, from, settled) = match stage {
            Stage::Idle => {
                if matches!(dialled, Some(Closed { outcome: Err(DialError::Session(_)), .. })) {
                    count(&mut self.counters.handshakes_failed);
                }
                self.report_failed(dialled, None);
                return false;
            }
            Stage::Greeting(carried) => (carried, None, false),
            Stage::Joined(carried, id) => (carried, Some(id), false),
            Stage::Parting(carried, Parted { from, settled, .. }) => (carried, from, settled),
        };
        for slot in self.table.of_link(carried.id) {
            slot.break_off(ExchangeError::LinkLost);
        }
        let down = port.go_away.take().map_or(LinkEnd::Lost, LinkEnd::GoAway);
        match from {
            Some(_) => self.node.handle_link_down(now, carried.id, down),
            None if settled => {}
            None => match carried.origin {
                Origin::Dialled(target) => self.node.handle_dial_failed(now, target, Failure::Unresponsive),
                #[cfg(feature = "accept")]
                Origin::Accepted(_) => {}
            },
        }
        match from {
            Some(peer) => {
                count(&mut self.counters.links_down);
                self.report(LinkEvent::Down { peer, reason: reason.unwrap_or(DownReason::Lost) });
            }
            None => self.report_failed(dialled, reason),
        }
        self.runner.wake();
        self.callers.wake();
        true
    }

    /// A peer that dialled got no session.
    #[cfg(feature = "accept")]
    pub(crate) fn handle_refused(&mut self, endpoint: IpEndpoint, error: AcceptError) {
        if error.is_of_handshake() {
            count(&mut self.counters.handshakes_failed);
        }
        self.report(LinkEvent::Refused { endpoint, error });
    }

    fn report(&mut self, event: LinkEvent) {
        self.events.push(event);
        self.callers.wake();
    }

    /// Reports a dial that led to no link, if it was one. `reason` is that of the link, if it got so far.
    fn report_failed(&mut self, dialled: Option<&Closed<'_>>, reason: Option<DownReason>) {
        let Some(Closed { dial, endpoint, outcome }) = dialled else { return };
        count(&mut self.counters.dials_failed);
        let lost = DialError::Link(DownReason::Lost);
        let error = reason.map(DialError::Link).or(outcome.err()).unwrap_or(lost);
        let address = dial.address.clone();
        self.report(LinkEvent::DialFailed { address, endpoint: *endpoint, error });
    }

    fn handle_event(&mut self, index: usize, now: Instant, keys: &Keys, event: Event<'_>) {
        match event {
            Event::Greeted => self.handle_greeted(index, now),
            Event::Up(hub) => self.handle_up(index, now, keys, &hub),
            Event::Opened { id, open, data, end } => {
                self.handle_opened(now, (index, id), open, Arrived { data, end });
            }
            Event::Data { id, data, end } => self.handle_data(index, id, Arrived { data, end }),
            // Trailers are for who asks for them (RFC 9110 section 6.5.1). A board does not.
            Event::Trailers { id, data, end } => {
                if let Some(port) = self.ports.get_mut(index) {
                    port.link.release(id, data.len());
                }
                self.handle_data(index, id, Arrived { data: &[], end });
            }
            Event::Reset { id, code } => self.handle_reset(index, id, code),
            Event::Credit(Some(id)) => self.handle_credit(index, id),
            Event::Credit(None) => self.wake_exchanges(index),
            Event::Gossip(message) => self.handle_gossip(index, now, message),
            Event::GoAway(reason) => self.handle_go_away(index, now, reason),
            Event::Pong(_) | Event::Skipped(_) => {}
        }
    }

    /// Proves this node's identity to a hub that said hello.
    fn handle_greeted(&mut self, index: usize, now: Instant) {
        let Some(port) = self.ports.get_mut(index) else { return };
        // A board's clock only knows what hubs say: it tells nobody the time.
        if let Err(error) = port.link.prove(None, self.node.record(), port.batch) {
            warning!("no link: {}", error);
            port.part(now, GoAway::Full, Some(PeerError::Unproved));
        }
    }

    /// The hub proved its identity.
    fn handle_up(&mut self, index: usize, now: Instant, keys: &Keys, hub: &Introduction<'_>) {
        let Some(port) = self.ports.get_mut(index) else { return };
        let Stage::Greeting(carried) = port.stage else { return };
        let Introduction { record, time, .. } = hub;
        let id = record.id;
        let carried = carried.of(record);
        if !carried.is_trusted(keys) {
            // It dialled as what it may not be, or an operator replaced the keyring after the handshake.
            port.part(now, GoAway::Untrusted, None);
            return;
        }
        match self.node.handle_link_up(now, carried.id, carried.origin.direction(), record) {
            Ok(()) => {
                let name = Metadata::decode(record.metadata).map_or("?", |metadata| metadata.name);
                information!("linked to {} ({})", name, id);
                port.stage = Stage::Joined(carried, id);
                self.count_link(index);
                self.node.secure(now, carried.id, carried.certificates);
                if let Some(trial) = self.trial.as_mut().filter(|trial| trial.edition == carried.edition) {
                    trial.proved = true;
                }
                self.judge_links(now, keys);
                if let Some(time) = time {
                    self.clock.hear(now, *time, keys.not_after());
                }
                self.report(LinkEvent::Up { peer: id, endpoint: carried.endpoint });
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

    /// Counts a link that came up, and whether it is the first one after all others had ended.
    fn count_link(&mut self, index: usize) {
        let others = self.ports.iter().enumerate().filter(|(other, port)| *other != index && port.is_up());
        if others.count() == 0 && self.counters.links_up > 0 {
            count(&mut self.counters.reconnects);
        }
        count(&mut self.counters.links_up);
    }

    fn handle_gossip(&mut self, index: usize, now: Instant, message: &[u8]) {
        let Some(port) = self.ports.get_mut(index) else { return };
        let Some(id) = port.id() else { return };
        let Port { link, batch, .. } = port;
        if self.node.handle_gossip(now, id, message, &mut GossipOutbox { link, batch }).is_err() {
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

    /// A dial failed before there was a link.
    pub(crate) fn handle_dial_failed(&mut self, now: Instant, target: Target) {
        self.node.handle_dial_failed(now, target, Failure::Unreachable);
        self.runner.wake();
    }
}
