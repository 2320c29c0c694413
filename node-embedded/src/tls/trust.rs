//! The trust in a peer, by the core's policy: its certificate, and its proof that it holds the key.

use node_core::crypto::{BadSignature, P256Point, Signature, Software, Verify};
use node_core::keys::MAX_BUNDLE_SLOTS;
use node_core::time::{UnixTime, WallClock};
use node_core::trust::{
    AcceptedKeys, Anchor, Circumstances, Fingerprint, MissingRole, Policy, Rejection, Roles, TrustedBy,
};
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

    /// Judges the certificates in DER that a peer showed, its own one first. The peer needs one of these roles.
    ///
    /// # Errors
    /// [`VerifyError`]: it is not trusted, or not in such a role.
    pub(super) fn judge(&self, chain: &[&[u8]], needs: Roles) -> Result<Judged, VerifyError> {
        let Self { anchors, clock, rules, .. } = self;
        let accepted = match *rules {
            Some((rules, dialled)) => rules.judge(chain, &Known { anchors, clock: *clock, dialled }),
            None => {
                let policy = Policy::new(anchors, AcceptedKeys::P256);
                policy.judge(chain, &Circumstances::at(*clock), &Software)
            }
        };
        let accepted = accepted.map_err(VerifyError::Rejected)?;
        let (certificate, algorithm) = (accepted.fingerprint, accepted.certificate.algorithm);
        let unsupported = Rejection::UnsupportedKey { fingerprint: certificate, algorithm };
        let key = accepted.certificate.p256_key().ok_or(VerifyError::Rejected(unsupported))?;
        let (by, roles) = match accepted.by {
            _ if anchors.contains(&Anchor::Spki(accepted.spki)) => (Grounds::Pin, Roles::LINK_AS_HUB),
            TrustedBy::Anchor(anchor) => {
                let roles = self.roles.get(anchor).copied().unwrap_or(Roles::NONE);
                let may = roles.require(needs);
                may.map_err(|missing| VerifyError::Role { certificate, missing })?;
                (Grounds::Keyring, roles)
            }
            TrustedBy::Authority(_) | TrustedBy::Hook => {
                let roles = rules.map_or(Roles::NONE, |(rules, _)| rules.roles(&accepted));
                let may = roles.require(needs);
                may.map_err(|missing| VerifyError::CertifiedRole { certificate, missing })?;
                (Grounds::Authority, roles)
            }
        };
        let proved = Proved {
            certificate,
            by,
            #[cfg(feature = "accept")]
            roles,
            until: accepted.until,
        };
        let _ = roles;
        Ok(Judged { key, proved })
    }
}

/// A peer whose certificate is trusted. It has not proved yet that it holds the key.
#[derive(Clone, Copy)]
pub(super) struct Judged {
    key: P256Point,
    pub(super) proved: Proved,
}

impl Judged {
    /// Checks the signature in a CertificateVerify (RFC 8446 section 4.4.3), by this algorithm of section 4.2.3.
    ///
    /// # Errors
    /// [`VerifyError`]: the peer does not hold the key.
    pub(super) fn check(&self, scheme: u16, message: &[u8], signature: &[u8]) -> Result<(), VerifyError> {
        if scheme != ECDSA_P256_SHA256 {
            return Err(VerifyError::Scheme(scheme));
        }
        Signature::from_der(signature)
            .and_then(|signature| Software.verify(self.key.as_bytes(), message, &signature))
            .map_err(VerifyError::Signature)
    }
}

/// `ecdsa_secp256r1_sha256` of RFC 8446 section 4.2.3.
const ECDSA_P256_SHA256: u16 = 0x0403;

/// The identity that a peer proved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Proved {
    /// SHA-256 of its certificate.
    pub(crate) certificate: Fingerprint,
    /// What makes it trusted.
    pub(crate) by: Grounds,
    /// What it may be.
    #[cfg(feature = "accept")]
    pub(crate) roles: Roles,
    /// When the decision ends that it is trusted.
    pub(crate) until: UnixTime,
}

/// What makes a peer trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Grounds {
    /// The keyring in use.
    Keyring,
    /// A pin of the settings, regardless of the keyring.
    Pin,
    /// A CA of the settings, regardless of the keyring.
    Authority,
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
