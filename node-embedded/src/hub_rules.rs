//! Hubs whose certificates a CA signed: the rules for them. The core judges by them, with the code that servers use.

use core::fmt;

use node_core::crypto::{SOFTWARE_ALGORITHMS, Software};
use node_core::time::WallClock;
use node_core::trust::{
    Accepted, AcceptedKeys, Anchor, Authority, BadAuthority, Certified, Circumstances, Match, Names, NoPath,
    Policy, Rejection, Revocation, Roles, TrustedBy, Usage, roles_of,
};
use pki_types::{CertificateDer, ServerName};
use thiserror::Error;
use webpki::CertRevocationList;

use crate::revocation::{BadLists, MAX_LISTS, RevocationLists};

/// Most CAs.
pub const MAX_AUTHORITIES: usize = 4;
/// Most names in a list of names.
pub const MAX_HUB_NAMES: usize = 8;
/// Most intermediates, unless the rules say otherwise: so many fit into a record of a handshake.
const DEPTH: u8 = 2;

/// The rules for hubs whose certificates a CA signed. The keyring and the pins count beside them.
///
/// ```
/// use node_embedded::{HubNames, HubRules, Settings};
///
/// # const ROOT: &[u8] = &[];
/// // const ROOT: &[u8] = include_bytes!("root.der");
/// const RULES: &HubRules<'_> =
///     &HubRules { names: HubNames::OneOf(&["hub.example.com"]), ..HubRules::new(&[ROOT]) };
///
/// let settings =
///     Settings { hub_rules: Some(RULES), ..Settings::new("kitchen", "home", &["192.168.1.10:8374"]) };
/// ```
#[derive(Clone, Copy, Debug)]
pub struct HubRules<'d> {
    /// The certificates of the CAs in DER, at most [`MAX_AUTHORITIES`].
    pub authorities: &'d [&'d [u8]],
    /// The names that a hub's certificate must have.
    pub names: HubNames<'d>,
    /// One of these must name the hub's certificate or key, unless there are none.
    pub pinned: &'d [Anchor],
    /// Most intermediates between the hub's certificate and its CA. The whole first answer of a hub has to fit into
    /// [`TLS_READ`](crate::sizes::TLS_READ) bytes. Each one takes 1.4 KB of stack, and so does one more.
    pub depth: u8,
    /// What the hub's certificate must be made for.
    pub usage: Usage,
    /// Whether it may be revoked.
    pub crl_check: CrlCheck,
    /// The lists of revoked certificates.
    pub crls: Option<&'d RevocationLists<'d>>,
}

impl<'d> HubRules<'d> {
    /// Trusts what these CAs signed for the host that was dialled, for use by servers.
    #[must_use]
    pub const fn new(authorities: &'d [&'d [u8]]) -> Self {
        Self {
            authorities,
            names: HubNames::Dialled,
            pinned: &[],
            depth: DEPTH,
            usage: Usage::SERVER,
            crl_check: CrlCheck::Off,
            crls: None,
        }
    }
}

/// The names that the certificate of a hub must have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HubNames<'d> {
    /// The host of the address that was dialled, be it a name or a number.
    #[default]
    Dialled,
    /// Whatever names it has.
    Any,
    /// One of these names or addresses, at most [`MAX_HUB_NAMES`].
    OneOf(&'d [&'d str]),
}

/// What is asked of the lists of revoked certificates: the values of Erlang's `crl_check`, with their meaning there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CrlCheck {
    /// Nothing.
    #[default]
    Off,
    /// Each certificate of the path must be covered by a list of its issuer. A missing list counts as revoked, and so does an
    /// expired one, as far as the board knows the time.
    Chain,
    /// The same for the hub's own certificate alone.
    Peer,
    /// What a list names is revoked. A missing list is no obstacle, an expired one is used.
    BestEffort,
}

/// What is known when a hub is judged.
#[derive(Clone, Copy, Debug)]
pub struct Known<'k> {
    /// Certificates and keys that are trusted, however they came about.
    pub anchors: &'k [Anchor],
    /// The time.
    pub clock: Option<WallClock>,
    /// The host that was dialled.
    pub dialled: &'k str,
}

/// Judges hubs by rules beyond the keyring and the pins.
///
/// Behind a trait, so that a firmware without [`HubRules`] does not carry the code that follows paths to a CA.
pub trait JudgeHub: fmt::Debug {
    /// Checks the rules at the start.
    ///
    /// # Errors
    /// [`BadHubRules`] says what to change.
    fn check(&self) -> Result<(), BadHubRules>;

    /// Judges the certificates in DER that a hub showed, its own one first.
    ///
    /// # Errors
    /// [`Rejection`]: the hub is not trusted.
    fn judge<'c>(&self, chain: &[&'c [u8]], known: &Known<'_>) -> Result<Accepted<'c>, Rejection>;

    /// The roles of a hub that a CA made trusted.
    fn roles(&self, accepted: &Accepted<'_>) -> Roles;

    /// Replaces the lists of revoked certificates.
    ///
    /// # Errors
    /// [`BadLists`]: the lists before remain.
    fn replace_lists(&self, lists: &[&[u8]]) -> Result<(), BadLists>;
}

