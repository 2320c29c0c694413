//! The private port's listener: takes connections, secures them, and serves each by the protocol of its first bytes.

use core::net::SocketAddr;
use core::pin::pin;
use core::time::Duration;
use std::sync::Arc;

use node_core::gossip::Direction;
use node_core::identity::Channel;
use rustls::ProtocolVersion;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::handshake::{Secured, handshake, watch_trust};
use super::http::{PrivateHttp, Visit};
use super::rate::Rate;
use super::refusal::Refusal;
use crate::api::Remote;
use crate::cluster::{Dialer, Security};
use crate::link::{Carrier, HELLO_TIMEOUT, Origin};
use crate::log_limit::LogLimit;
use crate::port::acceptor::accept;
use crate::port::admission::{Admission, Full, Ticket, Wish};
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
    /// Its places for connections.
    pub admission: Arc<Admission>,
    /// Counts handshakes.
    pub rate: Rate,
}

/// A connection without its bytes.
struct Client {
    ticket: Ticket,
    /// When its first request must be here.
    first_by: Instant,
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
        accept(listener, &this.admission, drain, |stream, peer, ticket| {
            let this = Arc::clone(&this);
            async move {
                match this.connection(stream, ticket).await {
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

    async fn connection(&self, stream: TcpStream, ticket: Ticket) -> Result<(), Refusal> {
        let drain = ticket.drain().clone();
        let first_by = Instant::now() + self.first_timeout();
        let peer = stream.peer_addr()?;
        stream.set_nodelay(true)?;
        // Whoever is let in here is of the cluster, and is believed about the requests that it passes on.
        let secure = matches!(self.security, Security::Tls(_));
        let arrival = Arrival { peer: peer.ip(), secure, trusted: true };
        let (direction, address) = (Direction::Accepted, peer.to_string());
        let origin = Origin { direction, address, channel: Channel::default(), shown: None, session: None };
        let mut client = Client { ticket, first_by, origin, arrival };
        let Some((opening, mut stream)) = open(stream, first_by, &drain).await? else { return Ok(()) };
        match (&self.security, opening) {
            (Security::Plaintext, Opening::Tls) => Err(Refusal::UnexpectedTls),
            (Security::Plaintext, opening) => self.dispatch(stream, opening, client, drain).await,
            (Security::Tls(keyring), Opening::Tls) => {
                if let Some(limit) = keyring.rate()
                    && !self.rate.admits(limit)
                {
                    return Err(Refusal::TooFast(limit));
                }
                // An idle connection holds no memory for its handshake.
                let Secured { stream, channel, shown } =
                    Box::pin(handshake(stream, keyring, first_by)).await?;
                let has_proved = keyring.has_proved(&shown);
                let session = Session::of(stream.get_ref().1, has_proved);
                tracing::debug!(%peer, "TLS handshake complete: {session}");
                client.origin.session = Some(session);
                client.origin.channel = channel;
                client.origin.shown = Some(shown.clone());
                let is_old = stream.get_ref().1.protocol_version() != Some(ProtocolVersion::TLSv1_3);
                if stream.get_ref().1.alpn_protocol() == Some(ALPN_LINK) {
                    if is_old {
                        return Err(Refusal::OldLink);
                    }
                    return Ok(self.link(stream, client)?);
                }
                if has_proved {
                    // Without a place its first request is answered with the reason, unless it is an operator's.
                    let _ = client.ticket.admit(Wish::Http);
                }
                let Some((opening, stream)) = open(stream, first_by, &drain).await? else { return Ok(()) };
                if is_old && opening == Opening::Link {
                    return Err(Refusal::OldLink);
                }
                let trusted = drain.child_token();
                let served = pin!(self.dispatch(stream, opening, client, trusted.clone()));
                let watched = pin!(watch_trust(keyring, &shown, &trusted));
                tokio::select! {
                    served = served => served,
                    refusal = watched => Err(refusal),
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

    /// How long a client may take until its first request is here, its handshake included.
    fn first_timeout(&self) -> Duration {
        let handshake = match &self.security {
            Security::Tls(keyring) => keyring.timeout(),
            Security::Plaintext => None,
        };
        self.http.limits.timeouts.head.max(handshake.unwrap_or_default())
    }

    fn link(&self, stream: impl Carrier + 'static, client: Client) -> Result<(), Full> {
        let Client { ticket, origin, .. } = client;
        ticket.admit(Wish::Link).inspect_err(|why| ticket.refuse(*why))?;
        let dialer = self.dialer.clone();
        tokio::spawn(async move {
            dialer.run(stream, origin).await;
            drop(ticket);
        });
        Ok(())
    }

    async fn dispatch<IO: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
        &self,
        stream: IO,
        opening: Opening,
        client: Client,
        drain: CancellationToken,
    ) -> Result<(), Refusal> {
        let version = match opening {
            Opening::Link => return Ok(self.link(stream, client)?),
            Opening::Http1 => Version::Http1,
            Opening::Http2 => Version::Http2,
            Opening::Tls => return Err(Refusal::UnexpectedTls),
        };
        let Client { ticket, first_by, origin, arrival } = client;
        let visit = Visit { http: Arc::clone(&self.http), arrival, shown: origin.shown, ticket, first_by };
        let served = connection::serve(stream, version, drain, visit);
        served.await.map_err(Refusal::Http)
    }
}

/// Finds the protocol of a connection. `None` when the client closes it before, as load balancers and port scanners do, or when
/// the port is draining.
async fn open<IO: AsyncRead + Unpin>(
    stream: IO,
    first_by: Instant,
    drain: &CancellationToken,
) -> Result<Option<(Opening, Prefixed<IO>)>, Refusal> {
    let wait = first_by.saturating_duration_since(Instant::now()).min(HELLO_TIMEOUT);
    match drain.run_until_cancelled(sniff(stream, wait)).await {
        None | Some(Err(SniffError::Closed)) => Ok(None),
        Some(sniffed) => Ok(Some(sniffed?)),
    }
}

const PLAIN_HTTP_ANSWER: &str = "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nConnection: close\r\n\
Content-Length: 55\r\n\r\nThis port speaks TLS: use https and a certificate here\n";
