//! This board's own calls of methods, and its part in topics: it publishes, and subscribes to other nodes.

use embassy_time::Duration;
use node_core::id::NodeId;
use node_core::link::Service;
use node_core::rpc::{Code, Event, LEASE_S, MAX_EVENT, Method, Response, Subscribe};

use super::call::CallError;
use super::handle::Leaf;
use super::open::begin;
use crate::exchange::{Beginning, Exchange};
use crate::sizes::SUBSCRIBERS;
use crate::state::{ExchangeError, now};

/// Longest head of an event, and longest subscription: a topic with its length, and an id.
const HEAD: usize = 80;
/// The answer to an event or a subscription: a code and a message, or a lease.
const ANSWER: usize = 280;
/// How long another node may take for it.
const CALL_TIMEOUT: Duration = Duration::from_secs(5);

/// A call of a method of another node.
#[derive(Clone, Copy, Debug)]
pub struct MethodCall<'c> {
    /// The node that answers, another board too; `None` for the hub that this board is linked to.
    pub node: Option<NodeId>,
    /// The number of the method.
    pub method: u16,
    /// The request, at most [`MAX_BODY`](node_core::rpc::MAX_BODY) bytes.
    pub body: &'c [u8],
    /// The most time that it may take in all, a wait for a link included.
    pub timeout: Duration,
}

impl Leaf<'_> {
    /// Calls a method, and reads the answer into `buffer`: the result, or the error of the other node. When the future is
    /// dropped, the call is cancelled there.
    ///
    /// # Errors
    /// [`CallError`]: no answer. [`CallError::BadResponse`] also means that `buffer` is too short for it.
    pub async fn call_method<'b>(
        &self,
        call: &MethodCall<'_>,
        buffer: &'b mut [u8],
    ) -> Result<Response<'b, &'b [u8]>, CallError> {
        let length = self.ask(call, &[], buffer).await?;
        let answer = buffer.get(..length).unwrap_or_default();
        match postcard::take_from_bytes::<Response<'_, ()>>(answer) {
            Ok((Ok(()), result)) => Ok(Ok(result)),
            Ok((Err(error), _)) => Ok(Err(error)),
            Err(_) => Err(CallError::BadResponse),
        }
    }

    /// Subscribes to a topic of another node for the time that is returned. Call it again before that is over, to go on.
    /// [`Application::event`](crate::Application::event) gets the events, and says that this board wants them.
    ///
    /// # Errors
    /// [`CallError`]: this board is not subscribed.
    pub async fn subscribe(&self, publisher: NodeId, topic: &str) -> Result<Duration, CallError> {
        let mut body = [0; HEAD];
        let subscribe = Subscribe { topic, subscriber: self.id() };
        let body = postcard::to_slice(&subscribe, &mut body).map_err(|_| CallError::BadRequest)?;
        let mut buffer = [0; ANSWER];
        let call = MethodCall {
            node: Some(publisher),
            method: Method::Subscribe.number(),
            body,
            timeout: CALL_TIMEOUT,
        };
        match self.call_method(&call, &mut buffer).await? {
            Ok(lease) => {
                let lease = postcard::from_bytes::<u32>(lease).map_err(|_| CallError::BadResponse)?;
                Ok(Duration::from_secs(lease.min(LEASE_S).into()))
            }
            Err(error) => Err(CallError::Answered(error.code)),
        }
    }

    /// Sends an event to each node that subscribed to this topic of the board, one after the other, for at most 5 s each. Returns
    /// how many took it; for the others it is lost. Nodes may subscribe to the topics that
    /// [`Application::topics`](crate::Application::topics) names.
    pub async fn publish(&self, topic: &str, event: &[u8]) -> usize {
        let mut head = [0; HEAD];
        let about = Event { topic, publisher: self.id() };
        let Ok(head) = postcard::to_slice(&about, &mut head) else { return 0 };
        if event.len() > MAX_EVENT {
            return 0;
        }
        let head = &*head;
        let mut taken = 0;
        for place in 0..SUBSCRIBERS {
            let subscriber = self.state.with(|core| core.subscribers.at(place, now(), topic));
            let Some(node) = subscriber else { continue };
            let method = Method::Event.number();
            let call = MethodCall { node: Some(node), method, body: head, timeout: CALL_TIMEOUT };
            let mut answer = [0; ANSWER];
            let Ok(length) = self.ask(&call, event, &mut answer).await else { continue };
            let answer = answer.get(..length).unwrap_or_default();
            match postcard::take_from_bytes::<Response<'_, ()>>(answer) {
                Ok((Ok(()), _)) => taken += 1,
                Ok((Err(error), _)) if matches!(error.code, Code::Refused | Code::UnknownMethod) => {
                    self.state.with(|core| core.subscribers.end(node, topic));
                }
                _ => {}
            }
        }
        taken
    }

    /// Sends a request, whose body goes on with `rest`, and reads the whole answer. Returns its length.
    async fn ask(&self, call: &MethodCall<'_>, rest: &[u8], buffer: &mut [u8]) -> Result<usize, CallError> {
        let service = Service::Rpc(call.method);
        let beginning = Beginning { to: call.node, service, head: call.body, end: rest.is_empty() };
        let exchange = begin(self.state, beginning, call.timeout).await?;
        match exchange.write(rest).await {
            Ok(()) => exchange.finish().await?,
            // The answer says why the rest is not wanted.
            Err(ExchangeError::Answered) => {}
            Err(error) => return Err(error.into()),
        }
        read_answer(&exchange, buffer).await
    }
}

async fn read_answer(exchange: &Exchange<'_>, buffer: &mut [u8]) -> Result<usize, CallError> {
    let mut filled = 0;
    loop {
        let room = buffer.get_mut(filled..).unwrap_or_default();
        if room.is_empty() {
            let is_whole = exchange.read(&mut [0]).await? == 0;
            return if is_whole { Ok(filled) } else { Err(CallError::BadResponse) };
        }
        match exchange.read(room).await? {
            0 => return Ok(filled),
            read => filled += read,
        }
    }
}
