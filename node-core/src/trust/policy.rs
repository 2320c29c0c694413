//! The trust policy: by which rules a peer's certificate is accepted.

use core::time::Duration;

use pki_types::{CertificateDer, ServerName, SignatureVerificationAlgorithm};
use webpki::EndEntityCert;

use super::certificate::{Certificate, KeyAlgorithm};
use super::fingerprint::Fingerprint;
use super::hook::{Errors, NoHook, VerifyAnswer, VerifyEvent, VerifyHook};
use super::path::{Authority, Path, PathRules};
use super::rejection::{NoPath, Rejection};
use super::revocation::Revocation;
use super::usage::Usage;
use crate::crypto::Digest;
use crate::time::{UnixTime, WallClock};

/// Most certificates that a peer may show.
pub const MAX_CHAIN: usize = 10;
/// Most intermediates between a certificate and its CA, unless the rules say otherwise.
pub const DEPTH: u8 = 6;
/// How long a decision holds, in seconds, that lets in an expired certificate.
const EXPIRED_HOLDS: u64 = 60;

/// An anchor makes a certificate trusted, whoever signed it and whatever names it has. Its dates are judged as well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Anchor {
    /// Exactly the certificate with this SHA-256 of its DER.
    Certificate(Fingerprint),
    /// Any certificate whose `SubjectPublicKeyInfo` has this SHA-256.
    Spki(Fingerprint),
}

impl Anchor {
    fn names(self, certificate: Fingerprint, spki: Fingerprint) -> bool {
        match self {
            Self::Certificate(sha256) => sha256 == certificate,
            Self::Spki(sha256) => sha256 == spki,
        }
    }
}

/// The kinds of key that a peer may prove itself with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AcceptedKeys {
    /// Every kind that the TLS library can verify.
    #[default]
    Any,
    /// Keys on an elliptic curve (ECDSA), as Muti Metroo has it.
    Ec,
    /// P-256 alone: all that a board can verify.
    P256,
}

/// Which names the certificate of a peer must have, when a CA signed it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Names<'p> {
    /// Whatever names it has.
    #[default]
    Any,
    /// The name or address that was dialled. A peer that dialled this node may have any.
    Dialled,
    /// The same, unless the certificate has no names at all, as those that `openssl x509 -req` makes by default.
    DialledIfNamed,
    /// One of these, whatever was dialled.
    OneOf(&'p [ServerName<'p>]),
}

/// The rules by which a peer's certificate is accepted, one decision for every adapter and for both sides of a
/// connection. The default trusts nobody.
///
/// A peer is accepted when an [`Anchor`] names its certificate or key, or when a path leads from it to an [`Authority`] and all rules
/// for such paths hold. The adapter still has to check the peer's signature over the handshake.
#[derive(Clone, Copy, Debug)]
pub struct Policy<'p> {
    /// Whose certificates are accepted, however they came about.
    pub anchors: &'p [Anchor],
    /// The CAs.
    pub authorities: &'p [Authority<'p>],
    /// The kinds of key that are accepted.
    pub keys: AcceptedKeys,
    /// How long a certificate must remain valid, at least.
    pub min_remaining: Duration,
    /// Under a CA: most intermediates.
    pub depth: u8,
    /// Under a CA: what the certificate must be made for.
    pub usage: Usage,
    /// Under a CA: the names that it must have.
    pub names: Names<'p>,
    /// Under a CA: one of these must name it, unless there are none.
    pub pinned: &'p [Anchor],
    /// Under a CA: whether it may be revoked.
    pub revocation: Revocation<'p>,
}

impl Default for Policy<'_> {
    fn default() -> Self {
        Self {
            anchors: &[],
            authorities: &[],
            keys: AcceptedKeys::Any,
            min_remaining: Duration::ZERO,
            depth: DEPTH,
            usage: Usage::ANY,
            names: Names::Any,
            pinned: &[],
            revocation: Revocation::Off,
        }
    }
}

/// What is known at the time of a decision.
#[derive(Clone, Copy)]
pub struct Circumstances<'h> {
    /// What this node knows of the time, `None` when it knows nothing.
    pub clock: Option<WallClock>,
    /// The name or address that this node dialled. `None` when the peer dialled.
    pub dialled: Option<&'h ServerName<'h>>,
    /// The algorithms by which CAs may sign. Without any, no path holds.
    pub algorithms: &'h [&'h dyn SignatureVerificationAlgorithm],
}

