//! One node by itself: how a test starts it, links it and lets time pass.

use node_core::gossip::{
    Birth, Config, Direction, Failure, Kind, Metadata, Node, Record, Start, State, StaticStorage, Storage,
    Target,
};
use node_core::id::{LinkId, NodeId};
use node_core::link::GoAway;
use node_core::sim::toy;
use node_core::time::{Duration, Instant};
use node_core::wire::gossip::Tag;

use super::hello::signed;
use super::nowhere::Nowhere;

pub const ME: NodeId = NodeId([1; 16]);
pub const PEER: NodeId = NodeId([2; 16]);
pub const OTHER: NodeId = NodeId([3; 16]);

/// The start of the node of a test; that of its peers is earlier.
pub const START: Start = Start { at: 1_700_000_000_000, random: 7 };

/// The flag of a NEIGHBOR message that wants the link in the overlay.
pub const GRAFT: u8 = 1;
/// The flag of a NEIGHBOR message that asks for eager push.
pub const EAGER: u8 = 2;

pub fn at(millis: u64) -> Instant {
    Instant::START + Duration::from_millis(millis)
}

/// Starts a node in its first incarnation.
pub fn start<'s>(config: Config, metadata: &Metadata<'_>, storage: Storage<'s>) -> Node<'s> {
    let birth = Birth { incarnation: 1, start: START, metadata, seed: 1 };
    Node::new(Instant::START, config, toy::identity("test", config.id), birth, storage).unwrap()
}

/// Starts a node that knows no other, with metadata that does not matter.
pub fn start_as<const MEMBERS: usize, const LINKS: usize, const METADATA: usize>(
    config: Config,
    memory: &mut StaticStorage<MEMBERS, LINKS, METADATA>,
) -> Node<'_> {
    let metadata = Metadata::new("me", config.kind);
    start(config, &metadata, memory.lend())
}

/// Starts a hub that knows no other member.
pub fn hub<const MEMBERS: usize, const LINKS: usize, const METADATA: usize>(
    memory: &mut StaticStorage<MEMBERS, LINKS, METADATA>,
) -> Node<'_> {
    start_as(Config::new(ME, Kind::Hub), memory)
}

/// Starts a leaf that knows no other member.
pub fn leaf<const MEMBERS: usize, const LINKS: usize, const METADATA: usize>(
    memory: &mut StaticStorage<MEMBERS, LINKS, METADATA>,
) -> Node<'_> {
    start_as(Config::new(ME, Kind::Leaf), memory)
}

/// Runs `test` with a hub that has a link to a peer that can be dialled.
pub fn with_neighbour(test: impl FnOnce(&mut Node<'_>)) {
    let mut memory = StaticStorage::<8, 4>::new();
    let mut metadata = Metadata::new("me", Kind::Hub);
    metadata.addrs.extend(["10.0.0.1:8374"]);
    let mut node = start(Config::new(ME, Kind::Hub), &metadata, memory.lend());
    link_up(&mut node, at(0), 1, PEER, &["10.0.0.2:8374"]);
    test(&mut node);
}

/// A hub dials this node: the link is up.
pub fn link_up(node: &mut Node<'_>, now: Instant, link: u32, id: NodeId, addrs: &[&'static str]) {
    try_link(node, now, link, id, addrs).unwrap();
}

pub fn try_link(
    node: &mut Node<'_>,
    now: Instant,
    link: u32,
    id: NodeId,
    addrs: &[&'static str],
) -> Result<(), GoAway> {
    let mut metadata = Metadata::new("peer", Kind::Hub);
    metadata.addrs.extend(addrs.iter().copied());
    let mut buffer = [0; 256];
    let metadata = metadata.encode(&mut buffer).unwrap();
    let record = Record { id, incarnation: 1, state: State::Alive, by: None, metadata };
    node.handle_link_up(now, LinkId(link), Direction::Accepted, &signed(&record))
}

/// The peer says what it wants of its link.
pub fn neighbor(node: &mut Node<'_>, now: Instant, link: u32, flags: u8) {
    node.handle_gossip(now, LinkId(link), &[Tag::Neighbor as u8, flags], &mut Nowhere).unwrap();
}

/// A record that its member signed arrives on the first link.
pub fn hear(node: &mut Node<'_>, now: Instant, record: &Record<'_>) {
    hear_on(node, now, 1, record);
}

pub fn hear_on(node: &mut Node<'_>, now: Instant, link: u32, record: &Record<'_>) {
    let message = postcard::to_extend(&signed(record), vec![Tag::Records as u8]).unwrap();
    node.handle_gossip(now, LinkId(link), &message, &mut Nowhere).unwrap();
}

/// Lets time pass as an adapter does: never later than the node asked for. Every dial fails.
pub fn pass(node: &mut Node<'_>, until: Instant) {
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

/// Lets time pass while no dial comes to an end.
pub fn pass_idle(node: &mut Node<'_>, until: Instant) {
    while let Some(due) = node.poll_timeout().filter(|&due| due <= until) {
        node.handle_timeout(due);
        while node.poll_dial(due).is_some() {}
    }
    node.handle_timeout(until);
}

pub fn state(node: &Node<'_>, id: NodeId) -> Option<State> {
    node.member(id).map(|member| member.record.state)
}

/// A dial to a member is refused. Returns the state that the member has then.
pub fn refused(node: &mut Node<'_>, now: Instant, id: NodeId) -> Option<State> {
    node.handle_dial_failed(now, Target::Member(id), Failure::Refused);
    state(node, id)
}
