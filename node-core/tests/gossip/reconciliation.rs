//! Two tables that differ become equal at a bounded cost.

use node_core::gossip::{
    Config, Direction, IdEntry, Kind, LinkEnd, MemberSlot, Metadata, Node, PartFingerprint, Peer, Record,
    State, Storage, Target,
};
use node_core::id::{LinkId, NodeId};
use node_core::link::{Full, GoAway, Outbox};
use node_core::time::Instant;
use node_core::wire::gossip::Tag;
use node_core::wire::record::MAX_METADATA;

use super::fixture::{hear_on, start};
use super::hello::signed;

/// How many members two tables have in common, and how many differ in each way.
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
        let Cost { messages, bytes } = reconcile(seed, tables);
        println!("{common:>7} {:>7} {messages:>8} {bytes:>8}", 3 * each);
        // The nodes find a difference by splitting ranges: one path from the whole range to a few members, and the record.
        let depth = ((common + 2 * each) as f64 / 32.0).log(8.0).max(0.0).ceil() as usize + 1;
        let bound = 1 + 3 * each * (depth + 3);
        assert!(messages <= bound, "seed {seed}: {tables:?} took {messages} messages");
    }
}

#[test]
fn equal_tables_cost_one_small_message() {
    let tables = Tables { common: 1000, only_one: 0, only_other: 0, newer: 0 };
    let Cost { messages, bytes } = reconcile(7, tables);
    assert_eq!(messages, 1);
    assert!(bytes <= 64);
}

/// The messages of a reconciliation.
#[derive(Default)]
struct Cost {
    messages: usize,
    bytes: usize,
}

/// Links two nodes with such tables and lets them talk until both have nothing to say.
fn reconcile(seed: u64, tables: Tables) -> Cost {
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
    let mut cost = Cost::default();
    while !to_one.0.is_empty() || !to_other.0.is_empty() {
        deliver(&mut other, &mut to_other, &mut to_one, &mut cost);
        deliver(&mut one, &mut to_one, &mut to_other, &mut cost);
    }
    let view =
        |node: &Node<'_>| node.members().map(|m| (m.record.id, m.record.incarnation)).collect::<Vec<_>>();
    assert_eq!(view(&one), view(&other), "seed {seed}: {tables:?}");
    cost
}

fn deliver(node: &mut Node<'_>, from: &mut Messages, to: &mut Messages, cost: &mut Cost) {
    for message in core::mem::take(&mut from.0) {
        // NEIGHBOR is sent once and is no part of the reconciliation.
        if message.first() != Some(&(Tag::Neighbor as u8)) {
            cost.messages += 1;
            cost.bytes += message.len();
        }
        node.handle_gossip(Instant::START, LinkId(1), &message, to).unwrap();
        node.poll_gossip(Instant::START, LinkId(1), to);
    }
}

/// Memory of any size, as a server lends it.
struct Memory {
    slots: Vec<MemberSlot>,
    id_index: Vec<IdEntry>,
    deadlines: Vec<Instant>,
    fingerprints: Vec<PartFingerprint>,
    metadata: Vec<u8>,
    peers: [Peer; 2],
}

impl Memory {
    fn new(members: usize) -> Self {
        Self {
            slots: vec![MemberSlot::FREE; members],
            id_index: vec![IdEntry::FREE; members],
            deadlines: vec![Instant::START; members],
            fingerprints: vec![PartFingerprint::EMPTY; members / 32],
            metadata: vec![0; members * 128 + MAX_METADATA],
            peers: [Peer::FREE; 2],
        }
    }

    fn lend(&mut self) -> Storage<'_> {
        Storage {
            slots: &mut self.slots,
            id_index: &mut self.id_index,
            deadlines: &mut self.deadlines,
            fingerprints: &mut self.fingerprints,
            metadata: &mut self.metadata,
            peers: &mut self.peers,
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
    let mut metadata = Metadata::new("node", Kind::Hub);
    metadata.addrs.extend(["10.0.0.1:1"]);
    start(config, &metadata, storage)
}

/// Sends a node records of members, over a link that ends afterwards.
fn learn<'i>(node: &mut Node<'_>, ids: impl Iterator<Item = &'i NodeId>, incarnation: impl Fn(usize) -> u64) {
    let link = LinkId(9);
    let mut buffer = [0; 128];
    let metadata = Metadata::new("member", Kind::Hub).encode(&mut buffer).unwrap();
    let record = Record { id: NodeId([3; 16]), incarnation: 1, state: State::Alive, by: None, metadata };
    node.handle_link_up(Instant::START, link, Direction::Accepted, &signed(&record)).unwrap();
    for (at, id) in ids.enumerate() {
        let record = Record { id: *id, incarnation: incarnation(at), ..record };
        hear_on(node, Instant::START, link.0, &record);
    }
    node.handle_link_down(Instant::START, link, LinkEnd::GoAway(GoAway::Acknowledged));
}

fn up(node: &mut Node<'_>, peer: &Node<'_>, direction: Direction) {
    node.handle_link_up(Instant::START, LinkId(1), direction, &signed(&peer.record())).unwrap();
}
