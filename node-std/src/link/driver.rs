//! The task of one link.

use core::future::{Future, poll_fn};
use core::pin::{Pin, pin};
use core::task::{Context, Poll};
use core::time::Duration;
use std::collections::VecDeque;
use std::io;
use std::sync::Arc;

use bytes::{Buf, Bytes, BytesMut};
use node_core::gossip::{Certificates, How, Target};
use node_core::id::{LinkId, NodeId};
use node_core::link::{
    Config, Event, Exchange, ExchangeId, Goodbye, Hello, Limits, Link, Open, OpenError, PeerError, Phase,
    ResetCode, SendError, Service,
};
use node_core::time::{Instant, UnixTime};
use node_core::wire::Record;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::time::Sleep;
use tokio_util::io::poll_read_buf;

use super::buffer::SendBuffer;
use super::flow::{Flow, Flows, Sink};
use super::handle::{Command, LinkHandle};
use crate::clock::Clock;
use crate::exchange::{Accepted, ExchangeError, Inbound, Outbound, Piece, QUEUE};

/// Requests that may wait for a free exchange.
const MAX_WAITING: usize = 4096;
/// Commands taken in one turn, so that a busy node still reads and writes.
const COMMANDS_A_TURN: usize = 512;
/// Bytes read in one turn.
const READ: usize = 64 * 1024;
/// Gossip messages that may wait.
const GOSSIP: usize = 256;
/// Longest request that is collected before it is answered.
const MAX_REQUEST: usize = node_core::rpc::MAX_BODY;

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
}

/// What this side says first.
#[derive(Clone, Debug)]
pub struct Greeting {
    /// This node's incarnation.
    pub incarnation: u64,
    /// This node's encoded description.
    pub meta: Vec<u8>,
}

/// Answers what peers ask.
pub trait Server: Send + Sync + 'static {
    /// Answers a built-in method that needs no waiting, with the whole response.
    fn answer(&self, method: u16, request: &[u8]) -> Option<Vec<u8>>;

    /// Takes over an exchange; the answer is made by a task of its own.
    fn serve(&self, from: NodeId, accepted: Accepted);
}

/// Where a link comes from.
#[derive(Clone, Debug)]
pub struct Origin {
    /// Dialled or accepted.
    pub how: How,
    /// The address at the other end.
    pub address: String,
    /// What the handshake showed, under TLS.
    pub certificates: Option<Certificates>,
}

/// What a link's task reports.
#[derive(Debug)]
pub enum Notice {
    /// The carrier is open; the peer has not said hello yet.
    Started(LinkId, Origin),
    /// A dial came to nothing.
    DialFailed {
        /// Whom it was for.
        target: Target,
        /// What was dialled.
        address: String,
        /// What went wrong.
        error: String,
    },
    /// The peer said hello.
    Up {
        /// The link.
        link: LinkHandle,
        /// The peer's incarnation.
        incarnation: u64,
        /// The peer's encoded description.
        meta: Vec<u8>,
        /// What the peer takes.
        limits: Limits,
        /// The peer's clock.
        time: Option<UnixTime>,
    },
    /// A gossip message.
    Gossip(LinkId, Bytes),
    /// A round trip was measured.
    RoundTrip(LinkId, Duration),
    /// The peer said goodbye.
    Goodbye(LinkId, Goodbye),
    /// The link is over. `up` says whether it ever was up.
    Down {
        /// The link.
        link: LinkId,
        /// Whether the peer had said hello.
        up: bool,
        /// Why this node ended it, if it did.
        said: Option<Goodbye>,
        /// Why the peer ended it, if it did; [`Goodbye::Agreed`] when this node said it first.
        heard: Option<Goodbye>,
        /// What went wrong, if something did.
        error: Option<String>,
        /// The peer is this node itself.
        itself: bool,
    },
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
        hello_timeout: Duration::from_secs(5),
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
        waiting: VecDeque::new(),
        gossip: VecDeque::new(),
        gossip_room: Arc::new(Semaphore::new(GOSSIP)),
        pings: Vec::new(),
        peer: None,
        said: None,
        heard: None,
    };
    driver.notify(Notice::Started(link, origin)).await;
    let outcome = driver.run(&mut carrier, &greeting).await;
    driver.finish(outcome).await;
}

