//! Who cannot be dialled and whose link broke: it comes back, is found at another hub, or is doubted.

use node_core::gossip::{Config, Down, Failure, Kind, Meta, Node, Record, State, StaticStorage, Target};
use node_core::id::{LinkId, NodeId};
use node_core::link::Goodbye;

use super::single::{ME, OTHER, PEER, at, hear, link_up, pass_idle, state};

#[test]
fn who_cannot_be_dialled_is_doubted_when_its_link_broke_and_nobody_speaks_for_it() {
    let mut buffer = [0; 64];
    let mut meta = Meta::new("peer", Kind::Hub);
    meta.hubs.extend([OTHER]);
    let elsewhere = meta.encode(&mut buffer).unwrap();
    for (returns, moves, hub_dies) in
        [(false, false, false), (true, false, false), (false, true, false), (false, true, true)]
    {
        let mut memory = StaticStorage::<4, 4>::new();
        let config = Config::new(ME, Kind::Hub);
        let mut node =
            Node::new(at(0), config, (1, &Meta::new("me", Kind::Hub)), (memory.lend(), 1)).unwrap();
        link_up(&mut node, at(0), (1, OTHER), &[]);
        link_up(&mut node, at(0), (2, PEER), &[]);
        node.handle_link_down(at(0), LinkId(2), Down::Lost);
        if returns {
            link_up(&mut node, at(1_000), (3, PEER), &[]);
        }
        if moves {
            let record = Record { id: PEER, incarnation: 2, state: State::Alive, by: None, meta: elsewhere };
            hear(&mut node, at(1_000), &record);
        }
        if hub_dies {
            node.handle_link_down(at(1_000), LinkId(1), Down::Goodbye(Goodbye::Leaving));
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
fn who_is_doubted_elsewhere_when_its_link_breaks_is_doubted_at_once() {
    let mut memory = StaticStorage::<4, 4>::new();
    let config = Config::new(ME, Kind::Hub);
    let mut node = Node::new(at(0), config, (1, &Meta::new("me", Kind::Hub)), (memory.lend(), 1)).unwrap();
    link_up(&mut node, at(0), (1, OTHER), &[]);
    link_up(&mut node, at(0), (2, PEER), &[]);
    node.handle_link_down(at(0), LinkId(2), Down::Lost);
    let doubt = Record { id: PEER, incarnation: 1, state: State::Suspect, by: Some(OTHER), meta: &[] };
    hear(&mut node, at(1_000), &doubt);
    assert_eq!(node.member(PEER).unwrap().record.by, Some(ME));
    // Two accusers halve the 8 s.
    pass_idle(&mut node, at(4_999));
    assert_eq!(state(&node, PEER), Some(State::Suspect));
    pass_idle(&mut node, at(5_000));
    assert_eq!(state(&node, PEER), Some(State::Down));
}

#[test]
fn a_leaf_that_is_missed_is_no_orphan_yet() {
    let mut memory = StaticStorage::<8, 4>::new();
    let config = Config::new(ME, Kind::Hub);
    let mut node = Node::new(at(0), config, (1, &Meta::new("me", Kind::Hub)), (memory.lend(), 1)).unwrap();
    link_up(&mut node, at(0), (1, OTHER), &["10.0.0.3:8374"]);
    link_up(&mut node, at(0), (2, PEER), &[]);
    pass_idle(&mut node, at(60_000));
    node.handle_link_down(at(60_000), LinkId(2), Down::Lost);
    node.handle_link_down(at(60_000), LinkId(1), Down::Lost);
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
fn a_leaf_that_is_linked_again_in_a_moment_has_nothing_to_say() {
    // More links than it may name.
    let links = [(1, PEER), (2, OTHER), (4, NodeId([4; 16])), (5, NodeId([5; 16]))];
    for (back_at, links) in [(1_999, 2), (2_001, 2), (1_999, 4)].map(|(at, count)| (at, &links[..count])) {
        let mut memory = StaticStorage::<8, 8>::new();
        let config = Config::new(ME, Kind::Leaf);
        let mut node =
            Node::new(at(0), config, (1, &Meta::new("me", Kind::Leaf)), (memory.lend(), 1)).unwrap();
        links.iter().for_each(|link| link_up(&mut node, at(0), *link, &["10.0.0.2:8374"]));
        let before = node.record().incarnation;
        node.handle_link_down(at(0), LinkId(1), Down::Lost);
        pass_idle(&mut node, at(back_at));
        let hubs = Meta::decode(node.record().meta).unwrap().hubs;
        let short = back_at < 2_000;
        assert_eq!(hubs.len(), if short { 2 } else { 1 }, "{hubs:?}");
        link_up(&mut node, at(back_at), (3, PEER), &["10.0.0.2:8374"]);
        let hubs = Meta::decode(node.record().meta).unwrap().hubs;
        assert_eq!(hubs.len(), 2);
        assert_eq!(node.record().incarnation, if short { before } else { before + 2 });
    }
}
