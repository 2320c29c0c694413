//! The one way to wait for something that can only be looked at.

use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::Result;

/// How long something that must happen may take: far longer than it ever does, for machines under load.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(20);

/// Looks again and again until `look` succeeds, and returns what it found.
///
/// # Errors
///
/// What `look` said last, when [`PATIENCE`] is at an end.
pub fn eventually<T>(mut look: impl FnMut() -> Result<T>) -> Result<T> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match look() {
            Ok(found) => return Ok(found),
            Err(error) if Instant::now() >= deadline => {
                return Err(error.context(format!("still so after {PATIENCE:?}")));
            }
            Err(_) => sleep(PAUSE),
        }
    }
}
