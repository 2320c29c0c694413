//! Idle links: each from a member of its own, which asks one thing, and from then on only answers pings.
//!
//! The members are hubs that neither are dialled, for they have no address, nor graft their links. So a daemon keeps the links
//! for requests alone, without gossip. A daemon has places for 1,024 links today, and sends away leaves that are more than 256.

use std::net::SocketAddr;

use anyhow::{Context as _, Result, bail, ensure};
use node_core::crypto::{Digest as _, Software};
use node_core::gossip::{Kind, Metadata, Record, State};
use node_core::identity::{Greetings, Identity};
use node_core::rpc::Method;
use node_core::wire::frame::END;
use node_core::wire::record::MAX_METADATA;
use node_core::wire::{Frame, FrameKind, GoAway, Header, Hello, Open, PREFACE, Proof, Service, VERSION};
use node_std::daemon::LIMITS;
use node_std::identity::{Checker, NodeKey};
use node_std::tls::{Keyring, channel};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

const CLUSTER: &str = "maelstrom";
/// Generation 1 of slot 0.
const FIRST_EXCHANGE: u32 = 1 << 16;

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

    /// Links to the daemon at `addr`, and returns when the daemon has answered one request on the link. Each link of a member has a greater incarnation than the one before: the daemon suspects the
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
        carrier.call().await?;
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

fn header(kind: FrameKind, payload: &[u8], exchange: u32) -> Result<Header> {
    Ok(Header { length: payload.len().try_into()?, kind: kind as u8, flags: 0, exchange })
}

struct Carrier {
    stream: TlsStream<TcpStream>,
    received: Vec<u8>,
}

impl Carrier {
    /// A request to the daemon itself, and its answer.
    async fn call(&mut self) -> Result<()> {
        let request = Open { to: None, hops: 1, budget_ms: 5000, service: Service::Rpc(Method::Ping as u16) };
        let mut open = postcard::to_extend(&request, vec![0])?;
        open[0] = u8::try_from(open.len() - 1)?;
        let header = Header { flags: END, ..header(FrameKind::Open, &open, FIRST_EXCHANGE)? };
        self.write(header, &open).await?;
        self.frame(FrameKind::Data).await.map(drop)
    }

    async fn send(&mut self, kind: FrameKind, payload: &[u8]) -> Result<()> {
        self.write(header(kind, payload, 0)?, payload).await
    }

    async fn write(&mut self, header: Header, payload: &[u8]) -> Result<()> {
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
