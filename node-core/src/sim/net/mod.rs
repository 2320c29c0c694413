//! A simulated network: machines, links and datagrams between them, in virtual time.
//!
//! The network carries bytes and does not know what they mean. Each machine runs one process. The caller acts for the
//! processes ([`dial`](Net::dial), [`send`](Net::send), [`set_timer`](Net::set_timer) …) and asks [`next`](Net::next) which
//! process has an event. It also makes machines and paths fail: [`kill`](Net::kill), [`pause`](Net::pause),
//! [`partition`](Net::partition) …
//!
//! It models:
//!
//! - A **link** carries messages in order, as TLS over TCP does: loss shows as delay, limited bandwidth as waiting. To open a
//!   link takes two round trips. When a process ends, its kernel closes its links. A side that hears nothing (power lost,
//!   process paused, path cut) finds its link dead after the link timeout. Pings are not events, but they are counted.
//! - A **datagram** arrives once, late, or never. It leaves as fast as on a link, and does not wait for others.
//! - A **process** can be paused, and then handles the events that came in meanwhile. It can be slow, and fall behind.

mod conditions;
mod dial;
mod event;
mod faults;
mod link;
mod liveness;
mod machine;
mod reach;
mod traffic;

use std::collections::BTreeMap;
use std::prelude::rust_2024::*;

use self::dial::Attempt;
use self::event::{What, Work};
use self::link::Link;
use self::machine::{Machine, NEVER};
use self::reach::Reach;
use super::queue::Queue;
use crate::time::Instant;

pub use self::conditions::{Conditions, DATAGRAM_OVERHEAD, DIAL_TIMEOUT, HANDSHAKE_BYTES, LINK_OVERHEAD};
pub use self::dial::{DialId, Failure};
pub use self::event::Event;
pub use self::link::LinkNumber;
pub use self::reach::Path;
pub use self::traffic::Traffic;

/// The network. See the [module](self).
pub struct Net {
    now: Instant,
    rng: fastrand::Rng,
    /// How good it is. A caller may change it at any time.
    pub conditions: Conditions,
    queue: Queue<What>,
    machines: Vec<Machine>,
    links: BTreeMap<LinkNumber, Link>,
    dials: BTreeMap<DialId, Attempt>,
    reach: Reach,
    last: u32,
}

impl Net {
    /// A network without machines.
    #[must_use]
    pub fn new(seed: u64, conditions: Conditions) -> Self {
        Self {
            now: Instant::START,
            rng: fastrand::Rng::with_seed(seed),
            conditions,
            queue: Queue::new(),
            machines: Vec::new(),
            links: BTreeMap::new(),
            dials: BTreeMap::new(),
            reach: Reach::default(),
            last: 0,
        }
    }

    /// Adds a machine with power and no process; machines are numbered from 0.
    pub fn add(&mut self) -> usize {
        self.machines.push(Machine::new());
        self.machines.len() - 1
    }

    // Getters

    /// The time.
    #[must_use]
    pub const fn now(&self) -> Instant {
        self.now
    }

    /// How many machines there are.
    #[must_use]
    pub const fn machines(&self) -> usize {
        self.machines.len()
    }

    /// Whether a process runs there, paused or not.
    #[must_use]
    pub fn is_running(&self, machine: usize) -> bool {
        self.machines.get(machine).is_some_and(|machine| machine.running)
    }

    /// When the process there was last resumed.
    #[must_use]
    pub fn resumed_at(&self, machine: usize) -> Instant {
        self.machines.get(machine).map_or(Instant::START, |machine| machine.resumed_at)
    }

    /// Whether the process there is paused.
    #[must_use]
    pub fn is_paused(&self, machine: usize) -> bool {
        self.machines.get(machine).is_some_and(|machine| machine.paused)
    }

    /// Whether the paths between two machines are open in both directions.
    #[must_use]
    pub fn is_reachable(&self, one: usize, other: usize) -> bool {
        !self.reach.is_cut(one, other) && !self.reach.is_cut(other, one)
    }

    /// The counters of a machine.
    #[must_use]
    pub fn traffic(&mut self, machine: usize) -> Traffic {
        for link in self.links_of(machine) {
            self.catch_up(link);
        }
        self.machines.get(machine).map_or(Traffic::NONE, |machine| machine.traffic)
    }

    /// Sets all counters to zero.
    pub fn clear_traffic(&mut self) {
        let links: Vec<LinkNumber> = self.links.keys().copied().collect();
        links.into_iter().for_each(|link| self.catch_up(link));
        for machine in &mut self.machines {
            machine.traffic = Traffic::NONE;
            machine.traffic.peak_links = machine.links.len();
        }
    }

    /// Events that are scheduled. A test sees that they stay bounded.
    #[must_use]
    pub fn scheduled(&self) -> usize {
        self.queue.len()
    }

    // Actions of processes

