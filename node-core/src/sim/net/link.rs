//! Links: the messages under way on each, and what each end hears.

use std::prelude::rust_2024::*;

use super::conditions::LINK_OVERHEAD;
use super::{Event, Net, What, Work};
use crate::time::Instant;

/// The number of a link, never given twice in one network.
pub type LinkNumber = u32;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Dialler,
    Acceptor,
}

impl Side {
    pub(super) const BOTH: [Self; 2] = [Self::Dialler, Self::Acceptor];

    pub(super) const fn other(self) -> Self {
        match self {
            Self::Dialler => Self::Acceptor,
            Self::Acceptor => Self::Dialler,
        }
    }
}

/// A thing that travels on a link.
pub(super) enum Parcel {
    Accepted,
    Message(Vec<u8>),
    /// The sender closed its end.
    End,
}

pub(super) struct Link {
    dialler: End,
    acceptor: End,
}

/// One end of a link.
pub(super) struct End {
    pub(super) machine: usize,
    pub(super) open: bool,
    /// When the last byte that this end sent leaves.
    pub(super) sent: Instant,
    /// When the last parcel that this end sent arrives: no parcel overtakes another.
    pub(super) arrives: Instant,
    /// Parcels that the cut network holds back.
    pub(super) held: Vec<Parcel>,
    /// The process asked to be told when there is room.
    pub(super) waiting: bool,
    /// When this end last heard something.
    pub(super) heard: Instant,
    /// Since when this end can hear nothing.
    pub(super) deaf_since: Option<Instant>,
    /// Counts the changes of `deaf_since`.
    pub(super) generation: u32,
}

impl End {
    const fn new(now: Instant, machine: usize) -> Self {
        Self {
            machine,
            open: true,
            sent: now,
            arrives: now,
            held: Vec::new(),
            waiting: false,
            heard: now,
            deaf_since: None,
            generation: 0,
        }
    }
}

impl Link {
    pub(super) const fn new(now: Instant, from: usize, to: usize) -> Self {
        Self { dialler: End::new(now, from), acceptor: End::new(now, to) }
    }

    pub(super) const fn end(&self, side: Side) -> &End {
        match side {
            Side::Dialler => &self.dialler,
            Side::Acceptor => &self.acceptor,
        }
    }

    pub(super) const fn end_mut(&mut self, side: Side) -> &mut End {
        match side {
            Side::Dialler => &mut self.dialler,
            Side::Acceptor => &mut self.acceptor,
        }
    }

    pub(super) const fn machines(&self) -> [usize; 2] {
        [self.dialler.machine, self.acceptor.machine]
    }

    const fn side_of(&self, machine: usize) -> Side {
        if self.dialler.machine == machine { Side::Dialler } else { Side::Acceptor }
    }
}

impl Net {
    /// Sends a message. It waits as long as there is no [`room`](Self::room).
    pub fn send(&mut self, from: usize, link: LinkNumber, message: Vec<u8>) {
        let size = message.len() + LINK_OVERHEAD;
        let departure = self.conditions.departure(size);
        let Some(side) = self.open_side(from, link) else { return };
        let Some(this) = self.links.get_mut(&link) else { return };
        let end = this.end_mut(side);
        end.sent = end.sent.max(self.now) + departure;
        if let Some(machine) = self.machines.get_mut(from) {
            machine.traffic.send(size);
        }
        self.dispatch(link, side, Parcel::Message(message));
    }

    /// Bytes that a link takes before its sender should wait. A link that is not full takes a whole message.
    #[must_use]
    pub fn room(&self, from: usize, link: LinkNumber) -> usize {
        self.room_at(self.now, from, link)
    }

    /// The room at another time.
    pub(in crate::sim) fn room_at(&self, now: Instant, from: usize, link: LinkNumber) -> usize {
        let Some(this) = self.links.get(&link) else { return 0 };
        let end = this.end(this.side_of(from));
        let held = end.held.iter().map(|parcel| match parcel {
            Parcel::Message(message) => message.len() + LINK_OVERHEAD,
            Parcel::Accepted | Parcel::End => 0,
        });
        let waiting = held.sum::<usize>() + self.conditions.departing(end.sent.since(now));
        self.conditions.buffer.saturating_sub(waiting)
    }

