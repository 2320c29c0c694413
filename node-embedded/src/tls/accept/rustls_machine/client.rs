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
    verdict: Mutex<CriticalSectionRawMutex, Cell<Verdict>>,
}

#[derive(Clone, Copy)]
enum Verdict {
    /// It has shown nothing.
    Unseen,
    /// Its certificate is trusted. It has not proved that it holds the key.
    Shown(Judged),
    Proved(Proved),
    Refused(VerifyError),
}

impl ClientVerifier {
    pub(super) const fn new(trust: Trust<'static>) -> Self {
        Self { trust, verdict: Mutex::new(Cell::new(Verdict::Unseen)) }
    }

    /// The identity that the peer proved.
    pub(super) fn proved(&self) -> Option<Proved> {
        match self.verdict() {
            Verdict::Proved(proved) => Some(proved),
            _ => None,
        }
    }

    /// Why the peer was refused, if it was.
    pub(super) fn refusal(&self) -> Option<VerifyError> {
        match self.verdict() {
            Verdict::Refused(refusal) => Some(refusal),
            _ => None,
        }
    }

    fn verdict(&self) -> Verdict {
        self.verdict.lock(Cell::get)
    }

    fn decide(&self, verdict: Result<Verdict, VerifyError>) -> Result<(), Error> {
        let verdict = verdict.unwrap_or_else(Verdict::Refused);
        self.verdict.lock(|place| place.set(verdict));
        match verdict {
            Verdict::Refused(_) => {
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
        let verdict = match self.verdict() {
            Verdict::Unseen if intermediates.len() < MAX_CHAIN => {
                chain.extend(shown);
                self.trust.judge(&chain, Roles::LINK_AS_LEAF).map(Verdict::Shown)
            }
            Verdict::Unseen => Err(VerifyError::Rejected(Rejection::ChainTooLong)),
            _ => Err(VerifyError::SecondCertificate),
        };
        self.decide(verdict).map(|()| ClientCertVerified::assertion())
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
        let verdict = match self.verdict() {
            Verdict::Shown(judged) => {
                let checked = judged.check(u16::from(signed.scheme), message, signed.signature());
                checked.map(|()| Verdict::Proved(judged.proved))
            }
            _ => Err(VerifyError::Unproved),
        };
        self.decide(verdict).map(|()| HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ECDSA_NISTP256_SHA256]
    }
}
