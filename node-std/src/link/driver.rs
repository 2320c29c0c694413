//! Moves bytes and commands between the carrier, node-core's link and the other tasks.

use core::future::{Future, poll_fn};
use core::pin::{Pin, pin};
use core::task::{Context, Poll};
use core::time::Duration;
use std::io;
use std::sync::Arc;

use bytes::{Buf, Bytes, BytesMut};
use node_core::id::LinkId;
use node_core::identity::Channel;
use node_core::link::{Event, GoAway, Introduction, Link, Phase, ResetCode};
use node_core::time::Instant;
use node_core::wire::{Kind, Metadata};
use tokio::io::AsyncWriteExt;
use tokio::sync::{mpsc, watch};
use tokio::time::Sleep;
use tokio_util::io::poll_read_buf;

use super::buffer::SendBuffer;
use super::carrier::Carrier;
use super::command::Command;
use super::end::{Fault, describe};
use super::error::ExchangeError;
use super::event::{LinkEvent, Outcome};
use super::exchanges::Exchanges;
use super::gossip::GossipQueue;
use super::handle::LinkHandle;
use super::local::{Greeting, Local};
use super::opener::Opener;
use super::rtt::Rtt;
use super::server::Server;
use super::stream::LinkCommand;
use crate::clock::{Clock, unix_time};

/// Commands taken in one turn, so that a busy node still reads and writes.
const COMMANDS_PER_TURN: usize = 512;
/// Bytes read in one turn.
const READ: usize = 64 * 1024;
/// Bytes in a TLS record to a peer that dialled. A longer write becomes several records.
const RECORD: usize = 4079;
/// How often the round trip is measured on a link that is never idle long enough for a ping.
const MEASURE: Duration = Duration::from_secs(30);

pub(super) struct Driver<'s> {
    id: LinkId,
    link: Link<'s>,
    local: &'s Local,
    greeting: watch::Receiver<Greeting>,
    clock: Clock,
    events: mpsc::Sender<LinkEvent>,
    commands: mpsc::UnboundedReceiver<LinkCommand>,
    /// Taken from `commands` while waiting.
    command: Option<LinkCommand>,
    received: BytesMut,
    sending: SendBuffer,
    exchanges: Exchanges,
    opener: Opener,
    gossip: GossipQueue,
    rtt: Rtt,
    /// When the round trip is measured again, on the next frame of the peer.
    measure_at: Instant,
    /// To a leaf: TLS records left until the key usage limit.
    records_left: Option<u64>,
    go_away_sent: Option<GoAway>,
    go_away_received: Option<GoAway>,
}

impl<'s> Driver<'s> {
    pub(super) fn new(
        id: LinkId,
        link: Link<'s>,
        local: &'s Local,
        greeting: watch::Receiver<Greeting>,
        server: Arc<dyn Server>,
        events: mpsc::Sender<LinkEvent>,
        clock: Clock,
    ) -> Self {
        let (sender, commands) = mpsc::unbounded_channel();
        Self {
            id,
            link,
            local,
            greeting,
            clock,
            events,
            commands,
            command: None,
            received: BytesMut::new(),
            sending: SendBuffer::new(),
            exchanges: Exchanges::new(local.id(), server, sender),
            opener: Opener::new(&local.limits),
            gossip: GossipQueue::new(),
            rtt: Rtt::default(),
            measure_at: clock.now() + MEASURE,
            records_left: None,
            go_away_sent: None,
            go_away_received: None,
        }
    }

