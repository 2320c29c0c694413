use core::net::{Ipv4Addr, SocketAddr};
use core::time::Duration;
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{Empty, Full};
use node_core::http::{NO_FIELD, RequestHead};
use node_core::id::NodeId;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::relay::{Progress, Terms, relay};
use super::{Arrival, Http1, Leg as _, Origin, Proxy, Timers};
use crate::config::HttpLimits;
use crate::port::testing::{Version, ask, port, port_within};
use crate::testing::{alone, component, mirror, server};

/// A request to the component `a`.
fn request(target: &str) -> http::request::Builder {
    Request::get(target).header("host", "example.org").header("MAELSTROM-COMPONENT", "a")
}

fn bare(request: http::request::Builder) -> Request<Full<Bytes>> {
    request.body(Full::default()).unwrap()
}

fn proxy(addr: SocketAddr, prefix: &str) -> Arc<Proxy> {
    Arc::new(Proxy::new(alone(), &[component("a", addr, prefix)]))
}

/// An address without a listener.
async fn closed_port() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap()
}

#[tokio::test]
async fn a_component_sees_the_request_and_how_it_came() {
    let proxy = proxy(mirror().await, "/base/");
    let request = request("/path?q=1").method("POST");
    let request = request.header("x-forwarded-for", "198.51.100.1").header("x-kept", "2");
    let request = request.header("via", "1.0 a").header("via", "2.0 b (c)");
    let (_, seen) = ask(&proxy, request.body(Full::from("hello")).unwrap()).await;
    let (head, body) = seen.split_once("\n\n").unwrap();
    assert_eq!((head.lines().next(), body), (Some("POST /base/path?q=1"), "hello"));
    for line in [
        "host: example.org",
        "x-forwarded-host: example.org",
        "x-forwarded-proto: http",
        "x-forwarded-for: 198.51.100.1, 127.0.0.1",
        "forwarded: for=127.0.0.1;host=\"example.org\";proto=http",
        "via: 1.0 a, 2.0 b (c), 1.1 maelstrom",
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
}

#[tokio::test]
async fn a_component_of_this_node_answers_only_if_this_node_owns_its_name() {
    let addr = mirror().await;
    let owned = |owner: &str| {
        let proxy = Proxy::new(alone(), &[component("a", addr, "")]);
        Arc::new(proxy.bindings(vec![format!("a={owner}").parse().unwrap()]))
    };
    assert_eq!(ask(&owned("hub"), bare(request("/"))).await.0, 200);
    assert_eq!(ask(&owned("leaf"), bare(request("/"))).await.0, 404);
}

#[tokio::test]
async fn a_component_that_no_node_offers_is_not_found() {
    let proxy = Arc::new(Proxy::new(alone(), &[]));
    let (status, text) = ask(&proxy, bare(request("/"))).await;
    assert_eq!((status, text.as_str()), (404, "No component matches the request"));
    assert_eq!(ask(&proxy, bare(Request::get("/").header("host", "x"))).await.0, 404);
}

#[tokio::test]
async fn a_loop_is_refused() {
    let proxy = proxy(mirror().await, "");
    let (status, text) =
        ask(&proxy, bare(request("/").header("MAELSTROM-RELAY-PATH", format!("x|{}", "0".repeat(32))))).await;
    assert_eq!(status, 508, "{text}");
}

#[tokio::test]
async fn an_offer_to_upgrade_that_nobody_takes_up_changes_nothing() {
    let proxy = proxy(mirror().await, "");
    let request = request("/").header("connection", "upgrade").header("upgrade", "websocket");
    let (status, seen) = ask(&proxy, bare(request)).await;
    assert_eq!(status, 200);
    assert!(seen.contains("upgrade: websocket\n"), "{seen}");
}

#[tokio::test]
async fn no_component_is_offered_http_or_tls() {
    let proxy = proxy(mirror().await, "");
    for (offer, left) in [("h2c", ""), ("HTTP/2.0, TLS/1.0", ""), ("h2c, websocket", "websocket")] {
        let request = request("/").method("POST").header("connection", "Upgrade, HTTP2-Settings");
        let request = request.header("upgrade", offer).header("http2-settings", "AAMAAABkAAQCAAAAAAIAAAAA");
        let (status, seen) = ask(&proxy, request.body(Full::from("hello")).unwrap()).await;
        assert_eq!(status, 200);
        let offered: Vec<&str> = seen.lines().filter_map(|line| line.strip_prefix("upgrade: ")).collect();
        assert_eq!(offered.concat(), left, "{seen}");
        assert_eq!(seen.contains("connection: upgrade\n"), !left.is_empty(), "{seen}");
        assert!(!seen.contains("http2-settings") && seen.ends_with("\n\nhello"), "{seen}");
    }
}

#[tokio::test]
async fn an_upstream_that_only_says_that_it_works_on_it_is_a_bad_gateway() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            while stream.write_all(b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n").await.is_ok() {}
        }
    });
    let mut io = port(proxy(addr, "")).0;
    io.write_all(b"POST / HTTP/1.1\r\nhost: x\r\nmaelstrom-component: a\r\nconnection: close\r\n\r\n")
        .await
        .unwrap();
    let mut answer = String::new();
    io.read_to_string(&mut answer).await.unwrap();
    assert_eq!(answer.matches("HTTP/1.1 103 ").count(), 100, "{answer}");
    assert!(
        answer.contains("\r\n\r\nHTTP/1.1 502 ") && answer.ends_with("too many interim responses"),
        "{answer}"
    );
}

