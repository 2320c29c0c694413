//! The path from a peer's certificate to a CA (RFC 5280 section 6). rustls-webpki validates it, the same code on a board and on a
//! server; only certificates of version 1, which it does not read, are checked here.

use core::time::Duration;

use pki_types::{CertificateDer, SignatureVerificationAlgorithm, TrustAnchor, UnixTime as PkiTime};
use thiserror::Error;
use webpki::{
    EndEntityCert, ExtendedKeyUsageValidator, KeyPurposeIdIter, RevocationOptions, VerifiedPath,
    anchor_from_trusted_cert,
};

use super::certificate::{BadCertificate, Certificate};
use super::fingerprint::Fingerprint;
use super::policy::MAX_CHAIN;
use super::rejection::NoPath;
use super::usage::Usage;
use crate::crypto::Digest;
use crate::time::{UnixTime, WallClock};

/// Most CAs that are tried for one certificate: those whose names its chain asks for.
const MAX_CANDIDATES: usize = 8;

/// A CA. What it signed, itself or through intermediates, is trusted.
#[derive(Clone, Debug)]
pub struct Authority<'p> {
    /// Its name, key and name constraints.
    pub anchor: TrustAnchor<'p>,
    /// SHA-256 of its certificate.
    pub fingerprint: Fingerprint,
    /// Start of its validity period.
    pub not_before: UnixTime,
    /// End of its validity period, still valid.
    pub not_after: UnixTime,
}

impl<'p> Authority<'p> {
    /// Reads the certificate of a CA.
    ///
    /// # Errors
    /// It is not one whole certificate, or not that of a CA.
    pub fn read(der: &'p CertificateDer<'p>, crypto: &impl Digest) -> Result<Self, BadAuthority> {
        let certificate = Certificate::parse(der)?;
        let anchor = anchor_from_trusted_cert(der).map_err(|_| BadCertificate)?;
        // Version 1 has no field that says so.
        if certificate.version > 1 && !(certificate.is_ca() && certificate.may_sign_certificates()) {
            return Err(BadAuthority::NoCa);
        }
        let Certificate { not_before, not_after, .. } = certificate;
        Ok(Self { anchor, fingerprint: Fingerprint(crypto.sha256(&[der])), not_before, not_after })
    }
}

/// The certificate is not that of a CA.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum BadAuthority {
    /// It cannot be read.
    #[error(transparent)]
    Certificate(#[from] BadCertificate),
    /// It may sign no other certificates.
    #[error(
        "not the certificate of a CA (CA:TRUE, and keyCertSign if it has a key usage): name the CA that signed it"
    )]
    NoCa,
}

/// What a path is validated with.
pub(super) struct PathRules<'p, 'r> {
    pub(super) authorities: &'r [Authority<'p>],
    pub(super) algorithms: &'r [&'r dyn SignatureVerificationAlgorithm],
    pub(super) usage: Usage,
    /// Most intermediates.
    pub(super) depth: u8,
    pub(super) revocation: Option<RevocationOptions<'r>>,
    pub(super) clock: WallClock,
    /// The peer's own certificate is judged at this time instead, because its dates were accepted. Its issuers never are.
    pub(super) leaf_time: Option<UnixTime>,
}

/// A path that holds.
pub(super) struct Path {
    /// Index of the CA.
    pub(super) authority: usize,
    /// When the first certificate of the path expires, that of the CA included.
    pub(super) until: UnixTime,
    /// Indices of the issuers on the path among the certificates that were shown, from the CA's side to the peer.
    pub(super) issuers: heapless::Vec<usize, MAX_CHAIN>,
}

