//! Peers that never become a link.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use node_core::wire::{FrameKind, Limits, PREFACE};
use node_tests::http::Curl;
use node_tests::pki::{Algorithm, TlsDir};

use crate::peer::{Peer, frame};
use crate::siege::Siege;

#[test]
fn random_bytes_are_refused() {
    let siege = Siege::start();
    for first in [0x00, 0x17, 0x80, 0xff] {
        let mut peer = TcpStream::connect(siege.addr()).unwrap();
        let mut bytes = [0; 4096];
        getrandom::fill(&mut bytes).unwrap();
        bytes[0] = first;
        // It may be closed before all of it is written.
        let _ = peer.write_all(&bytes);
        assert_eq!(peer.read(&mut bytes).unwrap_or(0), 0, "an answer to noise");
    }
    siege.ends("neither TLS nor a link nor HTTP");
}

#[test]
fn random_bytes_inside_tls_are_refused() {
    let made = TlsDir::generate(Algorithm::P256).unwrap();
    let siege = Siege::tls(&made);
    let mut peer = Peer::connect(siege.addr(), Some(&made)).unwrap();
    peer.send(b"this is no link at all").unwrap();
    siege.ends("not a Maelstrom link");
}

#[test]
fn a_link_without_tls_is_refused_where_tls_is_spoken() {
    let made = TlsDir::generate(Algorithm::P256).unwrap();
    let siege = Siege::tls(&made);
    assert!(Peer::greet(siege.addr(), None).is_err());
    siege.ends("it opens a link without TLS");
}

#[test]
fn many_idle_connections_are_given_up() {
    let siege = Siege::start();
    let idle: Vec<_> = (0..500).map(|_| TcpStream::connect(siege.addr()).unwrap()).collect();
    // New clients are served all the while.
    let url = format!("http://{}/_mael_health_check", siege.addr());
    assert_eq!(Curl::get(&url).send().unwrap().text(), "OK");
    for mut peer in idle {
        assert_eq!(peer.read(&mut [0; 1]).unwrap_or(0), 0, "an answer to nothing");
    }
    siege.ends("did not say within");
}

#[test]
fn half_a_handshake_is_given_up() {
    let made = TlsDir::generate(Algorithm::P256).unwrap();
    let siege = Siege::tls(&made);
    let idle: Vec<_> = (0..200)
        .map(|_| {
            let mut peer = TcpStream::connect(siege.addr()).unwrap();
            // The header of a record that never comes.
            peer.write_all(&[0x16, 0x03, 0x01, 0x02, 0x00, 0x01]).unwrap();
            peer
        })
        .collect();
    let mut link = Peer::greet(siege.addr(), Some(&made)).unwrap();
    link.ping().unwrap();
    drop(link);
    for mut peer in idle {
        assert_eq!(peer.read(&mut [0; 1]).unwrap_or(0), 0, "an answer to half a handshake");
    }
    siege.ends("TLS handshake: not finished");
}

#[test]
fn a_link_without_hello_is_given_up() {
    let siege = Siege::start();
    let mut peer = Peer::connect(siege.addr(), None).unwrap();
    peer.send(&PREFACE).unwrap();
    siege.ends("the peer sent no hello, or no proof of its identity, in time");
}

#[test]
fn another_protocol_version_is_refused_by_name() {
    let siege = Siege::start();
    let mut peer = Peer::connect(siege.addr(), None).unwrap();
    peer.send(&[&PREFACE[..], &frame(FrameKind::Hello as u8, 0, 0, &[77, 1, 2, 3])].concat()).unwrap();
    siege.ends("protocol version 77");
}

#[test]
fn limits_that_no_node_may_have_are_refused() {
    let siege = Siege::start();
    let mut peer = Peer::connect(siege.addr(), None).unwrap();
    let tiny = Limits { frame: 16, exchanges: 1, exchange_credit: 1, link_credit: 1, members: 1 };
    let hello = peer.hello("maelstrom", &tiny).unwrap();
    peer.send(&[&PREFACE[..], &hello].concat()).unwrap();
    siege.ends("limits are out of range");
}
