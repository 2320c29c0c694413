//! Memory and open files.

use std::fs;

use anyhow::{Context as _, Result, ensure};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Bytes of memory that the process has now.
///
/// # Errors
///
/// There is no such process.
pub fn resident(pid: u32) -> Result<u64> {
    let map =
        fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).with_context(|| format!("process {pid}"))?;
    let line = map.lines().find_map(|line| line.strip_prefix("Rss:")).context("smaps_rollup")?;
    let kib = line.trim().strip_suffix(" kB").context("smaps_rollup")?;
    Ok(kib.parse::<u64>()? * 1024)
}

/// Lets this process, and those that it starts from now on, open so many files.
///
/// # Errors
///
/// The system does not allow so many.
pub fn allow_files(count: u64) -> Result<()> {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let most = maximum.unwrap_or(u64::MAX);
    ensure!(
        most >= count,
        "{count} open files are needed, and `ulimit -Hn` allows {most}: measure fewer connections"
    );
    if current.is_some_and(|current| current < count) {
        setrlimit(Resource::Nofile, Rlimit { current: Some(count), maximum })?;
    }
    Ok(())
}
