//! How a link ends.

use std::io;

use node_core::link::{PeerError, ProveError};

use crate::tls::explain;

/// Why the task of a link ends, unless both sides ended the link.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    /// The peer broke the protocol.
    #[error(transparent)]
    Peer(#[from] PeerError),
    /// This node could not prove itself.
    #[error(transparent)]
    Proof(#[from] ProveError),
    /// The carrier broke.
    #[error(transparent)]
    Carrier(#[from] io::Error),
}

/// Describes an error of the carrier. `maybe_tls` means that this node dialled without TLS and got no hello: a port with TLS
/// reacts so to a greeting without.
pub(super) fn describe(error: &io::Error, maybe_tls: bool) -> String {
    let description = match error.kind() {
        io::ErrorKind::UnexpectedEof => "the peer closed the connection without a GOAWAY".into(),
        io::ErrorKind::ConnectionReset => error.to_string(),
        _ => return explain(error),
    };
    if maybe_tls {
        format!("{description}; if that port speaks TLS, set MAEL_PRIVATE_TLS_DIR here")
    } else {
        description
    }
}
