//! The state changes of members, as this node learned them: a bounded history that can be followed.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use node_core::gossip::State;
use node_core::id::{Name, NodeId};
use tokio::sync::watch;

/// Events that are kept. Older ones are forgotten.
const KEPT: usize = 1024;

/// A member's state became another one, or another process runs with its identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Its number. The first event since the daemon started has number 1, each next one is higher by one.
    pub number: u64,
    /// When this node learned it, in Unix milliseconds.
    pub at_unix_ms: u64,
    /// The member.
    pub id: NodeId,
    /// Its name.
    pub name: Name,
    /// Its state before, `None` for a member that was not known.
    pub before: Option<State>,
    /// Its state now.
    pub state: State,
    /// Its incarnation.
    pub incarnation: u64,
    /// For a suspect or a member that is down: the node that reported it. For a member that left: the node at which an
    /// operator removed it.
    pub by: Option<NodeId>,
    /// Why, as far as this node knows.
    pub reason: Option<Cow<'static, str>>,
}

/// The history. Clones share it.
#[derive(Clone, Debug)]
pub struct Events {
    kept: Arc<Mutex<VecDeque<Event>>>,
    /// The number of the last event.
    last: watch::Sender<u64>,
}

impl Events {
    pub(super) fn new() -> Self {
        Self { kept: Arc::default(), last: watch::channel(0).0 }
    }

    /// Adds an event and gives it its number.
    pub(super) fn push(&self, event: Event) {
        self.last.send_modify(|last| {
            *last += 1;
            let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
            if kept.len() == KEPT {
                kept.pop_front();
            }
            kept.push_back(Event { number: *last, ..event });
        });
    }

    /// The events after number `after` that are still kept, at most `max` of them.
    #[must_use]
    pub fn after(&self, after: u64, max: usize) -> Vec<Event> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.iter().filter(|event| event.number > after).take(max).cloned().collect()
    }

    /// Waits for an event after number `after`.
    pub async fn wait(&self, after: u64) {
        // The sender lives as long as this history.
        let _ = self.last.subscribe().wait_for(|last| *last > after).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(incarnation: u64) -> Event {
        Event {
            number: 0,
            at_unix_ms: 0,
            id: NodeId([1; 16]),
            name: Name::new("n").unwrap(),
            before: None,
            state: State::Alive,
            incarnation,
            by: None,
            reason: None,
        }
    }

    #[tokio::test]
    async fn events_are_numbered_followed_and_forgotten_in_order() {
        let events = Events::new();
        let follower = events.clone();
        let waiting = tokio::spawn(async move { follower.wait(0).await });
        events.push(event(7));
        waiting.await.unwrap();
        assert_eq!(events.after(0, 10).iter().map(|event| event.number).collect::<Vec<_>>(), [1]);
        for incarnation in 0..2000 {
            events.push(event(incarnation));
        }
        let kept = events.after(0, 5000);
        assert_eq!((kept.len(), kept[0].number, kept[KEPT - 1].number), (KEPT, 2001 - 1023, 2001));
        assert_eq!(events.after(1999, 1).iter().map(|event| event.number).collect::<Vec<_>>(), [2000]);
    }
}
