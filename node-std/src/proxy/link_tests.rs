//! Proxied requests over a real link between two nodes, on an in-memory carrier.

use core::convert::Infallible;
use core::net::SocketAddr;
use core::sync::atomic::{AtomicUsize, Ordering};
use core::time::Duration;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body::Frame;
use http_body_util::{BodyExt, Empty, StreamBody};
use hyper::body::Incoming;
use node_core::gossip::{Direction, Kind, Metadata};
use node_core::id::{LinkId, NodeId};
use node_core::identity::Channel;
use node_core::link::{Limits, Open, Service};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};

use super::{Body, Proxy, ProxyError, head, link};
use crate::clock::Clock;
use crate::identity::NodeKey;
use crate::link::{
    Accepted, ExchangeError, KEY_USAGE_LIMIT, LinkEvent, LinkHandle, LinkTask, Origin, Server,
};
use crate::testing::{alone, component, greeting, local, mirror, server, text};

const ASKING: u128 = 1;
const ANSWERING: u128 = 2;
const OPEN: Open = Open { to: None, hops: 2, budget_ms: 20_000, service: Service::Http };

fn answering() -> NodeId {
    NodeKey::numbered(ANSWERING).id()
}

/// Serves the requests on a link with a proxy.
struct Serve(Arc<Proxy>);

impl Server for Serve {
    fn answer(&self, _: NodeId, _: u16, _: &[u8]) -> Option<Vec<u8>> {
        None
    }

    fn serve(&self, _: NodeId, accepted: Accepted) {
        let proxy = Arc::clone(&self.0);
        tokio::spawn(async move { proxy.serve(accepted).await });
    }
}

/// Starts one end of a link.
fn end(carrier: DuplexStream, number: u128, server: Arc<dyn Server>) -> mpsc::Receiver<LinkEvent> {
    let (sender, events) = mpsc::channel(64);
    let origin = Origin {
        direction: Direction::Accepted,
        address: "memory".into(),
        channel: Channel::default(),
        shown: None,
        session: None,
    };
    let limits = Limits {
        frame: 4096,
        exchanges: 16,
        exchange_credit: 16 * 1024,
        link_credit: 64 * 1024,
        members: 16,
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
    let mut far = end(far, ANSWERING, Arc::new(server));
    let mut near = end(near, ASKING, Arc::new(proxy(None)));
    tokio::spawn(async move { while far.recv().await.is_some() {} });
    loop {
        if let LinkEvent::Up { link, .. } = near.recv().await.unwrap() {
            tokio::spawn(async move { while near.recv().await.is_some() {} });
            return link;
        }
    }
}

/// Serves with a proxy whose component `a` is at `addr`.
fn proxy(addr: Option<SocketAddr>) -> Serve {
    let components: Vec<_> = addr.map(|addr| component("a", addr, "")).into_iter().collect();
    Serve(Arc::new(Proxy::new(alone(), &components)))
}

/// Sends a request to the component `a` over the link.
async fn ask(
    link: &LinkHandle,
    request: http::request::Builder,
    body: Body,
) -> Result<Response<Body>, ProxyError> {
    let (parts, body) = request.header("MAELSTROM-COMPONENT", "a").body(body).unwrap().into_parts();
    let (outbound, inbound) = link.open(OPEN).await.unwrap();
    link::send(outbound, inbound, head::encode_request(&parts).unwrap(), body, answering()).await
}

#[tokio::test]
async fn a_request_crosses_the_link() {
    let link = linked(proxy(Some(mirror().await))).await;
    let response =
        ask(&link, Request::get("/path?q=1").header("x-kept", "1"), Body::default()).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert!(
        response.headers().contains_key("content-length") && !response.headers().contains_key("connection")
    );
    let seen = text(response).await;
    assert!(seen.starts_with("GET /path?q=1\n") && seen.contains("x-kept: 1\n"), "{seen}");
    // The component gets the deadline by its own node's clock, and no empty body.
    assert!(
        seen.contains("maelstrom-deadline-nano: ")
            && seen.contains(&format!("relay-path: {}", "0".repeat(32)))
    );
    assert!(!seen.contains("transfer-encoding") && !seen.contains("content-length"), "{seen}");
}

#[tokio::test]
async fn large_bodies_cross_whole() {
    let echo = server(|request: Request<Incoming>| async { Response::new(request.into_body()) }).await;
    let link = linked(proxy(Some(echo))).await;
    let body: Vec<u8> = (0..1_000_000u32).map(|i| u8::try_from(i % 251).unwrap()).collect();
    let body = Bytes::from(body);
    for method in ["POST", "GET"] {
        let request = Request::builder().method(method).uri("/").header("content-length", body.len());
        let response = ask(&link, request, Body::from(body.clone())).await.unwrap();
        assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), body);
    }
}

