//! The last lines of the log in memory, for those who [read](super::Reader) them over the network.
//!
//! Lines are kept as they travel. A writer never waits for a reader: what is too old is dropped, and a reader that comes too
//! late hears how many lines it lost.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use node_core::rpc::{LogItem, LogLevel, LogLine, LogTime};
use tokio::sync::watch;

/// Memory for lines, in bytes.
const MEMORY: usize = 256 * 1024;
/// What a line takes beside its text, about.
const OVERHEAD: usize = 64;

/// The last lines of a log, 256 KiB of them.
#[derive(Debug)]
pub struct Ring {
    lines: Mutex<Lines>,
    /// Wakes the readers.
    pub(super) changed: watch::Sender<()>,
}

/// A line that is kept.
#[derive(Clone, Debug)]
pub(super) struct Kept {
    pub(super) level: LogLevel,
    /// In Unix milliseconds.
    pub(super) at: u64,
    /// A [`LogItem`].
    pub(super) item: Bytes,
}

/// A line that comes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line<'l> {
    pub(super) level: LogLevel,
    /// In Unix milliseconds.
    pub(super) at: u64,
    pub(super) target: &'l str,
    pub(super) message: &'l str,
    pub(super) fields: &'l [u8],
}

#[derive(Debug, Default)]
pub(super) struct Lines {
    kept: VecDeque<Kept>,
    bytes: usize,
    /// The number of the last line, 0 before the first.
    last: u64,
}

impl Ring {
    pub(super) fn new() -> Self {
        Self { lines: Mutex::default(), changed: watch::Sender::new(()) }
    }

    pub(super) fn push(&self, line: Line<'_>) {
        self.lock().push(line);
        // Not under the lock: what wakes may log.
        self.changed.send_replace(());
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Lines> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lines {
    fn push(&mut self, Line { level, at, target, message, fields }: Line<'_>) {
        self.last += 1;
        let line = LogLine { number: self.last, time: LogTime::Unix(at), level, target, message, fields };
        // It always fits a growing buffer. An empty item would be no item.
        let item = postcard::to_extend(&LogItem::Line(line), Vec::new()).unwrap_or_default();
        self.bytes += item.len() + OVERHEAD;
        self.kept.push_back(Kept { level, at, item: item.into() });
        while self.bytes > MEMORY
            && let Some(oldest) = self.kept.pop_front()
        {
            self.bytes -= oldest.item.len() + OVERHEAD;
        }
    }

    /// The number of the last line, 0 before the first.
    pub(super) const fn last(&self) -> u64 {
        self.last
    }

    /// The number of the first line that is kept.
    pub(super) fn first(&self) -> u64 {
        self.last + 1 - self.kept.len() as u64
    }

    /// The lines from this number on, and their numbers.
    pub(super) fn from(&self, number: u64) -> impl Iterator<Item = (u64, &Kept)> {
        let first = self.first();
        let skipped = usize::try_from(number.saturating_sub(first)).unwrap_or(usize::MAX);
        (first..).zip(&self.kept).skip(skipped)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(message: &str) -> Line<'_> {
        Line { level: LogLevel::Info, at: 0, target: "t", message, fields: &[] }
    }

    #[test]
    fn the_newest_lines_stay_and_the_memory_is_bounded() {
        let ring = Ring::new();
        let text = "x".repeat(1000);
        for _ in 0..2000 {
            ring.push(line(&text));
        }
        let lines = ring.lock();
        let bytes: usize = lines.kept.iter().map(|kept| kept.item.len() + OVERHEAD).sum();
        assert!(bytes == lines.bytes && (MEMORY - 2000..=MEMORY).contains(&bytes), "{bytes}");
        assert_eq!(lines.last(), 2000);
        let numbers: Vec<u64> = lines.from(0).map(|(number, _)| number).collect();
        assert!(numbers.iter().copied().eq(lines.first()..=2000));
        for (number, kept) in lines.from(1999) {
            let LogItem::Line(line) = postcard::from_bytes(&kept.item).unwrap() else { panic!("no line") };
            assert_eq!((line.number, line.message), (number, text.as_str()));
        }
        assert_eq!(lines.from(2001).count() + lines.from(u64::MAX).count(), 0);
    }

    #[test]
    fn an_empty_ring_has_no_lines() {
        let ring = Ring::new();
        let lines = ring.lock();
        assert_eq!((lines.first(), lines.last(), lines.from(0).count()), (1, 0, 0));
    }
}
