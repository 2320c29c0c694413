//! Which roles a peer has, and what happens to a peer that lacks one. The core decides. This room brings what matched: the slot of
//! the certificate, the node id, or the local token.
//!
//! Every refusal counts, is logged at a limited rate, and says how the role is granted.

mod caller;
mod refusal;
#[cfg(test)]
mod tests;

use core::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;

use arc_swap::ArcSwap;
use http::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use node_core::id::NodeId;
use node_core::trust::{
    Fingerprint, Granted, GrantedBy, Match, MissingRole, Role, RoleRule, Roles, roles_of,
};

pub use caller::{Caller, Credential};
pub use refusal::Refusal;

use crate::clock::unix_time;
use crate::data_dir::Token;
use crate::log_limit::LogLimit;
use crate::tls::{Keyring, Shown};

const NOBODY: Granted = Granted { roles: Roles::NONE, by: GrantedBy::Default };

/// Decides on the roles of peers.
#[derive(Debug)]
pub struct Access {
    credentials: Credentials,
    rules: ArcSwap<Vec<RoleRule>>,
    /// The nodes that may be linked; empty for every one that is trusted.
    allowed: ArcSwap<Vec<NodeId>>,
    /// Counts the changes of the rules and of the nodes that are allowed.
    changes: AtomicU64,
    refused: AtomicU64,
    log: LogLimit,
}

/// The keyring, the rules and the time that a decision was made by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Edition {
    keyring: u64,
    rules: u64,
    second: u64,
}

/// What a client can prove to this node.
pub enum Credentials {
    /// With TLS: that it has the key of a certificate in this keyring.
    Tls(Arc<Keyring>),
    /// Without TLS: that it can read this token.
    Token(Token),
}

impl core::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::Tls(_) => "Tls",
            Self::Token(_) => "Token",
        })
    }
}

impl Access {
    /// Decides by `rules`, then by the names of slots, then by the defaults.
    #[must_use]
    pub fn new(credentials: Credentials, rules: Vec<RoleRule>) -> Self {
        let log = LogLimit::of("peers that lack a role");
        Self {
            credentials,
            rules: ArcSwap::from_pointee(rules),
            allowed: ArcSwap::default(),
            changes: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            log,
        }
    }

    /// The roles of the peer at the other end of a link: of its certificate, under TLS, and of its proved node id.
    #[must_use]
    pub fn of_link(&self, shown: Option<&Shown>, node: NodeId) -> Granted {
        let allowed = self.allowed.load();
        if !allowed.is_empty() && !allowed.contains(&node) {
            return NOBODY;
        }
        self.granted(shown, Some(node))
    }

    /// What decisions are made by now. One that was made by the same holds.
    #[must_use]
    pub fn edition(&self) -> Edition {
        let keyring = match &self.credentials {
            Credentials::Tls(keyring) => keyring.generation(),
            Credentials::Token(_) => 0,
        };
        Edition { keyring, rules: self.changes.load(Ordering::Acquire), second: unix_time().0 }
    }

    /// The sender of a request over HTTP with these headers, that showed this in the handshake of its connection.
    #[must_use]
    pub fn caller(&self, shown: Option<&Shown>, headers: &HeaderMap) -> Caller {
        self.caller_with(shown, headers.get(AUTHORIZATION).map(HeaderValue::as_bytes))
    }

    /// The same, of a request whose header `Authorization` has this value.
    #[must_use]
    pub fn caller_with(&self, shown: Option<&Shown>, authorization: Option<&[u8]>) -> Caller {
        let token = match &self.credentials {
            Credentials::Token(token) => token,
            Credentials::Tls(_) => {
                let roles = self.granted(shown, None).roles;
                return Caller {
                    roles,
                    credential: Credential::Certificate(shown.and_then(Shown::certificate)),
                };
            }
        };
        // Any process of this machine may read, and send requests to components, as in Maelstrom.
        let anybody = Roles::of(&[Role::Application]);
        match authorization.map(bearer) {
            Some(Some(text)) if token.matches(text) => {
                Caller { roles: anybody.union(Roles::of(&[Role::Operator])), credential: Credential::Token }
            }
            // A component may have an `Authorization` of its own.
            Some(_) => Caller { roles: anybody, credential: Credential::OtherToken },
            None => Caller { roles: anybody, credential: Credential::Nothing },
        }
    }

