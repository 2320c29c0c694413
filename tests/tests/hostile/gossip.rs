//! Peers that send malformed gossip, or records of members that do not exist.

use std::net::{Ipv4Addr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use anyhow::ensure;
use node_core::id::NodeId;
use node_core::wire::gossip::Tag;
use node_core::wire::{FrameKind, GoAway, Kind, Metadata, Record, State};
use node_tests::cluster::Cluster;
use node_tests::daemon::{Mark, Setup};
use node_tests::load::Load;
use node_tests::wait::eventually;

use crate::author::Author;
use crate::peer::{Peer, frame};
use crate::siege::Siege;

/// A gossip frame with the record of one member.
fn gossip(record: &Record<'_>) -> Vec<u8> {
    let mut item = [0; 2048];
    let item = postcard::to_slice(record, &mut item).unwrap();
    frame(FrameKind::Gossip as u8, 0, 0, &[&[Tag::Records as u8], &*item].concat())
}

/// A gossip frame with the record of a member that does not exist, signed by a key made for it.
fn invented(number: u128, incarnation: u64, metadata: &Metadata<'_>) -> Vec<u8> {
    let author = Author::numbered(number);
    record_of(author.id(), incarnation, &author.metadata(incarnation, metadata).unwrap())
}

/// A gossip frame with a record.
fn record_of(id: NodeId, incarnation: u64, metadata: &[u8]) -> Vec<u8> {
    gossip(&Record { id, incarnation, state: State::Alive, by: None, metadata })
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
    let metadata = Author::numbered(1).metadata(1, &Metadata::new("invented", Kind::Leaf)).unwrap();
    for number in 0..40_000u128 {
        peer.send(&record_of(NodeId(number.to_be_bytes()), 1, &metadata)).unwrap();
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
    let mut member = Metadata::new("invented", Kind::Leaf);
    member.hubs.push(peer.id()).unwrap();
    for number in 0..MEMBERS {
        peer.send(&invented(number, 1, &member)).unwrap();
        // No node reaches such an incarnation by itself.
        peer.send(&invented(number, u64::MAX, &member)).unwrap();
        // Metadata longer than allowed.
        peer.send(&record_of(NodeId((number + 1).to_be_bytes()), 1, &[0x61; 900])).unwrap();
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
    peer.send(&record_of(NodeId([1; 16]), 2, &[0x61; 1100])).unwrap();
    assert_eq!(peer.go_away().unwrap(), GoAway::Protocol);
    siege.ends("the peer sent a malformed Gossip frame");
}

#[test]
fn a_thousand_invented_hubs_at_one_address_are_dialled_no_more_often_than_one() {
    let siege = Siege::start();
    let victim = Victim::listen();
    let mut peer = Peer::greet_as_hub(siege.addr(), None).unwrap();
    let mut member = Metadata::new("invented", Kind::Hub);
    member.addrs.push(&victim.address).unwrap();
    for number in 0..1_000 {
        peer.send(&invented(number, 1, &member)).unwrap();
    }
    // Meanwhile an honest node joins.
    let newcomer = Setup::named("newcomer").unwrap().join(siege.addr()).start().unwrap();
    for node in &siege.cluster.nodes {
        eventually(|| node.ctl().sees("newcomer", "alive")).unwrap();
    }
    // Both nodes dial it, for they lack links; each waits twice as long after each failure.
    eventually(|| {
        peer.ping()?;
        ensure!(victim.dials() >= 6, "{} dials", victim.dials());
        Ok(())
    })
    .unwrap();
    assert!(victim.dials() <= 30, "{} dials", victim.dials());
    let logs = siege.target().logs_after(siege.begun);
    let named = logs.iter().filter(|line| line.contains("cannot dial")).count();
    assert!(named <= 30, "{named} times");
    drop((peer, newcomer));
    siege.holds_out();
}

/// A host that has nothing to do with the cluster: it accepts connections and closes them.
struct Victim {
    address: String,
    dials: Arc<AtomicUsize>,
}

impl Victim {
    fn listen() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let dials = Arc::new(AtomicUsize::new(0));
        let count = dials.clone();
        // It ends with the test's process.
        std::thread::spawn(move || {
            listener.incoming().for_each(|_| _ = count.fetch_add(1, Ordering::SeqCst))
        });
        Self { address, dials }
    }

    fn dials(&self) -> usize {
        self.dials.load(Ordering::SeqCst)
    }
}
