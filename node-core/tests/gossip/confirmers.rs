//! Which reports confirm a suspicion, and how much of the suspicion timeout each leaves.

use node_core::gossip::{Kind, Metadata, Node, Record, State};
use node_core::id::NodeId;

use super::fixture::{OTHER, PEER, at, hear, pass_idle, state, with_neighbour};

/// Ids of no members.
const NON_MEMBERS: [Option<NodeId>; 2] = [Some(NodeId([8; 16])), Some(NodeId([9; 16]))];

/// A report about [`OTHER`] that the node hears.
struct Report {
    /// In milliseconds.
    at: u64,
    state: State,
    by: Option<NodeId>,
    /// Whether it comes with other metadata than before.
    new_metadata: bool,
}

/// A node that knows [`OTHER`] hears these reports, and declares it down at `down_at`, in milliseconds.
fn check(reports: &[Report], down_at: u64) {
    let mut buffers = [[0; 256]; 2];
    let [one, other] = &mut buffers;
    let one = Metadata::new("one", Kind::Leaf).encode(one).unwrap();
    let other = Metadata::new("other", Kind::Leaf).encode(other).unwrap();
    // One of the two has the larger digest.
    for (old, new) in [(one, other), (other, one)] {
        with_neighbour(|node: &mut Node<'_>| {
            let record = |state, by, metadata| Record { id: OTHER, incarnation: 1, state, by, metadata };
            hear(node, at(0), &record(State::Alive, None, old));
            for Report { at: time, state, by, new_metadata } in reports {
                pass_idle(node, at(*time));
                hear(node, at(*time), &record(*state, *by, if *new_metadata { new } else { old }));
            }
            if reports.iter().any(|report| report.by == Some(PEER)) {
                assert_eq!(node.member(OTHER).unwrap().record.by, Some(PEER), "it is relayed");
            }
            pass_idle(node, at(down_at - 1));
            assert_eq!(state(node, OTHER), Some(State::Suspect));
            pass_idle(node, at(down_at));
            assert_eq!(state(node, OTHER), Some(State::Down));
        });
    }
}

#[test]
fn down_heard_twice_leaves_the_same_time_to_refute() {
    let [non_member, _] = NON_MEMBERS;
    check(
        &[
            Report { at: 100, state: State::Down, by: non_member, new_metadata: false },
            Report { at: 200, state: State::Down, by: non_member, new_metadata: false },
        ],
        2_100,
    );
}

#[test]
fn non_members_are_no_confirmers_whatever_metadata_they_send() {
    let [one, other] = NON_MEMBERS;
    check(
        &[
            Report { at: 100, state: State::Suspect, by: one, new_metadata: false },
            Report { at: 200, state: State::Suspect, by: other, new_metadata: true },
        ],
        60_100,
    );
}

#[test]
fn a_confirmer_halves_the_suspicion_timeout_and_is_relayed_whatever_metadata_it_sends() {
    let [non_member, _] = NON_MEMBERS;
    check(
        &[
            Report { at: 100, state: State::Suspect, by: non_member, new_metadata: false },
            Report { at: 29_000, state: State::Suspect, by: Some(PEER), new_metadata: true },
        ],
        30_100,
    );
}

#[test]
fn made_up_confirmers_do_not_shorten_the_suspicion_timeout() {
    with_neighbour(|node| {
        let mut buffer = [0; 256];
        let metadata = Metadata::new("x", Kind::Hub).encode(&mut buffer).unwrap();
        let record = Record { id: OTHER, incarnation: 1, state: State::Alive, by: None, metadata };
        hear(node, at(1), &record);
        for made_up in 100..110 {
            let by = Some(NodeId([made_up; 16]));
            hear(node, at(1), &Record { state: State::Suspect, by, ..record });
        }
        pass_idle(node, at(60_000));
        assert_eq!(state(node, OTHER), Some(State::Suspect));
        pass_idle(node, at(60_001));
        assert_eq!(state(node, OTHER), Some(State::Down));
    });
}
