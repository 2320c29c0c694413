//! Why a peer is not let in.

use core::time::Duration;

use thiserror::Error;

use super::certificate::KeyAlgorithm;
use super::date::Rfc3339;
use super::fingerprint::Fingerprint;
use super::policy::MAX_CHAIN;
use super::usage::Usage;
use crate::time::UnixTime;

/// The reason why a peer is not let in. The text names its certificate and says what to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Rejection {
    /// It showed no certificate.
    #[error("the peer showed no certificate: give it a TLS directory with a pair that is trusted here")]
    NoCertificate,
    /// It showed more than [`MAX_CHAIN`] certificates.
    #[error("the peer showed more than {MAX_CHAIN} certificates: shorten its chain")]
    ChainTooLong,
    /// Its certificate cannot be read.
    #[error("certificate {fingerprint} cannot be read: make the peer a new one")]
    Malformed {
        /// SHA-256 of what it showed.
        fingerprint: Fingerprint,
    },
    /// No anchor names its certificate or its key, and no CA is configured.
    #[error(
        "certificate {fingerprint} (public key {spki}) is not trusted here: put its .crt into the TLS directory"
    )]
    Unknown {
        /// SHA-256 of the certificate.
        fingerprint: Fingerprint,
        /// SHA-256 of its `SubjectPublicKeyInfo`.
        spki: Fingerprint,
    },
    /// No anchor names it, and no path leads from it to a CA.
    #[error("certificate {fingerprint} (public key {spki}) is not trusted here: {reason}")]
    NoPath {
        /// SHA-256 of the certificate.
        fingerprint: Fingerprint,
        /// SHA-256 of its `SubjectPublicKeyInfo`.
        spki: Fingerprint,
        /// Why there is no path.
        reason: NoPath,
    },
    /// It is trusted, but its signatures cannot be verified here.
    #[error(
        "certificate {fingerprint} has a key of kind {algorithm}, which cannot be verified here: \
         give the peer a P-256 key"
    )]
    UnsupportedKey {
        /// SHA-256 of the certificate.
        fingerprint: Fingerprint,
        /// The kind of its key.
        algorithm: KeyAlgorithm,
    },
    /// It is trusted, but its key is not on an elliptic curve, and only such keys are taken here.
    #[error("certificate {fingerprint} must use ECDSA (ec_only), got {algorithm}: make the peer a P-256 key")]
    NotEc {
        /// SHA-256 of the certificate.
        fingerprint: Fingerprint,
        /// The kind of its key.
        algorithm: KeyAlgorithm,
    },
    /// This node knows nothing of the time, so it cannot judge the dates.
    #[error("certificate {fingerprint} cannot be judged without knowing the time: set this node's clock")]
    NoClock {
        /// SHA-256 of the certificate.
        fingerprint: Fingerprint,
    },
    /// Its validity period has ended.
    #[error(
        "certificate {fingerprint} expired at {}: rotate the peer to a newer key, or correct this node's clock",
        Rfc3339(*not_after)
    )]
    Expired {
        /// SHA-256 of the certificate.
        fingerprint: Fingerprint,
        /// When it ended.
        not_after: UnixTime,
    },
    /// Its validity period has not begun.
    #[error(
        "certificate {fingerprint} is valid only from {}: correct the clock of this node or of the machine \
         that made it",
        Rfc3339(*not_before)
    )]
    NotYetValid {
        /// SHA-256 of the certificate.
        fingerprint: Fingerprint,
        /// When it begins.
        not_before: UnixTime,
    },
    /// It ends too soon.
    #[error(
        "certificate {fingerprint} expires at {}, and {} s must remain here (min_remaining_validity): renew it",
        Rfc3339(*not_after), least.as_secs()
    )]
    ExpiresSoon {
        /// SHA-256 of the certificate.
        fingerprint: Fingerprint,
        /// When it ends.
        not_after: UnixTime,
        /// What must remain.
        least: Duration,
    },
    /// A CA signed it, and it is not among the pinned ones.
    #[error(
        "certificate {fingerprint} (public key {spki}) is signed by a CA that is trusted here, but it is not pinned \
         (pinned_certs): add one of these two"
    )]
    NotPinned {
        /// SHA-256 of the certificate.
        fingerprint: Fingerprint,
        /// SHA-256 of its `SubjectPublicKeyInfo`.
        spki: Fingerprint,
    },
    /// It is not for the name that was dialled.
    #[error(
        "certificate {fingerprint} is not for the name that was dialled: dial a name in its subject alternative names, or \
         make it anew with that name"
    )]
    OtherName {
        /// SHA-256 of the certificate.
        fingerprint: Fingerprint,
    },
    /// None of its names is among those that may come.
    #[error(
        "certificate {fingerprint} has none of the names that are allowed here: add one of its subject alternative names to \
         the list, or make it anew with a name of the list"
    )]
    NotAllowed {
        /// SHA-256 of the certificate.
        fingerprint: Fingerprint,
    },
    /// All rules hold, and the node's own [`VerifyHook`](super::VerifyHook) refuses it.
    #[error("certificate {fingerprint} is refused by the verifier of this node: {reason}")]
    Hook {
        /// SHA-256 of the certificate.
        fingerprint: Fingerprint,
        /// What the verifier says.
        reason: &'static str,
    },
}

