//! What a failed handshake means to the person who reads the log.

use std::io;

use node_core::trust::Rejection;
use rustls::{AlertDescription, CertificateError, Error};

/// The text of an error of a TLS connection, with what to do where that is known: the trust policy's own words
/// when this side refused the peer, and in plain words what the peer's alert says when it refused this side.
#[must_use]
pub fn explain(error: &io::Error) -> String {
    let Some(tls) = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) else {
        return match error.kind() {
            // So a port without TLS takes a greeting in it.
            io::ErrorKind::ConnectionReset | io::ErrorKind::UnexpectedEof => {
                format!("{error}; if that port speaks without TLS, use none here either")
            }
            _ => error.to_string(),
        };
    };
    match tls {
        Error::InvalidCertificate(CertificateError::Other(rejection)) => rejection.to_string(),
        Error::NoCertificatesPresented => Rejection::NoCertificate.to_string(),
        Error::AlertReceived(AlertDescription::CertificateUnknown | AlertDescription::UnknownCA) => {
            "the peer does not trust this node's certificate: put the active .crt into the peer's TLS directory"
                .into()
        }
        Error::AlertReceived(AlertDescription::CertificateExpired) => {
            "the peer finds this node's certificate outside its dates: rotate to a newer key, or correct the \
             clock of either node"
                .into()
        }
        Error::AlertReceived(AlertDescription::CertificateRequired) => {
            "the peer wants a certificate: set the TLS directory".into()
        }
        other => other.to_string(),
    }
}
