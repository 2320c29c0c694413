//! Which core a process runs on.

use anyhow::{Context as _, Result};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// The core of what is measured, and that of everything else.
#[derive(Clone, Copy)]
pub struct Cores {
    pub measured: usize,
    pub load: usize,
}

impl Cores {
    /// The first two that this process may use.
    ///
    /// # Errors
    ///
    /// There is only one.
    pub fn find() -> Result<Self> {
        let allowed = sched_getaffinity(None)?;
        let mut cores = (0..CpuSet::MAX_CPU).filter(|core| allowed.is_set(*core));
        let two = cores.next().zip(cores.next());
        let (measured, load) = two.context("two cores are needed: one for the proxies, one for the load")?;
        Ok(Self { measured, load })
    }
}

/// Runs `start`. The processes and threads that it starts stay on `core`, and count one core: a runtime with a thread for
/// each core has one thread.
///
/// # Errors
///
/// This process may not use the core, or `start` fails.
pub fn pinned<T>(core: usize, start: impl FnOnce() -> Result<T>) -> Result<T> {
    let before = sched_getaffinity(None)?;
    let mut only = CpuSet::new();
    only.set(core);
    sched_setaffinity(None, &only).with_context(|| format!("core {core}"))?;
    let started = start();
    sched_setaffinity(None, &before)?;
    started
}
