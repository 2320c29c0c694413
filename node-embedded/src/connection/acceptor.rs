//! One place for a peer that dials, again and again: accept, shake hands, move bytes until the link is over.

use core::cell::RefCell;

use embassy_net::tcp::TcpSocket;
use embassy_net::{IpEndpoint, Stack};
use embassy_time::Timer;
use embedded_tls::CryptoRngCore;
use node_core::trust::Roles;
use thiserror::Error;

use super::traffic::Traffic;
use super::{TCP_TIMEOUT, hang_up};
use crate::entropy::{self, NoEntropy};
use crate::flash::Presented;
use crate::log::warning;
use crate::settings::Listen;
use crate::sizes::{INPUT, TCP_READ, TCP_WRITE};
use crate::state::{OpenedSession, Origin, State, now};
use crate::tls::{
    AcceptError, AcceptRecords, AcceptedSession, Grounds, Machine, RustlsMachine, SessionError, Trust,
};

/// Memory of one place.
pub(crate) struct AcceptMemory {
    tcp_read: [u8; TCP_READ],
    tcp_write: [u8; TCP_WRITE],
    records: AcceptRecords,
    input: [u8; INPUT],
}

impl AcceptMemory {
    pub(crate) const NEW: Self = Self {
        tcp_read: [0; TCP_READ],
        tcp_write: [0; TCP_WRITE],
        records: AcceptRecords::NEW,
        input: [0; INPUT],
    };
}

/// Accepts connections on one port of a node.
pub(crate) struct Acceptor<'r, 'd, G> {
    pub(crate) state: &'d State<'d>,
    pub(crate) network: Stack<'d>,
    pub(crate) rng: &'r RefCell<G>,
    pub(crate) port: usize,
}

impl<G: CryptoRngCore> Acceptor<'_, '_, G> {
    /// Serves the port for ever. A leaf's stays empty.
    pub(crate) async fn run(&self, memory: &mut AcceptMemory) -> ! {
        let Some(listen) = self.state.settings.listen else { core::future::pending().await };
        loop {
            self.network.wait_config_up().await;
            let AcceptMemory { tcp_read, tcp_write, records, input } = memory;
            let mut socket = TcpSocket::new(self.network, tcp_read, tcp_write);
            socket.set_nagle_enabled(false);
            socket.set_timeout(Some(TCP_TIMEOUT));
            let accepted = socket.accept(listen.port).await;
            let Some(peer) = accepted.ok().and_then(|()| socket.remote_endpoint()) else {
                // The settings name no port, or the peer was gone at once.
                Timer::after_millis(100).await;
                continue;
            };
            let outcome = self.serve(&listen, (&mut socket, peer), records, input).await;
            if let Err(error) = &outcome {
                warning!("{}: {}", peer, error);
            }
            hang_up(&mut socket, input, outcome.is_ok()).await;
            self.state.with(|core| {
                core.strangers.settle(self.port);
                match outcome {
                    Err(ServeError::Refused(error)) => core.handle_refused(peer, error),
                    Ok(()) | Err(ServeError::Session(_)) => {
                        core.handle_closed(self.port, now(), None);
                    }
                }
            });
        }
    }

    /// Shakes hands, and moves bytes until the link is over.
    async fn serve(
        &self,
        listen: &Listen<'_>,
        (socket, peer): (&mut TcpSocket<'_>, IpEndpoint),
        records: &mut AcceptRecords,
        input: &mut [u8; INPUT],
    ) -> Result<(), ServeError> {
        if !self.state.with(|core| core.strangers.admit(self.port, peer.addr)) {
            return Err(AcceptError::OnePerAddress.into());
        }
        let presented = Presented::new(&self.state.keys, self.state.owner.held);
        let lists = self.state.with(|core| core.lists);
        let machine = self.machine(listen, &presented)?;
        let session = AcceptedSession::open(socket, machine, records).await?;
        self.state.with(|core| core.strangers.settle(self.port));
        if !presented.is_current() {
            return Err(AcceptError::KeysReplaced.into());
        }
        if session.peer().by == Grounds::Authority && lists != self.state.with(|core| core.lists) {
            return Err(AcceptError::ListsReplaced.into());
        }
        let opened = OpenedSession {
            // What it needs depends on what it says that it is.
            origin: Origin::Accepted(Roles::LINK_AS_HUB),
            ours: presented.fingerprint(),
            edition: presented.edition(),
            peer: session.peer(),
            endpoint: peer,
            nonce: self.fresh().map_err(AcceptError::from)?,
        };
        self.state.with(|core| core.handle_open(self.port, now(), &opened));
        let traffic = Traffic { state: self.state, port: self.port };
        let ended_by_us = {
            let (mut reader, mut writer) = session.split(socket);
            traffic.run(&mut reader, &mut writer, input).await.map_err(ServeError::Session)?
        };
        if ended_by_us {
            session.close(socket).await;
        }
        Ok(())
    }

    /// A TLS server for one connection. Not inlined, so that no future keeps what is copied into it.
    #[inline(never)]
    fn machine(&self, listen: &Listen<'_>, presented: &Presented<'_>) -> Result<RustlsMachine, AcceptError> {
        let clock = self.state.with(|core| core.clock.wall_clock(now()));
        let mut trust: Trust<'static> = self.state.keys.borrow().trust(self.state.settings.pins, clock);
        if let Some(rules) = listen.rules {
            trust.follow(rules, "");
        }
        let entropy = self.fresh()?;
        presented.show(|shown| RustlsMachine::new(trust, shown, entropy)).ok_or(AcceptError::Key)?
    }

    /// Fresh random bytes.
    fn fresh(&self) -> Result<[u8; 32], NoEntropy> {
        let mut bytes = [0; 32];
        entropy::fill(&mut *self.rng.borrow_mut(), &mut bytes)?;
        Ok(bytes)
    }
}

/// Why a peer that dialled has no link, or no longer one.
#[derive(Debug, Error)]
enum ServeError {
    /// It got no session.
    #[error(transparent)]
    Refused(#[from] AcceptError),
    /// Its session has ended.
    #[error(transparent)]
    Session(SessionError),
}
