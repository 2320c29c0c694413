//! One node by itself, told what happens: for moments that a whole network seldom meets.

use node_core::gossip::{Config, Down, How, Kind, Meta, Node, Record, State, StaticStorage};
use node_core::id::{LinkId, NodeId};
use node_core::link::{Hello, Limits};
use node_core::time::{Duration, Instant};

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
    let nearly = Instant::START + config.suspicion - Duration::from_micros(1);
    link_up(&mut node, nearly, (3, PEER), &[]);
    node.handle_timeout(Instant::START + config.suspicion);
    assert_eq!([state(&node, PEER), state(&node, OTHER)], [Some(State::Suspect), Some(State::Down)]);
}