#[tokio::test]
async fn many_requests_share_the_link() {
    let link = linked(proxy(Some(mirror().await))).await;
    let asked: Vec<_> = (0..100)
        .map(|i| {
            let link = link.clone();
            tokio::spawn(async move {
                let response = ask(&link, Request::get(format!("/{i}")), Body::default()).await.unwrap();
                assert!(text(response).await.starts_with(&format!("GET /{i}\n")));
            })
        })
        .collect();
    for asked in asked {
        asked.await.unwrap();
    }
}

#[tokio::test]
async fn an_early_answer_needs_no_whole_request() {
    // Answers each request by its head, and reads no more.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let refuse = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let mut open = Vec::new();
        loop {
            let (mut io, _) = listener.accept().await.unwrap();
            assert_ne!(io.read(&mut [0; 512]).await.unwrap(), 0);
            io.write_all(b"HTTP/1.1 413 No\r\ncontent-length: 8\r\n\r\ntoo much").await.unwrap();
            open.push(io);
        }
    });
    let link = linked(proxy(Some(refuse))).await;
    for _ in 0..20 {
        let body = Body::from(Bytes::from(vec![0; 4_000_000]));
        let response = ask(&link, Request::post("/"), body).await.unwrap();
        assert_eq!((response.status().as_u16(), text(response).await.as_str()), (413, "too much"));
    }
}

#[tokio::test]
async fn work_ends_when_the_peer_stops_waiting() {
    static WORKING: AtomicUsize = AtomicUsize::new(0);
    struct Work;
    impl Drop for Work {
        fn drop(&mut self) {
            WORKING.fetch_sub(1, Ordering::SeqCst);
        }
    }
    let slow = server(|_| async {
        WORKING.fetch_add(1, Ordering::SeqCst);
        let _work = Work;
        core::future::pending::<Response<Empty<Bytes>>>().await
    })
    .await;
    let link = linked(proxy(Some(slow))).await;
    let waiting = ask(&link, Request::get("/"), Body::default());
    assert!(tokio::time::timeout(Duration::from_millis(300), waiting).await.is_err());
    let stopped = async {
        while WORKING.load(Ordering::SeqCst) != 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), stopped).await.unwrap();
}

#[tokio::test]
async fn a_reader_that_stops_stops_the_sender() {
    static SENT: AtomicUsize = AtomicUsize::new(0);
    const PIECE: usize = 64 * 1024;
    let endless = server(|_| async {
        let pieces = core::iter::repeat_with(|| {
            SENT.fetch_add(PIECE, Ordering::Relaxed);
            Ok::<_, Infallible>(Frame::data(Bytes::from(vec![0; PIECE])))
        });
        Response::new(StreamBody::new(futures_util::stream::iter(pieces)))
    })
    .await;
    let link = linked(proxy(Some(endless))).await;
    let mut body = ask(&link, Request::get("/"), Body::default()).await.unwrap().into_body();
    assert!(body.frame().await.is_some());
    tokio::time::sleep(Duration::from_millis(300)).await;
    let stuck = SENT.load(Ordering::Relaxed);
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(SENT.load(Ordering::Relaxed), stuck);
    // The other requests of the link go on.
    let other = linked(proxy(Some(mirror().await))).await;
    assert_eq!(ask(&other, Request::get("/"), Body::default()).await.unwrap().status(), StatusCode::OK);
}