    /// Asks for [`Event::Writable`] as soon as a full link has room for more.
    pub fn notify_when_writable(&mut self, from: usize, link: LinkNumber) {
        let Some(side) = self.open_side(from, link) else { return };
        let Some(this) = self.links.get_mut(&link) else { return };
        let end = this.end_mut(side);
        if !core::mem::replace(&mut end.waiting, true) {
            self.queue.push(end.sent.max(self.now), What::Writable(link, side));
        }
    }

    /// Closes a link: everything that was sent arrives, then the other end is told.
    pub fn close(&mut self, from: usize, link: LinkNumber) {
        if self.open_side(from, link).is_some() {
            self.hang_up(from, link);
            self.shut(from, link);
        }
    }

    /// Both ends learn that a link broke.
    pub(super) fn break_link(&mut self, link: LinkNumber) {
        for side in Side::BOTH {
            let delay = self.conditions.one_way_delay(&mut self.rng);
            self.queue.push(self.now + delay, What::Arrive(link, side, Parcel::End));
        }
    }

    /// Sends the end of a link, whether this end is open or not.
    pub(super) fn hang_up(&mut self, from: usize, link: LinkNumber) {
        if let Some(side) = self.links.get(&link).map(|this| this.side_of(from)) {
            self.dispatch(link, side, Parcel::End);
        }
    }

    /// Shuts one end: it sends and hears nothing any more. A link that is shut at both ends is forgotten.
    pub(super) fn shut(&mut self, machine: usize, link: LinkNumber) {
        let Some(this) = self.links.get_mut(&link) else { return };
        let side = this.side_of(machine);
        this.end_mut(side).open = false;
        if !this.end(side.other()).open {
            for side in Side::BOTH {
                if let Some(machine) = self.machines.get_mut(this.end(side).machine) {
                    machine.links.retain(|one| *one != link);
                }
            }
            self.links.remove(&link);
        }
    }

    /// Puts a parcel on its way.
    pub(super) fn dispatch(&mut self, link: LinkNumber, side: Side, parcel: Parcel) {
        let Some(this) = self.links.get_mut(&link) else { return };
        let to = this.end(side.other()).machine;
        let end = this.end_mut(side);
        if self.reach.is_cut(end.machine, to) {
            end.held.push(parcel);
            return;
        }
        let delay = self.conditions.reliable_delay(&mut self.rng);
        end.arrives = end.arrives.max(end.sent.max(self.now) + delay);
        self.queue.push(end.arrives, What::Arrive(link, side.other(), parcel));
    }

    /// A parcel reaches the machine of an end.
    pub(super) fn arrive(&mut self, link: LinkNumber, side: Side, parcel: Parcel) -> Option<(usize, Event)> {
        self.catch_up(link);
        let this = self.links.get_mut(&link)?;
        let from = this.end(side.other()).machine;
        let end = this.end_mut(side);
        let machine = end.machine;
        let receiver = self.machines.get_mut(machine).filter(|machine| machine.powered && end.open)?;
        end.heard = self.now;
        let event = match parcel {
            Parcel::Accepted => Event::Accepted { link, from },
            Parcel::Message(bytes) => {
                receiver.traffic.received += 1;
                Event::Message { link, bytes }
            }
            Parcel::End => {
                self.shut(machine, link);
                Event::Lost { link }
            }
        };
        self.hand(machine, Work::Tell(event))
    }

    /// The bytes that waited on a link have left, or the network holds them back.
    pub(super) fn drained(&mut self, link: LinkNumber, side: Side) -> Option<(usize, Event)> {
        let end = self.links.get_mut(&link)?.end_mut(side);
        if !end.waiting || !end.open || !end.held.is_empty() {
            return None;
        }
        end.waiting = false;
        let machine = end.machine;
        self.hand(machine, Work::Tell(Event::Writable { link }))
    }

    /// The side of a link that a machine holds open.
    fn open_side(&self, machine: usize, link: LinkNumber) -> Option<Side> {
        let this = self.links.get(&link)?;
        let side = this.side_of(machine);
        (this.end(side).machine == machine && this.end(side).open).then_some(side)
    }

    pub(super) fn links_of(&self, machine: usize) -> Vec<LinkNumber> {
        self.machines.get(machine).map_or_else(Vec::new, |machine| machine.links.clone())
    }
}
