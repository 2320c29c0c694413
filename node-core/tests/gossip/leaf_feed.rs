//! The records that a hub sends a leaf.

use node_core::gossip::{Direction, Kind, LinkEnd, Metadata, Node, Record, State, Target};
use node_core::id::{LinkId, NodeId};
use node_core::link::{Full, GoAway, Outbox};

use super::fixture::{GRAFT, ME, OTHER, PEER, at, hear, link_up, neighbor, with_neighbour};
use super::hello::signed;

/// The messages of a hub to a leaf.
struct Said {
    bytes: Vec<u8>,
    room: usize,
}

impl Said {
    fn to_leaf(node: &mut Node<'_>, room: usize) -> Self {
        let mut said = Self { bytes: Vec::new(), room };
        node.poll_gossip(at(1), LinkId(LEAF), &mut said);
        said
    }

    fn names(&self, id: NodeId) -> bool {
        self.bytes.windows(id.0.len()).any(|window| window == id.0)
    }
}

impl Outbox for Said {
    fn put(&mut self, parts: &[&[u8]]) -> Result<(), Full> {
        self.room = self.room.checked_sub(1).ok_or(Full)?;
        self.bytes.extend(parts.concat());
        Ok(())
    }

    fn room(&self) -> usize {
        self.room
    }
}

const LEAF: u32 = 9;

/// Runs `test` with a hub that has sent a leaf its record, and has a link to a peer that is no neighbour yet.
fn with_leaf(test: impl FnOnce(&mut Node<'_>)) {
    with_neighbour(|node| {
        let mut buffer = [0; 256];
        let metadata = Metadata::new("leaf", Kind::Leaf).encode(&mut buffer).unwrap();
        let leaf = Record { id: NodeId([9; 16]), incarnation: 1, state: State::Alive, by: None, metadata };
        node.handle_link_up(at(0), LinkId(LEAF), Direction::Accepted, &signed(&leaf)).unwrap();
        let said = Said::to_leaf(node, 9);
        assert!(said.names(ME) && !said.names(PEER));
        test(node);
    });
}

#[test]
fn a_leaf_is_sent_departed_hubs_that_it_may_know() {
    with_leaf(|node| {
        neighbor(node, at(1), 1, GRAFT);
        assert!(Said::to_leaf(node, 9).names(PEER));
        let mut buffer = [0; 256];
        let metadata = Metadata::new("far", Kind::Hub).encode(&mut buffer).unwrap();
        for state in [State::Alive, State::Left] {
            hear(node, at(1), &Record { id: OTHER, incarnation: 1, state, by: None, metadata });
            assert!(Said::to_leaf(node, 9).bytes.is_empty(), "a far hub that is {state} does not concern it");
        }
        node.handle_link_down(at(1), LinkId(1), LinkEnd::GoAway(GoAway::Leaving));
        assert!(Said::to_leaf(node, 9).names(PEER));
    });
}

#[test]
fn a_leaf_is_sent_each_neighbour_however_it_became_one() {
    with_leaf(|node| {
        let mut buffer = [0; 256];
        let metadata = Metadata::new("other", Kind::Hub).encode(&mut buffer).unwrap();
        let other = Record { id: OTHER, incarnation: 1, state: State::Alive, by: None, metadata };
        hear(node, at(1), &other);
        assert!(Said::to_leaf(node, 9).bytes.is_empty());
        let dialled = Direction::Dialled(Target::Member(OTHER));
        node.handle_link_up(at(1), LinkId(2), dialled, &signed(&other)).unwrap();
        let said = Said::to_leaf(node, 9);
        assert!(said.names(OTHER) && !said.names(PEER));
        // The hub has too few neighbours, and grafts a link that it has.
        assert_eq!(node.poll_dial(at(1)), None);
        assert!(Said::to_leaf(node, 9).names(PEER));
    });
}

#[test]
fn a_leaf_whose_link_was_full_is_sent_all_neighbours() {
    with_leaf(|node| {
        link_up(node, at(1), 2, OTHER, &["10.0.0.3:8374"]);
        for link in [1, 2] {
            neighbor(node, at(1), link, GRAFT);
            Said::to_leaf(node, 0);
        }
        let said = Said::to_leaf(node, 9);
        assert!(said.names(PEER) && said.names(OTHER));
    });
}
