//! A Maelstrom node on a microcontroller: a leaf that dials its hubs over mutual TLS, answers requests from the cluster
//! and makes its own. The crate uses no `std`, no allocator and no `unsafe`. It also runs on a host, where it is tested.
//!
//! The firmware brings a network, entropy, flash and its [`Application`]; `node-core` brings protocol and trust.
//! The firmware lends the node a `static` of [`LeafResources`], keeps a [`Leaf`] and spawns a [`Runner`]:
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
//! /// The component of this board.
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
//! // On a board this is a task of embassy-executor, and `resources` comes from a `StaticCell`.
//! async fn node(
//!     resources: &'static mut LeafResources<'static>,
//!     network: Stack<'static>,
//!     rng: impl CryptoRngCore,
//!     flash: impl NorFlash,
//! ) {
//!     let settings = Settings {
//!         not_before: UnixTime(1_796_040_000),
//!         uses: &["archive"],
//!         ..Settings::new("kitchen", "home", &["192.168.1.10:8374", "192.168.1.11:8374"])
//!     };
//!     let parts =
//!         Parts { network, rng, flash, flash_range: 0x0008_0000..0x0008_8000, application: Thermometer };
//!     // An error says what to change: log it, and stop.
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
//! # Components
//!
//! A component gets the head of a request, reads the body piece by piece, and answers piece by piece, with a few hundred bytes of
//! memory. The node keeps its answer to the rules: exactly the bytes that `content-length` announces, none in an answer to `HEAD`, and an
//! error or a reset in place of an answer that is not whole.
//!
//! Three requests run at the same time ([`WORKERS`](sizes::WORKERS)), one of them without a body that is still on its way. Further
//! ones wait for 5 s at most ([`WAIT`](sizes::WAIT)); then their callers get status 503. A caller that sends or reads nothing for 10 s
//! ([`STALL`](sizes::STALL)) loses its place, and so does one that is slower than 256 bytes a second.
//!
//! A board calls any component of the cluster, [at once](Leaf::call) or [piece by piece](Leaf::open). This one sums up what it is
//! sent, and copies it to another component on the way:
//!
//! ```
//! use embassy_time::Duration;
//! use node_embedded::{Answer, Application, Call, ExchangeError, Leaf, Request};
//!
//! struct Meter<'d>(Leaf<'d>);
//!
//! impl Application for Meter<'_> {
//!     fn components(&self) -> &[&str] {
//!         &["meter"]
//!     }
//!
//!     async fn serve(&self, request: &Request<'_>, answer: &mut Answer<'_, '_>) -> Result<(), ExchangeError> {
//!         if request.method() != "PUT" {
//!             return answer.begin(405, &[("allow", b"PUT"), ("content-length", b"0")]).await;
//!         }
//!         let call = Call { method: "PUT", timeout: Duration::from_secs(60), ..Call::get("archive", "/raw") };
//!         let mut head = [0; 256];
//!         let length = request.content_length();
//!         let copy = self.0.open(&call, length, &mut head).await.map_err(|_| ExchangeError::Failed)?;
//!         let (mut part, mut sum) = ([0; 128], 0u8);
//!         loop {
//!             match answer.read(&mut part).await? {
//!                 0 => break,
//!                 read => {
//!                     let bytes = part.get(..read).unwrap_or_default();
//!                     sum = bytes.iter().fold(sum, |sum, byte| sum.wrapping_add(*byte));
//!                     copy.write(bytes).await?;
//!                 }
//!             }
//!         }
//!         copy.finish().await?;
//!         let kept = copy.response(&mut head).await.map_err(|_| ExchangeError::Failed)?;
//!         answer.send(kept.status(), "application/octet-stream", &[sum]).await
//!     }
//! }
//! ```
//!
//! # Methods and topics
//!
//! A board has methods of its own, calls methods of any node, publishes on topics, and subscribes to topics of other nodes
//! (node-std has the same for Linux, as its room `application`). Here a peer sets a lamp by method 0x1000, and hears of each change;
//! the lamp follows a switch elsewhere:
//!
//! ```
//! use core::cell::Cell;
//!
//! use embassy_time::{Duration, Timer};
//! use node_core::rpc::{Code, Event};
//! use node_embedded::{Application, CallError, ExchangeError, Leaf, MethodCall, Reply};
//!
//! const SET: u16 = 0x1000;
//!
//! struct Lamp(Cell<bool>);
//!
//! impl Application for Lamp {
//!     async fn call(&self, method: u16, body: &[u8], reply: &mut Reply<'_, '_>) -> Result<(), ExchangeError> {
//!         match (method, body) {
//!             (SET, [on]) => reply.ok(&self.0.replace(*on == 1)).await,
//!             (SET, _) => reply.error(Code::BadRequest, "one byte: 0 or 1").await,
//!             _ => reply.error(Code::UnknownMethod, "this lamp has no such method").await,
//!         }
//!     }
//!
//!     fn topics(&self) -> &[&str] {
//!         &["lamp"]
//!     }
//!
//!     async fn event(&self, event: &Event<'_>, data: &[u8]) -> bool {
//!         self.0.set(data == [1]);
//!         event.topic == "switch"
//!     }
//! }
//!
//! // Beside the runner.
//! async fn follow(leaf: Leaf<'_>) -> Result<(), CallError> {
//!     loop {
//!         let Some(hall) = leaf.find("hall") else { return Ok(()) };
//!         let lease = leaf.subscribe(hall, "switch").await?;
//!         leaf.publish("lamp", b"follows the switch in the hall").await;
//!         let mut answer = [0; 64];
//!         let timeout = Duration::from_secs(5);
//!         let call = MethodCall { node: Some(hall), method: SET, body: &[1], timeout };
//!         if let Ok(_result) = leaf.call_method(&call, &mut answer).await? {
//!             Timer::after(lease / 2).await;
//!         }
//!     }
//! }
//! ```
//!
//! An event reaches each subscriber at most once. At most 4 nodes subscribe to a board, and an event for a board has about 900
//! bytes.
//!
//! The node has an identity of its own, apart from its TLS keys: a P-256 key, whose hash is the node's id. The node makes the
//! key at its first start and keeps it in flash, where the key stays when TLS keys are replaced. A secure element can hold
//! it instead: [`Settings::identity`]. On each link the node and its hub prove their identities before anything else passes.
//!
//! An operator replaces the keyring from afar. The new one is sealed for this board, signed by an operator in the keyring in use,
//! newer than all before it, and on trial: when no link forms with it within 60 s, the node goes back to the keyring before it.
//!
//! # Boards alone
//!
//! With the feature `accept` and [`Settings::listen`](Settings) the node is a hub: it accepts the connections of other boards, and of
//! servers, over mutual TLS, and it passes requests on from one to the other. It has a place for four connections
//! ([`ACCEPTED`](sizes::ACCEPTED)), one of which is for the link that replaces another when keys change. Everything else works as in a
//! leaf; `Leaf` is the handle to a hub, too.
//!
//! ```
//! # #[cfg(feature = "accept")] {
//! use node_embedded::{Listen, Settings};
//!
//! let settings = Settings {
//!     listen: Some(Listen::at(&["192.168.1.7:8374"])),
//!     ..Settings::new("attic", "home", &[])
//! };
//! # let _ = settings;
//! # }
//! ```
//!
//! The TLS server takes memory from a heap, which the firmware lends by a global allocator. What somebody unknown can make it take is
//! bounded: `boards/README.md` has the figures.
//!
//! A room names only rooms below it:
//!
//! | room | idea |
//! |---|---|
//! | `leaf` | starting a node, the firmware's handle to it, this board's own requests |
//! | `provision` | what a board does before its node starts: its identity, its settings, blobs |
//! | `runner` | the one future in which a node lives |
//! | `hub` | what a hub does beside the work of a leaf |
//! | `serve`, `rpc` | workers that answer hubs, and the built-in methods |
//! | `relay` | a hub passes exchanges on |
//! | `trial` | a new keyring is confirmed, or the old one comes back |
//! | `application` | the firmware's part: components and methods |
//! | `connection` | one port's work: dial, shake hands, move bytes |
//! | `event` | what the firmware hears of its links, with the reasons |
//! | `exchange` | one request and its response, as this node reads and writes it |
//! | `state` | the core's machines behind one cell, and the events that change them |
//! | `flash` | the node's records, and the keyring in use |
//! | `entropy` | random bytes, or an error |
//! | `tls` | TLS 1.3 with a hub that proves its identity |
//! | `hub_rules`, `revocation` | hubs whose certificates a CA signed |
//! | `secure_element` | a device behind a bus that signs |
//! | `settings`, `sizes`, `log` | the node's settings, its memory, its log |
#![no_std]
#![forbid(unsafe_code)]

