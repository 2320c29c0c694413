//! A hub that more want something of than it has room for: links, and memory for descriptions.

use node_core::gossip::{
    Birth, Config, Direction, Kind, Metadata, Node, Record, State, StaticStorage, Target,
};
use node_core::id::{LinkId, NodeId};
use node_core::link::{Full, GoAway, Outbox};
use node_core::time::{Duration, Instant};
use node_core::wire::gossip::Tag;

use super::hello::hello;
use super::nowhere::Nowhere;

/// Overlay links of a hub.
const MOST: usize = 12;
/// A link is settled after this.
const SETTLED: Duration = Duration::from_secs(6);

fn with_hub<const METADATA: usize>(test: impl FnOnce(&mut Node<'_>)) {
    let mut memory = Box::new(StaticStorage::<40, 40, METADATA>::new());
    let config = Config::new(NodeId([0xff; 16]), Kind::Hub);
    let about_me = Metadata::new("me", Kind::Hub);
    test(
        &mut Node::new(
            Instant::START,
            config,
            Birth { incarnation: 1, metadata: &about_me, seed: 1 },
            memory.lend(),
        )
        .unwrap(),
    );
}

fn link_up(node: &mut Node<'_>, now: Instant, number: u8, how: Direction) {
    let mut metadata = Metadata::new("peer", Kind::Hub);
    metadata.addrs.push("10.0.0.2:8374").unwrap();
    let mut buffer = [0; 64];
    let metadata = metadata.encode(&mut buffer).unwrap();
    let record = Record { id: NodeId([number; 16]), incarnation: 1, state: State::Alive, by: None, metadata };
    node.handle_link_up(now, LinkId(number.into()), how, &hello(record)).unwrap();
}

/// The peer says that it wants the link in the overlay.
fn wants(node: &mut Node<'_>, now: Instant, number: u8) {
    node.handle_gossip(now, LinkId(number.into()), &[Tag::Neighbor as u8, 1], &mut Nowhere).unwrap();
}

/// So many others joined through this hub.
fn crowd(node: &mut Node<'_>, now: Instant, numbers: impl Iterator<Item = u8>) {
    for number in numbers {
        link_up(node, now, number, Direction::Accepted);
        wants(node, now, number);
    }
}

fn at(time: Duration) -> Instant {
    Instant::START + time
}

#[derive(Default)]
struct Heard(Vec<u8>);

impl Outbox for Heard {
    fn put(&mut self, parts: &[&[u8]]) -> Result<(), Full> {
        self.0.extend(parts.concat().first());
        Ok(())
    }

    fn room(&self) -> usize {
        usize::MAX
    }
}

#[test]
fn a_link_for_requests_takes_nobodys_place() {
    with_hub::<100>(|node| {
        crowd(node, at(Duration::ZERO), 1..=12);
        link_up(node, at(SETTLED), 13, Direction::Accepted);
        assert_eq!((node.active_view_len(), node.poll_close()), (MOST, None));
        assert!(!node.carries_gossip(LinkId(13)));
    });
}

#[test]
fn who_finds_no_room_is_told_of_others_and_sent_on() {
    with_hub::<100>(|node| {
        crowd(node, at(Duration::ZERO), 1..=13);
        // It says twice what it wants.
        wants(node, at(Duration::ZERO), 13);
        assert_eq!(node.active_view_len(), MOST);
        let mut heard = Heard::default();
        node.poll_gossip(at(Duration::ZERO), LinkId(13), &mut heard);
        assert_eq!(heard.0, [Tag::Records as u8]);
        assert_eq!((node.active_view_len(), node.poll_close()), (MOST, Some((LinkId(13), GoAway::Pruned))));
    });
}

#[test]
fn a_link_that_others_chose_makes_way_once_it_has_settled() {
    with_hub::<100>(|node| {
        crowd(node, at(Duration::ZERO), 1..=12);
        crowd(node, at(SETTLED), 13..=13);
        let (ended, reason) = node.poll_close().unwrap();
        assert!(ended != LinkId(13) && reason == GoAway::Pruned);
        assert_eq!((node.active_view_len(), node.poll_close()), (MOST, None));
    });
}

#[test]
fn a_flood_of_joins_ends_no_link_that_the_hub_chose_itself() {
    with_hub::<100>(|node| {
        for number in 1..=5 {
            let target = Target::Member(NodeId([number; 16]));
            link_up(node, at(Duration::ZERO), number, Direction::Dialled(target));
        }
        for number in 6..40 {
            let now = at(SETTLED * u32::from(number));
            crowd(node, now, number..=number);
            while let Some((link, _)) = node.poll_close() {
                assert!(link.0 > 5, "link {link:?} was chosen");
                node.handle_link_down(now, link, node_core::gossip::LinkEnd::GoAway(GoAway::Acknowledged));
            }
        }
        assert_eq!(node.active_view_len(), MOST);
    });
}

/// Tells of a member with a description of about `length` bytes.
fn tell(node: &mut Node<'_>, number: u8, (incarnation, state): (u64, State), length: usize) {
    let long = format!("{}:1", "h".repeat(length / 4));
    let mut metadata = Metadata::new("member", Kind::Hub);
    metadata.addrs.extend([&*long; 4]);
    let mut buffer = [0; 700];
    let metadata = metadata.encode(&mut buffer).unwrap();
    let record = Record { id: NodeId([number; 16]), incarnation, state, by: None, metadata };
    let mut message = [Tag::Records as u8; 1024];
    let len = postcard::to_slice(&record, &mut message[1..]).unwrap().len();
    node.handle_gossip(at(Duration::ZERO), LinkId(1), &message[..=len], &mut Nowhere).unwrap();
}

#[test]
fn a_member_is_heard_though_there_is_no_room_for_what_it_says() {
    // 4000 bytes, of which 768 are kept for this node's own.
    with_hub::<100>(|node| {
        crowd(node, at(Duration::ZERO), 1..=1);
        let known =
            |node: &Node<'_>, number| node.member(NodeId([number; 16])).map(|member| member.record.state);
        tell(node, 2, (1, State::Suspect), 40);
        (3..20).for_each(|number| tell(node, number, (1, State::Alive), 400));
        assert_eq!(known(node, 19), None, "the memory is full");
        tell(node, 2, (2, State::Alive), 400);
        assert_eq!(known(node, 2), Some(State::Alive), "its denial counts");
        // Departed members make room.
        tell(node, 3, (1, State::Left), 400);
        tell(node, 19, (1, State::Alive), 400);
        assert_eq!((known(node, 3), known(node, 19)), (None, Some(State::Alive)));
    });
}

#[test]
fn links_that_drain_for_ever_do_not_keep_others_out() {
    with_hub::<100>(|node| {
        for number in 1..=40 {
            link_up(node, at(Duration::ZERO), number, Direction::Accepted);
            node.handle_go_away(at(SETTLED), LinkId(number.into()), GoAway::Rekeyed);
        }
        let mut buffer = [0; 64];
        let metadata = Metadata::new("peer", Kind::Hub).encode(&mut buffer).unwrap();
        let record = Record { id: NodeId([41; 16]), incarnation: 1, state: State::Alive, by: None, metadata };
        let mut another = |seconds| {
            let now = at(SETTLED + Duration::from_secs(seconds));
            let up = node.handle_link_up(now, LinkId(41), Direction::Accepted, &hello(record));
            assert_eq!(up, Err(GoAway::Full));
            node.poll_close()
        };
        assert_eq!(another(299), None, "what is under way may end");
        assert_eq!(another(300), Some((LinkId(1), GoAway::Full)));
        assert_eq!(another(300), Some((LinkId(2), GoAway::Full)), "that one is on its way out");
    });
}
