//! Peers that break the rules of frames and exchanges.

use node_core::rpc::Method;
use node_core::wire::frame::END;
use node_core::wire::{FrameKind, GoAway, Open, ResetCode, Service};

use crate::peer::{Peer, frame, open};
use crate::siege::Siege;

/// A request for a built-in method that leaves this much time.
fn rpc(method: Method, budget_ms: u32) -> Open {
    Open { to: None, hops: 0, budget_ms, service: Service::Rpc(method.number()) }
}

/// The number of the exchange in this slot, as its first use.
const fn number(slot: u32) -> u32 {
    1 << 16 | slot
}

#[test]
fn a_frame_longer_than_allowed_ends_the_link() {
    let siege = Siege::start();
    let mut peer = Peer::greet(siege.addr(), None).unwrap();
    peer.send(&frame(FrameKind::Data as u8, 0, 1, &[0; 60_000])).unwrap();
    assert_eq!(peer.go_away().unwrap(), GoAway::Protocol);
    siege.ends("the peer announced a frame of 60000 bytes");
}

#[test]
fn unknown_frame_kinds_are_skipped() {
    let siege = Siege::start();
    let mut peer = Peer::greet(siege.addr(), None).unwrap();
    for kind in [0, 11, 99, 255] {
        peer.send(&frame(kind, 0xff, u32::MAX, &[1; 1000])).unwrap();
    }
    peer.ping().unwrap();
    siege.ends_in_peace();
}

#[test]
fn a_request_that_never_ends_is_given_up_in_its_time() {
    let siege = Siege::start();
    let mut peer = Peer::greet(siege.addr(), None).unwrap();
    peer.send(&open(&rpc(Method::Ping, 500), 0, number(0), b"and then").unwrap()).unwrap();
    let (header, payload) = peer.receive_kind(FrameKind::Reset).unwrap();
    assert_eq!(header.exchange, number(0));
    assert_eq!(postcard::from_bytes::<ResetCode>(&payload), Ok(ResetCode::Timeout));
    // The link is as good as before.
    peer.ping().unwrap();
    siege.ends_in_peace();
}

#[test]
fn a_proxied_request_that_never_ends_is_given_up_in_its_time() {
    let siege = Siege::start();
    let mut peer = Peer::greet(siege.addr(), None).unwrap();
    let request = Open { to: None, hops: 3, budget_ms: 500, service: Service::Http };
    let head = b"POST /echo HTTP/1.1\r\nHost: shop\r\nMAELSTROM-COMPONENT: shop\r\n\r\n";
    peer.send(&open(&request, 0, number(0), head).unwrap()).unwrap();
    let (header, _) = peer.receive_kind(FrameKind::Reset).unwrap();
    assert_eq!(header.exchange, number(0));
    peer.ping().unwrap();
    siege.ends_in_peace();
}

#[test]
fn more_than_the_credit_ends_the_link() {
    let siege = Siege::start();
    let mut peer = Peer::greet(siege.addr(), None).unwrap();
    let request = Open { to: None, hops: 3, budget_ms: 60_000, service: Service::Http };
    let head = b"POST /hold HTTP/1.1\r\nHost: shop\r\nMAELSTROM-COMPONENT: shop\r\n\r\n";
    peer.send(&open(&request, 0, number(0), head).unwrap()).unwrap();
    let data = frame(FrameKind::Data as u8, 0, number(0), &[0; 16_000]);
    // The node closes somewhere on the way.
    let _ = (0..10_000).try_for_each(|_| peer.send(&data));
    siege.ends("the peer sent more than its credit");
}

#[test]
fn more_exchanges_than_allowed_end_the_link() {
    let siege = Siege::start();
    let mut peer = Peer::greet(siege.addr(), None).unwrap();
    let _ = (0..2000).try_for_each(|slot| {
        let opened = open(&rpc(Method::Ping, 60_000), 0, number(slot), b"").unwrap();
        peer.send(&opened)
    });
    siege.ends("the peer opened more exchanges than allowed");
}

#[test]
fn a_peer_that_never_reads_is_given_up() {
    let siege = Siege::start();
    let mut peer = Peer::greet(siege.addr(), None).unwrap();
    let request = Open { to: None, hops: 3, budget_ms: 300_000, service: Service::Http };
    let head = b"GET /bytes/10000000 HTTP/1.1\r\nHost: shop\r\nMAELSTROM-COMPONENT: shop\r\n\r\n";
    for slot in 0..200 {
        peer.send(&open(&request, END, number(slot), head).unwrap()).unwrap();
    }
    // It stays connected, and says nothing more.
    siege.ends("the peer answered no ping in time");
}

#[test]
fn a_flood_of_pings_ends_no_link() {
    let siege = Siege::start();
    let mut peer = Peer::greet(siege.addr(), None).unwrap();
    let pings = frame(FrameKind::Ping as u8, 0, 0, b"flooding").repeat(1000);
    for _ in 0..500 {
        peer.send(&pings).unwrap();
    }
    peer.ping().unwrap();
    siege.ends_in_peace();
}
