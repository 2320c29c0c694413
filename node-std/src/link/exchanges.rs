//! The exchanges of a link: bytes that arrive are brought to their readers, bytes to send take turns, requests wait for
//! a free exchange.

use bytes::{Buf, Bytes, BytesMut};
use node_core::link::{ExchangeId, Open, OpenError, ResetCode, SendError, Service};
use node_core::time::Instant;
use tokio::sync::mpsc;

use super::driver::Driver;
use super::flow::{Flow, Sink};
use super::handle::Command;
use crate::exchange::{Accepted, ExchangeError, Inbound, Outbound, Piece, QUEUE};

/// Longest request that is collected before it is answered.
const MAX_REQUEST: usize = node_core::rpc::MAX_BODY;

impl Driver<'_> {
    pub(super) fn opened(&mut self, id: ExchangeId, open: Open, (data, end): (&[u8], bool)) {
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
    pub(super) fn deliver(&mut self, id: ExchangeId, data: &[u8], end: bool) {
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

    /// Opens an exchange, or puts the request in the queue of those that wait for one.
    pub(super) fn start(&mut self, now: Instant, command: Command) {
        if !command.is_wanted() {
            return;
        }
        let (open, request, end) = match &command {
            Command::Open { open, .. } => (*open, Bytes::new(), false),
            Command::Call { open, request, .. } => (*open, request.clone(), true),
            _ => return,
        };
        if open.service == Service::Http && self.flows.proxied() >= self.most_proxied() {
            return self.wait(open.service, command);
        }
        match self.link.open(now, &open, &request, end, &mut self.sending) {
            Ok((id, taken)) => {
                self.started(id, command, (request.slice(taken..), end && taken < request.len()))
            }
            Err(OpenError::Exchanges | OpenError::Outbox) => self.wait(open.service, command),
            Err(error @ (OpenError::NotUp | OpenError::Draining)) => {
                refuse(command, ExchangeError::LinkClosed(error.to_string()));
            }
        }
    }

    fn started(&mut self, id: ExchangeId, command: Command, (rest, unfinished): (Bytes, bool)) {
        match command {
            Command::Open { open, reply } => {
                let (pieces, inbound) = mpsc::unbounded_channel();
                let mut flow = Flow::new(id.number, QUEUE, Sink::Stream(pieces));
                flow.proxied = open.service == Service::Http;
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

    /// Exchanges that proxied requests may have open at once. The rest is for built-in methods, so that a cluster whose
    /// links are full of slow requests can still be looked at.
    fn most_proxied(&self) -> usize {
        let theirs = self.link.peer().map_or(0, |(_, limits)| limits.exchanges);
        let usable = usize::from(theirs.min(self.identity.limits.exchanges));
        (usable * 7 / 8).max(1)
    }

    pub(super) fn wait(&mut self, service: Service, command: Command) {
        if let Err(command) = self.waiting.push(service, command) {
            refuse(command, ExchangeError::Full);
        }
    }

    pub(super) fn open_waiting(&mut self, now: Instant) {
        for service in [Service::Rpc(0), Service::Http] {
            for _ in 0..self.waiting.queue(service).len() {
                let Some(command) = self.waiting.queue(service).pop_front() else { break };
                let before = self.waiting.queue(service).len();
                self.start(now, command);
                let queue = self.waiting.queue(service);
                if queue.len() > before {
                    // It went to the end of the queue: it still is the first.
                    queue.rotate_right(1);
                    break;
                }
            }
        }
    }

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

    /// Gives every flow in the queue a turn, one piece each, while there is room.
    pub(super) fn send_pending(&mut self) {
        let mut stuck = 0;
        while stuck < self.sendable.len() {
            let Some(id) = self.sendable.pop_front() else { return };
            let Some(flow) = self.flows.find(id) else { continue };
            let piece = flow.pending.front().cloned().unwrap_or_default();
            let last = flow.end && flow.pending.len() <= 1;
            match self.link.send(id, &piece, last, &mut self.sending) {
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

    /// More may be sent: on one exchange, or on all that were starved.
    pub(super) fn credited(&mut self, id: Option<ExchangeId>) {
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
    pub(super) fn settle(&mut self, id: ExchangeId) {
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

    pub(super) fn fail(&mut self, id: ExchangeId, error: ExchangeError) {
        if let Some(flow) = self.forget(id) {
            flow.fail(error);
        }
    }
}

/// Answers a request that will not be made.
pub(super) fn refuse(command: Command, error: ExchangeError) {
    match command {
        Command::Open { reply, .. } => drop(reply.send(Err(error))),
        Command::Call { reply, .. } => drop(reply.send(Err(error))),
        _ => {}
    }
}
