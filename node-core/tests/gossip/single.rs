//! One node by itself, told what happens: for moments that a whole network seldom meets.

use node_core::gossip::{
    Config, Down, Failure, How, Kind, Meta, Node, NotDown, Record, State, StaticStorage, Target,
};
use node_core::id::{LinkId, NodeId};
use node_core::link::{Goodbye, Hello, Limits};
use node_core::time::{Duration, Instant};

use super::nowhere::Nowhere;

const ME: NodeId = NodeId([1; 16]);
const PEER: NodeId = NodeId([2; 16]);
const OTHER: NodeId = NodeId([3; 16]);

fn link_up(node: &mut Node<'_>, now: Instant, (link, id): (u32, NodeId), addrs: &[&'static str]) {
    let mut meta = Meta::new("peer", Kind::Hub);
    meta.addrs.extend(addrs.iter().copied());
    let mut buffer = [0; 256];
    let meta = meta.encode(&mut buffer).unwrap();
    let record = Record { id, incarnation: 1, state: State::Alive, by: None, meta };
    let limits = Limits { frame: 1024, exchanges: 1, exchange_credit: 1, link_credit: 1, members: 16 };
    let hello = Hello { version: 1, cluster: "test", limits, time: None, record };
    node.handle_link_up(now, LinkId(link), How::Accepted, &hello).unwrap();
}

/// Lets time pass as an adapter does: never later than the node asked for.
fn pass(node: &mut Node<'_>, until: Instant) {
    while let Some(due) = node.poll_timeout().filter(|&due| due <= until) {
        node.handle_timeout(due);
        while let Some(dial) = node.poll_dial(due) {
            node.handle_dial_failed(due, dial.target, Failure::Unreachable);
        }
        for link in 1..10 {
            node.poll_gossip(due, LinkId(link), &mut Nowhere);
        }
    }
    node.handle_timeout(until);
}

fn state(node: &Node<'_>, id: NodeId) -> Option<State> {
    node.member(id).map(|member| member.record.state)
}

#[test]
fn a_hub_without_an_address_is_suspect_when_its_link_breaks() {
    let mut memory = StaticStorage::<4, 4>::new();
    let config = Config::new(ME, Kind::Hub);
    let mut node =
        Node::new(Instant::START, config, (1, &Meta::new("me", Kind::Hub)), (memory.lend(), 1)).unwrap();
    link_up(&mut node, Instant::START, (1, PEER), &[]);
    node.handle_link_down(Instant::START, LinkId(1), Down::Lost);
    assert_eq!(state(&node, PEER), Some(State::Suspect));
}

#[test]
fn a_suspect_that_is_linked_again_is_not_called_down_while_its_denial_is_under_way() {
    let mut memory = StaticStorage::<4, 4>::new();
    let config = Config::new(ME, Kind::Hub);
    let mut node =
        Node::new(Instant::START, config, (1, &Meta::new("me", Kind::Hub)), (memory.lend(), 1)).unwrap();
    link_up(&mut node, Instant::START, (1, PEER), &[]);
    link_up(&mut node, Instant::START, (2, OTHER), &[]);
    for link in [1, 2] {
        node.handle_link_down(Instant::START, LinkId(link), Down::Lost);
    }
    let nearly = Instant::START + config.suspicion * 4 - Duration::from_micros(1);
    pass(&mut node, nearly);
    link_up(&mut node, nearly, (3, PEER), &[]);
    pass(&mut node, Instant::START + config.suspicion * 4);
    assert_eq!([state(&node, PEER), state(&node, OTHER)], [Some(State::Suspect), Some(State::Down)]);
}

