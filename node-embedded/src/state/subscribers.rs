//! The nodes that subscribed to topics of this board.

use node_core::id::{Name, NodeId};
use node_core::rpc::LEASE_S;
use node_core::time::{Duration, Instant};

use crate::sizes::SUBSCRIBERS;

/// Subscribers of all topics, each in a place of its own.
pub(crate) struct Subscribers([Option<Subscriber>; SUBSCRIBERS]);

struct Subscriber {
    node: NodeId,
    topic: Name,
    until: Instant,
}

impl Subscribers {
    pub(crate) const NONE: Self = Self([const { None }; SUBSCRIBERS]);

    /// Takes a node for one lease more. False when there is no room.
    pub(crate) fn renew(&mut self, now: Instant, node: NodeId, topic: &str) -> bool {
        let Ok(name) = Name::new(topic) else { return false };
        let known = |place: &Option<Subscriber>| place.as_ref().is_some_and(|known| known.is(node, topic));
        let free = |place: &Option<Subscriber>| place.as_ref().is_none_or(|other| other.until <= now);
        let place = self.0.iter().position(known).or_else(|| self.0.iter().position(free));
        let Some(place) = place.and_then(|place| self.0.get_mut(place)) else { return false };
        *place = Some(Subscriber { node, topic: name, until: now + Duration::from_secs(u64::from(LEASE_S)) });
        true
    }

    /// The node in this place, if it subscribed to the topic.
    pub(crate) fn at(&self, place: usize, now: Instant, topic: &str) -> Option<NodeId> {
        let subscriber = self.0.get(place)?.as_ref()?;
        (subscriber.until > now && subscriber.topic.as_str() == topic).then_some(subscriber.node)
    }

    /// Forgets a subscriber.
    pub(crate) fn end(&mut self, node: NodeId, topic: &str) {
        for place in &mut self.0 {
            if place.as_ref().is_some_and(|known| known.is(node, topic)) {
                *place = None;
            }
        }
    }
}

impl Subscriber {
    fn is(&self, node: NodeId, topic: &str) -> bool {
        self.node == node && self.topic.as_str() == topic
    }
}
