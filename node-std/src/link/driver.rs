//! The task of one link.

use core::future::{Future, poll_fn};
use core::pin::{Pin, pin};
use core::task::{Context, Poll};
use core::time::Duration;
use std::collections::VecDeque;
use std::io;
use std::sync::Arc;

use bytes::{Buf, Bytes, BytesMut};
use node_core::gossip::Direction;
use node_core::id::{LinkId, NodeId};
use node_core::link::{
    Config, Event, Exchange, ExchangeId, GoAway, Hello, Limits, Link, PeerError, Phase, ResetCode,
};
use node_core::time::Instant;
use node_core::wire::{Kind, Metadata, Record};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::sync::{Semaphore, mpsc};
use tokio::time::Sleep;
use tokio_util::io::poll_read_buf;

use super::buffer::SendBuffer;
use super::exchanges::refuse;
use super::flow::{Flows, Sink};
use super::handle::{Command, LinkHandle};
use super::notice::{Notice, Origin};
use super::rtt::Rtt;
use super::waiting::Waiting;
use crate::clock::Clock;
use crate::exchange::{Accepted, ExchangeError};
use crate::tls::explain;

/// Commands taken in one turn, so that a busy node still reads and writes.
const COMMANDS_A_TURN: usize = 512;
/// Bytes read in one turn.
const READ: usize = 64 * 1024;
/// Bytes that a TLS record to a peer that dialled holds; more are written as several.
const RECORD: usize = 4079;
/// How often the round trip is measured on a link that is never quiet long enough for a ping.
const MEASURE: Duration = Duration::from_secs(30);
/// Gossip messages that may wait.
const GOSSIP: usize = 256;

/// How long a peer may take to say what it is, and then hello.
pub const HELLO_TIMEOUT: Duration = Duration::from_secs(5);

/// A reliable ordered byte stream.
pub trait Carrier: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Carrier for T {}

/// What every link of a node has in common.
#[derive(Clone, Debug)]
pub struct Identity {
    /// This node.
    pub id: NodeId,
    /// Its cluster.
    pub cluster: String,
    /// What it takes on a link.
    pub limits: Limits,
    /// TLS records that a leaf may be sent on one link; then it is asked to dial again. See [`RECORDS`].
    pub records: u64,
}

/// Long before rustls updates its keys by itself, near 2^24 records under AES-GCM: a board's TLS library cannot take that.
pub const RECORDS: u64 = 1 << 23;

/// What this side says first.
#[derive(Clone, Debug)]
pub struct Greeting {
    /// This node's incarnation.
    pub incarnation: u64,
    /// This node's encoded description.
    pub metadata: Vec<u8>,
}

/// Answers what peers ask.
pub trait Server: Send + Sync + 'static {
    /// Answers a built-in method that needs no waiting, with the whole response.
    fn answer(&self, method: u16, request: &[u8]) -> Option<Vec<u8>>;

    /// Takes over an exchange; the answer is made by a task of its own.
    fn serve(&self, from: NodeId, accepted: Accepted);
}

/// Runs one link on `carrier` until it is over. Everything that happens goes to `notices`.
pub async fn run(
    mut carrier: impl Carrier,
    (link, origin): (LinkId, Origin),
    (identity, greeting): (&Identity, Greeting),
    (server, notices): (Arc<dyn Server>, mpsc::Sender<Notice>),
    clock: Clock,
) {
    let slots = usize::from(identity.limits.exchanges);
    let (mut ours, mut theirs) = (vec![Exchange::FREE; slots], vec![Exchange::FREE; slots]);
    let config = Config {
        id: identity.id,
        cluster: &identity.cluster,
        limits: identity.limits,
        hello_timeout: HELLO_TIMEOUT,
        ping_after: Duration::from_secs(5),
        dead_after: Duration::from_secs(5),
    };
    let (commands_in, commands) = mpsc::unbounded_channel();
    let machine = Link::new(config, &mut ours, &mut theirs, clock.now());
    let mut driver = Driver {
        id: link,
        link: machine,
        clock,
        server,
        notices,
        commands_in,
        commands,
        command: None,
        identity,
        received: BytesMut::new(),
        sending: SendBuffer::new(),
        flows: Flows::default(),
        sendable: VecDeque::new(),
        waiting: Waiting::default(),
        gossip: VecDeque::new(),
        gossip_room: Arc::new(Semaphore::new(GOSSIP)),
        rtt: Rtt::default(),
        measure_at: clock.now() + MEASURE,
        bare: false,
        records: None,
        peer: None,
        said: None,
        heard: None,
    };
    driver.bare = origin.certificates.is_none() && origin.how != Direction::Accepted;
    driver.notify(Notice::Started(link, origin)).await;
    let outcome = driver.run(&mut carrier, &greeting).await;
    driver.finish(outcome).await;
}

