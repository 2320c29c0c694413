//! The private port's listener: takes connections, secures them, and hands each to whom its first bytes name.

use core::net::SocketAddr;
use core::time::Duration;
use std::io;
use std::sync::Arc;

use node_core::gossip::How;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::connection::{self, Version};
use super::http::PrivateHttp;
use super::sniff::{Opening, Prefixed, SniffError, sniff};
use crate::api::Remote;
use crate::cluster::{Dialer, Security};
use crate::link::Origin;
use crate::log_limit::LogLimit;
use crate::proxy::Arrival;
use crate::tls::{ALPN_LINK, Keyring, explain, peer_fingerprint};

/// Connections at once, links included; more wait in the listener's queue.
const MAX_CONNECTIONS: usize = 4096;
/// Handshakes at once: they are what costs.
const MAX_HANDSHAKES: usize = 64;
/// How long a connection may take to say what it is, and again for its TLS handshake.
const OPENING_TIMEOUT: Duration = Duration::from_secs(10);
/// Pause when the system gives no connection, for want of file descriptors for one.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves the private port.
pub struct Listener<R> {
    /// How it is secured.
    pub security: Security,
    /// Runs links.
    pub dialer: Dialer,
    /// Answers HTTP.
    pub http: Arc<PrivateHttp<R>>,
    /// Keeps whoever knocks from filling the log.
    pub refusals: LogLimit,
}

/// Why a connection was not served.
#[derive(Debug, thiserror::Error)]
enum Refused {
    #[error(transparent)]
    Sniff(#[from] SniffError),
    #[error(transparent)]
    Carrier(#[from] io::Error),
    #[error("TLS handshake: {}", explain(.0))]
    Handshake(io::Error),
    #[error("TLS handshake: not finished in {} s", OPENING_TIMEOUT.as_secs())]
    Slow,
    #[error("it speaks HTTP without TLS; this port wants https")]
    PlainHttp,
    #[error("it opens a link without TLS; set MAEL_PRIVATE_TLS_DIR there")]
    PlainLink,
    #[error("it speaks TLS, but this node has no keys; set MAEL_PRIVATE_TLS_DIR here")]
    UnexpectedTls,
    #[error("{0}")]
    Http(Box<dyn core::error::Error + Send + Sync>),
}

impl<R: Remote> Listener<R> {
    /// Accepts until `drain` is cancelled, then waits for the HTTP requests and links under way.
    pub async fn serve(self, listener: TcpListener, drain: CancellationToken) {
        let this = Arc::new(self);
        let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
        let handshakes = Arc::new(Semaphore::new(MAX_HANDSHAKES));
        let connections = TaskTracker::new();
        while let Some(place) = drain.run_until_cancelled(Arc::clone(&places).acquire_owned()).await {
            let Some(accepted) = drain.run_until_cancelled(listener.accept()).await else { break };
            let (stream, peer) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!("the private port cannot accept a connection: {error}");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            let (this, handshakes, drain) = (Arc::clone(&this), Arc::clone(&handshakes), drain.clone());
            connections.spawn(async move {
                if let Err(refused) = this.connection(stream, &handshakes, drain).await {
                    this.log(peer, &refused);
                }
                drop(place);
            });
        }
        drop(listener);
        connections.close();
        connections.wait().await;
    }

    fn log(&self, peer: SocketAddr, refused: &Refused) {
        let verdict = self.refusals.count();
        if verdict.unlogged_before > 0 {
            tracing::warn!("refused {} more connections before this one", verdict.unlogged_before);
        }
        if verdict.logged {
            tracing::warn!(%peer, "connection refused: {refused}");
        }
    }

    async fn connection(
        &self,
        stream: TcpStream,
        handshakes: &Semaphore,
        drain: CancellationToken,
    ) -> Result<(), Refused> {
        let peer = stream.peer_addr()?;
        stream.set_nodelay(true)?;
        let arrival = Arrival { peer: peer.ip(), secure: matches!(self.security, Security::Tls(_)) };
        let mut origin =
            Origin { how: How::Accepted, address: peer.to_string(), own_key: None, peer_key: None };
        let Some((opening, mut stream)) = open(stream, &drain).await? else { return Ok(()) };
        match (&self.security, opening) {
            (Security::Plaintext, Opening::Tls) => Err(Refused::UnexpectedTls),
            (Security::Plaintext, opening) => self.dispatch(stream, opening, (origin, arrival), drain).await,
            (Security::Tls(keyring), Opening::Tls) => {
                let stream = self.handshake(stream, keyring, handshakes, &mut origin).await?;
                if stream.get_ref().1.alpn_protocol() == Some(ALPN_LINK) {
                    self.dialer.run(stream, origin).await;
                    return Ok(());
                }
                let Some((opening, stream)) = open(stream, &drain).await? else { return Ok(()) };
                self.dispatch(stream, opening, (origin, arrival), drain).await
            }
            (Security::Tls(_), Opening::Http1) => {
                // The client is told what is wrong in the only language that it speaks.
                let _ = stream.write_all(PLAIN_HTTP_ANSWER.as_bytes()).await;
                let _ = stream.shutdown().await;
                Err(Refused::PlainHttp)
            }
            (Security::Tls(_), Opening::Http2) => Err(Refused::PlainHttp),
            (Security::Tls(_), Opening::Link) => Err(Refused::PlainLink),
        }
    }

    async fn handshake<IO: AsyncRead + AsyncWrite + Unpin>(
        &self,
        stream: IO,
        keyring: &Keyring,
        handshakes: &Semaphore,
        origin: &mut Origin,
    ) -> Result<tokio_rustls::server::TlsStream<IO>, Refused> {
        let accept = async {
            // Never closed.
            let _turn = handshakes.acquire().await;
            // After the wait, so that a key which was retired meanwhile is not used any more.
            origin.own_key = Some(keyring.active().certificate);
            TlsAcceptor::from(keyring.server_config()).accept(stream).await
        };
        let accepted = tokio::time::timeout(OPENING_TIMEOUT, accept).await.map_err(|_| Refused::Slow)?;
        let stream = accepted.map_err(Refused::Handshake)?;
        origin.peer_key = peer_fingerprint(stream.get_ref().1);
        Ok(stream)
    }

    async fn dispatch<IO: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
        &self,
        stream: IO,
        opening: Opening,
        (origin, arrival): (Origin, Arrival),
        drain: CancellationToken,
    ) -> Result<(), Refused> {
        let version = match opening {
            Opening::Link => {
                self.dialer.run(stream, origin).await;
                return Ok(());
            }
            Opening::Http1 => Version::Http1,
            Opening::Http2 => Version::Http2,
            Opening::Tls => return Err(Refused::UnexpectedTls),
        };
        let served = connection::serve(stream, version, drain, |request| {
            let http = Arc::clone(&self.http);
            async move { http.respond(request, arrival).await }
        });
        served.await.map_err(Refused::Http)
    }
}

/// What a connection opens with. `None` when it only looked at the port, as load balancers and port scanners do, or
/// when the port is closing.
async fn open<IO: AsyncRead + Unpin>(
    stream: IO,
    drain: &CancellationToken,
) -> Result<Option<(Opening, Prefixed<IO>)>, Refused> {
    match drain.run_until_cancelled(sniff(stream, OPENING_TIMEOUT)).await {
        None | Some(Err(SniffError::Closed)) => Ok(None),
        Some(sniffed) => Ok(Some(sniffed?)),
    }
}

const PLAIN_HTTP_ANSWER: &str = "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nConnection: close\r\n\
Content-Length: 55\r\n\r\nThis port speaks TLS: use https and a certificate here\n";
