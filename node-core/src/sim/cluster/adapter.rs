//! The adapter of a node: links, frames, the timer.

use std::prelude::rust_2024::*;

use super::host::{Carrier, Host, at_address};
use super::watch::{Interest, Learned};
use crate::gossip::{self, Direction, LinkEnd, Node, Target};
use crate::id::LinkId;
use crate::sim::net::{Event, Failure, LINK_OVERHEAD, LinkNumber, Net};
use crate::time::Instant;
use crate::wire::gossip::Tag;
use crate::wire::{Frame, FrameKind, Full, GoAway, HEADER, Header, Outbox, Proof};

/// A host while it handles events. It collects what it wants of the network, and the network does that later: so several
/// hosts can handle their events at the same time.
pub(super) struct Adapter<'c> {
    at: usize,
    /// By the network's clock.
    now: Instant,
    pub(super) host: &'c mut Host,
    net: &'c Net,
    wants: Vec<Want>,
    /// Messages that it sent before and the network has not been given yet.
    sent: Vec<Sent>,
}

/// Bytes that go out on a link.
#[derive(Clone, Copy)]
struct Sent {
    link: LinkNumber,
    bytes: usize,
}

/// A request of a host to the network.
pub(super) enum Want {
    Dial(usize, Target),
    Send(LinkNumber, Vec<u8>),
    Notify(LinkNumber),
    Close(LinkNumber),
    Timer(Option<Instant>),
    /// The process ends.
    End,
}

impl Want {
    fn sent(&self) -> Option<Sent> {
        match self {
            Self::Send(link, message) => Some(Sent { link: *link, bytes: message.len() + LINK_OVERHEAD }),
            _ => None,
        }
    }
}

impl<'c> Adapter<'c> {
    pub(super) const fn new(at: usize, now: Instant, host: &'c mut Host, net: &'c Net) -> Self {
        Self { at, now, host, net, wants: Vec::new(), sent: Vec::new() }
    }

    /// Goes on to a later event, before the network is given what the host wanted so far.
    pub(super) const fn turn_to(&mut self, now: Instant) {
        self.now = now;
    }

    /// Takes what the host wants of the network since this was called last.
    pub(super) fn take_wants(&mut self) -> Vec<Want> {
        let wants = core::mem::take(&mut self.wants);
        self.sent.extend(wants.iter().filter_map(Want::sent));
        wants
    }

    /// Tells the node what happened, and lets it act. Returns what the node learned.
    pub(super) fn handle(&mut self, event: Event, interest: Interest<'_>) -> Vec<Learned> {
        if !self.host.is_running() {
            return Vec::new();
        }
        let mut carried_records = false;
        match event {
            Event::Timer => {
                if self.host.ends.is_some_and(|end| end <= self.now) {
                    self.wants.push(Want::End);
                    return Vec::new();
                }
            }
            Event::Dialled { dial, link, to } => {
                let Some(target) = self.host.dials.remove(&dial) else { return Vec::new() };
                self.host.carriers.insert(link, Carrier::new(to, Some(target)));
                self.say(link, FrameKind::Hello, &self.host.hello());
            }
            Event::DialFailed { dial, why } => {
                let Some(target) = self.host.dials.remove(&dial) else { return Vec::new() };
                self.act(|node, now| match why {
                    Failure::Itself => node.handle_dialled_itself(now, target),
                    Failure::Refused => node.handle_dial_failed(now, target, gossip::Failure::Refused),
                    Failure::TimedOut => node.handle_dial_failed(now, target, gossip::Failure::Unreachable),
                    Failure::Unresponsive => {
                        node.handle_dial_failed(now, target, gossip::Failure::Unresponsive)
                    }
                });
            }
            Event::Accepted { link, from } => {
                self.host.carriers.insert(link, Carrier::new(from, None));
                self.say(link, FrameKind::Hello, &self.host.hello());
            }
            Event::Message { link, bytes } => carried_records = self.receive(link, &bytes),
            Event::Lost { link } => self.end(link, LinkEnd::Lost),
            // `settle` looks after every link.
            Event::Writable { .. } | Event::Datagram { .. } => {}
        }
        self.settle();
        let before = self.host.cursor;
        let learned = self.learned(interest);
        if carried_records && self.host.cursor == before {
            self.host.duplicates += 1;
        }
        learned
    }

