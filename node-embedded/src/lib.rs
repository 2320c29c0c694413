//! A Maelstrom node on a microcontroller: a leaf that dials its hubs.
#![no_std]
#![forbid(unsafe_code)]

#[cfg(test)]
extern crate std;

mod address;
mod application;
mod batch;
mod client;
mod connection;
mod digits;
mod events;
mod exchange;
mod keyring;
mod leaf;
mod log;
mod port;
mod rpc;
mod runner;
mod serve;
mod settings;
pub mod sizes;
mod state;
mod store;
mod table;
pub mod tls;

pub use application::{Answer, Application, Request};
pub use client::{Call, CallError, CallResponse};
pub use leaf::{Leaf, LeafResources, Parts, StartError, start};
pub use rpc::Reply;
pub use runner::Runner;
pub use settings::Settings;
pub use store::StoreError;
pub use table::ExchangeError;
