//! Shows how far a play is: a bar, or a line now and then where no bar can be drawn.

use core::time::Duration;
use std::io::{IsTerminal as _, stderr};
use std::time::Instant;

use indicatif::{ProgressBar, ProgressStyle};

/// Steps of the bar, enough for any width.
const STEPS: f64 = 1000.0;
/// The time between two lines.
const LINE_INTERVAL: Duration = Duration::from_secs(30);

/// Shows how far something is.
pub struct Progress {
    what: String,
    bar: Option<ProgressBar>,
    said_at: Instant,
}

impl Progress {
    /// The progress of `what`.
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

    /// Shows the share that is over.
    pub fn show(&mut self, share: f64) {
        match &self.bar {
            Some(bar) => bar.set_position((share * STEPS) as u64),
            None if self.said_at.elapsed() >= LINE_INTERVAL => {
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
