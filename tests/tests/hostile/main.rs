//! Peers that break rules: each is named in the log, costs little, and disturbs no other peer.

mod peer;

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::time::Instant;

use anyhow::ensure;
use node_core::id::NodeId;
use node_core::rpc::Method;
use node_core::wire::frame::END;
use node_core::wire::gossip::Tag;
use node_core::wire::{
    FrameKind, GoAway, Kind, Limits, Metadata, Open, PREFACE, Record, ResetCode, Service, State,
};
use node_tests::cluster::Cluster;
use node_tests::component::Component;
use node_tests::daemon::{Daemon, Mark};
use node_tests::http::Curl;
use node_tests::load::Load;
use node_tests::pki::{Algorithm, TlsDir};
use node_tests::wait::eventually;

use peer::{Peer, frame, open};

/// Far more than a peer within its bounds needs, far less than one without them takes.
const BOUND: u64 = 64 << 20;

/// Two nodes that work for each other while a hostile peer talks to the first.
struct Siege {
    cluster: Cluster,
    memory: u64,
    begun: Mark,
    load: Load,
    _component: Component,
}

impl Siege {
    fn start() -> Self {
        Self::of(|component| {
            Cluster::plaintext(&["target", "other"], |setup| setup.component("shop", component))
        })
    }

    fn tls(made: &TlsDir) -> Self {
        Self::of(|component| {
            Cluster::tls(&["target", "other"], made, |setup| setup.component("shop", component))
        })
    }

    fn of(cluster: impl FnOnce(&str) -> anyhow::Result<Cluster>) -> Self {
        let component = Component::start("shop").unwrap();
        let cluster = cluster(&component.url()).unwrap();
        let load = Load::start(&format!("{}/shop/", cluster.nodes[0].gateway()), 2);
        load.goes_on(100).unwrap();
        let memory = cluster.nodes[0].memory().unwrap();
        let begun = cluster.nodes[0].mark();
        Self { cluster, memory, begun, load, _component: component }
    }

    fn target(&self) -> &Daemon {
        &self.cluster.nodes[0]
    }

    fn addr(&self) -> SocketAddr {
        self.target().private()
    }

    /// The target logged what happened, and works as before.
    fn ends(self, named: &str) {
        self.target().wait_for_log_after(self.begun, named).unwrap();
        self.holds_out();
    }

    /// The target ended no link, not even that of the hostile peer.
    fn ends_in_peace(self) {
        let since = self.target().logs_after(self.begun).join("\n");
        assert!(!since.contains("link down") && !since.contains("closing the link"), "{since}");
        self.holds_out();
    }

    /// The target has no more memory than it should, kept its link to the other node, and works on.
    fn holds_out(self) {
        self.load.goes_on(100).unwrap();
        let grown = self.target().memory().unwrap().saturating_sub(self.memory);
        assert!(grown < BOUND, "{grown} bytes more");
        for node in &self.cluster.nodes {
            let other = self.cluster.nodes.iter().find(|other| other.name() != node.name()).unwrap();
            let ever = node.logs_after(Default::default()).join("\n");
            assert!(!ever.contains(&format!("{} is suspect", other.name())), "{ever}");
        }
        let tally = self.load.stop();
        assert_eq!(tally.failed, 0, "{tally:?}");
    }
}

/// A request for a built-in method that leaves this much time.
fn rpc(method: Method, budget_ms: u32) -> Open {
    Open { to: None, hops: 0, budget_ms, service: Service::Rpc(method.number()) }
}

/// A gossip frame with the record of one member.
fn gossip(record: &Record<'_>) -> Vec<u8> {
    let mut item = [0; 2048];
    let item = postcard::to_slice(record, &mut item).unwrap();
    frame(FrameKind::Gossip as u8, 0, 0, &[&[Tag::Records as u8], &*item].concat())
}

/// A record of a member that does not exist.
fn invented<'m>(number: u128, incarnation: u64, metadata: &'m [u8]) -> Record<'m> {
    let id = NodeId((number << 64 | 1).to_be_bytes());
    Record { id, incarnation, state: State::Alive, by: None, metadata }
}