pub(super) struct Driver<'s> {
    id: LinkId,
    pub(super) link: Link<'s>,
    clock: Clock,
    pub(super) server: Arc<dyn Server>,
    notices: mpsc::Sender<Notice>,
    pub(super) commands_in: mpsc::UnboundedSender<Command>,
    commands: mpsc::UnboundedReceiver<Command>,
    /// Taken from `commands` while waiting.
    command: Option<Command>,
    pub(super) identity: &'s Identity,
    received: BytesMut,
    pub(super) sending: SendBuffer,
    pub(super) flows: Flows,
    /// Flows with something to send and credit to send it.
    pub(super) sendable: VecDeque<ExchangeId>,
    /// Requests that wait for a free exchange.
    pub(super) waiting: Waiting,
    /// Gossip that waits for room, bounded by `gossip_room`.
    gossip: VecDeque<Bytes>,
    gossip_room: Arc<Semaphore>,
    rtt: Rtt,
    /// When the round trip is measured again, if the peer says something then.
    measure_at: Instant,
    /// It was dialled without TLS.
    bare: bool,
    /// To a leaf: records that it may still be sent.
    records: Option<u64>,
    pub(super) peer: Option<NodeId>,
    said: Option<GoAway>,
    heard: Option<GoAway>,
}

/// Why a link's task ends.
enum Fault {
    Peer(PeerError),
    Carrier(io::Error),
}

impl From<PeerError> for Fault {
    fn from(error: PeerError) -> Self {
        Self::Peer(error)
    }
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        Self::Carrier(error)
    }
}

