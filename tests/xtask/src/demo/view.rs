//! The live view: events scroll by, and below them the step, the members and the requests are kept up to date. Without a
//! terminal the view is plain lines.

use std::io::IsTerminal as _;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use console::style;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

/// The screen.
pub struct View {
    screen: MultiProgress,
    step: ProgressBar,
    footer: Mutex<Vec<ProgressBar>>,
    is_terminal: bool,
    started: Instant,
}

impl View {
    /// An empty one on standard output.
    pub fn new() -> Self {
        let screen = MultiProgress::with_draw_target(ProgressDrawTarget::stdout());
        let step = screen.add(ProgressBar::new_spinner());
        if let Ok(style) = ProgressStyle::with_template("\n{spinner:.cyan} {msg:.bold}") {
            step.set_style(style);
        }
        step.enable_steady_tick(Duration::from_millis(100));
        let is_terminal = std::io::stdout().is_terminal();
        Self { screen, step, footer: Mutex::default(), is_terminal, started: Instant::now() }
    }

    /// A step begins.
    pub fn step(&self, title: &str) {
        self.step.set_message(title.to_owned());
        self.line(&format!("\n{} {}", self.time(), style(title).bold().cyan()));
    }

    /// Prints an event.
    pub fn say(&self, what: &str) {
        self.line(&format!("{} {what}", self.time()));
    }

    /// Prints the output of a program.
    pub fn quote(&self, text: &str) {
        text.lines().for_each(|line| self.line(&format!("         {line}")));
    }

    /// Replaces the lines at the foot of the screen.
    pub fn show(&self, lines: &[String]) {
        if !self.is_terminal {
            return;
        }
        let mut footer = self.footer.lock().unwrap_or_else(PoisonError::into_inner);
        while footer.len() < lines.len() {
            let bar = self.screen.add(ProgressBar::new_spinner());
            if let Ok(style) = ProgressStyle::with_template("  {msg}") {
                bar.set_style(style);
            }
            footer.push(bar);
        }
        footer.iter().zip(lines).for_each(|(bar, line)| bar.set_message(line.clone()));
    }

    /// Whether [`show`](Self::show) shows anything.
    pub fn is_live(&self) -> bool {
        self.is_terminal
    }

    /// Leaves the events on the screen, and removes the rest.
    pub fn close(self) {
        // A bar that is not finished clears its lines when it is dropped, whatever stands there by then.
        let footer = self.footer.into_inner().unwrap_or_else(PoisonError::into_inner);
        footer.iter().for_each(ProgressBar::finish_and_clear);
        self.step.finish_and_clear();
        // A screen that is gone needs no clearing.
        let _ = self.screen.clear();
    }

    /// Since the start.
    pub fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    fn time(&self) -> console::StyledObject<String> {
        style(format!("{:7.2}s", self.elapsed().as_secs_f64())).dim()
    }

    fn line(&self, text: &str) {
        if self.is_terminal {
            let _ = self.screen.println(text);
        } else {
            println!("{text}");
        }
    }
}
