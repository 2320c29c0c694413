//! The core's trust policy behind the interfaces of rustls, the same for both sides of a connection.

use core::sync::atomic::{AtomicU64, Ordering};
use core::time::Duration;
use std::sync::Arc;

use node_core::time::UnixTime;
use node_core::trust::{Certificate, MAX_CHAIN, Rejection};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{verify_tls12_signature, verify_tls13_signature_with_raw_key};
use rustls::pki_types::{CertificateDer, ServerName, SubjectPublicKeyInfoDer, UnixTime as RustlsTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, OtherError, SignatureScheme,
};

use super::hook::Asked;
use super::refused::RefusedPeer;
use super::settings::Demand;
use super::trust::Trust;

/// Accepts peers that a keyring trusts. This type checks signatures and counts refusals.
#[derive(Debug)]
pub(super) struct Verifier {
    trust: Arc<Trust>,
    rejections: Arc<AtomicU64>,
}

impl Verifier {
    pub(super) const fn new(trust: Arc<Trust>, rejections: Arc<AtomicU64>) -> Self {
        Self { trust, rejections }
    }

    fn check(
        &self,
        leaf: &CertificateDer<'_>,
        rest: &[CertificateDer<'_>],
        dialled: Option<&ServerName<'_>>,
        now: RustlsTime,
    ) -> Result<(), Error> {
        let chain: Vec<&[u8]> =
            core::iter::once(leaf).chain(rest).take(MAX_CHAIN + 1).map(AsRef::as_ref).collect();
        // `Keyring::confirm` asks the verify command. Until it did, `Keyring::judge` and `Keyring::granted` refuse the peer.
        let mut errors = Vec::new();
        let asked = Asked::Later(&mut errors);
        let decision = self.trust.judge(&chain, dialled, UnixTime(now.as_secs()), asked);
        decision.map(|_| ()).map_err(|rejection| {
            self.rejections.fetch_add(1, Ordering::Relaxed);
            // The caller knows the address, too, and logs a warning.
            RefusedPeer::new(rejection, leaf, dialled).leave();
            tls_error(rejection, now)
        })
    }
}

/// The error with the most informative alert for the peer.
fn tls_error(rejection: Rejection, now: RustlsTime) -> Error {
    let time = |time: UnixTime| RustlsTime::since_unix_epoch(Duration::from_secs(time.0));
    Error::InvalidCertificate(match rejection {
        Rejection::NoCertificate => return Error::NoCertificatesPresented,
        Rejection::Malformed { .. } => CertificateError::BadEncoding,
        Rejection::Expired { not_after, .. } => {
            CertificateError::ExpiredContext { time: now, not_after: time(not_after) }
        }
        Rejection::NotYetValid { not_before, .. } => {
            CertificateError::NotValidYetContext { time: now, not_before: time(not_before) }
        }
        other => CertificateError::Other(OtherError(Arc::new(other))),
    })
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        dialled: &ServerName<'_>,
        _: &[u8],
        now: RustlsTime,
    ) -> Result<ServerCertVerified, Error> {
        self.check(end_entity, intermediates, Some(dialled), now).map(|()| ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &self.trust.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        // By the key alone: the library reads no certificate of version 1.
        let malformed = |_| Error::InvalidCertificate(CertificateError::BadEncoding);
        let certificate = Certificate::parse(cert).map_err(malformed)?;
        let key = SubjectPublicKeyInfoDer::from(certificate.spki);
        let algorithms = &self.trust.provider.signature_verification_algorithms;
        verify_tls13_signature_with_raw_key(message, &key, dss, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.trust.provider.signature_verification_algorithms.supported_schemes()
    }
}

impl ClientCertVerifier for Verifier {
    fn client_auth_mandatory(&self) -> bool {
        self.trust.listening.rules.demand == Demand::Always
    }

    /// Empty: there is no CA to name, and the request for a certificate must fit a board's record.
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: RustlsTime,
    ) -> Result<ClientCertVerified, Error> {
        self.check(end_entity, intermediates, None, now).map(|()| ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        ServerCertVerifier::verify_tls12_signature(self, message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        ServerCertVerifier::verify_tls13_signature(self, message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        ServerCertVerifier::supported_verify_schemes(self)
    }
}