impl PathRules<'_, '_> {
    /// Finds a path from `leaf`, the first certificate that was shown, to one of the CAs.
    ///
    /// # Errors
    /// The reason why there is none.
    pub(super) fn validate(&self, leaf: &Certificate<'_>, shown: &[&[u8]]) -> Result<Path, NoPath> {
        let (der, rest) = shown.split_first().ok_or(NoPath::Malformed)?;
        if leaf.version == 1 {
            return self.validate_version_1(leaf);
        }
        let intermediates: heapless::Vec<CertificateDer<'_>, MAX_CHAIN> =
            rest.iter().take(MAX_CHAIN).map(|der| CertificateDer::from(*der)).collect();
        let parsed: heapless::Vec<Certificate<'_>, MAX_CHAIN> =
            rest.iter().take(MAX_CHAIN).filter_map(|der| Certificate::parse(der).ok()).collect();
        let asked = |subject: &[u8]| {
            core::iter::once(leaf).chain(&parsed).any(|certificate| certificate.issuer == subject)
        };
        let candidates = self.authorities.iter().filter(|authority| asked(&authority.anchor.subject));
        let mut anchors: heapless::Vec<TrustAnchor<'_>, MAX_CANDIDATES> = heapless::Vec::new();
        for authority in candidates {
            anchors.push(authority.anchor.clone()).map_err(|_| NoPath::TooMuchWork)?;
        }
        let time = self.time(leaf, &parsed);
        let der = CertificateDer::from(*der);
        let leaf_to_verify = EndEntityCert::try_from(&der).map_err(|error| self.explain(error))?;
        let judge = |path: &VerifiedPath<'_>| self.judge(path, leaf, shown, time).map(|_| ());
        let at = self.leaf_time.unwrap_or(time);
        let path = leaf_to_verify
            .verify_for_usage(
                self.algorithms,
                &anchors,
                &intermediates,
                PkiTime::since_unix_epoch(Duration::from_secs(at.0)),
                self.usage,
                self.revocation,
                Some(&judge),
            )
            .map_err(|error| self.explain(error))?;
        self.judge(&path, leaf, shown, time).map_err(|error| self.explain(error))
    }

    /// The time that every certificate is judged by. Without a reliable clock no certificate is too young: the true time is
    /// at least that at which the youngest one of the path began.
    fn time(&self, leaf: &Certificate<'_>, rest: &[Certificate<'_>]) -> UnixTime {
        match self.clock {
            WallClock::Reliable(now) => now,
            WallClock::NotBefore(floor) => {
                let begins = core::iter::once(leaf).chain(rest).map(|certificate| certificate.not_before);
                begins.fold(floor, UnixTime::max)
            }
        }
    }

    /// Checks what webpki does not: the length of a path, and the dates of its CA.
    fn judge(
        &self,
        path: &VerifiedPath<'_>,
        leaf: &Certificate<'_>,
        shown: &[&[u8]],
        time: UnixTime,
    ) -> Result<Path, webpki::Error> {
        let mut until = leaf.not_after;
        let mut issuers = heapless::Vec::new();
        for certificate in path.intermediate_certificates().rev() {
            let der = certificate.der();
            let certificate = Certificate::parse(&der).map_err(|_| webpki::Error::BadDer)?;
            self.judge_dates(certificate.not_before, certificate.not_after, time)?;
            until = until.min(certificate.not_after);
            let index = shown.iter().position(|shown| *shown == &*der).ok_or(webpki::Error::BadDer)?;
            issuers.push(index).map_err(|_| webpki::Error::MaximumPathDepthExceeded)?;
        }
        if issuers.len() > usize::from(self.depth) {
            return Err(webpki::Error::MaximumPathDepthExceeded);
        }
        let is_anchor = |authority: &Authority<'_>| {
            authority.anchor.subject == path.anchor().subject
                && authority.anchor.subject_public_key_info == path.anchor().subject_public_key_info
        };
        let dates =
            |authority: &Authority<'_>| self.judge_dates(authority.not_before, authority.not_after, time);
        // A CA that was renewed with the same key stands here twice. The certificate that is valid for longest counts.
        let same = || self.authorities.iter().enumerate().filter(|(_, authority)| is_anchor(authority));
        let valid = same().filter(|(_, authority)| dates(authority).is_ok());
        let (index, authority) = valid
            .max_by_key(|(_, authority)| authority.not_after)
            .or_else(|| same().max_by_key(|(_, authority)| authority.not_after))
            .ok_or(webpki::Error::UnknownIssuer)?;
        dates(authority)?;
        Ok(Path { authority: index, until: until.min(authority.not_after), issuers })
    }

    /// Checks the dates of an issuer.
    fn judge_dates(
        &self,
        not_before: UnixTime,
        not_after: UnixTime,
        time: UnixTime,
    ) -> Result<(), webpki::Error> {
        let pki = |time: UnixTime| PkiTime::since_unix_epoch(Duration::from_secs(time.0));
        if time > not_after {
            return Err(webpki::Error::CertExpired { time: pki(time), not_after: pki(not_after) });
        }
        if matches!(self.clock, WallClock::Reliable(_)) && time < not_before {
            return Err(webpki::Error::CertNotValidYet { time: pki(time), not_before: pki(not_before) });
        }
        Ok(())
    }

    /// A certificate of version 1 has no extensions: no usage, no names. It is taken directly under a CA. Its dates are judged with
    /// those of every leaf.
    fn validate_version_1(&self, leaf: &Certificate<'_>) -> Result<Path, NoPath> {
        if self.revocation.is_some() {
            return Err(NoPath::Version1WithRevocation);
        }
        // They would say what nobody reads here.
        if leaf.has_extensions() {
            return Err(NoPath::Malformed);
        }
        let mut found = Err(NoPath::UnknownIssuer);
        let named = |authority: &&Authority<'_>| *authority.anchor.subject == *leaf.issuer;
        for authority in self.authorities.iter().filter(named).take(MAX_CANDIDATES) {
            let time = self.time(leaf, &[]);
            match leaf.signed.verify(&authority.anchor.subject_public_key_info, self.algorithms) {
                Ok(()) => {
                    // A CA that was renewed with the same key stands here twice.
                    if let Err(error) = self.judge_dates(authority.not_before, authority.not_after, time) {
                        found = Err(self.explain(error));
                        continue;
                    }
                    let is_it = |other: &Authority<'_>| other.fingerprint == authority.fingerprint;
                    let index = self.authorities.iter().position(is_it).ok_or(NoPath::UnknownIssuer)?;
                    let until = leaf.not_after.min(authority.not_after);
                    return Ok(Path { authority: index, until, issuers: heapless::Vec::new() });
                }
                Err(error) => found = Err(error),
            }
        }
        found
    }
}

