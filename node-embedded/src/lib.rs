//! A Maelstrom node on a microcontroller: a leaf that dials its hubs over mutual TLS, takes requests from the cluster
//! and makes its own. No `std`, no allocator, no `unsafe`; it runs on a host as well, which is how it is tested.
//!
//! The firmware brings a network, entropy, flash and its [`Application`]; protocol and trust are `node-core`'s.
//! It lends the node a `static` of [`LeafResources`], gets a [`Leaf`] to hold and a [`Runner`] to spawn:
//!
//! ```
//! use embassy_net::Stack;
//! use embedded_storage_async::nor_flash::NorFlash;
//! use node_core::time::UnixTime;
//! use node_embedded::{
//!     Answer, Application, Call, ExchangeError, LeafResources, Parts, Request, Settings, start,
//! };
//! use rand_core::CryptoRngCore;
//!
//! /// What this board offers.
//! struct Thermometer;
//!
//! impl Application for Thermometer {
//!     fn components(&self) -> &[&str] {
//!         &["thermometer"]
//!     }
//!
//!     async fn serve(&self, request: &Request<'_>, answer: &mut Answer<'_, '_>) -> Result<(), ExchangeError> {
//!         match request.path() {
//!             "/" => answer.send(200, "application/json", br#"{"celsius": 21.5}"#).await,
//!             _ => answer.send(404, "text/plain", b"no such path\n").await,
//!         }
//!     }
//! }
//!
//! // On a board this is a task of embassy-executor and `resources` comes out of a `StaticCell`.
//! async fn node(
//!     resources: &'static mut LeafResources<'static>,
//!     network: Stack<'static>,
//!     rng: impl CryptoRngCore,
//!     flash: impl NorFlash,
//! ) {
//!     let settings = Settings {
//!         not_before: UnixTime(1_796_040_000),
//!         needs: &["archive"],
//!         ..Settings::new("kitchen", "home", &["192.168.1.10:8374", "192.168.1.11:8374"])
//!     };
//!     let parts =
//!         Parts { network, rng, flash, flash_range: 0x0008_0000..0x0008_8000, application: Thermometer };
//!     // An error says what to change: log it and stop.
//!     let Ok((leaf, mut runner)) = start(resources, settings, parts).await else { return };
//!
//!     let report = async {
//!         leaf.linked().await;
//!         let mut head = [0; 512];
//!         if let Ok(mut response) = leaf.call(&Call::post("archive", "/boot", b"hello"), &mut head).await {
//!             let mut part = [0; 64];
//!             while response.read(&mut part).await.is_ok_and(|read| read > 0) {}
//!         }
//!     };
//!     // On a board the runner is a task of its own.
//!     embassy_futures::join::join(runner.run(), report).await;
//! }
//! ```
//!
//! Where to find what:
//!
//! | file | idea |
//! |---|---|
//! | `leaf`, `runner`, `settings`, `sizes` | starting a node, its one future, what it is told, its memory |
//! | `connection`, `tls` | one port's work: dial, shake hands with a hub that proves itself, move bytes |
//! | `state`, `port`, `events`, `batch` | the core's machines behind one cell, and what happens to them |
//! | `table`, `exchange` | requests under way, each in a bounded slot |
//! | `serve`, `rpc`, `application` | answering hubs |
//! | `client` | this board's own requests |
//! | `store`, `keyring` | flash, and the keys in use |
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
pub use settings::{MAX_PINS, Settings};
pub use store::StoreError;
pub use table::ExchangeError;
