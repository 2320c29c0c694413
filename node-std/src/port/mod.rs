//! The ports of the daemon: [`private`] for nodes, tools and the components of this machine, [`public`] for the world.
//!
//! Both accept connections within a limit, sniff the protocol from the first bytes, and serve HTTP within limits.

mod acceptor;
mod connection;
mod exchange;
pub(crate) mod health;
mod http1;
mod http2;
pub mod private;
pub mod public;
mod service;
mod sniff;