impl PathRules<'_, '_> {
    fn explain(&self, error: webpki::Error) -> NoPath {
        use webpki::Error;
        let unix = |time: PkiTime| UnixTime(time.as_secs());
        match error {
            Error::UnknownIssuer => NoPath::UnknownIssuer,
            Error::InvalidSignatureForPublicKey | Error::SignatureAlgorithmMismatch => NoPath::BadSignature,
            Error::UnsupportedSignatureAlgorithmContext(_)
            | Error::UnsupportedSignatureAlgorithmForPublicKeyContext(_) => NoPath::UnsupportedSignature,
            Error::CaUsedAsEndEntity => NoPath::CaAsLeaf,
            Error::EndEntityUsedAsCa => NoPath::IssuerIsNoCa,
            Error::MaximumPathDepthExceeded | Error::PathLenConstraintViolated => NoPath::TooDeep,
            Error::MaximumPathBuildCallsExceeded
            | Error::MaximumSignatureChecksExceeded
            | Error::MaximumNameConstraintComparisonsExceeded => NoPath::TooMuchWork,
            Error::NameConstraintViolation => NoPath::NameConstraint,
            Error::EmptyEkuExtension | Error::RequiredEkuNotFoundContext(_) => NoPath::Usage(self.usage),
            Error::UnsupportedCriticalExtension => NoPath::CriticalExtension,
            Error::CertExpired { not_after, .. } => NoPath::Expired(unix(not_after)),
            Error::CertNotValidYet { not_before, .. } => NoPath::NotYetValid(unix(not_before)),
            Error::CertRevoked => NoPath::Revoked,
            Error::UnknownRevocationStatus => NoPath::RevocationUnknown,
            Error::CrlExpired { next_update, .. } => NoPath::StaleList(unix(next_update)),
            Error::InvalidCrlSignatureForPublicKey
            | Error::IssuerNotCrlSigner
            | Error::UnsupportedCrlSignatureAlgorithmContext(_)
            | Error::UnsupportedCrlSignatureAlgorithmForPublicKeyContext(_) => NoPath::BadList,
            Error::UnsupportedCertVersion => NoPath::OtherVersion,
            _ => NoPath::Malformed,
        }
    }
}

impl ExtendedKeyUsageValidator for Usage {
    fn validate(&self, mut purposes: KeyPurposeIdIter<'_, '_>) -> Result<(), webpki::Error> {
        self.allows(&mut purposes)
    }
}
