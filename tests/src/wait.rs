//! The one way to wait for something that can only be looked at.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

/// How long something that must happen may take: far longer than it ever does, for machines under load.
pub const TIMEOUT: Duration = Duration::from_secs(60);

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(20);

static GIVEN_UP: AtomicBool = AtomicBool::new(false);

/// Ends every wait, now and from now on, with an error: for Ctrl-C.
pub fn give_up() {
    GIVEN_UP.store(true, Ordering::SeqCst);
}

/// Whether somebody gave up.
#[must_use]
pub fn given_up() -> bool {
    GIVEN_UP.load(Ordering::SeqCst)
}

/// Looks again and again until `look` succeeds, and returns what it found.
///
/// # Errors
///
/// The last error of `look`, when [`TIMEOUT`] is over.
pub fn eventually<T>(mut look: impl FnMut() -> Result<T>) -> Result<T> {
    let deadline = Instant::now() + TIMEOUT;
    loop {
        if given_up() {
            bail!("given up");
        }
        match look() {
            Ok(found) => return Ok(found),
            Err(error) if Instant::now() >= deadline => {
                return Err(error.context(format!("still so after {TIMEOUT:?}")));
            }
            Err(_) => sleep(PAUSE),
        }
    }
}
