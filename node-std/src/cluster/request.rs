//! The requests of the daemon's tasks to the task of the cluster.

use node_core::gossip::NotDown;
use node_core::id::NodeId;
use tokio::sync::{mpsc, oneshot};

use super::events::Events;
use super::view_channel::ViewSender;

/// A request to the task of the cluster.
#[derive(Debug)]
pub(super) enum Request {
    /// Dial this hub again soon: a task waits for a link to it.
    Redial(NodeId),
    /// Tell the cluster that this node leaves it.
    Announce,
    /// End all links.
    Leave,
    /// Take a member that is down out of the cluster.
    Remove(NodeId, oneshot::Sender<Result<(), NotDown>>),
}

/// The ends of a [`Cluster`](super::Cluster)'s channels that its task holds.
#[derive(Debug)]
pub struct TaskChannels {
    pub(super) views: ViewSender,
    pub(super) requests: mpsc::Receiver<Request>,
    pub(super) events: Events,
}
