//! Trust: the one decision whether a peer's certificate is accepted, and what it reads in the certificate.

mod certificate;
mod date;
mod fingerprint;
mod policy;

pub use certificate::{BadCertificate, Certificate, KeyAlgorithm};
pub use date::Rfc3339;
pub use fingerprint::{BadFingerprint, Fingerprint};
pub use policy::{Accepted, AcceptedKeys, Anchor, MAX_CHAIN, Policy, Rejection};
