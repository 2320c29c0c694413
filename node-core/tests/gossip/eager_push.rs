//! How much a hub says to its eager-push peers, and when.

use std::collections::BTreeSet;

use node_core::gossip::{Config, Direction, Kind, Metadata, Node, Record, State, StaticStorage};
use node_core::id::{LinkId, NodeId};
use node_core::time::{Duration, Instant};
use node_core::wire::gossip::Tag;
use node_core::wire::{Full, Outbox};

use super::fixture::{EAGER, GRAFT, at, hear_on, neighbor, start_as};
use super::hello::signed;
use super::nowhere::Nowhere;

const SOURCE: u32 = 1;
const LISTENER: u32 = 2;

#[derive(Default)]
struct Heard {
    messages: usize,
    members: BTreeSet<NodeId>,
    ihave: Vec<NodeId>,
}

impl Outbox for Heard {
    fn put(&mut self, parts: &[&[u8]]) -> Result<(), Full> {
        let message = parts.concat();
        let (tag, mut items) = message.split_first().unwrap();
        if Tag::try_from(*tag) == Ok(Tag::IHave) {
            // Each item is an id and six bytes: incarnation, state, digest.
            self.ihave.extend(items.chunks(22).map(|version| NodeId(version[..16].try_into().unwrap())));
        }
        if Tag::try_from(*tag) != Ok(Tag::Records) {
            return Ok(());
        }
        self.messages += 1;
        while !items.is_empty() {
            let (record, rest) = postcard::take_from_bytes::<Record<'_>>(items).unwrap();
            self.members.insert(record.id);
            items = rest;
        }
        Ok(())
    }

    fn room(&self) -> usize {
        usize::MAX
    }
}

/// A record of a member that is alive arrives on a link.
fn say(node: &mut Node<'_>, now: Instant, link: u32, member: u8) {
    let mut buffer = [0; 256];
    let metadata = Metadata::new("x", Kind::Hub).encode(&mut buffer).unwrap();
    let id = NodeId([member; 16]);
    hear_on(node, now, link, &Record { id, incarnation: 1, state: State::Alive, by: None, metadata });
}

/// A report that one member suspects another arrives.
fn suspect(node: &mut Node<'_>, now: Instant, member: u8, by: u8) {
    let (id, by) = (NodeId([member; 16]), Some(NodeId([by; 16])));
    hear_on(node, now, SOURCE, &Record { id, incarnation: 1, state: State::Suspect, by, metadata: &[] });
}

