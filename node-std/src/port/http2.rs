//! Serves one connection of HTTP/2.

#[cfg(test)]
mod tests;

use core::future::{Future as _, poll_fn};
use core::pin::pin;
use core::task::Poll;
use core::time::Duration;
use std::sync::Arc;

use h2::server::{Builder, SendResponse};
use h2::{Reason, RecvStream};
use http::Request;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::exchange::{answer, read, tell};
use super::service::Service;
use crate::proxy::{Alarm, Arrived, Http2Server, Leg, ProxyError, Timers};

/// Requests that may be under way on a connection.
const MAX_STREAMS: u32 = 128;
/// Bytes that a client may send ahead on a stream, and on the whole connection.
const STREAM_WINDOW: u32 = 64 * 1024;
const CONNECTION_WINDOW: u32 = 1024 * 1024;

/// How long a client may go on sending after a response that it need not wait for.
const LINGER: Duration = Duration::from_secs(5);
/// How long a client may take to close a connection that ends.
const LAST: Duration = Duration::from_secs(1);

/// Serves the requests on `io`. Ends when the client closes, when there was no request for too long, whatever pings it
/// answers, or when `drain` is cancelled and the requests under way are answered.
///
/// # Errors
/// The connection broke, or the client broke HTTP.
pub(super) async fn serve<IO, S>(io: IO, service: S, drain: CancellationToken) -> Result<(), h2::Error>
where
    IO: AsyncRead + AsyncWrite + Unpin + Send,
    S: Service,
{
    let limits = *service.limits();
    let mut builder = Builder::new();
    builder
        .max_concurrent_streams(MAX_STREAMS)
        .initial_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_send_buffer_size(STREAM_WINDOW as usize)
        .max_header_list_size(u32::try_from(limits.head_bytes).unwrap_or(u32::MAX));
    let first_by = service.first_by();
    let handshake = tokio::time::timeout_at(first_by, builder.handshake(io));
    let Ok(connection) = handshake.await else { return Ok(()) };
    let mut connection = connection?;
    let service = Arc::new(service);
    let mut drained = pin!(drain.cancelled());
    let (mut alarm, mut ends) = (Alarm::default(), false);
    let idle = limits.timeouts.idle;
    alarm.set(first_by);
    loop {
        let mut quiet = false;
        let accepted = poll_fn(|cx| {
            if let Poll::Ready(accepted) = connection.poll_accept(cx) {
                return Poll::Ready(accepted);
            }
            if !ends && drained.as_mut().poll(cx).is_ready() {
                ends = true;
                alarm.set(Instant::now() + LAST);
                connection.graceful_shutdown();
                cx.waker().wake_by_ref();
            }
            if connection.has_streams() {
                alarm.set(Instant::now() + if ends { LAST } else { idle });
            }
            if alarm.poll(cx).is_ready() {
                quiet = true;
                return Poll::Ready(None);
            }
            Poll::Pending
        });
        match accepted.await {
            Some(accepted) => {
                let (request, respond) = accepted?;
                tokio::spawn(serve_stream(request, respond, Arc::clone(&service)));
            }
            None if quiet => {
                // A request that is on its way is not among those that the client is told were taken: it can be sent again.
                connection.abrupt_shutdown(Reason::NO_ERROR);
                let closed = poll_fn(|cx| connection.poll_closed(cx));
                return tokio::time::timeout(LAST, closed).await.unwrap_or(Ok(()));
            }
            None => return Ok(()),
        }
    }
}

/// Lets the client send the rest of its request: one that is told to stop may take that for the answer, and never reads the
/// response (curl 7.88 does).
async fn linger(leg: &mut impl Leg) {
    let drop_rest = async {
        while let Ok(Arrived::Data { len, .. }) = poll_fn(|cx| leg.poll_body(cx)).await {
            leg.consume(len);
        }
    };
    let _ = tokio::time::timeout(LINGER, drop_rest).await;
}

async fn serve_stream<S: Service>(
    request: Request<RecvStream>,
    respond: SendResponse<bytes::Bytes>,
    service: Arc<S>,
) {
    let mut leg = Http2Server::new(request, respond);
    let mut timers = Timers::of_client(service.limits());
    let served = match read(&mut leg, &*service) {
        Ok(Some(asked)) => {
            let answered = answer(&mut leg, &*service, asked, &mut timers).await;
            if answered.is_ok() {
                linger(&mut leg).await;
            }
            answered.map(drop)
        }
        Ok(None) => {
            let error = ProxyError::BadRequest("the request has no head".to_owned());
            tell(&mut leg, &*service, &error, false).await
        }
        Err(error) => tell(&mut leg, &*service, &error, false).await,
    };
    if let Err(error) = served {
        tracing::debug!(%error, "a stream ended early");
        leg.abort();
    }
}
