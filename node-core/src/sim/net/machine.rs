//! A machine: whether it runs, how fast, and the work that waits for it.

use std::collections::VecDeque;
use std::prelude::rust_2024::*;

use super::Work;
use super::traffic::Traffic;
use crate::time::{Duration, Instant};

/// Datagrams that wait for a process. Further ones are dropped, as a kernel does.
const MAX_DATAGRAMS: usize = 256;

/// A machine and the one process on it.
pub(super) struct Machine {
    /// It has power: a dial to a process that does not run is refused, not lost.
    pub(super) powered: bool,
    pub(super) running: bool,
    /// The process is stopped, its kernel is not.
    pub(super) paused: bool,
    /// When the process was last resumed.
    pub(super) resumed_at: Instant,
    /// How long the process takes for each event.
    pub(super) effort: Duration,
    /// Counts processes: an answer to an earlier one is void.
    pub(super) life: u32,
    /// The time that the process set its timer to.
    pub(super) wake_at: Instant,
    /// The earliest alarm in the queue.
    pub(super) alarm_at: Instant,
    /// Work that the process has not handled yet.
    pub(super) backlog: VecDeque<Work>,
    /// A turn of the process is scheduled.
    pub(super) turn: bool,
    /// Links that it has an end of.
    pub(super) links: Vec<u32>,
    pub(super) traffic: Traffic,
}

/// No alarm is set.
pub(super) const NEVER: Instant = Instant::from_micros(u64::MAX);

impl Machine {
    pub(super) const fn new() -> Self {
        Self {
            powered: true,
            running: false,
            paused: false,
            resumed_at: Instant::START,
            effort: Duration::ZERO,
            life: 0,
            wake_at: NEVER,
            alarm_at: NEVER,
            backlog: VecDeque::new(),
            turn: false,
            links: Vec::new(),
            traffic: Traffic::NONE,
        }
    }

    /// Whether its peers hear nothing, though links to it seem to be up.
    pub(super) const fn is_unresponsive(&self) -> bool {
        !self.powered || self.paused
    }

    /// Whether the process handles an event immediately.
    pub(super) fn is_prompt(&self) -> bool {
        !self.paused && self.effort.is_zero() && self.backlog.is_empty()
    }

    pub(super) fn enqueue(&mut self, work: Work) {
        if work.is_datagram() {
            let waiting = self.backlog.iter().filter(|work| work.is_datagram()).count();
            if waiting >= MAX_DATAGRAMS {
                return;
            }
        }
        self.backlog.push_back(work);
    }

    /// Ends the process and drops its backlog.
    pub(super) fn stop(&mut self) {
        self.running = false;
        self.paused = false;
        self.life += 1;
        self.wake_at = NEVER;
        self.backlog.clear();
    }
}
