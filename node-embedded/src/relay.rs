//! A hub passes exchanges on: those with a target to that node, and requests to components to a node that offers them.

use embassy_futures::select::{Either, select};
use embassy_time::{Duration, Instant};
use node_core::http::{Field, NO_FIELD, RequestHead, find, is_hop_by_hop};
use node_core::id::NodeId;
use node_core::link::{ResetCode, Service};
use node_core::route;
use node_core::route::relay::RelayPath;

use crate::exchange::{Beginning, Exchange, Limits, broken, open};
use crate::sizes::FIELDS;
use crate::state::{ExchangeError, Onward, SlotIndex, State, Work};

/// Bytes that move at once, in each direction.
const PART: usize = 256;

/// How long a hub waits for a link to the node that an exchange is for, for example while one replaces another.
const LINK_WAIT: Duration = Duration::from_secs(5);

/// Relays exchanges for ever, one after the other.
pub(crate) async fn relay<'d>(state: &'d State<'d>, work: Work) -> ! {
    loop {
        let (slot, service) = state.wait(|core| core.table.next_waiting(work)).await;
        let exchange = Exchange::accepted(state, slot);
        let outcome = match onward_of(state, slot) {
            Some(onward) => {
                let beginning = Beginning { to: onward.to, service, head: &[], end: false };
                let passed = pass(state, &exchange, beginning, onward);
                match select(passed, broken(state, slot)).await {
                    Either::First(passed) => passed,
                    // The other side knows of the end.
                    Either::Second(_) => Ok(()),
                }
            }
            None => Err(ResetCode::Unknown),
        };
        if let Err(code) = outcome {
            exchange.reset(code);
        }
    }
}

/// What is left of the way of an exchange.
pub(crate) fn onward_of(state: &State<'_>, slot: SlotIndex) -> Option<Onward> {
    state.with(|core| core.table.slot_mut(slot).map(|slot| slot.onward))
}

/// Opens the exchange to its next node, and joins the two until the answer is whole.
async fn pass<'d>(
    state: &'d State<'d>,
    exchange: &Exchange<'d>,
    beginning: Beginning<'_>,
    onward: Onward,
) -> Result<(), ResetCode> {
    join(exchange, pass_on(state, beginning, onward).await?).await
}

/// Opens an exchange to its next node, with the start of its request.
///
/// # Errors
/// The code of the reset. [`ResetCode::Unknown`]: nothing was sent.
async fn pass_on<'d>(
    state: &'d State<'d>,
    beginning: Beginning<'_>,
    onward: Onward,
) -> Result<Exchange<'d>, ResetCode> {
    let hops = onward.hops.checked_sub(1).ok_or(ResetCode::Unknown)?;
    let deadline = Instant::from_micros(onward.until.as_micros());
    let limits = Limits { hops, deadline, wait: LINK_WAIT };
    open(state, beginning, limits).await.map_err(|error| error.map_or(ResetCode::Unknown, reset_code))
}

/// The code for the other side of an exchange that ended early.
const fn reset_code(error: ExchangeError) -> ResetCode {
    match error {
        ExchangeError::Reset(code) => code,
        ExchangeError::Stalled | ExchangeError::TimedOut => ResetCode::Timeout,
        _ => ResetCode::Internal,
    }
}

/// Moves both directions until the answer is whole. Where one side ends early, so does the other.
async fn join(exchange: &Exchange<'_>, onward: Exchange<'_>) -> Result<(), ResetCode> {
    let outcome = {
        let answer = copy(&onward, exchange);
        let request = async {
            match copy(exchange, &onward).await {
                // The answer may still be on its way.
                Ok(()) | Err(ExchangeError::Answered) => core::future::pending().await,
                Err(error) => error,
            }
        };
        match select(answer, request).await {
            Either::First(answered) => answered,
            Either::Second(error) => Err(error),
        }
    };
    outcome.map_err(|error| {
        let code = reset_code(error);
        onward.reset(code);
        code
    })
}

/// Moves one direction, as fast as the slower side, and its end.
async fn copy(from: &Exchange<'_>, to: &Exchange<'_>) -> Result<(), ExchangeError> {
    let mut part = [0; PART];
    loop {
        match from.read(&mut part).await? {
            0 => return to.finish().await,
            read => to.write(part.get(..read).unwrap_or_default()).await?,
        }
    }
}

