//! How far a play is, for people who wait: a bar, or where none can be drawn a line now and then.

use core::time::Duration;
use std::io::{IsTerminal as _, stderr};
use std::time::Instant;

use indicatif::{ProgressBar, ProgressStyle};

/// Enough for a bar of any width.
const STEPS: f64 = 1000.0;
/// Between two lines.
const PAUSE: Duration = Duration::from_secs(30);

/// Shows how far something is.
pub struct Progress {
    what: String,
    bar: Option<ProgressBar>,
    said_at: Instant,
}

impl Progress {
    /// Of what it is shown.
    #[must_use]
    pub fn of(what: &str) -> Self {
        let bar = stderr().is_terminal().then(|| ProgressBar::new(STEPS as u64));
        if let Some(bar) = &bar {
            if let Ok(style) = ProgressStyle::with_template("{prefix} {wide_bar} {percent}% {eta}") {
                bar.set_style(style);
            }
            bar.set_prefix(what.to_owned());
        }
        Self { what: what.to_owned(), bar, said_at: Instant::now() }
    }

    /// Shows which share is over.
    pub fn show(&mut self, share: f64) {
        match &self.bar {
            Some(bar) => bar.set_position((share * STEPS) as u64),
            None if self.said_at.elapsed() >= PAUSE => {
                eprintln!("{}: {:.0} %", self.what, share * 100.0);
                self.said_at = Instant::now();
            }
            None => {}
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
