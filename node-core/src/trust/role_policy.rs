//! The decision which roles a peer has.

use core::str::FromStr;

use thiserror::Error;

use super::certificate::Certificate;
use super::fingerprint::Fingerprint;
use super::name_pattern::{BadPattern, NamePattern};
use super::role::{BadRole, Role, Roles};
use super::usage::Usage;
use crate::id::{MAX_NAME, NodeId, is_name};

/// Most rules that a node takes.
pub const MAX_ROLE_RULES: usize = 64;

/// The roles of every pair that stands in a node's own directory. One shared directory is enough for nodes and operators.
const OF_PAIR: Roles = Roles::ALL;
/// The roles of a certificate that is only trusted. That of a board is one, and a board must neither steer the cluster nor pose as
/// a hub.
const OF_TRUSTED: Roles = Roles::of(&[Role::Leaf, Role::Application]);
/// The roles of a certificate that a CA signed, when it may dial and be dialled: which side of a link dials is an accident of
/// time. Nobody steers a cluster because a CA signed something.
const OF_CERTIFIED: Roles = Roles::of(&[Role::Hub, Role::Leaf, Role::Application]);
/// The roles of a peer that proved no certificate.
const OF_ANONYMOUS: Roles = Roles::of(&[Role::Hub, Role::Leaf]);

/// What is known of a peer that was let in.
#[derive(Clone, Copy, Debug, Default)]
pub struct Match<'m> {
    /// The slot whose certificate it showed.
    pub slot: Option<MatchedSlot<'m>>,
    /// Its certificate, when a CA made it trusted and no slot did.
    pub certified: Option<Certified<'m>>,
    /// Its node id, once it proved it. `None` for a peer that is no node, such as a tool.
    pub node: Option<NodeId>,
}

/// A slot of the keyring that made a peer's certificate trusted.
#[derive(Clone, Copy, Debug)]
pub struct MatchedSlot<'m> {
    /// Its name: on a server the stem of the file name.
    pub name: &'m str,
    /// True when the private key is here as well.
    pub is_pair: bool,
    /// SHA-256 of the certificate.
    pub certificate: Fingerprint,
    /// SHA-256 of its `SubjectPublicKeyInfo`.
    pub spki: Fingerprint,
}

/// A certificate that is trusted because a CA signed it, or because a [`VerifyHook`](super::VerifyHook) says so.
#[derive(Clone, Copy, Debug)]
pub struct Certified<'m> {
    /// A CA signed it. Otherwise its names and its usage are its own word, and count for nothing.
    pub signed: bool,
    /// The certificate.
    pub certificate: &'m Certificate<'m>,
    /// Its SHA-256.
    pub fingerprint: Fingerprint,
    /// SHA-256 of its `SubjectPublicKeyInfo`.
    pub spki: Fingerprint,
}

/// The roles of a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Granted {
    /// The roles.
    pub roles: Roles,
    /// What said so.
    pub by: GrantedBy,
}

/// What decided on roles, the strongest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum GrantedBy {
    /// A [`RoleRule`].
    Rule,
    /// The end of the slot's name.
    Name,
    /// Nobody: the default.
    Default,
}

/// Decides which roles a peer has: those of the first rule that names it, else those that the end of its slot's name gives, else
/// the default.
///
/// A pair of this node's own directory has every role by default. A certificate that is only trusted has leaf and
/// application. One that a CA signed has them as well, and hub if its extended key usage lets it dial and be dialled. A peer
/// that proved no certificate has hub and leaf.
#[must_use]
pub fn roles_of(rules: &[RoleRule], matched: &Match<'_>) -> Granted {
    if let Some(rule) = rules.iter().find(|rule| rule.subject.names(matched)) {
        return Granted { roles: rule.roles, by: GrantedBy::Rule };
    }
    let by_default = |roles| Granted { roles, by: GrantedBy::Default };
    match (&matched.slot, &matched.certified) {
        (Some(slot), _) => match Roles::of_name(slot.name) {
            Some(roles) => Granted { roles, by: GrantedBy::Name },
            None => by_default(if slot.is_pair { OF_PAIR } else { OF_TRUSTED }),
        },
        (None, Some(Certified { certificate, signed, .. })) => {
            by_default(if *signed && certificate.allows(Usage::BOTH) { OF_CERTIFIED } else { OF_TRUSTED })
        }
        (None, None) => by_default(OF_ANONYMOUS),
    }
}

