//! HTTP/2 from a client to an upstream, as gRPC uses it: a stream in both directions, and trailers.

use core::convert::Infallible;
use std::io::{Read as _, Write as _};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Channel, Either, Empty, Full, StreamBody};
use hyper::body::{Body as _, Frame, Incoming};
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper::header::{HeaderMap, HeaderValue};
use hyper::service::service_fn;
use hyper::{Method, Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::{TcpListener, TcpStream};

use crate::pair::Pair;

/// An upstream of HTTP/2 without TLS: it answers each piece of the request, and says in a trailer how many there were. It answers
/// some paths with a head alone.
async fn serve(listener: TcpListener) {
    while let Ok((stream, _)) = listener.accept().await {
        let service = service_fn(|request: Request<Incoming>| async move {
            let path = request.uri().path();
            if path.ends_with("/Unknown") || request.method() == "HEAD" {
                let mut response = Response::new(Either::Right(Empty::new()));
                response.headers_mut().insert("grpc-status", HeaderValue::from(12));
                if request.method() == "HEAD" {
                    response.headers_mut().insert("content-length", HeaderValue::from(500));
                }
                return Ok::<_, Infallible>(response);
            }
            let te = request.headers().get("te").cloned();
            let (sender, receiver) = tokio::sync::mpsc::channel(1);
            let mut body = request.into_body();
            tokio::spawn(async move {
                let mut pieces = 0;
                while let Some(Ok(frame)) = body.frame().await {
                    if let Ok(data) = frame.into_data() {
                        pieces += usize::from(!data.is_empty());
                        let _ = sender.send(Frame::data(data)).await;
                    }
                }
                let mut trailers = HeaderMap::new();
                trailers.insert("grpc-status", HeaderValue::from(pieces));
                trailers.insert("maelstrom-error", HeaderValue::from_static("busy x"));
                let _ = sender.send(Frame::trailers(trailers)).await;
            });
            let stream = futures(receiver);
            let mut response = Response::new(Either::Left(StreamBody::new(stream)));
            if let Some(te) = te {
                response.headers_mut().insert("x-te", te);
            }
            Ok(response)
        });
        let connection = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
        tokio::spawn(async move {
            let _ = connection.serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

fn futures(
    mut receiver: tokio::sync::mpsc::Receiver<Frame<Bytes>>,
) -> impl futures_util::Stream<Item = Result<Frame<Bytes>, Infallible>> {
    futures_util::stream::poll_fn(move |cx| receiver.poll_recv(cx).map(|frame| frame.map(Ok)))
}

async fn connect<B>(gateway: SocketAddr) -> SendRequest<B>
where
    B: hyper::body::Body<Data = Bytes, Error = Infallible> + Send + Unpin + 'static,
{
    let stream = TcpStream::connect(gateway).await.unwrap();
    let (client, connection) = handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    client
}

async fn talk(gateway: SocketAddr, component: &str) {
    let mut client = connect(gateway).await;
    let (mut upload, body) = Channel::<Bytes, Infallible>::new(1);
    let request = Request::post(format!("http://x/{component}/pkg.Service/Method"));
    let request =
        request.header("te", "trailers").header("content-type", "application/grpc").body(body).unwrap();
    let response = client.send_request(request);
    upload.send_data(Bytes::from_static(b"one")).await.unwrap();
    let response = response.await.unwrap();
    assert_eq!(response.status(), 200, "{component}");
    assert_eq!(response.headers()["x-te"], "trailers", "{component}");
    let mut body = response.into_body();
    assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), "one", "{component}");
    // The answer to the first message is here before the second is sent.
    upload.send_data(Bytes::from_static(b"two")).await.unwrap();
    assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), "two", "{component}");
    drop(upload);
    let mut last = body.frame().await.unwrap().unwrap();
    if last.is_data() {
        last = body.frame().await.unwrap().unwrap();
    }
    let trailers = last.into_trailers().unwrap();
    assert_eq!((trailers.len(), &trailers["grpc-status"]), (1, &HeaderValue::from(2)), "{component}");
}

/// An upstream of HTTP/2 that answers each request as a node does that failed, and counts them.
async fn pose(listener: TcpListener, asked: Arc<AtomicUsize>) {
    while let Ok((stream, _)) = listener.accept().await {
        let asked = Arc::clone(&asked);
        let service = service_fn(move |request: Request<Incoming>| {
            if request.method() == Method::POST {
                asked.fetch_add(1, Ordering::SeqCst);
            }
            let response = Response::builder().status(503).header("maelstrom-error", "busy evil");
            core::future::ready(response.body(Full::new(Bytes::from_static(b"mine"))))
        });
        let connection = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
        tokio::spawn(async move {
            let _ = connection.serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

#[test]
fn a_component_of_http_2_does_not_speak_for_a_node() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
    let url = format!("h2c://{}", listener.local_addr().unwrap());
    let asked = Arc::new(AtomicUsize::new(0));
    runtime.spawn(pose(listener, Arc::clone(&asked)));
    let pair = Pair::start(&url);
    for component in ["loc", "rem"] {
        asked.store(0, Ordering::SeqCst);
        let mut client = pair.connect();
        let head = format!("POST /{component}/a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n");
        write!(client, "{head}Content-Length: 0\r\n\r\n").unwrap();
        let mut answer = String::new();
        client.read_to_string(&mut answer).unwrap();
        assert!(
            answer.starts_with("HTTP/1.1 503 ") && answer.ends_with("\r\n\r\nmine"),
            "{component}: {answer}"
        );
        assert!(!answer.to_lowercase().contains("maelstrom-error"), "{component}: {answer}");
        assert_eq!(asked.load(Ordering::SeqCst), 1, "{component}: it is not sent elsewhere");
    }
}

/// A client of gRPC takes the status from the head only if the stream ends there.
async fn fail(gateway: SocketAddr, component: &str) {
    let mut client = connect(gateway).await;
    let (mut upload, body) = Channel::<Bytes, Infallible>::new(1);
    let request = Request::post(format!("http://x/{component}/pkg.Service/Unknown")).body(body).unwrap();
    let response = client.send_request(request);
    upload.send_data(Bytes::from_static(b"one")).await.unwrap();
    let response = response.await.unwrap();
    assert_eq!(response.headers()["grpc-status"], "12", "{component}");
    assert!(response.body().is_end_stream(), "{component}");

    let mut client = connect(gateway).await;
    let request = Request::head(format!("http://x/{component}/file")).body(Empty::<Bytes>::new()).unwrap();
    let response = client.send_request(request).await.unwrap();
    assert_eq!(response.headers()["content-length"], "500", "{component}");
    assert!(response.body().is_end_stream(), "{component}");
}

#[test]
fn calls_of_grpc_pass_with_their_trailers() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
    let url = format!("h2c://{}", listener.local_addr().unwrap());
    runtime.spawn(serve(listener));
    let pair = Pair::start(&url);
    for component in ["loc", "rem"] {
        runtime.block_on(talk(pair.gateway(), component));
        runtime.block_on(fail(pair.gateway(), component));
    }
}
