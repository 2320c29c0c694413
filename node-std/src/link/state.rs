//! The state of a link, which its task shares with the tasks that use it. A task that holds its lock opens, sends and reads
//! at once, without a message to the link's task; the task moves the bytes between here and the carrier.

use core::task::Waker;
use std::collections::VecDeque;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use node_core::link::{ExchangeId, GoAway, Link, Open, ResetCode, SendError, Service};
use node_core::time::Instant;

use super::error::ExchangeError;
use super::flow::{Flow, Flows, Reader, Section};
use super::local::Local;
use super::output::Output;
use super::places::Places;
use super::slots::GrowingSlots;

/// Longest request of a method.
const MAX_REQUEST: usize = node_core::rpc::MAX_BODY;
/// Gossip messages that may wait.
const MAX_GOSSIP: usize = 256;

/// Everything about a link but its carrier.
pub(super) struct State {
    pub(super) link: Link<Local, GrowingSlots>,
    pub(super) output: Output,
    flows: Flows,
    places: Arc<Places>,
    gossip: VecDeque<Bytes>,
    /// Tasks that wait for room in the output to open an exchange. Their places bound them.
    openers: Vec<Waker>,
    /// Writers wait for it as well, each with its flow.
    is_full: bool,
    /// The task of the link, while it sleeps.
    task: Option<Waker>,
    /// The reason of this node's GOAWAY.
    pub(super) sent: Option<GoAway>,
    /// Why the link is over.
    over: Option<String>,
}

/// What arrived on an exchange.
pub(crate) struct Taken {
    pub(crate) ended: bool,
    pub(crate) trailers: Bytes,
}

impl State {
    pub(super) fn new(link: Link<Local, GrowingSlots>, places: Arc<Places>) -> Self {
        Self {
            link,
            output: Output::default(),
            flows: Flows::default(),
            places,
            gossip: VecDeque::new(),
            openers: Vec::new(),
            is_full: false,
            task: None,
            sent: None,
            over: None,
        }
    }

    // What the users of the link do.

    /// Opens an exchange with the first bytes of its request. Returns its key, and how many bytes were taken. `None` when there
    /// is no room for now: the task `waker` is woken when there is.
    pub(super) fn open(
        &mut self,
        now: Instant,
        open: &Open,
        (data, end): (&[u8], bool),
        reader: Reader,
        waker: &Waker,
    ) -> Result<Option<(usize, usize)>, ExchangeError> {
        use node_core::link::OpenError::{Draining, Exchanges, NotUp, Outbox};
        if let Some(why) = &self.over {
            return Err(ExchangeError::LinkClosed(why.clone()));
        }
        let mut opened = self.link.open(now, open, data, end, &mut self.output);
        if matches!(opened, Err(Exchanges)) {
            // The place of an exchange that was given up is free when its reset is sent.
            self.link.poll_transmit(now, &mut self.output);
            opened = self.link.open(now, open, data, end, &mut self.output);
        }
        self.wake_task();
        match opened {
            Ok((id, taken)) => {
                let mut flow = Flow::new(id, open.service, reader);
                flow.sent_end = end && taken == data.len();
                Ok(Some((self.flows.insert(flow), taken)))
            }
            Err(Exchanges | Outbox) => {
                if !self.openers.iter().any(|waiting| waiting.will_wake(waker)) {
                    self.openers.push(waker.clone());
                }
                Ok(None)
            }
            Err(error @ (NotUp | Draining)) => Err(ExchangeError::LinkClosed(error.to_string())),
        }
    }

    /// Sends bytes on an exchange, and ends this direction after them if `end`. Returns how many were taken, `None` when there
    /// is no credit or room for now: the task `waker` is woken when there is.
    pub(super) fn send(
        &mut self,
        key: usize,
        (data, end): (&[u8], bool),
        section: Section,
        waker: &Waker,
    ) -> Result<Option<usize>, ExchangeError> {
        let over = || ExchangeError::LinkClosed("the exchange is over".into());
        let flow = self.flows.get(key).filter(|flow| flow.live).ok_or_else(over)?;
        let id = flow.id;
        let sent = match section {
            Section::Body => self.link.send(id, data, end, &mut self.output),
            Section::Trailers => self.link.send_trailers(id, data, end, &mut self.output),
        };
        match sent {
            Ok(taken) => {
                flow.sent_end = end && taken == data.len();
                self.settle(key);
                self.wake_task();
                Ok(Some(taken))
            }
            Err(SendError::Credit) => {
                flow.writer = Some(waker.clone());
                Ok(None)
            }
            Err(SendError::Outbox) => {
                flow.writer = Some(waker.clone());
                self.is_full = true;
                self.wake_task();
                Ok(None)
            }
            Err(SendError::Closed) => Err(over()),
        }
    }