impl Circumstances<'_> {
    /// At this time, of a peer that dialled, by anchors alone.
    #[must_use]
    pub const fn at(clock: Option<WallClock>) -> Self {
        Self { clock, dialled: None, algorithms: &[] }
    }
}

/// What a peer is trusted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrustedBy {
    /// The anchor with this index.
    Anchor(usize),
    /// The CA with this index.
    Authority(usize),
    /// Nothing but a [`VerifyHook`]: no CA vouches for what the certificate says.
    Hook,
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
    /// What made it trusted.
    pub by: TrustedBy,
    /// When this decision ends: the first end of validity on its path.
    pub until: UnixTime,
    /// Which of the certificates that were shown are on the path to a CA: bit 0 for its own, and so on. None for an anchor.
    pub path: u16,
}

/// The peer's certificate, and what it is known by.
#[derive(Clone, Copy)]
struct Shown<'c> {
    certificate: Certificate<'c>,
    fingerprint: Fingerprint,
    spki: Fingerprint,
}

/// All that a path is looked for with.
struct Search<'s, 'c> {
    shown: Shown<'c>,
    chain: &'s [&'c [u8]],
    algorithms: &'s [&'s dyn SignatureVerificationAlgorithm],
    clock: WallClock,
}

/// What vouches for a peer's certificate.
struct Grounds {
    by: TrustedBy,
    /// When they end.
    until: UnixTime,
    /// The issuers on its path, as indices into what was shown, from the CA's side.
    issuers: heapless::Vec<usize, MAX_CHAIN>,
}

impl Grounds {
    /// Without a path.
    const fn of(by: TrustedBy, certificate: &Certificate<'_>) -> Self {
        Self { by, until: certificate.not_after, issuers: heapless::Vec::new() }
    }
}

impl<'p> Policy<'p> {
    /// Trusts what any of `anchors` names, and nobody else.
    #[must_use]
    pub fn new(anchors: &'p [Anchor], keys: AcceptedKeys) -> Self {
        Self { anchors, keys, ..Self::default() }
    }

