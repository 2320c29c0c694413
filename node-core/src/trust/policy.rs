//! The trust policy: by which rules a peer's certificate is accepted.

use thiserror::Error;

use super::certificate::{Certificate, KeyAlgorithm};
use super::date::Rfc3339;
use super::fingerprint::Fingerprint;
use crate::crypto::Digest;
use crate::time::{UnixTime, WallClock};

/// Most certificates that a peer may show. Only the first one is judged; the rest are let pass because servers
/// are often configured with a chain.
pub const MAX_CHAIN: usize = 10;

/// An anchor makes a certificate trusted. The certificate's dates are judged as well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Anchor {
    /// Exactly the certificate with this SHA-256 of its DER.
    Certificate(Fingerprint),
    /// Any certificate whose `SubjectPublicKeyInfo` has this SHA-256.
    Spki(Fingerprint),
}

/// The kinds of key that a peer may prove itself with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AcceptedKeys {
    /// P-256 alone: all that a board can verify.
    P256,
    /// Every kind that the TLS library can verify.
    Any,
}

/// The rules by which a peer's certificate is accepted, one decision for every adapter and for both sides of a
/// connection.
///
/// Names in a certificate are not read: a certificate proves membership of the cluster, never which node this is.
/// The adapter still has to check the peer's signature over the handshake.
#[derive(Clone, Copy, Debug)]
pub struct Policy<'p> {
    anchors: &'p [Anchor],
    keys: AcceptedKeys,
}

impl<'p> Policy<'p> {
    /// Trusts what any of `anchors` names; without anchors every peer is rejected.
    #[must_use]
    pub const fn new(anchors: &'p [Anchor], keys: AcceptedKeys) -> Self {
        Self { anchors, keys }
    }

    /// Judges the certificates in DER that a peer showed, its own one first.
    ///
    /// `clock` is what this node knows of the time, `None` when it knows nothing.
    ///
    /// # Errors
    /// [`Rejection`]: the peer MUST NOT be let in. Without a clock every peer is rejected.
    pub fn judge<'c>(
        &self,
        chain: &[&'c [u8]],
        clock: Option<WallClock>,
        crypto: &impl Digest,
    ) -> Result<Accepted<'c>, Rejection> {
        let Some(&der) = chain.first() else {
            return Err(Rejection::NoCertificate);
        };
        if chain.len() > MAX_CHAIN {
            return Err(Rejection::ChainTooLong);
        }
        let fingerprint = Fingerprint(crypto.sha256(&[der]));
        let certificate = Certificate::parse(der).map_err(|_| Rejection::Malformed { fingerprint })?;
        let spki = Fingerprint(crypto.sha256(&[certificate.spki]));
        let matches = |anchor: &Anchor| match anchor {
            Anchor::Certificate(trusted) => *trusted == fingerprint,
            Anchor::Spki(trusted) => *trusted == spki,
        };
        let anchor = self.anchors.iter().position(matches).ok_or(Rejection::Unknown { fingerprint, spki })?;
        if self.keys == AcceptedKeys::P256 && certificate.p256_key().is_none() {
            return Err(Rejection::UnsupportedKey { fingerprint, algorithm: certificate.algorithm });
        }
        judge_dates(&certificate, fingerprint, clock)?;
        Ok(Accepted { certificate, fingerprint, spki, anchor })
    }
}

/// A peer that may be let in, once its signature is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accepted<'c> {
    /// Its certificate.
    pub certificate: Certificate<'c>,
    /// SHA-256 of the certificate.
    pub fingerprint: Fingerprint,
    /// SHA-256 of the certificate's `SubjectPublicKeyInfo`.
    pub spki: Fingerprint,
    /// Index of the anchor that made it trusted.
    pub anchor: usize,
}

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
    /// No anchor names its certificate or its key.
    #[error(
        "certificate {fingerprint} (public key {spki}) is not trusted here: put its .crt into the TLS directory"
    )]
    Unknown {
        /// SHA-256 of the certificate.
        fingerprint: Fingerprint,
        /// SHA-256 of its `SubjectPublicKeyInfo`.
        spki: Fingerprint,
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
}

fn judge_dates(
    certificate: &Certificate<'_>,
    fingerprint: Fingerprint,
    clock: Option<WallClock>,
) -> Result<(), Rejection> {
    let Certificate { not_before, not_after, .. } = *certificate;
    let clock = clock.ok_or(Rejection::NoClock { fingerprint })?;
    if clock.best() > not_after {
        return Err(Rejection::Expired { fingerprint, not_after });
    }
    match clock {
        WallClock::Reliable(now) if now < not_before => {
            Err(Rejection::NotYetValid { fingerprint, not_before })
        }
        _ => Ok(()),
    }
}
