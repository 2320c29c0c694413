//! Finds live members that have the same name.

use std::collections::HashMap;

use node_core::gossip::{Member, Node};
use node_core::id::{Name, NodeId};

/// For each name, the first live member that had it.
#[derive(Default)]
pub(super) struct Names(HashMap<Name, NodeId>);

impl Names {
    /// Another live member with the name of `id`, which joined or came back. This is one look-up, so that a flood of new
    /// members costs no search each. Of several members with the name only the first is known. When it is gone, the name
    /// belongs to the new member.
    pub(super) fn duplicate(&mut self, node: &Node<'_>, id: NodeId, name: &Name) -> Option<NodeId> {
        let has_it =
            |other: &Member<'_>| other.record.state.is_live() && other.metadata.name == name.as_str();
        let first = self.0.get(name).copied();
        let first = first.filter(|first| *first != id && node.member(*first).as_ref().is_some_and(has_it));
        if first.is_none() {
            self.0.insert(name.clone(), id);
        }
        first
    }

    /// Forgets the members that `node` forgot.
    pub(super) fn retain_members(&mut self, node: &Node<'_>) {
        self.0.retain(|_, id| node.member(*id).is_some());
    }
}