/// The number of the exchange in this slot, as its first use.
const fn number(slot: u32) -> u32 {
    1 << 16 | slot
}

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
    siege.ends("the peer sent no hello in time");
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
    let hello = peer.hello(Kind::Leaf, "maelstrom", &tiny).unwrap();
    peer.send(&[&PREFACE[..], &hello].concat()).unwrap();
    siege.ends("limits are out of range");
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
    for kind in [0, 10, 99, 255] {
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

#[test]
fn malformed_gossip_ends_the_link() {
    let siege = Siege::start();
    let mut peer = Peer::greet(siege.addr(), None).unwrap();
    peer.send(&frame(FrameKind::Gossip as u8, 0, 0, &[Tag::Records as u8, 0xff, 0xff])).unwrap();
    assert_eq!(peer.go_away().unwrap(), GoAway::Protocol);
    siege.ends("malformed gossip message");
}

#[test]
fn a_link_shows_that_it_carries_gossip_as_soon_as_the_peer_wants_it() {
    let siege = Siege::start();
    let mut peer = Peer::greet_as_hub(siege.addr(), None).unwrap();
    let carries = |expected: bool| {
        eventually(|| {
            let answer = siege.target().ctl().json(&["cluster", "links"])?;
            let links = answer["links"].as_array().cloned().unwrap_or_default();
            let link = links.iter().find(|link| link["name"] == "hostile");
            ensure!(link.is_some_and(|link| link["gossip"] == expected), "{answer}");
            Ok(())
        })
        .unwrap();
    };
    carries(false);
    for wants in [true, false, true] {
        peer.send(&frame(FrameKind::Gossip as u8, 0, 0, &[Tag::Neighbor as u8, wants.into()])).unwrap();
        peer.ping().unwrap();
        carries(wants);
    }
}

#[test]
fn a_flood_of_members_that_a_leaf_invents_is_not_believed() {
    let siege = Siege::start();
    let mut peer = Peer::greet(siege.addr(), None).unwrap();
    let mut metadata = [0; 256];
    let metadata = Metadata::new("invented", Kind::Leaf).encode(&mut metadata).unwrap().to_vec();
    for number in 0..40_000u128 {
        peer.send(&gossip(&invented(number, 1, &metadata))).unwrap();
    }
    peer.ping().unwrap();
    // A leaf speaks only for itself.
    let members = siege.target().ctl().nodes().unwrap();
    let mut names: Vec<_> = members.iter().map(|member| &*member.name).collect();
    names.sort_unstable();
    assert_eq!(names, ["hostile", "other", "target"]);
    siege.ends_in_peace();
}

#[test]
fn a_flood_of_members_that_a_hub_invents_stops_no_request() {
    const MEMBERS: u128 = 4000;
    let begun = Instant::now();
    // The component that the other node is asked for is behind the target.
    let siege = Siege::of(|component| {
        Cluster::plaintext(&["target", "other"], |setup| match setup.name() {
            "target" => setup.component("shop", component),
            _ => setup,
        })
    });
    let other = &siege.cluster.nodes[1];
    let through_other = Load::start(&format!("{}/shop/", other.gateway()), 2);
    let mut peer = Peer::greet_as_hub(siege.addr(), None).unwrap();
    // The peer speaks for the members as their hub, so that nobody suspects them meanwhile.
    let (mut member, mut metadata) = (Metadata::new("invented", Kind::Leaf), [0; 256]);
    member.hubs.push(peer.id()).unwrap();
    let metadata = member.encode(&mut metadata).unwrap();
    for number in 0..MEMBERS {
        peer.send(&gossip(&invented(number, 1, metadata))).unwrap();
        // No node reaches such an incarnation by itself.
        peer.send(&gossip(&invented(number, u64::MAX, metadata))).unwrap();
        peer.send(&gossip(&invented(number, 1 << 50, metadata))).unwrap();
        // Metadata longer than allowed.
        peer.send(&gossip(&invented(MEMBERS + number, 1, &[0x61; 900]))).unwrap();
        if number % 500 == 0 {
            peer.ping().unwrap();
        }
    }
    peer.ping().unwrap();
    // The nodes believe that these members exist, and nothing else.
    for node in &siege.cluster.nodes {
        eventually(|| {
            let nodes = node.ctl().nodes()?;
            let invented = nodes.iter().filter(|node| node.name == "invented").count() as u128;
            ensure!(invented == MEMBERS, "{invented} members");
            Ok(())
        })
        .unwrap();
    }
    // The list of events reaches to the newest, though a node answers with a part at a time.
    let output = siege.target().ctl().run(&["cluster", "events"]).unwrap();
    assert!(output.stdout.lines().count() > 1000, "{} events", output.stdout.lines().count());
    through_other.goes_on(100).unwrap();
    let tally = through_other.stop();
    assert_eq!(tally.failed, 0, "{tally:?}");
    siege.target().wait_for_log_after(siege.begun, "too high an incarnation").unwrap();
    for node in &siege.cluster.nodes {
        let logs = node.logs_after(Mark::default());
        let count = |what: &str| logs.iter().filter(|line| line.contains(what)).count() as u64;
        let windows = begun.elapsed().as_secs() / 10 + 1;
        assert!(count("is rejected: ") <= windows, "{logs:#?}");
        assert!(count("is alive") <= 20 * windows, "{logs:#?}");
        assert!(count("two nodes are named") <= 20 * windows, "{logs:#?}");
        assert!(logs.len() as u64 <= 100 * windows, "{logs:#?}");
    }
    // A record longer than a message ends the link. The first peer answered no ping meanwhile and may be gone.
    let mut peer = Peer::greet_as_hub(siege.addr(), None).unwrap();
    peer.send(&gossip(&invented(0, 2, &[0x61; 1100]))).unwrap();
    assert_eq!(peer.go_away().unwrap(), GoAway::Protocol);
    siege.ends("the peer sent a malformed Gossip frame");
}

#[test]
fn false_addresses_of_hubs_are_dialled_and_logged_now_and_then() {
    let siege = Siege::start();
    let mut peer = Peer::greet_as_hub(siege.addr(), None).unwrap();
    // The port is bound first, so that no other program takes it, and closed again.
    let nowhere = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().to_string();
    let (mut member, mut metadata) = (Metadata::new("invented", Kind::Hub), [0; 256]);
    member.addrs.push(&nowhere).unwrap();
    let metadata = member.encode(&mut metadata).unwrap();
    for number in 0..200 {
        peer.send(&gossip(&invented(number, 1, metadata))).unwrap();
    }
    // The target dials each of them, for it lacks links.
    eventually(|| {
        peer.ping()?;
        let nodes = siege.target().ctl().nodes()?;
        let alive = nodes.iter().filter(|node| node.name == "invented" && node.state == "alive").count();
        ensure!(alive == 0, "{alive} are believed");
        Ok(())
    })
    .unwrap();
    let logs = siege.target().logs_after(siege.begun);
    let named = logs.iter().filter(|line| line.contains("cannot dial")).count();
    assert!((1..=100).contains(&named), "{named} times");
    drop(peer);
    siege.holds_out();
}
