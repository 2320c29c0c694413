//! The private port's listener: takes connections, secures them, and serves each by the protocol of its first bytes.

use core::net::SocketAddr;
use core::time::Duration;
use std::sync::Arc;

use node_core::gossip::Direction;
use node_core::identity::Channel;
use rustls::ProtocolVersion;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

use super::handshake::{Secured, handshake, watch_trust};
use super::http::{PrivateHttp, Visit};
use super::rate::Rate;
use super::refusal::Refusal;
use crate::api::Remote;
use crate::cluster::{Dialer, Security};
use crate::link::{Carrier, HELLO_TIMEOUT, Origin};
use crate::log_limit::LogLimit;
use crate::port::acceptor::{ConnectionPermit, accept};
use crate::port::connection::{self, Version};
use crate::port::sniff::{Opening, Prefixed, SniffError, sniff};
use crate::proxy::Arrival;
use crate::tls::{ALPN_LINK, Session};

/// Serves the private port.
pub struct Listener<R> {
    /// How it is secured.
    pub security: Security,
    /// Runs links.
    pub dialer: Dialer,
    /// Answers HTTP.
    pub http: Arc<PrivateHttp<R>>,
    /// Limits the log lines about connections that were refused.
    pub refusals: LogLimit,
    /// Most connections at once.
    pub most: usize,
    /// Counts handshakes.
    pub rate: Rate,
}

/// A connection without its bytes.
struct Client {
    permit: ConnectionPermit,
    /// For a link.
    origin: Origin,
    /// For HTTP.
    arrival: Arrival,
}

impl<R: Remote> Listener<R> {
    /// Accepts until `drain` is cancelled, then waits for the HTTP requests under way. Links go on. They end when the node
    /// leaves the cluster.
    pub async fn serve(self, listener: TcpListener, drain: CancellationToken) {
        let this = Arc::new(self);
        accept("private", listener, this.most, drain.clone(), |stream, peer, permit| {
            let (this, drain) = (Arc::clone(&this), drain.clone());
            async move {
                match this.connection(stream, permit, drain).await {
                    Ok(()) => {}
                    Err(refusal) if refusal.is_hang_up() => {
                        tracing::debug!(%peer, "a client went away: {refusal}");
                    }
                    Err(refusal) => this.log(peer, &refusal),
                }
            }
        })
        .await;
    }

    fn log(&self, peer: SocketAddr, refusal: &Refusal) {
        if self.refusals.admits() {
            tracing::warn!(%peer, "connection refused: {refusal}");
        }
    }

    async fn connection(
        &self,
        stream: TcpStream,
        permit: ConnectionPermit,
        drain: CancellationToken,
    ) -> Result<(), Refusal> {
        let peer = stream.peer_addr()?;
        stream.set_nodelay(true)?;
        // Whoever is let in here is of the cluster, and is believed about the requests that it passes on.
        let secure = matches!(self.security, Security::Tls(_));
        let arrival = Arrival { peer: peer.ip(), secure, trusted: true };
        let (direction, address) = (Direction::Accepted, peer.to_string());
        let origin = Origin { direction, address, channel: Channel::default(), shown: None, session: None };
        let mut client = Client { permit, origin, arrival };
        let Some((opening, mut stream)) = open(stream, &drain).await? else { return Ok(()) };
        match (&self.security, opening) {
            (Security::Plaintext, Opening::Tls) => Err(Refusal::UnexpectedTls),
            (Security::Plaintext, opening) => self.dispatch(stream, opening, client, drain).await,
            (Security::Tls(keyring), Opening::Tls) => {
                if let Some(limit) = keyring.rate()
                    && !self.rate.admits(limit)
                {
                    return Err(Refusal::TooFast(limit));
                }
                let Secured { stream, channel, shown } = handshake(stream, keyring).await?;
                let session = Session::of(stream.get_ref().1, keyring.has_proved(&shown));
                tracing::debug!(%peer, "TLS handshake complete: {session}");
                client.origin.session = Some(session);
                client.origin.channel = channel;
                client.origin.shown = Some(shown.clone());
                let is_old = stream.get_ref().1.protocol_version() != Some(ProtocolVersion::TLSv1_3);
                if stream.get_ref().1.alpn_protocol() == Some(ALPN_LINK) {
                    if is_old {
                        return Err(Refusal::OldLink);
                    }
                    self.link(stream, client);
                    return Ok(());
                }
                let Some((opening, stream)) = open(stream, &drain).await? else { return Ok(()) };
                if is_old && opening == Opening::Link {
                    return Err(Refusal::OldLink);
                }
                let trust = watch_trust(keyring, shown, &drain);
                let served = self.dispatch(stream, opening, client, trust.token.clone());
                tokio::select! {
                    served = served => served,
                    ended = trust.watch => ended,
                }
            }
            (Security::Tls(_), Opening::Http1) => {
                // The client learns the reason in the only protocol that it speaks. Its request is read, so that the answer is
                // not lost.
                let answer = async {
                    stream.write_all(PLAIN_HTTP_ANSWER.as_bytes()).await?;
                    stream.shutdown().await?;
                    tokio::io::copy(&mut stream, &mut tokio::io::sink()).await
                };
                let _ = tokio::time::timeout(Duration::from_secs(1), answer).await;
                Err(Refusal::PlainHttp)
            }
            (Security::Tls(_), Opening::Http2) => Err(Refusal::PlainHttp),
            (Security::Tls(_), Opening::Link) => Err(Refusal::PlainLink),
        }
    }

    fn link(&self, stream: impl Carrier + 'static, client: Client) {
        let dialer = self.dialer.clone();
        tokio::spawn(async move {
            dialer.run(stream, client.origin).await;
            drop(client.permit);
        });
    }

    async fn dispatch<IO: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
        &self,
        stream: IO,
        opening: Opening,
        client: Client,
        drain: CancellationToken,
    ) -> Result<(), Refusal> {
        let version = match opening {
            Opening::Link => {
                self.link(stream, client);
                return Ok(());
            }
            Opening::Http1 => Version::Http1,
            Opening::Http2 => Version::Http2,
            Opening::Tls => return Err(Refusal::UnexpectedTls),
        };
        let visit = Visit { http: Arc::clone(&self.http), arrival: client.arrival, shown: client.origin.shown };
        let served = connection::serve(stream, version, drain, visit);
        served.await.map_err(Refusal::Http)
    }
}

/// Finds the protocol of a connection. `None` when the client closes it before, as load balancers and port scanners do, or when
/// the port is draining.
async fn open<IO: AsyncRead + Unpin>(
    stream: IO,
    drain: &CancellationToken,
) -> Result<Option<(Opening, Prefixed<IO>)>, Refusal> {
    match drain.run_until_cancelled(sniff(stream, HELLO_TIMEOUT)).await {
        None | Some(Err(SniffError::Closed)) => Ok(None),
        Some(sniffed) => Ok(Some(sniffed?)),
    }
}

const PLAIN_HTTP_ANSWER: &str = "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nConnection: close\r\n\
Content-Length: 55\r\n\r\nThis port speaks TLS: use https and a certificate here\n";
