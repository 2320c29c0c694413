//! The state of an exchange in the task of its link: the bytes that wait to be sent, and the reader of the bytes that arrive.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use node_core::link::{ExchangeId, Open, Side};
use tokio::sync::{Semaphore, mpsc, oneshot};

use super::error::ExchangeError;
use super::stream::Piece;

/// One exchange.
pub(super) struct Flow {
    pub(super) number: u32,
    /// Bytes that wait for credit or room.
    pub(super) pending: VecDeque<Bytes>,
    /// The direction ends when nothing is pending.
    pub(super) end: bool,
    /// It is in the queue of flows that may send.
    pub(super) queued: bool,
    /// A permit for each byte that may be queued. It is given back when the byte was sent.
    pub(super) room: Arc<Semaphore>,
    pub(super) sink: Sink,
    /// It is a request of this node to a component.
    pub(super) proxied: bool,
    /// Bytes that arrived and that the reader has not taken yet.
    pub(super) unread: usize,
}

/// The reader of the bytes of an exchange.
pub(super) enum Sink {
    /// A task that takes them piece by piece.
    Stream(mpsc::UnboundedSender<Piece>),
    /// A caller, who gets all of them at the end, at most `limit` bytes.
    Response { body: BytesMut, limit: usize, reply: oneshot::Sender<Result<Bytes, ExchangeError>> },
    /// A built-in method of this node, which gets all of them at the end, at most `limit` bytes.
    Request { open: Open, body: BytesMut, limit: usize },
    /// None: this direction has ended.
    Closed,
    /// None, although this direction has not ended.
    Ignored,
}

impl Flow {
    pub(super) fn new(number: u32, room: usize, sink: Sink) -> Self {
        Self {
            number,
            pending: VecDeque::new(),
            end: false,
            queued: false,
            room: Arc::new(Semaphore::new(room)),
            sink,
            proxied: false,
            unread: 0,
        }
    }

    /// Tells both halves that the exchange is over.
    pub(super) fn fail(self, error: ExchangeError) {
        self.room.close();
        match self.sink {
            Sink::Stream(pieces) => drop(pieces.send(Piece::Failed(error))),
            Sink::Response { reply, .. } => drop(reply.send(Err(error))),
            Sink::Request { .. } | Sink::Closed | Sink::Ignored => {}
        }
    }
}

/// All flows of a link, by slot.
#[derive(Default)]
pub(super) struct Flows {
    ours: Vec<Option<Flow>>,
    theirs: Vec<Option<Flow>>,
    proxied: usize,
}

impl Flows {
    pub(super) fn insert(&mut self, id: ExchangeId, flow: Flow) {
        let slot = slot(id);
        self.proxied += usize::from(flow.proxied);
        let side = self.side(id);
        if side.len() <= slot {
            side.resize_with(slot + 1, || None);
        }
        if let Some(place) = side.get_mut(slot) {
            *place = Some(flow);
        }
    }

    pub(super) fn find(&mut self, id: ExchangeId) -> Option<&mut Flow> {
        let flow = self.side(id).get_mut(slot(id))?.as_mut();
        flow.filter(|flow| flow.number == id.number)
    }

    pub(super) fn remove(&mut self, id: ExchangeId) -> Option<Flow> {
        let place = self.side(id).get_mut(slot(id))?;
        let flow =
            if place.as_ref().is_some_and(|flow| flow.number == id.number) { place.take() } else { None };
        self.proxied -= usize::from(flow.as_ref().is_some_and(|flow| flow.proxied));
        flow
    }

    /// The number of [proxied](Flow::proxied) requests.
    pub(super) fn proxied(&self) -> usize {
        self.proxied
    }

    pub(super) fn drain(&mut self) -> impl Iterator<Item = Flow> {
        self.ours.drain(..).chain(self.theirs.drain(..)).flatten()
    }

    pub(super) fn ids(&self) -> impl Iterator<Item = ExchangeId> {
        let ours =
            self.ours.iter().flatten().map(|flow| ExchangeId { side: Side::Ours, number: flow.number });
        let theirs = self.theirs.iter().flatten();
        ours.chain(theirs.map(|flow| ExchangeId { side: Side::Theirs, number: flow.number }))
    }

    fn side(&mut self, id: ExchangeId) -> &mut Vec<Option<Flow>> {
        match id.side {
            Side::Ours => &mut self.ours,
            Side::Theirs => &mut self.theirs,
        }
    }
}

/// The slot of an exchange in its side's table, which is part of its number.
const fn slot(id: ExchangeId) -> usize {
    (id.number & 0xffff) as usize
}
