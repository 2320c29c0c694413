//! One port's work: dial, shake hands, move bytes until the link is over, again.

use core::cell::RefCell;
use core::fmt;
use core::future::poll_fn;
use core::task::Poll;

use embassy_futures::select::{Either3, select3};
use embassy_net::Stack;
use embassy_net::tcp::{ConnectError, TcpSocket};
use embassy_time::{Duration, with_timeout};
use embedded_io_async::{Read, Write};
use embedded_tls::CryptoRngCore;
use node_core::gossip::Dial;

use crate::address::{AddressError, resolve};
use crate::keyring::Presented;
use crate::log::warning;
use crate::port::Opened;
use crate::sizes::{INPUT, TCP_READ, TCP_WRITE, TLS_READ};
use crate::state::{State, now};
use crate::tls::{Carrier, Guard, Reader, Records, Session, SessionError, Shared, Writer};

/// Longest wait for a TCP connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Bytes that are not acknowledged for so long end the connection.
const TCP_TIMEOUT: Duration = Duration::from_secs(15);
/// Longest wait for each step of a connection's orderly end.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// Memory of one port.
pub(crate) struct PortMemory {
    tcp_read: [u8; TCP_READ],
    tcp_write: [u8; TCP_WRITE],
    records: Records,
    input: [u8; INPUT],
}

impl PortMemory {
    pub(crate) const NEW: Self =
        Self { tcp_read: [0; TCP_READ], tcp_write: [0; TCP_WRITE], records: Records::NEW, input: [0; INPUT] };
}

/// Which port of which node.
pub(crate) struct Connector<'r, 'd, G> {
    pub(crate) state: &'d State<'d>,
    pub(crate) network: Stack<'d>,
    pub(crate) rng: &'r RefCell<G>,
    pub(crate) port: usize,
}

impl<G: CryptoRngCore> Connector<'_, '_, G> {
    /// Serves the port for ever.
    pub(crate) async fn run(&self, memory: &mut PortMemory) -> ! {
        loop {
            self.network.wait_config_up().await;
            let dial = self.state.wait(|core| core.next_dial(now())).await;
            if let Err(error) = self.connect(&dial, memory).await {
                warning!("{}: {}", dial.address, error);
            }
            self.state.with(|core| {
                core.handle_closed(self.port, now());
            });
        }
    }

    /// Opens a connection and keeps it until its link is over.
    async fn connect(&self, dial: &Dial, memory: &mut PortMemory) -> Result<(), DialError> {
        let outcome = self.open(dial, memory).await;
        // A connection that came to a link is accounted for when it closes.
        if outcome.is_err() && self.state.with(|core| !core.is_connected(self.port)) {
            self.state.with(|core| core.handle_dial_failed(now(), dial.target));
        }
        outcome
    }

    async fn open(&self, dial: &Dial, memory: &mut PortMemory) -> Result<(), DialError> {
        let endpoint = resolve(self.network, &dial.address).await.map_err(DialError::Address)?;
        let PortMemory { tcp_read, tcp_write, records, input } = memory;
        let mut socket = TcpSocket::new(self.network, tcp_read, tcp_write);
        socket.set_nagle_enabled(false);
        socket.set_timeout(Some(TCP_TIMEOUT));
        let connected = with_timeout(CONNECT_TIMEOUT, socket.connect(endpoint)).await;
        connected.map_err(|_| DialError::Connect(ConnectError::TimedOut))?.map_err(DialError::Connect)?;
        let outcome = self.link(dial, &mut socket, (&mut *records, &mut *input)).await;
        match outcome {
            Ok(()) => {
                socket.close();
                // What the hub still sends is read, or TCP would take back what was sent last.
                let rest = async { while socket.read(input).await.is_ok_and(|read| read > 0) {} };
                let _ = with_timeout(CLOSE_TIMEOUT, rest).await;
            }
            Err(_) => socket.abort(),
        }
        // Whether the end was heard of makes no difference here.
        let _ = with_timeout(CLOSE_TIMEOUT, socket.flush()).await;
        outcome.map_err(DialError::Session)
    }

