//! Exchanges over a real link between two nodes, on an in-memory carrier.

use core::pin::Pin;
use core::sync::atomic::{AtomicUsize, Ordering};
use core::task::{Context, Poll};
use core::time::Duration;
use std::io;
use std::sync::Arc;

use bytes::Bytes;
use node_core::gossip::{Direction, Kind, Metadata};
use node_core::id::{LinkId, NodeId};
use node_core::identity::Channel;
use node_core::link::{Limits, Open, ResetCode, Service};
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};
use tokio::sync::{mpsc, watch};

use super::carrier::Carrier;
use super::{Accepted, ExchangeError, KEY_USAGE_LIMIT, LinkEvent, LinkHandle, LinkTask, Origin, Server};
use crate::clock::Clock;
use crate::testing::{greeting, local};

const OPEN: Open = Open { to: None, hops: 2, budget_ms: 20_000, service: Service::Http };
const METHOD: Open = Open { service: Service::Rpc(1), ..OPEN };
const LIMITS: Limits =
    Limits { frame: 4096, exchanges: 16, exchange_credit: 16 * 1024, link_credit: 64 * 1024, members: 16 };

/// Runs one end of a link.
fn end(carrier: impl Carrier + 'static, number: u128, server: Arc<dyn Server>) -> mpsc::Receiver<LinkEvent> {
    end_with(carrier, number, server, LIMITS)
}

fn end_with(
    carrier: impl Carrier + 'static,
    number: u128,
    server: Arc<dyn Server>,
    limits: Limits,
) -> mpsc::Receiver<LinkEvent> {
    let (sender, events) = mpsc::channel(64);
    let origin = Origin {
        direction: Direction::Accepted,
        address: "memory".into(),
        channel: Channel::default(),
        shown: None,
        session: None,
    };
    let local = local(number, limits, KEY_USAGE_LIMIT);
    tokio::spawn(async move {
        let (_sender, greeting) = watch::channel(greeting(&local, 1, &Metadata::new("node", Kind::Hub)));
        let (id, clock) = (LinkId(1), Clock::start());
        LinkTask { id, origin, local: &local, greeting, server, events: sender, clock }.run(carrier).await;
    });
    events
}

/// A link to a node where `server` serves.
async fn linked(server: impl Server) -> LinkHandle {
    let (near, far) = tokio::io::duplex(64 * 1024);
    let mut far = end(far, 2, Arc::new(server));
    let mut near = end(near, 1, Arc::new(Hang));
    tokio::spawn(async move { while far.recv().await.is_some() {} });
    loop {
        if let LinkEvent::Up { link, .. } = near.recv().await.unwrap() {
            tokio::spawn(async move { while near.recv().await.is_some() {} });
            return link;
        }
    }
}

/// Answers every built-in method, and holds every other exchange.
struct Hang;

impl Server for Hang {
    fn answer(&self, _: NodeId, _: u16, request: &[u8]) -> Option<Vec<u8>> {
        Some(request.to_vec())
    }

    fn serve(&self, _: NodeId, accepted: Accepted) {
        tokio::spawn(async move {
            accepted.outbound.closed().await;
        });
    }
}

/// Answers with what it is sent.
struct Echo;

impl Server for Echo {
    fn answer(&self, _: NodeId, _: u16, _: &[u8]) -> Option<Vec<u8>> {
        None
    }

    fn serve(&self, _: NodeId, Accepted { mut inbound, mut outbound, .. }: Accepted) {
        tokio::spawn(async move {
            while let Ok(Some(piece)) = inbound.next().await {
                if outbound.send(piece).await.is_err() {
                    return;
                }
            }
            let _ = outbound.finish().await;
        });
    }
}

/// Answers with so many bytes, and reports how it ended.
struct Flood(usize, mpsc::UnboundedSender<Result<(), ExchangeError>>);

impl Server for Flood {
    fn answer(&self, _: NodeId, _: u16, _: &[u8]) -> Option<Vec<u8>> {
        None
    }

    fn serve(&self, _: NodeId, Accepted { inbound, mut outbound, .. }: Accepted) {
        let (bytes, report) = (self.0, self.1.clone());
        tokio::spawn(async move {
            let _inbound = inbound;
            let _ = report.send(Ok(()));
            let sent = outbound.send(vec![7; bytes].into()).await;
            let _ = report.send(sent);
        });
    }
}

