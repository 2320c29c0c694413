//! Shared by all machines of a node: its configuration, its timers, and its randomness.

use super::config::Config;
use super::timers::Timers;
use crate::time::Duration;

/// The configuration, the timers and the randomness of a node.
pub struct Context {
    pub config: Config,
    pub timers: Timers,
    /// For choices and jitter, never for keys.
    pub rng: fastrand::Rng,
}

impl Context {
    pub fn new(config: Config, seed: u64) -> Self {
        Self { config, timers: Timers::new(), rng: fastrand::Rng::with_seed(seed) }
    }

    pub const fn is_hub(&self) -> bool {
        self.config.is_hub()
    }

    /// Three to five quarters of `duration`, so that nodes which start together do not stay in step.
    pub fn jitter(&mut self, duration: Duration) -> Duration {
        self.jitter_factor().of(duration)
    }

    /// The same for several durations.
    pub fn jitter_factor(&mut self) -> Jitter {
        Jitter(self.rng.u32(768..1280))
    }
}

/// A random factor from three to five quarters.
#[derive(Clone, Copy)]
pub struct Jitter(u32);

impl Jitter {
    pub fn of(self, duration: Duration) -> Duration {
        duration * self.0 / 1024
    }
}