    /// Lets the node do what it wants to do.
    ///
    /// # Panics
    /// The node's timer is due and the node does nothing: it would keep its host busy forever.
    pub(super) fn settle(&mut self) {
        let mut dials = Vec::new();
        self.act(|node, now| {
            if node.poll_timeout().is_some_and(|due| due <= now) {
                node.handle_timeout(now);
            }
            dials.extend(core::iter::from_fn(|| node.poll_dial(now)));
        });
        for dial in dials {
            // No machine listens at an address outside of the cluster.
            self.wants.push(Want::Dial(at_address(&dial.address).unwrap_or(usize::MAX), dial.target));
        }
        for link in self.host.usable_links() {
            self.gossip(link, |node, now, out| node.poll_gossip(now, LinkId(link), out));
        }
        let (mut pinged, mut closing) = (Vec::new(), Vec::new());
        self.act(|node, _| pinged.extend(core::iter::from_fn(|| node.poll_ping())));
        for link in pinged {
            self.say(link.0, FrameKind::Ping, &[0; 8]);
        }
        self.act(|node, _| closing.extend(core::iter::from_fn(|| node.poll_close())));
        for (link, reason) in closing {
            self.say_go_away(link.0, reason);
        }
        let Some(node) = self.host.node() else { return };
        let (now, due) = (self.host.local(self.now), node.poll_timeout());
        assert!(
            due.is_none_or(|due| due > now),
            "n{} is due now and does nothing: it would keep its host busy",
            self.at
        );
        let due = due.map(|due| self.host.global(due)).into_iter().chain(self.host.ends).min();
        self.wants.push(Want::Timer(due));
    }

