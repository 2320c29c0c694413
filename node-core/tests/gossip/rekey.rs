//! Links when keys change, here or at the peer.

use node_core::gossip::{
    Certificates, Config, Direction, Kind, LinkEnd, Metadata, Node, Record, State, StaticStorage, Target,
};
use node_core::id::{LinkId, NodeId};
use node_core::link::GoAway;
use node_core::time::{Duration, Instant};
use node_core::trust::Fingerprint;

use super::fixture::start_as;
use super::hello::signed;
use super::nowhere::Nowhere;

const ME: NodeId = NodeId([1; 16]);
const PEER: NodeId = NodeId([2; 16]);
const OLD: Fingerprint = Fingerprint([10; 32]);
const NEW: Fingerprint = Fingerprint([11; 32]);
const THEIRS: Fingerprint = Fingerprint([20; 32]);
const THEIRS_NEW: Fingerprint = Fingerprint([21; 32]);
const DIALLED: Direction = Direction::Dialled(Target::Member(PEER));

fn second(seconds: u64) -> Instant {
    Instant::START + Duration::from_secs(seconds)
}

/// Calls `act` with a record of the peer that announces a certificate.
fn with_record(incarnation: u64, announced: Fingerprint, act: impl FnOnce(Record<'_>)) {
    let mut metadata = Metadata::new("peer", Kind::Hub);
    metadata.addrs.extend(["10.0.0.2:8374"]);
    metadata.active_key = announced.0;
    let mut buffer = [0; 256];
    let metadata = metadata.encode(&mut buffer).unwrap();
    act(Record { id: PEER, incarnation, state: State::Alive, by: None, metadata });
}

fn link_up(node: &mut Node<'_>, now: Instant, link: u32, direction: Direction, announced: Fingerprint) {
    with_record(1, announced, |record| {
        node.handle_link_up(now, LinkId(link), direction, &signed(&record)).unwrap();
    });
    node.secure(now, LinkId(link), Certificates { ours: OLD, theirs: THEIRS });
}

/// Runs `test` with a hub that is linked to another.
fn with_link(direction: Direction, announced: Fingerprint, test: impl FnOnce(&mut Node<'_>)) {
    let mut memory = StaticStorage::<4, 4>::new();
    let config = Config { active_view: 1, ..Config::new(ME, Kind::Hub) };
    let mut node = start_as(config, &mut memory);
    link_up(&mut node, Instant::START, 1, direction, announced);
    test(&mut node);
}

fn dialled(node: &mut Node<'_>, now: Instant) -> bool {
    let dial = node.poll_dial(now);
    assert!(dial.iter().all(|dial| dial.target == Target::Member(PEER)));
    dial.is_some()
}

#[test]
fn a_new_key_here_renews_links_that_were_dialled_here() {
    with_link(DIALLED, THEIRS, |node| {
        node.handle_keyring(second(10), OLD, |_| true);
        assert!(!dialled(node, second(10)), "nothing changed");
        node.handle_keyring(second(10), NEW, |_| true);
        assert!(dialled(node, second(10)));
        assert_eq!(node.poll_close(), None, "the old link serves until the new one is up");
    });
    with_link(Direction::Accepted, THEIRS, |node| {
        node.handle_keyring(second(10), NEW, |_| true);
        assert!(!dialled(node, second(10)), "the dialler renews it");
    });
}

#[test]
fn a_new_key_of_the_peer_renews_links_that_were_dialled_here() {
    for (direction, renewed) in [(DIALLED, true), (Direction::Accepted, false)] {
        with_link(direction, THEIRS, |node| {
            with_record(2, THEIRS_NEW, |record| {
                let mut message = [1; 512];
                let len = postcard::to_slice(&signed(&record), &mut message[1..]).unwrap().len();
                node.handle_gossip(second(10), LinkId(1), &message[..=len], &mut Nowhere).unwrap();
            });
            assert_eq!(dialled(node, second(10)), renewed);
        });
    }
}

#[test]
fn a_peer_that_changed_its_key_between_handshake_and_hello_is_dialled_again_but_not_without_pause() {
    with_link(DIALLED, THEIRS_NEW, |node| {
        assert!(!dialled(node, Instant::START));
        assert!(dialled(node, second(1)));
        link_up(node, second(1), 2, DIALLED, THEIRS_NEW);
        assert!(!dialled(node, second(1)), "it shows the old certificate again");
        assert!(dialled(node, second(2)));
    });
}

#[test]
fn a_peer_that_does_not_announce_its_certificate_is_not_dialled_again() {
    with_link(DIALLED, Fingerprint([0; 32]), |node| assert!(!dialled(node, second(10))));
}

#[test]
fn a_link_to_a_certificate_that_left_the_keyring_ends_even_while_it_drains() {
    for direction in [DIALLED, Direction::Accepted] {
        for draining in [false, true] {
            with_link(direction, THEIRS, |node| {
                if draining {
                    node.handle_go_away(second(10), LinkId(1), GoAway::Replaced);
                }
                node.handle_keyring(second(10), OLD, |certificate| certificate != THEIRS);
                assert_eq!(node.poll_close(), Some((LinkId(1), GoAway::Untrusted)));
                node.handle_keyring(second(10), OLD, |certificate| certificate != THEIRS);
                assert_eq!(node.poll_close(), None, "said once");
                node.handle_link_down(second(10), LinkId(1), LinkEnd::GoAway(GoAway::Acknowledged));
            });
        }
    }
}
