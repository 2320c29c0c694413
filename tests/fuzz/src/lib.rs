//! The entries for bytes of a peer. Each function takes any bytes and must not panic; node-core's tests replay the
//! corpora through the same functions (`node-core/tests/corpora.rs`).
//!
//! `cargo +nightly fuzz run --features libfuzzer link` in this folder looks for bytes that make one panic.

use node_core::crypto::Software;
use node_core::gossip::{
    Birth, Config as NodeConfig, Direction, Failure, Kind, LinkEnd, Metadata, Node, Record, State,
    StaticStorage,
};
use node_core::http::{NO_FIELD, RequestHead, ResponseHead, content_length, end_to_end};
use node_core::id::{LinkId, NodeId};
use node_core::keys::{Bundle, Keyring};
use node_core::link::{Config, Event, Exchange, Hello, Limits, Link, Outbox, SliceOutbox};
use node_core::time::{Duration, Instant};
use node_core::trust::Certificate;

/// The name of a target and of its corpus, and the function that takes its inputs.
pub type Target = (&'static str, fn(&[u8]));

/// All targets.
pub const TARGETS: [Target; 5] =
    [("bundle", bundle), ("certificate", certificate), ("gossip", gossip), ("http", http), ("link", link)];

const ME: NodeId = NodeId([0x22; 16]);
const LIMITS: Limits =
    Limits { frame: 4096, exchanges: 2, exchange_credit: 64, link_credit: 100, members: 16 };

/// A keyring for a board.
pub fn bundle(input: &[u8]) {
    let Ok(bundle) = Bundle::decode(input) else { return };
    if let Ok(slots) = bundle.validate(&Software) {
        let keyring = Keyring::new(&slots);
        assert!(keyring.is_ok(), "a validated bundle is a keyring");
    }
}

/// A certificate in DER.
pub fn certificate(input: &[u8]) {
    if let Ok(certificate) = Certificate::parse(input) {
        let _ = certificate.p256_key();
    }
}

/// Gossip messages, each after its length in two bytes, then an hour.
pub fn gossip(input: &[u8]) {
    let mut memory = StaticStorage::<8, 4>::new();
    let metadata = Metadata::new("two", Kind::Hub);
    let config = NodeConfig::new(ME, Kind::Hub);
    let mut now = Instant::START;
    let Ok(mut node) =
        Node::new(now, config, Birth { incarnation: 1, metadata: &metadata, seed: 1 }, memory.lend())
    else {
        return;
    };
    let mut buffer = [0; 768];
    let Ok(metadata) = Metadata::new("one", Kind::Hub).encode(&mut buffer) else { return };
    let record = Record { id: NodeId([0x11; 16]), incarnation: 1, state: State::Alive, by: None, metadata };
    let hello = Hello { version: 1, cluster: "demo", limits: LIMITS, time: None, record };
    let link = LinkId(1);
    assert!(node.handle_link_up(now, link, Direction::Accepted, &hello).is_ok());
    let mut rest = input;
    while let Some((length, after)) = rest.split_first_chunk() {
        let (message, after) = after.split_at(after.len().min(u16::from_le_bytes(*length).into()));
        rest = after;
        let mut buffer = [0; 8192];
        let mut out = SliceOutbox::new(&mut buffer);
        let understood = node.handle_gossip(now, link, message, &mut out).is_ok();
        node.poll_gossip(now, link, &mut out);
        if !understood {
            break;
        }
    }
    node.handle_link_down(now, link, LinkEnd::Lost);
    for _ in 0..36 {
        now = now + Duration::from_secs(100);
        node.handle_timeout(now);
        while let Some(dial) = node.poll_dial(now) {
            node.handle_dial_failed(now, dial.target, Failure::Refused);
        }
    }
    assert!(node.members().count() <= 8);
    assert!(node.member(ME).is_some(), "a node knows itself");
}

/// A request's or response's head.
pub fn http(input: &[u8]) {
    let mut slots = [NO_FIELD; 16];
    if let Ok(Some(head)) = RequestHead::parse(input, &mut slots) {
        assert!(head.len <= input.len());
        let _ = (content_length(head.fields), end_to_end(head.fields).count());
    }
    let mut slots = [NO_FIELD; 16];
    if let Ok(Some(head)) = ResponseHead::parse(input, &mut slots) {
        assert!(head.len <= input.len());
        let _ = content_length(head.fields);
    }
}

/// Bytes that a peer sends on a link.
pub fn link(input: &[u8]) {
    let now = Instant::START;
    let five = Duration::from_secs(5);
    let config = Config {
        id: ME,
        cluster: "demo",
        limits: LIMITS,
        hello_timeout: five,
        ping_after: five,
        ping_timeout: five,
    };
    let (mut ours, mut theirs) = ([Exchange::FREE; 2], [Exchange::FREE; 2]);
    let mut link = Link::new(config, &mut ours, &mut theirs, now);
    let mut rest = input;
    while let Ok(taken) = link.handle_input(now, rest) {
        let mut buffer = [0; 256];
        let mut out = SliceOutbox::new(&mut buffer);
        match taken.event {
            Some(Event::Opened { id, data, .. }) => {
                link.release(id, data.len());
                let _ = link.send(id, b"an answer", data.len() > 4, &mut out);
            }
            Some(Event::Data { id, data, .. }) if data.len() % 2 == 0 => link.release(id, data.len()),
            _ => {}
        }
        link.poll_transmit(now, &mut out);
        assert!(out.room() <= 256 && link.in_flight() <= 4);
        rest = rest.get(taken.consumed..).unwrap_or_default();
        if taken.consumed == 0 || rest.is_empty() {
            break;
        }
    }
}
