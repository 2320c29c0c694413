//! Peers that hold a trusted key and pose as another node.

use node_core::crypto::{PublicKey, Signature};
use node_core::wire::gossip::Tag;
use node_core::wire::{FrameKind, GoAway, Hello, Kind, Metadata, PREFACE, Proof, Record, State};
use node_tests::daemon::Daemon;
use node_tests::pki::{Algorithm, TlsDir};
use node_tests::wait::eventually;

use crate::author::Author;
use crate::peer::{Peer, frame};
use crate::siege::Siege;

fn siege() -> (TlsDir, Siege) {
    let made = TlsDir::generate(Algorithm::P256).unwrap();
    let siege = Siege::tls(&made);
    (made, siege)
}

/// The public key of a node, as its hello shows it to everybody who is let in.
fn key_of(node: &Daemon, keys: Option<&TlsDir>) -> PublicKey {
    let mut peer = Peer::connect(node.private(), keys).unwrap();
    let hello = peer.hello("maelstrom", &crate::peer::LIMITS).unwrap();
    peer.send(&[&PREFACE[..], &hello].concat()).unwrap();
    let hello = peer.receive_hello().unwrap();
    postcard::from_bytes::<Hello<'_>>(&hello).unwrap().identity
}

/// A peer that claims to be this node, and signs with a key of its own.
fn impostor(of: &Daemon, keys: Option<&TlsDir>) -> Author {
    let mut author = Author::numbered(1);
    author.claimed = key_of(of, keys);
    author
}

#[test]
fn nobody_gets_in_as_another_node() {
    let (made, siege) = siege();
    let other = &siege.cluster.nodes[1];
    for kind in [Kind::Hub, Kind::Leaf] {
        let author = impostor(other, Some(&made));
        let id = author.id();
        let mut peer = Peer::connect_as(author, siege.addr(), Some(&made)).unwrap();
        assert_eq!(siege.target().ctl().node(other.name()).unwrap().node_id, id.to_string());
        peer.introduce(&Metadata::new("other", kind), |_, _| {}).unwrap();
        assert_eq!(peer.go_away().unwrap(), GoAway::Unproved);
    }
    // The link of the real one stays, and with it the requests to its components.
    siege.ends("the peer did not prove that it is node");
}

#[test]
fn nobody_gets_in_as_another_node_without_tls_either() {
    let siege = Siege::start();
    let author = impostor(&siege.cluster.nodes[1], None);
    let mut peer = Peer::connect_as(author, siege.addr(), None).unwrap();
    peer.introduce(&Metadata::new("other", Kind::Hub), |_, _| {}).unwrap();
    assert_eq!(peer.go_away().unwrap(), GoAway::Unproved);
    siege.ends("the peer did not prove that it is node");
}

#[test]
fn a_proof_of_another_link_does_not_hold() {
    let (made, siege) = siege();
    let mut stolen = None;
    let mut first = Peer::connect_as(Author::numbered(7), siege.addr(), Some(&made)).unwrap();
    first.introduce(&Metadata::new("seven", Kind::Leaf), |proof, _| stolen = Some(proof.signature)).unwrap();
    first.ping().unwrap();
    // The same node, the same hello: but the nonce of the other end, and the TLS connection, are others.
    let mut second = Peer::connect_as(Author::numbered(7), siege.addr(), Some(&made)).unwrap();
    second
        .introduce(&Metadata::new("seven", Kind::Leaf), |proof, _| proof.signature = stolen.unwrap())
        .unwrap();
    assert_eq!(second.go_away().unwrap(), GoAway::Unproved);
    first.ping().unwrap();
    siege.ends("another link's proof was replayed");
}

#[test]
fn a_proof_with_another_nodes_record_does_not_hold() {
    let siege = Siege::start();
    let other = Author::numbered(8);
    let metadata = other.metadata(1, &Metadata::new("eight", Kind::Leaf)).unwrap();
    let mut peer = Peer::connect_as(Author::numbered(7), siege.addr(), None).unwrap();
    let theirs =
        Record { id: other.id(), incarnation: 1, state: State::Alive, by: None, metadata: &metadata };
    let theirs = Record { metadata: Vec::leak(theirs.metadata.to_vec()), ..theirs };
    peer.introduce(&Metadata::new("seven", Kind::Leaf), |proof, _| proof.record = theirs).unwrap();
    assert_eq!(peer.go_away().unwrap(), GoAway::Unproved);
    // Its own id, with a record that somebody else signed.
    let mut peer = Peer::connect_as(Author::numbered(7), siege.addr(), None).unwrap();
    peer.introduce(&Metadata::new("seven", Kind::Leaf), |proof, _| proof.record.incarnation = 2).unwrap();
    assert_eq!(peer.go_away().unwrap(), GoAway::Unproved);
    siege.ends("the peer did not prove that it is node");
}

