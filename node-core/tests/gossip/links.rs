//! Which links a node takes, replaces and dials first.

use node_core::gossip::{Direction, Kind, LinkEnd, Metadata, Record, State, StaticStorage, Target};
use node_core::id::{LinkId, NodeId};
use node_core::link::GoAway;

use super::fixture::{ME, PEER, at, hub, link_up, try_link, with_neighbour};
use super::hello::signed;

#[test]
fn a_peer_with_this_nodes_own_id_is_refused() {
    with_neighbour(|node| {
        // It says something else than this node in the same incarnation, so it is refuted, too.
        assert_eq!(try_link(node, at(0), 2, ME, &["10.0.0.9:8374"]), Err(GoAway::Duplicate));
        assert_eq!((node.records().count(), node.record().incarnation), (2, 2));
    });
}

#[test]
fn leaves_leave_link_slots_for_hubs() {
    let mut memory = StaticStorage::<16, 4>::new();
    let mut node = hub(&mut memory);
    let mut buffer = [0; 256];
    let metadata = Metadata::new("leaf", Kind::Leaf).encode(&mut buffer).unwrap();
    let mut leaf = |link: u32, id: u8| {
        let record = Record { id: NodeId([id; 16]), incarnation: 1, state: State::Alive, by: None, metadata };
        node.handle_link_up(at(0), LinkId(link), Direction::Accepted, &signed(&record))
    };
    assert_eq!([leaf(1, 10), leaf(2, 11), leaf(3, 12)], [Ok(()), Ok(()), Ok(())]);
    assert_eq!(leaf(4, 13), Err(GoAway::Full));
    assert_eq!(leaf(5, 11), Ok(()), "one that replaces its own link");
}

#[test]
fn a_second_link_for_which_there_is_no_room_does_not_cost_the_first() {
    let mut memory = StaticStorage::<8, 1>::new();
    let mut node = hub(&mut memory);
    link_up(&mut node, at(0), 1, PEER, &[]);
    assert_eq!(try_link(&mut node, at(9_000), 2, PEER, &[]), Err(GoAway::Full));
    assert_eq!((node.poll_close(), node.link_to(PEER)), (None, Some(LinkId(1))));
}

#[test]
fn a_dial_that_crosses_another_is_still_for_gossip() {
    let mut memory = StaticStorage::<8, 4>::new();
    let mut node = hub(&mut memory);
    link_up(&mut node, at(0), 1, PEER, &["10.0.0.2:8374"]);
    assert!(!node.carries_gossip(LinkId(1)), "the peer has not said that it wants that");
    let mut buffer = [0; 256];
    let metadata = Metadata::new("peer", Kind::Hub).encode(&mut buffer).unwrap();
    let record = Record { id: PEER, incarnation: 1, state: State::Alive, by: None, metadata };
    node.handle_link_up(at(1), LinkId(2), Direction::Dialled(Target::Member(PEER)), &signed(&record))
        .unwrap();
    assert!(node.carries_gossip(LinkId(2)));
    assert_eq!(node.poll_close(), Some((LinkId(1), GoAway::Replaced)));
}

#[test]
fn a_link_for_a_request_is_dialled_before_links_to_members_that_were_lost() {
    let mut memory = StaticStorage::<40, 4>::new();
    let mut node = hub(&mut memory);
    for number in 10..40 {
        link_up(&mut node, at(0), number.into(), NodeId([number; 16]), &["10.0.0.2:8374"]);
        node.handle_link_down(at(0), LinkId(number.into()), LinkEnd::Lost);
    }
    let wanted = NodeId([25; 16]);
    link_up(&mut node, at(0), 1, wanted, &["10.0.0.2:8374"]);
    node.handle_link_down(at(0), LinkId(1), LinkEnd::GoAway(GoAway::Pruned));
    node.redial(at(5_000), wanted);
    assert_eq!(node.poll_dial(at(5_000)).map(|dial| dial.target), Some(Target::Member(wanted)));
}
