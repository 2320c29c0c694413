//! Trust: the one decision whether a peer's certificate is accepted, what it reads in the certificate, and which roles the peer
//! has.

mod certificate;
mod date;
mod distribution;
mod fingerprint;
mod hook;
mod name_pattern;
mod names;
mod path;
mod policy;
mod rejection;
mod revocation;
mod revocation_list;
mod role;
mod role_policy;
mod usage;

pub use certificate::{BadCertificate, Certificate, Extension, KeyAlgorithm};
pub use date::Rfc3339;
pub use fingerprint::{BadFingerprint, Fingerprint};
pub use hook::{VerifyAnswer, VerifyEvent, VerifyHook};
pub use name_pattern::{BadPattern, MAX_PATTERN, NamePattern};
pub use names::SubjectName;
pub use path::{Authority, BadAuthority};
pub use policy::{Accepted, AcceptedKeys, Anchor, Circumstances, DEPTH, MAX_CHAIN, Names, Policy, TrustedBy};
pub use rejection::{NoPath, Rejection};
pub use revocation::Revocation;
pub use revocation_list::{BadRevocationList, Edition, RevocationList};
pub use role::{BadRole, MissingRole, Role, Roles};
pub use role_policy::{
    BadRoleRule, Certified, Granted, GrantedBy, MAX_ROLE_RULES, Match, MatchedSlot, RoleRule, roles_of,
};
pub use usage::Usage;
