//! A peer that speaks the link protocol by hand, so that it can break its rules.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Instant;

use anyhow::{Context as _, Result, bail, ensure};
use node_core::id::NodeId;
use node_core::wire::{
    Frame, FrameKind, GoAway, HEADER, Header, Hello, Kind, Limits, Metadata, Open, PREFACE, Record, State,
    VERSION,
};
use node_std::tls::{Keyring, server_name};
use node_tests::pki::TlsDir;
use node_tests::wait::TIMEOUT;
use rustls::{ClientConnection, StreamOwned};

/// The limits that this peer announces.
const LIMITS: Limits = Limits {
    frame: u16::MAX,
    exchanges: 1024,
    exchange_credit: 1 << 20,
    link_credit: 1 << 24,
    members: 1 << 20,
};

/// One connection to a node.
pub struct Peer {
    carrier: Box<dyn Carrier>,
    id: NodeId,
    received: Vec<u8>,
}

trait Carrier: Read + Write {}
impl<T: Read + Write> Carrier for T {}

impl Peer {
    /// Connects, with TLS if there are keys, and sends nothing.
    ///
    /// # Errors
    ///
    /// No connection comes about.
    pub fn connect(addr: SocketAddr, keys: Option<&TlsDir>) -> Result<Self> {
        let stream = TcpStream::connect(addr).context("no connection")?;
        stream.set_read_timeout(Some(TIMEOUT))?;
        stream.set_write_timeout(Some(TIMEOUT))?;
        stream.set_nodelay(true)?;
        let carrier: Box<dyn Carrier> = match keys {
            None => Box::new(stream),
            Some(keys) => {
                let config = Keyring::open(keys.path())?.link_client_config();
                Box::new(StreamOwned::new(ClientConnection::new(config, server_name())?, stream))
            }
        };
        let mut id = NodeId([0; 16]);
        getrandom::fill(&mut id.0)?;
        Ok(Self { carrier, id, received: Vec::new() })
    }

    /// Connects and says hello as a leaf of the usual cluster; returns when the node said hello too.
    ///
    /// # Errors
    ///
    /// The node does not take it.
    pub fn greet(addr: SocketAddr, keys: Option<&TlsDir>) -> Result<Self> {
        Self::greet_as(Kind::Leaf, addr, keys)
    }

    /// The same as a hub, whose records of others are accepted.
    ///
    /// # Errors
    ///
    /// The node does not take it.
    pub fn greet_as_hub(addr: SocketAddr, keys: Option<&TlsDir>) -> Result<Self> {
        Self::greet_as(Kind::Hub, addr, keys)
    }

    fn greet_as(kind: Kind, addr: SocketAddr, keys: Option<&TlsDir>) -> Result<Self> {
        let mut peer = Self::connect(addr, keys)?;
        let hello = peer.hello(kind, "maelstrom", &LIMITS)?;
        peer.send(&[&PREFACE[..], &hello].concat())?;
        let mut preface = [0; PREFACE.len()];
        peer.carrier.read_exact(&mut preface).context("no preface")?;
        ensure!(preface == PREFACE, "the node's preface is {preface:?}");
        let (header, _) = peer.receive()?;
        ensure!(header.kind() == Some(FrameKind::Hello), "{header:?} instead of a hello");
        Ok(peer)
    }

    /// The id that it claims.
    #[must_use]
    pub fn id(&self) -> NodeId {
        self.id
    }

    /// The frame of a hello.
    ///
    /// # Errors
    ///
    /// It does not fit a frame.
    pub fn hello(&self, kind: Kind, cluster: &str, limits: &Limits) -> Result<Vec<u8>> {
        let mut metadata = [0; 256];
        let metadata = Metadata::new("hostile", kind).encode(&mut metadata)?;
        let record = Record { id: self.id, incarnation: 1, state: State::Alive, by: None, metadata };
        let hello = Hello { version: VERSION, cluster, limits: *limits, time: None, record };
        let mut payload = [0; 1024];
        Ok(frame(FrameKind::Hello as u8, 0, 0, postcard::to_slice(&hello, &mut payload)?))
    }

    /// Sends bytes as they are.
    ///
    /// # Errors
    ///
    /// The node closed the connection, or takes no more for a long time.
    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.carrier.write_all(bytes)?;
        self.carrier.flush()
    }

    /// The next frame.
    ///
    /// # Errors
    ///
    /// The node closed the connection, or sends nothing for a long time.
    pub fn receive(&mut self) -> Result<(Header, Vec<u8>)> {
        let mut buffer = [0; 16 * 1024];
        loop {
            if let Ok(Some(frame)) = Frame::parse(&self.received, usize::from(u16::MAX)) {
                let (header, payload, length) = (frame.header, frame.payload.to_vec(), frame.len());
                self.received.drain(..length);
                return Ok((header, payload));
            }
            match self.carrier.read(&mut buffer)? {
                0 => bail!("the node closed the connection"),
                length => self.received.extend_from_slice(&buffer[..length]),
            }
        }
    }

    /// The next frame of this kind; others are passed over, and pings answered.
    ///
    /// # Errors
    ///
    /// As [`receive`](Self::receive), or only others came for a long time.
    pub fn receive_kind(&mut self, kind: FrameKind) -> Result<(Header, Vec<u8>)> {
        let deadline = Instant::now() + TIMEOUT;
        loop {
            ensure!(Instant::now() < deadline, "no {kind:?} within {TIMEOUT:?}");
            let (header, payload) = self.receive().with_context(|| format!("no {kind:?}"))?;
            if header.kind() == Some(kind) {
                return Ok((header, payload));
            }
            if header.kind() == Some(FrameKind::Ping) {
                self.send(&frame(FrameKind::Pong as u8, 0, 0, &payload))?;
            }
        }
    }

    /// The node's GOAWAY.
    ///
    /// # Errors
    ///
    /// There was none.
    pub fn go_away(&mut self) -> Result<GoAway> {
        let (_, payload) = self.receive_kind(FrameKind::GoAway)?;
        Ok(postcard::from_bytes(&payload)?)
    }

    /// A ping, and the answer to it; answers to earlier ones are passed over.
    ///
    /// # Errors
    ///
    /// There was none.
    pub fn ping(&mut self) -> Result<()> {
        self.send(&frame(FrameKind::Ping as u8, 0, 0, b"are you?"))?;
        while self.receive_kind(FrameKind::Pong)?.1 != b"are you?" {}
        Ok(())
    }
}

/// The bytes of a frame.
#[must_use]
pub fn frame(kind: u8, flags: u8, exchange: u32, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(payload.len()).unwrap_or(u16::MAX);
    let header: [u8; HEADER] = Header { length, kind, flags, exchange }.to_bytes();
    [&header[..], payload].concat()
}

/// The bytes of a frame that opens an exchange.
///
/// # Errors
///
/// It does not fit a frame.
pub fn open(open: &Open, flags: u8, exchange: u32, data: &[u8]) -> Result<Vec<u8>> {
    let mut head = [0; 64];
    let head = postcard::to_slice(open, &mut head)?;
    let length = [u8::try_from(head.len())?];
    Ok(frame(FrameKind::Open as u8, flags, exchange, &[&length, &*head, data].concat()))
}
