//! Who counts as an accuser, and what each leaves a suspect of its time to object.

use node_core::gossip::{Kind, Metadata, Node, Record, State};
use node_core::id::NodeId;

use super::single::{OTHER, PEER, at, hear, pass_idle, state, with_neighbour};

/// No members.
const STRANGERS: [Option<NodeId>; 2] = [Some(NodeId([8; 16])), Some(NodeId([9; 16]))];

/// A node that knows [`OTHER`] is told of it by others: when (in ms), what, who says so, and whether it describes it anew. After
/// the last it has so much time.
fn check(said: &[(u64, State, Option<NodeId>, bool)], down_at: u64) {
    let mut buffers = [[0; 64]; 2];
    let [one, other] = &mut buffers;
    let one = Metadata::new("one", Kind::Leaf).encode(one).unwrap();
    let other = Metadata::new("other", Kind::Leaf).encode(other).unwrap();
    // Of two descriptions one has the larger digest.
    for (old, new) in [(one, other), (other, one)] {
        with_neighbour(|node: &mut Node<'_>| {
            let record = |state, by, metadata| Record { id: OTHER, incarnation: 1, state, by, metadata };
            hear(node, at(0), &record(State::Alive, None, old));
            for (time, state, by, anew) in said {
                pass_idle(node, at(*time));
                hear(node, at(*time), &record(*state, *by, if *anew { new } else { old }));
            }
            if said.iter().any(|(_, _, by, _)| *by == Some(PEER)) {
                assert_eq!(node.member(OTHER).unwrap().record.by, Some(PEER), "it is passed on");
            }
            pass_idle(node, at(down_at - 1));
            assert_eq!(state(node, OTHER), Some(State::Suspect));
            pass_idle(node, at(down_at));
            assert_eq!(state(node, OTHER), Some(State::Down));
        });
    }
}

#[test]
fn a_verdict_that_is_heard_twice_leaves_the_same_time_to_object() {
    let [stranger, _] = STRANGERS;
    check(&[(100, State::Down, stranger, false), (200, State::Down, stranger, false)], 2_100);
}

#[test]
fn strangers_are_no_further_accusers_whatever_they_say_of_a_suspect() {
    let [one, other] = STRANGERS;
    check(&[(100, State::Suspect, one, false), (200, State::Suspect, other, true)], 60_100);
}

#[test]
fn a_member_that_doubts_a_suspect_halves_its_time_and_is_passed_on_whatever_it_says_of_it() {
    let [stranger, _] = STRANGERS;
    check(&[(100, State::Suspect, stranger, false), (29_000, State::Suspect, Some(PEER), true)], 30_100);
}
