//! A hub, and a leaf that consists of a link only.

use core::sync::atomic::{AtomicUsize, Ordering};
use core::time::Duration;
use std::sync::Arc;

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use node_core::gossip::{Direction, Kind, Metadata, State};
use node_core::id::{LinkId, Name, NodeId};
use node_core::identity::Channel;
use node_core::link::{Config, Event, Exchange, GoAway, Limits, Link, SliceOutbox};
use node_core::rpc::Method;
use node_core::time::Instant;
use node_core::wire::gossip::Tag;
use node_core::wire::{FrameKind, HEADER, Header, PREFACE};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::{Cluster, DialRanges, Dialer, LocalMetadata, Security, Setup, Task};
use crate::api::TlsStatus;
use crate::api::testing::api_over;
use crate::application::{Application, Parts};
use crate::clock::Clock;
use crate::data_dir::DataDir;
use crate::identity::NodeKey;
use crate::link::{Accepted, LinkEvent, LinkTask, Local, Origin, Rtt, Server};
use crate::peer::{Methods, Peers, Services};
use crate::port::testing::ask;
use crate::proxy::Proxy;
use crate::testing::{self, Log, access};

const HUB: u128 = 1_000_001;
const LEAF: u128 = 1_000_002;
const LIMITS: Limits =
    Limits { frame: 1024, exchanges: 8, exchange_credit: 1024, link_credit: 8192, members: 16 };
/// So few TLS records that a link reaches the limit soon.
const KEY_USAGE_LIMIT: u64 = 20;

fn local(number: u128) -> Local {
    testing::local(number, LIMITS, KEY_USAGE_LIMIT)
}

fn id(number: u128) -> NodeId {
    NodeKey::numbered(number).id()
}

fn hub() -> (Cluster, Dialer, Arc<Proxy>) {
    let (cluster, channels) = Cluster::new(id(HUB));
    let proxy = Arc::new(Proxy::new(cluster.clone(), &[]));
    let methods = Arc::new(Methods::new(cluster.clone(), Security::Plaintext));
    let peers = Peers::new(cluster.clone(), methods.clone(), crate::log::ring());
    let api = Arc::new(api_over(cluster.clone(), TlsStatus::default(), peers));
    let application = Arc::new(Application::new(cluster.clone(), Parts::default()));
    let logs = crate::peer::Logs::new(crate::log::ring(), CancellationToken::new());
    let services = Services::new(methods, api, application, proxy.clone(), logs);
    let home = tempfile::tempdir().unwrap();
    let (task, dialer) = Task::new(Setup {
        channels,
        local: local(HUB),
        metadata: LocalMetadata {
            name: Name::new("hub").unwrap(),
            addrs: Vec::new(),
            components: Vec::new(),
        },
        security: Security::Plaintext,
        access: access(),
        dial_ranges: DialRanges::default(),
        max_links: 64,
        server: Arc::new(services),
        data_dir: DataDir::open(home.path()).unwrap(),
        clock: Clock::start(),
    });
    tokio::spawn(async move {
        task.run(&[]).await.unwrap();
        drop(home);
    });
    (cluster, dialer, proxy)
}

/// The answers of a leaf.
struct Lamp;

impl Server for Lamp {
    fn answer(&self, _: NodeId, _: u16, request: &[u8]) -> Option<Vec<u8>> {
        Some(request.to_vec())
    }

    fn serve(&self, _: NodeId, mut accepted: Accepted) {
        tokio::spawn(async move {
            while accepted.inbound.next().await.unwrap().is_some() {}
            let lit = Bytes::from_static(b"HTTP/1.1 200 OK\r\n\r\nlit");
            accepted.outbound.finish_with(lit).await.unwrap();
        });
    }
}

fn leaf_metadata() -> Metadata<'static> {
    let mut metadata = Metadata::new("leaf", Kind::Leaf);
    metadata.components.push("lamp").unwrap();
    metadata.hubs.push(id(HUB)).unwrap();
    metadata
}

fn origin() -> Origin {
    Origin {
        direction: Direction::Accepted,
        address: "memory".into(),
        channel: Channel::default(),
        shown: None,
        session: None,
    }
}

