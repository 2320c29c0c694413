//! Runs the daemon until it is told to stop.

use core::time::Duration;
use std::time::Instant;

use super::builder::{Builder, Node};
use super::error::DaemonError;
use super::reload::Source;
use super::signals::Signals;
use super::startup::Daemon;
use super::subsystem::{Subsystem, first_fault};
use crate::cluster::Cluster;
use crate::config::Config;

/// How long links may take to end after that.
const LEAVE: Duration = Duration::from_secs(10);

/// Runs a node with the configuration that `source` gave, until SIGTERM, SIGINT or an operator stops it.
///
/// # Errors
/// [`DaemonError`]: it cannot start, or a subsystem fails.
pub async fn run(config: Config, source: Source) -> Result<(), DaemonError> {
    let signals = Signals::install()?;
    Builder::new(config, source).start().await?.run_until(signals).await
}

impl Node {
    /// Runs until a signal or an operator stops it.
    pub(super) async fn run_until(self, mut signals: Signals) -> Result<(), DaemonError> {
        let Self { daemon, drain: time } = self;
        let Daemon { cluster, mut inner, mut ports, asked, drain, stop, .. } = daemon;
        tokio::select! {
            signal = signals.next() => tracing::info!("{signal}: leaving and draining"),
            () = asked.cancelled() => tracing::info!("an operator stops this node: leaving and draining"),
            error = first_fault(&mut inner) => return Err(error),
            error = first_fault(&mut ports) => return Err(error),
        }
        drain.cancel();
        let first = Instant::now();
        tokio::select! {
            () = leave(&cluster, ports, time) => {}
            signal = signals.second(first) => tracing::warn!("stopping immediately: a second {signal}"),
        }
        stop.cancel();
        tracing::info!("stopped");
        Ok(())
    }

    /// Leaves the cluster, answers the requests under way, and stops, for an application that takes signals itself. A request that
    /// takes much longer than the drain time keeps its link until the runtime ends.
    pub async fn stop(self) {
        let Daemon { cluster, ports, drain, stop, .. } = self.daemon;
        drain.cancel();
        leave(&cluster, ports, self.drain).await;
        stop.cancel();
    }
}

/// Leaves the cluster after the requests under way. They may need other nodes, so the links stay until they are answered.
async fn leave(cluster: &Cluster, ports: Vec<Subsystem>, drain: Duration) {
    cluster.announce_leave().await;
    let answered = async {
        for port in ports {
            port.wait().await;
        }
    };
    if tokio::time::timeout(drain, answered).await.is_err() {
        tracing::warn!("leaving with requests under way: they took longer than {} s", drain.as_secs());
    }
    cluster.leave(LEAVE).await;
}
