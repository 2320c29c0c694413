//! Judges a hub by the core's trust policy, and checks its proof that it holds the key of its certificate.

use embedded_tls::{
    Aes128GcmSha256, CertificateEntryRef, CertificateRef, CertificateVerifyRef, SignatureScheme, TlsError,
    TlsVerifier,
};
use node_core::crypto::{BadSignature, P256Point, Signature, Software, Verify};
use node_core::keys::MAX_BUNDLE_SLOTS;
use node_core::time::{UnixTime, WallClock};
use node_core::trust::{
    AcceptedKeys, Anchor, Circumstances, Fingerprint, MissingRole, Policy, Rejection, Roles, TrustedBy,
};
use sha2::{Digest, Sha256};
use thiserror::Error;

use crate::hub_rules::{JudgeHub, Known};
use crate::settings::MAX_PINS;

/// The grounds to trust a hub, as of the start of a handshake.
pub(crate) struct Trust<'h> {
    anchors: heapless::Vec<Anchor, { MAX_BUNDLE_SLOTS + MAX_PINS }>,
    /// The roles that each anchor gives.
    roles: heapless::Vec<Roles, { MAX_BUNDLE_SLOTS + MAX_PINS }>,
    /// This node's knowledge of the time.
    pub(crate) clock: Option<WallClock>,
    /// The rules for hubs that no anchor names, and the host that was dialled.
    rules: Option<(&'h (dyn JudgeHub + Sync), &'h str)>,
}

impl<'h> Trust<'h> {
    /// Trusts nobody. Without a clock, the node trusts no hub, whatever is added.
    pub(crate) const fn new(clock: Option<WallClock>) -> Self {
        Self { anchors: heapless::Vec::new(), roles: heapless::Vec::new(), clock, rules: None }
    }

    /// Judges a hub that no anchor names by these rules. `dialled` is the host of its address.
    pub(crate) fn follow(&mut self, rules: &'h (dyn JudgeHub + Sync), dialled: &'h str) {
        self.rules = Some((rules, dialled));
    }

    /// Trusts whoever this anchor names, in these roles.
    pub(crate) fn add(&mut self, anchor: Anchor, roles: Roles) {
        let added = self.anchors.push(anchor).is_ok() && self.roles.push(roles).is_ok();
        debug_assert!(added, "there is room for a keyring and its pins");
    }
}

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
    key: P256Point,
    proved: Proved,
    /// The handshake up to and including the certificate. The hub signs it.
    transcript: Sha256,
}

/// The identity that a hub proved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Proved {
    /// SHA-256 of its certificate.
    pub(crate) certificate: Fingerprint,
    /// What makes it trusted.
    pub(crate) by: Grounds,
    /// When the decision ends that it is trusted.
    pub(crate) until: UnixTime,
}

/// What makes a hub trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Grounds {
    /// The keyring in use.
    Keyring,
    /// A pin of the settings, regardless of the keyring.
    Pin,
    /// A CA of the settings, regardless of the keyring.
    Authority,
}

impl<'h> Verifier<'h> {
    pub(crate) const fn new(trust: Trust<'h>) -> Self {
        Self { trust, hub: None, verified: false, failure: None }
    }

    /// The hub's identity, once it has proved that it holds the key of its certificate.
    pub(crate) fn verified(&self) -> Option<Proved> {
        self.hub.as_ref().filter(|_| self.verified && self.failure.is_none()).map(|hub| hub.proved)
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
        let Trust { anchors, clock, rules, .. } = &self.trust;
        let accepted = match *rules {
            Some((rules, dialled)) => rules.judge(&chain, &Known { anchors, clock: *clock, dialled }),
            None => {
                let policy = Policy::new(anchors, AcceptedKeys::P256);
                policy.judge(&chain, &Circumstances::at(*clock), &Software)
            }
        };
        let accepted = accepted.map_err(VerifyError::Rejected)?;
        let (certificate, algorithm) = (accepted.fingerprint, accepted.certificate.algorithm);
        let unsupported = Rejection::UnsupportedKey { fingerprint: certificate, algorithm };
        let key = accepted.certificate.p256_key().ok_or(VerifyError::Rejected(unsupported))?;
        let by = match accepted.by {
            _ if anchors.contains(&Anchor::Spki(accepted.spki)) => Grounds::Pin,
            TrustedBy::Anchor(anchor) => {
                let roles = self.trust.roles.get(anchor).copied().unwrap_or(Roles::NONE);
                let may = roles.require(Roles::LINK_AS_HUB);
                may.map_err(|missing| VerifyError::Role { certificate, missing })?;
                Grounds::Keyring
            }
            TrustedBy::Authority(_) | TrustedBy::Hook => {
                let roles = rules.map_or(Roles::NONE, |(rules, _)| rules.roles(&accepted));
                let may = roles.require(Roles::LINK_AS_HUB);
                may.map_err(|missing| VerifyError::CertifiedRole { certificate, missing })?;
                Grounds::Authority
            }
        };
        Ok(Hub {
            key,
            proved: Proved { certificate, by, until: accepted.until },
            transcript: transcript.clone(),
        })
    }

    fn check(&self, verify: &CertificateVerifyRef<'_>) -> Result<(), VerifyError> {
        let hub = self.hub.as_ref().filter(|_| !self.verified).ok_or(VerifyError::Unproved)?;
        if verify.signature_scheme.as_u16() != SignatureScheme::EcdsaSecp256r1Sha256.as_u16() {
            return Err(VerifyError::Scheme(verify.signature_scheme.as_u16()));
        }
        // RFC 8446 section 4.4.3.
        const CONTEXT: &[u8; 34] = b"TLS 1.3, server CertificateVerify\0";
        let mut message = heapless::Vec::<u8, 130>::from_array([b' '; 64]);
        let hash = hub.transcript.clone().finalize();
        let fits = message.extend_from_slice(CONTEXT).is_ok() && message.extend_from_slice(&hash).is_ok();
        if !fits {
            return Err(VerifyError::Unproved);
        }
        Signature::from_der(verify.signature)
            .and_then(|signature| Software.verify(hub.key.as_bytes(), &message, &signature))
            .map_err(VerifyError::Signature)
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

/// Why the board refuses a hub.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// The trust policy rejects it.
    #[error(transparent)]
    Rejected(Rejection),
    /// A CA signed it, and not for a hub.
    #[error(
        "certificate {certificate} is signed by a CA that is trusted here, but a hub with it {missing}: make it anew for server \
         and client authentication (extended key usage)"
    )]
    CertifiedRole {
        /// SHA-256 of its certificate.
        certificate: Fingerprint,
        /// The role that it needs, and those that it has.
        missing: MissingRole,
    },
    /// It is trusted, and not as a hub.
    #[error(
        "certificate {certificate} is in the keyring, but a hub with it {missing}: let the name of its slot end in .hub"
    )]
    Role {
        /// SHA-256 of its certificate.
        certificate: Fingerprint,
        /// The role that it needs, and those that it has.
        missing: MissingRole,
    },
    /// It signed by this algorithm (RFC 8446 section 4.2.3), which this board cannot check.
    #[error("the hub signs by algorithm {0:#06x}, which boards cannot check: give it a P-256 key")]
    Scheme(u16),
    /// It showed a second certificate.
    #[error("the server showed a second certificate: it is no hub")]
    SecondCertificate,
    /// Its signature is not by the key of its certificate.
    #[error(transparent)]
    Signature(BadSignature),
    /// It did not prove that it holds the key of its certificate, or showed none.
    #[error(
        "the server did not prove that it holds the key of a trusted certificate: it is no hub of this cluster"
    )]
    Unproved,
}
