//! The signals that stop the daemon.

use core::time::Duration;
use std::time::Instant;

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::error::DaemonError;

/// A signal that comes this soon after the first is a copy of it: timeout(1) sends it to its child and to the child's group.
const COPY: Duration = Duration::from_secs(1);

/// SIGTERM and SIGINT.
pub(super) struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// Takes the signals over from the system.
    ///
    /// # Errors
    /// The system refuses.
    pub(super) fn install() -> Result<Self, DaemonError> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())
                .map_err(DaemonError::system("cannot wait for SIGTERM"))?,
            interrupt: signal(SignalKind::interrupt())
                .map_err(DaemonError::system("cannot wait for SIGINT"))?,
        })
    }

    /// Waits for a signal, and returns its name.
    pub(super) async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }

    /// Waits for another signal than the one at `first`, and returns its name.
    pub(super) async fn second(&mut self, first: Instant) -> &'static str {
        loop {
            let signal = self.next().await;
            if first.elapsed() >= COPY {
                return signal;
            }
        }
    }
}
