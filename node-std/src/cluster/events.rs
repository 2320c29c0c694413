//! What happened to members, as this node learned it: a bounded history that can be followed.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use node_core::gossip::State;
use node_core::id::{Name, NodeId};
use tokio::sync::watch;

/// Events that are kept; older ones are forgotten.
const KEPT: usize = 1024;

/// A member's state became another one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Its number; they count up by one from 1 since this daemon started.
    pub number: u64,
    /// When this node learned it, in Unix milliseconds.
    pub at_unix_ms: u64,
    /// The member.
    pub id: NodeId,
    /// Its name.
    pub name: Name,
    /// What it was, `None` for a member that was not known.
    pub before: Option<State>,
    /// What it is.
    pub state: State,
    /// Its incarnation.
    pub incarnation: u64,
    /// Who says so, of a suspect or a member that is down; where an operator removed it, of one that left.
    pub by: Option<NodeId>,
    /// Why, as far as this node knows.
    pub reason: Option<&'static str>,
}

/// The history. Copies are the same history.
#[derive(Clone, Debug)]
pub struct Events {
    kept: Arc<Mutex<VecDeque<Event>>>,
    /// The number of the last one.
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

    /// Those after the one numbered `after` that are still kept, at most `most` of them.
    #[must_use]
    pub fn after(&self, after: u64, most: usize) -> Vec<Event> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.iter().filter(|event| event.number > after).take(most).cloned().collect()
    }

    /// Waits until there is one after the one numbered `after`.
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
