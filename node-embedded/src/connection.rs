//! One port's work, again and again: dial, shake hands, move bytes until the link is over.

use core::cell::{Cell, RefCell};

use embassy_net::tcp::{ConnectError, TcpSocket};
use embassy_net::{IpEndpoint, Stack};
use embassy_time::{Duration, with_timeout};
use embedded_tls::CryptoRngCore;
use node_core::gossip::Dial;

use crate::entropy;
use crate::event::DialError;
use crate::flash::Presented;
use crate::log::warning;
use crate::sizes::{INPUT, TCP_READ, TCP_WRITE, TLS_READ};
use crate::state::{Closed, OpenedSession, Origin, State, now};
use crate::tls::{Carrier, Grounds, Guard, RecordBuffers, Session, SessionError, Shared, Trust};

#[cfg(feature = "accept")]
mod acceptor;
mod address;
mod traffic;

#[cfg(feature = "accept")]
pub(crate) use acceptor::{AcceptMemory, Acceptor};
use address::{Endpoints, has_route, host, resolve};
use traffic::Traffic;

/// Longest wait for a TCP connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// A connection ends when bytes are not acknowledged for this long.
const TCP_TIMEOUT: Duration = Duration::from_secs(15);
/// Longest wait for each step of a connection's orderly end.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// Memory of one port.
pub(crate) struct PortMemory {
    tcp_read: [u8; TCP_READ],
    tcp_write: [u8; TCP_WRITE],
    records: RecordBuffers,
    input: [u8; INPUT],
}

impl PortMemory {
    pub(crate) const NEW: Self = Self {
        tcp_read: [0; TCP_READ],
        tcp_write: [0; TCP_WRITE],
        records: RecordBuffers::NEW,
        input: [0; INPUT],
    };
}

/// Connects one port of a node.
pub(crate) struct Connector<'r, 'd, G> {
    pub(crate) state: &'d State<'d>,
    pub(crate) network: Stack<'d>,
    pub(crate) rng: &'r RefCell<G>,
    pub(crate) port: usize,
    /// The answer of a name server that the next dial begins with.
    pub(crate) turn: Cell<usize>,
}

impl<G: CryptoRngCore> Connector<'_, '_, G> {
    /// Serves the port for ever.
    pub(crate) async fn run(&self, memory: &mut PortMemory) -> ! {
        loop {
            self.network.wait_config_up().await;
            let dial = self.state.wait(|core| core.next_dial(now())).await;
            self.dial(&dial, memory).await;
        }
    }

    /// Opens a connection and keeps it until its link is over. The addresses behind a name are dialled in turn, until one of
    /// them gives a session; each dial begins with another one.
    async fn dial(&self, dial: &Dial, memory: &mut PortMemory) {
        let mut endpoints = match resolve(self.network, &dial.address).await {
            Ok(endpoints) => endpoints,
            Err(error) => {
                self.end(dial, None, Err(error));
                Endpoints::new()
            }
        };
        let first = self.turn.replace(self.turn.get().wrapping_add(1));
        let first = first.checked_rem(endpoints.len()).unwrap_or_default();
        endpoints.rotate_left(first);
        for endpoint in endpoints {
            let outcome = self.open(dial, endpoint, memory).await;
            let had_session = self.end(dial, Some(endpoint), outcome);
            if had_session {
                return;
            }
        }
        self.state.with(|core| core.handle_dial_failed(now(), dial.target));
    }

    /// Tells the core that a connection ended, or did not come about. Returns whether it had a session.
    fn end(&self, dial: &Dial, endpoint: Option<IpEndpoint>, outcome: Result<(), DialError>) -> bool {
        if let Err(error) = &outcome {
            warning!("{}: {}", dial.address, error);
        }
        let closed = Closed { dial, endpoint, outcome };
        self.state.with(|core| core.handle_closed(self.port, now(), Some(&closed)))
    }

