use core::net::SocketAddr;
use core::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode, Version};
use http_body_util::{BodyExt, Empty};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::{Arrival, Body, Proxy};
use crate::testing::{alone, component, mirror, server, text};

const ARRIVAL: Arrival =
    Arrival { peer: core::net::IpAddr::V4(core::net::Ipv4Addr::new(192, 0, 2, 7)), secure: true };

/// A request to the component `a`.
fn request(target: &str) -> http::request::Builder {
    Request::get(target).header("host", "example.org").header("MAELSTROM-COMPONENT", "a")
}

fn bare(request: http::request::Builder) -> Request<Body> {
    request.body(Body::default()).unwrap()
}

fn proxy(addr: SocketAddr, prefix: &str) -> Proxy {
    Proxy::new(alone(), &[component("a", addr, prefix)])
}

/// An address without a listener.
async fn closed_port() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap()
}

async fn refusal(proxy: &Proxy, request: Request<Body>) -> (u16, String) {
    let response = proxy.respond(request, ARRIVAL).await;
    (response.status().as_u16(), text(response).await)
}

#[tokio::test]
async fn a_component_sees_the_request_and_how_it_came() {
    let proxy = proxy(mirror().await, "/base/");
    let request = request("/path?q=1")
        .method("POST")
        .header("x-forwarded-for", "198.51.100.1")
        .header("connection", "x-secret")
        .header("x-secret", "1")
        .header("te", "trailers")
        .header("x-kept", "2")
        .body(Body::from(Bytes::from_static(b"hello")))
        .unwrap();
    let seen = text(proxy.respond(request, ARRIVAL).await).await;
    let (head, body) = seen.split_once("\n\n").unwrap();
    assert_eq!((head.lines().next(), body), (Some("POST /base/path?q=1"), "hello"));
    for line in [
        "host: example.org",
        "x-forwarded-host: example.org",
        "x-forwarded-proto: https",
        "x-forwarded-for: 198.51.100.1, 192.0.2.7",
        "maelstrom-component: a",
        "maelstrom-relay-path: 00000000000000000000000000000000",
        "x-kept: 2",
        "content-length: 5",
    ] {
        assert!(head.lines().any(|seen| seen == line), "{line} in {head}");
    }
    for name in ["maelstrom-deadline-nano: 1", "maelstrom-start-nano: 1"] {
        assert!(head.contains(name), "{name} in {head}");
    }
    for name in ["x-secret", "te:", "connection"] {
        assert!(!head.contains(name), "{name} in {head}");
    }
}

#[tokio::test]
async fn a_response_loses_what_ends_at_this_hop() {
    let addr = server(|_| async {
        let response = Response::builder().status(201).header("connection", "x-hop").header("x-hop", "1");
        response.header("keep-alive", "timeout=5").header("x-kept", "2").body(Empty::new()).unwrap()
    })
    .await;
    let response = proxy(addr, "").respond(bare(request("/")), ARRIVAL).await;
    assert_eq!(response.status(), StatusCode::CREATED);
    assert_eq!(response.headers()["x-kept"], "2");
    assert!(["connection", "x-hop", "keep-alive"].iter().all(|name| !response.headers().contains_key(*name)));
}

#[tokio::test]
async fn a_component_of_this_node_answers_only_if_this_node_owns_its_name() {
    let addr = mirror().await;
    for (owners, expected) in
        [("hub", 200), ("leaf", 404), (&*"0".repeat(32), 200), (&*"1".repeat(32), 404), ("leaf,hub", 200)]
    {
        let proxy = proxy(addr, "").bindings(vec![format!("a={owners}").parse().unwrap()]);
        assert_eq!(proxy.respond(bare(request("/")), ARRIVAL).await.status(), expected, "{owners}");
        let other = proxy.bindings(vec![format!("b={owners}").parse().unwrap()]);
        assert_eq!(other.respond(bare(request("/")), ARRIVAL).await.status(), 200, "another name, {owners}");
    }
}

#[tokio::test]
async fn a_component_that_no_node_offers_is_not_found() {
    let proxy = proxy(mirror().await, "");
    let expected = (404, "No component matches the request".to_owned());
    assert_eq!(refusal(&proxy, bare(Request::get("/").header("host", "h"))).await, expected);
    let unknown = bare(Request::get("/").header("host", "h").header("MAELSTROM-COMPONENT", "b"));
    assert_eq!(refusal(&proxy, unknown).await, expected);
}

#[tokio::test]
async fn a_loop_is_refused() {
    let proxy = proxy(mirror().await, "");
    let path = format!("{}|{}", "1".repeat(32), "0".repeat(32));
    let (status, text) = refusal(&proxy, bare(request("/").header("maelstrom-relay-path", path))).await;
    assert_eq!(status, 508);
    assert!(text.contains("MAELSTROM-RELAY-PATH"), "{text}");
}

#[tokio::test]
async fn an_upgrade_is_not_proxied_yet() {
    let proxy = proxy(mirror().await, "");
    let upgrade = bare(request("/").header("connection", "upgrade").header("upgrade", "websocket"));
    let (status, text) = refusal(&proxy, upgrade).await;
    assert_eq!(status, 501);
    assert!(text.contains("not proxied yet"), "{text}");
    let connect = bare(request("example.org:443").method("CONNECT"));
    assert_eq!(refusal(&proxy, connect).await.0, 501);
}

