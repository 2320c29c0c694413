//! Mutual TLS on the private port: the TLS directory, the verifier that asks the core, and live reload.
//!
//! Data flows one way: files → slots → the core's rules → rustls configurations → [`Keyring`]. Every new connection asks
//! the keyring for its configuration, so a reload takes effect with the next connection.

mod bundle;
mod channel;
pub mod crl;
mod current;
mod directory;
mod endpoint;
mod error;
mod expiry;
mod explain;
pub(crate) mod file;
mod hook;
mod listing;
mod material;
pub(crate) mod names;
mod operator;
mod password;
mod pem;
pub(crate) mod permissions;
mod provider;
mod question;
mod refused;
mod reload;
mod secret_key;
mod served;
mod session;
pub mod settings;
mod survey;
mod trust;
mod upstream;
mod verifier;
mod verify_command;
mod watch;

pub use bundle::{BoardKeyring, read_bundle};
pub use channel::{channel, peer_fingerprint};
pub use endpoint::{ALPN_H2, ALPN_HTTP1, ALPN_LINK, Shows};
pub use error::{DirectoryProblem, FileProblem, TlsError};
pub(crate) use expiry::ExpiryLog;
pub use explain::{explain, explain_opening};
pub use file::read_chain;
pub(crate) use file::read_key;
pub use operator::{Operator, read_operator};
pub use password::KeyPassword;
pub use pem::Damage;
pub(crate) use pem::blocks;
pub(crate) use provider::{provider, signing_key, ticketer};
pub use refused::{RefusedPeer, noting};
pub use reload::{Health, Keyring};
pub(crate) use secret_key::SecretKeyDer;
pub(crate) use served::{Served, check_pairs, pair_files};
pub use session::Session;
pub(crate) use survey::{LooseFile, Survey, SurveyedSlot, is_key_of, survey, survey_file};
pub use trust::Shown;
pub(crate) use upstream::upstream_config;
pub use verify_command::{VERIFY_TIMEOUT, VerifyCommand};
