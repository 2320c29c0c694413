//! What becomes of links when keys change, here or at the peer.

use node_core::gossip::{
    Certificates, Config, Down, How, Kind, Meta, Node, Record, State, StaticStorage, Target,
};
use node_core::id::{LinkId, NodeId};
use node_core::link::Goodbye;
use node_core::time::{Duration, Instant};
use node_core::trust::Fingerprint;

use super::hello::hello;
use super::nowhere::Nowhere;

const ME: NodeId = NodeId([1; 16]);
const PEER: NodeId = NodeId([2; 16]);
const OLD: Fingerprint = Fingerprint([10; 32]);
const NEW: Fingerprint = Fingerprint([11; 32]);
const THEIRS: Fingerprint = Fingerprint([20; 32]);
const THEIRS_NEW: Fingerprint = Fingerprint([21; 32]);
const DIALLED: How = How::Dialled(Target::Member(PEER));

fn second(seconds: u64) -> Instant {
    Instant::START + Duration::from_secs(seconds)
}

/// Gives `look` the peer's record, which names the certificate that it shows.
fn with_record(incarnation: u64, active: Fingerprint, look: impl FnOnce(Record<'_>)) {
    let mut meta = Meta::new("peer", Kind::Hub);
    meta.addrs.extend(["10.0.0.2:8374"]);
    meta.active_key = active.0;
    let mut buffer = [0; 256];
    let meta = meta.encode(&mut buffer).unwrap();
    look(Record { id: PEER, incarnation, state: State::Alive, by: None, meta });
}

/// The peer, or who says that it is, comes with this certificate.
fn try_link(
    node: &mut Node<'_>,
    (now, link, how): (Instant, u32, How),
    (shown, announced): (Fingerprint, Fingerprint),
) -> Result<(), Goodbye> {
    let certificates = Some(Certificates { ours: OLD, theirs: shown });
    let mut result = Ok(());
    with_record(1, announced, |record| {
        result = node.handle_link_up(now, LinkId(link), (how, certificates), &hello(record));
    });
    result
}

fn link_up(node: &mut Node<'_>, link: (Instant, u32, How), announced: Fingerprint) {
    try_link(node, link, (THEIRS, announced)).unwrap();
}

/// The peer says on its first link which certificate it shows from now on.
fn announce(node: &mut Node<'_>, now: Instant, link: u32, active: Fingerprint) {
    with_record(2, active, |record| {
        let mut message = [1; 512];
        let len = postcard::to_slice(&record, &mut message[1..]).unwrap().len();
        node.handle_gossip(now, LinkId(link), &message[..=len], &mut Nowhere).unwrap();
    });
}

/// Runs `test` with a hub that is linked to another.
fn with_link(how: How, announced: Fingerprint, test: impl FnOnce(&mut Node<'_>)) {
    let mut memory = StaticStorage::<4, 4>::new();
    let config = Config { degree: 1, ..Config::new(ME, Kind::Hub) };
    let about_me = Meta::new("hub", Kind::Hub);
    let mut node = Node::new(Instant::START, config, (1, &about_me), (memory.lend(), 1)).unwrap();
    link_up(&mut node, (Instant::START, 1, how), announced);
    test(&mut node);
}

fn dialled(node: &mut Node<'_>, now: Instant) -> bool {
    let dial = node.poll_dial(now);
    assert!(dial.iter().all(|dial| dial.target == Target::Member(PEER)));
    dial.is_some()
}

#[test]
fn a_new_key_here_renews_what_was_dialled_here() {
    with_link(DIALLED, THEIRS, |node| {
        node.handle_keyring(second(10), OLD, |_| true);
        assert!(!dialled(node, second(10)), "nothing changed");
        node.handle_keyring(second(10), NEW, |_| true);
        assert!(dialled(node, second(10)));
        assert_eq!(node.poll_close(), None, "the old link serves until the new one is up");
    });
    with_link(How::Accepted, THEIRS, |node| {
        node.handle_keyring(second(10), NEW, |_| true);
        assert!(!dialled(node, second(10)), "who dialled renews it");
    });
}

#[test]
fn a_new_key_of_the_peer_renews_what_was_dialled_here() {
    for (how, renewed) in [(DIALLED, true), (How::Accepted, false)] {
        with_link(how, THEIRS, |node| {
            with_record(2, THEIRS_NEW, |record| {
                let mut message = [1; 512];
                let len = postcard::to_slice(&record, &mut message[1..]).unwrap().len();
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
        link_up(node, (second(1), 2, DIALLED), THEIRS_NEW);
        assert!(!dialled(node, second(1)), "it shows the old one again");
        assert!(dialled(node, second(2)));
    });
}

#[test]
fn a_peer_that_does_not_say_what_it_shows_is_left_alone() {
    with_link(DIALLED, Fingerprint([0; 32]), |node| assert!(!dialled(node, second(10))));
}

#[test]
fn a_link_to_a_certificate_that_left_the_keyring_ends_even_while_it_drains() {
    for how in [DIALLED, How::Accepted] {
        for draining in [false, true] {
            with_link(how, THEIRS, |node| {
                if draining {
                    node.handle_goodbye(LinkId(1), Goodbye::Replaced);
                }
                node.handle_keyring(second(10), OLD, |certificate| certificate != THEIRS);
                assert_eq!(node.poll_close(), Some((LinkId(1), Goodbye::Untrusted)));
                node.handle_keyring(second(10), OLD, |certificate| certificate != THEIRS);
                assert_eq!(node.poll_close(), None, "said once");
                node.handle_link_down(second(10), LinkId(1), Down::Goodbye(Goodbye::Agreed));
            });
        }
    }
}

#[test]
fn who_takes_the_id_of_a_linked_peer_gets_nothing() {
    for how in [DIALLED, How::Accepted] {
        with_link(how, THEIRS, |node| {
            let other = (THEIRS_NEW, THEIRS_NEW);
            assert_eq!(try_link(node, (second(10), 2, How::Accepted), other), Err(Goodbye::Replaced));
            assert_eq!((node.link_to(PEER), node.poll_close()), (Some(LinkId(1)), None));
            assert_eq!(node.member(PEER).unwrap().record.incarnation, 1);
            assert_eq!(try_link(node, (second(11), 3, How::Accepted), (THEIRS, THEIRS_NEW)), Ok(()));
        });
    }
}

#[test]
fn what_others_say_of_a_linked_peers_certificate_does_not_count() {
    with_link(How::Accepted, THEIRS, |node| {
        let mut buffer = [0; 64];
        let meta = Meta::new("liar", Kind::Hub).encode(&mut buffer).unwrap();
        let record = Record { id: NodeId([3; 16]), incarnation: 1, state: State::Alive, by: None, meta };
        node.handle_link_up(second(1), LinkId(2), (How::Accepted, None), &hello(record)).unwrap();
        announce(node, second(2), 2, THEIRS_NEW);
        let other = (THEIRS_NEW, THEIRS_NEW);
        assert_eq!(try_link(node, (second(3), 3, How::Accepted), other), Err(Goodbye::Replaced));
    });
}

#[test]
fn a_peer_comes_with_the_certificate_that_it_announced_and_without_a_link_with_any() {
    with_link(How::Accepted, THEIRS, |node| {
        announce(node, second(1), 1, THEIRS_NEW);
        let new = (THEIRS_NEW, THEIRS_NEW);
        assert_eq!(try_link(node, (second(10), 2, How::Accepted), new), Ok(()));
        assert_eq!(node.poll_close(), Some((LinkId(1), Goodbye::Replaced)));
    });
    with_link(How::Accepted, THEIRS, |node| {
        node.handle_link_down(second(1), LinkId(1), Down::Lost);
        let new = (THEIRS_NEW, THEIRS_NEW);
        assert_eq!(try_link(node, (second(1), 2, How::Accepted), new), Ok(()));
    });
}
