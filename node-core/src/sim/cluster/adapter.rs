//! What an adapter does for its node: links, frames, the timer.

use std::prelude::rust_2024::*;

use super::Cluster;
use super::host::{Carrier, at_address};
use crate::gossip::{self, Down, How, Node};
use crate::id::LinkId;
use crate::sim::net::{Event, Failure, LinkNumber};
use crate::time::Instant;
use crate::wire::gossip::Tag;
use crate::wire::{Frame, FrameKind, Full, Goodbye, HEADER, Header, Hello, Limits, Outbox, VERSION};

impl Cluster {
    /// Tells the node of a host what happened, and does what it wants done.
    pub(super) fn handle(&mut self, at: usize, event: Event) {
        let mut told = false;
        match event {
            Event::Timer => {
                let now = self.now();
                if self.hosts.get(at).and_then(|host| host.ends).is_some_and(|end| end <= now) {
                    self.kill(at);
                    return;
                }
            }
            Event::Dialled { dial, link, to } => {
                let Some(host) = self.hosts.get_mut(at) else { return };
                let Some(target) = host.dials.remove(&dial) else { return };
                host.carriers.insert(link, Carrier::new(to, Some(target)));
                self.say_hello(at, link);
            }
            Event::DialFailed { dial, why } => {
                let target = self.hosts.get_mut(at).and_then(|host| host.dials.remove(&dial));
                let Some(target) = target else { return };
                self.act(at, |node, now| match why {
                    Failure::Itself => node.handle_dialled_itself(now, target),
                    Failure::Refused => node.handle_dial_failed(now, target, gossip::Failure::Refused),
                    Failure::TimedOut => node.handle_dial_failed(now, target, gossip::Failure::Unreachable),
                    Failure::Mute => node.handle_dial_failed(now, target, gossip::Failure::Mute),
                });
            }
            Event::Accepted { link, from } => {
                let Some(host) = self.hosts.get_mut(at) else { return };
                host.carriers.insert(link, Carrier::new(from, None));
                self.say_hello(at, link);
            }
            Event::Message { link, bytes } => told = self.receive(at, link, &bytes),
            Event::Lost { link } => self.end(at, link, Down::Lost),
            // Every link is looked after below.
            Event::Writable { .. } | Event::Datagram { .. } => {}
        }
        self.settle(at);
        let changed = self.note_changes(at);
        if told
            && !changed
            && let Some(host) = self.hosts.get_mut(at)
        {
            host.duplicates += 1;
        }
    }

    /// Lets a node do what it wants to do.
    ///
    /// # Panics
    /// The node is due now and does nothing: it would keep its host busy for ever.
    pub(super) fn settle(&mut self, at: usize) {
        let mut dials = Vec::new();
        let mut closing = Vec::new();
        self.act(at, |node, now| {
            if node.poll_timeout().is_some_and(|due| due <= now) {
                node.handle_timeout(now);
            }
            dials.extend(core::iter::from_fn(|| node.poll_dial(now)));
            closing.extend(core::iter::from_fn(|| node.poll_close()));
        });
        for (link, reason) in closing {
            self.say_goodbye(at, link.0, reason);
        }
        for dial in dials {
            // Nobody listens at an address that is none of ours.
            let to = at_address(&dial.address).unwrap_or(usize::MAX);
            let number = self.net.dial(at, to);
            if let Some(host) = self.hosts.get_mut(at) {
                host.dials.insert(number, dial.target);
            }
        }
        for link in self.usable_links(at) {
            self.gossip(at, link, |node, now, out| node.poll_gossip(now, LinkId(link), out));
        }
        let Some(host) = self.hosts.get(at) else { return };
        let Some(node) = host.node() else { return };
        let (now, due) = (host.local(self.net.now()), node.poll_timeout());
        assert!(
            due.is_none_or(|due| due > now),
            "n{at} is due now and does nothing: it would keep its host busy"
        );
        let due = due.map(|due| host.global(due)).into_iter().chain(host.ends).min();
        self.net.set_timer(at, due);
    }