    /// Runs the link until both sides ended it.
    ///
    /// # Errors
    /// The peer broke the protocol, or the carrier broke.
    pub(super) async fn run(&mut self, carrier: &mut impl Carrier, channel: Channel) -> Result<(), Fault> {
        let mut nonce = [0; 32];
        getrandom::fill(&mut nonce).map_err(|error| Fault::Carrier(io::Error::other(error)))?;
        // An empty buffer has room for a hello.
        let _ = self.link.greet(nonce, channel, &mut self.sending);
        let mut sleep = pin!(tokio::time::sleep(Duration::ZERO));
        loop {
            if let Err(error) = self.turn().await {
                self.link.poll_transmit(self.clock.now(), &mut self.sending);
                self.flush(carrier).await;
                return Err(error);
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

    /// Fails what is still open, and reports the end of the link. `dialled_plaintext` means that this node dialled it without
    /// TLS.
    pub(super) async fn finish(mut self, result: Result<(), Fault>, dialled_plaintext: bool) {
        let (sent, received) = (self.go_away_sent, self.go_away_received);
        let go_away = received.filter(|reason| *reason != GoAway::Acknowledged).or(sent);
        let up = self.exchanges.peer().is_some();
        let error = match result {
            Ok(()) => None,
            Err(Fault::Peer(error)) => Some(error.to_string()),
            Err(Fault::Proof(error)) => Some(error.to_string()),
            // After both GOAWAY frames each side may close the carrier.
            Err(Fault::Carrier(_)) if go_away.is_some() && self.link.in_flight() == 0 => None,
            Err(Fault::Carrier(error)) => Some(describe(&error, dialled_plaintext && !up)),
        };
        let why = error.clone().or_else(|| go_away.map(|reason| reason.to_string())).unwrap_or_default();
        self.exchanges.close(&why);
        self.commands.close();
        while let Ok(command) = self.commands.try_recv() {
            command.refuse(ExchangeError::LinkClosed(why.clone()));
        }
        self.opener.close(&why);
        let outcome = Outcome { sent, received, error };
        self.report(LinkEvent::Down { link: self.id, up, outcome }).await;
    }

    /// Everything that can be done without waiting for the carrier.
    async fn turn(&mut self) -> Result<(), Fault> {
        let now = self.clock.now();
        self.handle_received(now).await?;
        let mut next = self.command.take();
        for _ in 0..COMMANDS_PER_TURN {
            match next.take().or_else(|| self.commands.try_recv().ok()) {
                Some(command) => self.handle_command(now, command),
                None => break,
            }
        }
        self.link.handle_timeout(now)?;
        while let Some(id) = self.link.poll_expired() {
            self.exchanges.fail(&mut self.link, id, ExchangeError::Reset(ResetCode::Timeout));
        }
        self.exchanges.send_pending(&mut self.link, &mut self.sending);
        self.gossip.send(&mut self.link, &mut self.sending);
        self.link.poll_transmit(now, &mut self.sending);
        self.opener.open_waiting(now, &mut self.link, &mut self.exchanges, &mut self.sending);
        if self.records_left == Some(0) {
            self.records_left = None;
            self.report(LinkEvent::KeyUsageLimit(self.id)).await;
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
                    self.records_left = self.records_left.map(|left| left.saturating_sub(records));
                    happened |= self.waits_for_room();
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
    fn waits_for_room(&self) -> bool {
        self.exchanges.wait_for_room() || !self.gossip.is_empty() || !self.opener.is_empty()
    }

    async fn handle_received(&mut self, now: Instant) -> Result<(), Fault> {
        let mut received = core::mem::take(&mut self.received);
        let result = self.handle_frames(now, &mut received).await;
        if !received.is_empty() {
            self.received = received;
        }
        result
    }

    async fn handle_frames(&mut self, now: Instant, received: &mut BytesMut) -> Result<(), Fault> {
        loop {
            let input = self.link.handle_input(now, received)?;
            let consumed = input.consumed;
            if consumed == 0 {
                return Ok(());
            }
            let (exchanges, link) = (&mut self.exchanges, &mut self.link);
            match input.event {
                None => {}
                Some(Event::Greeted) => {
                    let greeting = self.greeting.borrow().clone();
                    link.prove(Some(unix_time()), greeting.record(self.local.id()), &mut self.sending)?;
                }
                Some(Event::Up(introduction)) => self.handle_up(&introduction).await,
                Some(Event::Opened { id, open, data, end }) => exchanges.accept(link, id, open, data, end),
                Some(Event::Data { id, data, end }) => exchanges.deliver(link, id, data, end),
                Some(Event::Reset { id, code }) => exchanges.fail(link, id, ExchangeError::Reset(code)),
                Some(Event::Credit(id)) => exchanges.handle_credit(id),
                Some(Event::Gossip(message)) => {
                    let message = Bytes::copy_from_slice(message);
                    self.report(LinkEvent::Gossip(self.id, message)).await;
                }
                Some(Event::Pong(time)) => {
                    self.rtt.set(time);
                    self.measure_at = now + MEASURE;
                }
                Some(Event::GoAway(reason)) => {
                    self.go_away_received = Some(reason);
                    self.report(LinkEvent::GoAway(self.id, reason)).await;
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

    async fn handle_up(&mut self, introduction: &Introduction<'_>) {
        let Introduction { limits, record, .. } = introduction;
        let peer = record.id;
        self.exchanges.set_peer(peer);
        self.opener.set_peer(limits);
        let is_leaf = Metadata::decode(record.metadata).is_ok_and(|metadata| metadata.kind == Kind::Leaf);
        self.records_left = is_leaf.then_some(self.local.key_usage_limit);
        let (commands, room) = (self.exchanges.commands(), self.gossip.room());
        self.report(LinkEvent::Up {
            link: LinkHandle::new(self.id, peer, commands, room, self.rtt.clone()),
            greeting: Greeting::of(record),
        })
        .await;
        self.link.ping(self.clock.now());
    }

    fn handle_command(&mut self, now: Instant, command: LinkCommand) {
        let (exchanges, link) = (&mut self.exchanges, &mut self.link);
        match command {
            Command::Open { open, .. } | Command::Call { open, .. } => {
                self.opener.open(now, link, exchanges, open.service, command, &mut self.sending);
            }
            Command::Send { id, data, end } => exchanges.queue(id, data, end),
            Command::Reset { id, code } => {
                link.reset(id, code);
                exchanges.fail(link, id, ExchangeError::Reset(code));
            }
            Command::Ignore { id } => exchanges.ignore(link, id),
            Command::Release { id, bytes } => exchanges.release(link, id, bytes),
            Command::Gossip(message) => self.gossip.push(message),
            Command::Ping => link.ping(now),
            Command::GoAway(reason) => {
                self.go_away_sent.get_or_insert(reason);
                link.go_away(reason);
            }
        }
    }

    /// Tries to send the last frames. A peer that does not read them is not waited for.
    async fn flush(&mut self, carrier: &mut impl Carrier) {
        let last = async {
            carrier.write_all(self.sending.waiting()).await?;
            carrier.shutdown().await?;
            // A carrier that is closed with unread bytes may lose the GOAWAY.
            tokio::io::copy(carrier, &mut tokio::io::sink()).await
        };
        let _ = tokio::time::timeout(Duration::from_secs(2), last).await;
    }

    async fn report(&self, event: LinkEvent) {
        // The receiver is dropped when the daemon stops.
        let _ = self.events.send(event).await;
    }
}