async fn echo(link: &LinkHandle, bytes: Bytes) -> Bytes {
    let (mut outbound, mut inbound) = link.open(OPEN).await.unwrap();
    let send = async {
        outbound.send(bytes.clone()).await.unwrap();
        outbound.finish().await.unwrap();
    };
    let receive = async {
        let mut all = Vec::new();
        while let Some(piece) = inbound.next().await.unwrap() {
            all.extend_from_slice(&piece);
        }
        Bytes::from(all)
    };
    tokio::join!(send, receive).1
}

/// A carrier that notes its longest write: with TLS each write is a record of its own.
struct Noting(DuplexStream, Arc<AtomicUsize>);

impl AsyncRead for Noting {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

impl AsyncWrite for Noting {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.1.fetch_max(buf.len(), Ordering::Relaxed);
        Pin::new(&mut self.0).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

#[tokio::test]
async fn no_record_is_longer_than_the_peer_takes() {
    for frame in [1024, 4096, 20_000] {
        let (near, far) = tokio::io::duplex(64 * 1024);
        let (longest, limits) = (Arc::new(AtomicUsize::new(0)), Limits { frame, ..LIMITS });
        let mut far = end_with(far, 2, Arc::new(Echo), limits);
        let mut near = end_with(Noting(near, Arc::clone(&longest)), 1, Arc::new(Hang), LIMITS);
        tokio::spawn(async move { while far.recv().await.is_some() {} });
        let link = loop {
            if let LinkEvent::Up { link, .. } = near.recv().await.unwrap() {
                break link;
            }
        };
        tokio::spawn(async move { while near.recv().await.is_some() {} });
        let bytes = Bytes::from(vec![7; 60_000]);
        assert_eq!(echo(&link, bytes.clone()).await, bytes);
        let (longest, most) = (longest.load(Ordering::Relaxed), limits.record());
        assert!(longest <= most && longest > most / 2, "{longest} of {most}");
    }
}

#[tokio::test]
async fn bytes_cross_whole_and_much_more_than_the_credit() {
    let link = linked(Echo).await;
    for len in [0, 1, 4096, 16 * 1024, 1_000_000] {
        let bytes: Bytes = (0..len).map(|at: u32| (at % 251) as u8).collect::<Vec<_>>().into();
        assert_eq!(echo(&link, bytes.clone()).await, bytes, "{len}");
    }
}

#[tokio::test]
async fn many_exchanges_share_the_link_and_leave_nothing_behind() {
    let link = linked(Echo).await;
    // In all many times what the link's credit is.
    for _ in 0..20 {
        let bytes = |n: u8| Bytes::from(vec![n; 3000]);
        let tasks: Vec<_> = (0..50)
            .map(|n| {
                let link = link.clone();
                tokio::spawn(async move { (n, echo(&link, bytes(n)).await) })
            })
            .collect();
        for task in tasks {
            let (n, got) = task.await.unwrap();
            assert_eq!(got, bytes(n));
        }
    }
}

#[tokio::test]
async fn answers_that_nobody_reads_do_not_use_up_the_link() {
    let (report, mut reports) = mpsc::unbounded_channel();
    let link = linked(Flood(12_000, report)).await;
    for _ in 0..100 {
        let (outbound, inbound) = link.open(OPEN).await.unwrap();
        outbound.finish().await.unwrap();
        // It is dropped when all of its answer is under way.
        reports.recv().await.unwrap().unwrap();
        reports.recv().await.unwrap().unwrap();
        drop(inbound);
    }
}

#[tokio::test]
async fn a_reader_that_stops_stops_the_sender() {
    let (report, mut reports) = mpsc::unbounded_channel();
    let link = linked(Flood(10_000_000, report)).await;
    let (outbound, mut inbound) = link.open(OPEN).await.unwrap();
    outbound.finish().await.unwrap();
    assert!(!inbound.next().await.unwrap().unwrap().is_empty());
    reports.recv().await.unwrap().unwrap();
    // Others are answered meanwhile.
    assert_eq!(link.call(METHOD, Bytes::new(), 10).await, Err(ExchangeError::Reset(ResetCode::Unknown)));
    assert!(reports.try_recv().is_err(), "10 MB are not under way");
    drop(inbound);
    assert!(reports.recv().await.unwrap().is_err());
}

#[tokio::test]
async fn what_arrived_before_a_reset_is_still_read() {
    struct Half;
    impl Server for Half {
        fn answer(&self, _: NodeId, _: u16, _: &[u8]) -> Option<Vec<u8>> {
            None
        }

        fn serve(&self, _: NodeId, mut accepted: Accepted) {
            tokio::spawn(async move {
                accepted.outbound.send(Bytes::from_static(b"half")).await.unwrap();
                accepted.outbound.reset(ResetCode::Internal);
            });
        }
    }
    let link = linked(Half).await;
    let (_outbound, mut inbound) = link.open(OPEN).await.unwrap();
    let mut seen = Vec::new();
    let error = loop {
        match inbound.next().await {
            Ok(Some(piece)) => seen.extend_from_slice(&piece),
            Ok(None) => panic!("half an answer looks whole"),
            Err(error) => break error,
        }
    };
    assert_eq!((&seen[..], error), (&b"half"[..], ExchangeError::Reset(ResetCode::Internal)));
}

#[tokio::test]
async fn a_whole_answer_stands_although_the_rest_of_the_request_is_refused() {
    struct Early;
    impl Server for Early {
        fn answer(&self, _: NodeId, _: u16, _: &[u8]) -> Option<Vec<u8>> {
            None
        }

        fn serve(&self, _: NodeId, Accepted { inbound, outbound, .. }: Accepted) {
            tokio::spawn(async move {
                outbound.finish_with(Bytes::from_static(b"no")).await.unwrap();
                drop(inbound);
            });
        }
    }
    let link = linked(Early).await;
    let (mut outbound, mut inbound) = link.open(OPEN).await.unwrap();
    outbound.send(Bytes::from_static(b"part")).await.unwrap();
    outbound.closed().await;
    assert!(outbound.send(Bytes::from_static(b"more")).await.is_err());
    assert_eq!(inbound.next().await, Ok(Some(Bytes::from_static(b"no"))));
    assert_eq!(inbound.next().await, Ok(None));
}

#[tokio::test(start_paused = true)]
async fn requests_that_hang_leave_room_for_methods() {
    let link = linked(Hang).await;
    let mut held = Vec::new();
    let full = loop {
        match link.open(OPEN).await {
            Ok(halves) => held.push(halves),
            Err(error) => break error,
        }
    };
    // Of the 16 exchanges of the link.
    assert_eq!((held.len(), full), (14, ExchangeError::Full));
    assert_eq!(link.call(METHOD, Bytes::from_static(b"x"), 100).await, Ok(Bytes::from_static(b"x")));
    // A waiting request is served when another ends.
    let waiting = tokio::spawn(async move { link.open(OPEN).await });
    tokio::time::sleep(Duration::from_secs(1)).await;
    held.pop();
    assert!(waiting.await.unwrap().is_ok());
}

#[tokio::test(start_paused = true)]
async fn an_exchange_ends_with_its_budget() {
    let link = linked(Hang).await;
    let open = Open { budget_ms: 3000, ..OPEN };
    let (outbound, mut inbound) = link.open(open).await.unwrap();
    let began = tokio::time::Instant::now();
    assert_eq!(inbound.next().await, Err(ExchangeError::Reset(ResetCode::Timeout)));
    outbound.closed().await;
    assert!((2..=4).contains(&began.elapsed().as_secs()));
}

#[tokio::test(start_paused = true)]
async fn a_link_that_is_never_quiet_is_measured_again() {
    let link = linked(Hang).await;
    link.call(METHOD, Bytes::new(), 100).await.unwrap();
    link.rtt().set(Duration::from_secs(4));
    for _ in 0..40 {
        link.call(METHOD, Bytes::new(), 100).await.unwrap();
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    assert!(link.rtt().micros().unwrap() < 1_000_000);
}

#[tokio::test]
async fn an_answer_that_is_too_long_is_refused() {
    let link = linked(Hang).await;
    let long = Bytes::from(vec![0; 200]);
    assert_eq!(link.call(METHOD, long.clone(), 200).await, Ok(long.clone()));
    assert_eq!(link.call(METHOD, long, 199).await, Err(ExchangeError::Reset(ResetCode::Full)));
}
