//! When a node suspects a member, and how long the suspect has.

use node_core::gossip::{
    Config, Direction, Failure, Kind, LinkEnd, Metadata, Record, State, StaticStorage, Target,
};
use node_core::id::{LinkId, NodeId};
use node_core::link::GoAway;

use super::fixture::{
    GRAFT, ME, OTHER, PEER, at, hear, hear_on, leaf, link_up, neighbor, pass_idle, refused, start_as, state,
    with_neighbour,
};

#[test]
fn weaker_evidence_gives_a_longer_suspicion_timeout() {
    // A stalled process accepts connections, too: the node dials it three times before it suspects it.
    for (failure, dials, timeout) in
        [(Failure::Refused, 1, 2_000), (Failure::Unreachable, 1, 8_000), (Failure::Unresponsive, 3, 60_000)]
    {
        with_neighbour(|node| {
            node.handle_link_down(at(0), LinkId(1), LinkEnd::Lost);
            for _ in 0..dials {
                assert_eq!(state(node, PEER), Some(State::Alive), "a broken link is a hint");
                node.handle_dial_failed(at(1_000), Target::Member(PEER), failure);
            }
            assert_eq!(state(node, PEER), Some(State::Suspect));
            pass_idle(node, at(1_000 + timeout - 1));
            assert_eq!(state(node, PEER), Some(State::Suspect), "{failure:?}");
            pass_idle(node, at(1_000 + timeout));
            assert_eq!(state(node, PEER), Some(State::Down), "{failure:?}");
        });
    }
}

#[test]
fn a_peer_that_answered_meanwhile_is_dialled_as_often_again_before_suspicion() {
    with_neighbour(|node| {
        node.handle_link_down(at(0), LinkId(1), LinkEnd::Lost);
        for start in [0, 100_000] {
            for _ in 0..2 {
                node.handle_dial_failed(at(start), Target::Member(PEER), Failure::Unresponsive);
                assert_eq!(state(node, PEER), Some(State::Alive));
            }
            link_up(node, at(start), 2, PEER, &["10.0.0.2:8374"]);
            node.handle_link_down(at(start), LinkId(2), LinkEnd::Lost);
        }
    });
}

#[test]
fn an_unresponsive_peer_is_dialled_again_though_there_are_enough_links_by_then() {
    let mut memory = StaticStorage::<8, 4>::new();
    let config = Config { active_view: 1, ..Config::new(ME, Kind::Hub) };
    let mut node = start_as(config, &mut memory);
    link_up(&mut node, at(0), 1, PEER, &[]);
    let mut metadata = Metadata::new("other", Kind::Hub);
    metadata.addrs.extend(["10.0.0.3:8374"]);
    let mut buffer = [0; 256];
    let metadata = metadata.encode(&mut buffer).unwrap();
    hear(&mut node, at(0), &Record { id: OTHER, incarnation: 1, state: State::Alive, by: None, metadata });
    for number in 0..3 {
        let now = at(10_000 * number);
        let dialled = core::iter::from_fn(|| node.poll_dial(now)).map(|dial| dial.target);
        assert_eq!(dialled.collect::<Vec<_>>(), [Target::Member(OTHER)], "{number}");
        if number == 0 {
            neighbor(&mut node, now, 1, GRAFT);
            assert_eq!(node.active_view_len(), 1, "there are links enough by now");
        }
        assert_eq!(state(&node, OTHER), Some(State::Alive));
        node.handle_dial_failed(now, Target::Member(OTHER), Failure::Unresponsive);
    }
    assert_eq!(state(&node, OTHER), Some(State::Suspect));
}

#[test]
fn a_suspect_that_did_not_answer_is_dialled_until_it_is_down_or_refutes() {
    // The node wants no link by itself.
    let config = Config { active_view: 0, ..Config::new(ME, Kind::Hub) };
    for (failure, refutes) in [
        (Failure::Unreachable, false),
        (Failure::Unreachable, true),
        (Failure::Refused, false),
        (Failure::Unresponsive, true),
    ] {
        let mut memory = StaticStorage::<8, 4>::new();
        let mut node = start_as(config, &mut memory);
        link_up(&mut node, at(0), 1, PEER, &["10.0.0.2:8374"]);
        node.handle_link_down(at(0), LinkId(1), LinkEnd::Lost);
        let mut dials = Vec::new();
        while let Some(due) = node.poll_timeout().filter(|&due| due <= at(20_000)) {
            node.handle_timeout(due);
            while let Some(dial) = node.poll_dial(due) {
                dials.push((due, state(&node, PEER).unwrap()));
                node.handle_dial_failed(due, dial.target, failure);
            }
            let after_suspicion = dials.iter().filter(|(_, state)| *state == State::Suspect).count();
            if refutes && after_suspicion == 1 && state(&node, PEER) == Some(State::Suspect) {
                let record = node.member(PEER).unwrap().record;
                let metadata = record.metadata.to_vec();
                link_up(&mut node, due, 2, OTHER, &["10.0.0.3:8374"]);
                let refutation =
                    Record { id: PEER, incarnation: 2, state: State::Alive, by: None, metadata: &metadata };
                hear_on(&mut node, due, 2, &refutation);
            }
        }
        let (first, again) = dials.split_at(if failure == Failure::Unresponsive { 3 } else { 1 });
        assert!(first.iter().all(|(_, state)| *state == State::Alive), "{dials:?}");
        assert!(again.iter().all(|(_, state)| *state == State::Suspect), "{dials:?}");
        let expected = match (failure, refutes) {
            (Failure::Refused, _) => 0..=0,
            (_, true) => 1..=1,
            (_, false) => 1..=4,
        };
        assert!(expected.contains(&again.len()), "{failure:?} {refutes} {dials:?}");
    }
}

