//! Puts the task of the cluster together and starts it.

use core::sync::atomic::AtomicU32;
use std::sync::Arc;

use node_core::gossip::{Birth, Config, Kind, Node, PublishError, Start, State};
use tokio::sync::{mpsc, watch};

use super::dial_ranges::DialRanges;
use super::dialer::Dialer;
use super::driver::{Driver, Reports};
use super::local::{Keys, LocalMetadata, LocalRecord};
use super::request::TaskChannels;
use super::security::Security;
use super::state_store::StateStore;
use super::tables::Tables;
use crate::access::Access;
use crate::clock::{Clock, unix_millis};
use crate::config::HostPort;
use crate::data_dir::DataDir;
use crate::link::{Greeting, LinkEvent, Local, Server};

/// Link events that wait for the task before links wait.
const MAX_EVENTS: usize = 1024;

/// The parameters of a [`Task`].
pub struct Setup {
    /// Its ends of the cluster's channels.
    pub channels: TaskChannels,
    /// This node on all its links.
    pub local: Local,
    /// This node's metadata.
    pub metadata: LocalMetadata,
    /// How links are secured.
    pub security: Security,
    /// Decides on the roles of peers.
    pub access: Arc<Access>,
    /// Which addresses may be dialled.
    pub dial_ranges: DialRanges,
    /// Answers peers.
    pub server: Arc<dyn Server>,
    /// The most links at once.
    pub max_links: usize,
    /// Stores state for the next start.
    pub data_dir: DataDir,
    /// The time of the daemon.
    pub clock: Clock,
}

/// Runs the node in the cluster.
pub struct Task {
    channels: TaskChannels,
    events: mpsc::Receiver<LinkEvent>,
    greeting: watch::Sender<Greeting>,
    dialer: Dialer,
    max_links: usize,
    metadata: LocalMetadata,
    data_dir: DataDir,
}

impl Task {
    /// Puts the task together. Nothing runs before [`run`](Self::run). The [`Dialer`] takes accepted carriers.
    #[must_use]
    pub fn new(setup: Setup) -> (Self, Dialer) {
        let Setup {
            channels,
            local,
            metadata,
            security,
            access,
            dial_ranges,
            server,
            max_links,
            data_dir,
            clock,
        } = setup;
        let (event_sender, events) = mpsc::channel(MAX_EVENTS);
        let (incarnation, metadata_so_far) = (data_dir.incarnation(), Vec::new());
        let greeting = Greeting { incarnation, state: State::Alive, metadata: metadata_so_far };
        let (greeting, greetings) = watch::channel(greeting);
        let dialer = Dialer {
            security,
            access,
            local: Arc::new(local),
            server,
            clock,
            ranges: Arc::new(dial_ranges),
            events: event_sender,
            greeting: greetings,
            next: Arc::new(AtomicU32::new(1)),
        };
        (Self { channels, events, greeting, dialer: dialer.clone(), max_links, metadata, data_dir }, dialer)
    }

    /// Joins through `seeds` and runs until a [leave](super::Cluster::leave) is done.
    ///
    /// # Errors
    /// [`PublishError`]: this node's name, addresses and components together are too long.
    pub async fn run(self, seeds: &[HostPort]) -> Result<(), PublishError> {
        let mut tables = Tables::new(self.max_links);
        let local = Arc::clone(&self.dialer.local);
        let config = Config::new(local.id(), Kind::Hub);
        let keys = Keys::of(&self.dialer.security);
        let metadata = self.metadata.with_keys(&keys)?;
        let incarnation = self.data_dir.incarnation();
        let start = Start { at: unix_millis(), random: fastrand::u32(..) };
        let birth = Birth { incarnation, start, metadata: &metadata, seed: fastrand::u64(..) };
        let now = self.dialer.clock.now();
        let mut node = Node::new(now, config, local.identity(), birth, tables.lend())?;
        for seed in seeds {
            if node.add_seed(now, &seed.to_string()).is_err() {
                tracing::warn!(%seed, "too many join addresses: this one is not used");
            }
        }
        let stored = self.data_dir.hubs().iter().filter(|hub| !seeds.contains(hub));
        for hub in stored.clone() {
            // Stored hubs only use the room that the join addresses leave.
            let _ = node.add_seed(now, hub.as_str());
        }
        let joins = !seeds.is_empty() || stored.count() > 0;
        let store = StateStore::new(self.data_dir);
        let local = LocalRecord::new(self.metadata.clone(), self.greeting);
        let TaskChannels { views, requests, events } = self.channels;
        let driver = Driver::new(node, self.dialer, local, store, Reports { views, events }, joins);
        driver.run(self.events, requests).await;
        Ok(())
    }
}
