//! The ports of the daemon: [`private`] for nodes, tools and the components of this machine, [`public`] for the world.
//!
//! Both take connections through the [`acceptor`], [sniff](sniff) their protocol from the first bytes, and serve HTTP through
//! [`connection`].

mod acceptor;
mod connection;
mod health;
pub mod private;
pub mod public;
mod sniff;
