//! Whom a node trusts: the core's policy over its keys, its CAs and its rules. It decides for a handshake, and again for a connection
//! that is up.

use core::time::Duration;
use std::sync::{Arc, Mutex, PoisonError};

use node_core::crypto::{Digest, Software};
use node_core::time::{UnixTime, WallClock};
use node_core::trust::{
    Accepted, Anchor, Authority, Certificate, Circumstances, Fingerprint, Names, NoPath, Policy, Rejection,
    Revocation, TrustedBy,
};
use rustls::CommonState;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName};
use webpki::CertRevocationList;

use super::crl::{Distribution, Listed};
use super::hook::{Asked, CommandAnswer, Hook, Hooks};
use super::settings::{CrlCheck, Demand, NameRule, Rules};

/// A decision holds no longer than this: the clock of the machine may be set meanwhile.
const LONGEST: Duration = Duration::from_secs(60);

/// The grounds to trust a peer.
#[derive(Debug)]
pub(super) struct Trust {
    /// Of those who dial this node.
    pub(super) listening: Side,
    /// Of those whom it dials.
    pub(super) dialling: Side,
    /// Lists of revoked certificates.
    pub(super) lists: Vec<Listed>,
    /// SHA-256 over them.
    pub(super) lists_digest: Fingerprint,
    /// Those that come by HTTP.
    pub(super) distribution: Arc<Distribution>,
    /// Whether what peers show says where others are.
    pub(super) learns: bool,
    /// Checks the signatures of CAs.
    pub(super) provider: Arc<CryptoProvider>,
    /// The application's own verifier.
    pub(super) hook: Option<Hook>,
}

/// The grounds to trust a peer on one side of a connection.
#[derive(Debug)]
pub(super) struct Side {
    pub(super) rules: Rules,
    /// Certificates and keys that are trusted whoever signed them.
    pub(super) anchors: Vec<Anchor>,
    pub(super) authorities: Vec<Authority<'static>>,
}

/// What a peer is to this node after it was judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// It proved a certificate that is trusted exactly.
    Anchored,
    /// It proved a certificate that a CA signed.
    Certified,
    /// It proved a certificate that no CA signed, and a verifier accepts it.
    Vouched,
    /// It proved nothing, and that is allowed.
    Anonymous,
}

impl Trust {
    /// Judges a peer that showed these certificates, its own first, after this node dialled `dialled`, or after it dialled this node.
    /// Returns what it is, and when the decision ends.
    pub(super) fn judge(
        &self,
        chain: &[&[u8]],
        dialled: Option<&ServerName<'_>>,
        now: UnixTime,
        asked: Asked<'_>,
    ) -> Result<(Standing, UnixTime), Rejection> {
        let side = self.side(dialled);
        let anonymous = Ok((Standing::Anonymous, UnixTime(u64::MAX)));
        if chain.is_empty() && side.rules.demand != Demand::Always {
            return anonymous;
        }
        let command = side.rules.verify_command.as_ref();
        let mut hooks = Hooks { hook: self.hook.as_ref(), command, asked };
        let proved = self.prove(chain, dialled, now, &mut hooks, side.rules.crl_check);
        if self.learns && side.rules.crl_check != CrlCheck::Off {
            self.learn(chain, dialled, now, &proved);
        }
        match proved {
            Ok(accepted) => Ok((
                match accepted.by {
                    TrustedBy::Anchor(_) => Standing::Anchored,
                    TrustedBy::Authority(_) => Standing::Certified,
                    TrustedBy::Hook => Standing::Vouched,
                },
                accepted.until,
            )),
            // Who demands nothing takes a peer with a bad certificate, unless a verifier has the last word about those who show one.
            Err(_) if side.rules.demand == Demand::Nothing && self.hook.is_none() && command.is_none() => {
                anonymous
            }
            Err(rejection) => Err(rejection),
        }
    }

    /// Why a node with the same CAs and rules would refuse a node that shows this, whatever name it is dialled as.
    pub(super) fn refuses_own(&self, chain: &[&[u8]], now: UnixTime) -> Option<Rejection> {
        let Side { rules, authorities, .. } = &self.listening;
        // Lists of peers need not name this node, and a verifier decides by what it knows.
        let lists_peers = matches!(rules.names, NameRule::OneOf(_)) || !rules.pinned.is_empty();
        if authorities.is_empty() || lists_peers || self.hook.is_some() || rules.verify_command.is_some() {
            return None;
        }
        let mut nobody = Hooks { hook: None, command: None, asked: Asked::Before(None) };
        let refused = self.prove(chain, None, now, &mut nobody, rules.crl_check).err();
        // Lists that are fetched may be on their way.
        let waits = NoPath::RevocationUnknown;
        refused.filter(|refused| !matches!(refused, Rejection::NoPath { reason, .. } if *reason == waits))
    }

    /// The grounds for peers that were dialled, or for those that dial.
    pub(super) fn side(&self, dialled: Option<&ServerName<'_>>) -> &Side {
        if dialled.is_some() { &self.dialling } else { &self.listening }
    }

    /// Takes from the certificates of a peer where their lists are, after their path to a CA was found good but for revocation: a
    /// stranger makes this node fetch nothing.
    fn learn(
        &self,
        chain: &[&[u8]],
        dialled: Option<&ServerName<'_>>,
        now: UnixTime,
        proved: &Result<Accepted<'_>, Rejection>,
    ) {
        let path = match proved {
            Ok(accepted) => accepted.path,
            Err(Rejection::NoPath {
                reason: NoPath::RevocationUnknown | NoPath::StaleList(_) | NoPath::BadList,
                ..
            }) => {
                let mut nobody = Hooks { hook: None, command: None, asked: Asked::Before(None) };
                match self.prove(chain, dialled, now, &mut nobody, CrlCheck::Off) {
                    Ok(accepted) => accepted.path,
                    Err(_) => return,
                }
            }
            Err(_) => return,
        };
        let on_path = chain.iter().enumerate().filter(|(index, _)| path >> index & 1 == 1);
        self.distribution.learn(on_path.filter_map(|(_, der)| Certificate::parse(der).ok()));
    }

