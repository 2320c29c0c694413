//! The open exchanges of a link: bytes that arrive go to their readers, and bytes to send take turns.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::{Buf, Bytes, BytesMut};
use node_core::id::NodeId;
use node_core::link::{ExchangeId, Link, Open, ResetCode, SendError, Service};
use tokio::sync::{mpsc, oneshot};

use super::buffer::SendBuffer;
use super::error::ExchangeError;
use super::flow::{Flow, Flows, Sink};
use super::server::Server;
use super::stream::{Accepted, Commands, Inbound, Outbound, Piece, QUEUE};

/// Longest request that is collected before it is answered.
const MAX_RPC_REQUEST: usize = node_core::rpc::MAX_BODY;

/// All open exchanges of a link, in both directions.
pub(super) struct Exchanges {
    /// This node.
    id: NodeId,
    /// The peer, after its hello.
    peer: Option<NodeId>,
    server: Arc<dyn Server>,
    /// For the halves that are handed out.
    commands: Commands,
    flows: Flows,
    /// Flows with bytes to send and credit for them.
    sendable: VecDeque<ExchangeId>,
}

impl Exchanges {
    pub(super) fn new(id: NodeId, server: Arc<dyn Server>, commands: Commands) -> Self {
        Self { id, peer: None, server, commands, flows: Flows::default(), sendable: VecDeque::new() }
    }

    /// The peer's hello arrived.
    pub(super) const fn set_peer(&mut self, peer: NodeId) {
        self.peer = Some(peer);
    }

    pub(super) const fn peer(&self) -> Option<NodeId> {
        self.peer
    }

    pub(super) fn commands(&self) -> Commands {
        self.commands.clone()
    }

    /// Whether bytes wait for room in the outgoing buffer.
    pub(super) fn wait_for_room(&self) -> bool {
        !self.sendable.is_empty()
    }

    /// The number of requests of this node to components.
    pub(super) fn proxied(&self) -> usize {
        self.flows.proxied()
    }

    /// The peer opened an exchange, with the first bytes of its request.
    pub(super) fn accept(&mut self, link: &mut Link<'_>, id: ExchangeId, open: Open, data: &[u8], end: bool) {
        let here = open.to.is_none_or(|to| to == self.id);
        if here && matches!(open.service, Service::Rpc(method) if self.server.is_immediate(method)) {
            let sink = Sink::Request { open, body: BytesMut::new(), limit: MAX_RPC_REQUEST };
            self.flows.insert(id, Flow::new(id.number, QUEUE, sink));
            self.deliver(link, id, data, end);
            return;
        }
        let (flow, outbound, inbound) = self.stream(id);
        self.flows.insert(id, flow);
        self.deliver(link, id, data, end);
        if let Some(peer) = self.peer {
            self.server.serve(peer, Accepted { open, inbound, outbound });
        }
    }

