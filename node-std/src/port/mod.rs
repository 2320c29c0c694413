//! The ports of the daemon: [`private`] for nodes, tools and the components of this machine, [`public`] for the world.
//!
//! Both accept connections within a limit, sniff the protocol from the first bytes, and serve HTTP within limits.

mod acceptor;
pub mod admission;
mod connection;
mod exchange;
pub mod gateway_tls;
pub(crate) mod health;
mod http1;
mod http2;
mod pool;
pub mod private;
pub mod public;
pub mod redirect;
mod service;
mod sniff;
#[cfg(test)]
pub(crate) mod testing;