    fn prove<'c>(
        &self,
        chain: &[&'c [u8]],
        dialled: Option<&ServerName<'_>>,
        now: UnixTime,
        hooks: &mut Hooks<'_>,
        crl_check: CrlCheck,
    ) -> Result<Accepted<'c>, Rejection> {
        let side = self.side(dialled);
        let rules = &side.rules;
        let fetched = self.distribution.fetched();
        let fetched = fetched.iter().filter_map(|fetched| fetched.list.as_deref());
        let mut listed: Vec<&Listed> = self.lists.iter().chain(fetched).collect();
        // Of several lists that cover a certificate the first one counts.
        listed.sort_by_key(|listed| core::cmp::Reverse(listed.edition));
        let lists: Vec<&CertRevocationList<'_>> = listed.iter().map(|listed| &listed.list).collect();
        let names = match &rules.names {
            NameRule::Any => Names::Any,
            NameRule::Dialled => Names::Dialled,
            NameRule::DialledIfNamed => Names::DialledIfNamed,
            NameRule::OneOf(names) => Names::OneOf(names),
        };
        let policy = Policy {
            anchors: &side.anchors,
            authorities: &side.authorities,
            keys: rules.keys,
            min_remaining: rules.min_remaining,
            depth: rules.depth,
            usage: rules.usage,
            names,
            pinned: &rules.pinned,
            revocation: match crl_check {
                CrlCheck::Off => Revocation::Off,
                CrlCheck::Chain => Revocation::Chain(&lists),
                CrlCheck::Peer => Revocation::Peer(&lists),
                CrlCheck::BestEffort => Revocation::BestEffort(&lists),
            },
        };
        let circumstances = Circumstances {
            clock: Some(WallClock::Reliable(now)),
            dialled,
            algorithms: self.provider.signature_verification_algorithms.all,
        };
        policy.judge_with(chain, &circumstances, &Software, hooks)
    }
}

/// What a peer showed in a handshake. It is kept, because the peer is judged again while its connection is up.
#[derive(Clone, Debug)]
pub struct Shown(Arc<Handshake>);

#[derive(Debug)]
struct Handshake {
    /// Its own certificate first.
    chain: Vec<CertificateDer<'static>>,
    certificate: Option<Fingerprint>,
    /// What this node dialled, if it did.
    dialled: Option<ServerName<'static>>,
    /// The last judgement.
    judgement: Mutex<Option<Judgement>>,
    /// What the verify command said last.
    answer: Mutex<Option<CommandAnswer>>,
}

/// What a peer was found to be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Judgement {
    pub(super) standing: Standing,
    /// The keyring that decided.
    pub(super) generation: u64,
    /// When the decision ends.
    pub(super) until: UnixTime,
    /// When it is made again, at the latest.
    pub(super) judge_at: UnixTime,
}

impl Shown {
    /// Of a finished handshake, in which this node dialled `dialled`, or the peer dialled this node.
    #[must_use]
    pub fn of(connection: &CommonState, dialled: Option<ServerName<'static>>) -> Self {
        let chain = connection.peer_certificates().unwrap_or_default();
        Self::new(chain.iter().map(|certificate| certificate.clone().into_owned()).collect(), dialled)
    }

    /// Of a peer that showed `chain`.
    #[must_use]
    pub fn new(chain: Vec<CertificateDer<'static>>, dialled: Option<ServerName<'static>>) -> Self {
        let certificate = chain.first().map(|leaf| Fingerprint(Software.sha256(&[leaf])));
        Self(Arc::new(Handshake {
            chain,
            certificate,
            dialled,
            judgement: Mutex::default(),
            answer: Mutex::default(),
        }))
    }

    /// SHA-256 of its certificate, if it showed one.
    #[must_use]
    pub fn certificate(&self) -> Option<Fingerprint> {
        self.0.certificate
    }

    pub(super) fn chain(&self) -> Vec<&[u8]> {
        self.0.chain.iter().map(AsRef::as_ref).collect()
    }

    pub(super) fn leaf(&self) -> Option<&[u8]> {
        self.0.chain.first().map(AsRef::as_ref)
    }

    pub(super) fn dialled(&self) -> Option<&ServerName<'static>> {
        self.0.dialled.as_ref()
    }

    pub(super) fn judgement(&self) -> Option<Judgement> {
        *self.0.judgement.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn answer(&self) -> Option<CommandAnswer> {
        self.0.answer.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Keeps what the verify command says. The last judgement did not know it.
    pub(super) fn answered(&self, answer: CommandAnswer) {
        *self.0.answer.lock().unwrap_or_else(PoisonError::into_inner) = Some(answer);
        *self.0.judgement.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    pub(super) fn remember(&self, judgement: Judgement) {
        *self.0.judgement.lock().unwrap_or_else(PoisonError::into_inner) = Some(judgement);
    }
}

/// How long from `now` a decision holds that ends with the second `until`.
pub(super) fn holds_for(until: UnixTime, now: UnixTime) -> Duration {
    // A certificate is still valid in its last second.
    LONGEST.min(Duration::from_secs(until.0.saturating_sub(now.0).saturating_add(1)))
}
