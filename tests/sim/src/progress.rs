//! How far a play is, for people who wait.

use std::io::{IsTerminal as _, stderr};

use indicatif::{ProgressBar, ProgressStyle};

/// Enough for a bar of any width.
const STEPS: f64 = 1000.0;

/// A bar that is shown to people only.
#[must_use]
pub fn bar(what: &str) -> ProgressBar {
    if !stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(STEPS as u64);
    if let Ok(style) = ProgressStyle::with_template("{prefix} {wide_bar} {percent}% {eta}") {
        bar.set_style(style);
    }
    bar.set_prefix(what.to_owned());
    bar
}

/// Shows which share is over.
pub fn show(bar: &ProgressBar, share: f64) {
    bar.set_position((share * STEPS) as u64);
}
