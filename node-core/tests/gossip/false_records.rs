//! One node by itself, and members that send false records.

use node_core::gossip::{Direction, Failure, Kind, LinkEnd, Metadata, Record, State, StaticStorage, Target};
use node_core::id::{LinkId, NodeId};
use node_core::link::{Full, GoAway, Outbox};
use node_core::wire::gossip::{IdRange, RangeFingerprint, Tag};

use super::fixture::{ME, OTHER, PEER, at, hear, hear_on, hub, link_up, pass_idle, state, with_neighbour};
use super::hello::signed;
use super::nowhere::Nowhere;

#[test]
fn no_member_speaks_in_the_name_of_another() {
    let mut buffer = [0; 256];
    let metadata = Metadata::new("x", Kind::Leaf).encode(&mut buffer).unwrap();
    let of_other = Record { id: OTHER, incarnation: 5, state: State::Alive, by: None, metadata };
    let (known, by) = (signed(&of_other), Some(PEER));
    let newer = signed(&Record { incarnation: 6, ..of_other });
    let left = signed(&Record { incarnation: 6, state: State::Left, ..of_other });
    let invented = signed(&Record { id: NodeId([9; 16]), ..of_other });
    for (lie, forged) in [
        ("a higher incarnation with the old signature", Record { incarnation: 6, ..known }),
        ("a higher incarnation without a signature", Record { incarnation: 6, metadata: &[], ..known }),
        (
            "a suspicion of a higher incarnation",
            Record { incarnation: 6, state: State::Suspect, by, ..known },
        ),
        ("a made-up suspicion", Record { incarnation: 6, state: State::Suspect, by, metadata: &[], ..known }),
        ("other metadata", Record { metadata, ..known }),
        ("metadata of another incarnation", Record { metadata: newer.metadata, ..known }),
        ("metadata of another member", Record { metadata: invented.metadata, ..newer }),
        ("a member that was not signed", Record { metadata, ..invented }),
        ("a member with the metadata of another", Record { id: NodeId([8; 16]), ..invented }),
        ("*left* in its name", Record { state: State::Left, ..known }),
        ("*left* in its name, without metadata", Record { state: State::Left, metadata: &[], ..known }),
        ("alive after its last word", Record { state: State::Alive, ..left }),
        ("down after its last word", Record { state: State::Down, by, ..left }),
        ("left, as another saw it, after its last word", Record { by, ..left }),
    ] {
        with_neighbour(|node| {
            hear(node, at(1), &of_other);
            let before = node.member(OTHER).unwrap().record.incarnation;
            let message = postcard::to_extend(&forged, vec![Tag::Records as u8]).unwrap();
            assert!(node.handle_gossip(at(2), LinkId(1), &message, &mut Nowhere).is_err(), "{lie}");
            assert_eq!(node.poll_close(), Some((LinkId(1), GoAway::Protocol)), "{lie}");
            let other = node.member(OTHER).unwrap();
            assert_eq!((other.record.incarnation, other.record.state), (before, State::Alive), "{lie}");
            assert_eq!(node.records().count(), 3, "{lie}");
        });
    }
    with_neighbour(|node| {
        hear(node, at(1), &of_other);
        for honest in [known, newer, left] {
            let message = postcard::to_extend(&honest, vec![Tag::Records as u8]).unwrap();
            node.handle_gossip(at(2), LinkId(1), &message, &mut Nowhere).unwrap();
        }
        assert_eq!(state(node, OTHER), Some(State::Left));
    });
}

#[test]
fn a_leaf_does_not_become_a_hub_once_it_is_linked() {
    let mut memory = StaticStorage::<8, 4>::new();
    let mut node = hub(&mut memory);
    let mut buffers = [[0; 256]; 2];
    let mut records = [Kind::Leaf, Kind::Hub].into_iter().zip(&mut buffers).map(|(kind, buffer)| {
        let mut metadata = Metadata::new("thief", kind);
        metadata.components.extend(["shop"]);
        let incarnation = if kind == Kind::Leaf { 1 } else { 2 };
        let metadata = metadata.encode(buffer).unwrap();
        signed(&Record { id: OTHER, incarnation, state: State::Alive, by: None, metadata })
    });
    node.handle_link_up(at(0), LinkId(1), Direction::Accepted, &records.next().unwrap()).unwrap();
    hear(&mut node, at(10), &records.next().unwrap());
    assert_eq!(node.member(OTHER).unwrap().metadata.kind, Kind::Leaf);
}

