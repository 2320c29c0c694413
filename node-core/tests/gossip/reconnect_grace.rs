//! A peer that cannot be dialled loses its link: it comes back in its reconnect grace, another hub speaks for it, or it becomes
//! suspect.

use node_core::gossip::{
    Config, Direction, Failure, Kind, LinkEnd, Metadata, Node, Record, State, StaticStorage, Target,
};
use node_core::id::{LinkId, NodeId};
use node_core::link::GoAway;
use node_core::time::Duration;

use super::fixture::{
    GRAFT, ME, OTHER, PEER, at, hear, hub, leaf, link_up, neighbor, pass_idle, start_as, state,
};
use super::hello::signed;

#[test]
fn a_peer_that_cannot_be_dialled_is_suspected_after_its_reconnect_grace_unless_a_hub_speaks_for_it() {
    let mut buffer = [0; 256];
    let mut metadata = Metadata::new("peer", Kind::Hub);
    metadata.hubs.extend([OTHER]);
    let elsewhere = metadata.encode(&mut buffer).unwrap();
    for (returns, moves, hub_dies) in
        [(false, false, false), (true, false, false), (false, true, false), (false, true, true)]
    {
        let mut memory = StaticStorage::<4, 4>::new();
        let mut node = hub(&mut memory);
        link_up(&mut node, at(0), 1, OTHER, &[]);
        link_up(&mut node, at(0), 2, PEER, &[]);
        node.handle_link_down(at(0), LinkId(2), LinkEnd::Lost);
        if returns {
            link_up(&mut node, at(1_000), 3, PEER, &[]);
        }
        if moves {
            let record =
                Record { id: PEER, incarnation: 2, state: State::Alive, by: None, metadata: elsewhere };
            hear(&mut node, at(1_000), &record);
        }
        if hub_dies {
            node.handle_link_down(at(1_000), LinkId(1), LinkEnd::GoAway(GoAway::Leaving));
        }
        pass_idle(&mut node, at(4_999));
        assert_eq!(state(&node, PEER), Some(State::Alive), "it may be on its way back");
        pass_idle(&mut node, at(5_000));
        let spoken_for = returns || (moves && !hub_dies);
        let expected = if spoken_for { State::Alive } else { State::Suspect };
        assert_eq!(state(&node, PEER), Some(expected), "{returns} {moves} {hub_dies}");
        pass_idle(&mut node, at(13_000));
        let expected = if spoken_for { State::Alive } else { State::Down };
        assert_eq!(state(&node, PEER), Some(expected), "{returns} {moves} {hub_dies}");
    }
}

#[test]
fn a_peer_that_is_suspected_elsewhere_when_its_link_breaks_is_suspected_immediately() {
    let mut memory = StaticStorage::<4, 4>::new();
    let mut node = hub(&mut memory);
    link_up(&mut node, at(0), 1, OTHER, &[]);
    link_up(&mut node, at(0), 2, PEER, &[]);
    node.handle_link_down(at(0), LinkId(2), LinkEnd::Lost);
    let suspicion =
        Record { id: PEER, incarnation: 1, state: State::Suspect, by: Some(OTHER), metadata: &[] };
    hear(&mut node, at(1_000), &suspicion);
    assert_eq!(node.member(PEER).unwrap().record.by, Some(ME));
    // A confirmer halves the 8 s.
    pass_idle(&mut node, at(4_999));
    assert_eq!(state(&node, PEER), Some(State::Suspect));
    pass_idle(&mut node, at(5_000));
    assert_eq!(state(&node, PEER), Some(State::Down));
}

#[test]
fn a_leaf_in_reconnect_grace_is_no_orphan_yet() {
    let mut memory = StaticStorage::<8, 4>::new();
    let mut node = hub(&mut memory);
    link_up(&mut node, at(0), 1, OTHER, &["10.0.0.3:8374"]);
    link_up(&mut node, at(0), 2, PEER, &[]);
    pass_idle(&mut node, at(60_000));
    node.handle_link_down(at(60_000), LinkId(2), LinkEnd::Lost);
    node.handle_link_down(at(60_000), LinkId(1), LinkEnd::Lost);
    node.handle_dial_failed(at(60_000), Target::Member(OTHER), Failure::Refused);
    pass_idle(&mut node, at(62_020));
    assert_eq!(state(&node, OTHER), Some(State::Down), "that is when orphans are looked for");
    assert_eq!(state(&node, PEER), Some(State::Alive));
    pass_idle(&mut node, at(65_000));
    assert_eq!(state(&node, PEER), Some(State::Suspect));
    pass_idle(&mut node, at(73_000));
    assert_eq!(state(&node, PEER), Some(State::Down), "it vanished: it has 8 s");
}

