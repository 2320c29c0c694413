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
