//! How the private port is secured.

use std::sync::Arc;

use crate::tls::Keyring;

/// The security of the private port and of the links.
#[derive(Clone)]
pub enum Security {
    /// None.
    Plaintext,
    /// Mutual TLS.
    Tls(Arc<Keyring>),
}