#[test]
fn orphans_are_found_wherever_they_lie_in_a_long_table() {
    const LEAVES: u16 = 700;
    let mut memory = Box::new(StaticStorage::<702, 4, 200>::new());
    let ten = Duration::from_secs(10);
    let config = Config { retry_max: ten, random_probe: ten, ..Config::new(ME, Kind::Hub) };
    let mut node = start_as(config, &mut memory);
    link_up(&mut node, at(0), 1, OTHER, &["10.0.0.3:8374"]);
    let orphans = [0, 255, 256, 511, 512, LEAVES - 1].map(leaf_id);
    // The first random probe sees all of them. After that three do, of at most 12.5 s each, when the leaves have settled again.
    let rounds = [(0, 12_500), (12_500, 54_000)];
    for (round, (start, end)) in (0..).zip(rounds) {
        for number in 0..LEAVES {
            let mut metadata = Metadata::new("leaf", Kind::Leaf);
            metadata.hubs.extend([if orphans.contains(&leaf_id(number)) { PEER } else { OTHER }]);
            let mut buffer = [0; 256];
            let metadata = metadata.encode(&mut buffer).unwrap();
            let (id, incarnation) = (leaf_id(number), round + 1);
            let alive = Record { id, incarnation, state: State::Alive, by: None, metadata };
            hear(&mut node, at(start), &alive);
        }
        pass_idle(&mut node, at(end));
        let is_suspected = |id: &NodeId| state(&node, *id) != Some(State::Alive);
        let found: Vec<NodeId> = (0..LEAVES).map(leaf_id).filter(is_suspected).collect();
        assert_eq!(found, orphans, "{round}");
    }
}

fn leaf_id(number: u16) -> NodeId {
    let mut id = [0xff; 16];
    id[..2].copy_from_slice(&number.to_be_bytes());
    NodeId(id)
}

#[test]
fn a_peer_in_reconnect_grace_that_sends_its_address_is_dialled() {
    for suspected_elsewhere in [false, true] {
        let mut memory = StaticStorage::<4, 4>::new();
        let config = Config { active_view: 1, ..Config::new(ME, Kind::Hub) };
        let mut node = start_as(config, &mut memory);
        link_up(&mut node, at(0), 1, OTHER, &["10.0.0.3:8374"]);
        neighbor(&mut node, at(0), 1, GRAFT);
        link_up(&mut node, at(0), 2, PEER, &[]);
        node.handle_link_down(at(0), LinkId(2), LinkEnd::Lost);
        let mut metadata = Metadata::new("peer", Kind::Hub);
        metadata.addrs.extend(["10.0.0.2:8374"]);
        let mut buffer = [0; 256];
        let metadata = metadata.encode(&mut buffer).unwrap();
        let record = |state, by| Record { id: PEER, incarnation: 2, state, by, metadata };
        hear(&mut node, at(1_000), &record(State::Alive, None));
        assert_eq!(node.poll_dial(at(1_000)), None, "there are links enough");
        pass_idle(&mut node, at(4_999));
        if suspected_elsewhere {
            hear(&mut node, at(4_999), &record(State::Suspect, Some(OTHER)));
        } else {
            node.handle_timeout(at(5_000));
            assert_eq!(state(&node, PEER), Some(State::Alive));
        }
        assert_eq!(node.poll_dial(at(5_000)).map(|dial| dial.target), Some(Target::Member(PEER)));
        assert_eq!(node.member(PEER).unwrap().evidence, None, "nothing was seen yet");
        node.handle_dial_failed(at(5_000), Target::Member(PEER), Failure::Refused);
        assert_eq!(state(&node, PEER), Some(State::Suspect));
        assert_eq!(node.member(PEER).unwrap().evidence, Some("nothing listens at its address"));
    }
}