    /// Checks that a caller has one of the roles that `what` needs.
    ///
    /// # Errors
    /// It has none. The refusal is counted and logged.
    pub fn require(&self, caller: &Caller, needs: Roles, what: &str) -> Result<(), Refusal> {
        let missing = match caller.roles.require(needs) {
            Ok(()) => return Ok(()),
            Err(missing) => missing,
        };
        let refusal = match (&self.credentials, caller.credential) {
            (Credentials::Token(token), credential) => Refusal::without_token(what, token.path(), credential),
            (Credentials::Tls(_), Credential::Certificate(Some(certificate))) => {
                self.without_role(what, certificate, missing)
            }
            (Credentials::Tls(_), _) => Refusal::new(format!("{what} {missing}")),
        };
        self.note(&refusal);
        Err(refusal)
    }

    /// Checks that the peer of a link, which has these roles and showed this, has one of the roles that `what` needs.
    ///
    /// # Errors
    /// It has none. The refusal is counted and logged.
    pub fn require_of_link(
        &self,
        granted: Granted,
        shown: Option<&Shown>,
        needs: Roles,
        what: &str,
    ) -> Result<(), Refusal> {
        granted.roles.require(needs).map_err(|missing| {
            let refusal = match shown.and_then(Shown::certificate) {
                Some(certificate) => self.without_role(what, certificate, missing),
                None => Refusal::new(format!("{what} {missing}")),
            };
            self.note(&refusal);
            refusal
        })
    }

    /// Peers refused for want of a role since the start.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// The name of the slot with this certificate.
    #[must_use]
    pub fn slot_name(&self, certificate: Fingerprint) -> Option<String> {
        let Credentials::Tls(keyring) = &self.credentials else { return None };
        keyring.read_slots(|slots| {
            slots.iter().find(|slot| slot.certificate == certificate).map(|slot| slot.name.to_string())
        })
    }

    /// Links these nodes alone, from now on; all that are trusted if there are none.
    pub fn allow(&self, nodes: Vec<NodeId>) {
        self.allowed.store(Arc::new(nodes));
        self.changes.fetch_add(1, Ordering::Release);
    }

    /// Takes other rules, from now on.
    pub fn replace_rules(&self, rules: Vec<RoleRule>) {
        self.rules.store(Arc::new(rules));
        self.changes.fetch_add(1, Ordering::Release);
    }

    fn granted(&self, shown: Option<&Shown>, node: Option<NodeId>) -> Granted {
        let rules = self.rules.load();
        match (&self.credentials, shown) {
            (Credentials::Token(_), _) => roles_of(&rules, &Match { node, ..Match::default() }),
            (Credentials::Tls(_), None) => NOBODY,
            (Credentials::Tls(keyring), Some(shown)) => keyring.granted(shown, &rules, node),
        }
    }

    fn without_role(&self, what: &str, certificate: Fingerprint, missing: MissingRole) -> Refusal {
        match self.slot_name(certificate) {
            Some(slot) => Refusal::without_role(what, &slot, missing),
            None => Refusal::new(format!(
                "{what} {missing}: unless it is no longer trusted, a rule gives certificate {certificate} a role, by this SHA-256 or \
                 by a name in it, such as --role email:ann@example.com=ROLE or cluster.roles"
            )),
        }
    }

    fn note(&self, refusal: &Refusal) {
        self.refused.fetch_add(1, Ordering::Relaxed);
        if self.log.admits() {
            tracing::warn!("refused: {refusal}");
        }
    }
}

/// The token in the value of an `Authorization` header (RFC 6750).
fn bearer(value: &[u8]) -> Option<&[u8]> {
    let (scheme, token) = value.split_at_checked("Bearer ".len())?;
    scheme.eq_ignore_ascii_case(b"Bearer ").then(|| token.trim_ascii())
}
