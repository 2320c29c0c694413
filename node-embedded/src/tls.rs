//! TLS 1.3 with hubs: embedded-tls, and the checks that it lacks.
//!
//! `session` opens and uses a connection, `verifier` checks what the hub proves against `trust`, `provider` holds back this node's
//! identity until then, `guard` checks each record before embedded-tls reads it, `carrier` joins the two directions of a
//! connection. `accept` is the other side, for peers that dial this node.

#[cfg(feature = "accept")]
mod accept;
mod carrier;
mod error;
mod guard;
mod provider;
mod session;
mod timeouts;
mod traffic;
mod trust;
mod verifier;

#[cfg(feature = "accept")]
pub use accept::AcceptError;
#[cfg(feature = "accept")]
pub(crate) use accept::{AcceptRecords, AcceptedSession, Machine, RustlsMachine, Shown};
pub(crate) use carrier::{Carrier, Shared};
pub(crate) use guard::Guard;
pub(crate) use provider::Credentials;
pub(crate) use session::{RecordBuffers, Session};
pub(crate) use traffic::{Receive, Transmit};
pub(crate) use trust::{Grounds, Proved, Trust};

pub use error::SessionError;
pub use guard::Violation;
pub use trust::VerifyError;

#[cfg(test)]
mod tests;