/// A rule that gives roles: `WHAT=ROLE[,ROLE...]`.
///
/// ```
/// use node_core::trust::RoleRule;
///
/// let rule: RoleRule = "board-*=leaf".parse().unwrap();
/// assert!("board-*=leef".parse::<RoleRule>().is_err());
/// # let _ = rule;
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleRule {
    subject: Subject,
    roles: Roles,
}

/// The peers that a rule is about.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Subject {
    /// A certificate or a public key with this SHA-256.
    Fingerprint(Fingerprint),
    /// A node.
    Node(NodeId),
    /// The slot of this name.
    Slot(SlotName),
    /// Every slot whose name begins so.
    SlotPrefix(SlotName),
    /// Certificates with such a name, when a CA signed them.
    Certified(NamePattern),
}

type SlotName = heapless::String<MAX_NAME>;

impl Subject {
    fn names(&self, matched: &Match<'_>) -> bool {
        let slot = |is: &dyn Fn(&MatchedSlot<'_>) -> bool| matched.slot.as_ref().is_some_and(is);
        let certified = matched.certified.as_ref();
        match self {
            Self::Fingerprint(sha256) => {
                slot(&|slot| [slot.certificate, slot.spki].contains(sha256))
                    || certified.is_some_and(|shown| [shown.fingerprint, shown.spki].contains(sha256))
            }
            Self::Certified(name) => {
                certified.is_some_and(|shown| shown.signed && name.names(shown.certificate))
            }
            Self::Node(id) => matched.node == Some(*id),
            Self::Slot(name) => slot(&|slot| slot.name == name),
            Self::SlotPrefix(prefix) => slot(&|slot| slot.name.starts_with(prefix.as_str())),
        }
    }
}

impl FromStr for Subject {
    type Err = BadRoleRule;

    fn from_str(text: &str) -> Result<Self, BadRoleRule> {
        if text.starts_with("sha256:") || text.len() == 64 {
            return text.parse().map(Self::Fingerprint).map_err(|_| BadRoleRule::Subject);
        }
        if let Ok(id) = text.parse() {
            return Ok(Self::Node(id));
        }
        if text.contains(':') {
            return text.parse().map(Self::Certified).map_err(BadRoleRule::Name);
        }
        let name = |text: &str| SlotName::try_from(text).map_err(|_| BadRoleRule::Subject);
        match text.strip_suffix('*') {
            Some(prefix) if prefix.is_empty() || is_name(prefix) => name(prefix).map(Self::SlotPrefix),
            None if is_name(text) => name(text).map(Self::Slot),
            _ => Err(BadRoleRule::Subject),
        }
    }
}

impl FromStr for RoleRule {
    type Err = BadRoleRule;

    fn from_str(text: &str) -> Result<Self, BadRoleRule> {
        // A URI may hold the sign as well, roles never do.
        let (subject, roles) = text.rsplit_once('=').ok_or(BadRoleRule::Form)?;
        Ok(Self { subject: subject.trim().parse()?, roles: roles.parse()? })
    }
}

/// The text is no [`RoleRule`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum BadRoleRule {
    /// There is no `=`.
    #[error("expected WHAT=ROLE[,ROLE...], such as board-7=leaf")]
    Form,
    /// The text after `=` names no roles.
    #[error(transparent)]
    Role(#[from] BadRole),
    /// The text before `=` is no name of a certificate.
    #[error(transparent)]
    Name(BadPattern),
    /// The text before `=` names no peer.
    #[error(
        "before = stands the name of a .crt file without the ending (it may end in *), the sha256:... of a certificate or \
         public key, a node id of 32 hexadecimal digits, or a name in a certificate that a CA signed: email:, dns:, uri:, ip: or \
         cn: and the name"
    )]
    Subject,
}