#[tokio::test(start_paused = true)]
async fn interim_responses_wait_for_a_client_that_does_not_read() {
    let text = b"GET / HTTP/1.1\r\nhost: x\r\nmaelstrom-component: a\r\n\r\n";
    let mut slots = [NO_FIELD; 8];
    let head = RequestHead::parse(text, &mut slots).unwrap().unwrap();
    let arrival = Arrival { peer: Ipv4Addr::LOCALHOST.into(), secure: false, trusted: true };
    let most = Duration::from_secs(300);
    let (mut client, near) = tokio::io::duplex(64);
    let (mut upstream, far) = tokio::io::duplex(64);
    let (mut down, mut up) = (Http1::new(near), Http1::new(far));
    let (carried, origin) = (down.carried(head.len), Origin::Inside(arrival));
    let request = super::Request::take(&head, carried, origin, most, NodeId([0; 16])).unwrap();
    down.answers(node_core::http::Version::Http11, false);
    let relayed = tokio::spawn(async move {
        let (mut timers, mut progress) = (Timers::of_node(), Progress::default());
        timers.alarm.set(request.deadline);
        let terms = Terms { request: &request, enters: true, most: u64::MAX, timers: &mut timers };
        relay(&mut down, &mut up, terms, &mut progress).await.map(drop)
    });
    let hint = format!("HTTP/1.1 103 Early Hints\r\nlink: <{}>\r\n\r\n", "x".repeat(1200));
    let written = tokio::spawn(async move {
        upstream.write_all(hint.repeat(90).as_bytes()).await.unwrap();
        upstream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await.unwrap();
        upstream
    });
    // The clock goes on once nothing else does.
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert!(!written.is_finished(), "the node took all of them");
    let mut answer = String::new();
    client.read_to_string(&mut answer).await.unwrap();
    assert_eq!(answer.matches("HTTP/1.1 103 ").count(), 90);
    assert!(answer.contains("HTTP/1.1 204 No Content"), "{answer}");
    relayed.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_component_that_is_down_is_named() {
    let addr = closed_port().await;
    let (status, text) = ask(&proxy(addr, ""), bare(request("/"))).await;
    assert_eq!(status, 502);
    assert!(text.starts_with(&format!("cannot reach component a at http://{addr}: ")), "{text}");
}

fn in_millis(millis: u64) -> String {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    (now + Duration::from_millis(millis)).as_nanos().to_string()
}

#[tokio::test]
async fn a_deadline_counts() {
    let proxy = proxy(server(|_| core::future::pending::<Response<Empty<Bytes>>>()).await, "");
    assert_eq!(ask(&proxy, bare(request("/").header("MAELSTROM-DEADLINE-NANO", "1"))).await.0, 504);
    assert_eq!(ask(&proxy, bare(request("/").header("MAELSTROM-DEADLINE-NANO", "soon"))).await.0, 400);
    let late = bare(request("/").header("MAELSTROM-DEADLINE-NANO", in_millis(300)));
    assert_eq!(ask(&proxy, late).await.0, 504);
}

#[tokio::test]
async fn a_pooled_connection_that_was_closed_costs_no_request() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    // Each connection answers one request as if it would go on, and closes.
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut head = [0; 4096];
            if stream.read(&mut head).await.unwrap_or(0) > 0 {
                stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await.unwrap();
            }
        }
    });
    let proxy = proxy(addr, "");
    for _ in 0..50 {
        assert_eq!(ask(&proxy, bare(request("/"))).await, (200, "ok".to_owned()));
    }
}

