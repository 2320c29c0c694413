//! Two tables that differ become equal, and what that costs.

use node_core::gossip::{
    Birth, Config, Direction, IdEntry, Kind, LinkEnd, MemberSlot, Metadata, Node, PartFingerprint, Peer,
    Record, State, Storage, Target,
};
use node_core::id::{LinkId, NodeId};
use node_core::link::{Full, GoAway, Outbox};
use node_core::time::Instant;
use node_core::wire::gossip::Tag;
use node_core::wire::record::MAX_METADATA;

use super::hello::hello;

/// Members that two nodes have in common, and how many of each kind differ.
#[derive(Clone, Copy, Debug)]
struct Tables {
    common: usize,
    only_one: usize,
    only_other: usize,
    newer: usize,
}

#[test]
fn two_tables_that_differ_become_equal_within_a_bounded_number_of_messages() {
    println!("{:>7} {:>7} {:>8} {:>8}", "common", "differ", "messages", "bytes");
    let sizes =
        [(0, 1), (40, 0), (40, 3), (0, 500), (1000, 1), (1000, 30), (3000, 0), (3000, 10), (2000, 500)];
    for (seed, (common, each)) in (0..).zip(sizes) {
        let tables = Tables { common, only_one: each, only_other: each, newer: each };
        let (messages, bytes) = reconcile(seed, tables);
        println!("{common:>7} {:>7} {messages:>8} {bytes:>8}", 3 * each);
        // One that differs is found by cutting: a path from the whole to its few, and its record.
        let depth = ((common + 2 * each) as f64 / 32.0).log(8.0).max(0.0).ceil() as usize + 1;
        let bound = 1 + 3 * each * (depth + 3);
        assert!(messages <= bound, "seed {seed}: {tables:?} took {messages} messages");
    }
}

#[test]
fn equal_tables_cost_one_small_message() {
    let tables = Tables { common: 1000, only_one: 0, only_other: 0, newer: 0 };
    let (messages, bytes) = reconcile(7, tables);
    assert_eq!(messages, 1);
    assert!(bytes <= 64);
}

/// Makes two nodes with such tables, links them, and lets them talk until both are silent.
fn reconcile(seed: u64, tables: Tables) -> (usize, usize) {
    let mut rng = fastrand::Rng::with_seed(seed);
    let mut ids = || NodeId(rng.u128(1..).to_be_bytes());
    let ids: Vec<NodeId> = (0..tables.common + tables.only_one + tables.only_other).map(|_| ids()).collect();
    let (common, rest) = ids.split_at(tables.common);
    let (only_one, only_other) = rest.split_at(tables.only_one);
    let capacity = ids.len() + 3;
    let [mut one_memory, mut other_memory] = [Memory::new(capacity), Memory::new(capacity)];
    let mut one = node(1, one_memory.lend());
    let mut other = node(2, other_memory.lend());
    learn(&mut one, common.iter().chain(only_one), |_| 1);
    learn(&mut other, common.iter().chain(only_other), |at| if at < tables.newer { 2 } else { 1 });

    let link = LinkId(1);
    let mut to_other = Messages::default();
    let mut to_one = Messages::default();
    up(&mut one, &other, Direction::Dialled(Target::Seed(0)));
    up(&mut other, &one, Direction::Accepted);
    one.poll_gossip(Instant::START, link, &mut to_other);
    other.poll_gossip(Instant::START, link, &mut to_one);
    let mut cost = (0, 0);
    while !to_one.0.is_empty() || !to_other.0.is_empty() {
        deliver(&mut other, &mut to_other, &mut to_one, &mut cost);
        deliver(&mut one, &mut to_one, &mut to_other, &mut cost);
    }
    let view =
        |node: &Node<'_>| node.members().map(|m| (m.record.id, m.record.incarnation)).collect::<Vec<_>>();
    assert_eq!(view(&one), view(&other), "seed {seed}: {tables:?}");
    cost
}

fn deliver(
    node: &mut Node<'_>,
    from: &mut Messages,
    to: &mut Messages,
    (messages, bytes): &mut (usize, usize),
) {
    for message in core::mem::take(&mut from.0) {
        // How the link stands is said once and has nothing to do with the tables.
        if message.first() != Some(&(Tag::Neighbor as u8)) {
            *messages += 1;
            *bytes += message.len();
        }
        node.handle_gossip(Instant::START, LinkId(1), &message, to).unwrap();
        node.poll_gossip(Instant::START, LinkId(1), to);
    }
}

/// Memory of any size, as a server lends it.
struct Memory(Vec<MemberSlot>, Vec<IdEntry>, Vec<PartFingerprint>, Vec<u8>, [Peer; 2], Vec<Instant>);

impl Memory {
    fn new(members: usize) -> Self {
        Self(
            vec![MemberSlot::FREE; members],
            vec![IdEntry::FREE; members],
            vec![PartFingerprint::EMPTY; members / 32],
            vec![0; members * 128 + MAX_METADATA],
            [Peer::FREE; 2],
            vec![Instant::START; members],
        )
    }

    fn lend(&mut self) -> Storage<'_> {
        Storage {
            slots: &mut self.0,
            id_index: &mut self.1,
            deadlines: &mut self.5,
            fingerprints: &mut self.2,
            metadata: &mut self.3,
            peers: &mut self.4,
        }
    }
}

#[derive(Default)]
struct Messages(Vec<Vec<u8>>);

impl Outbox for Messages {
    fn put(&mut self, parts: &[&[u8]]) -> Result<(), Full> {
        self.0.push(parts.concat());
        Ok(())
    }

    fn room(&self) -> usize {
        usize::MAX
    }
}

fn node(number: u8, storage: Storage<'_>) -> Node<'_> {
    let config = Config::new(NodeId([number; 16]), Kind::Hub);
    let mut about_me = Metadata::new("node", Kind::Hub);
    about_me.addrs.extend(["10.0.0.1:1"]);
    Node::new(Instant::START, config, Birth { incarnation: 1, metadata: &about_me, seed: 1 }, storage)
        .unwrap()
}

/// Tells a node of members, over a link that is gone afterwards.
fn learn<'i>(node: &mut Node<'_>, ids: impl Iterator<Item = &'i NodeId>, incarnation: impl Fn(usize) -> u64) {
    let link = LinkId(9);
    let mut buffer = [0; 128];
    let metadata = Metadata::new("member", Kind::Hub).encode(&mut buffer).unwrap();
    let record = Record { id: NodeId([3; 16]), incarnation: 1, state: State::Alive, by: None, metadata };
    node.handle_link_up(Instant::START, link, Direction::Accepted, &hello(record)).unwrap();
    for (at, id) in ids.enumerate() {
        let record = Record { id: *id, incarnation: incarnation(at), ..record };
        let mut buffer = [1; 512];
        let len = postcard::to_slice(&record, &mut buffer[1..]).unwrap().len();
        node.handle_gossip(Instant::START, link, &buffer[..=len], &mut Messages::default()).unwrap();
    }
    node.handle_link_down(Instant::START, link, LinkEnd::GoAway(GoAway::Acknowledged));
}

fn up(node: &mut Node<'_>, peer: &Node<'_>, how: Direction) {
    node.handle_link_up(Instant::START, LinkId(1), how, &hello(peer.record())).unwrap();
}