#[tokio::test]
async fn an_offer_to_upgrade_is_not_taken_up() {
    let proxy = proxy(mirror().await, "");
    let offer = request("/").header("connection", "Upgrade, HTTP2-Settings").header("upgrade", "h2c");
    let offer = bare(offer.header("http2-settings", "AAMAAABkAAQCAAAAAAIAAAAA"));
    let (status, seen) = refusal(&proxy, offer).await;
    assert_eq!(status, 200);
    assert!(!seen.contains("upgrade") && !seen.contains("http2-settings"), "{seen}");
}

#[tokio::test]
async fn a_request_that_cannot_be_passed_on_is_a_bad_request() {
    let proxy = proxy(mirror().await, "");
    let (status, text) = refusal(&proxy, bare(request("/").header("maelstrom-deadline-nano", "soon"))).await;
    assert_eq!(status, 400);
    assert!(text.starts_with("MAELSTROM-DEADLINE-NANO: not a whole number"), "{text}");
    assert_eq!(refusal(&proxy, bare(request("*").method("OPTIONS"))).await.0, 400);
    assert_eq!(refusal(&proxy, bare(request("/").header("host", "other"))).await.0, 400);
    let hostless = || Request::get("/").header("MAELSTROM-COMPONENT", "a");
    assert_eq!(refusal(&proxy, bare(hostless())).await.0, 400);
    assert_eq!(refusal(&proxy, bare(hostless().version(Version::HTTP_10))).await.0, 200);
}

#[tokio::test]
async fn a_component_that_is_down_is_named() {
    let addr = closed_port().await;
    let (status, text) = refusal(&proxy(addr, ""), bare(request("/"))).await;
    assert_eq!(status, 502);
    assert!(
        text.starts_with(&format!("cannot reach component a at http://{addr}/: Connection refused")),
        "{text}"
    );
}

#[tokio::test]
async fn a_passed_deadline_is_not_asked_for() {
    let (status, _) =
        refusal(&proxy(closed_port().await, ""), bare(request("/").header("maelstrom-deadline-nano", "1")))
            .await;
    assert_eq!(status, 504);
}

fn in_millis(millis: u64) -> String {
    (super::fields::unix_nanos() + millis * 1_000_000).to_string()
}

#[tokio::test]
async fn a_slow_component_is_given_up_at_the_deadline() {
    let addr = server(|_| async {
        tokio::time::sleep(Duration::from_secs(60)).await;
        Response::new(Empty::new())
    })
    .await;
    let start = std::time::Instant::now();
    let late = bare(request("/").header("maelstrom-deadline-nano", in_millis(200)));
    assert_eq!(refusal(&proxy(addr, ""), late).await.0, 504);
    assert!(start.elapsed() < Duration::from_secs(10));
}

#[tokio::test]
async fn a_body_that_stalls_is_given_up() {
    let (pieces, body) = Body::pieces();
    pieces.send(Ok(Some(Bytes::from_static(b"abc")))).await.unwrap();
    let post = request("/").method("POST").header("content-length", "30").body(body).unwrap();
    let proxy = proxy(mirror().await, "").stall_timeout(Duration::from_millis(100));
    let (status, text) = refusal(&proxy, post).await;
    assert_eq!(status, 408);
    assert!(text.contains("stalled"), "{text}");
    drop(pieces);
}

#[tokio::test(start_paused = true)]
async fn the_stall_timeout_is_for_each_piece_not_for_all() {
    let (pieces, body) = Body::pieces();
    tokio::spawn(async move {
        for _ in 0..5 {
            tokio::time::sleep(Duration::from_secs(20)).await;
            pieces.send(Ok(Some(Bytes::from_static(b"x")))).await.unwrap();
        }
        core::future::pending::<()>().await;
        drop(pieces);
    });
    let (mut body, stalled) = body.with_stall_timeout(Duration::from_secs(30));
    for _ in 0..5 {
        assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), "x");
    }
    assert!(!stalled.get());
    assert!(matches!(body.frame().await, Some(Err(super::BodyError::Stalled))));
    assert!(stalled.get());
}

#[tokio::test]
async fn a_body_breaks_off_at_the_deadline() {
    // Announces more than it sends.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut io, _) = listener.accept().await.unwrap();
        assert_ne!(io.read(&mut [0; 4096]).await.unwrap(), 0);
        io.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nfirst").await.unwrap();
        core::future::pending::<()>().await;
    });
    let late = bare(request("/").header("maelstrom-deadline-nano", in_millis(300)));
    let mut body = proxy(addr, "").respond(late, ARRIVAL).await.into_body();
    assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), "first");
    assert!(matches!(body.frame().await, Some(Err(super::BodyError::Late))));
}

#[tokio::test]
async fn a_pooled_connection_that_was_closed_costs_no_request() {
    // Promises to keep each connection open and closes it when the next request comes.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (mut io, _) = listener.accept().await.unwrap();
            tokio::spawn(async move {
                assert_ne!(io.read(&mut [0; 4096]).await.unwrap(), 0);
                io.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi").await.unwrap();
                let _ = io.read(&mut [0; 4096]).await;
            });
        }
    });
    let proxy = proxy(addr, "");
    for _ in 0..4 {
        assert_eq!(refusal(&proxy, bare(request("/"))).await, (200, "hi".to_owned()));
    }
    // A request that must not be repeated is not.
    let post = request("/").method("POST").body(Body::from(Bytes::from_static(b"x"))).unwrap();
    let (status, text) = refusal(&proxy, post).await;
    assert_eq!(status, 502);
    assert!(text.contains("broke off"), "{text}");
}
