//! Reads lines of the [`Ring`].

use std::sync::Arc;

use node_core::rpc::{LogItem, LogRequest};
use tokio::sync::watch;

use super::ring::Ring;
use crate::clock::unix_millis;

/// Bytes that are taken at once, about.
const BATCH: usize = 16 * 1024;

/// Reads the lines that a request asks for. A reader that is too slow loses lines, and learns how many.
#[derive(Debug)]
pub struct Reader {
    ring: Arc<Ring>,
    changed: watch::Receiver<()>,
    request: LogRequest,
    /// In Unix milliseconds.
    not_before: u64,
    next: u64,
    /// The last line that is meant, unless new ones follow.
    end: Option<u64>,
}

impl Reader {
    /// Reads what `request` asks for.
    #[must_use]
    pub fn new(ring: Arc<Ring>, request: LogRequest) -> Self {
        let changed = ring.changed.subscribe();
        let (first, last) = {
            let lines = ring.lock();
            (lines.first(), lines.last())
        };
        let (age, after) = (request.max_age_ms, request.after.saturating_add(1));
        Self {
            ring,
            changed,
            not_before: age.map_or(0, |age| unix_millis().saturating_sub(age)),
            // Who asks by time misses no numbers.
            next: if age.is_some() { first.max(after) } else { after },
            end: (!request.follow).then_some(last),
            request,
        }
    }

    /// The next items, one after the other; `None` at the end. Waits for lines if they are to follow. It can be dropped
    /// at any time without losing a line.
    pub async fn next(&mut self) -> Option<Vec<u8>> {
        loop {
            self.changed.mark_unchanged();
            let items = self.take();
            if !items.is_empty() {
                return Some(items);
            }
            if self.end.is_some() || self.changed.changed().await.is_err() {
                return None;
            }
        }
    }

    /// The number up to which lines were looked at.
    #[must_use]
    pub const fn position(&self) -> u64 {
        self.next - 1
    }

    fn take(&mut self) -> Vec<u8> {
        let mut items = Vec::new();
        let lines = self.ring.lock();
        let lost = lines.first().saturating_sub(self.next);
        if lost > 0 {
            self.next = lines.first();
            items = postcard::to_extend(&LogItem::Lost(lost), items).unwrap_or_default();
        }
        let end = self.end.unwrap_or(u64::MAX);
        for (number, kept) in lines.from(self.next).take_while(|(number, _)| *number <= end) {
            self.next = number + 1;
            if kept.level <= self.request.level && kept.at >= self.not_before {
                items.extend_from_slice(&kept.item);
            }
            if items.len() >= BATCH {
                break;
            }
        }
        items
    }
}

#[cfg(test)]
mod tests {
    use node_core::rpc::LogLevel;

    use super::super::ring::Line;
    use super::*;

    fn say(ring: &Ring, level: LogLevel, message: &str) {
        ring.push(Line { level, at: unix_millis(), target: "t", message, fields: &[] });
    }

    /// The messages among items, and `-N` for N lost lines.
    fn read(mut items: &[u8]) -> Vec<String> {
        let mut texts = Vec::new();
        while !items.is_empty() {
            let (item, rest) = postcard::take_from_bytes(items).unwrap();
            items = rest;
            texts.push(match item {
                LogItem::Lost(lost) => format!("-{lost}"),
                LogItem::Line(line) => line.message.to_owned(),
                LogItem::Until(_) => panic!("only a stream between nodes has it"),
            });
        }
        texts
    }

    async fn all(ring: &Arc<Ring>, request: LogRequest) -> Vec<String> {
        let mut reader = Reader::new(Arc::clone(ring), LogRequest { follow: false, ..request });
        let mut texts = Vec::new();
        while let Some(items) = reader.next().await {
            texts.extend(read(&items));
        }
        texts
    }

    #[tokio::test]
    async fn lines_are_chosen_by_number_and_level_and_age() {
        let ring = Arc::new(Ring::new());
        assert!(all(&ring, LogRequest::ALL).await.is_empty());
        say(&ring, LogLevel::Warn, "one");
        say(&ring, LogLevel::Debug, "two");
        say(&ring, LogLevel::Error, "three");
        assert_eq!(all(&ring, LogRequest::ALL).await, ["one", "two", "three"]);
        assert_eq!(all(&ring, LogRequest { after: 1, ..LogRequest::ALL }).await, ["two", "three"]);
        let graver = LogRequest { level: LogLevel::Warn, ..LogRequest::ALL };
        assert_eq!(all(&ring, graver).await, ["one", "three"]);
        ring.push(Line { level: LogLevel::Info, at: 0, target: "t", message: "old", fields: &[] });
        let young = LogRequest { max_age_ms: Some(60_000), ..LogRequest::ALL };
        assert_eq!(all(&ring, young).await, ["one", "two", "three"]);
    }

    #[tokio::test]
    async fn who_follows_gets_new_lines_and_who_does_not_ends() {
        let ring = Arc::new(Ring::new());
        say(&ring, LogLevel::Info, "one");
        let mut follower = Reader::new(Arc::clone(&ring), LogRequest::ALL);
        let mut other = Reader::new(Arc::clone(&ring), LogRequest { follow: false, ..LogRequest::ALL });
        assert_eq!(read(&follower.next().await.unwrap()), ["one"]);
        let (more, ()) = tokio::join!(follower.next(), async { say(&ring, LogLevel::Info, "two") });
        assert_eq!(read(&more.unwrap()), ["two"]);
        assert_eq!(read(&other.next().await.unwrap()), ["one"]);
        assert!(other.next().await.is_none());
    }

    #[tokio::test]
    async fn who_is_too_slow_learns_how_much_it_lost() {
        let ring = Arc::new(Ring::new());
        let mut reader = Reader::new(Arc::clone(&ring), LogRequest::ALL);
        let text = "x".repeat(100);
        for _ in 0..10_000 {
            say(&ring, LogLevel::Info, &text);
        }
        let first = ring.lock().first();
        let texts = read(&reader.next().await.unwrap());
        assert_eq!((&texts[0], &texts[1]), (&format!("-{}", first - 1), &text));
        let mut got = texts.len() - 1;
        while got < usize::try_from(10_001 - first).unwrap() {
            got += read(&reader.next().await.unwrap()).len();
        }
        // What nobody asked for is not lost.
        let young = LogRequest { max_age_ms: Some(60_000), ..LogRequest::ALL };
        assert_eq!(all(&ring, young).await.len(), got);
    }
}