#[cfg(feature = "accept")]
extern crate alloc;
#[cfg(test)]
extern crate std;

mod application;
mod connection;
mod entropy;
mod event;
mod exchange;
mod flash;
#[cfg(feature = "accept")]
mod hub;
mod hub_rules;
mod leaf;
mod log;
mod provision;
#[cfg(feature = "accept")]
mod relay;
mod revocation;
mod rpc;
mod runner;
mod secure_element;
mod serve;
mod settings;
pub mod sizes;
mod state;
pub mod tls;
mod trial;

pub use application::{Answer, Application, Reply, Request};
pub use event::{DialError, DownReason, LinkEvent};
pub use flash::{AlignedFlash, StoreError};
pub use hub_rules::{
    BadHubRules, CrlCheck, HubNames, HubRules, JudgeHub, Known, MAX_AUTHORITIES, MAX_HUB_NAMES,
};
pub use leaf::{
    Call, CallError, CallHead, CallResponse, CallStream, ClockReading, Leaf, LeafResources, MethodCall,
    NotStarted, Parts, StartError, start,
};
pub use provision::{Board, ProvisionError, Provisioner};
pub use revocation::{BadLists, MAX_LISTS, RevocationLists};
pub use runner::Runner;
pub use secure_element::{BlockingSigner, SignDigest};
#[cfg(feature = "accept")]
pub use settings::Listen;
pub use settings::{IdentitySigner, MAX_PINS, Settings, TlsSigner};
pub use state::ExchangeError;
