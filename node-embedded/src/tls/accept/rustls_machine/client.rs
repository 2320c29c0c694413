//! Judges the peer that dialled, in the middle of a handshake.

use alloc::vec;
use alloc::vec::Vec;
use core::cell::Cell;
use core::fmt;

use embassy_sync::blocking_mutex::Mutex;
use embassy_sync::blocking_mutex::raw::CriticalSectionRawMutex;
use node_core::trust::{Rejection, Roles};
use pki_types::{CertificateDer, UnixTime};
use rustls::client::danger::HandshakeSignatureValid;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, PeerIncompatible, SignatureScheme,
};

use super::cipher::MAX_CHAIN;
use crate::tls::trust::{Judged, Proved, Trust, VerifyError};

/// Judges the peer of one connection, once.
pub(super) struct ClientVerifier {
    trust: Trust<'static>,
    decision: Mutex<CriticalSectionRawMutex, Cell<Decision>>,
}

#[derive(Clone, Copy)]
enum Decision {
    /// It has shown nothing.
    Unseen,
    /// Its certificate is trusted. It has not proved that it holds the key.
    Shown(Judged),
    Proved(Proved),
    Refused(VerifyError),
}

impl ClientVerifier {
    pub(super) const fn new(trust: Trust<'static>) -> Self {
        Self { trust, decision: Mutex::new(Cell::new(Decision::Unseen)) }
    }

    /// The identity that the peer proved.
    pub(super) fn proved(&self) -> Option<Proved> {
        match self.decision() {
            Decision::Proved(proved) => Some(proved),
            _ => None,
        }
    }

    /// Why the peer was refused, if it was.
    pub(super) fn refusal(&self) -> Option<VerifyError> {
        match self.decision() {
            Decision::Refused(refusal) => Some(refusal),
            _ => None,
        }
    }

    fn decision(&self) -> Decision {
        self.decision.lock(Cell::get)
    }

    fn decide(&self, decision: Result<Decision, VerifyError>) -> Result<(), Error> {
        let decision = decision.unwrap_or_else(Decision::Refused);
        self.decision.lock(|place| place.set(decision));
        match decision {
            Decision::Refused(_) => {
                Err(Error::InvalidCertificate(CertificateError::ApplicationVerificationFailure))
            }
            _ => Ok(()),
        }
    }
}

impl fmt::Debug for ClientVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientVerifier")
    }
}

impl ClientCertVerifier for ClientVerifier {
    /// No names of CAs: this node's first flight must stay short.
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        own: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let mut chain: heapless::Vec<&[u8], MAX_CHAIN> = heapless::Vec::new();
        let shown = core::iter::once(own).chain(intermediates).map(AsRef::as_ref);
        let decision = match self.decision() {
            Decision::Unseen if intermediates.len() < MAX_CHAIN => {
                chain.extend(shown);
                self.trust.judge(&chain, Roles::LINK_AS_LEAF).map(Decision::Shown)
            }
            Decision::Unseen => Err(VerifyError::Rejected(Rejection::ChainTooLong)),
            _ => Err(VerifyError::SecondCertificate),
        };
        self.decide(decision).map(|()| ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(Error::PeerIncompatible(PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        _: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let decision = match self.decision() {
            Decision::Shown(judged) => {
                let checked = judged.check(u16::from(signed.scheme), message, signed.signature());
                checked.map(|()| Decision::Proved(judged.proved))
            }
            _ => Err(VerifyError::Unproved),
        };
        self.decide(decision).map(|()| HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ECDSA_NISTP256_SHA256]
    }
}
