//! The server's side of TLS 1.3: sessions that peers open with this node.
//!
//! `machine` is the trait of a TLS server without IO, `rustls_machine` is rustls behind it, `records` checks each record and
//! each ClientHello before the machine reads it, `session` moves the bytes of one connection.

mod error;
mod machine;
mod records;
mod rustls_machine;
mod session;

pub use error::AcceptError;
pub(crate) use machine::{Machine, Shown};
pub(crate) use records::AcceptRecords;
pub(crate) use rustls_machine::RustlsMachine;
pub(crate) use session::AcceptedSession;

#[cfg(test)]
mod tests;
