//! What is to happen in a scenario, by time.

use std::collections::BTreeMap;

use node_core::time::Instant;

use crate::scenario::{Action, Scenario, seconds};

/// A thing to do.
#[derive(Clone, Copy, Debug)]
pub enum Step {
    /// What the scenario says.
    Do(Action),
    /// A host starts again, forgetting its incarnation or not.
    Start(usize, bool),
    /// A host stands still for a random while, if it runs.
    Pause(usize, Action),
    /// A paused host goes on, and it or another one stands still next.
    Resume(usize, Action),
    /// The network becomes whole.
    Heal,
}

/// Steps by time; those of one time in the order in which they were added.
#[derive(Default)]
pub struct Agenda {
    steps: BTreeMap<(Instant, u64), Step>,
    sequence: u64,
}

impl Agenda {
    /// What a scenario says, from `start` on.
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

    /// Whether nothing is left to do, be it after the end.
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
