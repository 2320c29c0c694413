//! The private port: one listener, told apart by its first bytes.

pub mod acceptor;
pub mod connection;
pub mod http;
pub mod listener;
pub mod sniff;

#[cfg(test)]
mod tests;