    /// Moves what arrived into `buffer`, which is empty. `None` when that is nothing: the task `waker` is woken when there is
    /// more.
    pub(super) fn take(
        &mut self,
        key: usize,
        buffer: &mut BytesMut,
        waker: &Waker,
    ) -> Result<Option<Taken>, ExchangeError> {
        let Some(flow) = self.flows.get(key) else {
            return Err(ExchangeError::Lost("the link closed".into()));
        };
        if flow.received.is_empty()
            && let Some(error) = &flow.error
        {
            return Err(error.clone());
        }
        match &mut flow.reader {
            Reader::Pieces(waiting) if flow.received.is_empty() && !flow.ended => {
                *waiting = Some(waker.clone());
                return Ok(None);
            }
            Reader::Whole { waker: waiting, .. } if !flow.ended => {
                *waiting = Some(waker.clone());
                return Ok(None);
            }
            _ => {}
        }
        // Also when the exchange is over: what was not read counts against the credit of the whole link.
        let unread = flow.unread();
        core::mem::swap(&mut flow.received, buffer);
        let id = flow.id;
        // They are whole at the end, and not before.
        let trailers = if flow.ended { core::mem::take(&mut flow.trailers).freeze() } else { Bytes::new() };
        let taken = Taken { ended: flow.ended && flow.error.is_none(), trailers };
        self.release(id, unread);
        Ok(Some(taken))
    }

    /// Gives an exchange up.
    pub(super) fn reset(&mut self, key: usize, code: ResetCode) {
        let Some(flow) = self.flows.get(key).filter(|flow| flow.live) else { return };
        let id = flow.id;
        self.link.reset(id, code);
        self.fail(key, ExchangeError::Reset(code));
        self.wake_task();
    }

    /// The reader is dropped. It resets an exchange that this node opened. If the peer opened the exchange, the rest of the
    /// request is ignored, and the exchange can still be answered.
    pub(super) fn drop_reader(&mut self, key: usize, ours: bool) {
        let Some(flow) = self.flows.get(key) else { return };
        let (id, unread, ended, live) = (flow.id, flow.unread(), flow.ended, flow.live);
        (flow.reader, flow.received) = (Reader::Gone, BytesMut::new());
        self.release(id, unread);
        if live {
            if ours && !ended {
                self.reset(key, ResetCode::Cancelled);
            } else {
                self.settle(key);
            }
        }
        self.flows.tidy(key);
    }

    /// The writer is dropped. A direction that has not ended resets the exchange.
    pub(super) fn drop_writer(&mut self, key: usize) {
        let Some(flow) = self.flows.get(key) else { return };
        (flow.has_writer, flow.writer) = (false, None);
        if flow.live && !flow.sent_end {
            self.reset(key, ResetCode::Cancelled);
        }
        self.flows.tidy(key);
    }

    /// Whether the exchange is over before this direction ended. If not, the task `waker` is woken when it is.
    pub(super) fn is_closed(&mut self, key: usize, waker: &Waker) -> bool {
        match self.flows.get(key) {
            Some(flow) if flow.live => {
                flow.writer = Some(waker.clone());
                false
            }
            _ => true,
        }
    }

    /// Queues a gossip message; `false` when there are too many.
    pub(super) fn gossip(&mut self, message: Bytes) -> bool {
        if self.gossip.len() >= MAX_GOSSIP {
            return false;
        }
        self.gossip.push_back(message);
        self.wake_task();
        true
    }

    // What the task of the link does.

    /// Everything that is due without the carrier.
    pub(super) fn turn(&mut self, now: Instant) -> Result<(), node_core::link::PeerError> {
        self.link.handle_timeout(now)?;
        while let Some(id) = self.link.poll_expired() {
            if let Some(key) = self.flows.find(id) {
                self.fail(key, ExchangeError::Reset(ResetCode::Timeout));
            }
        }
        while let Some(message) = self.gossip.front() {
            if self.link.gossip(message, &mut self.output).is_err() {
                break;
            }
            self.gossip.pop_front();
        }
        self.link.poll_transmit(now, &mut self.output);
        Ok(())
    }

    /// Whether something waits for room in the output.
    pub(super) fn waits_for_room(&self) -> bool {
        self.is_full || !self.openers.is_empty() || !self.gossip.is_empty()
    }

    /// There is room in the output.
    pub(super) fn wake_blocked(&mut self) {
        self.openers.drain(..).for_each(Waker::wake);
        if core::mem::take(&mut self.is_full) {
            self.flows.all().for_each(Flow::wake_writer);
        }
    }