/// Runs `test` with a hub that has two neighbours. They know all that it knows and ask for eager push.
fn with_neighbours(test: impl FnOnce(&mut Node<'_>)) {
    let mut memory = Box::new(StaticStorage::<128, 4>::new());
    let config = Config { fanout: 0, ..Config::new(NodeId([0xff; 16]), Kind::Hub) };
    let mut node = start_as(config, &mut memory);
    for link in [SOURCE, LISTENER] {
        let mut buffer = [0; 256];
        let metadata = Metadata::new("peer", Kind::Hub).encode(&mut buffer).unwrap();
        let id = NodeId([0xf0 + link as u8; 16]);
        let record = Record { id, incarnation: 1, state: State::Alive, by: None, metadata };
        node.handle_link_up(at(0), LinkId(link), Direction::Accepted, &signed(&record)).unwrap();
        neighbor(&mut node, at(0), link, GRAFT | EAGER);
    }
    let mut now = at(0);
    for _ in 0..10 {
        node.handle_timeout(now);
        while node.poll_dial(now).is_some() {}
        [SOURCE, LISTENER].iter().for_each(|link| node.poll_gossip(now, LinkId(*link), &mut Nowhere));
        now = now + Duration::from_secs(1);
    }
    test(&mut node);
}

#[test]
fn a_few_changes_are_pushed_immediately_and_many_travel_together() {
    with_neighbours(|node| {
        let mut heard = Heard::default();
        for number in 0..100_u8 {
            let now = at(20_000 + u64::from(number));
            say(node, now, SOURCE, number + 1);
            node.poll_gossip(now, LinkId(LISTENER), &mut heard);
            if number < 4 {
                assert_eq!((heard.messages, heard.members.len()), (number as usize + 1, number as usize + 1));
            }
        }
        // An adapter polls when the node asks for it.
        while heard.members.len() < 100 {
            let due = node.poll_timeout().unwrap();
            assert!(due <= at(20_200), "the rest waits for a tenth of a second");
            node.handle_timeout(due);
            while node.poll_dial(due).is_some() {}
            node.poll_gossip(due, LinkId(LISTENER), &mut heard);
        }
        assert!(heard.messages <= 20, "{} messages", heard.messages);
    });
}

#[test]
fn a_confirmer_is_relayed_unless_many_are_suspected_and_counts_in_any_case() {
    const CONFIRMERS: [u8; 2] = [99, 100];
    for (suspects, relayed) in [(16, 1), (17, 0)] {
        with_neighbours(|node| {
            (1..=suspects).chain(CONFIRMERS).for_each(|member| say(node, at(20_000), SOURCE, member));
            (1..=suspects).for_each(|member| suspect(node, at(20_000), member, CONFIRMERS[0]));
            node.poll_gossip(at(20_000), LinkId(LISTENER), &mut Nowhere);
            let mut heard = Heard::default();
            suspect(node, at(21_000), 1, CONFIRMERS[1]);
            node.poll_gossip(at(21_000), LinkId(LISTENER), &mut heard);
            assert_eq!(heard.members.len(), relayed, "{suspects}");
            let state = |node: &Node<'_>, member| node.member(NodeId([member; 16])).unwrap().record.state;
            // A report gives a suspect a minute; a confirmer halves it.
            while let Some(due) = node.poll_timeout().filter(|&due| due <= at(50_100)) {
                node.handle_timeout(due);
                while node.poll_dial(due).is_some() {}
                node.poll_gossip(due, LinkId(LISTENER), &mut Nowhere);
            }
            assert_eq!([state(node, 1), state(node, 2)], [State::Down, State::Suspect]);
        });
    }
}

#[test]
fn a_leave_does_not_wait_its_turn() {
    with_neighbours(|node| {
        let mut heard = Heard::default();
        for number in 1..20 {
            say(node, at(20_000), SOURCE, number);
            node.poll_gossip(at(20_000), LinkId(LISTENER), &mut heard);
        }
        assert!(heard.members.len() < 19, "the pace is used up");
        node.leave(at(20_000));
        node.poll_gossip(at(20_000), LinkId(LISTENER), &mut heard);
        assert!(heard.members.contains(&node.id()));
    });
}

#[test]
fn a_record_that_both_ends_of_a_link_know_is_not_sent_on_it() {
    for knows in [false, true] {
        with_neighbours(|node| {
            let mut heard = Heard::default();
            say(node, at(20_000), SOURCE, 1);
            if knows {
                say(node, at(20_000), LISTENER, 1);
            }
            node.poll_gossip(at(20_000), LinkId(LISTENER), &mut heard);
            assert_eq!(heard.members.len(), usize::from(!knows));
            let mut back = Heard::default();
            node.poll_gossip(at(20_000), LinkId(SOURCE), &mut back);
            assert_eq!(back.messages, 0, "it came from there");
        });
    }
}

#[test]
fn a_peer_that_turns_to_lazy_push_gets_ihave_for_the_rest_only() {
    with_neighbours(|node| {
        for number in 1..=100 {
            say(node, at(20_000), SOURCE, number);
        }
        node.poll_gossip(at(20_000), LinkId(LISTENER), &mut Nowhere);
        for number in 1..=10 {
            say(node, at(20_000), SOURCE, 100 + number);
            node.poll_gossip(at(20_000), LinkId(LISTENER), &mut Nowhere);
        }
        neighbor(node, at(20_010), LISTENER, GRAFT);
        let mut heard = Heard::default();
        while let Some(due) = node.poll_timeout().filter(|&due| due <= at(22_000)) {
            node.handle_timeout(due);
            while node.poll_dial(due).is_some() {}
            node.poll_gossip(due, LinkId(LISTENER), &mut heard);
        }
        // Eager push sent it four messages: the first hundred members, and three more.
        let left: Vec<NodeId> = (104..=110).map(|number| NodeId([number; 16])).collect();
        assert_eq!(heard.ihave, left);
    });
}
