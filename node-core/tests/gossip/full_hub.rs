//! A hub without room for more links, or for more metadata.

use node_core::gossip::{Config, Direction, Kind, Metadata, Node, Record, State, StaticStorage, Target};
use node_core::id::{LinkId, NodeId};
use node_core::link::{Full, GoAway, Outbox};
use node_core::time::{Duration, Instant};
use node_core::wire::gossip::Tag;

use super::fixture::{GRAFT, hear_on, neighbor, start_as};
use super::hello::signed;

/// The largest active view of a hub.
const MAX_ACTIVE_VIEW: usize = 12;
/// A link has settled after this time.
const AFTER_SETTLING: Duration = Duration::from_secs(6);

fn with_hub<const METADATA: usize>(test: impl FnOnce(&mut Node<'_>)) {
    let mut memory = Box::new(StaticStorage::<40, 40, METADATA>::new());
    let config = Config::new(NodeId([0xff; 16]), Kind::Hub);
    test(&mut start_as(config, &mut memory));
}

fn link_up(node: &mut Node<'_>, now: Instant, number: u8, direction: Direction) {
    let mut metadata = Metadata::new("peer", Kind::Hub);
    metadata.addrs.push("10.0.0.2:8374").unwrap();
    let mut buffer = [0; 256];
    let metadata = metadata.encode(&mut buffer).unwrap();
    let record = Record { id: NodeId([number; 16]), incarnation: 1, state: State::Alive, by: None, metadata };
    node.handle_link_up(now, LinkId(number.into()), direction, &signed(&record)).unwrap();
}

/// Hubs of these numbers join through this hub.
fn join(node: &mut Node<'_>, now: Instant, numbers: impl Iterator<Item = u8>) {
    for number in numbers {
        link_up(node, now, number, Direction::Accepted);
        neighbor(node, now, number.into(), GRAFT);
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
fn a_link_for_requests_evicts_no_neighbour() {
    with_hub::<100>(|node| {
        join(node, at(Duration::ZERO), 1..=12);
        link_up(node, at(AFTER_SETTLING), 13, Direction::Accepted);
        assert_eq!((node.active_view_len(), node.poll_close()), (MAX_ACTIVE_VIEW, None));
        assert!(!node.carries_gossip(LinkId(13)));
    });
}

#[test]
fn a_peer_that_finds_no_room_is_pruned_with_peer_exchange() {
    with_hub::<100>(|node| {
        join(node, at(Duration::ZERO), 1..=13);
        // It says twice that it wants the link.
        neighbor(node, at(Duration::ZERO), 13, GRAFT);
        assert_eq!(node.active_view_len(), MAX_ACTIVE_VIEW);
        let mut heard = Heard::default();
        node.poll_gossip(at(Duration::ZERO), LinkId(13), &mut heard);
        assert_eq!(heard.0, [Tag::Records as u8]);
        assert_eq!(
            (node.active_view_len(), node.poll_close()),
            (MAX_ACTIVE_VIEW, Some((LinkId(13), GoAway::Pruned)))
        );
    });
}

#[test]
fn an_accepted_link_is_evicted_once_it_has_settled() {
    with_hub::<100>(|node| {
        join(node, at(Duration::ZERO), 1..=12);
        join(node, at(AFTER_SETTLING), 13..=13);
        let (ended, reason) = node.poll_close().unwrap();
        assert!(ended != LinkId(13) && reason == GoAway::Pruned);
        assert_eq!((node.active_view_len(), node.poll_close()), (MAX_ACTIVE_VIEW, None));
    });
}

#[test]
fn a_flood_of_joins_evicts_no_link_that_the_hub_dialled() {
    with_hub::<100>(|node| {
        for number in 1..=5 {
            let target = Target::Member(NodeId([number; 16]));
            link_up(node, at(Duration::ZERO), number, Direction::Dialled(target));
        }
        for number in 6..40 {
            let now = at(AFTER_SETTLING * u32::from(number));
            join(node, now, number..=number);
            while let Some((link, _)) = node.poll_close() {
                assert!(link.0 > 5, "the hub dialled {link:?}");
                node.handle_link_down(now, link, node_core::gossip::LinkEnd::GoAway(GoAway::Acknowledged));
            }
        }
        assert_eq!(node.active_view_len(), MAX_ACTIVE_VIEW);
    });
}

/// A record arrives with metadata of about `length` bytes.
fn hear(node: &mut Node<'_>, number: u8, incarnation: u64, state: State, length: usize) {
    let long = format!("{}:1", "h".repeat(length / 4));
    let mut metadata = Metadata::new("member", Kind::Hub);
    metadata.addrs.extend([&*long; 4]);
    let mut buffer = [0; 700];
    let metadata = metadata.encode(&mut buffer).unwrap();
    let record = Record { id: NodeId([number; 16]), incarnation, state, by: None, metadata };
    hear_on(node, at(Duration::ZERO), 1, &record);
}

#[test]
fn a_refutation_counts_though_there_is_no_room_for_its_metadata() {
    // The hub has 4000 bytes and keeps 768 of them for its own metadata.
    with_hub::<100>(|node| {
        join(node, at(Duration::ZERO), 1..=1);
        let known =
            |node: &Node<'_>, number| node.member(NodeId([number; 16])).map(|member| member.record.state);
        hear(node, 2, 1, State::Suspect, 40);
        (3..20).for_each(|number| hear(node, number, 1, State::Alive, 400));
        assert_eq!(known(node, 19), None, "the memory is full");
        hear(node, 2, 2, State::Alive, 400);
        assert_eq!(known(node, 2), Some(State::Alive), "its refutation counts");
        // Departed members make room.
        hear(node, 3, 1, State::Left, 400);
        hear(node, 19, 1, State::Alive, 400);
        assert_eq!((known(node, 3), known(node, 19)), (None, Some(State::Alive)));
    });
}

#[test]
fn links_that_drain_forever_do_not_keep_others_out() {
    with_hub::<100>(|node| {
        for number in 1..=40 {
            link_up(node, at(Duration::ZERO), number, Direction::Accepted);
            node.handle_go_away(at(AFTER_SETTLING), LinkId(number.into()), GoAway::Rekeyed);
        }
        let mut buffer = [0; 256];
        let metadata = Metadata::new("peer", Kind::Hub).encode(&mut buffer).unwrap();
        let record = Record { id: NodeId([41; 16]), incarnation: 1, state: State::Alive, by: None, metadata };
        let mut another = |seconds| {
            let now = at(AFTER_SETTLING + Duration::from_secs(seconds));
            let up = node.handle_link_up(now, LinkId(41), Direction::Accepted, &signed(&record));
            assert_eq!(up, Err(GoAway::Full));
            node.poll_close()
        };
        assert_eq!(another(299), None, "exchanges under way may end");
        assert_eq!(another(300), Some((LinkId(1), GoAway::Full)));
        assert_eq!(another(300), Some((LinkId(2), GoAway::Full)), "the first is already ending");
    });
}