impl JudgeHub for HubRules<'_> {
    fn check(&self) -> Result<(), BadHubRules> {
        let names = match self.names {
            HubNames::OneOf(names) => names,
            HubNames::Dialled | HubNames::Any => &[],
        };
        if self.authorities.len() > MAX_AUTHORITIES || names.len() > MAX_HUB_NAMES {
            return Err(BadHubRules::TooMany);
        }
        for (index, der) in self.authorities.iter().enumerate() {
            let der = CertificateDer::from(*der);
            Authority::read(&der, &Software)
                .map_err(|problem| BadHubRules::Authority { number: index + 1, problem })?;
        }
        let bad = names.iter().position(|name| ServerName::try_from(*name).is_err());
        bad.map_or(Ok(()), |index| Err(BadHubRules::Name { number: index + 1 }))
    }

    /// Not inlined, so that its stack is given back before the hub's signature is checked.
    #[inline(never)]
    fn judge<'c>(&self, chain: &[&'c [u8]], known: &Known<'_>) -> Result<Accepted<'c>, Rejection> {
        let ders: heapless::Vec<CertificateDer<'_>, MAX_AUTHORITIES> =
            self.authorities.iter().take(MAX_AUTHORITIES).map(|der| CertificateDer::from(*der)).collect();
        let authorities: heapless::Vec<Authority<'_>, MAX_AUTHORITIES> =
            ders.iter().filter_map(|der| Authority::read(der, &Software).ok()).collect();
        let dialled = ServerName::try_from(known.dialled).ok();
        let mut listed: heapless::Vec<ServerName<'_>, MAX_HUB_NAMES> = heapless::Vec::new();
        let names = match self.names {
            HubNames::Any => Names::Any,
            HubNames::Dialled if dialled.is_some() => Names::Dialled,
            // No certificate is for a host that can be no name.
            HubNames::Dialled => Names::OneOf(&[]),
            HubNames::OneOf(names) => {
                listed.extend(
                    names.iter().take(MAX_HUB_NAMES).filter_map(|name| ServerName::try_from(*name).ok()),
                );
                Names::OneOf(&listed)
            }
        };
        let lent = self.crls.map(RevocationLists::read);
        let being_replaced = matches!(lent, Some(None));
        let lent = lent.flatten();
        let lists: heapless::Vec<CertRevocationList<'_>, MAX_LISTS> =
            lent.iter().flat_map(|lists| lists.iter()).take(MAX_LISTS).collect();
        let lists: heapless::Vec<&CertRevocationList<'_>, MAX_LISTS> = lists.iter().collect();
        let policy = Policy {
            authorities: &authorities,
            depth: self.depth,
            usage: self.usage,
            names,
            pinned: self.pinned,
            revocation: match self.crl_check {
                CrlCheck::Off => Revocation::Off,
                // Nobody is trusted without a look at the lists.
                _ if being_replaced => Revocation::Chain(&[]),
                CrlCheck::Chain => Revocation::Chain(&lists),
                CrlCheck::Peer => Revocation::Peer(&lists),
                CrlCheck::BestEffort => Revocation::BestEffort(&lists),
            },
            ..Policy::new(known.anchors, AcceptedKeys::P256)
        };
        let circumstances =
            Circumstances { clock: known.clock, dialled: dialled.as_ref(), algorithms: SOFTWARE_ALGORITHMS };
        // Each certificate takes stack before anything is known of it. One more than may be lets the reason be told.
        let most = usize::from(self.depth.max(DEPTH)) + 2;
        match policy.judge(chain.get(..most).unwrap_or(chain), &circumstances, &Software) {
            Err(Rejection::NoPath { fingerprint, spki, reason: NoPath::UnknownIssuer })
                if chain.len() > most =>
            {
                Err(Rejection::NoPath { fingerprint, spki, reason: NoPath::TooDeep })
            }
            judged => judged,
        }
    }

    fn roles(&self, accepted: &Accepted<'_>) -> Roles {
        let Accepted { certificate, fingerprint, spki, by, .. } = accepted;
        let signed = matches!(by, TrustedBy::Authority(_));
        let certified = Certified { signed, certificate, fingerprint: *fingerprint, spki: *spki };
        roles_of(&[], &Match { slot: None, certified: Some(certified), node: None }).roles
    }

    fn replace_lists(&self, lists: &[&[u8]]) -> Result<(), BadLists> {
        self.crls.ok_or(BadLists::NoMemory)?.replace(lists)
    }
}

/// The rules for hubs cannot be used. The node was not started.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum BadHubRules {
    /// A CA cannot be one.
    #[error("CA number {number} of the rules for hubs: {problem}")]
    Authority {
        /// Its place, from 1.
        number: usize,
        /// The problem.
        problem: BadAuthority,
    },
    /// A name is neither a DNS name nor an address.
    #[error("name number {number} of the rules for hubs is neither a DNS name nor an IP address")]
    Name {
        /// Its place, from 1.
        number: usize,
    },
    /// There are more CAs or names than a board takes.
    #[error("the rules for hubs have more than {MAX_AUTHORITIES} CAs or {MAX_HUB_NAMES} names: remove some")]
    TooMany,
}
