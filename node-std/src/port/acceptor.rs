//! Accepts connections, a limited number at once, until the port drains.

use core::net::SocketAddr;
use core::time::Duration;
use std::sync::Arc;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::log_limit::LogLimit;

/// The pause when the system gives no connection, for example without a free file descriptor.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The right to one of the connections that a port may have at once. Dropping it frees the right.
pub(super) type ConnectionPermit = OwnedSemaphorePermit;

/// Accepts for the port that is called `port`, `most` connections at once and more when these are over, until `drain` is cancelled. Then waits until every `serve` is done.
pub(super) async fn accept<F: Future<Output = ()> + Send + 'static>(
    port: &'static str,
    listener: TcpListener,
    most: usize,
    drain: CancellationToken,
    serve: impl Fn(TcpStream, SocketAddr, ConnectionPermit) -> F,
) {
    let permits = Arc::new(Semaphore::new(most));
    let connections = TaskTracker::new();
    let failures = LogLimit::of("connections that could not be accepted");
    while let Some(Ok(permit)) = drain.run_until_cancelled(Arc::clone(&permits).acquire_owned()).await {
        let Some(accepted) = drain.run_until_cancelled(listener.accept()).await else { break };
        match accepted {
            Ok((stream, peer)) => {
                connections.spawn(serve(stream, peer, permit));
            }
            Err(error) => {
                if failures.admits() {
                    tracing::warn!("the {port} port cannot accept a connection: {error}");
                }
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    connections.close();
    connections.wait().await;
}
