//! The log of the daemon, on its standard error.
//!
//! A log that cannot be written, or whose reader does not keep up, never stops the node: lines are lost and counted.

mod filter;
mod writer;

use std::io::{IsTerminal, stderr};

use tracing_appender::non_blocking::{NonBlockingBuilder, WorkerGuard};

pub use filter::{BadFilter, Filter, parse};
pub use writer::lost;

/// Lines that wait for a slow reader, before further ones are lost.
const WAITING: usize = 8192;

/// Writes what `filter` lets through, until the guard is dropped. A second call in a process changes nothing.
#[must_use = "the log ends when the guard is dropped"]
pub fn start(filter: Filter) -> WorkerGuard {
    let builder = NonBlockingBuilder::default().lossy(true).buffered_lines_limit(WAITING);
    let (lines, guard) = builder.finish(writer::Counted(stderr()));
    writer::watch(lines.error_counter());
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(stderr().is_terminal())
        .log_internal_errors(false)
        .with_writer(lines)
        .try_init();
    guard
}