    async fn link(
        &self,
        dial: &Dial,
        socket: &mut TcpSocket<'_>,
        (records, input): (&mut Records, &mut [u8; INPUT]),
    ) -> Result<(), SessionError> {
        let (reader, writer) = socket.split();
        let (reader, writer) = (Shared::new(Guard::new(reader, TLS_READ)), Shared::new(writer));
        let presented = Presented::new(&self.state.keys);
        let clock = self.state.with(|core| core.clock.wall_clock(now()));
        let trust = self.state.keys.borrow().trust(self.state.settings.pins, clock);
        let carrier = Carrier::new(&reader, &writer);
        let mut session = Session::open(carrier, records, (trust, &presented), self.rng).await?;
        if !presented.is_current() {
            return Err(SessionError::KeysReplaced);
        }
        let opened = Opened { target: dial.target, ours: presented.fingerprint(), hub: session.hub() };
        self.state.with(|core| core.handle_open(self.port, now(), self.state.settings.cluster, opened));
        let (reader, writer) = session.split();
        let read = self.read(reader, input);
        // A read that waits is dropped only here, where the session ends.
        match select3(read, self.write(writer), self.farewell()).await {
            Either3::First(SessionError::Closed | SessionError::Lost) if self.is_over() => Ok(()),
            Either3::First(error) | Either3::Second(Err(error)) => Err(error),
            Either3::Second(Ok(())) => {
                // The GOAWAYs are said; whether the hub hears of the end makes no difference.
                session.close();
                Ok(())
            }
            Either3::Third(()) => Err(SessionError::Lost),
        }
    }

    fn is_over(&self) -> bool {
        self.state.with(|core| core.is_over(self.port))
    }

    /// Feeds the link until the session ends, and says why it did.
    async fn read<R: Read, W: Write<Error = R::Error>>(
        &self,
        mut reader: Reader<'_, '_, R, W>,
        input: &mut [u8; INPUT],
    ) -> SessionError {
        let mut filled = 0;
        loop {
            let room = input.get_mut(filled..).unwrap_or_default();
            match reader.read(room).await {
                Ok(read) => filled += read,
                Err(error) => return error,
            }
            let bytes = input.get(..filled).unwrap_or_default();
            let keys = self.state.keys.borrow();
            let used = self.state.with(|core| core.handle_input((self.port, &keys), now(), bytes));
            drop(keys);
            input.copy_within(used.min(filled)..filled, 0);
            filled -= used.min(filled);
        }
    }

    /// Sends what the link owes, everything that waits in one record. Ends when the link is over.
    async fn write<R: Read, W: Write<Error = R::Error>>(
        &self,
        mut writer: Writer<'_, '_, R, W>,
    ) -> Result<(), SessionError> {
        loop {
            let staged = self
                .state
                .wait(|core| {
                    core.transmit(self.port, now());
                    core.take_batch(self.port, |bytes| writer.stage(bytes))
                })
                .await;
            match staged {
                Some(staged) => staged?,
                None => return Ok(()),
            }
            writer.send().await?;
        }
    }

    /// Ends when the hub had time enough for a GOAWAY that it does not take.
    async fn farewell(&self) {
        poll_fn(|cx| {
            self.state.with(|core| {
                core.runner.register(cx.waker());
                if core.is_overdue(self.port, now()) { Poll::Ready(()) } else { Poll::Pending }
            })
        })
        .await;
    }
}

/// Why a hub could not be reached.
#[derive(Debug)]
pub(crate) enum DialError {
    Address(AddressError),
    Connect(ConnectError),
    Session(SessionError),
}

impl fmt::Display for DialError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(error) => error.fmt(f),
            Self::Connect(ConnectError::NoRoute) => f.write_str("there is no route to it"),
            Self::Connect(ConnectError::TimedOut) => {
                write!(f, "no connection within {} s", CONNECT_TIMEOUT.as_secs())
            }
            Self::Connect(_) => f.write_str("nothing listens there"),
            Self::Session(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for DialError {}
