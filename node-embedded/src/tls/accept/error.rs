//! Why a peer that dialled has no session.

use node_core::crypto::BadSecret;
use thiserror::Error;

use crate::entropy::NoEntropy;
use crate::tls::error::SessionError;
use crate::tls::guard::Violation;
use crate::tls::timeouts::{FIRST_FLIGHT_TIMEOUT, HANDSHAKE_TIMEOUT};
use crate::tls::trust::VerifyError;

/// Why a peer that dialled has no session, or no longer one.
///
/// In most cases the peer has proved nothing: anybody who reaches the port can cause them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum AcceptError {
    /// It sent a record that is not allowed at this point, or longer than this board accepts.
    #[error(
        "the peer sent a TLS record of type {kind} with {length} bytes, which this board does not accept at this point"
    )]
    Record {
        /// The content type.
        kind: u8,
        /// Its length.
        length: usize,
    },
    /// Its ClientHello asks for more memory than this board lends to somebody unknown.
    #[error("the peer's ClientHello is malformed, or longer than a board accepts")]
    Hello,
    /// It sent a handshake message that this board does not accept: parts of one, or a chain of more than a few certificates.
    #[error(
        "the peer sent a handshake message that this board does not accept: each must be whole in one record"
    )]
    Message,
    /// Another connection from its address is still in its handshake. The handshake of this one did not begin.
    #[error("another connection from this address is still in its handshake")]
    OnePerAddress,
    /// No ClientHello arrived: the peer was silent, or closed the connection, as a port scanner does.
    #[error("the peer closed the connection without a ClientHello, or sent none for {} s", FIRST_FLIGHT_TIMEOUT.as_secs())]
    Silent,
    /// The handshake took too long.
    #[error("no TLS handshake within {} s", HANDSHAKE_TIMEOUT.as_secs())]
    Timeout,
    /// The peer closed the connection, or it broke, before the handshake was over.
    #[error("the peer broke the handshake off: it may not trust this board's certificate")]
    Lost,
    /// This node's private key is none.
    #[error(
        "this board's private key cannot be used: a hub needs that of its active certificate in its keyring, not in a device"
    )]
    Key,
    /// The random number generator does not work.
    #[error("{NoEntropy}")]
    Entropy,
    /// This node's keyring was replaced during the handshake.
    #[error("this board's keys were replaced during the handshake: the peer has to dial again")]
    KeysReplaced,
    /// The lists of revoked certificates were replaced during the handshake.
    #[error("the revocation lists were replaced during the handshake: the peer has to dial again")]
    ListsReplaced,
    /// The answer of this node does not fit its memory.
    #[error("this board's certificate does not fit the memory for records")]
    Room,
    /// The peer is not trusted.
    #[error(transparent)]
    Untrusted(VerifyError),
    /// It showed no certificate.
    #[error("the peer showed no certificate: every peer of a board must")]
    NoCertificate,
    /// It speaks no TLS that this node speaks.
    #[error(
        "the peer does not offer what a board needs: TLS 1.3, the group P-256, and AES-128-GCM with SHA-256"
    )]
    Incompatible,
    /// It asks for another protocol than a link.
    #[error("the peer asks for another protocol: a board speaks mael/1 alone")]
    Protocol,
    /// It ended the connection with this alert (RFC 8446 section 6).
    #[error("the peer ended the handshake with alert {0}: it may not trust this board's certificate")]
    Alert(u8),
    /// It broke a rule of TLS.
    #[error("the peer broke a rule of TLS")]
    Broken,
}

impl AcceptError {
    /// Whether it counts as a failed handshake: not, when the peer sent nothing of one, or may not begin one.
    pub(crate) const fn is_of_handshake(self) -> bool {
        !matches!(self, Self::OnePerAddress | Self::Silent)
    }
}

impl From<rustls::Error> for AcceptError {
    /// Keeps what somebody can act on. The texts of rustls are longer than all of a board's.
    fn from(error: rustls::Error) -> Self {
        match error {
            rustls::Error::NoCertificatesPresented => Self::NoCertificate,
            rustls::Error::PeerIncompatible(_) => Self::Incompatible,
            rustls::Error::NoApplicationProtocol => Self::Protocol,
            rustls::Error::AlertReceived(alert) => Self::Alert(alert.into()),
            rustls::Error::InvalidMessage(_) => Self::Message,
            _ => Self::Broken,
        }
    }
}

impl From<AcceptError> for SessionError {
    /// Of a session that was open.
    fn from(error: AcceptError) -> Self {
        match error {
            AcceptError::Record { kind, length } => Self::Record(Violation { kind, length }),
            AcceptError::Untrusted(error) => Self::Untrusted(error),
            AcceptError::Lost => Self::Lost,
            _ => Self::Broken,
        }
    }
}

impl From<NoEntropy> for AcceptError {
    fn from(NoEntropy: NoEntropy) -> Self {
        Self::Entropy
    }
}

impl From<BadSecret> for AcceptError {
    fn from(_: BadSecret) -> Self {
        Self::Key
    }
}
