//! Why there is no session, or no longer one.

use embedded_tls::TlsError;
use node_core::crypto::SignError;
use thiserror::Error;

use super::guard::Violation;
use super::timeouts::HANDSHAKE_TIMEOUT;
use super::trust::VerifyError;
use crate::entropy::NoEntropy;
use crate::sizes::TLS_READ;

/// Why there is no session, or no longer one.
#[derive(Clone, Copy, Debug, Error)]
#[non_exhaustive]
pub enum SessionError {
    /// A peer that dialled this node broke a rule of TLS.
    #[cfg(feature = "accept")]
    #[error("the peer broke a rule of TLS")]
    Broken,
    /// The hub sent close_notify.
    #[error("the hub closed the connection")]
    Closed,
    /// The random number generator does not work.
    #[error("{NoEntropy}")]
    Entropy,
    /// This node's keyring was replaced during the handshake.
    #[error("this board's keys were replaced during the handshake: a new connection follows")]
    KeysReplaced,
    /// The lists of revoked certificates were replaced during the handshake.
    #[error("the revocation lists were replaced during the handshake: a new connection follows")]
    ListsReplaced,
    /// The hub's certificates do not fit into a record, which has so many bytes.
    #[error(
        "the hub's certificates do not fit into a TLS record: its first one has {0} bytes, and a board takes its whole first answer in \
         one of {TLS_READ}; shorten its chain"
    )]
    LongChain(usize),
    /// The connection broke.
    #[error("the connection broke")]
    Lost,
    /// The hub broke the handshake off, as it does when it finds no kind of key that both sides know.
    #[error(
        "the hub broke the handshake off: if it has no P-256 key to show, make a P-256 pair active there, for this \
         board can check no other"
    )]
    NoCommonKey,
    /// A record arrived that is not allowed.
    #[error("{0}")]
    Record(Violation),
    /// The hub ended the session with an alert.
    #[error(
        "the hub refused this board's certificate (or closed): put its .crt into the hub's TLS directory"
    )]
    Refused,
    /// The handshake took too long.
    #[error("no TLS handshake within {} s", HANDSHAKE_TIMEOUT.as_secs())]
    Timeout,
    /// Another error of embedded-tls.
    #[error("TLS failed: {}", describe(.0))]
    Tls(TlsError),
    /// The hub updated its keys in the middle of a session, or sent something else that embedded-tls cannot read.
    #[error("the hub updated its TLS keys: a new connection follows")]
    Unimplemented,
    /// This node could not sign.
    #[error(transparent)]
    Unsigned(SignError),
    /// The board refuses the hub.
    #[error(transparent)]
    Untrusted(VerifyError),
}

impl From<NoEntropy> for SessionError {
    fn from(NoEntropy: NoEntropy) -> Self {
        Self::Entropy
    }
}

/// The error of embedded-tls in words. Its `Debug` would name each of its kinds, and take 4 KB of flash with what formats it.
const fn describe(error: &TlsError) -> &'static str {
    match error {
        TlsError::HandshakeAborted(..) | TlsError::AbortHandshake(..) => "one side broke the handshake off",
        TlsError::CryptoError | TlsError::InvalidSignature => {
            "what arrived does not decrypt, or its signature is wrong"
        }
        TlsError::InsufficientSpace | TlsError::OutOfMemory | TlsError::EncodeError => {
            "a record does not fit this board's buffers"
        }
        TlsError::InvalidPrivateKey => "this board may not show its certificate, or cannot sign",
        TlsError::MissingHandshake => "there was no handshake",
        _ => "the hub sent what this board cannot read",
    }
}