/// Runs `test` with a hub, and a link to a peer that can be dialled.
fn with_neighbour(test: impl FnOnce(&mut Node<'_>)) {
    let mut memory = StaticStorage::<8, 4>::new();
    let about_me = Meta::new("me", Kind::Hub);
    let config = Config::new(ME, Kind::Hub);
    let mut node = Node::new(Instant::START, config, (1, &about_me), (memory.lend(), 1)).unwrap();
    link_up(&mut node, Instant::START, (1, PEER), &["10.0.0.2:8374"]);
    test(&mut node);
}

fn hear(node: &mut Node<'_>, now: Instant, record: &Record<'_>) {
    let mut message = [1; 1024];
    let len = postcard::to_slice(record, &mut message[1..]).unwrap().len();
    node.handle_gossip(now, LinkId(1), &message[..=len], &mut Nowhere).unwrap();
}

fn at(millis: u64) -> Instant {
    Instant::START + Duration::from_millis(millis)
}

#[test]
fn the_weaker_the_evidence_the_longer_a_suspect_has() {
    for (failure, patience) in
        [(Failure::Refused, 2_000), (Failure::Unreachable, 8_000), (Failure::Mute, 60_000)]
    {
        with_neighbour(|node| {
            node.handle_link_down(at(0), LinkId(1), Down::Lost);
            assert_eq!(state(node, PEER), Some(State::Alive), "a broken link is a hint");
            node.handle_dial_failed(at(1_000), Target::Member(PEER), failure);
            assert_eq!(state(node, PEER), Some(State::Suspect));
            pass_idle(node, at(1_000 + patience - 1));
            assert_eq!(state(node, PEER), Some(State::Suspect), "{failure:?}");
            pass_idle(node, at(1_000 + patience));
            assert_eq!(state(node, PEER), Some(State::Down), "{failure:?}");
        });
    }
}

/// Lets time pass while nothing that is dialled answers in any way.
fn pass_idle(node: &mut Node<'_>, until: Instant) {
    while let Some(due) = node.poll_timeout().filter(|&due| due <= until) {
        node.handle_timeout(due);
        while node.poll_dial(due).is_some() {}
    }
    node.handle_timeout(until);
}

#[test]
fn who_stood_still_convicts_nobody_on_waking() {
    with_neighbour(|node| {
        node.handle_link_down(at(0), LinkId(1), Down::Lost);
        node.handle_dial_failed(at(1), Target::Member(PEER), Failure::Refused);
        node.handle_timeout(at(3_600_000));
        assert_eq!(state(node, PEER), Some(State::Suspect), "its denial may wait to be read");
        pass_idle(node, at(3_700_000));
        assert_eq!(state(node, PEER), Some(State::Down));
    });
}

#[test]
fn incarnations_that_nobody_can_have_are_not_believed() {
    with_neighbour(|node| {
        let record = |id, incarnation, state| Record { id, incarnation, state, by: Some(OTHER), meta: &[] };
        for incarnation in [u64::MAX, 1 << 62, (1 << 32) + 2] {
            hear(node, at(1), &record(ME, incarnation, State::Suspect));
            assert_eq!(node.record().incarnation, 1, "{incarnation}");
            hear(node, at(1), &record(PEER, incarnation, State::Alive));
            assert_eq!(node.member(PEER).unwrap().record.incarnation, 1, "{incarnation}");
        }
        hear(node, at(1), &record(ME, 1 << 32, State::Suspect));
        assert_eq!(node.record().incarnation, (1 << 32) + 1, "an old life of this node is outbid");
    });
}

#[test]
fn two_nodes_with_one_identity_outbid_each_other_at_a_bounded_rate() {
    with_neighbour(|node| {
        for step in 0..3_000 {
            let incarnation = node.record().incarnation + 1;
            let record = Record { id: ME, incarnation, state: State::Alive, by: None, meta: &[] };
            hear(node, at(step), &record);
            node.handle_timeout(at(step));
        }
        assert!(node.record().incarnation <= 1 + 4 * 2, "{}", node.record().incarnation);
    });
}

#[test]
fn a_leaf_that_sleeps_is_not_missed_until_it_should_wake() {
    with_neighbour(|node| {
        let mut meta = Meta::new("leaf", Kind::Leaf);
        meta.sleep_s = 600;
        meta.hubs.extend([ME]);
        let mut buffer = [0; 256];
        let meta = meta.encode(&mut buffer).unwrap();
        let record = Record { id: OTHER, incarnation: 1, state: State::Alive, by: None, meta };
        let limits = Limits { frame: 1024, exchanges: 1, exchange_credit: 1, link_credit: 1, members: 16 };
        let hello = Hello { version: 1, cluster: "test", limits, time: None, record };
        node.handle_link_up(at(0), LinkId(2), How::Accepted, &hello).unwrap();
        node.handle_link_down(at(0), LinkId(2), Down::Goodbye(Goodbye::Agreed));
        pass_idle(node, at(614_999));
        assert_eq!(state(node, OTHER), Some(State::Alive));
        pass_idle(node, at(615_000));
        assert_eq!(state(node, OTHER), Some(State::Suspect));
    });
}

#[test]
fn only_what_is_down_can_be_removed_and_it_stays_away() {
    with_neighbour(|node| {
        assert_eq!(node.remove(at(0), PEER), Err(NotDown));
        assert_eq!(node.remove(at(0), OTHER), Err(NotDown));
        node.handle_link_down(at(0), LinkId(1), Down::Lost);
        node.handle_dial_failed(at(0), Target::Member(PEER), Failure::Refused);
        pass_idle(node, at(2_000));
        assert_eq!(node.remove(at(2_000), PEER), Ok(()));
        assert_eq!(state(node, PEER), Some(State::Left));
        while let Some(due) = node.poll_timeout().filter(|&due| due <= at(600_000)) {
            node.handle_timeout(due);
            assert_eq!(node.poll_dial(due), None);
        }
    });
}
