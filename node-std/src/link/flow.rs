//! The state of an exchange beside that of the core: bytes that arrived and were not read, and the tasks that wait.

use core::task::Waker;

use bytes::BytesMut;
use node_core::http::MAX_TRAILERS;
use node_core::link::{ExchangeId, Service, Side};
use slab::Slab;

use super::error::ExchangeError;

/// One exchange, from its first byte until both its halves are dropped.
pub(super) struct Flow {
    pub(super) id: ExchangeId,
    pub(super) service: Service,
    /// The core still has it.
    pub(super) live: bool,
    /// Bytes that arrived. The credit of the peer bounds them.
    pub(super) received: BytesMut,
    /// Bytes of trailers that arrived.
    pub(super) trailers: BytesMut,
    /// The peer's direction has ended.
    pub(super) ended: bool,
    /// This node's direction has ended.
    pub(super) sent_end: bool,
    pub(super) reader: Reader,
    /// Waits for credit.
    pub(super) writer: Option<Waker>,
    /// The sending half is in use.
    pub(super) has_writer: bool,
    /// Why it ended early.
    pub(super) error: Option<ExchangeError>,
}

/// The reader of what arrives on an exchange.
pub(super) enum Reader {
    /// A task that takes the bytes as they come, and may wait for them.
    Pieces(Option<Waker>),
    /// A task that takes all of them at the end, at most `limit` bytes, and may wait for that.
    Whole { limit: usize, waker: Option<Waker> },
    /// A built-in method of this node, which takes all of them at the end, at most `limit` bytes.
    Method { limit: usize },
    /// None.
    Gone,
}

impl Flow {
    pub(super) fn new(id: ExchangeId, service: Service, reader: Reader) -> Self {
        Self {
            id,
            service,
            live: true,
            received: BytesMut::new(),
            trailers: BytesMut::new(),
            ended: false,
            sent_end: false,
            reader,
            writer: None,
            has_writer: true,
            error: None,
        }
    }

    /// Keeps bytes that arrived, until they are read.
    ///
    /// # Errors
    /// There are more than the reader takes.
    pub(super) fn receive(&mut self, data: &[u8], section: Section) -> Result<(), TooMany> {
        let (buffer, limit) = match (section, &self.reader) {
            (_, Reader::Gone) => return Ok(()),
            (Section::Trailers, _) => (&mut self.trailers, MAX_TRAILERS),
            (Section::Body, Reader::Pieces(_)) => (&mut self.received, usize::MAX),
            (Section::Body, Reader::Whole { limit, .. } | Reader::Method { limit }) => {
                (&mut self.received, *limit)
            }
        };
        if buffer.len() + data.len() > limit {
            return Err(TooMany);
        }
        buffer.extend_from_slice(data);
        Ok(())
    }

    /// Bytes that count against the peer's credit until they are read.
    pub(super) fn unread(&self) -> usize {
        if matches!(self.reader, Reader::Pieces(_)) { self.received.len() } else { 0 }
    }

    pub(super) fn wake_reader(&mut self) {
        match &mut self.reader {
            Reader::Pieces(waker) => wake(waker),
            Reader::Whole { waker, .. } if self.ended || self.error.is_some() => wake(waker),
            Reader::Whole { .. } | Reader::Method { .. } | Reader::Gone => {}
        }
    }

    pub(super) fn wake_writer(&mut self) {
        wake(&mut self.writer);
    }

    /// Whether nobody needs it any more.
    fn is_done(&self) -> bool {
        !self.live && !self.has_writer && matches!(self.reader, Reader::Gone)
    }
}

fn wake(waker: &mut Option<Waker>) {
    if let Some(waker) = waker.take() {
        waker.wake();
    }
}

/// The part of a message that bytes belong to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Section {
    Body,
    Trailers,
}

/// More bytes arrived than the reader takes.
pub(super) struct TooMany;

/// All flows of a link.
#[derive(Default)]
pub(super) struct Flows {
    flows: Slab<Flow>,
    /// The keys of the live ones, by their slot in the core.
    ours: Vec<Option<usize>>,
    theirs: Vec<Option<usize>>,
}

impl Flows {
    /// Adds a live flow, and returns its key.
    pub(super) fn insert(&mut self, flow: Flow) -> usize {
        let id = flow.id;
        let key = self.flows.insert(flow);
        let (slots, slot) = (self.side(id), slot(id));
        if slots.len() <= slot {
            slots.resize(slot + 1, None);
        }
        if let Some(place) = slots.get_mut(slot) {
            *place = Some(key);
        }
        key
    }

    pub(super) fn get(&mut self, key: usize) -> Option<&mut Flow> {
        self.flows.get_mut(key)
    }

    /// The live flow of an exchange.
    pub(super) fn find(&mut self, id: ExchangeId) -> Option<usize> {
        let key = (*self.side(id).get(slot(id))?)?;
        self.flows.get(key).filter(|flow| flow.id == id && flow.live).map(|_| key)
    }

    /// The core no longer has the exchange.
    pub(super) fn end(&mut self, key: usize) {
        let Some(flow) = self.flows.get_mut(key) else { return };
        flow.live = false;
        let id = flow.id;
        if let Some(place) = self.side(id).get_mut(slot(id)).filter(|place| **place == Some(key)) {
            *place = None;
        }
    }

    /// Forgets a flow that nobody needs any more.
    pub(super) fn tidy(&mut self, key: usize) {
        if self.flows.get(key).is_some_and(Flow::is_done) {
            self.flows.remove(key);
        }
        if self.flows.is_empty() {
            self.flows.shrink_to_fit();
        }
    }

    pub(super) fn keys(&self) -> Vec<usize> {
        self.flows.iter().map(|(key, _)| key).collect()
    }

    pub(super) fn all(&mut self) -> impl Iterator<Item = &mut Flow> {
        self.flows.iter_mut().map(|(_, flow)| flow)
    }

    fn side(&mut self, id: ExchangeId) -> &mut Vec<Option<usize>> {
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
