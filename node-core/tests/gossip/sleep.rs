//! Leaves that sleep are not suspected before they should wake.

use node_core::gossip::{Direction, Kind, LinkEnd, Metadata, Record, State};
use node_core::id::LinkId;
use node_core::link::GoAway;

use super::fixture::{ME, OTHER, PEER, at, hear, pass_idle, state, with_neighbour};
use super::hello::signed;

#[test]
fn a_suspect_that_says_it_sleeps_is_alive_until_it_should_wake() {
    with_neighbour(|node| {
        let mut metadata = Metadata::new("leaf", Kind::Leaf);
        metadata.hubs.extend([PEER]);
        let mut buffer = [0; 256];
        let awake = metadata.encode(&mut buffer).unwrap().to_vec();
        metadata.sleep_s = 600;
        let asleep = metadata.encode(&mut buffer).unwrap();
        let record = Record { id: OTHER, incarnation: 1, state: State::Alive, by: None, metadata: &awake };
        hear(node, at(1), &record);
        hear(node, at(2), &Record { state: State::Suspect, by: Some(PEER), ..record });
        hear(node, at(3), &Record { incarnation: 2, metadata: asleep, ..record });
        assert!(node.member(OTHER).unwrap().asleep);
        pass_idle(node, at(610_000));
        assert_eq!(state(node, OTHER), Some(State::Alive));
        pass_idle(node, at(626_000));
        assert_eq!(state(node, OTHER), Some(State::Suspect));
        assert!(!node.member(OTHER).unwrap().asleep, "it should be awake");
    });
}

#[test]
fn a_leaf_that_sleeps_is_not_suspected_until_it_should_wake() {
    with_neighbour(|node| {
        let mut metadata = Metadata::new("leaf", Kind::Leaf);
        metadata.sleep_s = 600;
        metadata.hubs.extend([ME]);
        let mut buffer = [0; 256];
        let metadata = metadata.encode(&mut buffer).unwrap();
        let record = Record { id: OTHER, incarnation: 1, state: State::Alive, by: None, metadata };
        node.handle_link_up(at(0), LinkId(2), Direction::Accepted, &signed(&record)).unwrap();
        node.handle_link_down(at(0), LinkId(2), LinkEnd::GoAway(GoAway::Acknowledged));
        // Its clock may err, and it has to find a hub.
        pass_idle(node, at(624_000));
        assert_eq!(state(node, OTHER), Some(State::Alive));
        pass_idle(node, at(625_000));
        assert_eq!(state(node, OTHER), Some(State::Suspect));
    });
}