    /// Sets the timer of a machine: [`Event::Timer`] comes at `at`. A machine has one timer.
    pub fn set_timer(&mut self, machine: usize, at: Option<Instant>) {
        let Some(this) = self.machines.get_mut(machine) else { return };
        this.wake_at = at.unwrap_or(NEVER).max(self.now);
        // An alarm that rings too early is set again then. So there are few alarms, however often this is called.
        if this.wake_at < this.alarm_at {
            this.alarm_at = this.wake_at;
            self.queue.push(this.alarm_at, What::Alarm(machine, this.alarm_at));
        }
    }

    /// Sends a datagram.
    pub fn send_datagram(&mut self, from: usize, to: usize, bytes: Vec<u8>) {
        let Some(sender) = self.machines.get_mut(from).filter(|machine| machine.running) else { return };
        sender.traffic.send(bytes.len() + DATAGRAM_OVERHEAD);
        let delay = self.conditions.departure(bytes.len() + DATAGRAM_OVERHEAD)
            + self.conditions.one_way_delay(&mut self.rng);
        if !self.conditions.is_lost(&mut self.rng) && !self.reach.is_cut(from, to) {
            self.queue.push(self.now + delay, What::Datagram { from, to, bytes });
        }
    }

    // The next event

    /// Dates the following actions of processes to this time, shortly before or after now. So a caller can collect the events
    /// of several processes before any of them acts. An event that is due meanwhile happens late.
    pub(super) const fn act_at(&mut self, time: Instant) {
        self.now = time;
    }

    /// The next event of a process until `end`, and its machine. `None`: there is none, and it is `end`.
    pub fn next(&mut self, end: Instant) -> Option<(usize, Event)> {
        while let Some((at, what)) = self.queue.pop(end) {
            self.now = self.now.max(at);
            let event = self.happen(what);
            if event.is_some() {
                return event;
            }
        }
        self.now = self.now.max(end);
        None
    }

    fn happen(&mut self, what: What) -> Option<(usize, Event)> {
        match what {
            What::Alarm(machine, at) => self.ring(machine, at),
            What::Turn(machine) => {
                let this = self.machines.get_mut(machine)?;
                this.turn = false;
                let work = if this.paused { None } else { this.backlog.pop_front() };
                let event = work.and_then(|work| self.handle(machine, work));
                self.take_turn(machine);
                event
            }
            What::Datagram { from, to, bytes } => {
                let receiver = self.machines.get_mut(to).filter(|machine| machine.running)?;
                receiver.traffic.received += 1;
                self.hand(to, Work::Tell(Event::Datagram { from, bytes }))
            }
            What::Knock(dial) => self.knock(dial),
            What::Opened(dial) => self.opened(dial),
            What::GiveUp(dial) => self.give_up(dial),
            What::Arrive(link, side, parcel) => self.arrive(link, side, parcel),
            What::Writable(link, side) => self.drained(link, side),
            What::LinkTimeout(link, side, generation) => {
                let machine = self.links.get(&link)?.end(side).machine;
                self.hand(machine, Work::CheckTimeout(link, side, generation))
            }
            What::Break(link) => {
                self.break_link(link);
                None
            }
        }
    }

    fn ring(&mut self, machine: usize, at: Instant) -> Option<(usize, Event)> {
        let this = self.machines.get_mut(machine).filter(|this| this.alarm_at == at)?;
        this.alarm_at = NEVER;
        let wake_at = this.wake_at;
        if wake_at <= self.now {
            this.wake_at = NEVER;
            return self.hand(machine, Work::Tell(Event::Timer));
        }
        if wake_at < NEVER {
            this.alarm_at = wake_at;
            self.queue.push(wake_at, What::Alarm(machine, wake_at));
        }
        None
    }

    /// Gives work to a process. It handles it now or later.
    fn hand(&mut self, machine: usize, work: Work) -> Option<(usize, Event)> {
        let this = self.machines.get_mut(machine).filter(|machine| machine.running)?;
        if this.is_prompt() {
            return self.handle(machine, work);
        }
        this.enqueue(work);
        self.take_turn(machine);
        None
    }

    fn handle(&mut self, machine: usize, work: Work) -> Option<(usize, Event)> {
        match work {
            Work::Tell(event) => Some((machine, event)),
            Work::Knock(dial) => {
                self.admit(dial);
                None
            }
            Work::CheckTimeout(link, side, generation) => self.check_timeout(link, side, generation),
        }
    }

    /// Schedules that a process handles the first work of its backlog.
    fn take_turn(&mut self, machine: usize) {
        let Some(this) = self.machines.get_mut(machine) else { return };
        if !this.paused && !this.turn && !this.backlog.is_empty() {
            this.turn = true;
            self.queue.push(self.now + this.effort, What::Turn(machine));
        }
    }

    /// A number that was never given.
    const fn number(&mut self) -> u32 {
        self.last = self.last.wrapping_add(1);
        self.last
    }
}
