//! Opens exchanges of this node's own.

use embassy_time::{Duration, Instant};

use super::call::CallError;
use crate::exchange::{Beginning, Exchange, Limits, open};
use crate::state::State;

/// Links that a request may cross: to the hub, to the owner's hub, to the owner.
const HOPS: u8 = 3;

/// Opens an exchange that ends within a time, and sends the head of its request.
///
/// # Errors
/// [`CallError::NoLink`]: nothing was sent. Otherwise the exchange ended early.
pub(super) async fn begin<'d>(
    state: &'d State<'d>,
    beginning: Beginning<'_>,
    timeout: Duration,
) -> Result<Exchange<'d>, CallError> {
    let limits = Limits { hops: HOPS, deadline: Instant::now() + timeout, wait: timeout };
    open(state, beginning, limits).await.map_err(|error| error.map_or(CallError::NoLink, CallError::Exchange))
}
