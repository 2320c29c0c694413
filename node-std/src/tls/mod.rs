//! Mutual TLS on the private port: the TLS directory, the verifier that asks the core, and live reload.
//!
//! Data flows one way: files → slots → the core's rules → rustls configurations → [`Keyring`]. Every new connection asks
//! the keyring for its configuration, so a reload takes effect with the next connection.

mod bundle;
mod channel;
mod directory;
mod endpoint;
mod error;
mod expiry;
mod explain;
mod file;
mod listing;
mod operator;
mod pem;
mod provider;
mod reload;
mod secret_key;
mod trust;
mod verifier;
mod watch;

pub use bundle::{BoardKeyring, read_bundle};
pub use channel::{channel, peer_fingerprint};
pub use endpoint::{ALPN_H2, ALPN_HTTP1, ALPN_LINK, server_name};
pub use error::{DirectoryProblem, FileProblem, TlsError};
pub use explain::{explain, explain_opening};
pub(crate) use file::{read_chain, read_key};
pub use operator::{Operator, read_operator};
pub use pem::Damage;
pub(crate) use pem::blocks;
pub(crate) use provider::{provider, signing_key};
pub use reload::{Health, Keyring, Shows};
pub(crate) use secret_key::SecretKeyDer;
pub use trust::Shown;