    async fn open(
        &self,
        dial: &Dial,
        endpoint: IpEndpoint,
        memory: &mut PortMemory,
    ) -> Result<(), DialError> {
        if !has_route(self.network, endpoint.addr) {
            return Err(DialError::NoRoute);
        }
        let PortMemory { tcp_read, tcp_write, records, input } = memory;
        let mut socket = TcpSocket::new(self.network, tcp_read, tcp_write);
        socket.set_nagle_enabled(false);
        socket.set_timeout(Some(TCP_TIMEOUT));
        let connected = with_timeout(CONNECT_TIMEOUT, socket.connect(endpoint)).await;
        connected.map_err(|_| DialError::Timeout)?.map_err(explain)?;
        let outcome = self.link(dial, (&mut socket, endpoint), records, input).await;
        hang_up(&mut socket, input, outcome.is_ok()).await;
        outcome.map_err(DialError::Session)
    }

    async fn link(
        &self,
        dial: &Dial,
        (socket, endpoint): (&mut TcpSocket<'_>, IpEndpoint),
        records: &mut RecordBuffers,
        input: &mut [u8; INPUT],
    ) -> Result<(), SessionError> {
        let (reader, writer) = socket.split();
        let (reader, writer) = (Shared::new(Guard::new(reader, TLS_READ)), Shared::new(writer));
        let presented = Presented::new(&self.state.keys, self.state.owner.held);
        let trust = self.trust(host(&dial.address));
        let lists = self.state.with(|core| core.lists);
        let carrier = Carrier::new(&reader, &writer);
        let mut session = Session::new(carrier, records);
        let hub = session.open(trust, &presented, self.rng).await?;
        if !presented.is_current() {
            return Err(SessionError::KeysReplaced);
        }
        if hub.by == Grounds::Authority && lists != self.state.with(|core| core.lists) {
            return Err(SessionError::ListsReplaced);
        }
        let mut nonce = [0; 32];
        entropy::fill(&mut *self.rng.borrow_mut(), &mut nonce).map_err(SessionError::from)?;
        let opened = OpenedSession {
            origin: Origin::Dialled(dial.target),
            ours: presented.fingerprint(),
            edition: presented.edition(),
            peer: hub,
            endpoint,
            nonce,
        };
        self.state.with(|core| core.handle_open(self.port, now(), &opened));
        let (mut reader, mut writer) = session.split();
        let ended_by_us =
            Traffic { state: self.state, port: self.port }.run(&mut reader, &mut writer, input).await?;
        if ended_by_us {
            session.close();
        }
        Ok(())
    }

    /// The grounds to trust a hub at this address.
    fn trust<'h>(&'h self, dialled: &'h str) -> Trust<'h> {
        let clock = self.state.with(|core| core.clock.wall_clock(now()));
        let mut trust = self.state.keys.borrow().trust(self.state.settings.pins, clock);
        if let Some(rules) = self.state.settings.hub_rules {
            trust.follow(rules, dialled);
        }
        trust
    }
}

/// Ends a connection, whether or not the peer learns of it.
async fn hang_up(socket: &mut TcpSocket<'_>, input: &mut [u8], in_order: bool) {
    if in_order {
        socket.close();
        // Bytes that the peer still sends are read, or a TCP reset would discard the last bytes sent.
        let rest = async { while socket.read(input).await.is_ok_and(|read| read > 0) {} };
        let _ = with_timeout(CLOSE_TIMEOUT, rest).await;
    } else {
        socket.abort();
    }
    let _ = with_timeout(CLOSE_TIMEOUT, socket.flush()).await;
}

/// Why there is no TCP connection.
const fn explain(error: ConnectError) -> DialError {
    match error {
        ConnectError::NoRoute => DialError::NoRoute,
        ConnectError::TimedOut => DialError::Timeout,
        ConnectError::ConnectionReset | ConnectError::InvalidState => DialError::Refused,
    }
}
