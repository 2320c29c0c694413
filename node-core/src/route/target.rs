//! Which members may answer a request, and the ways to them.

use crate::id::NodeId;
use crate::wire::{Kind, State};

/// A member that offers the wanted component.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Candidate<'a> {
    /// The member.
    pub id: NodeId,
    /// Hub or leaf.
    pub kind: Kind,
    /// The state that this node believes it to be in; only an alive or suspect member is chosen.
    pub state: State,
    /// For a leaf: the hubs that it is linked to.
    pub hubs: &'a [NodeId],
}

/// The next step of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route {
    /// This node answers.
    Local,
    /// Over the link to this member, which answers.
    Linked(NodeId),
    /// Over the link to a hub, which passes it on to its leaf.
    Relayed {
        /// The linked hub.
        via: NodeId,
        /// The leaf that answers.
        to: NodeId,
    },
}
