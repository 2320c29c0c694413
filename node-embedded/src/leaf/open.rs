//! Opens exchanges of this node's own, on any link that takes them.

use core::future::poll_fn;
use core::task::Poll;

use embassy_time::{Duration, with_timeout};
use node_core::id::NodeId;
use node_core::link::{Open, OpenError, Service};
use node_core::route::deadline::budget_ms;

use super::call::CallError;
use crate::exchange::Exchange;
use crate::state::{Core, ExchangeError, ExchangeKey, SlotIndex, State, now};

/// Links that a request may cross: to the hub, to the owner's hub, to the owner.
const HOPS: u8 = 3;

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

/// Opens an exchange that ends within a time, and sends the head of its request.
///
/// # Errors
/// [`CallError::NoLink`]: nothing was sent. Otherwise the exchange ended early.
pub(super) async fn begin<'d>(
    state: &'d State<'d>,
    beginning: Beginning<'_>,
    timeout: Duration,
) -> Result<Exchange<'d>, CallError> {
    let deadline = embassy_time::Instant::now() + timeout;
    let opening = open(state, beginning, deadline);
    let Started { slot, taken } = with_timeout(timeout, opening).await.map_err(|_| CallError::NoLink)?;
    let exchange = Exchange::opened(state, slot, beginning.end && taken == beginning.head.len());
    match exchange.write(beginning.head.get(taken..).unwrap_or_default()).await {
        Ok(()) | Err(ExchangeError::Answered) => Ok(exchange),
        Err(error) => Err(error.into()),
    }
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
