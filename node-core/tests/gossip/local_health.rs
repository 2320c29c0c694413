//! A node that stalled does not blame others for it.

use node_core::gossip::{Failure, LinkEnd, Record, State, Target};
use node_core::id::LinkId;

use super::fixture::{OTHER, PEER, at, hear_on, link_up, pass_idle, state, with_neighbour};

#[test]
fn a_node_that_stalled_declares_nobody_down_on_waking() {
    with_neighbour(|node| {
        node.handle_link_down(at(0), LinkId(1), LinkEnd::Lost);
        node.handle_dial_failed(at(1), Target::Member(PEER), Failure::Refused);
        node.handle_timeout(at(3_600_000));
        assert_eq!(state(node, PEER), Some(State::Suspect), "its refutation may wait to be read");
        pass_idle(node, at(3_700_000));
        assert_eq!(state(node, PEER), Some(State::Down));
    });
}

#[test]
fn a_node_that_stalled_declares_nobody_down_immediately_on_a_confirmation() {
    with_neighbour(|node| {
        link_up(node, at(0), 2, OTHER, &["10.0.0.3:8374"]);
        node.handle_link_down(at(0), LinkId(1), LinkEnd::Lost);
        node.handle_dial_failed(at(1), Target::Member(PEER), Failure::Unreachable);
        assert!(
            node.poll_timeout() < Some(at(4_001)),
            "it stalls before the time is over that two confirmers leave"
        );
        node.handle_timeout(at(3_600_000));
        let confirmation =
            Record { id: PEER, incarnation: 1, state: State::Suspect, by: Some(OTHER), metadata: &[] };
        hear_on(node, at(3_600_000), 2, &confirmation);
        pass_idle(node, at(3_600_000));
        assert_eq!(state(node, PEER), Some(State::Suspect));
        pass_idle(node, at(3_604_001));
        assert_eq!(state(node, PEER), Some(State::Down));
    });
}
