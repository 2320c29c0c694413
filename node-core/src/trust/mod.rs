//! Trust: the one decision whether a peer's certificate is accepted, what it reads in the certificate, and which roles the peer
//! has.

mod certificate;
mod date;
mod fingerprint;
mod policy;
mod role;
mod role_policy;

pub use certificate::{BadCertificate, Certificate, KeyAlgorithm};
pub use date::Rfc3339;
pub use fingerprint::{BadFingerprint, Fingerprint};
pub use policy::{Accepted, AcceptedKeys, Anchor, MAX_CHAIN, Policy, Rejection};
pub use role::{BadRole, MissingRole, Role, Roles};
pub use role_policy::{
    BadRoleRule, Granted, GrantedBy, MAX_ROLE_RULES, Match, MatchedSlot, RoleRule, roles_of,
};
