//! The relay path: the nodes that a request came through, as node ids joined by `|`.

use core::fmt;

use crate::id::NodeId;

/// A path stops growing here, in characters, as in Maelstrom. A loop that long is then ended by the
/// exchange's hops and time budget.
pub const MAX_LEN: usize = 1024;

/// The value of a relay path header, possibly empty. It comes from peers and applications: entries that
/// are no node ids are kept and match no node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RelayPath<'a>(pub &'a str);

impl<'a> RelayPath<'a> {
    /// Returns true when the request has been at `node`. When `node` is this node, the request runs in a loop.
    #[must_use]
    pub fn visits(self, node: NodeId) -> bool {
        self.0.split('|').any(|entry| entry.trim().parse() == Ok(node))
    }

    /// The path that `node` passes on.
    #[must_use]
    pub const fn joined(self, node: NodeId) -> Joined<'a> {
        Joined(self.0, node)
    }
}

/// A relay path with one more node, to be displayed; without it when there is no room.
#[derive(Clone, Copy, Debug)]
pub struct Joined<'a>(&'a str, NodeId);

impl fmt::Display for Joined<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(path, node) = self;
        match path.len() {
            0 => write!(f, "{node}"),
            len if len.saturating_add(1 + ID_LEN) > MAX_LEN => f.write_str(path),
            _ => write!(f, "{path}|{node}"),
        }
    }
}

/// A node id in hexadecimal digits.
const ID_LEN: usize = 32;

#[cfg(test)]
mod tests {
    use std::string::{String, ToString};

    use super::*;

    const A: NodeId = NodeId([0xa; 16]);
    const B: NodeId = NodeId([0xb; 16]);

    #[test]
    fn own_id_in_the_path_is_a_loop() {
        let path = RelayPath::default().joined(A).to_string();
        assert_eq!(path, "0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a");
        assert!(RelayPath(&path).visits(A));
        assert!(!RelayPath(&path).visits(B));
        let path = RelayPath(&path).joined(B).to_string();
        assert_eq!(path, "0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a|0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b");
        assert!(RelayPath(&path).visits(A) && RelayPath(&path).visits(B));
    }

    #[test]
    fn foreign_entries_match_no_node() {
        assert!(!RelayPath("").visits(A));
        assert!(!RelayPath("|||node-1|\u{fc}").visits(A));
        assert!(RelayPath("node-1| 0A0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a").visits(A));
    }

    #[test]
    fn the_path_stops_growing() {
        let mut path = String::new();
        for byte in 0..100 {
            path = RelayPath(&path).joined(NodeId([byte; 16])).to_string();
        }
        assert_eq!(path.len(), 31 * 33 - 1);
        assert!(RelayPath(&path).visits(NodeId([30; 16])));
    }
}