    /// Judges the certificates in DER that a peer showed, its own one first.
    ///
    /// # Errors
    /// [`Rejection`]: the peer MUST NOT be let in. Without a clock every peer is rejected.
    pub fn judge<'c>(
        &self,
        chain: &[&'c [u8]],
        circumstances: &Circumstances<'_>,
        crypto: &impl Digest,
    ) -> Result<Accepted<'c>, Rejection> {
        self.judge_with(chain, circumstances, crypto, &mut NoHook)
    }

    /// The same, and asks `hook`, which may accept errors and has the last word.
    ///
    /// # Errors
    /// [`Rejection`]: the peer MUST NOT be let in.
    pub fn judge_with<'c>(
        &self,
        chain: &[&'c [u8]],
        circumstances: &Circumstances<'_>,
        crypto: &impl Digest,
        // Not `dyn`: a board without a hook has none of the code for one.
        hook: &mut (impl VerifyHook + ?Sized),
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
        let shown = Shown { certificate, fingerprint, spki };
        let mut errors = Errors::new(hook, &certificate);
        let anchor = self.anchors.iter().position(|anchor| anchor.names(fingerprint, spki));
        if anchor.is_none() && self.authorities.is_empty() {
            errors.ask(Rejection::Unknown { fingerprint, spki })?;
        }
        let clock = circumstances.clock.ok_or(Rejection::NoClock { fingerprint })?;
        // A path is checked first: who is unknown learns nothing else about the rules.
        let grounds = match anchor {
            Some(index) => Grounds::of(TrustedBy::Anchor(index), &certificate),
            None if self.authorities.is_empty() => Grounds::of(TrustedBy::Hook, &certificate),
            None => {
                let algorithms = circumstances.algorithms;
                self.follow_path(&Search { shown, chain, algorithms, clock }, &mut errors)?
            }
        };
        let Grounds { by, mut until, issuers } = grounds;
        self.judge_key(&shown).or_else(|rejection| errors.lift(rejection))?;
        self.judge_end(&shown, clock).or_else(|rejection| errors.lift(rejection))?;
        Self::judge_begin(&shown, clock).or_else(|rejection| errors.lift(rejection))?;
        if anchor.is_none() {
            let names = self.judge_names(&shown, der, circumstances.dialled);
            names.or_else(|rejection| errors.lift(rejection))?;
            if !self.pinned.is_empty() && !self.pinned.iter().any(|pin| pin.names(fingerprint, spki)) {
                errors.lift(Rejection::NotPinned { fingerprint, spki })?;
            }
        }
        if clock.best() > until {
            until = UnixTime(clock.best().0.saturating_add(EXPIRED_HOLDS));
        }
        let mut ask = |event: &VerifyEvent<'_>| match errors.hook.check(event) {
            VerifyAnswer::Accept => Ok(()),
            VerifyAnswer::Refuse(reason) => Err(Rejection::Hook { fingerprint, reason }),
        };
        for der in issuers.iter().filter_map(|index| chain.get(*index)) {
            let malformed = |_| Rejection::NoPath { fingerprint, spki, reason: NoPath::Malformed };
            let issuer = Certificate::parse(der).map_err(malformed)?;
            ask(&VerifyEvent::Valid(&issuer))?;
        }
        ask(&VerifyEvent::ValidPeer(&certificate))?;
        let path = match by {
            TrustedBy::Authority(_) => issuers.iter().fold(1, |path, index| path | 1_u16 << index),
            TrustedBy::Anchor(_) | TrustedBy::Hook => 0,
        };
        Ok(Accepted { certificate, fingerprint, spki, by, until, path })
    }

    /// Finds a path to a CA. An error that the hook accepts lifts its rule, and the search goes on without it; where no rule
    /// is left to lift, the hook alone vouches for the peer.
    fn follow_path(
        &self,
        search: &Search<'_, '_>,
        errors: &mut Errors<'_, impl VerifyHook + ?Sized>,
    ) -> Result<Grounds, Rejection> {
        let Shown { fingerprint, spki, certificate } = search.shown;
        let (mut policy, mut leaf_time) = (*self, None);
        loop {
            let rejection = match policy.find_path(search, leaf_time) {
                Ok(path) => {
                    let by = TrustedBy::Authority(path.authority);
                    return Ok(Grounds { by, until: path.until, issuers: path.issuers });
                }
                Err(rejection) => rejection,
            };
            errors.lift(rejection)?;
            if rejection.leaves_no_path() {
                return Ok(Grounds::of(TrustedBy::Hook, &certificate));
            }
            let other_time = match rejection {
                Rejection::Expired { not_after, .. } => Some(not_after),
                Rejection::NotYetValid { not_before, .. } => Some(not_before),
                _ => None,
            };
            let lifted = match rejection {
                Rejection::NoPath { reason, .. } => policy.lift(reason),
                _ => leaf_time.is_none() && other_time.is_some(),
            };
            // It would go on for ever.
            if !lifted {
                return Err(rejection);
            }
            if other_time.is_some() {
                leaf_time = other_time;
                // The lists are not of that time, and a CA need not list certificates that have expired.
                if let Revocation::Chain(_) | Revocation::Peer(_) = policy.revocation {
                    let reason = NoPath::RevocationUnknown;
                    errors.lift(Rejection::NoPath { fingerprint, spki, reason })?;
                    policy.lift(reason);
                }
            }
        }
    }

    /// Drops the rule of this reason. Returns false when it was dropped before.
    fn lift(&mut self, reason: NoPath) -> bool {
        match (reason, self.revocation) {
            (NoPath::TooDeep, _) => core::mem::replace(&mut self.depth, u8::MAX) != u8::MAX,
            (NoPath::Usage(_), _) => core::mem::replace(&mut self.usage, Usage::ANY) != Usage::ANY,
            (
                NoPath::RevocationUnknown | NoPath::StaleList(_),
                Revocation::Chain(lists) | Revocation::Peer(lists),
            ) => {
                self.revocation = Revocation::BestEffort(lists);
                true
            }
            (_, Revocation::Off) => false,
            _ => {
                self.revocation = Revocation::Off;
                true
            }
        }
    }

    fn find_path(&self, search: &Search<'_, '_>, leaf_time: Option<UnixTime>) -> Result<Path, Rejection> {
        let Search { shown: Shown { fingerprint, spki, certificate }, chain, algorithms, clock } = *search;
        let no_path = |reason| Rejection::NoPath { fingerprint, spki, reason };
        let Some(revocation) = self.revocation.options() else {
            return Err(no_path(NoPath::RevocationUnknown));
        };
        let rules = PathRules {
            authorities: self.authorities,
            algorithms,
            usage: self.usage,
            depth: self.depth,
            revocation,
            clock,
            leaf_time,
        };
        rules.validate(&certificate, chain).map_err(|reason| match reason {
            NoPath::Malformed if chain.len() == 1 => Rejection::Malformed { fingerprint },
            // Its own dates are told apart from those of its issuers.
            NoPath::Expired(not_after) if leaf_time.is_none() && not_after == certificate.not_after => {
                Rejection::Expired { fingerprint, not_after }
            }
            NoPath::NotYetValid(not_before)
                if leaf_time.is_none() && not_before == certificate.not_before =>
            {
                Rejection::NotYetValid { fingerprint, not_before }
            }
            reason => no_path(reason),
        })
    }

    fn judge_key(&self, shown: &Shown<'_>) -> Result<(), Rejection> {
        let Shown { fingerprint, certificate, .. } = *shown;
        let algorithm = certificate.algorithm;
        match (self.keys, algorithm) {
            // No TLS library verifies these.
            (_, KeyAlgorithm::Rsa(..=2047) | KeyAlgorithm::Other) => {
                Err(Rejection::UnsupportedKey { fingerprint, algorithm })
            }
            (AcceptedKeys::P256, _) if certificate.p256_key().is_none() => {
                Err(Rejection::UnsupportedKey { fingerprint, algorithm })
            }
            (AcceptedKeys::Ec, _) if !algorithm.is_ec() => Err(Rejection::NotEc { fingerprint, algorithm }),
            _ => Ok(()),
        }
    }

    fn judge_end(&self, shown: &Shown<'_>, clock: WallClock) -> Result<(), Rejection> {
        let Shown { fingerprint, certificate: Certificate { not_after, .. }, .. } = *shown;
        if clock.best() > not_after {
            return Err(Rejection::Expired { fingerprint, not_after });
        }
        if not_after.0 - clock.best().0 < self.min_remaining.as_secs() {
            return Err(Rejection::ExpiresSoon { fingerprint, not_after, least: self.min_remaining });
        }
        Ok(())
    }

    fn judge_begin(shown: &Shown<'_>, clock: WallClock) -> Result<(), Rejection> {
        let Shown { fingerprint, certificate: Certificate { not_before, .. }, .. } = *shown;
        match clock {
            WallClock::Reliable(now) if now < not_before => {
                Err(Rejection::NotYetValid { fingerprint, not_before })
            }
            _ => Ok(()),
        }
    }

    fn judge_names(
        &self,
        shown: &Shown<'_>,
        der: &[u8],
        dialled: Option<&ServerName<'_>>,
    ) -> Result<(), Rejection> {
        let fingerprint = shown.fingerprint;
        // Certificates of version 1 have no names.
        let der = CertificateDer::from(der);
        let certificate = EndEntityCert::try_from(&der).ok();
        let is_for = |name: &ServerName<'_>| {
            certificate
                .as_ref()
                .is_some_and(|certificate| certificate.verify_is_valid_for_subject_name(name).is_ok())
        };
        match (self.names, dialled) {
            (Names::Any, _) | (Names::Dialled | Names::DialledIfNamed, None) => Ok(()),
            (Names::DialledIfNamed, Some(_)) if shown.certificate.is_nameless() => Ok(()),
            (Names::Dialled | Names::DialledIfNamed, Some(name)) if is_for(name) => Ok(()),
            (Names::Dialled | Names::DialledIfNamed, Some(_)) => Err(Rejection::OtherName { fingerprint }),
            (Names::OneOf(names), _) if names.iter().any(is_for) => Ok(()),
            (Names::OneOf(_), _) => Err(Rejection::NotAllowed { fingerprint }),
        }
    }
}
