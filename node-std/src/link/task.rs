//! The task of one link, from the open carrier to the end.

use core::time::Duration;
use std::sync::Arc;

use node_core::gossip::Direction;
use node_core::id::LinkId;
use node_core::link::{Config, Link};
use tokio::sync::{mpsc, watch};

use super::carrier::Carrier;
use super::driver::Driver;
use super::event::{LinkEvent, Origin};
use super::local::{Greeting, Local};
use super::places::Places;
use super::server::Server;
use super::shared::Shared;
use super::slots::GrowingSlots;
use super::state::State;
use crate::clock::Clock;

/// How long a peer may take to name its protocol, and then to send its hello and its proof.
pub const HELLO_TIMEOUT: Duration = Duration::from_secs(5);

/// The parameters of a link's task.
pub struct LinkTask<'a> {
    /// The link's number here.
    pub id: LinkId,
    /// How it came about.
    pub origin: Origin,
    /// This node.
    pub local: &'a Local,
    /// The changing part of this node's introduction.
    pub greeting: watch::Receiver<Greeting>,
    /// Answers the peer.
    pub server: Arc<dyn Server>,
    /// Takes the events of the link.
    pub events: mpsc::Sender<LinkEvent>,
    /// The time of the daemon.
    pub clock: Clock,
}

impl LinkTask<'_> {
    /// Runs the link on `carrier` until it is over.
    pub async fn run(self, mut carrier: impl Carrier) {
        let Self { id, origin, local, greeting, server, events, clock } = self;
        let config = Config {
            identity: local.clone(),
            limits: local.limits,
            hello_timeout: HELLO_TIMEOUT,
            ping_after: Duration::from_secs(5),
            ping_timeout: Duration::from_secs(5),
        };
        let slots = || GrowingSlots::new(usize::from(local.limits.exchanges));
        let link = Link::new(config, slots(), slots(), clock.now());
        let places = Arc::new(Places::new());
        let shared = Arc::new(Shared::new(State::new(link, Arc::clone(&places)), places, clock));
        let channel = origin.channel;
        let dialled_plaintext = channel.certificates.is_none() && origin.direction != Direction::Accepted;
        // The receiver is dropped when the daemon stops.
        let _ = events.send(LinkEvent::Started(id, origin)).await;
        let mut driver = Driver::new(id, shared, local, greeting, server, events);
        let result = driver.run(&mut carrier, channel).await;
        Box::pin(driver.finish(result, dialled_plaintext)).await;
    }
}