#[test]
fn a_link_whose_peer_forges_its_own_record_is_refused() {
    with_neighbour(|node| {
        let mut buffer = [0; 256];
        let metadata = Metadata::new("x", Kind::Hub).encode(&mut buffer).unwrap();
        let record = Record { id: OTHER, incarnation: 5, state: State::Alive, by: None, metadata };
        let replayed = Record { incarnation: 6, ..signed(&record) };
        for forged in [record, replayed] {
            let up = node.handle_link_up(at(1), LinkId(2), Direction::Accepted, &forged);
            assert_eq!(up, Err(GoAway::Unproved));
        }
        assert_eq!((state(node, OTHER), node.link_to(OTHER)), (None, None));
    });
}

#[test]
fn a_dial_that_reached_a_forger_is_over() {
    let mut memory = StaticStorage::<8, 4>::new();
    let mut node = hub(&mut memory);
    node.add_seed(at(0), "10.0.0.3:8374").unwrap();
    let dial = node.poll_dial(at(0)).unwrap();
    let mut buffer = [0; 256];
    let metadata = Metadata::new("x", Kind::Hub).encode(&mut buffer).unwrap();
    let forged = Record { id: OTHER, incarnation: 5, state: State::Alive, by: None, metadata };
    let up = node.handle_link_up(at(1), LinkId(1), Direction::Dialled(dial.target), &forged);
    assert_eq!(up, Err(GoAway::Unproved));
    let mut dialled = false;
    for millis in (10..3_000).step_by(10) {
        node.handle_timeout(at(millis));
        dialled |= node.poll_dial(at(millis)).is_some();
    }
    assert!(dialled, "the seed is dialled again");
}

#[test]
fn incarnations_beyond_the_limit_are_not_believed() {
    with_neighbour(|node| {
        let mut buffer = [0; 256];
        let metadata = Metadata::new("x", Kind::Leaf).encode(&mut buffer).unwrap();
        let record = |id, incarnation, state| Record { id, incarnation, state, by: None, metadata };
        hear(node, at(1), &record(OTHER, 1, State::Alive));
        for incarnation in [u64::MAX, 1 << 62] {
            hear(node, at(1), &record(ME, incarnation, State::Suspect));
            assert_eq!(node.record().incarnation, 1, "{incarnation}");
            hear(node, at(1), &record(OTHER, incarnation, State::Alive));
            assert_eq!(node.member(OTHER).unwrap().record.incarnation, 1, "{incarnation}");
            hear(node, at(1), &record(NodeId([9; 16]), incarnation, State::Alive));
            assert_eq!(node.records().count(), 3, "no trace is left of a record that was never taken");
        }
        hear(node, at(1), &record(ME, 1 << 61, State::Alive));
        assert_eq!(node.record().incarnation, (1 << 61) + 1, "the incarnation before a restart is outbid");
    });
}

#[test]
fn nobody_raises_the_incarnation_of_another() {
    with_neighbour(|node| {
        let mut buffer = [0; 256];
        let metadata = Metadata::new("me", Kind::Hub).encode(&mut buffer).unwrap();
        let forged = Record { id: ME, incarnation: 9, state: State::Suspect, by: Some(PEER), metadata };
        for lie in [forged, Record { metadata: &[], ..forged }] {
            let message = postcard::to_extend(&lie, vec![Tag::Records as u8]).unwrap();
            node.handle_gossip(at(1), LinkId(1), &message, &mut Nowhere).unwrap();
            assert_eq!(node.record().incarnation, 1);
        }
        hear(node, at(1), &Record { incarnation: 1, metadata: &[], ..forged });
        assert_eq!(node.record().incarnation, 2, "a suspicion of the present incarnation is refuted");
    });
}

#[test]
fn the_ranges_that_a_peer_makes_a_node_compare_are_bounded() {
    let mut memory = StaticStorage::<512, 4>::new();
    let mut node = hub(&mut memory);
    link_up(&mut node, at(0), 1, PEER, &["10.0.0.2:8374"]);
    let mut buffer = [0; 256];
    let metadata = Metadata::new("x", Kind::Leaf).encode(&mut buffer).unwrap();
    for number in 10..210 {
        let record =
            Record { id: NodeId([number; 16]), incarnation: 1, state: State::Alive, by: None, metadata };
        hear(&mut node, at(0), &record);
    }
    // The peer claims that everything differs, and that it knows nothing of one half.
    let mut fingerprints = vec![Tag::RangeFingerprints as u8];
    for last in [255, 127] {
        let range = RangeFingerprint {
            range: IdRange { first: NodeId([0; 16]), last: NodeId([last; 16]) },
            count: 1,
            fingerprint: 7,
        };
        fingerprints = postcard::to_extend(&range, fingerprints).unwrap();
    }
    let mut answers = |now| {
        let mut answers = Count(0);
        node.handle_gossip(now, LinkId(1), &fingerprints, &mut answers).unwrap();
        answers.0
    };
    let answered: usize = (0..1000).map(|_| answers(at(1))).sum();
    assert!((20..200).contains(&answered), "{answered}");
    assert_eq!(answers(at(1100)), 2, "a second later it may again");
}

