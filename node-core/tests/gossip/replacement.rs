//! A leaf replaces its link to its hub: which address it dials, and when.

use node_core::gossip::{
    Config, Dial, Direction, Failure, Kind, Metadata, Node, Record, State, StaticStorage, Target,
};
use node_core::id::{LinkId, NodeId};
use node_core::link::GoAway;
use node_core::time::{Duration, Instant};

use super::fixture::start_as;
use super::hello::signed;

const LEAF: NodeId = NodeId([1; 16]);
const HUB: NodeId = NodeId([2; 16]);
/// The address at which the leaf reaches the hub.
const JOIN: &str = "10.0.2.2:8374";
/// The address that the hub advertises; the leaf does not reach it.
const ADVERTISED: &str = "127.0.0.1:8374";

fn second(seconds: u64) -> Instant {
    Instant::START + Duration::from_secs(seconds)
}

fn link_up(node: &mut Node<'_>, now: Instant, dial: &Dial, link: u32) {
    let mut metadata = Metadata::new("hub", Kind::Hub);
    metadata.addrs.extend([ADVERTISED]);
    let mut buffer = [0; 256];
    let metadata = metadata.encode(&mut buffer).unwrap();
    let record = Record { id: HUB, incarnation: 1, state: State::Alive, by: None, metadata };
    node.handle_link_up(now, LinkId(link), Direction::Dialled(dial.target), &signed(&record)).unwrap();
}

/// Runs `test` with a leaf that reached its hub at its join address.
fn with_linked_leaf(test: impl FnOnce(&mut Node<'_>)) {
    let mut memory = StaticStorage::<4, 2>::new();
    let config = Config { dials: 1, ..Config::new(LEAF, Kind::Leaf) };
    let mut node = start_as(config, &mut memory);
    node.add_seed(Instant::START, JOIN).unwrap();
    let dial = node.poll_dial(Instant::START).unwrap();
    link_up(&mut node, Instant::START, &dial, 1);
    assert_eq!(node.poll_dial(second(10)), None, "one link is enough");
    test(&mut node);
}

#[test]
fn the_address_at_which_a_hub_answered_comes_before_its_advertised_one() {
    with_linked_leaf(|node| {
        node.redial(second(10), HUB);
        let dial = node.poll_dial(second(10)).unwrap();
        assert_eq!((dial.target, dial.address.as_str()), (Target::Member(HUB), JOIN));
        node.handle_dial_failed(second(11), dial.target, Failure::Refused);
        assert_eq!(node.poll_dial(second(20)).unwrap().address.as_str(), ADVERTISED);
    });
}

#[test]
fn a_replacement_is_tried_until_it_succeeds() {
    with_linked_leaf(|node| {
        node.redial(second(10), HUB);
        for attempt in 1..6 {
            let now = second(100 * attempt);
            let dial = node.poll_dial(now).unwrap();
            node.handle_dial_failed(now, dial.target, Failure::Refused);
            assert_eq!(node.poll_dial(now), None, "there is a pause");
        }
        let dial = node.poll_dial(second(1000)).unwrap();
        link_up(node, second(1000), &dial, 2);
        assert_eq!(node.poll_close(), Some((LinkId(1), GoAway::Replaced)));
        assert_eq!(node.poll_dial(second(2000)), None);
    });
}

#[test]
fn the_replacement_of_a_link_that_drains_is_dialled_immediately() {
    with_linked_leaf(|node| {
        node.handle_go_away(second(10), LinkId(1), GoAway::Rekeyed);
        assert_eq!(node.poll_timeout().map(|at| at <= second(10)), Some(true));
        assert!(node.poll_dial(second(10)).is_some());
    });
}
