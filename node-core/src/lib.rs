//! The Maelstrom node protocol as sans-IO state machines.
#![no_std]
#![forbid(unsafe_code)]

#[cfg(any(test, feature = "sim"))]
extern crate std;

mod log;

pub mod crypto;
pub mod gossip;
pub mod http;
pub mod id;
pub mod keys;
pub mod link;
pub mod route;
pub mod rpc;
#[cfg(feature = "sim")]
pub mod sim;
pub mod time;
pub mod trust;
pub mod wire;
