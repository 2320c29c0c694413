//! Why the private port does not serve a connection.

use core::error::Error;
use core::time::Duration;
use std::io;

use crate::port::sniff::SniffError;
use crate::tls::explain;

/// Why a connection was not served.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refusal {
    #[error(transparent)]
    Sniff(#[from] SniffError),
    #[error(transparent)]
    Carrier(#[from] io::Error),
    #[error("TLS handshake: {}", explain(.0))]
    Handshake(io::Error),
    #[error("TLS handshake: not finished in {} s", .0.as_secs())]
    Slow(Duration),
    #[error("it showed no certificate")]
    NoCertificate,
    #[error("it speaks HTTP without TLS; this port wants https")]
    PlainHttp,
    #[error("it opens a link without TLS; set MAEL_PRIVATE_TLS_DIR there")]
    PlainLink,
    #[error("it speaks TLS, but this node has no keys; set MAEL_PRIVATE_TLS_DIR here")]
    UnexpectedTls,
    #[error("{0}")]
    Http(Box<dyn Error + Send + Sync>),
}

impl Refusal {
    /// Whether the client was served and then closed the connection.
    pub(super) fn is_hang_up(&self) -> bool {
        use io::ErrorKind::{BrokenPipe, ConnectionReset, UnexpectedEof};

        let Self::Http(error) = self else { return false };
        let mut cause: Option<&(dyn Error + 'static)> = Some(&**error);
        while let Some(error) = cause {
            let kind = error.downcast_ref::<io::Error>().map(io::Error::kind);
            if matches!(kind, Some(BrokenPipe | ConnectionReset | UnexpectedEof)) {
                return true;
            }
            cause = error.source();
        }
        false
    }
}