    /// Hands bytes that arrived to their reader.
    pub(super) fn deliver(&mut self, link: &mut Link<'_>, id: ExchangeId, data: &[u8], end: bool) {
        let Some(flow) = self.flows.find(id) else {
            link.release(id, data.len());
            return;
        };
        match &mut flow.sink {
            Sink::Stream(pieces) => {
                // A reader that is gone resets or ignores the exchange itself.
                let piece = Piece::Data(Bytes::copy_from_slice(data));
                if data.is_empty() || pieces.send(piece).is_err() {
                    link.release(id, data.len());
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
                link.release(id, data.len());
                if !fits {
                    link.reset(id, ResetCode::Full);
                    self.fail(link, id, ExchangeError::Reset(ResetCode::Full));
                } else if end {
                    self.handle_collected(link, id);
                }
                return;
            }
            Sink::Closed | Sink::Ignored => link.release(id, data.len()),
        }
        if end {
            flow.sink = Sink::Closed;
            self.settle(link, id);
        }
    }

    /// A whole request or response has arrived.
    fn handle_collected(&mut self, link: &mut Link<'_>, id: ExchangeId) {
        let Some(flow) = self.flows.find(id) else { return };
        match core::mem::replace(&mut flow.sink, Sink::Closed) {
            Sink::Response { body, reply, .. } => {
                // The caller may have gone away.
                let _ = reply.send(Ok(body.freeze()));
                self.settle(link, id);
            }
            Sink::Request { open, body, .. } => {
                let method = if let Service::Rpc(method) = open.service { method } else { 0 };
                match self.peer.and_then(|peer| self.server.answer(peer, method, &body)) {
                    Some(response) => self.queue(id, response.into(), true),
                    None => {
                        link.reset(id, ResetCode::Unknown);
                        self.forget(link, id);
                    }
                }
            }
            Sink::Stream(_) | Sink::Closed | Sink::Ignored => {}
        }
    }

    /// This node opened an exchange whose request and response are streamed. `proxied` means that it is for a component.
    pub(super) fn start_stream(&mut self, id: ExchangeId, proxied: bool) -> (Outbound, Inbound) {
        let (mut flow, outbound, inbound) = self.stream(id);
        flow.proxied = proxied;
        self.flows.insert(id, flow);
        (outbound, inbound)
    }

    /// This node opened an exchange for a whole response. `rest` of the request is still to be sent.
    pub(super) fn start_call(
        &mut self,
        id: ExchangeId,
        rest: Bytes,
        limit: usize,
        reply: oneshot::Sender<Result<Bytes, ExchangeError>>,
    ) {
        let sink = Sink::Response { body: BytesMut::new(), limit, reply };
        self.flows.insert(id, Flow::new(id.number, QUEUE, sink));
        if !rest.is_empty() {
            self.queue(id, rest, true);
        } else if let Some(flow) = self.flows.find(id) {
            flow.end = true;
        }
    }

    /// A streamed exchange: its state in this task, and its halves.
    fn stream(&self, id: ExchangeId) -> (Flow, Outbound, Inbound) {
        let (sender, pieces) = mpsc::unbounded_channel();
        let flow = Flow::new(id.number, QUEUE, Sink::Stream(sender));
        let outbound = Outbound::new(id, self.commands.clone(), flow.room.clone());
        let inbound = Inbound::new(id, self.commands.clone(), pieces);
        (flow, outbound, inbound)
    }

    /// Queues bytes for sending.
    pub(super) fn queue(&mut self, id: ExchangeId, data: Bytes, end: bool) {
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

    /// Sends pieces while there is room. Every flow in the queue has a turn of one piece.
    pub(super) fn send_pending(&mut self, link: &mut Link<'_>, out: &mut SendBuffer) {
        let mut stuck = 0;
        while stuck < self.sendable.len() {
            let Some(id) = self.sendable.pop_front() else { return };
            let Some(flow) = self.flows.find(id) else { continue };
            let piece = flow.pending.front().cloned().unwrap_or_default();
            let last = flow.end && flow.pending.len() <= 1;
            match link.send(id, &piece, last, out) {
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
                        self.settle(link, id);
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
                    self.fail(link, id, ExchangeError::Lost("the exchange is over".into()));
                }
            }
        }
    }

    /// The peer gave credit: for one exchange, or for the link and so for all its exchanges.
    pub(super) fn handle_credit(&mut self, id: Option<ExchangeId>) {
        let blocked: Vec<ExchangeId> = match id {
            Some(id) => vec![id],
            None => self.flows.ids().collect(),
        };
        for id in blocked {
            if let Some(flow) = self.flows.find(id)
                && !flow.queued
                && !flow.pending.is_empty()
            {
                flow.queued = true;
                self.sendable.push_back(id);
            }
        }
    }

    /// The reader drops what the peer still sends.
    pub(super) fn ignore(&mut self, link: &mut Link<'_>, id: ExchangeId) {
        if let Some(flow) = self.flows.find(id) {
            flow.sink = Sink::Ignored;
            self.settle(link, id);
        }
    }

    /// The reader took bytes.
    pub(super) fn release(&mut self, link: &mut Link<'_>, id: ExchangeId, bytes: usize) {
        // The unread bytes of a flow were released when it was forgotten.
        if let Some(flow) = self.flows.find(id) {
            flow.unread = flow.unread.saturating_sub(bytes);
            link.release(id, bytes);
        }
    }

    /// Forgets a flow whose two directions are over. A peer that still sends ignored bytes is told to stop.
    fn settle(&mut self, link: &mut Link<'_>, id: ExchangeId) {
        let Some(flow) = self.flows.find(id).filter(|flow| flow.end && flow.pending.is_empty()) else {
            return;
        };
        match flow.sink {
            Sink::Closed => {}
            Sink::Ignored => link.reset(id, ResetCode::Cancelled),
            _ => return,
        }
        self.forget(link, id);
    }

    /// Takes a flow out. Its unread bytes no longer count against the link.
    fn forget(&mut self, link: &mut Link<'_>, id: ExchangeId) -> Option<Flow> {
        let flow = self.flows.remove(id)?;
        link.release(id, flow.unread);
        Some(flow)
    }

    /// Forgets an exchange and tells its reader and its writer why.
    pub(super) fn fail(&mut self, link: &mut Link<'_>, id: ExchangeId, error: ExchangeError) {
        if let Some(flow) = self.forget(link, id) {
            flow.fail(error);
        }
    }

    /// The link is over: fails all exchanges.
    pub(super) fn close(&mut self, why: &str) {
        for flow in self.flows.drain() {
            flow.fail(ExchangeError::Lost(why.to_owned()));
        }
    }
}