/// Dials the hub again each time that the hub asks for it.
async fn leaf(hub: Dialer, renewals: Arc<AtomicUsize>) {
    for incarnation in 1.. {
        let (near, far) = tokio::io::duplex(64 * 1024);
        let (sender, mut events) = mpsc::channel(64);
        let hub = hub.clone();
        tokio::spawn(async move { hub.run(far, origin()).await });
        tokio::spawn(async move {
            let local = local(LEAF);
            let (_sender, greeting) =
                watch::channel(testing::greeting(&local, incarnation, &leaf_metadata()));
            let task = LinkTask {
                id: LinkId(1),
                origin: origin(),
                local: &local,
                greeting,
                server: Arc::new(Lamp),
                events: sender,
                clock: Clock::start(),
            };
            task.run(near).await;
        });
        while let Some(event) = events.recv().await {
            if let LinkEvent::GoAway(_, reason) = event {
                assert_eq!(reason, GoAway::Rekeyed);
                renewals.fetch_add(1, Ordering::SeqCst);
                break;
            }
        }
        // The old link drains meanwhile.
        tokio::spawn(async move { while events.recv().await.is_some() {} });
    }
}

fn frame(kind: FrameKind, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(payload.len()).unwrap();
    let header = Header { length, kind: kind as u8, flags: 0, exchange: 0 };
    [&header.to_bytes()[..], payload].concat()
}

/// Introduces a leaf to the hub.
async fn greet(carrier: &mut DuplexStream) {
    greet_as(carrier, &leaf_metadata()).await;
}

async fn greet_as(carrier: &mut DuplexStream, metadata: &Metadata<'_>) {
    let (local, mut memory) = (local(LEAF), [Exchange::FREE; 2]);
    let (ours, theirs) = memory.split_at_mut(1);
    let (limits, five) = (LIMITS, Duration::from_secs(5));
    let (identity, hello_timeout) = (local.identity(), five);
    let config = Config { identity, limits, hello_timeout, ping_after: five, ping_timeout: five };
    let mut link = Link::new(config, ours, theirs, Instant::START);
    let mut buffer = [0; 2048];
    let mut out = SliceOutbox::new(&mut buffer);
    link.greet([7; 32], Channel::default(), &mut out).unwrap();
    carrier.write_all(out.written()).await.unwrap();
    let mut preface = [0; PREFACE.len()];
    carrier.read_exact(&mut preface).await.unwrap();
    link.handle_input(Instant::START, &preface).unwrap();
    let (header, payload) = next_frame(carrier).await;
    let hello = [&header.to_bytes()[..], &payload].concat();
    assert_eq!(link.handle_input(Instant::START, &hello).unwrap().event, Some(Event::Greeted));
    let greeting = testing::greeting(&local, 1, metadata);
    let mut out = SliceOutbox::new(&mut buffer);
    link.prove(None, greeting.record(local.id()), &mut out).unwrap();
    carrier.write_all(out.written()).await.unwrap();
}

async fn next_frame(carrier: &mut DuplexStream) -> (Header, Vec<u8>) {
    let mut header = [0; HEADER];
    carrier.read_exact(&mut header).await.unwrap();
    let header = Header::from_bytes(header);
    let mut payload = vec![0; header.length.into()];
    carrier.read_exact(&mut payload).await.unwrap();
    (header, payload)
}

/// The payload of the first ping on this link.
async fn ping(carrier: &mut DuplexStream) -> Vec<u8> {
    loop {
        let (header, payload) = next_frame(carrier).await;
        if header.kind() == Some(FrameKind::Ping) {
            return payload;
        }
    }
}