#[test]
fn an_address_that_leads_back_here_is_no_evidence_that_nobody_listens_there() {
    with_neighbour(|node| {
        node.handle_link_down(at(0), LinkId(1), LinkEnd::Lost);
        let dialled = Direction::Dialled(Target::Member(PEER));
        let own = node.record();
        let own = Record { metadata: Vec::leak(own.metadata.to_vec()), ..own };
        assert_eq!(node.handle_link_up(at(0), LinkId(2), dialled, &own), Err(GoAway::Itself));
        assert_eq!(state(node, PEER), Some(State::Suspect));
        pass_idle(node, at(50_000));
        assert_eq!(state(node, PEER), Some(State::Suspect));
    });
}

#[test]
fn dials_that_failed_while_a_peer_was_linked_do_not_hide_that_it_is_gone() {
    with_neighbour(|node| {
        link_up(node, at(0), 2, OTHER, &["10.0.0.3:8374"]);
        for attempt in 1..6 {
            assert_eq!(refused(node, at(attempt), PEER), Some(State::Alive));
        }
        node.handle_link_down(at(10), LinkId(1), LinkEnd::Lost);
        assert_eq!(refused(node, at(11), PEER), Some(State::Suspect));
    });
}

#[test]
fn an_isolated_node_suspects_every_member_that_it_cannot_dial() {
    with_neighbour(|node| {
        link_up(node, at(0), 2, OTHER, &["10.0.0.3:8374"]);
        node.handle_link_down(at(1), LinkId(2), LinkEnd::Lost);
        let mut buffer = [0; 256];
        let mut metadata = Metadata::new("peer", Kind::Hub);
        metadata.addrs.extend(["10.0.0.3:8374"]);
        let metadata = metadata.encode(&mut buffer).unwrap();
        for (incarnation, state) in
            [(2, State::Suspect), (3, State::Suspect), (4, State::Alive), (5, State::Suspect)]
        {
            assert_eq!(refused(node, at(2), OTHER), Some(state), "others reach it");
            hear(node, at(2), &Record { id: OTHER, incarnation, state: State::Alive, by: None, metadata });
        }
        node.handle_link_down(at(5), LinkId(1), LinkEnd::GoAway(GoAway::Acknowledged));
        assert_eq!(refused(node, at(6), OTHER), Some(State::Suspect));
    });
}

#[test]
fn members_that_nobody_can_have_seen_are_suspected() {
    let ghost = |kind, hub: Option<NodeId>, sleep_s| {
        with_neighbour(|node| {
            let mut metadata = Metadata::new("x", kind);
            metadata.hubs.extend(hub);
            metadata.sleep_s = sleep_s;
            let mut buffer = [0; 256];
            let metadata = metadata.encode(&mut buffer).unwrap();
            hear(node, at(1), &Record { id: OTHER, incarnation: 1, state: State::Alive, by: None, metadata });
            assert_eq!(state(node, OTHER), Some(State::Alive), "it is believed at first");
            let most = if sleep_s == 0 { 200_000 } else { 8 * 24 * 3_600_000 };
            pass_idle(node, at(most));
            assert!(state(node, OTHER).is_none_or(|state| !state.is_live()), "{kind} {hub:?} {sleep_s}");
        });
    };
    ghost(Kind::Hub, None, 0);
    ghost(Kind::Hub, Some(OTHER), 0);
    ghost(Kind::Leaf, None, 0);
    ghost(Kind::Leaf, Some(OTHER), 0);
    ghost(Kind::Leaf, Some(ME), 0);
    ghost(Kind::Leaf, None, u32::MAX);
}

#[test]
fn a_leaf_leaves_declaring_down_to_its_hubs() {
    let mut memory = StaticStorage::<8, 4>::new();
    let mut node = leaf(&mut memory);
    link_up(&mut node, at(0), 1, PEER, &["10.0.0.2:8374"]);
    let mut buffer = [0; 256];
    let metadata = Metadata::new("x", Kind::Hub).encode(&mut buffer).unwrap();
    let alive = Record { id: OTHER, incarnation: 1, state: State::Alive, by: None, metadata };
    hear(&mut node, at(0), &alive);
    hear(&mut node, at(0), &Record { state: State::Suspect, by: Some(PEER), ..alive });
    // A hub sends a leaf the refutation only while the two hubs are linked.
    pass_idle(&mut node, at(300_000));
    assert_eq!(state(&node, OTHER), Some(State::Suspect));
    hear(&mut node, at(300_000), &Record { incarnation: 2, ..alive });
    hear(&mut node, at(300_000), &Record { incarnation: 2, state: State::Down, by: Some(PEER), ..alive });
    assert_eq!(state(&node, OTHER), Some(State::Down));
}
