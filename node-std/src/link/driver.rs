//! The task of a link: moves bytes between its carrier and its state, and tells other tasks what happened.

use core::future::{Future, poll_fn};
use core::pin::{Pin, pin};
use core::task::{Context, Poll};
use core::time::Duration;
use std::collections::VecDeque;
use std::io;
use std::sync::Arc;

use bytes::{Buf, Bytes, BytesMut};
use node_core::id::{LinkId, NodeId};
use node_core::identity::Channel;
use node_core::link::{Event, GoAway, Introduction, Open, Phase, ResetCode, Service};
use node_core::time::Instant;
use node_core::wire::{FIRST_RECORD, Kind, Metadata};
use tokio::io::AsyncWriteExt;
use tokio::sync::{mpsc, watch};
use tokio::time::Sleep;

use super::carrier::Carrier;
use super::end::{Fault, describe};
use super::event::{LinkEvent, Outcome};
use super::flow::Section;
use super::handle::LinkHandle;
use super::local::{Greeting, Local};
use super::rtt::Rtt;
use super::server::Server;
use super::shared::Shared;
use super::state::State;
use super::stream::{Accepted, Inbound, Outbound};
use crate::buffer::{ReadBuffer, give_back};
use crate::clock::{Clock, unix_time};

/// How often the round trip is measured on a link that is never idle long enough for a ping.
const MEASURE: Duration = Duration::from_secs(30);
/// Reads before the writers have their turn.
const READS_PER_TURN: usize = 4;

pub(super) struct Driver<'s> {
    pub(super) id: LinkId,
    pub(super) shared: Arc<Shared>,
    pub(super) local: &'s Local,
    pub(super) greeting: watch::Receiver<Greeting>,
    pub(super) server: Arc<dyn Server>,
    pub(super) events: mpsc::Sender<LinkEvent>,
    pub(super) clock: Clock,
    received: ReadBuffer,
    /// Frames on their way to the carrier.
    writing: BytesMut,
    /// Everybody who has something to send had a turn since the last write.
    yielded: bool,
    /// Events that were not reported yet.
    reports: VecDeque<LinkEvent>,
    peer: Option<NodeId>,
    rtt: Rtt,
    /// When the round trip is measured again, on the next frame of the peer.
    measure_at: Instant,
    /// When the timer ends, which is not after the time when the link needs it.
    alarm: Option<Instant>,
    /// Most bytes in a TLS record to the peer.
    record: usize,
    /// To a leaf: TLS records left until the key usage limit.
    records_left: Option<u64>,
    go_away_received: Option<GoAway>,
}

/// What the users of a link are to do after a read.
#[derive(Default)]
struct Work {
    accepted: Vec<(usize, Open)>,
    /// Whole requests to built-in methods.
    methods: Vec<(usize, u16)>,
}

