//! The HTTP services as a client sees them, over an in-memory carrier.

use core::convert::Infallible;
use core::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::channel::Channel;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::Incoming;
use hyper::client::conn::http1::SendRequest;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::port::testing::port;
use crate::proxy::Proxy;
use crate::testing::{alone, client, component, mirror, server, text};

async fn private() -> SendRequest<Full<Bytes>> {
    client(port(Proxy::new(alone(), &[component("a", mirror().await, "")])).0).await
}

fn bare(request: http::request::Builder) -> Request<Full<Bytes>> {
    request.header("host", "node").body(Full::default()).unwrap()
}

#[tokio::test]
async fn health_is_ok_and_in_detail_as_json() {
    let mut client = private().await;
    let response = client.send_request(bare(Request::get("/_mael_health_check"))).await.unwrap();
    assert_eq!((response.status().as_u16(), text(response).await.as_str()), (200, "OK"));
    let request = Request::get("/_mael_health_check").header("accept", "application/json");
    let response = client.send_request(bare(request)).await.unwrap();
    assert_eq!(response.headers()["content-type"], "application/json");
    let health: Value = serde_json::from_str(&text(response).await).unwrap();
    assert_eq!((&health["status"], &health["plaintext"]), (&json!("OK"), &json!(true)));
    assert_eq!(health["tls"]["enabled"], json!(false));
}

#[tokio::test]
async fn own_pages_are_not_proxied() {
    let mut client = private().await;
    for (request, status) in [
        (Request::get("/_mael/v1"), 405),
        (Request::post("/_mael/v2"), 404),
        (Request::get("/_mael/v1/x"), 404),
        (Request::get("/_mael"), 404),
        (Request::get("/_mael_ready"), 200),
        (Request::get("/_maelstrom"), 200),
    ] {
        let request = bare(request.header("MAELSTROM-COMPONENT", "a"));
        let response = client.send_request(request).await.unwrap();
        assert_eq!(response.status(), status);
        text(response).await;
    }
}

#[tokio::test]
async fn rpc_is_served() {
    let mut client = private().await;
    let call = json!({"jsonrpc": "2.0", "id": "7", "method": "NodeService.ListNodeStatus", "params": [{}]});
    let request = Request::post("/_mael/v1").header("host", "node");
    let request = request.header("content-type", "Application/JSON; charset=utf-8");
    let request = request.body(Full::from(call.to_string())).unwrap();
    let response = client.send_request(request).await.unwrap();
    assert_eq!(response.headers()["content-type"], "application/json");
    let answer: Value = serde_json::from_str(&text(response).await).unwrap();
    assert_eq!((&answer["id"], &answer["jsonrpc"]), (&json!("7"), &json!("2.0")));
    assert!(answer["result"]["nodes"].is_array(), "{answer}");
}

#[tokio::test]
async fn rpc_is_not_for_web_pages_and_not_for_floods() {
    let mut client = private().await;
    let request = Request::post("/_mael/v1").header("origin", "http://evil.example");
    assert_eq!(client.send_request(bare(request)).await.unwrap().status(), 403);
    for content_type in ["text/plain", "application/x-www-form-urlencoded", "application/json-seq", ""] {
        let mut client = private().await;
        let request = bare(Request::post("/_mael/v1").header("content-type", content_type));
        let response = client.send_request(request).await.unwrap();
        assert_eq!(response.status(), 415, "{content_type}");
        assert!(text(response).await.contains("Content-Type: application/json"));
    }
    assert_eq!(private().await.send_request(bare(Request::post("/_mael/v1"))).await.unwrap().status(), 415);
    let mut client = private().await;
    let request =
        Request::post("/_mael/v1").header("host", "node").header("content-type", "application/json");
    let flood = request.body(Full::from(vec![b' '; (1 << 20) + 1])).unwrap();
    assert_eq!(client.send_request(flood).await.unwrap().status(), 413);
}

