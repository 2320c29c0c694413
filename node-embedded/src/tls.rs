//! TLS 1.3 with hubs: embedded-tls, and the checks that it lacks.
//!
//! `session` opens and uses a connection, `verifier` checks what the hub proves against
//! `trust`, `provider` holds back
//! this node's identity until then, `guard` checks each record before embedded-tls reads it, `carrier` joins the two
//! directions of a connection.

mod carrier;
mod guard;
mod provider;
mod session;
mod traffic;
mod trust;
mod verifier;

pub(crate) use carrier::{Carrier, Shared};
pub(crate) use guard::Guard;
pub(crate) use provider::Credentials;
pub(crate) use session::{RecordBuffers, Session};
pub(crate) use traffic::{Receive, Transmit};
pub(crate) use trust::{Grounds, Proved, Trust};

pub use guard::Violation;
pub use session::SessionError;
pub use trust::VerifyError;

#[cfg(test)]
mod tests;
