//! The log of a program, kept line by line while it runs, so that a test can wait for a line.

use std::collections::VecDeque;
use std::io::{BufRead as _, BufReader, Read};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::wait::given_up;

/// Lines that are kept; older ones are dropped.
const KEPT: usize = 10_000;
/// Lines that an error message shows.
const SHOWN: usize = 20;
/// How soon a wait notices that it was given up.
const POLL: Duration = Duration::from_millis(200);

/// A place in the log of one start; the default is its beginning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mark(usize);

/// The log of one start of a program. It has ended when the program closed all of its outputs.
pub struct Log {
    who: String,
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
    open: usize,
}

impl Log {
    /// The empty log of `who`, which is how errors name it.
    pub fn of(who: &str) -> Self {
        Self { who: who.to_owned(), shared: Arc::default(), readers: Vec::new() }
    }

    /// Adds the lines of `source`, each after `prefix`, until it closes.
    pub fn follow(&mut self, prefix: &'static str, source: impl Read + Send + 'static) {
        self.follow_with(move |line| {
            for text in BufReader::new(source).lines().map_while(Result::ok) {
                line(format!("{prefix}{text}"));
            }
        });
    }

    /// Adds the lines that `read` finds, until it returns.
    pub fn follow_with(&mut self, read: impl FnOnce(&mut dyn FnMut(String)) + Send + 'static) {
        self.shared.lock().open += 1;
        let shared = Arc::clone(&self.shared);
        self.readers.push(thread::spawn(move || {
            read(&mut |line| shared.push(line));
            shared.lock().open -= 1;
            shared.changed.notify_all();
        }));
    }

    /// Waits for the last lines of a program that has ended.
    pub fn finish(&mut self) {
        for reader in self.readers.drain(..) {
            // A reader that panicked has printed why.
            let _ = reader.join();
        }
    }

    /// The end of the log as it is now.
    pub fn mark(&self) -> Mark {
        self.shared.lock().end()
    }

    /// The lines after `mark`, as far as they are kept, and where they end.
    pub fn lines_after(&self, mark: Mark) -> (Vec<String>, Mark) {
        let state = self.shared.lock();
        (state.after(mark).cloned().collect(), state.end())
    }

    /// The last lines, for an error message.
    pub fn tail(&self) -> String {
        self.shared.lock().tail()
    }

    /// The first line after `mark` that contains `pattern`, waiting for it if need be.
    pub fn wait(&self, mark: Mark, pattern: &str, within: Duration) -> Result<String> {
        let who = &self.who;
        let mut unseen = mark;
        let mut found = None;
        let state = self.shared.wait_until(within, |state| {
            found = state.after(unseen).find(|line| line.contains(pattern)).cloned();
            unseen = state.end();
            found.is_some() || state.open == 0
        });
        match found {
            Some(line) => Ok(line),
            None if state.open == 0 => bail!("{who} ended without saying {pattern:?}{}", state.tail()),
            None => bail!("{who} did not say {pattern:?} within {within:?}{}", state.tail()),
        }
    }

    /// Waits until the program closed its outputs.
    pub fn wait_for_end(&self, within: Duration) -> Result<()> {
        let state = self.shared.wait_until(within, |state| state.open == 0);
        if state.open != 0 {
            bail!("{} did not end within {within:?}{}", self.who, state.tail());
        }
        Ok(())
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // The lines are whole even when a thread panicked while it held them.
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
            if left.is_zero() || given_up() {
                break;
            }
            state =
                self.changed.wait_timeout(state, left.min(POLL)).unwrap_or_else(PoisonError::into_inner).0;
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
