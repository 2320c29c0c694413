//! Calls from the firmware: a reading for a component somewhere in the cluster, sent again until it arrived.

use core::fmt::Write as _;

use embassy_time::{Duration, Timer};
use heapless::String;
use node_embedded::{Call, CallError, Leaf};

/// The wait before a reading is sent again.
const AGAIN: Duration = Duration::from_secs(5);

/// Sends a reading, in tenths of a degree Celsius, to `component`, up to three times. Returns the bytes that the component answered.
///
/// # Errors
/// [`CallError`] of the last time.
pub async fn report<'b>(
    leaf: Leaf<'_>,
    component: &str,
    reading: i16,
    answer: &'b mut [u8],
) -> Result<&'b [u8], CallError> {
    let mut outcome = Err(CallError::NoLink);
    for _ in 0..3 {
        outcome = send(leaf, component, reading, answer).await;
        match outcome {
            // It was not taken: nobody has it twice when it is sent again.
            Err(CallError::NoLink) => Timer::after(AGAIN).await,
            _ => break,
        }
    }
    outcome.map(|length| answer.get(..length).unwrap_or_default())
}

/// Sends it once, and returns the length of the answer.
async fn send(leaf: Leaf<'_>, component: &str, reading: i16, answer: &mut [u8]) -> Result<usize, CallError> {
    let mut body = String::<32>::new();
    write!(body, "{{\"tenths\": {reading}}}").map_err(|_| CallError::BadRequest)?;
    let fields = [("content-type", b"application/json".as_slice())];
    let call = Call { fields: &fields, ..Call::post(component, "/readings", body.as_bytes()) };
    let mut head = [0; 512];
    let mut response = leaf.call(&call, &mut head).await?;
    let mut filled = 0;
    while let Some(room) = answer.get_mut(filled..).filter(|room| !room.is_empty()) {
        match response.read(room).await? {
            0 => break,
            read => filled += read,
        }
    }
    match response.status() {
        200..300 => Ok(filled),
        _ => Err(CallError::BadResponse),
    }
}
