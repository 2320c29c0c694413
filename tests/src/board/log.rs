//! What a board says: defmt frames from QEMU's standard output, decoded while they come.

use std::collections::VecDeque;
use std::io::{BufRead as _, BufReader, Read};
use std::process::{ChildStderr, ChildStdout};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use defmt_decoder::{DecodeError, Frame, Table};

use super::Program;

/// Lines that are kept; older ones are dropped.
const KEPT: usize = 10_000;
/// Lines that an error message shows.
const SHOWN: usize = 20;

/// A place in the log of one start; the default is its beginning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mark(usize);

/// The log of one start of a board.
pub(super) struct Log {
    shared: Arc<Shared>,
    readers: Vec<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    lines: VecDeque<String>,
    dropped: usize,
    ended: bool,
}

impl Log {
    /// Reads until QEMU closes its end; QEMU's own complaints become lines too.
    pub(super) fn follow(program: &Program, out: Option<ChildStdout>, err: Option<ChildStderr>) -> Self {
        let shared = Arc::new(Shared::default());
        let mut readers = Vec::new();
        if let Some(err) = err {
            let shared = Arc::clone(&shared);
            readers.push(thread::spawn(move || {
                for line in BufReader::new(err).lines().map_while(Result::ok) {
                    shared.push(format!("qemu: {line}"));
                }
            }));
        }
        if let Some(out) = out {
            let shared = Arc::clone(&shared);
            let table = program.table();
            readers.push(thread::spawn(move || {
                decode(&table, out, |line| shared.push(line));
                shared.lock().ended = true;
                shared.changed.notify_all();
            }));
        }
        Self { shared, readers }
    }

    /// Waits for the last lines of a QEMU that has ended.
    pub(super) fn finish(&mut self) {
        for reader in self.readers.drain(..) {
            // A reader that panicked has printed why.
            let _ = reader.join();
        }
    }

    pub(super) fn mark(&self) -> Mark {
        self.shared.lock().end()
    }

    pub(super) fn lines_after(&self, mark: Mark) -> (Vec<String>, Mark) {
        let state = self.shared.lock();
        (state.after(mark).cloned().collect(), state.end())
    }

    pub(super) fn wait(&self, mark: Mark, pattern: &str, within: Duration) -> Result<String> {
        let mut unseen = mark;
        let mut found = None;
        let state = self.shared.wait_until(within, |state| {
            found = state.after(unseen).find(|line| line.contains(pattern)).cloned();
            unseen = state.end();
            found.is_some() || state.ended
        });
        match found {
            Some(line) => Ok(line),
            None if state.ended => bail!("the board ended without saying {pattern:?}{}", state.tail()),
            None => bail!("the board did not say {pattern:?} within {within:?}{}", state.tail()),
        }
    }

    pub(super) fn wait_for_end(&self, within: Duration) -> Result<()> {
        let state = self.shared.wait_until(within, |state| state.ended);
        if !state.ended {
            bail!("the board did not end within {within:?}{}", state.tail());
        }
        Ok(())
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // The lines are whole whoever panicked while holding them.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, line: String) {
        let mut state = self.lock();
        if state.lines.len() == KEPT {
            state.lines.pop_front();
            state.dropped += 1;
        }
        state.lines.push_back(line);
        self.changed.notify_all();
    }

    fn wait_until(&self, within: Duration, mut done: impl FnMut(&State) -> bool) -> MutexGuard<'_, State> {
        let deadline = Instant::now() + within;
        let mut state = self.lock();
        while !done(&state) {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        state
    }
}

impl State {
    fn end(&self) -> Mark {
        Mark(self.dropped + self.lines.len())
    }

    fn after(&self, mark: Mark) -> impl Iterator<Item = &String> {
        self.lines.iter().skip(mark.0.saturating_sub(self.dropped))
    }

    fn tail(&self) -> String {
        if self.lines.is_empty() {
            return "; it said nothing".into();
        }
        let skipped = self.lines.len().saturating_sub(SHOWN);
        self.lines.iter().skip(skipped).fold("; its last lines:".into(), |text, line| text + "\n  " + line)
    }
}

/// Decodes frames until `bytes` ends. Bytes that are no frame become a line that says so.
fn decode(table: &Table, mut bytes: impl Read, mut line: impl FnMut(String)) {
    let mut decoder = table.new_stream_decoder();
    let mut buffer = [0; 4096];
    loop {
        match bytes.read(&mut buffer) {
            Ok(0) | Err(_) => return,
            Ok(length) => decoder.received(&buffer[..length]),
        }
        loop {
            match decoder.decode() {
                Ok(frame) => line(text(&frame)),
                Err(DecodeError::UnexpectedEof) => break,
                Err(DecodeError::Malformed) => {
                    line("(not a log frame)".into());
                    if !table.encoding().can_recover() {
                        return;
                    }
                }
            }
        }
    }
}

fn text(frame: &Frame<'_>) -> String {
    let time = frame.display_timestamp().map(|time| time.to_string()).unwrap_or_default();
    let level = frame.level().map_or("", |level| level.as_str());
    format!("{time} {level} {}", frame.display_message())
}