struct Driver<'s> {
    id: LinkId,
    link: Link<'s>,
    clock: Clock,
    server: Arc<dyn Server>,
    notices: mpsc::Sender<Notice>,
    commands_in: mpsc::UnboundedSender<Command>,
    commands: mpsc::UnboundedReceiver<Command>,
    /// Taken from `commands` while waiting.
    command: Option<Command>,
    identity: &'s Identity,
    received: BytesMut,
    sending: SendBuffer,
    flows: Flows,
    /// Flows with something to send and credit to send it.
    sendable: VecDeque<ExchangeId>,
    /// Requests that wait for a free exchange.
    waiting: VecDeque<Command>,
    /// Gossip that waits for room, bounded by `gossip_room`.
    gossip: VecDeque<Bytes>,
    gossip_room: Arc<Semaphore>,
    pings: Vec<oneshot::Sender<Duration>>,
    peer: Option<NodeId>,
    said: Option<Goodbye>,
    heard: Option<Goodbye>,
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
            meta: &greeting.meta,
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
                    for reply in self.pings.drain(..) {
                        let _ = reply.send(time);
                    }
                    self.notify(Notice::RoundTrip(self.id, time)).await;
                }
                Some(Event::Goodbye(reason)) => {
                    self.heard = Some(reason);
                    self.notify(Notice::Goodbye(self.id, reason)).await;
                }
                Some(Event::Skipped(kind)) => {
                    tracing::debug!(link = self.id.0, kind, "skipped a frame of an unknown kind");
                }
            }
            received.advance(consumed);
        }
    }

    async fn up(&mut self, hello: &Hello<'_>) {
        self.peer = Some(hello.record.id);
        let link =
            LinkHandle::new(self.id, hello.record.id, self.commands_in.clone(), self.gossip_room.clone());
        self.notify(Notice::Up {
            link,
            incarnation: hello.record.incarnation,
            meta: hello.record.meta.to_vec(),
            limits: hello.limits,
            time: hello.time,
        })
        .await;
        self.link.ping(self.clock.now());
    }

    fn opened(&mut self, id: ExchangeId, open: Open, (data, end): (&[u8], bool)) {
        let here = open.to.is_none_or(|to| to == self.identity.id);
        if here && matches!(open.service, Service::Rpc(_)) {
            let sink = Sink::Request { open, body: BytesMut::new(), limit: MAX_REQUEST };
            self.flows.insert(id, Flow::new(id.number, QUEUE, sink));
            self.deliver(id, data, end);
            return;
        }
        let (pieces, inbound) = mpsc::unbounded_channel();
        let flow = Flow::new(id.number, QUEUE, Sink::Stream(pieces));
        let outbound = Outbound::new(id, self.commands_in.clone(), flow.room.clone());
        let inbound = Inbound::new(id, self.commands_in.clone(), inbound);
        self.flows.insert(id, flow);
        self.deliver(id, data, end);
        if let Some(peer) = self.peer {
            self.server.serve(peer, Accepted { open, inbound, outbound });
        }
    }

    /// Brings bytes that arrived to where they belong.
    fn deliver(&mut self, id: ExchangeId, data: &[u8], end: bool) {
        let Some(flow) = self.flows.find(id) else {
            self.link.release(id, data.len());
            return;
        };
        match &mut flow.sink {
            Sink::Stream(pieces) => {
                // A reader that is gone resets or ignores the exchange itself.
                let piece = Piece::Data(Bytes::copy_from_slice(data));
                if data.is_empty() || pieces.send(piece).is_err() {
                    self.link.release(id, data.len());
                } else {
                    flow.unread += data.len();
                }
                if end {
                    let _ = pieces.send(Piece::End);
                }
            }
            Sink::Response { body, limit, .. } | Sink::Request { body, limit, .. } => {
                let fits = body.len() + data.len() <= *limit;
                body.extend_from_slice(if fits { data } else { &[] });
                self.link.release(id, data.len());
                if !fits {
                    self.link.reset(id, ResetCode::Full);
                    self.fail(id, ExchangeError::Reset(ResetCode::Full));
                } else if end {
                    self.collected(id);
                }
                return;
            }
            Sink::Closed | Sink::Ignored => self.link.release(id, data.len()),
        }
        if end {
            flow.sink = Sink::Closed;
            self.settle(id);
        }
    }

    /// A whole request or response is here.
    fn collected(&mut self, id: ExchangeId) {
        let Some(flow) = self.flows.find(id) else { return };
        match core::mem::replace(&mut flow.sink, Sink::Closed) {
            Sink::Response { body, reply, .. } => {
                // A caller that went away has no use for it.
                let _ = reply.send(Ok(body.freeze()));
                self.settle(id);
            }
            Sink::Request { open, body, .. } => {
                let method = if let Service::Rpc(method) = open.service { method } else { 0 };
                match self.server.answer(method, &body) {
                    Some(response) => self.queue(id, response.into(), true),
                    None => {
                        self.link.reset(id, ResetCode::Unknown);
                        self.forget(id);
                    }
                }
            }
            Sink::Stream(_) | Sink::Closed | Sink::Ignored => {}
        }
    }

    fn handle_command(&mut self, now: Instant, command: Command) {
        match command {
            Command::Open { .. } | Command::Call { .. } => {
                if self.waiting.is_empty() {
                    self.start(now, command);
                } else {
                    self.wait(command);
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
            Command::Ping(reply) => {
                self.pings.push(reply);
                self.link.ping(now);
            }
            Command::Goodbye(reason) => {
                self.said.get_or_insert(reason);
                self.link.goodbye(reason);
            }
        }
    }

    /// Opens an exchange, or puts the request in the queue of those that wait for one.
    fn start(&mut self, now: Instant, command: Command) {
        let (open, request, end) = match &command {
            Command::Open { open, reply } if !reply.is_closed() => (open, Bytes::new(), false),
            Command::Call { open, request, reply, .. } if !reply.is_closed() => (open, request.clone(), true),
            _ => return,
        };
        match self.link.open(now, open, (&request, end), &mut self.sending) {
            Ok((id, taken)) => {
                self.started(id, command, (request.slice(taken..), end && taken < request.len()))
            }
            Err(OpenError::Exchanges | OpenError::Outbox) => self.wait(command),
            Err(error @ (OpenError::NotUp | OpenError::Draining)) => {
                refuse(command, ExchangeError::LinkClosed(error.to_string()));
            }
        }
    }

    fn started(&mut self, id: ExchangeId, command: Command, (rest, unfinished): (Bytes, bool)) {
        match command {
            Command::Open { reply, .. } => {
                let (pieces, inbound) = mpsc::unbounded_channel();
                let flow = Flow::new(id.number, QUEUE, Sink::Stream(pieces));
                let outbound = Outbound::new(id, self.commands_in.clone(), flow.room.clone());
                let inbound = Inbound::new(id, self.commands_in.clone(), inbound);
                self.flows.insert(id, flow);
                // A caller that went away drops both halves, which resets the exchange.
                let _ = reply.send(Ok((outbound, inbound)));
            }
            Command::Call { limit, reply, .. } => {
                let sink = Sink::Response { body: BytesMut::new(), limit, reply };
                self.flows.insert(id, Flow::new(id.number, QUEUE, sink));
                if unfinished {
                    self.queue(id, rest, true);
                } else if let Some(flow) = self.flows.find(id) {
                    flow.end = true;
                }
            }
            _ => {}
        }
    }

    fn wait(&mut self, command: Command) {
        if self.waiting.len() < MAX_WAITING {
            self.waiting.push_back(command);
        } else {
            refuse(command, ExchangeError::Full);
        }
    }

    fn open_waiting(&mut self, now: Instant) {
        for _ in 0..self.waiting.len() {
            let Some(command) = self.waiting.pop_front() else { return };
            let before = self.waiting.len();
            self.start(now, command);
            if self.waiting.len() > before {
                // It went to the end of the queue: it still is the first.
                self.waiting.rotate_right(1);
                return;
            }
        }
    }

    fn queue(&mut self, id: ExchangeId, data: Bytes, end: bool) {
        let Some(flow) = self.flows.find(id) else { return };
        if !data.is_empty() {
            flow.pending.push_back(data);
        }
        flow.end |= end;
        if !flow.queued {
            flow.queued = true;
            self.sendable.push_back(id);
        }
    }

    /// Gives every flow in the queue a turn, one piece each, while there is room.
    fn send_pending(&mut self) {
        let mut stuck = 0;
        while stuck < self.sendable.len() {
            let Some(id) = self.sendable.pop_front() else { return };
            let Some(flow) = self.flows.find(id) else { continue };
            let piece = flow.pending.front().cloned().unwrap_or_default();
            let last = flow.end && flow.pending.len() <= 1;
            match self.link.send(id, (&piece, last), &mut self.sending) {
                Ok(taken) => {
                    stuck = 0;
                    flow.room.add_permits(taken);
                    if taken == piece.len() {
                        flow.pending.pop_front();
                    } else if let Some(front) = flow.pending.front_mut() {
                        front.advance(taken);
                    }
                    if flow.pending.is_empty() {
                        flow.queued = false;
                        self.settle(id);
                    } else {
                        self.sendable.push_back(id);
                    }
                }
                // Credit for it puts it into the queue again.
                Err(SendError::Credit) => flow.queued = false,
                Err(SendError::Outbox) => {
                    stuck += 1;
                    self.sendable.push_back(id);
                }
                Err(SendError::Closed) => {
                    self.fail(id, ExchangeError::Lost("the exchange is over".into()));
                }
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

    /// More may be sent: on one exchange, or on all that were starved.
    fn credited(&mut self, id: Option<ExchangeId>) {
        let starved: Vec<ExchangeId> = match id {
            Some(id) => vec![id],
            None => self.flows.ids().collect(),
        };
        for id in starved {
            if let Some(flow) = self.flows.find(id)
                && !flow.queued
                && !flow.pending.is_empty()
            {
                flow.queued = true;
                self.sendable.push_back(id);
            }
        }
    }

    /// Forgets a flow of which both directions are over. A peer that still sends what is ignored is told to stop.
    fn settle(&mut self, id: ExchangeId) {
        let Some(flow) = self.flows.find(id).filter(|flow| flow.end && flow.pending.is_empty()) else {
            return;
        };
        match flow.sink {
            Sink::Closed => {}
            Sink::Ignored => self.link.reset(id, ResetCode::Cancelled),
            _ => return,
        }
        self.forget(id);
    }

    /// Takes a flow out. What its reader has not taken yet no longer counts against the link.
    fn forget(&mut self, id: ExchangeId) -> Option<Flow> {
        let flow = self.flows.remove(id)?;
        self.link.release(id, flow.unread);
        Some(flow)
    }

    fn fail(&mut self, id: ExchangeId, error: ExchangeError) {
        if let Some(flow) = self.forget(id) {
            flow.fail(error);
        }
    }

    /// Tries to bring the last frames out; a peer that does not read them is not waited for.
    async fn flush(&mut self, carrier: &mut impl Carrier) {
        let last = async {
            carrier.write_all(self.sending.waiting()).await?;
            carrier.shutdown().await?;
            // A carrier that is closed with something unread may take the goodbye back.
            tokio::io::copy(carrier, &mut tokio::io::sink()).await
        };
        let _ = tokio::time::timeout(Duration::from_secs(2), last).await;
    }

    async fn finish(mut self, outcome: Result<(), Fault>) {
        let (said, heard) = (self.said, self.heard);
        let goodbye = heard.filter(|reason| *reason != Goodbye::Agreed).or(said);
        let (error, itself) = match outcome {
            Ok(()) => (None, false),
            Err(Fault::Peer(error)) => (Some(error.to_string()), matches!(error, PeerError::Itself(_))),
            // Both sides may close the carrier once they have said goodbye.
            Err(Fault::Carrier(_)) if goodbye.is_some() && self.link.in_flight() == 0 => (None, false),
            Err(Fault::Carrier(error)) => (Some(carrier_error(&error)), false),
        };
        let why = error.clone().or_else(|| goodbye.map(|reason| reason.to_string())).unwrap_or_default();
        for flow in self.flows.drain() {
            flow.fail(ExchangeError::Lost(why.clone()));
        }
        self.commands.close();
        while let Ok(command) = self.commands.try_recv() {
            refuse(command, ExchangeError::LinkClosed(why.clone()));
        }
        for command in self.waiting.drain(..) {
            refuse(command, ExchangeError::LinkClosed(why.clone()));
        }
        let up = self.peer.is_some();
        self.notify(Notice::Down { link: self.id, up, said, heard, error, itself }).await;
    }

    async fn notify(&self, notice: Notice) {
        // Nobody listens any more when the daemon stops.
        let _ = self.notices.send(notice).await;
    }
}

/// Answers a request that will not be made.
fn refuse(command: Command, error: ExchangeError) {
    match command {
        Command::Open { reply, .. } => drop(reply.send(Err(error))),
        Command::Call { reply, .. } => drop(reply.send(Err(error))),
        _ => {}
    }
}

fn carrier_error(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => "the peer closed the connection without a goodbye".into(),
        _ => error.to_string(),
    }
}
