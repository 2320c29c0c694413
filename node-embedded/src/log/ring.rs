//! The last lines of the log in memory, for hubs that ask for them. The firmware has one node, so there is one ring.

use core::cell::RefCell;
use core::fmt::{self, Write};
use core::task::Waker;

use embassy_sync::blocking_mutex::Mutex;
use embassy_sync::blocking_mutex::raw::CriticalSectionRawMutex;
use embassy_sync::waitqueue::WakerRegistration;
use node_core::rpc::LogLevel;

use crate::sizes::{LOG, LOG_LINE};

static RING: Mutex<CriticalSectionRawMutex, RefCell<Ring>> = Mutex::new(RefCell::new(Ring::NEW));

/// What stands before a line's text: its length, its level, and when it was written, in milliseconds since the start.
const HEAD: usize = 2 + 8;

const _: () = assert!(LOG_LINE <= u8::MAX as usize && HEAD + LOG_LINE <= LOG);

/// Adds a line. What exceeds [`LOG_LINE`] bytes is cut off.
///
/// Not inlined: each place that logs is small.
#[inline(never)]
pub(crate) fn record(level: LogLevel, message: fmt::Arguments<'_>) {
    let mut text = Text::default();
    // Formatted outside the lock, in which no interrupt comes through.
    let _ = text.write_fmt(message);
    let at = embassy_time::Instant::now().as_millis();
    RING.lock(|ring| ring.borrow_mut().push(level, at, &text.0));
}

/// A line of the ring.
pub(crate) struct Line {
    pub(crate) number: u64,
    pub(crate) level: LogLevel,
    /// In milliseconds since the start.
    pub(crate) at: u64,
    pub(crate) text: heapless::String<LOG_LINE>,
}

/// The number of the last line, 0 before the first.
pub(crate) fn last() -> u64 {
    RING.lock(|ring| ring.borrow().last)
}

/// The first line with this number or a larger one. Without one, `waker` hears of the next.
pub(crate) fn find(number: u64, waker: &Waker) -> Option<Line> {
    RING.lock(|ring| {
        let mut ring = ring.borrow_mut();
        let found = ring.find(number);
        if found.is_none() {
            ring.reader.register(waker);
        }
        found
    })
}

/// Text that is cut off where it is full.
#[derive(Default)]
struct Text(heapless::String<LOG_LINE>);

impl Write for Text {
    fn write_str(&mut self, piece: &str) -> fmt::Result {
        let room = piece.floor_char_boundary(LOG_LINE - self.0.len());
        let _ = self.0.push_str(piece.get(..room).unwrap_or_default());
        if room < piece.len() { Err(fmt::Error) } else { Ok(()) }
    }
}

struct Ring {
    /// Lines, one after the other.
    bytes: heapless::Deque<u8, LOG>,
    /// How many they are.
    lines: u64,
    last: u64,
    /// There is one.
    reader: WakerRegistration,
}

impl Ring {
    const NEW: Self =
        Self { bytes: heapless::Deque::new(), lines: 0, last: 0, reader: WakerRegistration::new() };

    fn push(&mut self, level: LogLevel, at: u64, text: &str) {
        while LOG - self.bytes.len() < HEAD + text.len() {
            let oldest = HEAD + self.bytes.front().copied().map_or(0, usize::from);
            for _ in 0..oldest {
                self.bytes.pop_front();
            }
            self.lines -= 1;
        }
        let length = u8::try_from(text.len()).unwrap_or(u8::MAX);
        let head = [length, level as u8].into_iter().chain(at.to_le_bytes());
        for byte in head.chain(text.bytes()) {
            // There is room.
            let _ = self.bytes.push_back(byte);
        }
        self.last += 1;
        self.lines += 1;
        self.reader.wake();
    }

    fn find(&self, number: u64) -> Option<Line> {
        let first = self.last - self.lines + 1;
        let number = number.max(first);
        if number > self.last {
            return None;
        }
        let mut bytes = self.bytes.iter().copied();
        for _ in first..number {
            let length = usize::from(bytes.next()?);
            bytes.nth(HEAD - 2 + length)?;
        }
        let (length, level) = (usize::from(bytes.next()?), bytes.next()?);
        let level = LogLevel::ALL.get(usize::from(level)).map_or(LogLevel::Trace, |(level, _)| *level);
        let mut at = [0; 8];
        for place in &mut at {
            *place = bytes.next()?;
        }
        let text = heapless::String::from_utf8(bytes.take(length).collect()).ok()?;
        Some(Line { number, level, at: u64::from_le_bytes(at), text })
    }
}

#[cfg(test)]
mod tests {
    use std::format;
    use std::string::String;
    use std::vec::Vec;

    use super::*;

    fn texts(ring: &Ring, mut number: u64) -> Vec<(u64, String)> {
        let mut texts = Vec::new();
        while let Some(line) = ring.find(number) {
            number = line.number + 1;
            texts.push((line.number, line.text.as_str().into()));
        }
        texts
    }

    #[test]
    fn the_newest_lines_stay() {
        let mut ring = Ring::NEW;
        assert!(ring.find(0).is_none());
        for number in 1..=1000_u64 {
            ring.push(LogLevel::Warn, number, &format!("line {number}"));
            let texts = texts(&ring, 0);
            assert_eq!(texts.last(), Some(&(number, format!("line {number}"))));
            assert!(texts.iter().all(|(number, text)| *text == format!("line {number}")));
            assert!(number < 60 || texts.len() >= LOG / (HEAD + "line 1000".len()) - 1);
        }
        let line = ring.find(1000).unwrap();
        assert_eq!((line.level, line.at), (LogLevel::Warn, 1000));
        assert_eq!(texts(&ring, 999).len(), 2);
        assert!(ring.find(1001).is_none());
    }

    #[test]
    fn a_line_that_is_too_long_is_cut_off_at_a_character() {
        let mut text = Text::default();
        assert!(text.write_fmt(format_args!("x{}", "ä".repeat(LOG_LINE))).is_err());
        assert!(text.0.len() >= LOG_LINE - 1 && text.0.chars().skip(1).all(|c| c == 'ä'));
    }
}
