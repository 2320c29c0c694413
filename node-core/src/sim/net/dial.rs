//! How a link is opened: half a round trip for TCP's first packet, and one and a half for the handshake of TLS.

use super::conditions::{DIAL_TIMEOUT, HANDSHAKE_BYTES};
use super::link::{Link, LinkNumber, Parcel, Side};
use super::{Event, Net, What, Work};

/// A dial under way. A number is never given twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DialId(u32);

/// Why a dial failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// Nothing listens there.
    Refused,
    /// The machine did not answer.
    TimedOut,
    /// The machine took the connection, but its process did not answer.
    Unresponsive,
    /// The machine reached itself.
    Itself,
}

pub(super) struct Attempt {
    from: usize,
    to: usize,
    /// The process that dials.
    life: u32,
    /// The process that answered.
    answered_by: Option<u32>,
}

impl Net {
    /// Opens a link to another machine. The outcome is one [`Event::Dialled`] or [`Event::DialFailed`].
    pub fn dial(&mut self, from: usize, to: usize) -> DialId {
        let dial = DialId(self.number());
        let Some(machine) = self.machines.get_mut(from).filter(|machine| machine.running) else {
            return dial;
        };
        machine.traffic.handshake(self.now, HANDSHAKE_BYTES);
        let life = machine.life;
        if let Some(dialled) = self.machines.get_mut(to) {
            dialled.traffic.dialled += 1;
        }
        self.dials.insert(dial, Attempt { from, to, life, answered_by: None });
        // There, back, and there again: then TLS begins.
        let mut at = self.now;
        (0..3).for_each(|_| at = at + self.conditions.reliable_delay(&mut self.rng));
        self.queue.push(at, What::Knock(dial));
        self.queue.push(self.now + DIAL_TIMEOUT, What::GiveUp(dial));
        dial
    }

    /// A dial reaches the other machine.
    pub(super) fn knock(&mut self, dial: DialId) -> Option<(usize, Event)> {
        let &Attempt { from, to, .. } = self.dials.get(&dial)?;
        if from == to {
            return self.dial_failed(dial, Failure::Itself);
        }
        let powered = self.machines.get(to).is_none_or(|machine| machine.powered);
        if !powered || !self.is_reachable(from, to) {
            let refused = powered && self.reach.is_refusing();
            // Otherwise it times out.
            return if refused { self.dial_failed(dial, Failure::Refused) } else { None };
        }
        if !self.is_running(to) {
            return self.dial_failed(dial, Failure::Refused);
        }
        self.hand(to, Work::Knock(dial))
    }

    /// A dial was not answered in time.
    pub(super) fn give_up(&mut self, dial: DialId) -> Option<(usize, Event)> {
        let &Attempt { from, to, .. } = self.dials.get(&dial)?;
        let answers = self.is_running(to) && self.is_reachable(from, to) && self.is_reachable(to, from);
        self.dial_failed(dial, if answers { Failure::Unresponsive } else { Failure::TimedOut })
    }

    /// The dialled process answers.
    pub(super) fn admit(&mut self, dial: DialId) {
        let Some(attempt) = self.dials.get_mut(&dial) else { return };
        let Some(machine) = self.machines.get_mut(attempt.to) else { return };
        attempt.answered_by = Some(machine.life);
        machine.traffic.handshake(self.now, HANDSHAKE_BYTES);
        let delay = self.conditions.reliable_delay(&mut self.rng);
        self.queue.push(self.now + delay, What::Opened(dial));
    }

    /// The answer reaches the dialler: the link is open.
    pub(super) fn opened(&mut self, dial: DialId) -> Option<(usize, Event)> {
        let &Attempt { from, to, life, answered_by } = self.dials.get(&dial)?;
        if !self.is_reachable(from, to) {
            return None;
        }
        if self.machines.get(to).map(|machine| machine.life) != answered_by {
            return self.dial_failed(dial, Failure::Refused);
        }
        self.dials.remove(&dial);
        self.machines.get(from).filter(|machine| machine.running && machine.life == life)?;
        let link = self.open(from, to);
        self.dispatch(link, Side::Dialler, Parcel::Accepted);
        self.hand(from, Work::Tell(Event::Dialled { dial, link, to }))
    }

    /// Opens a link immediately and tells nobody: for networks that begin with links.
    pub fn open(&mut self, from: usize, to: usize) -> LinkNumber {
        let link = self.number();
        self.links.insert(link, Link::new(self.now, from, to));
        for machine in [from, to] {
            if let Some(machine) = self.machines.get_mut(machine) {
                machine.links.push(link);
                machine.traffic.peak_links = machine.traffic.peak_links.max(machine.links.len());
            }
        }
        if let Some(life) = self.conditions.link_life(&mut self.rng) {
            self.queue.push(self.now + life, What::Break(link));
        }
        self.review(link);
        link
    }

    pub(super) fn dial_failed(&mut self, dial: DialId, why: Failure) -> Option<(usize, Event)> {
        let Attempt { from, life, .. } = self.dials.remove(&dial)?;
        self.machines.get(from).filter(|machine| machine.life == life)?;
        self.hand(from, Work::Tell(Event::DialFailed { dial, why }))
    }
}
