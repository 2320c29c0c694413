//! The firmware's part of a node: components that answer HTTP requests, methods of its own, and topics.

use core::future::Future;

use node_core::http::{RequestHead, content_length, find};
use node_core::rpc::{Code, Event};

use crate::state::ExchangeError;

mod answer;
mod reply;

pub use answer::Answer;
pub use reply::Reply;

/// The firmware's part of a node. `()` is a node that offers nothing.
///
/// Its methods run inside the [`Runner`](crate::Runner), up to [`WORKERS`](crate::sizes::WORKERS) of them at the same
/// time. A method that computes for long without waiting delays everything else. A future is dropped when its exchange
/// ends early: the caller reset it, its time ran out, or the link broke.
pub trait Application {
    /// Names of the components that this board offers, at most 32. The node tells them to the cluster at start.
    fn components(&self) -> &[&str] {
        &[]
    }

    /// Answers a request to one of the components: reads as much of its body as it wants, and sends one response.
    ///
    /// # Errors
    /// Passes on those of `answer`, or is [`ExchangeError::Failed`]. If no response was begun, the node sends one: 408 when the request
    /// stalls, 400 when its body is not as long as announced, and 500 otherwise, also without an error. A response that was begun
    /// and is not whole is reset, so that nobody takes it for a whole one.
    fn serve(
        &self,
        request: &Request<'_>,
        answer: &mut Answer<'_, '_>,
    ) -> impl Future<Output = Result<(), ExchangeError>> {
        async {
            let _ = request;
            answer.send(404, "text/plain", b"this board offers no component\n").await
        }
    }

    /// Answers a method of the firmware's own, numbered from
    /// [`FIRST_CUSTOM`](node_core::rpc::FIRST_CUSTOM). `body` has at most [`HEAD`](crate::sizes::HEAD) bytes.
    ///
    /// # Errors
    /// Passes on those of `reply`: the exchange is over.
    fn call(
        &self,
        method: u16,
        body: &[u8],
        reply: &mut Reply<'_, '_>,
    ) -> impl Future<Output = Result<(), ExchangeError>> {
        async move {
            let _ = (method, body);
            reply.error(Code::UnknownMethod, "this board has no such method").await
        }
    }

    /// Topics that this board publishes, at most [`SUBSCRIBERS`](crate::sizes::SUBSCRIBERS) subscriptions at the same time:
    /// see [`Leaf::publish`](crate::Leaf::publish).
    fn topics(&self) -> &[&str] {
        &[]
    }

    /// Takes an event of a topic to which this board [subscribed](crate::Leaf::subscribe), in at most
    /// [`HEAD`](crate::sizes::HEAD) bytes with its head. Returns whether the board subscribes to that; otherwise the publisher
    /// stops.
    fn event(&self, event: &Event<'_>, data: &[u8]) -> impl Future<Output = bool> {
        async move {
            let _ = (event, data);
            false
        }
    }

    /// The most bytes of stack used so far, if the firmware measures it. It is part of the node's status.
    fn stack_high_water(&self) -> Option<u32> {
        None
    }

    /// The bytes of stack in all, if the firmware knows them. It is one of the node's counters.
    fn stack_size(&self) -> Option<u32> {
        None
    }
}

impl Application for () {}

/// A request to a component.
#[derive(Clone, Copy, Debug)]
pub struct Request<'r> {
    /// The component's name.
    pub component: &'r str,
    /// Method, target and fields.
    pub head: RequestHead<'r, 'r>,
}

impl<'r> Request<'r> {
    /// The method, as sent.
    #[must_use]
    pub const fn method(&self) -> &'r str {
        self.head.method
    }

    /// The target's path, without its query.
    #[must_use]
    pub fn path(&self) -> &'r str {
        self.head.target.split('?').next().unwrap_or_default()
    }

    /// What follows the `?` in the target.
    #[must_use]
    pub fn query(&self) -> Option<&'r str> {
        self.head.target.split_once('?').map(|(_, query)| query)
    }

    /// The length of the body in bytes, if the request says it.
    #[must_use]
    pub fn content_length(&self) -> Option<u64> {
        content_length(self.head.fields).ok().flatten()
    }

    /// The value of the first field called `name`.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&'r [u8]> {
        find(self.head.fields, name)
    }
}