/// A request to a component of another node.
pub(crate) struct Forward<'h> {
    to: NodeId,
    /// The head, up to the place where this node puts itself into the relay path, and the rest of it.
    before: &'h [u8],
    after: &'h [u8],
    /// The relay path has no entry yet.
    first: bool,
}

impl<'h> Forward<'h> {
    /// Looks for a node that offers the component of a request which this node does not offer. `None` when this node answers, if only to
    /// say that nobody offers it.
    ///
    /// # Errors
    /// [`HopByHop`]: another node offers it, but this one must not pass the request on as it is.
    pub(crate) fn find(state: &State<'_>, head: &'h [u8], own: &[&str]) -> Option<Result<Self, HopByHop>> {
        let mut slots = [NO_FIELD; FIELDS];
        let request = RequestHead::parse(head, &mut slots).ok().flatten()?;
        let component = core::str::from_utf8(find(request.fields, route::COMPONENT)?).ok()?;
        let path = find(request.fields, route::RELAY_PATH);
        let visited = RelayPath(path.and_then(|path| core::str::from_utf8(path).ok()).unwrap_or_default());
        if own.contains(&component) {
            return None;
        }
        let to = state.with(|core| {
            let comes_back = visited.visits(core.node.id());
            core.provider(component, visited).filter(|_| core.is_hub && !comes_back)
        })?;
        if !request.fields.iter().all(passes) {
            return Some(Err(HopByHop));
        }
        // Without a path, it goes before the empty line at the end, which may lack its carriage return.
        let end = head.strip_suffix(b"\r\n").or(head.strip_suffix(b"\n"))?.len();
        let at = match path {
            Some(path) => (path.as_ptr().addr() + path.len()).checked_sub(head.as_ptr().addr())?,
            None => end,
        };
        let (before, after) = head.split_at_checked(at)?;
        Some(Ok(Self { to, before, after, first: path.is_none() }))
    }

    /// Passes the request on, and its response back.
    ///
    /// # Errors
    /// The code of a reset. [`ResetCode::Unknown`]: nothing was sent, and nothing answered.
    pub(crate) async fn pass<'d>(
        &self,
        state: &'d State<'d>,
        exchange: &Exchange<'d>,
        onward: Onward,
    ) -> Result<(), ResetCode> {
        let Self { to, before, after, first } = *self;
        let beginning = Beginning { to: Some(to), service: Service::Http, head: before, end: false };
        let onward = pass_on(state, beginning, onward).await?;
        let sent = async {
            onward.write(if first { b"maelstrom-relay-path: " } else { b"|" }).await?;
            let mut digits = [0; 32];
            let id = state.with(|core| core.node.id());
            onward.write(hex(&id, &mut digits)).await?;
            onward.write(if first { b"\r\n" } else { b"" }).await?;
            onward.write(after).await
        };
        match sent.await {
            Ok(()) | Err(ExchangeError::Answered) => join(exchange, onward).await,
            Err(error) => Err(reset_code(error)),
        }
    }
}

/// A request has a field that ends at this hop. A server takes such fields out. A board passes a head on as it came, so it refuses the
/// request. Nodes send none, but to change the protocol of the connection.
pub(crate) struct HopByHop;

/// Whether a field may cross a link (R-071a).
fn passes(field: &Field<'_>) -> bool {
    let is = |name: &str| field.name.eq_ignore_ascii_case(name);
    let marks_a_body = is("transfer-encoding");
    let offers_trailers = is("te") && field.value.eq_ignore_ascii_case(b"trailers");
    marks_a_body || offers_trailers || !is_hop_by_hop(field.name)
}

/// The id in digits, as a relay path has it.
fn hex<'b>(NodeId(id): &NodeId, digits: &'b mut [u8; 32]) -> &'b [u8] {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let nibbles = id.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    let text = nibbles.filter_map(|nibble| DIGITS.get(usize::from(nibble)));
    digits.iter_mut().zip(text).for_each(|(place, digit)| *place = *digit);
    digits
}
