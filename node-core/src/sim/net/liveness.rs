//! Which ends of links hear nothing, when they find their links dead, and the pings until then.

use std::prelude::rust_2024::*;

use super::conditions::{LINK_OVERHEAD, next_attempt};
use super::link::{LinkNumber, Side};
use super::{Event, Net, What};
use crate::time::{Duration, Instant};
use crate::wire::HEADER;

/// Bytes of a ping or its answer.
const PING: usize = HEADER + 8 + LINK_OVERHEAD;

impl Net {
    pub(super) fn review_all(&mut self) {
        let links: Vec<LinkNumber> = self.links.keys().copied().collect();
        links.into_iter().for_each(|link| self.review(link));
    }

    /// Updates which ends of a link can hear nothing.
    pub(super) fn review(&mut self, link: LinkNumber) {
        self.catch_up(link);
        for side in Side::BOTH {
            let Some(this) = self.links.get_mut(&link) else { return };
            let from = this.end(side.other()).machine;
            let end = this.end_mut(side);
            let stopped = self.machines.get(from).is_none_or(|machine| machine.is_unresponsive());
            let is_deaf = stopped || self.reach.is_cut(from, end.machine);
            match end.deaf_since {
                None if is_deaf => {
                    end.deaf_since = Some(self.now);
                    end.generation += 1;
                    let deadline = end.heard + self.conditions.link_timeout();
                    self.queue.push(deadline.max(self.now), What::LinkTimeout(link, side, end.generation));
                }
                Some(since) if !is_deaf => {
                    end.deaf_since = None;
                    end.generation += 1;
                    end.heard = self.now;
                    self.release(link, side.other(), since);
                }
                _ => {}
            }
        }
    }

    /// Sends the parcels that were held back since the network was cut.
    fn release(&mut self, link: LinkNumber, side: Side, since: Instant) {
        let Some(end) = self.links.get_mut(&link).map(|this| this.end_mut(side)) else { return };
        let held = core::mem::take(&mut end.held);
        if !held.is_empty() {
            end.sent = end.sent.max(next_attempt(since, self.now));
        }
        if end.waiting {
            self.queue.push(end.sent.max(self.now), What::Writable(link, side));
        }
        held.into_iter().for_each(|parcel| self.dispatch(link, side, parcel));
    }

    /// A process finds its link dead when it heard nothing for too long.
    pub(super) fn check_timeout(
        &mut self,
        link: LinkNumber,
        side: Side,
        generation: u32,
    ) -> Option<(usize, Event)> {
        let end = self.links.get(&link)?.end(side);
        if end.deaf_since.is_none() || end.generation != generation || !end.open {
            return None;
        }
        let (machine, deadline) = (end.machine, end.heard + self.conditions.link_timeout());
        if deadline > self.now {
            self.queue.push(deadline, What::LinkTimeout(link, side, generation));
            return None;
        }
        self.close(machine, link);
        Some((machine, Event::Lost { link }))
    }

    /// Counts the pings of a link since either end heard something. An end that hears nothing for a while pings; then both ends
    /// have heard from each other.
    pub(super) fn catch_up(&mut self, link: LinkNumber) {
        let ping_after = self.conditions.ping_after.max(Duration::from_millis(1));
        let Some(this) = self.links.get_mut(&link) else { return };
        let [one, other] = Side::BOTH.map(|side| (this.end(side).open, this.end(side).deaf_since));
        if one != (true, None) || other != (true, None) {
            return;
        }
        let mut pings = 0;
        let mut heard = this.end(Side::Dialler).heard.min(this.end(Side::Acceptor).heard);
        while heard + ping_after < self.now {
            heard = heard + ping_after;
            pings += 1;
        }
        for side in Side::BOTH.into_iter().filter(|_| pings > 0) {
            let end = this.end_mut(side);
            end.heard = end.heard.max(heard);
            if let Some(machine) = self.machines.get_mut(end.machine) {
                (0..pings).for_each(|_| machine.traffic.ping(PING));
            }
        }
    }
}