#[tokio::test]
async fn an_answer_that_does_not_come_is_late() {
    let slow = server(|_| core::future::pending::<Response<Empty<Bytes>>>()).await;
    let link = linked(proxy(Some(slow))).await;
    let (parts, ()) = Request::get("/").header("MAELSTROM-COMPONENT", "a").body(()).unwrap().into_parts();
    let (outbound, inbound) = link.open(Open { budget_ms: 300, ..OPEN }).await.unwrap();
    let response =
        link::send(outbound, inbound, head::encode_request(&parts).unwrap(), Body::default(), answering())
            .await;
    match response {
        Ok(response) => assert_eq!(response.status(), StatusCode::GATEWAY_TIMEOUT),
        Err(error) => assert_eq!(error, ProxyError::Late),
    }
}

#[tokio::test]
async fn a_component_that_no_node_offers_is_not_found_over_a_link() {
    let link = linked(proxy(None)).await;
    let response = ask(&link, Request::get("/"), Body::default()).await.unwrap();
    assert_eq!(
        (response.status().as_u16(), text(response).await.as_str()),
        (404, "No component matches the request")
    );
}

#[tokio::test]
async fn a_request_that_cannot_be_passed_on_may_go_another_way() {
    for hops in [0, 2] {
        let link = linked(proxy(None)).await;
        let open = Open { to: Some(NodeId([3; 16])), hops, ..OPEN };
        let (outbound, inbound) = link.open(open).await.unwrap();
        let (parts, ()) = Request::get("/").header("MAELSTROM-COMPONENT", "a").body(()).unwrap().into_parts();
        let head = head::encode_request(&parts).unwrap();
        let error = link::send(outbound, inbound, head, Body::default(), answering()).await.unwrap_err();
        assert!(matches!(error, ProxyError::Unreachable { .. }), "{error}");
    }
}

/// The status of the answer to bytes that are not a request, `None` when the exchange is given up.
async fn refusal(request: &[u8]) -> Option<u16> {
    let link = linked(proxy(None)).await;
    let (mut outbound, mut inbound) = link.open(Open { budget_ms: 2000, ..OPEN }).await.unwrap();
    outbound.send(Bytes::copy_from_slice(request)).await.unwrap();
    let response = head::read_response(&mut inbound).await;
    drop(outbound);
    response.ok().map(|(response, _)| response.status().as_u16())
}

#[tokio::test]
async fn bytes_that_are_not_a_request_are_refused() {
    let large = [b"GET / HTTP/1.1\r\nx: ".to_vec(), vec![b'x'; 70_000]].concat();
    for (request, status) in [
        (&b"\0\x01\x02\r\n\r\n"[..], Some(400)),
        (b"GET / HTTP/1.0\r\n\r\n", Some(400)),
        (b"GET nowhere HTTP/1.1\r\n\r\n", Some(400)),
        (b"POST http://elsewhere HTTP/1.1\r\n\r\n", Some(404)),
        (b"POST / HTTP/1.1\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n", Some(400)),
        (&large, Some(400)),
        (b"GET / HTTP/1.1\r\nhost: x\r\n", None),
    ] {
        assert_eq!(
            refusal(request).await,
            status,
            "{:?}",
            request.get(..40).unwrap_or(request).escape_ascii()
        );
    }
}