impl Rejection {
    /// Returns true when no [`VerifyHook`](super::VerifyHook) is asked whether the peer may come in all the same: there is no
    /// certificate to judge it by, its key cannot be proved, or the hook itself refuses it.
    #[must_use]
    pub const fn is_final(&self) -> bool {
        match self {
            Self::NoCertificate
            | Self::ChainTooLong
            | Self::Malformed { .. }
            | Self::UnsupportedKey { .. }
            | Self::NoClock { .. }
            | Self::Hook { .. } => true,
            Self::NoPath { reason, .. } => {
                matches!(reason, NoPath::Malformed | NoPath::OtherVersion | NoPath::TooMuchWork)
            }
            _ => false,
        }
    }

    /// Returns true when nobody's signature under the certificate was checked: no CA vouches for what it says.
    #[must_use]
    pub const fn leaves_no_path(&self) -> bool {
        match self {
            Self::Unknown { .. } => true,
            Self::NoPath { reason, .. } => !reason.is_rule(),
            _ => false,
        }
    }
}

/// Why no path leads from a certificate to a CA.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum NoPath {
    /// No CA with the name of its issuer is trusted.
    #[error("it is signed by an unknown authority: check the CA file here, and which CA signed it")]
    UnknownIssuer,
    /// The CA of that name has another key.
    #[error(
        "its signature is not by the CA of that name: the CA was made anew, or the certificate is forged; sign it again"
    )]
    BadSignature,
    /// The signature is of a kind that is not supported.
    #[error("it is signed with an algorithm that is not supported here: sign it with ECDSA and SHA-256")]
    UnsupportedSignature,
    /// The peer shows the certificate of a CA as its own.
    #[error(
        "it is the certificate of a CA (CA:TRUE): give the peer one that the CA signed, or trust exactly this certificate"
    )]
    CaAsLeaf,
    /// A certificate that is no CA's signed another.
    #[error("one of its issuers is no CA: make that certificate anew with CA:TRUE")]
    IssuerIsNoCa,
    /// There are more intermediates than are allowed.
    #[error("its chain has too many intermediates: raise depth, or shorten the chain")]
    TooDeep,
    /// The search for a path took too many steps.
    #[error("its chain takes too much work to check: show only the intermediates that lead to the CA")]
    TooMuchWork,
    /// A CA may not sign for its names.
    #[error("a CA of its chain may not sign for its names (name constraints): get it from another CA")]
    NameConstraint,
    /// It or an issuer may not be used so.
    #[error("its extended key usage, or that of an issuer, does not allow {0}: make it anew with that usage")]
    Usage(Usage),
    /// It or an issuer has a critical extension that this node does not know.
    #[error("it or an issuer has a critical extension that is not known here: make it anew without")]
    CriticalExtension,
    /// A certificate of the chain expired.
    #[error("an issuer expired at {}: renew the CA, or correct this node's clock", Rfc3339(*.0))]
    Expired(UnixTime),
    /// The validity period of a certificate of the chain has not begun.
    #[error("an issuer is valid only from {}: correct the clock of this node", Rfc3339(*.0))]
    NotYetValid(UnixTime),
    /// It or an issuer was revoked.
    #[error("it or an issuer is revoked: give the peer a new key and certificate")]
    Revoked,
    /// No list of revoked certificates covers it or an issuer.
    #[error(
        "whether it is revoked is not known (crl_check): give this node the revocation list of its CA, or choose best_effort"
    )]
    RevocationUnknown,
    /// The list of revoked certificates is out of date.
    #[error("the revocation list of its CA should have been replaced at {}: get a new one", Rfc3339(*.0))]
    StaleList(UnixTime),
    /// The list of revoked certificates is not the CA's.
    #[error("the revocation list of its CA is not signed by the CA, or cannot be read: get a new one")]
    BadList,
    /// A certificate of version 1 is checked against no list.
    #[error("it has version 1, and such a certificate cannot be checked for revocation: make it anew")]
    Version1WithRevocation,
    /// The version cannot be used.
    #[error("it or an issuer has a version that is not supported: make it anew, with version 3")]
    OtherVersion,
    /// A certificate of the chain cannot be read.
    #[error("a certificate of its chain cannot be read: make it anew")]
    Malformed,
}

impl NoPath {
    /// Returns true for a rule without which the same path may still lead to a CA.
    const fn is_rule(&self) -> bool {
        matches!(
            self,
            Self::TooDeep
                | Self::Usage(_)
                | Self::Revoked
                | Self::RevocationUnknown
                | Self::StaleList(_)
                | Self::BadList
                | Self::Version1WithRevocation
        )
    }
}