#[test]
fn a_proof_that_is_missing_or_broken_is_no_link() {
    let siege = Siege::start();
    let mut silent = Peer::connect(siege.addr(), None).unwrap();
    let hello = silent.hello("maelstrom", &crate::peer::LIMITS).unwrap();
    silent.send(&[&PREFACE[..], &hello].concat()).unwrap();
    for broken in [&[][..], &[0x40; 40], &[0xff; 900]] {
        let mut peer = Peer::connect(siege.addr(), None).unwrap();
        let hello = peer.hello("maelstrom", &crate::peer::LIMITS).unwrap();
        peer.send(&[&PREFACE[..], &hello, &frame(FrameKind::Proof as u8, 0, 0, broken)].concat()).unwrap();
        peer.receive_hello().unwrap();
        assert_eq!(peer.go_away().unwrap(), GoAway::Protocol);
    }
    // A signature of the right length that signs nothing.
    let mut peer = Peer::connect(siege.addr(), None).unwrap();
    let nothing = |proof: &mut Proof<'_>, _: &Peer| proof.signature = Signature::from_bytes([1; 64]);
    peer.introduce(&Metadata::new("hostile", Kind::Leaf), nothing).unwrap();
    assert_eq!(peer.go_away().unwrap(), GoAway::Unproved);
    // Gossip before the proof.
    let mut peer = Peer::connect(siege.addr(), None).unwrap();
    let gossip = frame(FrameKind::Gossip as u8, 0, 0, &[Tag::Neighbor as u8, 1]);
    peer.send(&[&PREFACE[..], &hello, &gossip].concat()).unwrap();
    peer.receive_hello().unwrap();
    assert_eq!(peer.go_away().unwrap(), GoAway::Protocol);
    silent.receive_hello().unwrap();
    assert_eq!(silent.go_away().unwrap(), GoAway::Unresponsive);
    siege.ends("no proof of its identity, in time");
}

#[test]
fn a_peer_of_the_version_before_is_told_so() {
    let siege = Siege::start();
    let mut peer = Peer::connect(siege.addr(), None).unwrap();
    // The hello of version 1, as the vector of its protocol had it.
    let hello = b"\x01\x09maelstrom\x80\x20\x02\x08\x10\x10\x00";
    peer.send(&[&PREFACE[..], &frame(FrameKind::Hello as u8, 0, 0, hello)].concat()).unwrap();
    peer.receive_hello().unwrap();
    assert_eq!(peer.go_away().unwrap(), GoAway::OtherVersion);
    siege.ends("the peer speaks protocol version 1, this node 2: update the older one");
}

#[test]
fn nobody_speaks_in_the_name_of_another() {
    let siege = Siege::start();
    let other = &siege.cluster.nodes[1];
    let victim = impostor(other, None);
    for (state, by) in [(State::Alive, None), (State::Left, None), (State::Suspect, Some(victim.id()))] {
        // It knows all that the victim publishes, and cannot sign the next word.
        let described = Metadata { left: state == State::Left, ..Metadata::new("stolen", Kind::Hub) };
        let metadata = victim.metadata(1 << 40, &described).unwrap();
        let record = Record { id: victim.id(), incarnation: 1 << 40, state, by, metadata: &metadata };
        let mut peer = Peer::greet_as_hub(siege.addr(), None).unwrap();
        let item = postcard::to_extend(&record, vec![Tag::Records as u8]).unwrap();
        peer.send(&frame(FrameKind::Gossip as u8, 0, 0, &item)).unwrap();
        assert_eq!(peer.go_away().unwrap(), GoAway::Protocol);
    }
    for node in &siege.cluster.nodes {
        let nodes = node.ctl().nodes().unwrap();
        assert!(nodes.iter().all(|node| node.name != "stolen"), "{nodes:?}");
    }
    eventually(|| siege.target().ctl().sees(other.name(), "alive")).unwrap();
    siege.ends("that this member did not sign");
}