/// Answers every exchange with the same bytes.
struct Say(&'static [u8]);

impl Server for Say {
    fn answer(&self, _: NodeId, _: u16, _: &[u8]) -> Option<Vec<u8>> {
        None
    }

    fn serve(&self, _: NodeId, mut accepted: Accepted) {
        let bytes = Bytes::from_static(self.0);
        tokio::spawn(async move {
            while accepted.inbound.next().await.unwrap().is_some() {}
            accepted.outbound.finish_with(bytes).await.unwrap();
        });
    }
}

#[tokio::test]
async fn a_peer_that_answers_nonsense_is_named() {
    for (nonsense, problem) in [
        (&b""[..], "ended before its head did"),
        (b"HTTP/1.1 200 OK\r\n", "ended before its head did"),
        (b"HELLO\r\n\r\n", "the version is not HTTP/1.1"),
        (b"HTTP/1.1 101 Switching Protocols\r\n\r\n", "the status is not"),
        (b"HTTP/1.1 200 OK\r\na b: c\r\n\r\n", "invalid character in a header name"),
    ] {
        let error = ask(&linked(Say(nonsense)).await, Request::get("/"), Body::default()).await.unwrap_err();
        let text = error.to_string();
        assert!(text.starts_with(&format!("node {} broke off: bad response:", answering())), "{text}");
        assert!(text.contains(problem), "{text}");
    }
}

/// Answers every built-in method, and no request for a component.
struct Methods;

impl Server for Methods {
    fn answer(&self, _: NodeId, _: u16, _: &[u8]) -> Option<Vec<u8>> {
        Some(Vec::new())
    }

    fn serve(&self, _: NodeId, accepted: Accepted) {
        tokio::spawn(async move {
            let _accepted = accepted;
            core::future::pending::<()>().await;
        });
    }
}

#[tokio::test(start_paused = true)]
async fn requests_that_hang_leave_room_for_methods() {
    let link = linked(Methods).await;
    let mut held = Vec::new();
    let full = loop {
        match link.open(OPEN).await {
            Ok(halves) => held.push(halves),
            Err(error) => break error,
        }
    };
    // Of the 16 exchanges of the link.
    assert_eq!((held.len(), full), (14, ExchangeError::Full));
    let method = Open { service: Service::Rpc(1), ..OPEN };
    assert_eq!(link.call(method, Bytes::new(), 100).await, Ok(Bytes::new()));
    // A waiting request is served when another ends.
    let waiting = tokio::spawn(async move { link.open(OPEN).await });
    tokio::time::sleep(Duration::from_secs(1)).await;
    held.pop();
    assert!(waiting.await.unwrap().is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_link_that_is_never_quiet_is_measured_again() {
    let link = linked(Methods).await;
    let method = Open { service: Service::Rpc(1), ..OPEN };
    link.call(method, Bytes::new(), 100).await.unwrap();
    let long_ago = Duration::from_secs(4);
    link.rtt().set(long_ago);
    for _ in 0..40 {
        link.call(method, Bytes::new(), 100).await.unwrap();
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    assert!(link.rtt().micros().unwrap() < 1_000_000);
}

#[tokio::test]
async fn an_upload_that_stalls_is_given_up() {
    let hang = server(|_| core::future::pending::<Response<Empty<Bytes>>>()).await;
    let link = linked(proxy(Some(hang))).await;
    let (pieces, body) = Body::pieces();
    let (body, stalled) = body.with_stall_timeout(Duration::from_millis(100));
    pieces.send(Ok(Some(Bytes::from_static(b"abc")))).await.unwrap();
    assert!(ask(&link, Request::post("/"), body).await.is_err());
    assert!(stalled.get());
    drop(pieces);
}

#[tokio::test]
async fn half_a_request_never_looks_whole() {
    static WHOLE: Mutex<Option<bool>> = Mutex::new(None);
    let upload = server(|request: Request<Incoming>| async {
        let whole = request.into_body().collect().await.is_ok();
        *WHOLE.lock().unwrap() = Some(whole);
        Response::new(Empty::<Bytes>::new())
    })
    .await;
    let link = linked(proxy(Some(upload))).await;
    let (pieces, body) = Body::pieces();
    let asked = tokio::spawn(async move { ask(&link, Request::post("/"), body).await.map(|_| ()) });
    pieces.send(Ok(Some(Bytes::from_static(b"half")))).await.unwrap();
    tokio::time::sleep(Duration::from_millis(200)).await;
    drop(pieces);
    assert!(matches!(asked.await.unwrap(), Err(ProxyError::BrokeOff { .. })));
    let seen = async {
        loop {
            if let Some(whole) = *WHOLE.lock().unwrap() {
                break whole;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    assert!(!tokio::time::timeout(Duration::from_secs(10), seen).await.unwrap());
}
