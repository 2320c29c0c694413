//! Serves one HTTP connection, of either version.

use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::sync::CancellationToken;

use super::service::Service;
use super::{http1, http2};

/// The versions of HTTP that a connection may begin with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Version {
    /// HTTP/1.1 or 1.0.
    Http1,
    /// HTTP/2, by its preface.
    Http2,
}

/// Serves the requests on `io`. Ends when the client closes, or when `drain` is cancelled and the requests under way are
/// answered.
///
/// # Errors
/// The connection broke, or the client broke HTTP.
pub(super) async fn serve<IO, S>(
    io: IO,
    version: Version,
    drain: CancellationToken,
    service: S,
) -> Result<(), Box<dyn core::error::Error + Send + Sync>>
where
    IO: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    S: Service,
{
    match version {
        Version::Http1 => Ok(Box::pin(http1::serve(io, service, drain)).await?),
        Version::Http2 => Ok(Box::pin(http2::serve(io, service, drain)).await?),
    }
}