    /// The peer opened an exchange.
    pub(super) fn accept(&mut self, id: ExchangeId, service: Service, for_method: bool) -> usize {
        let reader = if for_method { Reader::Method { limit: MAX_REQUEST } } else { Reader::Pieces(None) };
        let mut flow = Flow::new(id, service, reader);
        flow.has_writer = !for_method;
        self.flows.insert(flow)
    }

    /// Bytes arrived. When they complete the request of a built-in method, returns the key of the exchange and the method.
    pub(super) fn receive(
        &mut self,
        id: ExchangeId,
        data: &[u8],
        end: bool,
        section: Section,
    ) -> Option<(usize, u16)> {
        let Some(key) = self.flows.find(id) else {
            self.link.release(id, data.len());
            return None;
        };
        let flow = self.flows.get(key)?;
        if flow.receive(data, section).is_err() {
            self.link.release(id, data.len());
            self.reset(key, ResetCode::Full);
            self.flows.tidy(key);
            return None;
        }
        flow.ended |= end;
        flow.wake_reader();
        let keeps = section == Section::Body && matches!(flow.reader, Reader::Pieces(_));
        let complete = match (&flow.reader, flow.service) {
            (Reader::Method { .. }, Service::Rpc(method)) if flow.ended => Some((key, method)),
            _ => None,
        };
        // Whoever is told of the key answers by it.
        flow.has_writer |= complete.is_some();
        if !keeps {
            self.link.release(id, data.len());
        }
        if end {
            self.settle(key);
        }
        complete
    }

    /// The whole request of a built-in method. It is read once.
    pub(super) fn request(&mut self, key: usize) -> BytesMut {
        let Some(flow) = self.flows.get(key) else { return BytesMut::new() };
        flow.reader = Reader::Gone;
        core::mem::take(&mut flow.received)
    }

    /// The peer reset an exchange.
    pub(super) fn handle_reset(&mut self, id: ExchangeId, code: ResetCode) {
        if let Some(key) = self.flows.find(id) {
            self.fail(key, ExchangeError::Reset(code));
            self.flows.tidy(key);
        }
    }

    /// The peer gave credit: for one exchange, or for the link and so for all its exchanges.
    pub(super) fn handle_credit(&mut self, id: Option<ExchangeId>) {
        match id {
            Some(id) => {
                if let Some(flow) = self.flows.find(id).and_then(|key| self.flows.get(key)) {
                    flow.wake_writer();
                }
            }
            None => self.flows.all().for_each(Flow::wake_writer),
        }
    }

    /// The link is over: fails all exchanges, and refuses further ones.
    pub(super) fn close(&mut self, why: &str) {
        self.over.get_or_insert_with(|| why.to_owned());
        for key in self.flows.keys() {
            self.fail(key, ExchangeError::Lost(why.to_owned()));
            self.flows.tidy(key);
        }
        self.places.close();
        self.wake_blocked();
    }

    /// The task of the link sleeps until it is woken.
    pub(super) fn sleep(&mut self, task: &Waker) {
        if !self.task.as_ref().is_some_and(|waiting| waiting.will_wake(task)) {
            self.task = Some(task.clone());
        }
    }

    pub(super) fn wake_task(&mut self) {
        if let Some(task) = self.task.take() {
            task.wake();
        }
    }

    // Inside

    fn release(&mut self, id: ExchangeId, bytes: usize) {
        self.link.release(id, bytes);
        if self.link.owes() {
            self.wake_task();
        }
    }

    /// Ends a flow whose two directions are over. A peer that still sends what nobody reads is told to stop.
    fn settle(&mut self, key: usize) {
        let Some(flow) = self.flows.get(key).filter(|flow| flow.live && flow.sent_end) else { return };
        if flow.ended {
            self.leave(key);
        } else if matches!(flow.reader, Reader::Gone) {
            let id = flow.id;
            self.link.reset(id, ResetCode::Cancelled);
            self.wake_task();
            self.leave(key);
        }
    }

    /// Ends a flow early, and tells its reader and its writer why.
    fn fail(&mut self, key: usize, error: ExchangeError) {
        let Some(flow) = self.flows.get(key).filter(|flow| flow.live) else { return };
        // What is here is still read, and a whole response is one, whatever became of the rest of the request.
        if !flow.ended {
            flow.error = Some(error);
        }
        if matches!(flow.reader, Reader::Method { .. }) {
            flow.reader = Reader::Gone;
        }
        flow.wake_reader();
        flow.wake_writer();
        self.leave(key);
    }

    fn leave(&mut self, key: usize) {
        let Some(flow) = self.flows.get(key) else { return };
        flow.wake_writer();
        let (id, service) = (flow.id, flow.service);
        self.flows.end(key);
        if id.side == node_core::link::Side::Ours {
            self.places.leave(service);
        }
    }
}
