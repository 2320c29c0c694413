//! The cluster for operators: events, links, leaving, removing.

use core::time::Duration;

use node_core::gossip::State;
use serde::{Deserialize, Serialize};

use super::error::RpcError;
use super::keyring::sha256;
use super::node;
use super::service::Api;
use crate::clock::unix_millis;
use crate::cluster::{Event, LinkInfo, Member};

/// Most events in one answer.
const MOST: usize = 256;
/// Longest wait for an event.
const MAX_WAIT: Duration = Duration::from_secs(60);

impl<R> Api<R> {
    pub(super) async fn list_events(&self, ListEvents { after, wait_ms }: ListEvents) -> EventList {
        let events = self.cluster.events();
        let wait = Duration::from_millis(wait_ms).min(MAX_WAIT);
        // The list is empty if no event comes in time or the node drains.
        let event = self.about.drain.run_until_cancelled(events.wait(after));
        let _ = tokio::time::timeout(wait, event).await;
        let events: Vec<NodeEvent> = events.after(after, MOST).iter().map(NodeEvent::new).collect();
        let last = events.last().map_or(after, |event| event.number);
        EventList { responding_node_id: self.cluster.me().to_string(), last, events }
    }

    pub(super) fn list_links(&self) -> LinkList {
        let view = self.cluster.view();
        let links = view.link_list.iter().map(|link| Link::new(link, view.member(link.peer))).collect();
        LinkList { responding_node_id: self.cluster.me().to_string(), observed_at: unix_millis(), links }
    }

    pub(super) async fn remove_node(&self, Removal { node }: Removal) -> Result<RemoveAnswer, RpcError> {
        let view = self.cluster.view();
        let Member { id, state, .. } = *node::find_down(view.members(), &node)?;
        if state == State::Left {
            return Err(RpcError::Invalid(format!("{node} has left the cluster already")));
        }
        let removed = self.cluster.remove(id).await;
        removed.map_err(|error| {
            RpcError::Invalid(format!(
                "{node}: {error}; a node that runs leaves with `maelctl cluster leave`"
            ))
        })?;
        Ok(RemoveAnswer { node_id: id.to_string() })
    }

    pub(super) fn leave(&self) -> LeaveAnswer {
        self.about.stop.cancel();
        LeaveAnswer { node_id: self.cluster.me().to_string() }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ListEvents {
    #[serde(default)]
    after: u64,
    #[serde(default)]
    wait_ms: u64,
}

#[derive(Deserialize)]
pub(super) struct Removal {
    node: String,
}

/// Result of `MaelNode.ListEvents`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EventList {
    /// The id of the node that answers.
    pub responding_node_id: String,
    /// The number of the last event listed. The next request asks for events after it.
    pub last: u64,
    /// The events, the oldest first.
    pub events: Vec<NodeEvent>,
}

/// A change of a member's state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NodeEvent {
    /// Its number. The first event after the start of the daemon has number 1.
    pub number: u64,
    /// When the node that answers learned it, in Unix milliseconds.
    pub at: u64,
    /// The member's id.
    pub node_id: String,
    /// Its name.
    pub name: String,
    /// The earlier state: `alive`, `suspect`, `down` or `left`, none for a member that was not known.
    pub before: Option<String>,
    /// The new state.
    pub state: String,
    /// Its incarnation.
    pub incarnation: u64,
    /// The id of the node that suspected it, declared it down, or removed it for an operator.
    pub by: Option<String>,
    /// The reason, as far as the node that answers knows it.
    pub reason: Option<String>,
}

impl NodeEvent {
    fn new(event: &Event) -> Self {
        Self {
            number: event.number,
            at: event.at_unix_ms,
            node_id: event.id.to_string(),
            name: event.name.to_string(),
            before: event.before.map(|state| state.to_string()),
            state: event.state.to_string(),
            incarnation: event.incarnation,
            by: event.by.map(|by| by.to_string()),
            reason: event.reason.as_deref().map(str::to_owned),
        }
    }
}

/// Result of `MaelNode.ListLinks`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LinkList {
    /// The id of the node that answers.
    pub responding_node_id: String,
    /// When the answer was written, in Unix milliseconds. An older node does not say, and the time of reading stands in.
    #[serde(default = "unix_millis")]
    pub observed_at: u64,
    /// The links that are up.
    pub links: Vec<Link>,
}

/// A link.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Link {
    /// The id of the member at the other end.
    pub node_id: String,
    /// Its name, if the node that answers knows it.
    pub name: Option<String>,
    /// `hub` or `leaf`, if the node that answers knows it.
    pub kind: Option<String>,
    /// The address at the other end.
    pub address: String,
    /// Whether the node that answers dialled.
    pub dialled: bool,
    /// Whether it carries gossip, and not only requests.
    pub gossip: bool,
    /// When it came up, in Unix milliseconds.
    pub since: u64,
    /// Round-trip time, in microseconds.
    pub rtt_micros: Option<u64>,
    /// SHA-256 of the certificate that the peer showed, none in plaintext.
    pub peer_key: Option<String>,
    /// The version of TLS, none in plaintext.
    #[serde(default)]
    pub tls_version: Option<String>,
    /// The cipher suite.
    #[serde(default)]
    pub tls_suite: Option<String>,
    /// The group of the key exchange.
    #[serde(default)]
    pub tls_group: Option<String>,
    /// The name that the peer's certificate gives its holder: e-mail, DNS name, URI or common name.
    #[serde(default)]
    pub peer_user: Option<String>,
    /// When the peer's certificate ends, in Unix milliseconds.
    #[serde(default)]
    pub peer_not_after: Option<u64>,
}

impl Link {
    fn new(link: &LinkInfo, peer: Option<&Member>) -> Self {
        let session = link.session.as_ref();
        Self {
            node_id: link.peer.to_string(),
            name: peer.map(|peer| peer.name.to_string()),
            kind: peer.map(|peer| peer.kind.to_string()),
            address: link.address.clone(),
            dialled: link.dialled,
            gossip: link.gossip,
            since: link.since_unix_ms,
            rtt_micros: link.rtt.micros(),
            peer_key: link.peer_key.map(|key| sha256(&key.0)),
            tls_version: session.map(|session| session.version.to_owned()),
            tls_suite: session.map(|session| session.suite.to_owned()),
            tls_group: session.map(|session| session.group.to_owned()),
            peer_user: session.and_then(|session| session.user.clone()),
            peer_not_after: session
                .and_then(|session| session.expires)
                .map(|expires| expires.0.saturating_mul(1000)),
        }
    }
}

/// Result of `MaelNode.RemoveNode`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RemoveAnswer {
    /// The id of the node that was removed.
    pub node_id: String,
}

/// Result of `MaelNode.Leave`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LeaveAnswer {
    /// The id of the node that leaves and stops.
    pub node_id: String,
}