#[test]
fn refutations_keep_to_a_bounded_rate() {
    with_neighbour(|node| {
        for step in 0..3_000 {
            let incarnation = node.record().incarnation;
            let record = Record { id: ME, incarnation, state: State::Suspect, by: Some(PEER), metadata: &[] };
            hear(node, at(step), &record);
            node.handle_timeout(at(step));
        }
        // Four in a row, then one in each second.
        assert_eq!(node.record().incarnation, 1 + 4 + 2);
    });
}

#[test]
fn answers_to_repeated_iwants_are_bounded() {
    with_neighbour(|node| {
        let mut iwant = vec![Tag::IWant as u8];
        (0..60).for_each(|_| iwant = postcard::to_extend(&ME, core::mem::take(&mut iwant)).unwrap());
        let mut answers = |now| {
            let mut answers = Count(0);
            node.handle_gossip(now, LinkId(1), &iwant, &mut answers).unwrap();
            answers.0
        };
        let answered: usize = (0..1000).map(|_| answers(at(1))).sum();
        assert!((10..400).contains(&answered), "{answered}");
        assert!(answers(at(1100)) > 0, "a second later it may again");
    });
}

#[test]
fn a_peer_that_sends_malformed_gossip_is_ignored_even_while_it_drains() {
    with_neighbour(|node| {
        node.handle_go_away(at(0), LinkId(1), GoAway::Rekeyed);
        let malformed = [Tag::Records as u8, 255];
        node.handle_gossip(at(0), LinkId(1), &malformed, &mut Nowhere).unwrap_err();
        assert_eq!(node.poll_close(), Some((LinkId(1), GoAway::Protocol)));
        node.handle_gossip(at(0), LinkId(1), &malformed, &mut Nowhere).unwrap();
    });
}

#[test]
fn a_go_away_after_a_quiet_while_is_no_sign_of_a_stall() {
    with_neighbour(|node| {
        pass_idle(node, at(5_000));
        let quiet = node.poll_timeout().unwrap();
        assert!(quiet > at(8_000), "nothing is due for long");
        node.handle_go_away(at(8_000), LinkId(1), GoAway::Rekeyed);
        node.handle_link_down(at(8_000), LinkId(1), LinkEnd::GoAway(GoAway::Rekeyed));
        node.handle_dial_failed(at(8_001), Target::Member(PEER), Failure::Refused);
        // Evidence of a healthy node gives it two seconds, evidence of a node that stalled a minute.
        pass_idle(node, at(10_002));
        assert_eq!(state(node, PEER), Some(State::Down));
    });
}

#[test]
fn a_suspicion_of_a_peer_that_found_no_slot_makes_it_no_member() {
    let mut memory = StaticStorage::<2, 4>::new();
    let mut node = hub(&mut memory);
    link_up(&mut node, at(0), 1, PEER, &["10.0.0.2:8374"]);
    link_up(&mut node, at(0), 2, OTHER, &["10.0.0.3:8374"]);
    assert_eq!(state(&node, OTHER), None, "the table is full");
    node.handle_link_down(at(0), LinkId(1), LinkEnd::GoAway(GoAway::Leaving));
    link_up(&mut node, at(0), 3, NodeId([4; 16]), &["10.0.0.4:8374"]);
    node.handle_link_down(at(0), LinkId(3), LinkEnd::GoAway(GoAway::Leaving));
    let mut buffer = [0; 256];
    let metadata = Metadata::new("x", Kind::Hub).encode(&mut buffer).unwrap();
    let suspicion = Record { id: OTHER, incarnation: 1, state: State::Suspect, by: Some(PEER), metadata };
    hear_on(&mut node, at(1), 2, &suspicion);
    assert!(node.records().all(|record| record.id != OTHER));
}

/// Counts messages.
struct Count(usize);

impl Outbox for Count {
    fn put(&mut self, _: &[&[u8]]) -> Result<(), Full> {
        self.0 += 1;
        Ok(())
    }

    fn room(&self) -> usize {
        usize::MAX
    }
}
