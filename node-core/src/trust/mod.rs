//! Who is let in: the one decision that every adapter asks for, and what it needs to read in a certificate.

mod certificate;
mod date;
mod fingerprint;
mod policy;

pub use certificate::{Certificate, KeyAlgorithm, Malformed};
pub use date::Rfc3339;
pub use fingerprint::{BadFingerprint, Fingerprint};
pub use policy::{Accepted, AcceptedKeys, Anchor, MAX_CHAIN, Policy, Rejection};
