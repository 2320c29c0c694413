//! This board's own requests to other nodes, and those to components anywhere in the cluster.

use core::future::poll_fn;
use core::task::Poll;

use embassy_time::{Duration, with_timeout};
use node_core::http::{EncodeError, HeadWriter, NO_FIELD, ResponseHead, find};
use node_core::id::NodeId;
use node_core::link::{Open, OpenError, Service};
use node_core::route;
use node_core::route::deadline::budget_ms;
use node_core::rpc::Code;
use thiserror::Error;

use super::handle::Leaf;
use crate::exchange::Exchange;
use crate::sizes::FIELDS;
use crate::state::{Core, ExchangeError, ExchangeKey, SlotIndex, State, now};

/// Links that a request may cross: to the hub, to the owner's hub, to the owner.
const HOPS: u8 = 3;

/// A request to a component.
#[derive(Clone, Copy, Debug)]
pub struct Call<'c> {
    /// The component's name.
    pub component: &'c str,
    /// The method, usually `GET` or `POST`.
    pub method: &'c str,
    /// The target, usually `/path?query`.
    pub target: &'c str,
    /// Further header fields.
    pub fields: &'c [(&'c str, &'c [u8])],
    /// The body.
    pub body: &'c [u8],
    /// The most time that it may take in all, a wait for a link included.
    pub timeout: Duration,
}

impl<'c> Call<'c> {
    /// A `GET` that may take 10 seconds.
    #[must_use]
    pub const fn get(component: &'c str, target: &'c str) -> Self {
        let timeout = Duration::from_secs(10);
        Self { component, method: "GET", target, fields: &[], body: &[], timeout }
    }

    /// A `POST` that may take 10 seconds.
    #[must_use]
    pub const fn post(component: &'c str, target: &'c str, body: &'c [u8]) -> Self {
        Self { method: "POST", body, ..Self::get(component, target) }
    }
}

impl<'d> Leaf<'d> {
    /// Sends a request and waits for the head of its response. `buffer` first holds the head of the request, and then
    /// that of the response, as long as the response lives.
    ///
    /// The request waits while a link is being replaced, or while all exchanges are taken.
    ///
    /// # Errors
    /// [`CallError`]: no response. [`CallError::NoLink`] and [`CallError::BadRequest`] mean that the request was not
    /// sent; any other error leaves its outcome unknown.
    pub async fn call<'b>(
        &self,
        call: &Call<'_>,
        buffer: &'b mut [u8],
    ) -> Result<CallResponse<'d, 'b>, CallError> {
        let length = write_request(call, buffer)?;
        let head = buffer.get(..length).unwrap_or_default();
        let beginning = Beginning { to: None, service: Service::Http, head, end: call.body.is_empty() };
        let mut exchange = begin(self.state, beginning, call.body, call.timeout).await?;
        let filled = read_head(&mut exchange, buffer).await?;
        let head = buffer.get(..filled).unwrap_or_default();
        let mut slots = [NO_FIELD; FIELDS];
        match ResponseHead::parse(head, &mut slots) {
            Ok(Some(parsed)) => {
                Ok(CallResponse { status: parsed.status, body_at: parsed.len, head, exchange })
            }
            _ => Err(CallError::BadResponse),
        }
    }
}

/// A response whose head has arrived. When it is dropped before its end, the rest is not sent.
pub struct CallResponse<'d, 'b> {
    status: u16,
    /// Start of the body's bytes that arrived with the head.
    body_at: usize,
    head: &'b [u8],
    exchange: Exchange<'d>,
}

impl<'b> CallResponse<'_, 'b> {
    /// The status, 100 to 999.
    #[must_use]
    pub const fn status(&self) -> u16 {
        self.status
    }

    /// The value of the first field called `name`.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&'b [u8]> {
        let mut slots = [NO_FIELD; FIELDS];
        let head = ResponseHead::parse(self.head, &mut slots).ok().flatten()?;
        find(head.fields, name)
    }

    /// Waits for bytes of the body and copies some to the start of `buffer`; 0 is the end.
    ///
    /// # Errors
    /// The exchange ended early.
    pub async fn read(&mut self, buffer: &mut [u8]) -> Result<usize, ExchangeError> {
        let early = self.head.get(self.body_at..).unwrap_or_default();
        if early.is_empty() {
            return self.exchange.read(buffer).await;
        }
        let count = early.len().min(buffer.len());
        buffer.iter_mut().zip(early).for_each(|(to, from)| *to = *from);
        self.body_at += count;
        Ok(count)
    }
}

