//! Processor time of processes.

use std::fs;
use std::ops::{AddAssign, Sub};
use std::time::Duration;

use anyhow::{Context as _, Result};

/// Processor time that the process has used since it started, user and system together, to 10 ms.
///
/// # Errors
///
/// There is no such process.
pub fn used(pid: u32) -> Result<Duration> {
    let [user, system] = ticks(pid)?;
    Ok(user + system)
}

/// Processor time of all of them.
///
/// # Errors
///
/// One has ended.
pub fn used_by(pids: &[u32]) -> Result<Duration> {
    pids.iter().map(|pid| used(*pid)).sum()
}

/// Processor time of processes, precisely.
#[derive(Clone, Copy, Default)]
pub struct Precise {
    /// To a nanosecond: user and system together.
    pub total: Duration,
    /// To 10 ms for each process: the part that is spent in the system.
    pub system: Duration,
}

impl Precise {
    /// The time that these processes have used. It lacks that of threads that have ended.
    ///
    /// # Errors
    ///
    /// One has ended.
    pub fn of(pids: &[u32]) -> Result<Self> {
        let mut sum = Self::default();
        for pid in pids {
            let [_, system] = ticks(*pid)?;
            sum += Self { total: threads(*pid)?, system };
        }
        Ok(sum)
    }
}

impl AddAssign for Precise {
    fn add_assign(&mut self, more: Self) {
        self.total += more.total;
        self.system += more.system;
    }
}

impl Sub for Precise {
    type Output = Self;

    fn sub(self, before: Self) -> Self {
        Self {
            total: self.total.saturating_sub(before.total),
            system: self.system.saturating_sub(before.system),
        }
    }
}

/// User and system time.
fn ticks(pid: u32) -> Result<[Duration; 2]> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).with_context(|| format!("process {pid}"))?;
    // The second field is a name in brackets, which may hold anything.
    let (_, fields) = stat.rsplit_once(") ").context("/proc/PID/stat")?;
    let fields: Vec<_> = fields.split(' ').collect();
    let second = rustix::param::clock_ticks_per_second() as f64;
    let time = |ticks: &str| anyhow::Ok(Duration::from_secs_f64(ticks.parse::<u64>()? as f64 / second));
    Ok([time(fields[11])?, time(fields[12])?])
}

/// The sum over the threads that run.
fn threads(pid: u32) -> Result<Duration> {
    let mut nanos = 0;
    for thread in fs::read_dir(format!("/proc/{pid}/task")).with_context(|| format!("process {pid}"))? {
        // A thread may end meanwhile.
        let Ok(times) = fs::read_to_string(thread?.path().join("schedstat")) else { continue };
        nanos += times.split(' ').next().context("schedstat")?.parse::<u64>()?;
    }
    Ok(Duration::from_nanos(nanos))
}
