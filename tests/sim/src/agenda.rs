//! The events of a scenario, by time.

use std::collections::BTreeMap;

use node_core::time::Instant;

use crate::scenario::{Action, Scenario, seconds};

/// A step of the play.
#[derive(Clone, Copy, Debug)]
pub enum Step {
    /// An action of the scenario.
    Do(Action),
    /// A host starts again.
    Start {
        /// The host.
        at: usize,
        /// Whether it forgot its incarnation.
        forget: bool,
    },
    /// A host is paused for a random while, if it runs.
    Pause(usize, Action),
    /// A paused host goes on, and it or another one is paused next.
    Resume(usize, Action),
    /// The network heals.
    Heal,
}

/// Steps by time. Steps of one time keep the order in which they were added.
#[derive(Default)]
pub struct Agenda {
    steps: BTreeMap<(Instant, u64), Step>,
    sequence: u64,
}

impl Agenda {
    /// The events of a scenario, from `start` on.
    #[must_use]
    pub fn of(scenario: &Scenario, start: Instant) -> Self {
        let mut agenda = Self::default();
        for event in &scenario.events {
            for nth in 0..event.times {
                let at = seconds(event.at + f64::from(nth) * event.every);
                agenda.add(start + at, Step::Do(event.action));
            }
        }
        agenda
    }

    /// Adds a step.
    pub fn add(&mut self, at: Instant, step: Step) {
        self.sequence += 1;
        self.steps.insert((at, self.sequence), step);
    }

    /// Whether no step is left, not even after the end.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.steps.is_empty()
    }

    /// The next step until `end`.
    pub fn next(&mut self, end: Instant) -> Option<(Instant, Step)> {
        let entry = self.steps.first_entry().filter(|entry| entry.key().0 <= end)?;
        let ((at, _), step) = entry.remove_entry();
        Some((at, step))
    }
}
