//! The Maelstrom node protocol as sans-IO state machines. PROTOCOL.md is the specification.
//!
//! The crate has no IO, no clock, no `std` (but for the feature `sim`), no allocator and no `unsafe`. Bytes, time and events
//! go in; bytes, deadlines, dials and events come out. An adapter owns the sockets, the clock and the memory: `node-std` on a server,
//! `node-embedded` on a microcontroller, the simulator in tests. All three run the same code.
//!
//! # Parts
//!
//! ```text
//! carrier bytes -> link -> { gossip, rpc, http, route, keys } -> link -> carrier bytes
//! ```
//!
//! | module | idea |
//! |---|---|
//! | [`id`], [`time`] | node ids, names, link ids; instants and wall-clock time |
//! | [`wire`] | frames and the messages in them: what two nodes send each other |
//! | [`link`] | one carrier with the link protocol: hello, exchanges, flow control, ping, GOAWAY |
//! | [`gossip`] | membership: who is in the cluster, which links to keep, what to tell each peer |
//! | [`rpc`] | methods that a node calls on another one over an exchange |
//! | [`http`] | HTTP/1.1 heads in lent memory, for proxied requests |
//! | [`route`] | which node answers a proxied request, and how long it may take |
//! | [`crypto`] | the traits behind which an adapter puts its cryptography |
//! | [`trust`] | which certificates are accepted |
//! | [`keys`] | the keyring: which keys are trusted, and which one signs |
//! | `sim` | a deterministic network of thousands of nodes (feature `sim`, needs `std`) |
//!
//! [`Link`](link::Link) and [`gossip::Node`] do not know each other. The adapter carries events and messages between
//! them, as the run loop below does.
//!
//! # Four kinds of method
//!
//! - **Getters** change nothing.
//! - **`handle_*`** tells a machine what happened: bytes arrived, a link went down, time passed.
//! - **Commands** say what the adapter wants: open an exchange, change the metadata, leave.
//! - **`poll_*`** asks what to do next. `poll_timeout` says when `handle_timeout` is due.
//!
//! There are no callbacks. After each `handle_*` and each command the adapter drains the `poll_*` methods, in the order
//! that the type documents.
//!
//! # Time and randomness
//!
//! Time is a parameter: [`Instant`](time::Instant) counts microseconds since the adapter's start and never goes
//! backwards. Wall-clock time is separate and optional, because a board may not know it. Choices and jitter come from a
//! seed, so that a run can be repeated; keys never come from it.
//!
//! # Memory
//!
//! The adapter lends all memory, and its lengths are the bounds: [`gossip::Storage`] for members and links, slices of
//! [`Exchange`](link::Exchange) for the requests of a link, an [`Outbox`](wire::Outbox) for bytes that leave. A board
//! lends a [`StaticStorage`](gossip::StaticStorage), a server lends vectors. Nothing queues without a bound: when
//! there is no room, a method returns an error such as [`Full`](wire::Full), evicts what its documentation names, or sends the
//! rest later.
//!
//! # A run loop
//!
//! Two hubs and one carrier between them:
//!
//! ```
//! use node_core::gossip::{Birth, Config, Direction, Node, StaticStorage, Storage};
//! use node_core::id::{LinkId, NodeId};
//! use node_core::link::{self, Event, Exchange, Link};
//! use node_core::time::{Duration, Instant};
//! use node_core::wire::{Full, Hello, Kind, Limits, Metadata, Outbox, VERSION};
//!
//! /// Each node has one link here.
//! const LINK: LinkId = LinkId(1);
//! const LIMITS: Limits =
//!     Limits { frame: 1024, exchanges: 2, exchange_credit: 4096, link_credit: 8192, members: 8 };
//!
//! /// Bytes that wait for the carrier, at most 4096.
//! struct Bytes(Vec<u8>);
//!
//! impl Outbox for Bytes {
//!     fn put(&mut self, parts: &[&[u8]]) -> Result<(), Full> {
//!         let fits = parts.iter().map(|part| part.len()).sum::<usize>() <= self.room();
//!         if !fits {
//!             return Err(Full);
//!         }
//!         parts.iter().for_each(|part| self.0.extend_from_slice(part));
//!         Ok(())
//!     }
//!
//!     fn room(&self) -> usize {
//!         4096 - self.0.len()
//!     }
//! }
//!
//! /// Gossip messages, each as a frame of the link.
//! struct Messages<'a, 's> {
//!     link: &'a mut Link<'s>,
//!     bytes: &'a mut Bytes,
//! }
//!
//! impl Outbox for Messages<'_, '_> {
//!     fn put(&mut self, parts: &[&[u8]]) -> Result<(), Full> {
//!         self.link.gossip(&parts.concat(), self.bytes)
//!     }
//!
//!     fn room(&self) -> usize {
//!         self.bytes.room().saturating_sub(node_core::wire::HEADER)
//!     }
//! }
//!
//! struct Adapter<'s> {
//!     node: Node<'s>,
//!     link: Link<'s>,
//!     direction: Direction,
//!     /// Bytes from the carrier that are not a whole frame yet.
//!     input: Vec<u8>,
//!     output: Bytes,
//! }
//!
//! impl<'s> Adapter<'s> {
//!     fn new(now: Instant, number: u8, storage: Storage<'s>, exchanges: &'s mut [[Exchange; 2]; 2]) -> Self {
//!         let config = Config::new(NodeId([number; 16]), Kind::Hub);
//!         let metadata = Metadata::new("example", Kind::Hub);
//!         let birth = Birth { incarnation: 1, metadata: &metadata, seed: number.into() };
//!         let link_config = link::Config {
//!             id: config.id,
//!             cluster: "home",
//!             limits: LIMITS,
//!             hello_timeout: Duration::from_secs(5),
//!             ping_after: Duration::from_secs(5),
//!             dead_after: Duration::from_secs(5),
//!         };
//!         let [ours, theirs] = exchanges;
//!         Self {
//!             node: Node::new(now, config, birth, storage).expect("the storage is large enough"),
//!             link: Link::new(link_config, ours, theirs, now),
//!             direction: Direction::Accepted,
//!             input: Vec::new(),
//!             output: Bytes(Vec::new()),
//!         }
//!     }
//!
//!     /// A carrier was opened: each side says hello.
//!     fn start_link(&mut self, now: Instant, direction: Direction) {
//!         self.direction = direction;
//!         self.link.restart(now);
//!         let record = self.node.record();
//!         let hello = Hello { version: VERSION, cluster: "home", limits: LIMITS, time: None, record };
//!         self.link.greet(&hello, &mut self.output).expect("the output is empty");
//!     }
//!
//!     /// Bytes arrived: the link reads frames, and the node learns what concerns it.
//!     fn receive(&mut self, now: Instant, bytes: &[u8]) {
//!         self.input.extend_from_slice(bytes);
//!         let mut consumed = 0;
//!         // After an error, `poll_transmit` tells the peer why, and the link swallows further input.
//!         while let Ok(input) = self.link.handle_input(now, &self.input[consumed..]) {
//!             match input.event {
//!                 Some(Event::Up(hello)) => {
//!                     let admitted = self.node.handle_link_up(now, LINK, self.direction, &hello);
//!                     if let Err(reason) = admitted {
//!                         self.link.go_away(reason);
//!                     }
//!                 }
//!                 Some(Event::Gossip(message)) => {
//!                     let mut out = Messages { link: &mut self.link, bytes: &mut self.output };
//!                     // After an error, `poll_close` ends the link.
//!                     let _ = self.node.handle_gossip(now, LINK, message, &mut out);
//!                 }
//!                 Some(Event::GoAway(reason)) => self.node.handle_go_away(now, LINK, reason),
//!                 // A whole adapter serves exchanges here, and calls `handle_link_down` when the carrier ends.
//!                 _ => {}
//!             }
//!             if input.consumed == 0 {
//!                 break;
//!             }
//!             consumed += input.consumed;
//!         }
//!         self.input.drain(..consumed);
//!     }
//!
//!     /// Lets time pass, writes what is due and says when to be called again.
//!     fn poll(&mut self, now: Instant) -> Option<Instant> {
//!         self.node.handle_timeout(now);
//!         let mut out = Messages { link: &mut self.link, bytes: &mut self.output };
//!         self.node.poll_gossip(now, LINK, &mut out);
//!         while let Some((_, reason)) = self.node.poll_close() {
//!             self.link.go_away(reason);
//!         }
//!         // After an error, `poll_transmit` tells the peer why.
//!         let _ = self.link.handle_timeout(now);
//!         while let Some(_exchange) = self.link.poll_expired() {}
//!         self.link.poll_transmit(now, &mut self.output);
//!         self.node.poll_timeout().into_iter().chain(self.link.poll_timeout()).min()
//!     }
//! }
//!
//! let mut now = Instant::START;
//! let (mut storage_a, mut storage_b) = (StaticStorage::<8, 2>::new(), StaticStorage::<8, 2>::new());
//! let (mut exchanges_a, mut exchanges_b) = ([[Exchange::FREE; 2]; 2], [[Exchange::FREE; 2]; 2]);
//! let mut a = Adapter::new(now, 1, storage_a.lend(), &mut exchanges_a);
//! let mut b = Adapter::new(now, 2, storage_b.lend(), &mut exchanges_b);
//! a.node.add_seed(now, "192.168.1.10:8374").expect("there is room for a seed");
//!
//! while a.node.member_count() < 2 || b.node.member_count() < 2 {
//!     if let Some(dial) = a.node.poll_dial(now) {
//!         // An adapter opens a connection to `dial.address`. Here `b` is the one that accepts it.
//!         a.start_link(now, Direction::Dialled(dial.target));
//!         b.start_link(now, Direction::Accepted);
//!     }
//!     let next = a.poll(now).into_iter().chain(b.poll(now)).min();
//!     let (from_a, from_b) = (std::mem::take(&mut a.output.0), std::mem::take(&mut b.output.0));
//!     if from_a.is_empty() && from_b.is_empty() {
//!         // An adapter sleeps until then or until bytes arrive.
//!         now = next.expect("a node always has something to do later");
//!     }
//!     b.receive(now, &from_a);
//!     a.receive(now, &from_b);
//! }
//! assert!(a.node.member(b.node.id()).is_some_and(|member| member.linked));
//! ```
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