impl Driver<'_> {
    async fn run(&mut self, carrier: &mut impl Carrier, greeting: &Greeting) -> Result<(), Fault> {
        let identity = self.identity;
        let record = Record {
            id: identity.id,
            incarnation: greeting.incarnation,
            state: node_core::gossip::State::Alive,
            by: None,
            metadata: &greeting.metadata,
        };
        let hello = Hello {
            version: node_core::wire::VERSION,
            cluster: &identity.cluster,
            limits: identity.limits,
            time: Some(crate::clock::unix_time()),
            record,
        };
        // An empty buffer has room for a hello.
        let _ = self.link.greet(&hello, &mut self.sending);
        let mut sleep = pin!(tokio::time::sleep(Duration::ZERO));
        loop {
            if let Err(error) = self.turn().await {
                self.link.poll_transmit(self.clock.now(), &mut self.sending);
                self.flush(carrier).await;
                return Err(error.into());
            }
            if self.link.phase() == Phase::Over {
                self.flush(carrier).await;
                return Ok(());
            }
            if let Some(at) = self.link.poll_timeout() {
                sleep.as_mut().reset(self.clock.tokio(at));
            }
            poll_fn(|cx| self.poll_carrier(cx, carrier, sleep.as_mut())).await?;
        }
    }

    /// Everything that can be done without waiting for the carrier.
    async fn turn(&mut self) -> Result<(), PeerError> {
        let now = self.clock.now();
        self.handle_received(now).await?;
        let mut next = self.command.take();
        for _ in 0..COMMANDS_A_TURN {
            match next.take().or_else(|| self.commands.try_recv().ok()) {
                Some(command) => self.handle_command(now, command),
                None => break,
            }
        }
        self.link.handle_timeout(now)?;
        while let Some(id) = self.link.poll_expired() {
            self.fail(id, ExchangeError::Reset(ResetCode::Timeout));
        }
        self.send_pending();
        self.send_gossip();
        self.link.poll_transmit(now, &mut self.sending);
        self.open_waiting(now);
        if self.records == Some(0) {
            self.records = None;
            self.notify(Notice::Worn(self.id)).await;
        }
        Ok(())
    }

    /// Moves bytes until something happened that needs a turn.
    fn poll_carrier(
        &mut self,
        cx: &mut Context<'_>,
        carrier: &mut impl Carrier,
        sleep: Pin<&mut Sleep>,
    ) -> Poll<io::Result<()>> {
        let mut happened = false;
        while !self.sending.waiting().is_empty() {
            match Pin::new(&mut *carrier).poll_write(cx, self.sending.waiting())? {
                Poll::Ready(0) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Poll::Ready(written) => {
                    self.sending.sent(written);
                    let records = written.div_ceil(RECORD) as u64;
                    self.records = self.records.map(|left| left.saturating_sub(records));
                    happened |= self.is_held_back();
                }
                Poll::Pending => break,
            }
        }
        if self.sending.waiting().is_empty() {
            // A TLS carrier may hold back what it encrypted.
            let _ = Pin::new(&mut *carrier).poll_flush(cx)?;
        }
        self.received.reserve(READ);
        if let Poll::Ready(read) = poll_read_buf(Pin::new(&mut *carrier), cx, &mut self.received) {
            if read? == 0 {
                return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
            }
            happened = true;
        }
        if let Poll::Ready(Some(command)) = self.commands.poll_recv(cx) {
            self.command = Some(command);
            happened = true;
        }
        happened |= sleep.poll(cx).is_ready();
        if happened { Poll::Ready(Ok(())) } else { Poll::Pending }
    }

    /// Whether something waits for room in the outgoing buffer.
    fn is_held_back(&self) -> bool {
        !self.sendable.is_empty() || !self.gossip.is_empty() || !self.waiting.is_empty()
    }

    async fn handle_received(&mut self, now: Instant) -> Result<(), PeerError> {
        let mut received = core::mem::take(&mut self.received);
        let result = self.handle_frames(now, &mut received).await;
        if !received.is_empty() {
            self.received = received;
        }
        result
    }

    async fn handle_frames(&mut self, now: Instant, received: &mut BytesMut) -> Result<(), PeerError> {
        loop {
            let input = self.link.handle_input(now, received)?;
            let consumed = input.consumed;
            if consumed == 0 {
                return Ok(());
            }
            match input.event {
                None => {}
                Some(Event::Up(hello)) => self.up(&hello).await,
                Some(Event::Opened { id, open, data, end }) => self.opened(id, open, (data, end)),
                Some(Event::Data { id, data, end }) => self.deliver(id, data, end),
                Some(Event::Reset { id, code }) => self.fail(id, ExchangeError::Reset(code)),
                Some(Event::Credit(id)) => self.credited(id),
                Some(Event::Gossip(message)) => {
                    let message = Bytes::copy_from_slice(message);
                    self.notify(Notice::Gossip(self.id, message)).await;
                }
                Some(Event::Pong(time)) => {
                    self.rtt.set(time);
                    self.measure_at = now + MEASURE;
                }
                Some(Event::GoAway(reason)) => {
                    self.heard = Some(reason);
                    self.notify(Notice::GoAway(self.id, reason)).await;
                }
                Some(Event::Skipped(kind)) => {
                    tracing::debug!(link = self.id.0, kind, "skipped a frame of an unknown kind");
                }
            }
            received.advance(consumed);
            if now >= self.measure_at {
                self.measure_at = now + MEASURE;
                self.link.ping(now);
            }
        }
    }

    async fn up(&mut self, hello: &Hello<'_>) {
        self.peer = Some(hello.record.id);
        let is_leaf =
            Metadata::decode(hello.record.metadata).is_ok_and(|metadata| metadata.kind == Kind::Leaf);
        self.records = is_leaf.then_some(self.identity.records);
        let shared = (self.gossip_room.clone(), self.rtt.clone());
        let link = LinkHandle::new(self.id, hello.record.id, self.commands_in.clone(), shared);
        self.notify(Notice::Up {
            link,
            incarnation: hello.record.incarnation,
            metadata: hello.record.metadata.to_vec(),
            limits: hello.limits,
            time: hello.time,
        })
        .await;
        self.link.ping(self.clock.now());
    }

    fn handle_command(&mut self, now: Instant, command: Command) {
        match command {
            Command::Open { open, .. } | Command::Call { open, .. } => {
                if self.waiting.queue(open.service).is_empty() {
                    self.start(now, command);
                } else {
                    self.wait(open.service, command);
                }
            }
            Command::Send { id, data, end } => self.queue(id, data, end),
            Command::Reset { id, code } => {
                self.link.reset(id, code);
                self.fail(id, ExchangeError::Reset(code));
            }
            Command::Ignore { id } => {
                if let Some(flow) = self.flows.find(id) {
                    flow.sink = Sink::Ignored;
                    self.settle(id);
                }
            }
            Command::Release { id, bytes } => {
                // What a flow left unread was released when it was forgotten.
                if let Some(flow) = self.flows.find(id) {
                    flow.unread = flow.unread.saturating_sub(bytes);
                    self.link.release(id, bytes);
                }
            }
            Command::Gossip(message) => self.gossip.push_back(message),
            Command::GoAway(reason) => {
                self.said.get_or_insert(reason);
                self.link.go_away(reason);
            }
        }
    }

    fn send_gossip(&mut self) {
        while let Some(message) = self.gossip.front() {
            if self.link.gossip(message, &mut self.sending).is_err() {
                return;
            }
            self.gossip.pop_front();
            self.gossip_room.add_permits(1);
        }
    }

    /// Tries to bring the last frames out; a peer that does not read them is not waited for.
    async fn flush(&mut self, carrier: &mut impl Carrier) {
        let last = async {
            carrier.write_all(self.sending.waiting()).await?;
            carrier.shutdown().await?;
            // A carrier that is closed with something unread may take the GOAWAY back.
            tokio::io::copy(carrier, &mut tokio::io::sink()).await
        };
        let _ = tokio::time::timeout(Duration::from_secs(2), last).await;
    }

    async fn finish(mut self, outcome: Result<(), Fault>) {
        let (said, heard) = (self.said, self.heard);
        let go_away = heard.filter(|reason| *reason != GoAway::Acknowledged).or(said);
        let (error, itself) = match outcome {
            Ok(()) => (None, false),
            Err(Fault::Peer(error)) => (Some(error.to_string()), matches!(error, PeerError::Itself(_))),
            // Both sides may close the carrier once they have said GOAWAY.
            Err(Fault::Carrier(_)) if go_away.is_some() && self.link.in_flight() == 0 => (None, false),
            Err(Fault::Carrier(error)) => (Some(self.carrier_error(&error)), false),
        };
        let why = error.clone().or_else(|| go_away.map(|reason| reason.to_string())).unwrap_or_default();
        for flow in self.flows.drain() {
            flow.fail(ExchangeError::Lost(why.clone()));
        }
        self.commands.close();
        while let Ok(command) = self.commands.try_recv() {
            refuse(command, ExchangeError::LinkClosed(why.clone()));
        }
        for command in self.waiting.drain() {
            refuse(command, ExchangeError::LinkClosed(why.clone()));
        }
        let up = self.peer.is_some();
        self.notify(Notice::Down { link: self.id, up, said, heard, error, itself }).await;
    }

    fn carrier_error(&self, error: &io::Error) -> String {
        let what = match error.kind() {
            io::ErrorKind::UnexpectedEof => "the peer closed the connection without a GOAWAY".into(),
            io::ErrorKind::ConnectionReset => error.to_string(),
            _ => return explain(error),
        };
        // So a port with TLS takes a greeting without.
        if self.bare && self.peer.is_none() {
            format!("{what}; if that port speaks TLS, set MAEL_PRIVATE_TLS_DIR here")
        } else {
            what
        }
    }

    async fn notify(&self, notice: Notice) {
        // Nobody listens any more when the daemon stops.
        let _ = self.notices.send(notice).await;
    }
}
