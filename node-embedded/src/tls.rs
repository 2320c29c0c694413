//! TLS 1.3 with hubs: embedded-tls, and around it what it lacks.
//!
//! `session` opens and uses a connection, `verifier` decides with the core's trust policy, `provider` keeps
//! this node's identity back until then, `guard` stands between embedded-tls and the network.

mod carrier;
mod guard;
mod provider;
mod session;
mod verifier;

pub(crate) use carrier::{Carrier, Shared};
pub(crate) use guard::Guard;
pub(crate) use provider::Credentials;
pub(crate) use session::{Reader, Records, Session, Writer};
pub(crate) use verifier::{Proved, Trust};

pub use guard::Violation;
pub use session::SessionError;
pub use verifier::VerifyError;

#[cfg(test)]
mod tests;
