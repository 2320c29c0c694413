//! The sender of a request over HTTP.

use node_core::trust::{Fingerprint, Roles};

/// The sender of a request over HTTP.
#[derive(Clone, Copy, Debug)]
pub struct Caller {
    /// Its roles.
    pub roles: Roles,
    /// What it proved.
    pub credential: Credential,
}

/// What the sender of a request proved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Credential {
    /// With TLS: that it has the key of this certificate.
    Certificate(Option<Fingerprint>),
    /// Nothing.
    Nothing,
    /// It sent an `Authorization` that is not the local token.
    OtherToken,
    /// That it can read the local token.
    Token,
}
