//! What an application adds to a node that runs in its process: methods that peers call, and topics (node-embedded has the same
//! for boards, as its trait `Application`).
//!
//! An application [builds](crate::daemon::Builder) a node, as `maelstromd` does, and keeps a [`Handle`] to it:
//!
//! ```no_run
//! use core::time::Duration;
//!
//! use bytes::Bytes;
//! use clap::Parser;
//! use node_std::config::{Config, Environment, Flags};
//! use node_std::daemon::{Builder, Source};
//!
//! /// The number of the method, the same on every node. An application numbers its own from 0x1000 on.
//! const GREET: u16 = 0x1000;
//!
//! # async fn main_() -> Result<(), Box<dyn core::error::Error>> {
//! let source = Source { flags: Flags::parse(), environment: Environment::of_process() };
//! let config = Config::resolve(source.flags.clone(), source.environment.clone())?;
//! let node = Builder::new(config, source)
//!     .method(GREET, "greet", |call| async move {
//!         let name = String::from_utf8_lossy(&call.body).into_owned();
//!         Ok(Bytes::from(format!("hello, {name}")))
//!     })
//!     .start()
//!     .await?;
//! let handle = node.handle();
//! if let Some(kitchen) = handle.find("kitchen") {
//!     let greeting = handle.call(kitchen, GREET, Duration::from_secs(5), Bytes::from("ada")).await?;
//!     println!("{}", String::from_utf8_lossy(&greeting));
//! }
//! node.run().await?;
//! # Ok(())
//! # }
//! ```
//!
//! Bodies are bytes: the application decides on their form. Each has at most [`MAX_BODY`] bytes; a
//! component takes more, by HTTP. Every node of the cluster may call the methods, as nodes have the role hub or leaf.
//!
//! # Topics
//!
//! A node publishes events on topics of its own, to the nodes that subscribed to them there. A node subscribes to a topic of a node
//! by the node's name or id; it goes on to do so while the node lives, comes and goes:
//!
//! ```no_run
//! # use node_std::daemon::Builder;
//! # async fn publish(builder: Builder) -> Result<(), Box<dyn core::error::Error>> {
//! let builder = builder.publishes("temperature").subscribe("kitchen", "temperature", |event| async move {
//!     println!("{} in the kitchen", String::from_utf8_lossy(&event.data));
//! });
//! let node = builder.start().await?;
//! node.handle().publish("temperature", b"21.5")?;
//! # Ok(())
//! # }
//! ```
//!
//! Delivery is best effort. Each subscriber gets an event at most once, in the order in which the node published. It misses what is
//! published before it subscribed, while it has no link, and when more than 32 events wait for it. An event has at most
//! [`MAX_EVENT`](node_core::rpc::MAX_EVENT) bytes, for boards about 900. A topic has at most 256 subscribers. Every node of the
//! cluster may subscribe.
//!
//! A handler runs in a task. It is dropped when its caller gives up, when the time of the call is over, and when the link breaks.
//!
//! # Log
//!
//! Nodes and operators read the log of every node of the cluster. Where the application sets up `tracing` itself, it adds the layer
//! [`log::recorder`](crate::log::recorder), and its own lines are among them. A line with a field `component` concerns that component.

mod handle;
mod parts;
mod subscriptions;
mod topics;

use std::sync::Arc;

use bytes::Bytes;
use node_core::id::NodeId;
use node_core::link::ResetCode;
use node_core::rpc::{Code, MAX_BODY, Method};
use tokio::sync::Semaphore;

use crate::cluster::Cluster;
use crate::link::Accepted;
use crate::rpc::answer;

pub use crate::rpc::{CallError, Failure};
pub use handle::Handle;
pub use parts::{BadPart, Call, Parts};
pub use subscriptions::Event;
pub use topics::PublishError;

use subscriptions::receive;
use topics::Topics;

/// Calls and events that are answered at the same time. Further ones are reset with *full*.
const MAX_CALLS: usize = 1024;

/// The application's part of a node.
#[derive(Debug)]
pub struct Application {
    cluster: Cluster,
    parts: Parts,
    topics: Topics,
    room: Arc<Semaphore>,
}

impl Application {
    /// These parts of a node in this cluster.
    #[must_use]
    pub fn new(cluster: Cluster, parts: Parts) -> Self {
        let topics = Topics::new(&parts.topics);
        Self { cluster, parts, topics, room: Arc::new(Semaphore::new(MAX_CALLS)) }
    }

    /// The node's cluster.
    #[must_use]
    pub const fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// Whether it answers the method with this number.
    #[must_use]
    pub fn answers(&self, method: u16) -> bool {
        match Method::from_number(method) {
            Some(Method::Subscribe | Method::Event) => true,
            Some(_) => false,
            None => self.parts.methods.contains_key(&method),
        }
    }

    /// Answers a call in a task.
    pub fn serve(self: &Arc<Self>, from: NodeId, method: u16, accepted: Accepted) {
        let Ok(permit) = self.room.clone().try_acquire_owned() else {
            return accepted.outbound.reset(ResetCode::Full);
        };
        let this = self.clone();
        tokio::spawn(async move {
            answer(accepted, |body| this.call(method, Call { from, body })).await;
            drop(permit);
        });
    }

    /// Begins to subscribe to topics of other nodes, and goes on until the runtime ends.
    pub fn subscribe(self: &Arc<Self>) {
        for subscription in &self.parts.subscriptions {
            tokio::spawn(subscription.clone().renew(self.cluster.clone()));
        }
    }

    async fn call(self: Arc<Self>, method: u16, call: Call) -> Result<Bytes, Failure> {
        match Method::from_number(method) {
            Some(Method::Subscribe) => return self.topics.subscribe(&self.cluster, &call.body),
            Some(Method::Event) => {
                return receive(&self.parts.subscriptions, &self.cluster, call.body).await;
            }
            _ => {}
        }
        let Some(handler) = self.parts.find(method) else {
            return Err(Failure::new(Code::UnknownMethod, "this node has no such method"));
        };
        let result = handler(call).await?;
        if result.len() > MAX_BODY {
            let message = format!("the result has {} bytes, and an answer at most {MAX_BODY}", result.len());
            return Err(Failure::new(Code::Internal, message));
        }
        Ok(result)
    }
}
