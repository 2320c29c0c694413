//! Idle links: each from a member of its own, which answers pings and does nothing else.
//!
//! The members are hubs that neither are dialled, for they have no address, nor graft their links. So a daemon keeps the links
//! for requests alone, without gossip. Of leaves, a daemon sends away all but 256.

use std::net::SocketAddr;

use anyhow::{Context as _, Result, bail, ensure};
use node_core::crypto::{Digest as _, Software};
use node_core::gossip::{Kind, Metadata, Record, State};
use node_core::identity::{Greetings, Identity};
use node_core::wire::record::MAX_METADATA;
use node_core::wire::{Frame, FrameKind, GoAway, Header, Hello, PREFACE, Proof, VERSION};
use node_std::daemon::LIMITS;
use node_std::identity::{Checker, NodeKey};
use node_std::tls::{Keyring, channel};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

const CLUSTER: &str = "maelstrom";

/// A member, which may be linked or not.
pub struct Member(NodeKey);

/// A link that is up. It is cut with this value.
pub struct Link(JoinHandle<Result<()>>);

impl Member {
    /// Somebody new.
    ///
    /// # Errors
    ///
    /// The system gives no random numbers.
    pub fn new() -> Result<Self> {
        Ok(Self(NodeKey::generate()?.0))
    }

    /// Links to the daemon at `addr`, and returns when the daemon answers on the link. Each link of a member has a greater incarnation than the one before: the daemon suspects the
    /// member when it loses a link.
    ///
    /// # Errors
    ///
    /// The daemon does not take it.
    pub async fn link(&self, addr: SocketAddr, keyring: &Keyring, incarnation: u64) -> Result<Link> {
        let stream = TcpStream::connect(addr).await?;
        stream.set_nodelay(true)?;
        let connector = TlsConnector::from(keyring.link_client_config().config);
        let stream = connector.connect(keyring.server_name(&addr.to_string()), stream).await?;
        let mut carrier = Carrier { stream, received: Vec::new() };
        self.introduce(&mut carrier, keyring, incarnation).await?;
        carrier.send(FrameKind::Ping, b"are you?").await?;
        carrier.frame(FrameKind::Pong).await?;
        Ok(Link(tokio::spawn(async move { carrier.frame(FrameKind::GoAway).await.map(drop) })))
    }

    async fn introduce(&self, carrier: &mut Carrier, keyring: &Keyring, incarnation: u64) -> Result<()> {
        let key = &self.0;
        let identity = Identity::new(CLUSTER, key.public(), key, &Checker);
        let channel = channel(carrier.stream.get_ref().1, keyring.active().certificate)?;
        let hello = Hello {
            version: VERSION,
            cluster: CLUSTER,
            limits: LIMITS,
            identity: key.public(),
            nonce: [7; 32],
            exporter: true,
        };
        let hello = postcard::to_extend(&hello, Vec::new())?;
        carrier.stream.write_all(&PREFACE).await?;
        carrier.send(FrameKind::Hello, &hello).await?;
        let mut preface = [0; PREFACE.len()];
        carrier.stream.read_exact(&mut preface).await?;
        ensure!(preface == PREFACE, "the daemon's preface is {preface:?}");
        let theirs = carrier.frame(FrameKind::Hello).await?;
        let hash = |hello: &[u8]| Software.sha256(&[hello]);
        let greetings = Greetings { ours: hash(&hello), theirs: hash(&theirs), exporter: true };
        let signature = identity.prove(&channel, &greetings)?;
        let mut buffer = [0; MAX_METADATA];
        let described = Metadata { identity: key.public(), ..Metadata::new("idle", Kind::Hub) };
        let mut metadata = described.encode(&mut buffer).ok().context("metadata")?.to_vec();
        identity.sign_record(incarnation, &mut metadata)?;
        let record =
            Record { id: identity.id, incarnation, state: State::Alive, by: None, metadata: &metadata };
        let proof = Proof { signature, time: None, record };
        carrier.send(FrameKind::Proof, &postcard::to_extend(&proof, Vec::new())?).await?;
        carrier.frame(FrameKind::Proof).await.map(drop)
    }
}

impl Link {
    /// Whether the daemon has kept it.
    pub fn is_up(&self) -> bool {
        !self.0.is_finished()
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.0.abort();
    }
}

struct Carrier {
    stream: TlsStream<TcpStream>,
    received: Vec<u8>,
}

impl Carrier {
    async fn send(&mut self, kind: FrameKind, payload: &[u8]) -> Result<()> {
        let header = Header { length: payload.len().try_into()?, kind: kind as u8, flags: 0, exchange: 0 };
        self.stream.write_all(&[&header.to_bytes(), payload].concat()).await?;
        Ok(self.stream.flush().await?)
    }

    /// The payload of the next frame of this kind. Pings are answered, and what else comes is passed over.
    async fn frame(&mut self, wanted: FrameKind) -> Result<Vec<u8>> {
        loop {
            let (kind, payload) = self.next().await?;
            match kind {
                Some(kind) if kind == wanted => return Ok(payload),
                Some(FrameKind::Ping) => self.send(FrameKind::Pong, &payload).await?,
                Some(FrameKind::GoAway) => {
                    bail!("the daemon ends the link: {:?}", postcard::from_bytes::<GoAway>(&payload)?);
                }
                _ => {}
            }
        }
    }

    async fn next(&mut self) -> Result<(Option<FrameKind>, Vec<u8>)> {
        loop {
            if let Some(frame) =
                Frame::parse(&self.received, usize::from(LIMITS.frame)).ok().context("a frame too long")?
            {
                let (kind, payload, length) = (frame.header.kind(), frame.payload.to_vec(), frame.len());
                self.received.drain(..length);
                return Ok((kind, payload));
            }
            ensure!(self.stream.read_buf(&mut self.received).await? > 0, "the daemon closed the link");
        }
    }
}