#[tokio::test]
async fn bodies_stream_both_ways_at_once() {
    let echo = server(|request: Request<Incoming>| async { Response::new(request.into_body()) }).await;
    let (io, _drain) = port(Proxy::new(alone(), &[component("a", echo, "")]));
    let mut client = client(io).await;
    let (mut upload, body) = Channel::<Bytes, Infallible>::new(1);
    let request =
        Request::post("/").header("host", "node").header("MAELSTROM-COMPONENT", "a").body(body).unwrap();
    upload.send_data(Bytes::from_static(b"one")).await.unwrap();
    let mut download = client.send_request(request).await.unwrap().into_body();
    assert_eq!(download.frame().await.unwrap().unwrap().into_data().unwrap(), "one");
    upload.send_data(Bytes::from_static(b"two")).await.unwrap();
    assert_eq!(download.frame().await.unwrap().unwrap().into_data().unwrap(), "two");
    drop(upload);
    assert!(download.frame().await.is_none());
}

#[tokio::test]
async fn a_reader_that_stops_stops_the_sender() {
    use core::sync::atomic::{AtomicUsize, Ordering};
    static SENT: AtomicUsize = AtomicUsize::new(0);
    const PIECE: usize = 64 * 1024;
    let endless = server(|_| async {
        let pieces = core::iter::repeat_with(|| {
            SENT.fetch_add(PIECE, Ordering::Relaxed);
            Ok::<_, Infallible>(hyper::body::Frame::data(Bytes::from(vec![0; PIECE])))
        });
        Response::new(StreamBody::new(futures_util::stream::iter(pieces)))
    })
    .await;
    let (io, _drain) = port(Proxy::new(alone(), &[component("a", endless, "")]));
    let mut client = client(io).await;
    let request = bare(Request::get("/").header("MAELSTROM-COMPONENT", "a"));
    let mut body = client.send_request(request).await.unwrap().into_body();
    assert!(body.frame().await.is_some());
    tokio::time::sleep(Duration::from_millis(300)).await;
    let stuck = SENT.load(Ordering::Relaxed);
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(SENT.load(Ordering::Relaxed), stuck);
    // The sockets' buffers on loopback hold this much, and little more was taken.
    assert!(stuck < 32 << 20, "{stuck} bytes were taken for a reader that took one piece");
}

#[tokio::test]
async fn a_client_that_leaves_is_not_worked_for() {
    let (gone, mut seen) = tokio::sync::mpsc::unbounded_channel::<()>();
    static GONE: std::sync::OnceLock<tokio::sync::mpsc::UnboundedSender<()>> = std::sync::OnceLock::new();
    GONE.set(gone).unwrap();
    struct Tell;
    impl Drop for Tell {
        fn drop(&mut self) {
            let _ = GONE.get().unwrap().send(());
        }
    }
    let slow = server(|_| async {
        let _tell = Tell;
        core::future::pending::<Response<Full<Bytes>>>().await
    })
    .await;
    let (mut io, _drain) = port(Proxy::new(alone(), &[component("a", slow, "")]));
    io.write_all(b"GET / HTTP/1.1\r\nhost: x\r\nmaelstrom-component: a\r\n\r\n").await.unwrap();
    tokio::time::sleep(Duration::from_millis(200)).await;
    drop(io);
    tokio::time::timeout(Duration::from_secs(10), seen.recv()).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_head_that_does_not_end_is_given_up() {
    let (mut io, _drain) = port(Proxy::new(alone(), &[]));
    io.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n").await.unwrap();
    let mut rest = Vec::new();
    tokio::time::timeout(Duration::from_secs(60), io.read_to_end(&mut rest)).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_head_that_is_too_large_is_refused() {
    let (mut io, _drain) = port(Proxy::new(alone(), &[]));
    let mut head = b"GET / HTTP/1.1\r\nx: ".to_vec();
    head.resize(100_000, b'x');
    let (mut reader, mut writer) = tokio::io::split(&mut io);
    let mut answer = vec![0; 12];
    let (_, read) = tokio::join!(writer.write_all(&head), reader.read_exact(&mut answer));
    read.unwrap();
    assert_eq!(answer, b"HTTP/1.1 431");
}

#[tokio::test]
async fn draining_answers_what_is_under_way() {
    let slow = server(|_| async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        Response::new(Full::new(Bytes::from_static(b"late but there")))
    })
    .await;
    let (io, drain) = port(Proxy::new(alone(), &[component("a", slow, "")]));
    let mut client = client(io).await;
    let request = client.send_request(bare(Request::get("/").header("MAELSTROM-COMPONENT", "a")));
    let stop = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        drain.cancel();
    };
    let (response, ()) = tokio::join!(request, stop);
    assert_eq!(text(response.unwrap()).await, "late but there");
    client.ready().await.unwrap_err();
}
