//! The private port's listener: takes connections, secures them, and hands each to whom its first bytes name.

use core::net::SocketAddr;
use core::time::Duration;
use std::io;
use std::sync::Arc;

use node_core::gossip::{Certificates, Direction};
use node_core::trust::Fingerprint;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use super::acceptor::{Place, accept};
use super::connection::{self, Version};
use super::http::PrivateHttp;
use super::sniff::{Opening, Prefixed, SniffError, sniff};
use crate::api::Remote;
use crate::cluster::{Dialer, Security};
use crate::link::{Carrier, HELLO_TIMEOUT, Origin};
use crate::log_limit::LogLimit;
use crate::proxy::Arrival;
use crate::tls::{ALPN_LINK, Keyring, explain, peer_fingerprint};

/// How long a TLS handshake may take: a board does its part of it in software.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

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
    #[error("TLS handshake: not finished in {} s", HANDSHAKE_TIMEOUT.as_secs())]
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

impl Refused {
    /// Whether the client was served and went away, as one does that has seen enough.
    fn is_hang_up(&self) -> bool {
        let Self::Http(error) = self else { return false };
        let mut cause: Option<&(dyn core::error::Error + 'static)> = Some(&**error);
        while let Some(error) = cause {
            let kind = error.downcast_ref::<io::Error>().map(io::Error::kind);
            if matches!(
                kind,
                Some(
                    io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset | io::ErrorKind::UnexpectedEof
                )
            ) {
                return true;
            }
            cause = error.source();
        }
        false
    }
}

impl<R: Remote> Listener<R> {
    /// Accepts until `drain` is cancelled, then waits for the HTTP requests under way. Links go on: they end when the
    /// node leaves the cluster.
    pub async fn serve(self, listener: TcpListener, drain: CancellationToken) {
        let this = Arc::new(self);
        accept(("private", listener), drain.clone(), |stream, peer, place| {
            let (this, drain) = (Arc::clone(&this), drain.clone());
            async move {
                match this.connection(stream, place, drain).await {
                    Ok(()) => {}
                    Err(refused) if refused.is_hang_up() => {
                        tracing::debug!(%peer, "a client went away: {refused}");
                    }
                    Err(refused) => this.log(peer, &refused),
                }
            }
        })
        .await;
    }

    fn log(&self, peer: SocketAddr, refused: &Refused) {
        if self.refusals.admits() {
            tracing::warn!(%peer, "connection refused: {refused}");
        }
    }

    async fn connection(
        &self,
        stream: TcpStream,
        place: Place,
        drain: CancellationToken,
    ) -> Result<(), Refused> {
        let peer = stream.peer_addr()?;
        stream.set_nodelay(true)?;
        let arrival = Arrival { peer: peer.ip(), secure: matches!(self.security, Security::Tls(_)) };
        let mut origin = Origin { how: Direction::Accepted, address: peer.to_string(), certificates: None };
        let Some((opening, mut stream)) = open(stream, &drain).await? else { return Ok(()) };
        match (&self.security, opening) {
            (Security::Plaintext, Opening::Tls) => Err(Refused::UnexpectedTls),
            (Security::Plaintext, opening) => {
                self.dispatch((stream, place), opening, (origin, arrival), drain).await
            }
            (Security::Tls(keyring), Opening::Tls) => {
                let (stream, certificates) = handshake(stream, keyring).await?;
                origin.certificates = Some(certificates);
                if stream.get_ref().1.alpn_protocol() == Some(ALPN_LINK) {
                    self.link(stream, place, origin);
                    return Ok(());
                }
                let Some((opening, stream)) = open(stream, &drain).await? else { return Ok(()) };
                let gone = retired(keyring, certificates.theirs, &drain);
                let served = self.dispatch((stream, place), opening, (origin, arrival), gone.token.clone());
                tokio::select! {
                    served = served => served,
                    never = gone.watch => never,
                }
            }
            (Security::Tls(_), Opening::Http1) => {
                // The client is told what is wrong in the only language that it speaks; what it sent is read, so that
                // the answer is not taken back.
                let answer = async {
                    stream.write_all(PLAIN_HTTP_ANSWER.as_bytes()).await?;
                    stream.shutdown().await?;
                    tokio::io::copy(&mut stream, &mut tokio::io::sink()).await
                };
                let _ = tokio::time::timeout(Duration::from_secs(1), answer).await;
                Err(Refused::PlainHttp)
            }
            (Security::Tls(_), Opening::Http2) => Err(Refused::PlainHttp),
            (Security::Tls(_), Opening::Link) => Err(Refused::PlainLink),
        }
    }

    fn link(&self, stream: impl Carrier + 'static, place: Place, origin: Origin) {
        let dialer = self.dialer.clone();
        tokio::spawn(async move {
            dialer.run(stream, origin).await;
            drop(place);
        });
    }

    async fn dispatch<IO: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
        &self,
        (stream, place): (IO, Place),
        opening: Opening,
        (origin, arrival): (Origin, Arrival),
        drain: CancellationToken,
    ) -> Result<(), Refused> {
        let version = match opening {
            Opening::Link => {
                self.link(stream, place, origin);
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

async fn handshake<IO: AsyncRead + AsyncWrite + Unpin>(
    stream: IO,
    keyring: &Keyring,
) -> Result<(tokio_rustls::server::TlsStream<IO>, Certificates), Refused> {
    let ours = keyring.active().certificate;
    let accept = TlsAcceptor::from(keyring.server_config()).accept(stream);
    let accepted = tokio::time::timeout(HANDSHAKE_TIMEOUT, accept).await.map_err(|_| Refused::Slow)?;
    let stream = accepted.map_err(Refused::Handshake)?;
    let theirs = peer_fingerprint(stream.get_ref().1)?;
    Ok((stream, Certificates { ours, theirs }))
}

/// Ends a connection whose client's certificate is no longer trusted: `token` is cancelled then, or with `drain`, while
/// `watch` is polled, which itself never ends.
struct Retired<F> {
    token: CancellationToken,
    watch: F,
}

fn retired(
    keyring: &Arc<Keyring>,
    client: Fingerprint,
    drain: &CancellationToken,
) -> Retired<impl Future<Output = Result<(), Refused>>> {
    let token = drain.child_token();
    let (keyring, cancel) = (Arc::clone(keyring), token.clone());
    let mut keys = keyring.subscribe();
    let watch = async move {
        loop {
            if !keyring.trusts(client) {
                cancel.cancel();
            }
            if keys.changed().await.is_err() {
                core::future::pending::<()>().await;
            }
        }
    };
    Retired { token, watch }
}

/// What a connection opens with. `None` when it only looked at the port, as load balancers and port scanners do, or
/// when the port is closing.
async fn open<IO: AsyncRead + Unpin>(
    stream: IO,
    drain: &CancellationToken,
) -> Result<Option<(Opening, Prefixed<IO>)>, Refused> {
    match drain.run_until_cancelled(sniff(stream, HELLO_TIMEOUT)).await {
        None | Some(Err(SniffError::Closed)) => Ok(None),
        Some(sniffed) => Ok(Some(sniffed?)),
    }
}

const PLAIN_HTTP_ANSWER: &str = "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nConnection: close\r\n\
Content-Length: 55\r\n\r\nThis port speaks TLS: use https and a certificate here\n";
