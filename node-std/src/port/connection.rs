//! Serves one HTTP connection within limits.

use core::convert::Infallible;
use core::pin::pin;
use core::time::Duration;

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_io_timeout::TimeoutStream;
use tokio_util::sync::CancellationToken;

use crate::proxy::{Body, MAX_HEAD};

/// How long a client may take to send a request's head, and how long a connection stays open without one.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a client may take no bytes of a response.
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);

/// When an idle HTTP/2 client is pinged, and how long it may take to answer.
const PING: Duration = Duration::from_secs(20);

/// Requests that may be under way on an HTTP/2 connection.
const MAX_STREAMS: u32 = 128;

/// The versions of HTTP that a connection may begin with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Version {
    /// HTTP/1.1 or 1.0.
    Http1,
    /// HTTP/2, by its preface.
    Http2,
}

/// Serves the requests on `io` with `respond`. Ends when the client closes, or when `drain` is cancelled and the requests under
/// way are answered.
///
/// # Errors
/// The connection broke, or the client broke HTTP.
pub(super) async fn serve<IO, F>(
    io: IO,
    version: Version,
    drain: CancellationToken,
    respond: impl Fn(Request<Incoming>) -> F,
) -> Result<(), Box<dyn core::error::Error + Send + Sync>>
where
    IO: AsyncRead + AsyncWrite + Unpin + 'static,
    F: Future<Output = Response<Body>> + Send + 'static,
{
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT).max_buf_size(MAX_HEAD);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(PING)
        .keep_alive_timeout(PING)
        .max_header_list_size(u32::try_from(MAX_HEAD)?)
        .max_concurrent_streams(MAX_STREAMS);
    let builder = match version {
        Version::Http1 => builder.http1_only(),
        Version::Http2 => builder.http2_only(),
    };
    let service = service_fn(|request| {
        let response = respond(request);
        async { Ok::<_, Infallible>(response.await) }
    });
    let mut io = TimeoutStream::new(io);
    io.set_write_timeout(Some(WRITE_TIMEOUT));
    let mut connection = pin!(builder.serve_connection(TokioIo::new(Box::pin(io)), service));
    tokio::select! {
        result = &mut connection => return result,
        () = drain.cancelled() => connection.as_mut().graceful_shutdown(),
    }
    connection.await
}
