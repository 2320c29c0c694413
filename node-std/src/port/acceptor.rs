//! Accepts connections until the port drains.

use core::net::SocketAddr;
use core::time::Duration;
use std::sync::Arc;

use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::admission::{Admission, Ticket};
use crate::log_limit::LogLimit;

/// The pause when the system gives no connection, for example without a free file descriptor.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Accepts until `drain` is cancelled. Then waits until every `serve` is done. A connection that `admission` drops ends where its
/// `serve` waits.
pub(super) async fn accept<F: Future<Output = ()> + Send + 'static>(
    listener: TcpListener,
    admission: &Arc<Admission>,
    drain: CancellationToken,
    serve: impl Fn(TcpStream, SocketAddr, Ticket) -> F,
) {
    let connections = TaskTracker::new();
    let failures = LogLimit::of("connections that could not be accepted");
    while let Some(accepted) = drain.run_until_cancelled(listener.accept()).await {
        match accepted {
            Ok((stream, peer)) => admission.enter(peer.ip(), &drain, |ticket| {
                connections.spawn(serve(stream, peer, ticket)).abort_handle()
            }),
            Err(error) => {
                if failures.admits() {
                    tracing::warn!("the {} port cannot accept a connection: {error}", admission.port());
                }
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    connections.close();
    connections.wait().await;
}