#[tokio::test]
async fn a_round_trip_time_shows_in_an_older_view() {
    let (cluster, dialer, _proxy) = hub();
    let (mut carrier, far) = tokio::io::duplex(64 * 1024);
    tokio::spawn(async move { dialer.run(far, origin()).await });
    greet(&mut carrier).await;
    let linked = async {
        loop {
            let view = cluster.view();
            if !view.link_list.is_empty() && view.member(id(LEAF)).is_some() {
                return view;
            }
            tokio::task::yield_now().await;
        }
    };
    let view = tokio::time::timeout(Duration::from_secs(10), linked).await.unwrap();
    let rtts = || {
        [view.member(id(LEAF)).unwrap().rtt.as_ref().and_then(Rtt::micros), view.link_list[0].rtt.micros()]
    };
    assert_eq!(rtts(), [None; 2]);
    let ping = ping(&mut carrier).await;
    carrier.write_all(&frame(FrameKind::Pong, &ping)).await.unwrap();
    let measured = async {
        while rtts().contains(&None) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), measured).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_comes_and_goes_does_not_fill_the_log() {
    let (log, _guard) = Log::start();
    let (_cluster, dialer, _proxy) = hub();
    for _ in 0..50 {
        let (mut carrier, far) = tokio::io::duplex(64 * 1024);
        let dialer = dialer.clone();
        let link = tokio::spawn(async move { dialer.run(far, origin()).await });
        greet(&mut carrier).await;
        drop(carrier);
        link.await.unwrap();
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    let lines = log.lines("link ");
    assert!((2..=20).contains(&lines.len()), "{lines:#?}");
    assert_eq!(log.lines("not logged"), [""; 0]);
    tokio::time::sleep(Duration::from_secs(30)).await;
    assert_eq!(log.lines("more changes of links").len(), 1);
}

/// Gossips the member with this number, which is part of its name.
async fn tell(carrier: &mut (impl AsyncWriteExt + Unpin), number: u128, state: State) {
    let (local, mut item) = (local(number), [0; 512]);
    let name = format!("n{number}");
    let metadata = Metadata { left: state == State::Left, ..Metadata::new(&name, Kind::Hub) };
    let greeting = testing::greeting(&local, 1, &metadata);
    let item = postcard::to_slice(&greeting.record(local.id()), &mut item).unwrap();
    let message = [&[Tag::Records as u8], &*item].concat();
    carrier.write_all(&frame(FrameKind::Gossip, &message)).await.unwrap();
}

#[tokio::test]
async fn a_view_of_many_members_is_published_less_often_and_shows_the_last_change() {
    const MEMBERS: u128 = 2000;
    let (cluster, dialer, _proxy) = hub();
    let (mut carrier, far) = tokio::io::duplex(64 * 1024);
    tokio::spawn(async move { dialer.run(far, origin()).await });
    greet_as(&mut carrier, &Metadata::new("other", Kind::Hub)).await;
    let (mut reader, mut carrier) = tokio::io::split(carrier);
    tokio::spawn(async move { tokio::io::copy(&mut reader, &mut tokio::io::sink()).await });
    for number in 1..=MEMBERS {
        tell(&mut carrier, number, State::Alive).await;
    }
    let last = id(MEMBERS);
    let shown = |state: State| {
        let cluster = cluster.clone();
        let shown = async move {
            while cluster.view().member(last).is_none_or(|member| member.state != state) {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(5), shown)
    };
    shown(State::Alive).await.unwrap();
    let mut views = 0;
    for number in MEMBERS - 299..=MEMBERS {
        let before = cluster.view();
        tell(&mut carrier, number, State::Left).await;
        tokio::time::sleep(Duration::from_millis(1)).await;
        views += usize::from(!Arc::ptr_eq(&before, &cluster.view()));
    }
    assert!(views < 100, "{views}");
    shown(State::Left).await.unwrap();
}

#[tokio::test]
async fn a_leafs_link_is_renewed_at_the_key_usage_limit() {
    let (cluster, dialer, proxy) = hub();
    let renewals = Arc::new(AtomicUsize::new(0));
    tokio::spawn(leaf(dialer, renewals.clone()));
    let joined = async {
        while cluster.view().member(id(LEAF)).is_none() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), joined).await.unwrap();
    let clients: Vec<_> = (0..4)
        .map(|_| {
            let (cluster, proxy) = (cluster.clone(), proxy.clone());
            tokio::spawn(async move {
                for _ in 0..100 {
                    let (method, budget) = (Method::Ping.number(), Duration::from_secs(10));
                    let pong = cluster.call(id(LEAF), method, budget, Bytes::from_static(b"ping"), 100).await;
                    assert_eq!(pong, Ok(Bytes::from_static(b"ping")));
                    let request =
                        Request::get("/").header("host", "lamp").header("MAELSTROM-COMPONENT", "lamp");
                    let request = request.body(Full::default()).unwrap();
                    assert_eq!(ask(&proxy, request).await, (200, "lit".to_owned()));
                }
            })
        })
        .collect();
    for client in clients {
        client.await.unwrap();
    }
    assert!(renewals.load(Ordering::SeqCst) >= 3, "{renewals:?}");
}