    /// Acts on the node, if it runs. The node is given the time by its own clock.
    pub(super) fn act(&mut self, act: impl FnOnce(&mut Node<'_>, Instant)) {
        let now = self.host.local(self.now);
        if let Some(life) = &mut self.host.life {
            life.with(|node| act(node, now));
        }
    }

    /// Handles a frame. Returns whether it is a gossip message with records.
    fn receive(&mut self, link: LinkNumber, bytes: &[u8]) -> bool {
        let Ok(Some(frame)) = Frame::parse(bytes, usize::from(u16::MAX)) else { return false };
        let Some(carrier) = self.host.carriers.get(&link) else { return false };
        let up = carrier.up;
        match frame.header.kind() {
            Some(FrameKind::Hello) if !up => self.say(link, FrameKind::Proof, &self.host.proof()),
            Some(FrameKind::Proof) if !up => self.greet(link, frame.payload),
            Some(FrameKind::Gossip) if up => {
                self.gossip(link, |node, now, out| {
                    // A malformed message makes the node end the link.
                    _ = node.handle_gossip(now, LinkId(link), frame.payload, out);
                });
                return frame.payload.first() == Some(&(Tag::Records as u8));
            }
            Some(FrameKind::GoAway) => {
                let Ok(reason) = postcard::from_bytes(frame.payload) else { return false };
                if up {
                    self.act(|node, now| node.handle_go_away(now, LinkId(link), reason));
                }
                self.say_go_away(link, GoAway::Acknowledged);
                self.wants.push(Want::Close(link));
                self.end(link, LinkEnd::GoAway(reason));
            }
            _ => {}
        }
        false
    }

    /// Handles the peer's proof: the link is up, unless the node refuses it.
    pub(super) fn greet(&mut self, link: LinkNumber, proof: &[u8]) {
        let Ok(proof) = postcard::from_bytes::<Proof<'_>>(proof) else { return };
        let Some(carrier) = self.host.carriers.get_mut(&link) else { return };
        let direction = carrier.target.map_or(Direction::Accepted, Direction::Dialled);
        carrier.up = true;
        let mut refused = None;
        self.act(|node, now| {
            refused = node.handle_link_up(now, LinkId(link), direction, &proof.record).err()
        });
        let Some(reason) = refused else { return };
        if let Some(carrier) = self.host.carriers.get_mut(&link) {
            // The node forgot the link, and the dial is over.
            (carrier.up, carrier.target) = (false, None);
        }
        self.say_go_away(link, reason);
    }

    fn say(&mut self, link: LinkNumber, kind: FrameKind, payload: &[u8]) {
        self.wants.push(Want::Send(link, frame(kind, payload)));
    }

    pub(super) fn say_go_away(&mut self, link: LinkNumber, reason: GoAway) {
        let carrier = self.host.carriers.get_mut(&link).filter(|carrier| !carrier.go_away);
        let Some(carrier) = carrier else { return };
        carrier.go_away = true;
        let mut buffer = [0; 8];
        let payload = postcard::to_slice(&reason, &mut buffer).map_or(&[][..], |used| &*used);
        self.wants.push(Want::Send(link, frame(FrameKind::GoAway, payload)));
    }

    /// Forgets a link that ended.
    fn end(&mut self, link: LinkNumber, end: LinkEnd) {
        let Some(carrier) = self.host.carriers.remove(&link) else { return };
        self.act(|node, now| match carrier.target {
            _ if carrier.up => node.handle_link_down(now, LinkId(link), end),
            Some(target) => node.handle_dial_failed(now, target, gossip::Failure::Unresponsive),
            None => {}
        });
    }

    /// Lets the node say something on a link.
    fn gossip(&mut self, link: LinkNumber, act: impl FnOnce(&mut Node<'_>, Instant, &mut Messages<'_>)) {
        let now = self.host.local(self.now);
        let Some(life) = &mut self.host.life else { return };
        let room = || {
            let sent = self.sent.iter().copied().chain(self.wants.iter().filter_map(Want::sent));
            let here = sent.filter(|sent| sent.link == link).map(|sent| sent.bytes);
            self.net.room_at(self.now, self.at, link).saturating_sub(here.sum())
        };
        let mut out = Messages { list: Vec::new(), room: &room, full: false };
        life.with(|node| act(node, now, &mut out));
        let (list, full) = (out.list, out.full);
        self.wants.extend(list.iter().map(|message| Want::Send(link, frame(FrameKind::Gossip, message))));
        if full {
            self.wants.push(Want::Notify(link));
        }
    }
}

/// The messages that a node has for one link.
pub(super) struct Messages<'n> {
    list: Vec<Vec<u8>>,
    /// Computes what the link takes; called only when the node has something to say.
    room: &'n dyn Fn() -> usize,
    full: bool,
}

impl Messages<'_> {
    /// Takes no message: for a node whose answers do not matter.
    pub(super) fn discarded() -> Self {
        Self { list: Vec::new(), room: &|| 0, full: false }
    }
}

impl Outbox for Messages<'_> {
    fn put(&mut self, parts: &[&[u8]]) -> Result<(), Full> {
        // A link with any room takes a whole message, as a socket does.
        if self.room() == 0 {
            self.full = true;
            return Err(Full);
        }
        self.list.push(parts.concat());
        Ok(())
    }

    fn room(&self) -> usize {
        (self.room)().saturating_sub(self.list.iter().map(Vec::len).sum())
    }
}

pub(super) fn frame(kind: FrameKind, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(payload.len()).unwrap_or(u16::MAX);
    let header = Header { length, kind: kind as u8, flags: 0, exchange: 0 }.to_bytes();
    let mut bytes = Vec::with_capacity(HEADER + payload.len());
    bytes.extend_from_slice(&header);
    bytes.extend_from_slice(payload);
    bytes
}
