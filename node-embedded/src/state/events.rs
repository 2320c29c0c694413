//! Events for the firmware, in a queue with a bound: the oldest makes room, and before it those that strangers can cause.
//!
//! Without the feature `events` there is no queue, and no event is built.

use crate::event::LinkEvent;

/// Events that wait for the firmware.
#[cfg(feature = "events")]
const EVENTS: usize = 8;

/// The events that wait for the firmware.
pub(crate) struct Events {
    #[cfg(feature = "events")]
    queue: heapless::Deque<LinkEvent, EVENTS>,
    /// Events that made room and were not reported yet.
    #[cfg(feature = "events")]
    missed: u32,
}

#[cfg(feature = "events")]
impl Events {
    pub(crate) const NEW: Self = Self { queue: heapless::Deque::new(), missed: 0 };

    /// Adds an event. When the queue is full, one is dropped: the oldest of those that strangers caused, or else the oldest. An event
    /// that a stranger caused never takes the place of another kind.
    pub(crate) fn push(&mut self, event: LinkEvent) {
        if self.queue.is_full() {
            self.missed = self.missed.saturating_add(1);
            if !self.drop_of_stranger() {
                if is_of_stranger(&event) {
                    return;
                }
                self.queue.pop_front();
            }
        }
        let _ = self.queue.push_back(event);
    }

    /// Drops the oldest event that a stranger caused. False when there is none.
    fn drop_of_stranger(&mut self) -> bool {
        let mut dropped = false;
        // Once around the queue, which has its order again then.
        for _ in 0..self.queue.len() {
            let Some(event) = self.queue.pop_front() else { break };
            if !dropped && is_of_stranger(&event) {
                dropped = true;
            } else {
                let _ = self.queue.push_back(event);
            }
        }
        dropped
    }

    /// Takes the oldest event. Before it comes the number of those that were dropped.
    pub(crate) fn pop(&mut self) -> Option<LinkEvent> {
        match core::mem::take(&mut self.missed) {
            0 => self.queue.pop_front(),
            missed => Some(LinkEvent::Missed(missed)),
        }
    }
}

/// Whether somebody who has proved nothing can cause the event, and as many of them as they like.
#[cfg(feature = "events")]
const fn is_of_stranger(event: &LinkEvent) -> bool {
    match event {
        #[cfg(feature = "accept")]
        LinkEvent::Refused { .. } => true,
        LinkEvent::Up { .. }
        | LinkEvent::Down { .. }
        | LinkEvent::DialFailed { .. }
        | LinkEvent::Missed(_) => false,
    }
}

#[cfg(not(feature = "events"))]
impl Events {
    pub(crate) const NEW: Self = Self {};

    #[expect(clippy::unused_self, reason = "the queue is there with the feature events")]
    pub(crate) fn push(&self, _event: LinkEvent) {}
}
