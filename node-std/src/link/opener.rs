//! Opens exchanges for the requests of this node. A request waits while no exchange is free.

use bytes::Bytes;
use node_core::link::{Limits, Link, OpenError, Service};
use node_core::time::Instant;

use super::buffer::SendBuffer;
use super::command::Command;
use super::error::ExchangeError;
use super::exchanges::Exchanges;
use super::stream::LinkCommand;
use super::waiting::Waiting;

/// The requests of this node on a link that have no exchange yet.
pub(super) struct Opener {
    /// Exchanges that this node takes on a link.
    limit: u16,
    /// Exchanges that proxied requests may have open at once.
    max_proxied: usize,
    waiting: Waiting,
}

impl Opener {
    pub(super) fn new(limits: &Limits) -> Self {
        Self { limit: limits.exchanges, max_proxied: 1, waiting: Waiting::default() }
    }

    /// The peer's hello arrived. Proxied requests get most of the exchanges. The rest is for built-in methods, so that a cluster
    /// whose links are full of slow requests can still be inspected.
    pub(super) fn set_peer(&mut self, peer: &Limits) {
        let usable = usize::from(peer.exchanges.min(self.limit));
        self.max_proxied = (usable * 7 / 8).max(1);
    }

    /// Whether requests wait.
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Opens an exchange for a request, after the requests that wait already.
    pub(super) fn open(
        &mut self,
        now: Instant,
        link: &mut Link<'_>,
        exchanges: &mut Exchanges,
        service: Service,
        command: LinkCommand,
        out: &mut SendBuffer,
    ) {
        if self.waiting.queue(service).is_empty() {
            self.start(now, link, exchanges, command, out);
        } else {
            self.wait(service, command);
        }
    }

    /// Opens exchanges for the requests that wait.
    pub(super) fn open_waiting(
        &mut self,
        now: Instant,
        link: &mut Link<'_>,
        exchanges: &mut Exchanges,
        out: &mut SendBuffer,
    ) {
        for service in [Service::Rpc(0), Service::Http] {
            for _ in 0..self.waiting.queue(service).len() {
                let Some(command) = self.waiting.queue(service).pop_front() else { break };
                let before = self.waiting.queue(service).len();
                self.start(now, link, exchanges, command, out);
                let queue = self.waiting.queue(service);
                if queue.len() > before {
                    // The request went to the end of the queue. It is still the first.
                    queue.rotate_right(1);
                    break;
                }
            }
        }
    }

    /// The link is over: refuses the requests that wait.
    pub(super) fn close(&mut self, why: &str) {
        for command in self.waiting.drain() {
            command.refuse(ExchangeError::LinkClosed(why.to_owned()));
        }
    }

    /// Opens an exchange for a request, or lets the request wait.
    fn start(
        &mut self,
        now: Instant,
        link: &mut Link<'_>,
        exchanges: &mut Exchanges,
        command: LinkCommand,
        out: &mut SendBuffer,
    ) {
        if !command.is_wanted() {
            return;
        }
        let (open, request, end) = match &command {
            Command::Open { open, .. } => (*open, Bytes::new(), false),
            Command::Call { open, request, .. } => (*open, request.clone(), true),
            _ => return,
        };
        if open.service == Service::Http && exchanges.proxied() >= self.max_proxied {
            return self.wait(open.service, command);
        }
        match link.open(now, &open, (&request, end), out) {
            Ok((id, taken)) => match command {
                Command::Open { reply, .. } => {
                    let halves = exchanges.start_stream(id, open.service == Service::Http);
                    // A caller that went away drops both halves, which resets the exchange.
                    let _ = reply.send(Ok(halves));
                }
                Command::Call { limit, reply, .. } => {
                    exchanges.start_call(id, request.slice(taken..), limit, reply);
                }
                _ => {}
            },
            Err(OpenError::Exchanges | OpenError::Outbox) => self.wait(open.service, command),
            Err(error @ (OpenError::NotUp | OpenError::Draining)) => {
                command.refuse(ExchangeError::LinkClosed(error.to_string()));
            }
        }
    }

    fn wait(&mut self, service: Service, command: LinkCommand) {
        if let Err(command) = self.waiting.push(service, command) {
            command.refuse(ExchangeError::Full);
        }
    }
}
