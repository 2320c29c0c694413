//! The topics of other nodes that this node subscribed to.

use core::fmt;
use core::pin::Pin;
use core::time::Duration;
use std::sync::Arc;

use bytes::Bytes;
use node_core::gossip::State;
use node_core::id::NodeId;
use node_core::rpc::{self, Code, MAX_BODY, Method, Subscribe};

use crate::cluster::Cluster;
use crate::rpc::{CallError, Failure, Request, encode, request};

/// How long a publisher may take to answer.
const BUDGET: Duration = Duration::from_secs(5);
/// How long until a publisher that is not there, or that refuses, is asked again.
const RETRY: Duration = Duration::from_secs(2);

/// An event of a topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The topic.
    pub topic: String,
    /// The node that published it, as the node says over whose link it came.
    pub publisher: NodeId,
    /// The event, as it was published.
    pub data: Bytes,
}

type Handler = Arc<dyn Fn(Event) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync>;

/// A topic of another node.
#[derive(Clone)]
pub(super) struct Subscription {
    /// A name or an id.
    publisher: String,
    topic: &'static str,
    handler: Handler,
}

impl Subscription {
    pub(super) fn new<F: Future<Output = ()> + Send + 'static>(
        publisher: &str,
        topic: &'static str,
        handler: impl Fn(Event) -> F + Send + Sync + 'static,
    ) -> Self {
        let handler: Handler = Arc::new(move |event| Box::pin(handler(event)));
        Self { publisher: publisher.to_owned(), topic, handler }
    }

    /// The live members that are meant: one, or several of one name.
    fn publishers(&self, cluster: &Cluster) -> Vec<NodeId> {
        let view = cluster.view();
        let id = self.publisher.parse().ok();
        let meant = view.members().iter().filter(|member| {
            matches!(member.state, State::Alive | State::Suspect)
                && (member.name.as_str() == self.publisher || Some(member.id) == id)
        });
        meant.map(|member| member.id).collect()
    }

    /// Subscribes at the publishers, again and again before the leases end.
    pub(super) async fn renew(self, cluster: Cluster) {
        loop {
            let mut wait = Duration::from_secs(u64::from(rpc::LEASE_S) / 3);
            let publishers = self.publishers(&cluster);
            if publishers.is_empty() {
                wait = RETRY;
            }
            for publisher in publishers {
                if let Err(error) = self.subscribe(&cluster, publisher).await {
                    tracing::debug!(%publisher, topic = self.topic, "not subscribed: {error}");
                    wait = RETRY;
                }
            }
            tokio::time::sleep(wait).await;
        }
    }

    async fn subscribe(&self, cluster: &Cluster, publisher: NodeId) -> Result<(), CallError> {
        let body = encode(&Subscribe { topic: self.topic, subscriber: cluster.me() }).into();
        let method = Method::Subscribe.number();
        request(cluster, publisher, Request { method, budget: BUDGET, body, limit: MAX_BODY }).await?;
        Ok(())
    }
}

impl fmt::Debug for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}", self.topic, self.publisher)
    }
}

/// Answers *event*: hands it to those that subscribed to it.
pub(super) async fn receive(
    subscriptions: &[Subscription],
    cluster: &Cluster,
    body: Bytes,
) -> Result<Bytes, Failure> {
    let unreadable = |_| Failure::new(Code::BadRequest, "this is no event");
    let (head, data) = postcard::take_from_bytes::<rpc::Event<'_>>(&body).map_err(unreadable)?;
    let meant = subscriptions.iter().filter(|subscription| {
        subscription.topic == head.topic && subscription.publishers(cluster).contains(&head.publisher)
    });
    let event = Event { topic: head.topic.to_owned(), publisher: head.publisher, data: body.slice_ref(data) };
    let mut taken = false;
    for subscription in meant {
        taken = true;
        (subscription.handler)(event.clone()).await;
    }
    match taken {
        true => Ok(Bytes::new()),
        false => Err(Failure::new(Code::Refused, "this node does not subscribe to that")),
    }
}
