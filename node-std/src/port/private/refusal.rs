//! Why the private port does not serve a connection.

use core::error::Error;
use core::time::Duration;
use std::io;

use crate::port::admission::Full;
use crate::port::sniff::SniffError;
use crate::proxy::LegError;
use crate::tls::{RefusedPeer, explain};

/// Who was refused and why; of an error that refused nobody, what it means.
fn explain_refusal(error: &io::Error, refused: Option<&RefusedPeer>) -> String {
    refused.map_or_else(|| explain(error), RefusedPeer::to_string)
}

/// Why a connection was not served.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refusal {
    #[error(transparent)]
    Sniff(#[from] SniffError),
    #[error(transparent)]
    Carrier(#[from] io::Error),
    #[error("TLS handshake: {}", explain_refusal(.0, .1.as_deref()))]
    Handshake(io::Error, Option<Box<RefusedPeer>>),
    #[error("{0}")]
    Peer(Box<RefusedPeer>),
    #[error("TLS handshake: not finished in {} s", .0.as_secs_f64())]
    Slow(Duration),
    #[error("more than {0} handshakes in this second (tls.connection_rate_limit)")]
    TooFast(u32),
    #[error("{0}")]
    Full(#[from] Full),
    #[error("it is no longer trusted, and its requests took longer than {} s", .0.as_secs())]
    Untrusted(Duration),
    #[error("it opens a link with TLS 1.2, and links use TLS 1.3: update it")]
    OldLink,
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
        if error.downcast_ref().is_some_and(LegError::is_hang_up) {
            return true;
        }
        let mut cause: Option<&(dyn Error + 'static)> = Some(&**error);
        while let Some(error) = cause {
            let of_h2 = error.downcast_ref::<h2::Error>().and_then(h2::Error::get_io);
            let kind = error.downcast_ref::<io::Error>().or(of_h2).map(io::Error::kind);
            if matches!(kind, Some(BrokenPipe | ConnectionReset | UnexpectedEof)) {
                return true;
            }
            cause = error.source();
        }
        false
    }
}
