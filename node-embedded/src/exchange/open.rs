//! Opens an exchange on any link that takes it.

use core::future::poll_fn;
use core::task::Poll;

use embassy_time::{Duration, Instant, with_timeout};
use node_core::id::NodeId;
use node_core::link::{Open, OpenError, Service};
use node_core::route::deadline::budget_ms;

use super::Exchange;
use crate::sizes::PORTS;
use crate::state::{Core, ExchangeError, ExchangeKey, SlotIndex, State, now};

/// The first bytes of a request.
#[derive(Clone, Copy)]
pub(crate) struct Beginning<'h> {
    /// The node that it is for, `None` for the hub that gets it.
    pub(crate) to: Option<NodeId>,
    pub(crate) service: Service,
    pub(crate) head: &'h [u8],
    /// Nothing follows.
    pub(crate) end: bool,
}

/// How far a request may go, and how long it may take.
#[derive(Clone, Copy)]
pub(crate) struct Limits {
    /// Links that it may cross after the first one.
    pub(crate) hops: u8,
    /// The end of all its time.
    pub(crate) deadline: Instant,
    /// How long it may wait for a link.
    pub(crate) wait: Duration,
}

/// Opens an exchange, and sends the head of its request.
///
/// # Errors
/// `None`: no link took it in time, and nothing was sent. Otherwise the exchange ended early.
pub(crate) async fn open<'d>(
    state: &'d State<'d>,
    beginning: Beginning<'_>,
    limits: Limits,
) -> Result<Exchange<'d>, Option<ExchangeError>> {
    let begin = begin(state, beginning, limits);
    let Started { slot, taken } = with_timeout(limits.wait, begin).await.map_err(|_| None)?;
    let exchange = Exchange::opened(state, slot, beginning.end && taken == beginning.head.len());
    match exchange.write(beginning.head.get(taken..).unwrap_or_default()).await {
        Ok(()) | Err(ExchangeError::Answered) => Ok(exchange),
        Err(error) => Err(Some(error)),
    }
}

/// A request that has begun.
struct Started {
    slot: SlotIndex,
    /// Bytes of the head that the link took.
    taken: usize,
}

/// Waits for a link that takes an exchange, and opens the exchange with as much of the head as fits.
async fn begin(state: &State<'_>, beginning: Beginning<'_>, limits: Limits) -> Started {
    poll_fn(|cx| {
        state.with(|core| {
            let left = limits.deadline.saturating_duration_since(Instant::now());
            let budget_ms = budget_ms(node_core::time::Duration::from_micros(left.as_micros()));
            let Beginning { to, service, .. } = beginning;
            let open = Open { to, hops: limits.hops, budget_ms, service };
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
    for index in 0..PORTS {
        let Some(to) = core.way(index, open.to) else { continue };
        let Some(port) = core.ports.get_mut(index) else { continue };
        let Some(link) = port.id() else { continue };
        match port.link.open(now(), &Open { to, ..*open }, beginning.head, beginning.end, port.batch) {
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
