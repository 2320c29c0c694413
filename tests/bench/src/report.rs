//! All figures, as text and as JSON.

use std::fmt;
use std::time::{Duration, Instant};

use anyhow::Result;
use serde::Serialize;

use crate::board::Board;
use crate::cpu;
use crate::members::Members;

/// All figures.
#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// The Linux node.
    pub linux: Vec<Rate>,
    /// Twenty Linux nodes.
    pub members: Option<Members>,
    /// The board.
    pub board: Option<Board>,
}

/// Round trips of one kind.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Rate {
    /// The request.
    pub what: &'static str,
    /// How many requests were under way together.
    pub at_once: usize,
    /// Round trips each second.
    pub per_second: f64,
    /// Processor time of the daemons for each, in microseconds.
    pub daemon_micros: f64,
    /// Processor time of this process for each: the client, and the component where there is one.
    pub client_micros: f64,
}

impl Rate {
    /// The rate of `count` round trips in `time`.
    pub fn new(what: &'static str, at_once: usize, count: u64, time: Times) -> Self {
        let each = |time: Duration| time.as_secs_f64() * 1e6 / count as f64;
        Self {
            what,
            at_once,
            per_second: count as f64 / time.wall.as_secs_f64(),
            daemon_micros: each(time.daemons),
            client_micros: each(time.client),
        }
    }
}

/// Time that passed, and processor time that was used.
#[derive(Clone, Copy)]
pub struct Times {
    pub wall: Duration,
    pub daemons: Duration,
    pub client: Duration,
}

/// Measures [`Times`].
pub struct Stopwatch {
    started: Instant,
    daemons: Duration,
    client: Duration,
}

impl Stopwatch {
    /// Starts to measure the daemons with these process ids, and this process.
    pub fn start(daemons: &[u32]) -> Result<Self> {
        let client = cpu::used(std::process::id())?;
        Ok(Self { started: Instant::now(), daemons: cpu::used_by(daemons)?, client })
    }

    pub const fn started(&self) -> Instant {
        self.started
    }

    /// The times since the start.
    pub fn stop(self, daemons: &[u32]) -> Result<Times> {
        Ok(Times {
            wall: self.started.elapsed(),
            daemons: cpu::used_by(daemons)? - self.daemons,
            client: cpu::used(std::process::id())? - self.client,
        })
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.linux.is_empty() {
            writeln!(
                f,
                "{:<52}{:>8}{:>12}{:>14}{:>14}",
                "Linux, loopback", "at once", "per second", "daemons' CPU", "client's CPU"
            )?;
            for rate in &self.linux {
                let Rate { what, at_once, per_second, daemon_micros, client_micros } = rate;
                writeln!(
                    f,
                    "{what:<52}{at_once:>8}{per_second:>12.0}{daemon_micros:>11.1} us{client_micros:>11.1} us"
                )?;
            }
        }
        self.members.iter().try_for_each(|members| members.fmt(f))?;
        self.board.iter().try_for_each(|board| board.fmt(f))
    }
}
