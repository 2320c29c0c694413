//! Judges a hub by the core's trust policy, and checks its proof that it holds the key of its certificate.

use embedded_tls::{
    Aes128GcmSha256, CertificateEntryRef, CertificateRef, CertificateVerifyRef, TlsError, TlsVerifier,
};
use node_core::trust::{Rejection, Roles};
use sha2::{Digest, Sha256};

use super::trust::{Judged, Proved, Trust, VerifyError};

/// Judges one hub during one handshake.
///
/// embedded-tls finishes a handshake in which the server showed no certificate, or did not sign. So only
/// [`verified`](Self::verified) counts, and only a checked signature sets it.
pub(crate) struct Verifier<'h> {
    trust: Trust<'h>,
    hub: Option<Hub>,
    verified: bool,
    failure: Option<VerifyError>,
}

struct Hub {
    judged: Judged,
    /// The handshake up to and including the certificate. The hub signs it.
    transcript: Sha256,
}

impl<'h> Verifier<'h> {
    pub(crate) const fn new(trust: Trust<'h>) -> Self {
        Self { trust, hub: None, verified: false, failure: None }
    }

    /// The hub's identity, once it has proved that it holds the key of its certificate.
    pub(crate) fn verified(&self) -> Option<Proved> {
        self.hub.as_ref().filter(|_| self.verified && self.failure.is_none()).map(|hub| hub.judged.proved)
    }

    /// Why the hub was refused.
    pub(crate) const fn failure(&self) -> Option<VerifyError> {
        self.failure
    }

    fn judge(&self, transcript: &Sha256, shown: &CertificateRef<'_>) -> Result<Hub, VerifyError> {
        if self.hub.is_some() {
            return Err(VerifyError::SecondCertificate);
        }
        let mut chain: heapless::Vec<&[u8], 16> = heapless::Vec::new();
        for entry in &shown.entries {
            let CertificateEntryRef::X509(der) = *entry else {
                return Err(VerifyError::Rejected(Rejection::NoCertificate));
            };
            chain.push(der).map_err(|_| VerifyError::Rejected(Rejection::ChainTooLong))?;
        }
        let judged = self.trust.judge(&chain, Roles::LINK_AS_HUB)?;
        Ok(Hub { judged, transcript: transcript.clone() })
    }

    fn check(&self, verify: &CertificateVerifyRef<'_>) -> Result<(), VerifyError> {
        let hub = self.hub.as_ref().filter(|_| !self.verified).ok_or(VerifyError::Unproved)?;
        // RFC 8446 section 4.4.3.
        const CONTEXT: &[u8; 34] = b"TLS 1.3, server CertificateVerify\0";
        let mut message = heapless::Vec::<u8, 130>::from_array([b' '; 64]);
        let hash = hub.transcript.clone().finalize();
        let fits = message.extend_from_slice(CONTEXT).is_ok() && message.extend_from_slice(&hash).is_ok();
        if !fits {
            return Err(VerifyError::Unproved);
        }
        hub.judged.check(verify.signature_scheme.as_u16(), &message, verify.signature)
    }

    fn fail(&mut self, failure: VerifyError) -> TlsError {
        self.verified = false;
        self.failure.get_or_insert(failure);
        TlsError::InvalidCertificate
    }
}

impl TlsVerifier<Aes128GcmSha256> for Verifier<'_> {
    /// Ignores the name, for none is sent to the hub: [`Trust::follow`] was told what was dialled.
    fn set_hostname_verification(&mut self, _hostname: &str) -> Result<(), TlsError> {
        Ok(())
    }

    fn verify_certificate(&mut self, transcript: &Sha256, shown: CertificateRef<'_>) -> Result<(), TlsError> {
        self.hub = Some(self.judge(transcript, &shown).map_err(|failure| self.fail(failure))?);
        Ok(())
    }

    fn verify_signature(&mut self, verify: CertificateVerifyRef<'_>) -> Result<(), TlsError> {
        self.check(&verify).map_err(|failure| self.fail(failure))?;
        self.verified = true;
        Ok(())
    }
}
