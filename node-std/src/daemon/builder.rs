//! A node in the process of an application, or of `maelstromd`.

use bytes::Bytes;

use super::error::DaemonError;
use super::reload::Source;
use super::signals::Signals;
use super::startup::Daemon;
use crate::application::{BadPart, Call, Event, Failure, Handle, Parts};
use crate::config::Config;

/// Builds a node: its configuration, and what an [application](crate::application) adds to it.
pub struct Builder {
    config: Config,
    source: Source,
    parts: Parts,
    /// The first mistake in what was added.
    mistake: Option<BadPart>,
}

impl Builder {
    /// A node with the configuration that `source` gave.
    #[must_use]
    pub fn new(config: Config, source: Source) -> Self {
        Self { config, source, parts: Parts::default(), mistake: None }
    }

    /// Adds a method that peers may call. Its number is at least [`FIRST_CUSTOM`](node_core::rpc::FIRST_CUSTOM), and the same on
    /// every node that knows the method; the name is for people. A mistake in either is an error when the node
    /// [starts](Self::start).
    #[must_use]
    pub fn method<F>(
        mut self,
        number: u16,
        name: &'static str,
        handler: impl Fn(Call) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Result<Bytes, Failure>> + Send + 'static,
    {
        let added = self.parts.method(number, name, handler);
        self.note(added)
    }

    /// Adds a topic on which this node [publishes](Handle::publish) events, a name of 1 to 63 of the characters `A-Z a-z 0-9 - _ .`.
    #[must_use]
    pub fn publishes(mut self, topic: &'static str) -> Self {
        let added = self.parts.topic(topic);
        self.note(added)
    }

    /// Subscribes to a topic of the node with this name or id, as long as this node runs. `handler` is called for each event,
    /// and the next one comes when it is done: within 5 s, or it is dropped.
    #[must_use]
    pub fn subscribe<F: Future<Output = ()> + Send + 'static>(
        mut self,
        publisher: &str,
        topic: &'static str,
        handler: impl Fn(Event) -> F + Send + Sync + 'static,
    ) -> Self {
        let added = self.parts.subscription(publisher, topic, handler);
        self.note(added)
    }

    fn note(mut self, added: Result<(), BadPart>) -> Self {
        if let Err(mistake) = added {
            self.mistake.get_or_insert(mistake);
        }
        self
    }

    /// Starts the node, in this tokio runtime. When this returns, its ports are open, and it is a member of its own cluster;
    /// links to others may still be on their way.
    ///
    /// # Errors
    /// [`DaemonError`]: it cannot start.
    pub async fn start(self) -> Result<Node, DaemonError> {
        if let Some(mistake) = self.mistake {
            return Err(mistake.into());
        }
        let drain = self.config.drain;
        let daemon = Daemon::start(self.config, self.source, self.parts).await?;
        Ok(Node { daemon, drain })
    }
}

/// A node that runs. It stops without leaving the cluster when it is dropped and the runtime ends.
pub struct Node {
    pub(super) daemon: Daemon,
    /// How long requests under way may take at the end.
    pub(super) drain: core::time::Duration,
}

impl Node {
    /// The node as its application uses it.
    #[must_use]
    pub fn handle(&self) -> Handle {
        Handle::new(self.daemon.application.clone())
    }

    /// Runs until SIGTERM, SIGINT or an operator stops it, and leaves the cluster.
    ///
    /// # Errors
    /// [`DaemonError`]: a subsystem fails.
    pub async fn run(self) -> Result<(), DaemonError> {
        let signals = Signals::install()?;
        self.run_until(signals).await
    }
}