    /// Acts on the node of a host that runs, with the time by its clock.
    pub(super) fn act(&mut self, at: usize, act: impl FnOnce(&mut Node<'_>, Instant)) {
        let Some(host) = self.hosts.get_mut(at) else { return };
        let now = host.local(self.net.now());
        if let Some(life) = &mut host.life {
            life.with(|node| act(node, now));
        }
    }

    /// A frame arrived; whether it holds records.
    fn receive(&mut self, at: usize, link: LinkNumber, bytes: &[u8]) -> bool {
        let Ok(Some(frame)) = Frame::parse(bytes, usize::from(u16::MAX)) else { return false };
        let Some(carrier) = self.hosts.get(at).and_then(|host| host.carriers.get(&link)) else {
            return false;
        };
        let up = carrier.up;
        match frame.header.kind() {
            Some(FrameKind::Hello) if !up => self.greet(at, link, frame.payload),
            Some(FrameKind::Gossip) if up => {
                self.gossip(at, link, |node, now, out| {
                    // What is malformed makes the node end the link.
                    _ = node.handle_gossip(now, LinkId(link), frame.payload, out);
                });
                return frame.payload.first() == Some(&(Tag::Records as u8));
            }
            Some(FrameKind::Goodbye) => {
                let Ok(reason) = postcard::from_bytes(frame.payload) else { return false };
                if up {
                    self.act(at, |node, _| node.handle_goodbye(LinkId(link), reason));
                }
                self.say_goodbye(at, link, Goodbye::Agreed);
                self.net.close(at, link);
                self.end(at, link, Down::Goodbye(reason));
            }
            _ => {}
        }
        false
    }

    /// The peer said hello: the link is up, unless the node does not want it.
    pub(super) fn greet(&mut self, at: usize, link: LinkNumber, hello: &[u8]) {
        let Ok(hello) = postcard::from_bytes::<Hello<'_>>(hello) else { return };
        let Some(carrier) = self.hosts.get_mut(at).and_then(|host| host.carriers.get_mut(&link)) else {
            return;
        };
        let how = carrier.target.map_or(How::Accepted, How::Dialled);
        carrier.up = true;
        let mut refused = None;
        self.act(at, |node, now| refused = node.handle_link_up(now, LinkId(link), how, &hello).err());
        let Some(reason) = refused else { return };
        if let Some(carrier) = self.hosts.get_mut(at).and_then(|host| host.carriers.get_mut(&link)) {
            // The node forgot the link, and the dial is over.
            (carrier.up, carrier.target) = (false, None);
        }
        self.say_goodbye(at, link, reason);
    }

    /// The hello of a node.
    pub(super) fn hello(&self, at: usize) -> Vec<u8> {
        let limits = Limits { frame: 1024, exchanges: 1, exchange_credit: 1, link_credit: 1, members: 16 };
        let record = self.node(at).map(Node::record);
        let hello =
            record.map(|record| Hello { version: VERSION, cluster: "sim", limits, time: None, record });
        hello.and_then(|hello| postcard::to_extend(&hello, Vec::new()).ok()).unwrap_or_default()
    }

    fn say_hello(&mut self, at: usize, link: LinkNumber) {
        let hello = self.hello(at);
        self.net.send(at, link, frame(FrameKind::Hello, &hello));
    }

    pub(super) fn say_goodbye(&mut self, at: usize, link: LinkNumber, reason: Goodbye) {
        let carrier = self.hosts.get_mut(at).and_then(|host| host.carriers.get_mut(&link));
        let Some(carrier) = carrier.filter(|carrier| !carrier.goodbye) else { return };
        carrier.goodbye = true;
        let mut buffer = [0; 8];
        let payload = postcard::to_slice(&reason, &mut buffer).map_or(&[][..], |used| &*used);
        self.net.send(at, link, frame(FrameKind::Goodbye, payload));
    }

    /// A link is over here.
    fn end(&mut self, at: usize, link: LinkNumber, down: Down) {
        let Some(carrier) = self.hosts.get_mut(at).and_then(|host| host.carriers.remove(&link)) else {
            return;
        };
        self.act(at, |node, now| match carrier.target {
            _ if carrier.up => node.handle_link_down(now, LinkId(link), down),
            Some(target) => node.handle_dial_failed(now, target, gossip::Failure::Mute),
            None => {}
        });
    }

    pub(super) fn usable_links(&self, at: usize) -> Vec<LinkNumber> {
        let carriers = self.hosts.get(at).into_iter().flat_map(|host| &host.carriers);
        carriers.filter(|(_, carrier)| carrier.is_usable()).map(|(link, _)| *link).collect()
    }

    /// Lets a node say something on a link.
    fn gossip(
        &mut self,
        at: usize,
        link: LinkNumber,
        act: impl FnOnce(&mut Node<'_>, Instant, &mut Messages<'_>),
    ) {
        let Some(host) = self.hosts.get_mut(at) else { return };
        let now = host.local(self.net.now());
        let Some(life) = &mut host.life else { return };
        let mut out = Messages { list: Vec::new(), room: &|| self.net.room(at, link), full: false };
        life.with(|node| act(node, now, &mut out));
        let (list, full) = (out.list, out.full);
        for message in list {
            self.net.send(at, link, frame(FrameKind::Gossip, &message));
        }
        if full {
            self.net.notify_when_writable(at, link);
        }
    }
}

/// The messages that a node has for one link.
pub(super) struct Messages<'n> {
    list: Vec<Vec<u8>>,
    /// What the link took at the beginning. Most of the time a node has nothing to say, and nobody need know.
    room: &'n dyn Fn() -> usize,
    full: bool,
}

impl Messages<'_> {
    /// For what nobody wants to hear.
    pub(super) fn discarded() -> Self {
        Self { list: Vec::new(), room: &|| 0, full: false }
    }
}

impl Outbox for Messages<'_> {
    fn put(&mut self, parts: &[&[u8]]) -> Result<(), Full> {
        // As a socket does, a link that has any room takes a whole message.
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
