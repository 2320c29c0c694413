//! Failed handshakes in plain words, for logs.

use std::io;

use node_core::time::UnixTime;
use node_core::trust::{Rejection, Rfc3339};
use rustls::pki_types::UnixTime as RustlsTime;
use rustls::{AlertDescription, CertificateError, Error, PeerIncompatible};

/// The text of an error of a TLS connection, with the remedy where it is known. If this side refused the peer, the text is
/// the trust policy's. If the peer refused this side, the text explains the peer's alert.
#[must_use]
pub fn explain(error: &io::Error) -> String {
    let Some(tls) = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) else {
        return match error.kind() {
            io::ErrorKind::UnexpectedEof => "the peer closed the connection".into(),
            _ => error.to_string(),
        };
    };
    match tls {
        Error::InvalidCertificate(CertificateError::Other(rejection)) => rejection.to_string(),
        Error::InvalidCertificate(CertificateError::ExpiredContext { not_after, .. }) => format!(
            "the peer's certificate expired at {}: rotate the peer to a newer key, or correct this node's clock",
            date(*not_after)
        ),
        Error::InvalidCertificate(CertificateError::NotValidYetContext { not_before, .. }) => format!(
            "the peer's certificate is valid only from {}: correct the clock of this node or of the machine that \
             made it",
            date(*not_before)
        ),
        Error::PeerIncompatible(PeerIncompatible::NoSignatureSchemesInCommon) => {
            "the peer, perhaps a board, checks only P-256 signatures, and this node's active key is not P-256: make a \
             P-256 pair active"
                .into()
        }
        Error::NoCertificatesPresented => Rejection::NoCertificate.to_string(),
        Error::AlertReceived(AlertDescription::CertificateUnknown | AlertDescription::UnknownCA) => {
            "the peer does not trust this node's certificate: put the active .crt into the peer's TLS directory, or let the \
             peer trust its CA; the peer's log says which rule refused it"
                .into()
        }
        Error::AlertReceived(AlertDescription::CertificateExpired) => {
            "the peer says that this node's certificate is outside its dates: rotate to a newer key, or correct the \
             clock of either node"
                .into()
        }
        Error::AlertReceived(AlertDescription::CertificateRequired) => {
            "the peer wants a certificate: set the TLS directory".into()
        }
        other => other.to_string(),
    }
}

/// The same for a connection that is being opened. A port without TLS closes it, because it cannot read the ClientHello.
#[must_use]
pub fn explain_opening(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::ConnectionReset | io::ErrorKind::UnexpectedEof => {
            format!("{error}; if that port is without TLS, use no TLS here either")
        }
        _ => explain(error),
    }
}

fn date(time: RustlsTime) -> Rfc3339 {
    Rfc3339(UnixTime(time.as_secs()))
}
