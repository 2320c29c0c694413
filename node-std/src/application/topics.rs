//! The topics that this node publishes, and who subscribed to each.
//!
//! Each subscriber has a queue and a task of its own, so that a slow one delays no other. Its events come in order, each at most
//! once. An event that finds the queue full, or that is not answered, is lost for this subscriber.

use core::time::Duration;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use bytes::{Bytes, BytesMut};
use node_core::gossip::State;
use node_core::id::NodeId;
use node_core::rpc::{Code, Event, LEASE_S, MAX_BODY, MAX_EVENT, Method, Subscribe};
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::cluster::Cluster;
use crate::rpc::{CallError, Failure, Request, encode, request};

/// Subscribers of one topic.
const MAX_SUBSCRIBERS: usize = 256;
/// Events that wait for one subscriber.
const QUEUE: usize = 32;
/// How long one subscriber may take for one event.
const EVENT_TIME: Duration = Duration::from_secs(5);

/// The topics of this node, and their subscribers.
#[derive(Debug, Default)]
pub(super) struct Topics(BTreeMap<String, Mutex<Vec<Subscriber>>>);

#[derive(Debug)]
struct Subscriber {
    node: NodeId,
    until: Instant,
    /// Its task ends when this is dropped.
    events: mpsc::Sender<Bytes>,
}

impl Topics {
    pub(super) fn new(topics: &[&'static str]) -> Self {
        Self(topics.iter().map(|topic| ((*topic).to_owned(), Mutex::default())).collect())
    }

    /// Answers *subscribe*.
    pub(super) fn subscribe(&self, cluster: &Cluster, body: &[u8]) -> Result<Bytes, Failure> {
        let unreadable = |_| Failure::new(Code::BadRequest, "this is no subscription");
        let Subscribe { topic, subscriber } = postcard::from_bytes(body).map_err(unreadable)?;
        let Some(subscribers) = self.0.get(topic) else {
            return Err(Failure::new(Code::Refused, format!("this node publishes no topic {topic:?}")));
        };
        let is_live = cluster
            .view()
            .member(subscriber)
            .is_some_and(|member| matches!(member.state, State::Alive | State::Suspect));
        if !is_live || subscriber == cluster.me() {
            let message = format!("{subscriber} is no live member that events can be sent to");
            return Err(Failure::new(Code::Refused, message));
        }
        let mut subscribers = subscribers.lock().unwrap_or_else(PoisonError::into_inner);
        let until = Instant::now() + Duration::from_secs(LEASE_S.into());
        subscribers.retain(Subscriber::lasts);
        if let Some(known) = subscribers.iter_mut().find(|known| known.node == subscriber) {
            known.until = until;
        } else if subscribers.len() < MAX_SUBSCRIBERS {
            let (events, queue) = mpsc::channel(QUEUE);
            tokio::spawn(deliver(cluster.clone(), subscriber, queue));
            subscribers.push(Subscriber { node: subscriber, until, events });
        } else {
            let message = format!("{topic} has {MAX_SUBSCRIBERS} subscribers already: try again later");
            return Err(Failure::new(Code::Refused, message));
        }
        Ok(encode(&LEASE_S).into())
    }

    /// Sends an event to all subscribers of a topic. Returns for how many it was queued.
    pub(super) fn publish(
        &self,
        publisher: NodeId,
        topic: &str,
        event: &[u8],
    ) -> Result<usize, PublishError> {
        if event.len() > MAX_EVENT {
            return Err(PublishError::TooLong(event.len()));
        }
        let subscribers = self.0.get(topic).ok_or_else(|| PublishError::Unknown(topic.to_owned()))?;
        let mut body = BytesMut::with_capacity(MAX_BODY);
        body.extend_from_slice(&encode(&Event { topic, publisher }));
        body.extend_from_slice(event);
        let body = body.freeze();
        let mut subscribers = subscribers.lock().unwrap_or_else(PoisonError::into_inner);
        subscribers.retain(Subscriber::lasts);
        let queued = subscribers.iter().filter(|subscriber| subscriber.events.try_send(body.clone()).is_ok());
        Ok(queued.count())
    }
}

impl Subscriber {
    fn lasts(&self) -> bool {
        self.until > Instant::now() && !self.events.is_closed()
    }
}

/// Sends one subscriber its events, until its lease ends or it says that it does not subscribe.
async fn deliver(cluster: Cluster, subscriber: NodeId, mut queue: mpsc::Receiver<Bytes>) {
    while let Some(body) = queue.recv().await {
        let event = Request { method: Method::Event.number(), budget: EVENT_TIME, body, limit: MAX_BODY };
        match request(&cluster, subscriber, event).await {
            Ok(_) => {}
            Err(CallError::Answered { code: Code::Refused | Code::UnknownMethod, .. }) => return,
            Err(error) => tracing::debug!(%subscriber, "an event is lost: {error}"),
        }
    }
}

/// Why an event is not published.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PublishError {
    /// The event is too long.
    #[error("an event has at most {MAX_EVENT} bytes, and this one has {0}")]
    TooLong(usize),
    /// The node was not built with this topic.
    #[error("this node does not publish {0:?}: say so when it is built")]
    Unknown(String),
}