#[test]
fn a_peer_in_reconnect_grace_whose_hubs_found_no_room_is_suspected() {
    let mut memory = StaticStorage::<4, 4, 315>::new();
    let mut node = hub(&mut memory);
    link_up(&mut node, at(0), 1, OTHER, &["10.0.0.3:8374"]);
    let text = "c".repeat(60);
    let mut metadata = Metadata::new("peer", Kind::Leaf);
    let mut buffer = [0; 200];
    let first = metadata.encode(&mut buffer).unwrap();
    let first = signed(&Record { id: PEER, incarnation: 1, state: State::Alive, by: None, metadata: first });
    node.handle_link_up(at(0), LinkId(2), Direction::Accepted, &first).unwrap();
    metadata.hubs.extend([OTHER]);
    for (incarnation, components) in [(2, 0), (3, 4)] {
        metadata.components.extend([text.as_str(); 4].into_iter().take(components));
        let mut buffer = [0; 500];
        let metadata = metadata.encode(&mut buffer).unwrap();
        hear(&mut node, at(0), &Record { id: PEER, incarnation, state: State::Alive, by: None, metadata });
    }
    let metadata =
        node.member(PEER).map(|peer| (peer.metadata.hubs.to_vec(), peer.metadata.components.len()));
    assert_eq!(metadata, Some((vec![OTHER], 0)), "there was room for both, or for neither");
    node.handle_link_down(at(0), LinkId(2), LinkEnd::Lost);
    pass_idle(&mut node, at(5_000));
    assert_eq!(state(&node, PEER), Some(State::Suspect));
}

#[test]
fn a_leaf_that_falls_asleep_still_belongs_to_the_hubs_that_it_had() {
    let mut memory = StaticStorage::<4, 4>::new();
    let mut node = leaf(&mut memory);
    link_up(&mut node, at(0), 1, OTHER, &["10.0.0.3:8374"]);
    link_up(&mut node, at(0), 2, PEER, &["10.0.0.2:8374"]);
    let hubs = |node: &Node<'_>| Metadata::decode(node.record().metadata).unwrap().hubs;
    // The leaf falls asleep after one link broke, and that breaks the other.
    node.handle_link_down(at(0), LinkId(1), LinkEnd::Lost);
    node.sleep(60).unwrap();
    node.handle_link_down(at(1_000), LinkId(2), LinkEnd::Lost);
    pass_idle(&mut node, at(50_000));
    assert_eq!(hubs(&node).as_slice(), [OTHER, PEER]);
    node.wake(at(50_000)).unwrap();
    link_up(&mut node, at(50_000), 3, PEER, &["10.0.0.2:8374"]);
    pass_idle(&mut node, at(53_000));
    assert_eq!(hubs(&node).as_slice(), [PEER]);
}

#[test]
fn a_leaf_that_is_linked_again_in_a_moment_keeps_its_record() {
    // Four are more links than it may name.
    let links = [(1, PEER), (2, OTHER), (4, NodeId([4; 16])), (5, NodeId([5; 16]))];
    for (back_at, links) in [(1_999, 2), (2_001, 2), (1_999, 4)].map(|(at, count)| (at, &links[..count])) {
        let mut memory = StaticStorage::<8, 8>::new();
        let mut node = leaf(&mut memory);
        links.iter().for_each(|(link, id)| link_up(&mut node, at(0), *link, *id, &["10.0.0.2:8374"]));
        let before = node.record().incarnation;
        node.handle_link_down(at(0), LinkId(1), LinkEnd::Lost);
        pass_idle(&mut node, at(back_at));
        let hubs = Metadata::decode(node.record().metadata).unwrap().hubs;
        let short = back_at < 2_000;
        assert_eq!(hubs.len(), if short { 2 } else { 1 }, "{hubs:?}");
        link_up(&mut node, at(back_at), 3, PEER, &["10.0.0.2:8374"]);
        let hubs = Metadata::decode(node.record().metadata).unwrap().hubs;
        assert_eq!(hubs.len(), 2);
        assert_eq!(node.record().incarnation, if short { before } else { before + 2 });
    }
}