fn write_request(call: &Call<'_>, buffer: &mut [u8]) -> Result<usize, CallError> {
    let mut write = || {
        let mut head = HeadWriter::request(buffer, call.method, call.target)?;
        head.field(route::COMPONENT, call.component.as_bytes())?;
        if !call.body.is_empty() {
            head.field("content-length", itoa::Buffer::new().format(call.body.len()).as_bytes())?;
        }
        call.fields.iter().try_for_each(|(name, value)| head.field(name, value))?;
        head.finish()
    };
    write().map_err(|_: EncodeError| CallError::BadRequest)
}

/// The first bytes of a request.
#[derive(Clone, Copy)]
pub(super) struct Beginning<'h> {
    /// The node that it is for, `None` for the hub that gets it.
    pub(super) to: Option<NodeId>,
    pub(super) service: Service,
    pub(super) head: &'h [u8],
    /// Nothing follows.
    pub(super) end: bool,
}

/// Sends a request within a time, to its end.
pub(super) async fn begin<'d>(
    state: &'d State<'d>,
    beginning: Beginning<'_>,
    body: &[u8],
    timeout: Duration,
) -> Result<Exchange<'d>, CallError> {
    let deadline = embassy_time::Instant::now() + timeout;
    let opening = open(state, beginning, deadline);
    let Started { slot, taken } = with_timeout(timeout, opening).await.map_err(|_| CallError::NoLink)?;
    let mut exchange = Exchange::new(state, slot, beginning.end && taken == beginning.head.len());
    exchange.write(beginning.head.get(taken..).unwrap_or_default()).await?;
    exchange.write(body).await?;
    exchange.finish().await?;
    Ok(exchange)
}

/// A request that has begun.
struct Started {
    slot: SlotIndex,
    /// Bytes of the head that the link took.
    taken: usize,
}

/// Waits for a link that takes an exchange, and opens the exchange with as much of the head as fits.
async fn open(state: &State<'_>, beginning: Beginning<'_>, deadline: embassy_time::Instant) -> Started {
    poll_fn(|cx| {
        state.with(|core| {
            let left = deadline.saturating_duration_since(embassy_time::Instant::now());
            let budget_ms = budget_ms(node_core::time::Duration::from_micros(left.as_micros()));
            let Beginning { to, service, .. } = beginning;
            let open = Open { to, hops: HOPS, budget_ms, service };
            match try_open(core, &open, beginning) {
                Some(opened) => Poll::Ready(opened),
                None => {
                    core.callers.register(cx.waker());
                    Poll::Pending
                }
            }
        })
    })
    .await
}

fn try_open(core: &mut Core<'_>, open: &Open, beginning: Beginning<'_>) -> Option<Started> {
    if !core.table.has_room_for_ours() {
        return None;
    }
    for (index, port) in core.ports.iter_mut().enumerate().filter(|(_, port)| port.is_up()) {
        let Some(link) = port.id() else { continue };
        match port.link.open(now(), open, beginning.head, beginning.end, port.batch) {
            Ok((id, taken)) => {
                core.runner.wake();
                let slot = core.table.opened(ExchangeKey { port: index, link, id })?;
                return Some(Started { slot, taken });
            }
            Err(OpenError::Outbox) => port.blocked = true,
            Err(_) => {}
        }
    }
    None
}

async fn read_head(exchange: &mut Exchange<'_>, buffer: &mut [u8]) -> Result<usize, CallError> {
    let mut filled = 0;
    loop {
        let mut slots = [NO_FIELD; FIELDS];
        match ResponseHead::parse(buffer.get(..filled).unwrap_or_default(), &mut slots) {
            Ok(Some(_)) => return Ok(filled),
            Ok(None) => {}
            Err(_) => return Err(CallError::BadResponse),
        }
        let room = buffer.get_mut(filled..).unwrap_or_default();
        if room.is_empty() {
            return Err(CallError::BadResponse);
        }
        match exchange.read(room).await? {
            0 => return Err(CallError::BadResponse),
            read => filled += read,
        }
    }
}

/// Why a request has no response.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum CallError {
    /// The other node answered with an error of this kind.
    #[error("the other node answered with an error: {0:?}")]
    Answered(Code),
    /// The request's head is too long, or has parts that do not belong there. Nothing was sent.
    #[error("the request's headers are too long or malformed")]
    BadRequest,
    /// The response, or its head, is malformed, or longer than the buffer.
    #[error("the response is malformed, or longer than the buffer")]
    BadResponse,
    /// The exchange ended early.
    #[error(transparent)]
    Exchange(#[from] ExchangeError),
    /// No link took it in time. Nothing was sent.
    #[error("no hub took the request in time")]
    NoLink,
}
