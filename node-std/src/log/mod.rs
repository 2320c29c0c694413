//! The log of the daemon, on its standard error, and its last lines in memory.
//!
//! A log that cannot be written, or whose reader does not keep up, never stops the node: lines are lost and counted.

mod filter;
mod reader;
mod recorder;
mod ring;
mod writer;

use std::io::{IsTerminal, stderr};
use std::sync::{Arc, LazyLock};

use tracing_appender::non_blocking::{NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::fmt;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

pub use filter::{BadFilter, Filter, parse};
pub use reader::Reader;
pub use recorder::Recorder;
pub use ring::Ring;
pub use writer::lost;

/// Lines that wait for a slow reader, before further ones are lost.
const WAITING: usize = 8192;

/// The last lines of this process.
static RING: LazyLock<Arc<Ring>> = LazyLock::new(|| Arc::new(Ring::new()));

/// Writes what `filter` lets through, until the guard is dropped, and [records](recorder()) it. A second call in a process changes
/// nothing.
#[must_use = "the log ends when the guard is dropped"]
pub fn start(filter: Filter) -> WorkerGuard {
    let builder = NonBlockingBuilder::default().lossy(true).buffered_lines_limit(WAITING);
    let (lines, guard) = builder.finish(writer::Counted(stderr()));
    writer::watch(lines.error_counter());
    let written =
        fmt::layer().with_ansi(stderr().is_terminal()).log_internal_errors(false).with_writer(lines);
    let _ = tracing_subscriber::registry().with(filter).with(written).with(recorder()).try_init();
    guard
}

/// The last lines of this process, as other nodes and operators read them.
#[must_use]
pub fn ring() -> Arc<Ring> {
    Arc::clone(&RING)
}

/// A layer that records lines for them. An application that sets up its own subscriber of `tracing` adds this layer to it;
/// otherwise its node shows no log to the others.
#[must_use]
pub fn recorder() -> Recorder {
    Recorder { ring: ring() }
}
