//! Requests that wait for a free exchange.

use std::collections::VecDeque;

use node_core::link::Service;

use super::stream::LinkCommand;

/// Requests of each kind that may wait.
const MAX: usize = 4096;

/// Two queues, so that built-in methods never wait behind proxied requests.
#[derive(Default)]
pub(super) struct Waiting {
    rpc: VecDeque<LinkCommand>,
    http: VecDeque<LinkCommand>,
}

impl Waiting {
    /// The queue in which a request waits.
    pub(super) fn queue(&mut self, service: Service) -> &mut VecDeque<LinkCommand> {
        match service {
            Service::Rpc(_) => &mut self.rpc,
            Service::Http => &mut self.http,
        }
    }

    /// Puts a request at the end of its queue.
    ///
    /// # Errors
    /// The queue is full: the command comes back.
    pub(super) fn push(&mut self, service: Service, command: LinkCommand) -> Result<(), LinkCommand> {
        let queue = self.queue(service);
        if queue.len() >= MAX {
            // The callers of some of them have given up.
            queue.retain(LinkCommand::is_wanted);
        }
        if queue.len() >= MAX {
            return Err(command);
        }
        queue.push_back(command);
        Ok(())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rpc.is_empty() && self.http.is_empty()
    }

    pub(super) fn drain(&mut self) -> impl Iterator<Item = LinkCommand> {
        self.rpc.drain(..).chain(self.http.drain(..))
    }
}
