//! The board that a keyring is for, and its identity.

use node_core::crypto::{PublicKey, Software};
use node_core::id::NodeId;
use node_core::identity::node_id;

use super::error::PushError;
use crate::api::NodeStatus;

/// Fewest digits by which a node can be found. Tables show so many.
const BRIEF: usize = 8;

/// A board.
pub struct Board {
    /// Its id.
    pub id: NodeId,
    /// The key whose hash the id is.
    pub identity: PublicKey,
}

/// The board that `given` names, a leaf or a hub, by name, by id, or by the first digits of its id. The key is checked against the id, so a whole
/// id is sure to mean the right board. A name is only what the node that is asked says.
pub fn find(nodes: &[NodeStatus], given: &str) -> Result<Board, PushError> {
    let node = sole(nodes, given)?;
    // A hub is most often a server, for which a board's private keys must not be sealed. Its whole id says that a board is meant.
    if node.kind != "leaf" && given.parse::<NodeId>().is_err() {
        return Err(PushError::NoBoard { node: given.to_owned(), kind: node.kind.clone() });
    }
    let none = || PushError::NoIdentity { node: given.to_owned() };
    let identity = node.identity().ok_or_else(none)?;
    let id = node_id(identity, &Software);
    if node.node_id.parse() != Ok(id) {
        return Err(PushError::OtherIdentity { node: given.to_owned(), id: node.node_id.clone(), of: id });
    }
    Ok(Board { id, identity })
}

/// The one member that is meant. A name that several members have, of which more than one has not left, means none.
fn sole<'n>(nodes: &'n [NodeStatus], given: &str) -> Result<&'n NodeStatus, PushError> {
    let id = given.parse::<NodeId>();
    if let Some(node) = nodes.iter().find(|node| id.is_ok() && node.node_id.parse() == id) {
        return Ok(node);
    }
    let named: Vec<&NodeStatus> =
        nodes.iter().filter(|node| node.name == given && node.state != "left").collect();
    let brief = |node: &&NodeStatus| given.len() >= BRIEF && node.node_id.starts_with(given);
    let found = if named.is_empty() { nodes.iter().filter(brief).collect() } else { named };
    match &found[..] {
        [node] => Ok(node),
        [] => Err(PushError::NoNode { node: given.to_owned() }),
        several => {
            let ids: Vec<String> =
                several.iter().map(|node| format!("{} ({})", node.node_id, node.state)).collect();
            Err(PushError::SeveralNodes { node: given.to_owned(), ids: ids.join(", ") })
        }
    }
}
