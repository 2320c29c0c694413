//! Serves one connection of HTTP/1.

#[cfg(test)]
mod tests;

use core::future::{Future as _, poll_fn};
use core::pin::pin;
use core::task::Poll;
use core::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::exchange::{answer, read, tell};
use super::service::Service;
use crate::proxy::{Http1, Leg as _, LegError, ProxyError, Timers};

/// How long a client may go on sending after a response that it need not wait for, so that it reads the response.
const LINGER: Duration = Duration::from_secs(5);

/// Serves the requests on `io`. Ends when the client closes, or when `drain` is cancelled and the request under way is answered.
///
/// # Errors
/// The connection broke, or the client broke HTTP.
pub(super) async fn serve<IO, S>(io: IO, service: S, drain: CancellationToken) -> Result<(), LegError>
where
    IO: AsyncRead + AsyncWrite + Unpin + Send,
    S: Service,
{
    let limits = *service.limits();
    let mut leg = Http1::new(io);
    let mut timers = Timers::of_client(&limits);
    let mut drained = pin!(drain.cancelled());
    let mut first_by = Some(service.first_by());
    loop {
        let first_by = first_by.take();
        timers.alarm.set(first_by.unwrap_or_else(|| Instant::now() + limits.timeouts.idle));
        let mut began = false;
        let asked = loop {
            match read(&mut leg, &service) {
                Ok(Some(asked)) => break asked,
                Ok(None) => {}
                Err(error) => return Box::pin(reject(leg, &service, &error)).await,
            }
            if !began && !leg.bytes().is_empty() {
                began = true;
                timers.alarm.set(first_by.unwrap_or_else(|| Instant::now() + limits.timeouts.head));
            }
            let more = poll_fn(|cx| match leg.poll_more(cx) {
                Poll::Ready(more) => Poll::Ready(Some(more)),
                Poll::Pending if timers.alarm.poll(cx).is_ready() => Poll::Ready(None),
                // A request that has begun is still answered.
                Poll::Pending if !began && drained.as_mut().poll(cx).is_ready() => Poll::Ready(None),
                Poll::Pending => Poll::Pending,
            });
            match more.await {
                Some(Ok(true)) => {}
                Some(Ok(false)) => return Ok(()),
                Some(Err(error)) => return Err(error),
                None if began => return Box::pin(reject(leg, &service, &ProxyError::SlowHead)).await,
                None => return Ok(()),
            }
        };
        let persists = asked.persists && !drain.is_cancelled();
        leg.answers(asked.version, persists);
        // An idle connection holds no memory for a request.
        let whole = Box::pin(answer(&mut leg, &service, asked, &mut timers)).await?;
        if !(whole && persists && leg.is_idle()) {
            if !leg.has_received() {
                Box::pin(linger(leg)).await;
            }
            return Ok(());
        }
    }
}

/// Refuses what cannot be read as a request. Nothing more can be read from the connection.
async fn reject<IO, S>(mut leg: Http1<IO>, service: &S, error: &ProxyError) -> Result<(), LegError>
where
    IO: AsyncRead + AsyncWrite + Unpin + Send,
    S: Service,
{
    leg.answers(node_core::http::Version::Http11, false);
    tell(&mut leg, service, error, false).await?;
    linger(leg).await;
    Ok(())
}

/// Lets the client read the response before the connection closes: a system that closes with unread bytes takes the response
/// back from the client.
async fn linger<IO: AsyncRead + AsyncWrite + Unpin + Send>(mut leg: Http1<IO>) {
    let close = async {
        poll_fn(|cx| leg.poll_shutdown(cx)).await?;
        while poll_fn(|cx| leg.poll_more(cx)).await? {
            leg.discard();
        }
        Ok::<_, LegError>(())
    };
    let _ = tokio::time::timeout(LINGER, close).await;
}
