//! Opens carriers to other nodes and runs links on them.

use core::sync::atomic::{AtomicU32, Ordering};
use core::time::Duration;
use std::io;
use std::sync::Arc;

use node_core::gossip::{Dial, Direction, Failure};
use node_core::id::LinkId;
use node_core::identity::Channel;
use tokio::net::TcpStream;
use tokio::sync::{mpsc, watch};
use tokio_rustls::TlsConnector;

use super::dial_ranges::DialRanges;
use super::guard::Guard;
use super::security::Security;
use crate::access::Access;
use crate::clock::Clock;
use crate::connect;
use crate::link::{Carrier, Greeting, LinkEvent, LinkTask, Local, Origin, Server};
use crate::tls::{Session, Shown, Shows, channel, explain_opening, noting};

/// How long a host may take to answer.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a TLS handshake may take.
const DIAL_HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(5);

/// Makes carriers into links. Cheap to clone.
#[derive(Clone)]
pub struct Dialer {
    pub(super) security: Security,
    pub(super) access: Arc<Access>,
    pub(super) local: Arc<Local>,
    pub(super) server: Arc<dyn Server>,
    pub(super) clock: Clock,
    pub(super) ranges: Arc<DialRanges>,
    pub(super) events: mpsc::Sender<LinkEvent>,
    pub(super) greeting: watch::Receiver<Greeting>,
    /// The number of the next link.
    pub(super) next: Arc<AtomicU32>,
}

impl Dialer {
    /// Runs a link on a carrier until it is over.
    pub async fn run(&self, carrier: impl Carrier, origin: Origin) {
        let (server, access) = (self.server.clone(), self.access.clone());
        let shown = origin.shown.clone();
        let task = LinkTask {
            id: LinkId(self.next.fetch_add(1, Ordering::Relaxed)),
            origin,
            local: &self.local,
            greeting: self.greeting.clone(),
            server: Arc::new(Guard::new(server, access, shown)),
            events: self.events.clone(),
            clock: self.clock,
        };
        task.run(carrier).await;
    }

    /// Dials and runs the link.
    pub(super) async fn dial(self, dial: Dial) {
        let Dial { target, address } = dial;
        let opened = match self.open(&address).await {
            // A process that ends resets the connections that it had not accepted. The second dial shows whether it is gone.
            Err(FailedOpening { error, .. }) if error.kind() == io::ErrorKind::ConnectionReset => {
                self.open(&address).await
            }
            opened => opened,
        };
        match opened {
            Ok((carrier, mut origin)) => {
                origin.direction = Direction::Dialled(target);
                self.run(carrier, origin).await;
            }
            Err(FailedOpening { failure, error, untrusted }) => {
                let address = address.as_str().to_owned();
                let error = match &self.security {
                    Security::Tls(_) => explain_opening(&error),
                    Security::Plaintext => error.to_string(),
                };
                // The receiver is dropped when the daemon stops.
                let _ = self
                    .events
                    .send(LinkEvent::DialFailed { target, address, untrusted, failure, error })
                    .await;
            }
        }
    }

    async fn open(&self, address: &str) -> Result<(Box<dyn Carrier>, Origin), FailedOpening> {
        let unreached = |error| FailedOpening { failure: failure(&error), error, untrusted: false };
        let stream = self.connect(address).await.map_err(unreached)?;
        self.secure(stream, address).await
    }

    async fn connect(&self, address: &str) -> io::Result<TcpStream> {
        let connecting = async {
            let addrs = self.ranges.filter(address, connect::resolve(address).await?)?;
            connect::race(&addrs).await
        };
        let stream = within(CONNECT_TIMEOUT, connecting).await?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }

    async fn secure(
        &self,
        stream: TcpStream,
        dialled: &str,
    ) -> Result<(Box<dyn Carrier>, Origin), FailedOpening> {
        let (direction, address) = (Direction::Accepted, dialled.to_owned());
        let mut origin =
            Origin { direction, address, channel: Channel::default(), shown: None, session: None };
        match &self.security {
            Security::Plaintext => Ok((Box::new(stream), origin)),
            Security::Tls(keyring) => {
                let Shows { config, certificate: ours } = keyring.link_client_config();
                let name = keyring.server_name(dialled);
                let connecting = TlsConnector::from(config).connect(name.clone(), stream);
                let time = keyring.timeout().unwrap_or(DIAL_HANDSHAKE_TIMEOUT);
                let (stream, refused) = noting(within(time, connecting)).await;
                let stream = stream.map_err(|error| match refused {
                    Some(refused) => FailedOpening {
                        untrusted: refused.is_unknown(),
                        ..FailedOpening::from(io::Error::new(error.kind(), refused.to_string()))
                    },
                    None => error.into(),
                })?;
                origin.channel = channel(stream.get_ref().1, ours)?;
                let shown = Shown::of(stream.get_ref().1, Some(name));
                let confirmed = keyring.confirm(&shown).await;
                confirmed.map_err(|refused| io::Error::other(refused.to_string()))?;
                let session = Session::of(stream.get_ref().1, keyring.has_proved(&shown));
                origin.shown = Some(shown);
                tracing::debug!(address = %dialled, "TLS handshake complete: {session}");
                origin.session = Some(session);
                Ok((Box::new(stream), origin))
            }
        }
    }
}

/// Why there is no carrier.
struct FailedOpening {
    failure: Failure,
    error: io::Error,
    /// The peer's certificate is not trusted here.
    untrusted: bool,
}

impl From<io::Error> for FailedOpening {
    /// Of a host that accepted the connection.
    fn from(error: io::Error) -> Self {
        Self { failure: Failure::Unresponsive, error, untrusted: false }
    }
}

/// Classifies a failed connection: it may show something about the peer.
fn failure(error: &io::Error) -> Failure {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => Failure::Refused,
        io::ErrorKind::TimedOut | io::ErrorKind::HostUnreachable | io::ErrorKind::ConnectionReset => {
            Failure::Unreachable
        }
        // No file descriptor, no network, no such name, outside of the ranges: the cause may be this node itself.
        _ => Failure::Untried,
    }
}

async fn within<T>(time: Duration, step: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    tokio::time::timeout(time, step).await.unwrap_or_else(|_| {
        Err(io::Error::new(io::ErrorKind::TimedOut, format!("no answer in {} s", time.as_secs())))
    })
}
