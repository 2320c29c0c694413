//! The request of the settings, which this board repeats.

use core::convert::Infallible;
use core::sync::atomic::{AtomicU32, Ordering};

use board_settings::Request;
use board_support::component::Counts;
use defmt::{Display2Format, debug, info, warn};
use embassy_time::{Duration, Instant, Ticker};
use node_embedded::{Call, CallError, Leaf};

/// Longest head of a response.
const HEAD: usize = 1024;

static ANSWERED: AtomicU32 = AtomicU32::new(0);
static FAILED: AtomicU32 = AtomicU32::new(0);

/// Repeats the request for ever.
pub async fn repeat<E>(leaf: Leaf<'static>, request: Request<'static>) -> Result<Infallible, E> {
    let Request { component, path, period_ms } = request;
    let mut ticker = Ticker::every(Duration::from_millis(u64::from(period_ms.max(1))));
    loop {
        let begun = Instant::now();
        match ask(leaf, &Call::get(component, path)).await {
            Ok(Outcome { status: status @ 200..=299, length }) => {
                let time = begun.elapsed().as_millis();
                // Only the first one is logged as information.
                match count(&ANSWERED) {
                    0 => info!("{}: status {}, {} bytes, {} ms", component, status, length, time),
                    _ => debug!("{}: status {}, {} bytes, {} ms", component, status, length, time),
                }
            }
            Ok(Outcome { status, length }) => {
                count(&FAILED);
                warn!("{}: status {}, {} bytes", component, status, length);
            }
            Err(error) => {
                count(&FAILED);
                warn!("{}: {}", component, Display2Format(&error));
            }
        }
        ticker.next().await;
    }
}

/// Adds one, and returns the number before. Not in one step, which some processors cannot: only one task counts.
fn count(requests: &AtomicU32) -> u32 {
    let before = requests.load(Ordering::Relaxed);
    requests.store(before.wrapping_add(1), Ordering::Relaxed);
    before
}

/// Counts the requests so far.
pub fn counts() -> Counts {
    Counts { answered: ANSWERED.load(Ordering::Relaxed), failed: FAILED.load(Ordering::Relaxed) }
}

/// A response that was read to its end.
struct Outcome {
    status: u16,
    /// Bytes of its body.
    length: usize,
}

async fn ask(leaf: Leaf<'static>, call: &Call<'_>) -> Result<Outcome, CallError> {
    let mut head = [0; HEAD];
    let mut response = leaf.call(call, &mut head).await?;
    let mut length = 0;
    loop {
        match response.read(&mut [0; 64]).await? {
            0 => return Ok(Outcome { status: response.status(), length }),
            read => length += read,
        }
    }
}
