//! The exchanges of a link: bytes that arrive go to their readers, bytes to send take turns, and requests wait for a free
//! exchange.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::{Buf, Bytes, BytesMut};
use node_core::id::NodeId;
use node_core::link::{ExchangeId, Limits, Link, Open, OpenError, ResetCode, SendError, Service};
use node_core::time::Instant;
use tokio::sync::mpsc;

use super::buffer::SendBuffer;
use super::command::Command;
use super::error::ExchangeError;
use super::flow::{Flow, Flows, Sink};
use super::identity::Identity;
use super::server::Server;
use super::stream::{Accepted, Commands, Inbound, LinkCommand, Outbound, Piece, QUEUE};
use super::waiting::Waiting;

/// Longest request that is collected before it is answered.
const MAX_REQUEST: usize = node_core::rpc::MAX_BODY;

/// All exchanges of a link, in both directions.
pub(super) struct Exchanges {
    /// This node.
    id: NodeId,
    /// Exchanges that this node takes on a link.
    limit: u16,
    /// The peer, after its hello.
    peer: Option<NodeId>,
    /// Exchanges that both sides take.
    usable: u16,
    server: Arc<dyn Server>,
    /// For the halves that are handed out.
    commands: Commands,
    flows: Flows,
    /// Flows with bytes to send and credit for them.
    sendable: VecDeque<ExchangeId>,
    /// Requests that wait for a free exchange.
    waiting: Waiting,
}

impl Exchanges {
    pub(super) fn new(identity: &Identity, server: Arc<dyn Server>, commands: Commands) -> Self {
        Self {
            id: identity.id,
            limit: identity.limits.exchanges,
            peer: None,
            usable: 0,
            server,
            commands,
            flows: Flows::default(),
            sendable: VecDeque::new(),
            waiting: Waiting::default(),
        }
    }

    /// The peer's hello arrived.
    pub(super) fn set_peer(&mut self, peer: NodeId, limits: Limits) {
        self.peer = Some(peer);
        self.usable = limits.exchanges.min(self.limit);
    }

    pub(super) const fn peer(&self) -> Option<NodeId> {
        self.peer
    }

    pub(super) fn commands(&self) -> Commands {
        self.commands.clone()
    }

    /// Whether bytes or requests wait for room in the outgoing buffer.
    pub(super) fn wait_for_room(&self) -> bool {
        !self.sendable.is_empty() || !self.waiting.is_empty()
    }

    /// The peer opened an exchange, with the first bytes of its request.
    pub(super) fn accept(&mut self, link: &mut Link<'_>, id: ExchangeId, open: Open, data: &[u8], end: bool) {
        let here = open.to.is_none_or(|to| to == self.id);
        if here && matches!(open.service, Service::Rpc(_)) {
            let sink = Sink::Request { open, body: BytesMut::new(), limit: MAX_REQUEST };
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
                match self.server.answer(method, &body) {
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

    /// Opens an exchange for a request, behind those that wait for one already.
    pub(super) fn request(
        &mut self,
        now: Instant,
        link: &mut Link<'_>,
        service: Service,
        command: LinkCommand,
        out: &mut SendBuffer,
    ) {
        if self.waiting.queue(service).is_empty() {
            self.start(now, link, command, out);
        } else {
            self.wait(service, command);
        }
    }

    /// Opens an exchange for a request, or puts the request into the queue of those that wait for one.
    fn start(&mut self, now: Instant, link: &mut Link<'_>, command: LinkCommand, out: &mut SendBuffer) {
        if !command.is_wanted() {
            return;
        }
        let (open, request, end) = match &command {
            Command::Open { open, .. } => (*open, Bytes::new(), false),
            Command::Call { open, request, .. } => (*open, request.clone(), true),
            _ => return,
        };
        if open.service == Service::Http && self.flows.proxied() >= self.max_proxied() {
            return self.wait(open.service, command);
        }
        match link.open(now, &open, (&request, end), out) {
            Ok((id, taken)) => {
                let unfinished = end && taken < request.len();
                self.handle_started(id, command, request.slice(taken..), unfinished);
            }
            Err(OpenError::Exchanges | OpenError::Outbox) => self.wait(open.service, command),
            Err(error @ (OpenError::NotUp | OpenError::Draining)) => {
                command.refuse(ExchangeError::LinkClosed(error.to_string()));
            }
        }
    }

    /// The exchange for a request is open. `unfinished` means that `rest` of the request is still to be sent.
    fn handle_started(&mut self, id: ExchangeId, command: LinkCommand, rest: Bytes, unfinished: bool) {
        match command {
            Command::Open { open, reply } => {
                let (mut flow, outbound, inbound) = self.stream(id);
                flow.proxied = open.service == Service::Http;
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

    /// A streamed exchange: what the task keeps of it, and its halves.
    fn stream(&self, id: ExchangeId) -> (Flow, Outbound, Inbound) {
        let (sender, pieces) = mpsc::unbounded_channel();
        let flow = Flow::new(id.number, QUEUE, Sink::Stream(sender));
        let outbound = Outbound::new(id, self.commands.clone(), flow.room.clone());
        let inbound = Inbound::new(id, self.commands.clone(), pieces);
        (flow, outbound, inbound)
    }

    /// Exchanges that proxied requests may have open at once. The rest is for built-in methods, so that a cluster whose links
    /// are full of slow requests can still be inspected.
    fn max_proxied(&self) -> usize {
        (usize::from(self.usable) * 7 / 8).max(1)
    }

    fn wait(&mut self, service: Service, command: LinkCommand) {
        if let Err(command) = self.waiting.push(service, command) {
            command.refuse(ExchangeError::Full);
        }
    }

    /// Opens exchanges for the requests that wait.
    pub(super) fn open_waiting(&mut self, now: Instant, link: &mut Link<'_>, out: &mut SendBuffer) {
        for service in [Service::Rpc(0), Service::Http] {
            for _ in 0..self.waiting.queue(service).len() {
                let Some(command) = self.waiting.queue(service).pop_front() else { break };
                let before = self.waiting.queue(service).len();
                self.start(now, link, command, out);
                let queue = self.waiting.queue(service);
                if queue.len() > before {
                    // The request went to the end of the queue. It is still the first.
                    queue.rotate_right(1);
                    break;
                }
            }
        }
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
            match link.send(id, (&piece, last), out) {
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

    /// The link is over: fails all exchanges, and the requests that wait for one.
    pub(super) fn close(&mut self, why: &str) {
        for flow in self.flows.drain() {
            flow.fail(ExchangeError::Lost(why.to_owned()));
        }
        for command in self.waiting.drain() {
            command.refuse(ExchangeError::LinkClosed(why.to_owned()));
        }
    }
}
