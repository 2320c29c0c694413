//! Answers embedded-tls during a handshake. The provider gives away nothing of this node's identity before the hub has
//! proved its own.

use core::cell::RefCell;

use embedded_tls::{
    Aes128GcmSha256, Certificate, CryptoProvider, CryptoRngCore, SignatureScheme, TlsError, TlsVerifier,
};
use node_core::crypto::{DerSignature, Sign, SignError};
use rand_core::{CryptoRng, RngCore};
use signature::SignerMut;

use super::verifier::Verifier;

/// This node's identity in a handshake: a certificate, and a key that signs, wherever it is kept.
pub(crate) trait Credentials: Sign {
    /// The certificate in DER, `None` when it is no longer the one that [`sign`](Sign::sign) signs for.
    fn certificate(&self) -> Option<impl AsRef<[u8]>>;
}

/// Serves one handshake.
pub(crate) struct Provider<'p, G, C> {
    rng: &'p RefCell<G>,
    credentials: &'p C,
    verifier: Verifier<'p>,
    unsigned: Option<SignError>,
}

impl<'p, G, C> Provider<'p, G, C> {
    pub(crate) const fn new(rng: &'p RefCell<G>, credentials: &'p C, verifier: Verifier<'p>) -> Self {
        Self { rng, credentials, verifier, unsigned: None }
    }

    pub(crate) const fn hub(&self) -> &Verifier<'p> {
        &self.verifier
    }

    /// Why this node did not sign, if it was to.
    pub(crate) const fn unsigned(&self) -> Option<SignError> {
        self.unsigned
    }
}

impl<G: CryptoRngCore, C: Credentials> CryptoProvider for Provider<'_, G, C> {
    type CipherSuite = Aes128GcmSha256;
    type Signature = DerSignature;

    fn rng(&mut self) -> impl CryptoRngCore {
        SharedRng(self.rng)
    }

    /// Never returns an error: embedded-tls would then accept every server.
    fn verifier(&mut self) -> Result<&mut impl TlsVerifier<Aes128GcmSha256>, TlsError> {
        Ok(&mut self.verifier)
    }

    fn signer(&mut self) -> Result<(impl SignerMut<DerSignature>, SignatureScheme), TlsError> {
        if self.verifier.verified().is_none() {
            return Err(TlsError::InvalidPrivateKey);
        }
        let signer = Signer { credentials: self.credentials, failure: &mut self.unsigned };
        Ok((signer, SignatureScheme::EcdsaSecp256r1Sha256))
    }

    /// One certificate: embedded-tls 0.19 sends no intermediates.
    fn client_cert(&mut self) -> Option<Certificate<impl AsRef<[u8]>>> {
        self.verifier.verified()?;
        self.credentials.certificate().map(Certificate::X509)
    }
}

/// Signs, or records the failure. embedded-tls panics on an error, so an empty signature stands for one; the hub
/// refuses it.
struct Signer<'p, C> {
    credentials: &'p C,
    failure: &'p mut Option<SignError>,
}

impl<C: Credentials> SignerMut<DerSignature> for Signer<'_, C> {
    fn try_sign(&mut self, message: &[u8]) -> Result<DerSignature, signature::Error> {
        Ok(match self.credentials.sign(message) {
            Ok(signature) => signature.to_der(),
            Err(failure) => {
                *self.failure = Some(failure);
                DerSignature::EMPTY
            }
        })
    }
}

/// One generator for all handshakes, which run in turns.
struct SharedRng<'p, G>(&'p RefCell<G>);

impl<G: RngCore> RngCore for SharedRng<'_, G> {
    fn next_u32(&mut self) -> u32 {
        self.0.borrow_mut().next_u32()
    }

    fn next_u64(&mut self) -> u64 {
        self.0.borrow_mut().next_u64()
    }

    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        self.0.borrow_mut().fill_bytes(bytes);
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), rand_core::Error> {
        self.0.borrow_mut().try_fill_bytes(bytes)
    }
}

impl<G: CryptoRng> CryptoRng for SharedRng<'_, G> {}
