//! Processor time of processes, user and system together.

use std::fs;
use std::time::Duration;

use anyhow::{Context as _, Result};

/// Processor time that the process has used since it started, to 10 ms.
///
/// # Errors
///
/// There is no such process.
pub fn used(pid: u32) -> Result<Duration> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).with_context(|| format!("process {pid}"))?;
    // The second field is a name in brackets, which may hold anything.
    let (_, fields) = stat.rsplit_once(") ").context("/proc/PID/stat")?;
    let fields: Vec<_> = fields.split(' ').collect();
    let ticks: u64 = fields[11].parse::<u64>()? + fields[12].parse::<u64>()?;
    Ok(Duration::from_secs_f64(ticks as f64 / rustix::param::clock_ticks_per_second() as f64))
}

/// Processor time of all of them.
///
/// # Errors
///
/// One has ended.
pub fn used_by(pids: &[u32]) -> Result<Duration> {
    pids.iter().map(|pid| used(*pid)).sum()
}
