//! Takes connections from a listener, as many at once as there is room for, until it is time to stop.

use core::net::SocketAddr;
use core::time::Duration;
use std::sync::Arc;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::log_limit::LogLimit;

/// Connections of one port at once; more wait in the listener's queue.
const MAX_CONNECTIONS: usize = 4096;
/// Pause when the system gives no connection, for want of file descriptors for one.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// One of the connections that a port may have at once; free again when it is dropped.
pub type Place = OwnedSemaphorePermit;

/// Accepts for the `port` of that name until `drain` is cancelled, then waits until every `serve` is done.
pub async fn accept<F: Future<Output = ()> + Send + 'static>(
    (port, listener): (&'static str, TcpListener),
    drain: CancellationToken,
    serve: impl Fn(TcpStream, SocketAddr, Place) -> F,
) {
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let connections = TaskTracker::new();
    let failures = LogLimit::of("connections that could not be accepted");
    while let Some(Ok(place)) = drain.run_until_cancelled(Arc::clone(&places).acquire_owned()).await {
        let Some(accepted) = drain.run_until_cancelled(listener.accept()).await else { break };
        match accepted {
            Ok((stream, peer)) => {
                connections.spawn(serve(stream, peer, place));
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