#[tokio::test]
async fn only_a_request_that_changes_nothing_is_sent_again() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let (seen, mut heads) = tokio::sync::mpsc::unbounded_channel();
    // Each connection answers one request, and closes when it has read the second.
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            for is_first in [true, false] {
                let mut head = [0; 4096];
                let len = stream.read(&mut head).await.unwrap_or(0);
                let text = String::from_utf8_lossy(&head[..len]).into_owned();
                seen.send(text.split(' ').next().unwrap_or_default().to_owned()).unwrap();
                if is_first {
                    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await.unwrap();
                }
            }
        }
    });
    let proxy = proxy(addr, "");
    for (method, status, sent) in [
        ("GET", 200, &["GET", "GET"][..]),
        ("DELETE", 502, &["DELETE"]),
        ("PUT", 502, &["PUT"]),
        ("POST", 502, &["POST"]),
    ] {
        assert_eq!(ask(&proxy, bare(request("/").method("OPTIONS"))).await.0, 200);
        assert_eq!(ask(&proxy, bare(request("/").method(method))).await.0, status, "{method}");
        let mut all = Vec::new();
        while let Ok(head) = heads.try_recv() {
            all.push(head);
        }
        let before = all.iter().position(|head| head != "OPTIONS").unwrap();
        assert_eq!(all[before..], *sent, "{method}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_that_arrives_too_slowly_is_given_up() {
    let proxy = proxy(mirror().await, "");
    let mut io = port_within(proxy, HttpLimits::of_connections(100), Version::Http1).0;
    io.write_all(b"POST / HTTP/1.1\r\nhost: x\r\nmaelstrom-component: a\r\ncontent-length: 100\r\n\r\nabc")
        .await
        .unwrap();
    let mut answer = String::new();
    io.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
}

#[tokio::test]
async fn http_2_is_answered_like_http_1() {
    let proxy = proxy(mirror().await, "");
    let io = port_within(proxy, HttpLimits::of_connections(100), Version::Http2).0;
    let (client, connection) = h2::client::handshake(io).await.unwrap();
    tokio::spawn(connection);
    let mut client = client.ready().await.unwrap();
    let request = Request::post("http://example.org/path").header("MAELSTROM-COMPONENT", "a");
    let request = request.header("cookie", "a=1").header("cookie", "b=2").body(()).unwrap();
    let (response, mut upload) = client.send_request(request, false).unwrap();
    upload.send_data(Bytes::from_static(b"hello"), true).unwrap();
    let mut body = response.await.unwrap().into_body();
    let mut seen = Vec::new();
    while let Some(data) = body.data().await {
        let data = data.unwrap();
        body.flow_control().release_capacity(data.len()).unwrap();
        seen.extend_from_slice(&data);
    }
    let seen = String::from_utf8(seen).unwrap();
    assert!(seen.starts_with("POST /path\n") && seen.ends_with("\n\nhello"), "{seen}");
    assert!(seen.contains("via: 2.0 maelstrom\n"), "{seen}");
    assert!(seen.contains("cookie: a=1; b=2\n") && seen.contains("host: example.org\n"), "{seen}");
}

#[tokio::test]
async fn no_tunnel_is_opened_over_http_2() {
    let proxy = proxy(mirror().await, "");
    let io = port_within(proxy, HttpLimits::of_connections(100), Version::Http2).0;
    let (client, connection) = h2::client::handshake(io).await.unwrap();
    tokio::spawn(connection);
    let mut client = client.ready().await.unwrap();
    let connect = || Request::connect("example.org:443").header("MAELSTROM-COMPONENT", "a").body(()).unwrap();
    let (response, _upload) = client.send_request(connect(), false).unwrap();
    assert_eq!(response.await.unwrap().status(), 501);
    // The extended one is not offered (RFC 8441), so a stream with it is malformed.
    assert!(!client.is_extended_connect_protocol_enabled());
}

#[tokio::test]
async fn a_response_without_a_length_streams() {
    let addr = server(|request| async { Response::new(request.into_body()) }).await;
    let body = Bytes::from(vec![b'x'; 300_000]);
    let request = request("/").method("PUT").body(Full::new(body.clone())).unwrap();
    let (status, text) = ask(&proxy(addr, ""), request).await;
    assert_eq!((status, text.len()), (200, body.len()));
}

/// A proxy to a component that may take this long, and what a request through a port with this limit is answered.
async fn within(addr: SocketAddr, component_millis: u64, port_millis: u64) -> (u16, String) {
    let mut component = component("a", addr, "");
    component.max_duration = Duration::from_millis(component_millis);
    let mut limits = HttpLimits::of_connections(100);
    limits.timeouts.request = Duration::from_millis(port_millis);
    let io = port_within(Proxy::new(alone(), &[component]), limits, Version::Http1).0;
    let mut client = crate::testing::client(io).await;
    let response = client.send_request(bare(request("/"))).await.unwrap();
    (response.status().as_u16(), crate::testing::text(response).await)
}

#[tokio::test]
async fn the_shorter_limit_of_the_component_and_of_the_port_counts_and_is_told() {
    let (slow, fast) = (server(|_| core::future::pending::<Response<Empty<Bytes>>>()).await, mirror().await);
    let hour = 3_600_000;
    for (component, port) in [(200, hour), (hour, 200)] {
        assert_eq!(within(slow, component, port).await.0, 504, "{component} {port}");
    }
    for (component, port, least) in [(5000, hour, 0), (hour, 5000, 0), (hour, 2 * hour, 400_000)] {
        let before: u128 = in_millis(least).parse().unwrap();
        let seen = within(fast, component, port).await.1;
        let after: u128 = in_millis(component.min(port)).parse().unwrap();
        let told = seen.lines().find_map(|line| line.strip_prefix("maelstrom-deadline-nano: ")).unwrap();
        let told: u128 = told.parse().unwrap();
        assert!((before..=after).contains(&told), "{component} {port}: {before} {told} {after}");
    }
}

#[tokio::test]
async fn a_head_that_http_2_cannot_carry_is_the_fault_of_the_client() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let component = format!("a=h2c://{}", listener.local_addr().unwrap()).parse().unwrap();
    tokio::spawn(async move {
        while let Ok((io, _)) = listener.accept().await {
            let mut connection = h2::server::handshake(io).await.unwrap();
            tokio::spawn(async move {
                while let Some(Ok((_, mut respond))) = connection.accept().await {
                    respond.send_response(Response::new(()), true).unwrap();
                }
            });
        }
    });
    let proxy = Arc::new(Proxy::new(alone(), &[component]));
    for (method, host, status) in
        [("GET", "x", 200), ("GET", "a/b", 400), ("POST", "a/b", 400), ("GET", "x", 200)]
    {
        let request = Request::builder().method(method).uri("/").header("host", host);
        let request = request.header("MAELSTROM-COMPONENT", "a").body(Full::from("body")).unwrap();
        assert_eq!(ask(&proxy, request).await.0, status, "{method} {host}");
    }
}
