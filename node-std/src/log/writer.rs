//! Counts the lines that were lost.

use core::sync::atomic::{AtomicU64, Ordering};
use std::io::{self, Write};
use std::sync::OnceLock;

use tracing_appender::non_blocking::ErrorCounter;

/// Lines that could not be written.
static FAILED: AtomicU64 = AtomicU64::new(0);
/// Lines for which there was no room.
static DROPPED: OnceLock<ErrorCounter> = OnceLock::new();

/// Lines of the log that were lost since the start: they could not be written, or the reader did not keep up.
#[must_use]
pub fn lost() -> u64 {
    let dropped = DROPPED.get().map_or(0, ErrorCounter::dropped_lines);
    FAILED.load(Ordering::Relaxed).saturating_add(u64::try_from(dropped).unwrap_or(u64::MAX))
}

pub(super) fn watch(dropped: ErrorCounter) {
    let _ = DROPPED.set(dropped);
}

/// Writes whole lines. Those that cannot be written are counted and forgotten.
pub(super) struct Counted<W>(pub(super) W);

impl<W: Write> Write for Counted<W> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if self.0.write_all(line).is_err() {
            FAILED.fetch_add(1, Ordering::Relaxed);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let _ = self.0.flush();
        Ok(())
    }
}