impl<'s> Driver<'s> {
    pub(super) fn new(
        id: LinkId,
        shared: Arc<Shared>,
        local: &'s Local,
        greeting: watch::Receiver<Greeting>,
        server: Arc<dyn Server>,
        events: mpsc::Sender<LinkEvent>,
    ) -> Self {
        let clock = shared.clock;
        Self {
            id,
            shared,
            local,
            greeting,
            server,
            events,
            clock,
            received: ReadBuffer::default(),
            writing: BytesMut::new(),
            yielded: false,
            reports: VecDeque::new(),
            peer: None,
            rtt: Rtt::default(),
            measure_at: clock.now() + MEASURE,
            alarm: None,
            record: FIRST_RECORD,
            records_left: None,
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
        {
            let State { link, output, .. } = &mut *self.shared.lock();
            // An empty buffer has room for a hello.
            let _ = link.greet(nonce, channel, output);
        }
        let mut sleep = pin!(tokio::time::sleep(Duration::ZERO));
        loop {
            let outcome = poll_fn(|cx| self.poll(cx, carrier, sleep.as_mut())).await;
            while let Some(event) = self.reports.pop_front() {
                self.report(event).await;
            }
            match outcome {
                Ok(Progress::Reports) => {}
                Ok(Progress::Over) => {
                    Box::pin(self.flush(carrier)).await;
                    return Ok(());
                }
                Err(error) => {
                    Box::pin(self.flush(carrier)).await;
                    return Err(error);
                }
            }
        }
    }

    /// Fails what is still open, and reports the end of the link. `dialled_plaintext` means that this node dialled it without
    /// TLS.
    pub(super) async fn finish(self, result: Result<(), Fault>, dialled_plaintext: bool) {
        let received = self.go_away_received;
        let (sent, in_flight) = {
            let state = self.shared.lock();
            (state.sent, state.link.in_flight())
        };
        let go_away = received.filter(|reason| *reason != GoAway::Acknowledged).or(sent);
        let up = self.peer.is_some();
        let error = match result {
            Ok(()) => None,
            Err(Fault::Peer(error)) => Some(error.to_string()),
            Err(Fault::Proof(error)) => Some(error.to_string()),
            // After both GOAWAY frames each side may close the carrier.
            Err(Fault::Carrier(_)) if go_away.is_some() && in_flight == 0 => None,
            Err(Fault::Carrier(error)) => Some(describe(&error, dialled_plaintext && !up)),
        };
        let why = error.clone().or_else(|| go_away.map(|reason| reason.to_string())).unwrap_or_default();
        self.shared.lock().close(&why);
        let outcome = Outcome { sent, received, error };
        self.report(LinkEvent::Down { link: self.id, up, outcome }).await;
    }

    /// Moves bytes until there is nothing to move, an event to report, or the link is over.
    fn poll(
        &mut self,
        cx: &mut Context<'_>,
        carrier: &mut impl Carrier,
        mut sleep: Pin<&mut Sleep>,
    ) -> Poll<Result<Progress, Fault>> {
        let mut reading = true;
        loop {
            for _ in 0..READS_PER_TURN {
                match self.received.poll_fill(cx, Pin::new(&mut *carrier)) {
                    Poll::Ready(Ok(0)) => {
                        return Poll::Ready(Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()));
                    }
                    Poll::Ready(Ok(_)) => self.handle_received()?,
                    Poll::Ready(Err(error)) => return Poll::Ready(Err(error.into())),
                    Poll::Pending => {
                        reading = false;
                        break;
                    }
                }
            }
            let mut state = self.shared.lock();
            state.turn(self.clock.now())?;
            let over = state.link.phase() == Phase::Over;
            let more = !state.output.is_empty();
            let timeout = state.link.poll_timeout();
            state.sleep(cx.waker());
            drop(state);
            if over {
                return Poll::Ready(Ok(Progress::Over));
            }
            if more && self.writing.is_empty() && !self.yielded {
                // The tasks that are ready now add their frames to the same write.
                self.yielded = true;
                cx.waker().wake_by_ref();
                return if self.reports.is_empty() {
                    Poll::Pending
                } else {
                    Poll::Ready(Ok(Progress::Reports))
                };
            }
            let wrote = self.poll_write(cx, carrier)?;
            let rang = self.poll_alarm(cx, sleep.as_mut(), timeout);
            if self.records_left == Some(0) {
                self.records_left = None;
                self.reports.push_back(LinkEvent::KeyUsageLimit(self.id));
            }
            if !self.reports.is_empty() {
                return Poll::Ready(Ok(Progress::Reports));
            }
            if reading {
                // More may be waiting: others have a turn before that.
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            if !(rang || wrote && self.shared.lock().waits_for_room()) {
                return Poll::Pending;
            }
        }
    }

    /// Writes frames while the carrier takes them. Returns whether it took some.
    fn poll_write(&mut self, cx: &mut Context<'_>, carrier: &mut impl Carrier) -> Result<bool, Fault> {
        let mut wrote = false;
        loop {
            if self.writing.is_empty() {
                let mut state = self.shared.lock();
                state.output.swap(&mut self.writing);
                state.wake_blocked();
            }
            if self.writing.is_empty() {
                break;
            }
            self.yielded = false;
            match Pin::new(&mut *carrier).poll_write(cx, self.next_record())? {
                Poll::Ready(0) => return Err(io::Error::from(io::ErrorKind::WriteZero).into()),
                Poll::Ready(written) => {
                    wrote = true;
                    self.writing.advance(written);
                    self.records_left = self.records_left.map(|left| left.saturating_sub(1));
                }
                Poll::Pending => return Ok(wrote),
            }
        }
        give_back(core::mem::take(&mut self.writing));
        // A TLS carrier may hold back what it encrypted.
        let _ = Pin::new(&mut *carrier).poll_flush(cx)?;
        Ok(wrote)
    }

    /// The bytes that go into the next TLS record: a write becomes a record of its own, and the peer's buffer may be small (R-003g).
    fn next_record(&self) -> &[u8] {
        self.writing.get(..self.record).unwrap_or(&self.writing)
    }

    /// Whether it is time for a turn.
    fn poll_alarm(&mut self, cx: &mut Context<'_>, mut sleep: Pin<&mut Sleep>, at: Option<Instant>) -> bool {
        let Some(at) = at else { return false };
        if self.alarm.is_none_or(|alarm| at < alarm) {
            self.alarm = Some(at);
            sleep.as_mut().reset(self.clock.tokio(at));
        }
        if sleep.poll(cx).is_pending() {
            return false;
        }
        self.alarm = None;
        true
    }

    fn handle_received(&mut self) -> Result<(), Fault> {
        let mut work = Work::default();
        let shared = Arc::clone(&self.shared);
        let handled = {
            let mut state = shared.lock();
            let state = &mut *state;
            let mut received = core::mem::take(&mut self.received);
            let handled = self.handle_frames(state, &mut received, &mut work);
            self.received = received;
            handled
        };
        // Without the lock: these use the link, too.
        for (key, open) in work.accepted {
            let inbound = Inbound::new(key, Arc::clone(&self.shared), false);
            let outbound = Outbound::new(key, Arc::clone(&self.shared), false);
            if let Some(peer) = self.peer {
                self.server.serve(peer, Accepted { open, inbound, outbound });
            }
        }
        for (key, method) in work.methods {
            self.answer(key, method);
        }
        handled
    }

    fn handle_frames(
        &mut self,
        state: &mut State,
        received: &mut ReadBuffer,
        work: &mut Work,
    ) -> Result<(), Fault> {
        let now = self.clock.now();
        loop {
            let input = state.link.handle_input(now, received.bytes())?;
            let consumed = input.consumed;
            if consumed == 0 {
                return Ok(());
            }
            match input.event {
                None => {}
                Some(Event::Greeted) => {
                    let greeting = self.greeting.borrow().clone();
                    let record = greeting.record(self.local.id());
                    state.link.prove(Some(unix_time()), record, &mut state.output)?;
                }
                Some(Event::Up(introduction)) => self.handle_up(state, &introduction),
                Some(Event::Opened { id, open, data, end }) => {
                    let here = open.to.is_none_or(|to| to == self.local.id());
                    let for_method = here
                        && matches!(open.service, Service::Rpc(method) if self.server.is_immediate(method));
                    let key = state.accept(id, open.service, for_method);
                    if !for_method {
                        work.accepted.push((key, open));
                    }
                    work.methods.extend(state.receive(id, data, end, Section::Body));
                }
                Some(Event::Data { id, data, end }) => {
                    work.methods.extend(state.receive(id, data, end, Section::Body));
                }
                Some(Event::Trailers { id, data, end }) => {
                    work.methods.extend(state.receive(id, data, end, Section::Trailers));
                }
                Some(Event::Reset { id, code }) => state.handle_reset(id, code),
                Some(Event::Credit(id)) => state.handle_credit(id),
                Some(Event::Gossip(message)) => {
                    let message = Bytes::copy_from_slice(message);
                    self.reports.push_back(LinkEvent::Gossip(self.id, message));
                }
                Some(Event::Pong(time)) => {
                    self.rtt.set(time);
                    self.measure_at = now + MEASURE;
                }
                Some(Event::GoAway(reason)) => {
                    self.go_away_received = Some(reason);
                    self.reports.push_back(LinkEvent::GoAway(self.id, reason));
                }
                Some(Event::Skipped(kind)) => {
                    tracing::debug!(link = self.id.0, kind, "skipped a frame of an unknown kind");
                }
            }
            received.consume(consumed);
            if now >= self.measure_at {
                self.measure_at = now + MEASURE;
                state.link.ping(now);
            }
        }
    }

    fn handle_up(&mut self, state: &mut State, introduction: &Introduction<'_>) {
        let Introduction { limits, record, .. } = introduction;
        let peer = record.id;
        self.peer = Some(peer);
        self.record = limits.record();
        self.shared.places.open(usize::from(limits.exchanges.min(self.local.limits.exchanges)));
        let is_leaf = Metadata::decode(record.metadata).is_ok_and(|metadata| metadata.kind == Kind::Leaf);
        self.records_left = is_leaf.then_some(self.local.key_usage_limit);
        self.reports.push_back(LinkEvent::Up {
            link: LinkHandle::new(self.id, peer, Arc::clone(&self.shared), self.rtt.clone()),
            greeting: Greeting::of(record),
        });
        state.link.ping(self.clock.now());
    }

    /// Answers a built-in method, whose whole request is here.
    fn answer(&self, key: usize, method: u16) {
        let request = self.shared.lock().request(key);
        let outbound = Outbound::new(key, Arc::clone(&self.shared), false);
        match self.peer.and_then(|peer| self.server.answer(peer, method, &request)) {
            Some(response) => outbound.answer(response.into()),
            None => outbound.reset(ResetCode::Unknown),
        }
    }

    /// Tries to send the last frames. A peer that does not read them is not waited for.
    async fn flush(&mut self, carrier: &mut impl Carrier) {
        let last = {
            let State { link, output, .. } = &mut *self.shared.lock();
            link.poll_transmit(self.clock.now(), output);
            let mut last = BytesMut::new();
            output.swap(&mut last);
            last
        };
        self.writing.unsplit(last);
        let last = async {
            while !self.writing.is_empty() {
                let written = carrier.write(self.next_record()).await?;
                if written == 0 {
                    return Err(io::ErrorKind::WriteZero.into());
                }
                self.writing.advance(written);
            }
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

/// Why the link's task stops moving bytes.
enum Progress {
    /// There are events to report.
    Reports,
    /// The link is over.
    Over,
}
