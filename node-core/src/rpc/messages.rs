//! Bodies of the built-in methods.

use serde::{Deserialize, Serialize};

use crate::id::NodeId;
use crate::keys::SlotInfo;
use crate::wire::State;

/// The state of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status<'b> {
    /// Its name.
    pub name: &'b str,
    /// Version of its software.
    pub version: &'b str,
    /// Milliseconds since it started.
    pub uptime_ms: u64,
    /// Links that are up.
    pub links: u32,
    /// Members in its table, itself included.
    pub members: u32,
    /// Most bytes of stack used so far, where that is measured.
    pub stack_high_water: Option<u32>,
}

/// What a board counts (R-063b). Each count stops at its highest number.
// The names are those of JSON; on a link the fields have none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Counters {
    /// Starts of the board in its life, this one included.
    pub starts: u32,
    /// TLS handshakes that gave a session, since the start.
    pub handshakes: u32,
    /// TLS handshakes that failed, since the start: of dials, and of peers that dialled. A peer that said nothing began none.
    pub handshakes_failed: u32,
    /// Dials that led to no link, those of failed handshakes included, since the start.
    pub dials_failed: u32,
    /// Links that came up, since the start.
    pub links_up: u32,
    /// Links that ended after they were up, since the start.
    pub links_down: u32,
    /// How often a link came up after all links were down, since the start. The first link does not count.
    pub reconnects: u32,
    /// Requests to its components and its own methods that it answered, whatever the answer, since the start.
    pub requests: u32,
    /// Those that ended without a whole answer, since the start.
    pub requests_failed: u32,
    /// Pages of the node's flash that were erased in the life of the board. A loss of power may hide the last one.
    pub pages_erased: u32,
    /// Pages of the node's flash, among which the erases are spread evenly.
    pub pages: u32,
    /// Bytes of stack in all, where that is known.
    pub stack_size: Option<u32>,
}

/// A member, in brief.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberItem<'b> {
    /// The member.
    pub id: NodeId,
    /// Its name.
    pub name: &'b str,
    /// The state that the node believes it to be in.
    pub state: State,
    /// True when there is a link to it.
    pub linked: bool,
}

/// A slot of a keyring.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeySlot {
    /// Its public part.
    pub info: SlotInfo,
    /// True when it is the one that signs.
    pub active: bool,
}

/// A subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subscribe<'b> {
    /// The topic, a name.
    pub topic: &'b str,
    /// The node that gets the events.
    pub subscriber: NodeId,
}

/// The head of an event. The bytes of the event follow until the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event<'b> {
    /// The topic.
    pub topic: &'b str,
    /// The node that publishes it.
    pub publisher: NodeId,
}
