//! Connections to one upstream, kept for the next request.

use core::task::{Context, Waker};
use core::time::Duration;
use std::sync::{Arc, Mutex, PoisonError};
use std::{fmt, io};

use bytes::Bytes;
use h2::client::SendRequest;
use tokio::time::Instant;

use super::io::UpstreamIo;
use super::tls::Connector;
use crate::config::{UpstreamProtocol, UpstreamTls, UpstreamUrl};
use crate::connect::connect;
use crate::proxy::http1::Http1;
use crate::proxy::http2::Http2Client;
use crate::proxy::leg::Leg;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Shorter than the usual idle timeouts of application servers, so that this side closes first.
const IDLE_TIMEOUT: Duration = Duration::from_secs(4);
/// Bytes that an upstream may send ahead on a stream of HTTP/2.
const WINDOW: u32 = 64 * 1024;
/// Connections that are kept.
const MAX_IDLE: usize = 256;

/// The connections to one upstream.
pub(in crate::proxy) struct Pool {
    pub(in crate::proxy) url: UpstreamUrl,
    tls: Option<Connector>,
    idle: Arc<Mutex<Idle>>,
    /// The connection of HTTP/2, which all requests share.
    shared: Mutex<Option<SendRequest<Bytes>>>,
}

/// A connection for one request.
pub(in crate::proxy) enum Opened {
    /// Of HTTP/1. It may have been used before.
    Http1 { connection: Box<Http1<UpstreamIo>>, reused: bool },
    /// A stream of HTTP/2.
    Http2(Box<Http2Client>),
}

#[derive(Default)]
struct Idle {
    /// The one that was used last is the last one.
    connections: Vec<(Box<Http1<UpstreamIo>>, Instant)>,
    /// A task closes those that are too old.
    is_tended: bool,
}

impl Pool {
    pub(super) fn new(url: &UpstreamUrl, tls: Option<&UpstreamTls>) -> Self {
        let tls = tls.filter(|_| url.protocol == UpstreamProtocol::Https).map(|tls| Connector::new(url, tls));
        Self { url: url.clone(), tls, idle: Arc::default(), shared: Mutex::default() }
    }

    /// A connection for one request: one that is there, or a new one. A request that is not `safe` cannot be sent again, so for it a
    /// connection that is there is looked at more closely.
    ///
    /// # Errors
    /// The upstream cannot be reached.
    pub(in crate::proxy) async fn open(&self, safe: bool) -> io::Result<Opened> {
        let shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(shared) = shared {
            // An error means that it is closed.
            if let Ok(ready) = shared.ready().await {
                return Ok(Opened::Http2(Box::new(Http2Client::new(ready, self.scheme()))));
            }
        }
        if let Some(connection) = self.take(safe) {
            return Ok(Opened::Http1 { connection, reused: true });
        }
        let io = self.connect().await?;
        if !io.speaks_http2(self.url.protocol) {
            return Ok(Opened::Http1 { connection: Box::new(Http1::new(io)), reused: false });
        }
        let handshake =
            h2::client::Builder::new().enable_push(false).initial_window_size(WINDOW).handshake(io);
        let (shared, connection) = handshake.await.map_err(io::Error::other)?;
        // It ends when the upstream closes it, or when nobody uses it any more.
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection to an upstream ended");
            }
        });
        *self.shared.lock().unwrap_or_else(PoisonError::into_inner) = Some(shared.clone());
        let ready = shared.ready().await.map_err(io::Error::other)?;
        Ok(Opened::Http2(Box::new(Http2Client::new(ready, self.scheme()))))
    }

    const fn scheme(&self) -> &'static str {
        if self.tls.is_some() { "https" } else { "http" }
    }

    /// A connection that was used before and is still open, as far as can be seen.
    fn take(&self, safe: bool) -> Option<Box<Http1<UpstreamIo>>> {
        loop {
            let (mut connection, _) = lock(&self.idle).connections.pop()?;
            // Anything but silence is the end: there is nothing that it could answer.
            if connection.poll_gone(&mut Context::from_waker(Waker::noop())).is_pending()
                && connection.bytes().is_empty()
                && (safe || connection.io().is_silent())
            {
                return Some(connection);
            }
        }
    }

    /// Keeps a connection for the next request.
    pub(in crate::proxy) fn give(&self, connection: Box<Http1<UpstreamIo>>) {
        let mut idle = lock(&self.idle);
        if idle.connections.len() >= MAX_IDLE {
            return;
        }
        idle.connections.push((connection, Instant::now()));
        if !idle.is_tended {
            idle.is_tended = true;
            tokio::spawn(tend(Arc::clone(&self.idle)));
        }
    }

    /// A new connection.
    async fn connect(&self) -> io::Result<UpstreamIo> {
        let address = self.url.address.to_string();
        let connected = tokio::time::timeout(CONNECT_TIMEOUT, async {
            let stream = connect(&address).await?;
            stream.set_nodelay(true)?;
            match &self.tls {
                None => Ok(UpstreamIo::Plain(stream)),
                Some(tls) => Ok(UpstreamIo::Tls(Box::new(tls.secure(stream).await?))),
            }
        });
        let late = || io::Error::new(io::ErrorKind::TimedOut, "it does not accept a connection in 5 s");
        connected.await.map_err(|_| late())?
    }
}

/// Closes connections that are not used for too long, until none is left.
async fn tend(idle: Arc<Mutex<Idle>>) {
    loop {
        tokio::time::sleep(IDLE_TIMEOUT / 4).await;
        let mut idle = lock(&idle);
        idle.connections.retain(|(_, since)| since.elapsed() < IDLE_TIMEOUT);
        if idle.connections.is_empty() {
            idle.is_tended = false;
            idle.connections.shrink_to_fit();
            return;
        }
    }
}

fn lock(idle: &Mutex<Idle>) -> std::sync::MutexGuard<'_, Idle> {
    idle.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool").field("url", &self.url).finish_non_exhaustive()
    }
}
