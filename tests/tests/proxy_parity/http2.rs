//! Requests of HTTP/2, as a component of HTTP/1 sees them.

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::Request;
use hyper::body::Frame;
use hyper::client::conn::http2::handshake;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;

use crate::play::Stage;

/// A request of HTTP/2.
#[derive(Debug)]
pub struct Call {
    method: &'static str,
    fields: Vec<(String, String)>,
    body: &'static str,
    /// Its head says how long the body is.
    has_length: bool,
}

impl Call {
    fn of(method: &'static str, body: &'static str) -> Self {
        Self { method, fields: Vec::new(), body, has_length: true }
    }

    /// One with this body, whose head says how long it is or does not.
    pub fn upload(body: &'static str, has_length: bool) -> Self {
        Self { has_length, ..Self::of("POST", body) }
    }

    fn fields(self, fields: impl IntoIterator<Item = (String, String)>) -> Self {
        Self { fields: fields.into_iter().collect(), ..self }
    }

    /// Sends it to a component. Returns the status and the body of the response.
    pub fn send(&self, gateway: &str, component: &str) -> String {
        let mut request = Request::builder().method(self.method).uri(format!("http://x/{component}/a"));
        for (name, value) in &self.fields {
            request = request.header(name, value);
        }
        let body = Full::new(Bytes::from_static(self.body.as_bytes()));
        let piece = futures_util::stream::iter([Ok(Frame::data(Bytes::from_static(self.body.as_bytes())))]);
        let body = if self.has_length { body.boxed_unsync() } else { StreamBody::new(piece).boxed_unsync() };
        let request = request.body(body).unwrap();
        Runtime::new().unwrap().block_on(async {
            let stream = TcpStream::connect(gateway).await.unwrap();
            let (mut client, connection) =
                handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
            tokio::spawn(connection);
            let response = client.send_request(request).await.unwrap();
            let status = response.status().as_u16();
            let body = response.into_body().collect().await.unwrap().to_bytes();
            format!("{status} {}", String::from_utf8_lossy(&body))
        })
    }
}

#[test]
fn a_request_of_http_2_arrives_as_one_of_http_1_does() {
    let stage = Stage::start("");
    let many = |count: usize| (0..count).map(|n| (format!("x-field-{n}"), n.to_string()));
    let cookies = ["a=1", "b=2"].map(|cookie| ("cookie".to_owned(), cookie.to_owned()));
    for (call, expected) in [
        (Call::of("GET", ""), &["GET /a HTTP/1.1\n", "host: x\n"][..]),
        (Call::of("GET", "").fields(cookies), &["cookie: a=1; b=2\n"]),
        (Call::of("GET", "").fields(many(120)), &["x-field-119: 119\n"]),
        (Call::of("POST", ""), &["POST /a HTTP/1.1\n", "content-length: 0\n"]),
        (Call::of("POST", "hello"), &["content-length: 5\n", "\n\nhello"]),
        (Call::upload("hello", false), &["transfer-encoding: chunked\n", "5\r\nhello\r\n0\r\n\r\n"]),
    ] {
        let played = stage.play_http2(&call);
        assert_eq!(played.answer, "200 ok", "{call:?}");
        let [seen] = &played.seen[..] else { panic!("{call:?}: {:?}", played.seen) };
        for part in expected {
            assert!(seen.contains(part), "{call:?}: {part:?} in {seen}");
        }
        if call.method == "GET" {
            let has_mark = seen.contains("transfer-encoding") || seen.contains("content-length");
            assert!(!has_mark, "{call:?}: {seen}");
        }
    }
    let played = stage.play_http2(&Call::of("GET", "").fields(many(150)));
    assert!(played.answer.starts_with("431 ") && played.seen.is_empty(), "{played:?}");
}
