//! Events for the firmware, in a queue with a bound: the oldest makes room.
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

    /// Adds an event. When the queue is full, the oldest one is dropped.
    pub(crate) fn push(&mut self, event: LinkEvent) {
        if self.queue.is_full() && self.queue.pop_front().is_some() {
            self.missed = self.missed.saturating_add(1);
        }
        let _ = self.queue.push_back(event);
    }

    /// Takes the oldest event. Before it comes the number of those that were dropped.
    pub(crate) fn pop(&mut self) -> Option<LinkEvent> {
        match core::mem::take(&mut self.missed) {
            0 => self.queue.pop_front(),
            missed => Some(LinkEvent::Missed(missed)),
        }
    }
}

#[cfg(not(feature = "events"))]
impl Events {
    pub(crate) const NEW: Self = Self {};

    #[expect(clippy::unused_self, reason = "the queue is there with the feature events")]
    pub(crate) fn push(&self, _event: LinkEvent) {}
}
