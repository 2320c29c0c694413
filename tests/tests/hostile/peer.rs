//! A peer that speaks the link protocol by hand, so that it can break its rules.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Instant;

use anyhow::{Context as _, Result, bail, ensure};
use node_core::crypto::{Digest as _, Software};
use node_core::id::NodeId;
use node_core::identity::{Channel, Greetings};
use node_core::wire::{
    Frame, FrameKind, GoAway, HEADER, Header, Hello, Kind, Limits, Metadata, Open, PREFACE, Proof, Record,
    State, VERSION,
};
use node_std::tls::{Keyring, channel};
use node_tests::pki::TlsDir;
use node_tests::wait::TIMEOUT;
use rustls::{ClientConnection, StreamOwned};

use crate::author::Author;

/// The limits that this peer announces.
pub const LIMITS: Limits = Limits {
    frame: u16::MAX,
    exchanges: 1024,
    exchange_credit: 1 << 20,
    link_credit: 1 << 24,
    members: 1 << 20,
};

/// One connection to a node.
pub struct Peer {
    carrier: Box<dyn Carrier>,
    channel: Channel,
    /// The identity that it claims.
    pub author: Author,
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
        Self::connect_as(Author::random()?, addr, keys)
    }

    /// The same as a node with this identity.
    ///
    /// # Errors
    ///
    /// No connection comes about.
    pub fn connect_as(author: Author, addr: SocketAddr, keys: Option<&TlsDir>) -> Result<Self> {
        let mut stream = TcpStream::connect(addr).context("no connection")?;
        stream.set_read_timeout(Some(TIMEOUT))?;
        stream.set_write_timeout(Some(TIMEOUT))?;
        stream.set_nodelay(true)?;
        let Some(keys) = keys else {
            let channel = Channel::default();
            return Ok(Self { carrier: Box::new(stream), channel, author, received: Vec::new() });
        };
        let keyring = Keyring::open(keys.path())?;
        let mut connection =
            ClientConnection::new(keyring.link_client_config().config, keyring.server_name("127.0.0.1:1"))?;
        connection.complete_io(&mut stream)?;
        let channel = channel(&connection, keyring.active().certificate)?;
        let carrier = Box::new(StreamOwned::new(connection, stream));
        Ok(Self { carrier, channel, author, received: Vec::new() })
    }

    /// Connects, says hello as a leaf of the usual cluster and proves itself; returns when the node did so, too.
    ///
    /// # Errors
    ///
    /// The node does not take it.
    pub fn greet(addr: SocketAddr, keys: Option<&TlsDir>) -> Result<Self> {
        Self::connect(addr, keys)?.introduced(Kind::Leaf)
    }

    /// The same as a hub, whose records of others are accepted.
    ///
    /// # Errors
    ///
    /// The node does not take it.
    pub fn greet_as_hub(addr: SocketAddr, keys: Option<&TlsDir>) -> Result<Self> {
        Self::connect(addr, keys)?.introduced(Kind::Hub)
    }

    /// Introduces itself, and waits for the node's proof.
    ///
    /// # Errors
    ///
    /// The node does not take it.
    pub fn introduced(mut self, kind: Kind) -> Result<Self> {
        self.introduce(&Metadata::new("hostile", kind), |_, _| {})?;
        let (header, _) = self.receive()?;
        ensure!(header.kind() == Some(FrameKind::Proof), "{header:?} instead of a proof");
        Ok(self)
    }

    /// Says hello and sends a proof with this metadata, both as `change` makes them.
    ///
    /// # Errors
    ///
    /// The node says no hello.
    pub fn introduce(
        &mut self,
        metadata: &Metadata<'_>,
        change: impl FnOnce(&mut Proof<'_>, &Self),
    ) -> Result<()> {
        let hello = self.hello("maelstrom", &LIMITS)?;
        self.send(&[&PREFACE[..], &hello].concat())?;
        let theirs = self.receive_hello()?;
        let hash = |hello: &[u8]| Software.sha256(&[hello]);
        let greetings = Greetings {
            ours: hash(&hello[HEADER..]),
            theirs: hash(&theirs),
            exporter: self.channel.exporter.is_some(),
        };
        let identity = self.author.identity("maelstrom");
        let signature = identity.prove(&self.channel, &greetings)?;
        let metadata = self.author.metadata(1, metadata)?;
        let record =
            Record { id: self.id(), incarnation: 1, state: State::Alive, by: None, metadata: &metadata };
        let mut proof = Proof { signature, time: None, record };
        change(&mut proof, self);
        let payload = postcard::to_extend(&proof, Vec::new())?;
        self.send(&frame(FrameKind::Proof as u8, 0, 0, &payload))?;
        Ok(())
    }

    /// The payload of the node's hello.
    ///
    /// # Errors
    ///
    /// The node says no hello.
    pub fn receive_hello(&mut self) -> Result<Vec<u8>> {
        let mut preface = [0; PREFACE.len()];
        self.carrier.read_exact(&mut preface).context("no preface")?;
        ensure!(preface == PREFACE, "the node's preface is {preface:?}");
        let (header, payload) = self.receive()?;
        ensure!(header.kind() == Some(FrameKind::Hello), "{header:?} instead of a hello");
        Ok(payload)
    }

    /// The id that it claims.
    #[must_use]
    pub fn id(&self) -> NodeId {
        self.author.id()
    }

    /// The frame of a hello.
    ///
    /// # Errors
    ///
    /// It does not fit a frame.
    pub fn hello(&self, cluster: &str, limits: &Limits) -> Result<Vec<u8>> {
        let (limits, identity, nonce) = (*limits, self.author.claimed, [7; 32]);
        let exporter = self.channel.exporter.is_some();
        let hello = Hello { version: VERSION, cluster, limits, identity, nonce, exporter };
        Ok(frame(FrameKind::Hello as u8, 0, 0, &postcard::to_extend(&hello, Vec::new())?))
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
