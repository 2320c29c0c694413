//! Runs the daemon until it is told to stop.

use core::time::Duration;
use std::time::Instant;

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
    let time = config.drain;
    let mut signals = Signals::install()?;
    let Daemon { cluster, mut inner, mut ports, asked, drain, stop } = Daemon::start(config, source).await?;
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
