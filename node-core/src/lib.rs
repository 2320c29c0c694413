//! The Maelstrom node protocol as sans-IO state machines: no `std`, no allocator, no `unsafe`, no clock, no socket.
//!
//! A node is a member of a cluster. It finds the other members, notices when one fails, and takes and passes on requests.
//! This crate decides; an adapter moves the bytes: `node-std` on Linux, `node-embedded` on a microcontroller, and `sim`, which
//! runs thousands of nodes in virtual time. `PROTOCOL.md` is the specification, and the code cites its rules as `R-nnn`.
//!
//! # The machines
//!
//! Bytes flow one way, and no module names one above it:
//!
//! ```text
//! carrier bytes -> link -> { gossip, rpc, http + route } -> link -> carrier bytes
//! ```
//!
//! | module | what it does |
//! |---|---|
//! | [`link`] | one carrier: hello, proof of identity, exchanges with credit and deadlines, pings, GOAWAY |
//! | [`gossip`] | the node's view of the cluster: membership, failure detection, which links to make |
//! | [`rpc`], [`http`], [`route`] | what an exchange carries: methods, HTTP heads, which member answers a request |
//! | [`identity`] | the key that makes a node the node it is, and what it signs |
//! | [`wire`] | frames and messages as they travel |
//! | [`keys`], [`trust`], [`crypto`] | the keyring, the decision to accept a certificate, the traits that a device implements |
//! | [`id`], [`time`] | ids, names, instants |
//! | `sim` | the simulator (feature `sim`) |
//!
//! [`link::Link`] and [`gossip::Node`] hold state between calls. All others are functions and messages.
//!
//! # Four kinds of methods
//!
//! - **Getters** read and change nothing: `phase`, `members`.
//! - **`handle_*`** tells a machine what happened: bytes arrived, a link came up, time passed.
//! - **Commands** tell it what the caller wants: `open`, `send`, `add_seed`, `leave`.
//! - **`poll_*`** asks it what to do next: what to send, whom to dial, when to be called again. Drain it after each of the
//!   others.
//!
//! # Memory and time
//!
//! The caller lends all memory, and its length is the bound: [`gossip::StaticStorage`] for members and links,
//! [`link::Exchange`] slots for exchanges, a [`wire::Outbox`] for what is sent. A full outbox is no error: the machine says the
//! rest at a later call.
//!
//! Time is a parameter. An [`Instant`](time::Instant) counts from the caller's start and never goes backwards between two
//! calls on one machine. No machine asks for the wall clock; only certificate dates are judged by it.
//!
//! # A run loop
//!
//! Two hubs join over one carrier. A real adapter holds many links, opens the carrier that [`poll_dial`] asks for, proves the
//! peer's certificate with [`trust::Policy`] before the hello, takes nonces and keys from a cryptographic generator, and sleeps until the time that `turn` returns or bytes arrive.
//!
//! ```
//! use core::time::Duration;
//!
//! use node_core::crypto::{P256Secret, Software, SoftwareSigner};
//! use node_core::gossip::{Birth, Config, Direction, LinkEnd, Metadata, Node, StaticStorage, Start};
//! use node_core::id::LinkId;
//! use node_core::identity::{Channel, Identity};
//! use node_core::link::{self, Event, Exchange, Full, LentLink, Limits, Outbox, Phase, SliceOutbox};
//! use node_core::time::Instant;
//! use node_core::wire::{GoAway, HEADER, Kind};
//!
//! /// Moves bytes: a TLS stream on a server, a socket on a board. Both return how many bytes they moved.
//! trait Carrier {
//!     fn read(&mut self, buffer: &mut [u8]) -> usize;
//!     fn write(&mut self, bytes: &[u8]) -> usize;
//! }
//!
//! /// The only link of this example. An adapter with several gives each a number of its own.
//! const LINK: LinkId = LinkId(0);
//! const LIMITS: Limits =
//!     Limits { frame: 1024, exchanges: 2, exchange_credit: 4096, link_credit: 8192, members: 4 };
//!
//! /// A node with one link, and the bytes that wait on either side of the link.
//! struct Adapter<'s> {
//!     node: Node<'s>,
//!     link: LentLink<'s>,
//!     direction: Direction,
//!     input: ([u8; 1024 + HEADER], usize),
//!     output: Vec<u8>,
//! }
//!
//! /// Puts the messages of the node into frames of the link.
//! struct GossipFrames<'a, 's, 'b> {
//!     link: &'a mut LentLink<'s>,
//!     out: &'a mut SliceOutbox<'b>,
//! }
//!
//! impl Outbox for GossipFrames<'_, '_, '_> {
//!     fn put(&mut self, parts: &[&[u8]]) -> Result<(), Full> {
//!         self.link.gossip(&parts.concat(), self.out)
//!     }
//!
//!     fn room(&self) -> usize {
//!         self.out.room().saturating_sub(HEADER)
//!     }
//! }
//!
//! impl Adapter<'_> {
//!     /// Sends the hello: the first thing on a new carrier.
//!     fn greet(&mut self, nonce: [u8; 32]) {
//!         let mut buffer = [0; 2048];
//!         let mut out = SliceOutbox::new(&mut buffer);
//!         // Without TLS there is no channel to bind the proof to.
//!         self.link.greet(nonce, Channel::default(), &mut out).expect("an empty outbox has room for a hello");
//!         self.output.extend_from_slice(out.written());
//!     }
//!
//!     /// Does all that is due and returns the time of the next turn, unless bytes arrive earlier.
//!     fn turn(&mut self, now: Instant, carrier: &mut impl Carrier) -> Option<Instant> {
//!         let Self { node, link, direction, input: (input, filled), output } = self;
//!         let mut buffer = [0; 4096];
//!         let mut out = SliceOutbox::new(&mut buffer);
//!
//!         // What happened: bytes arrived.
//!         *filled += carrier.read(&mut input[*filled..]);
//!         let mut rest = &input[..*filled];
//!         loop {
//!             let taken = match link.handle_input(now, rest) {
//!                 Ok(taken) => taken,
//!                 Err(error) => {
//!                     // The peer broke a rule. `poll_transmit` tells it which one.
//!                     eprintln!("{error}");
//!                     node.handle_link_down(now, LINK, LinkEnd::Lost);
//!                     break;
//!                 }
//!             };
//!             match taken.event {
//!                 Some(Event::Greeted) => {
//!                     if let Err(error) = link.prove(None, node.record(), &mut out) {
//!                         eprintln!("{error}");
//!                         link.go_away(GoAway::Unproved);
//!                     }
//!                 }
//!                 Some(Event::Up(peer)) => {
//!                     if let Err(reason) = node.handle_link_up(now, LINK, *direction, &peer.record) {
//!                         link.go_away(reason);
//!                     }
//!                 }
//!                 Some(Event::Gossip(message)) => {
//!                     // An error makes `poll_close` end the link.
//!                     let _ = node.handle_gossip(now, LINK, message, &mut GossipFrames { link, out: &mut out });
//!                 }
//!                 Some(Event::GoAway(reason)) => node.handle_go_away(now, LINK, reason),
//!                 // `Opened`, `Data`, `Reset` and `Credit` belong to exchanges, which this example has none of.
//!                 _ => {}
//!             }
//!             if taken.consumed == 0 {
//!                 break;
//!             }
//!             rest = &rest[taken.consumed..];
//!         }
//!         let left = rest.len();
//!         input.copy_within(*filled - left..*filled, 0);
//!         *filled = left;
//!
//!         // What happened: time passed.
//!         if node.poll_timeout().is_some_and(|due| due <= now) {
//!             node.handle_timeout(now);
//!         }
//!         if link.handle_timeout(now).is_err() {
//!             node.handle_link_down(now, LINK, LinkEnd::Lost);
//!         }
//!         while link.poll_expired().is_some() {}
//!
//!         // What to do next.
//!         node.poll_gossip(now, LINK, &mut GossipFrames { link, out: &mut out });
//!         while let Some((_, reason)) = node.poll_close() {
//!             link.go_away(reason);
//!         }
//!         link.poll_transmit(now, &mut out);
//!         output.extend_from_slice(out.written());
//!         let written = carrier.write(output);
//!         output.drain(..written);
//!         node.poll_timeout().into_iter().chain(link.poll_timeout()).min()
//!     }
//! }
//!
//! # use std::{cell::RefCell, collections::VecDeque, io::Read, rc::Rc};
//! # type Pipe = Rc<RefCell<VecDeque<u8>>>;
//! # struct InMemory { incoming: Pipe, outgoing: Pipe }
//! # impl Carrier for InMemory {
//! #     fn read(&mut self, buffer: &mut [u8]) -> usize { self.incoming.borrow_mut().read(buffer).unwrap() }
//! #     fn write(&mut self, bytes: &[u8]) -> usize { self.outgoing.borrow_mut().extend(bytes); bytes.len() }
//! # }
//! # let (there, back) = (Pipe::default(), Pipe::default());
//! # let mut ours = InMemory { incoming: back.clone(), outgoing: there.clone() };
//! # let mut theirs = InMemory { incoming: there, outgoing: back };
//! fn link_config(identity: Identity<'_>) -> link::Config<Identity<'_>> {
//!     let five = Duration::from_secs(5);
//!     link::Config {
//!         identity,
//!         limits: LIMITS,
//!         hello_timeout: five,
//!         ping_after: five,
//!         ping_timeout: five,
//!     }
//! }
//!
//! // Lent memory: 4 members and 2 links for each node, 2 exchanges for each side of a link.
//! let mut storage = [const { StaticStorage::<4, 2>::new() }; 2];
//! let mut exchanges = [[Exchange::FREE; 2]; 4];
//! let [ours_a, theirs_a, ours_b, theirs_b] = &mut exchanges;
//! let [storage_a, storage_b] = &mut storage;
//!
//! let mut now = Instant::START;
//! // The identity keys: an adapter makes one at random at its first start, and keeps it.
//! let signers = [[0xa; 32], [0xb; 32]].map(|key| SoftwareSigner::new(P256Secret(&key)).unwrap());
//! let [a, b] = signers.each_ref().map(|key| Identity::new("home", key.public_key(), key, &Software));
//! let attic = Metadata::new("attic", Kind::Hub);
//! let barn = Metadata::new("barn", Kind::Hub);
//!
//! // One hub knows an address of the other, and is told to dial it.
//! let birth = Birth { incarnation: 1, start: Start { at: 0, random: 1 }, metadata: &attic, seed: 1 };
//! let mut node = Node::new(now, Config::new(a.id, Kind::Hub), a, birth, storage_a.lend())?;
//! node.add_seed(now, "192.168.1.10:8374").expect("there is room for 8 seeds");
//! let dial = node.poll_dial(now).expect("a node dials its seeds");
//! assert_eq!(dial.address, "192.168.1.10:8374");
//! let mut dialler = Adapter {
//!     node,
//!     link: LentLink::new(link_config(a), &mut ours_a[..], &mut theirs_a[..], now),
//!     direction: Direction::Dialled(dial.target),
//!     input: ([0; 1024 + HEADER], 0),
//!     output: Vec::new(),
//! };
//!
//! // The other one accepts.
//! let birth = Birth { incarnation: 1, start: Start { at: 0, random: 2 }, metadata: &barn, seed: 2 };
//! let mut listener = Adapter {
//!     node: Node::new(now, Config::new(b.id, Kind::Hub), b, birth, storage_b.lend())?,
//!     link: LentLink::new(link_config(b), &mut ours_b[..], &mut theirs_b[..], now),
//!     direction: Direction::Accepted,
//!     input: ([0; 1024 + HEADER], 0),
//!     output: Vec::new(),
//! };
//!
//! dialler.greet([1; 32]);
//! listener.greet([2; 32]);
//! for _ in 0..10 {
//!     // Each returns when it is due again; here bytes always arrive earlier.
//!     dialler.turn(now, &mut ours);
//!     listener.turn(now, &mut theirs);
//!     now = now + Duration::from_millis(10);
//! }
//! assert_eq!(dialler.link.phase(), Phase::Up);
//! assert!(dialler.node.member(b.id).is_some() && listener.node.member(a.id).is_some());
//! # Ok::<(), node_core::gossip::PublishError>(())
//! ```
//!
//! [`poll_dial`]: gossip::Node::poll_dial
#![no_std]
#![forbid(unsafe_code)]

#[cfg(any(test, feature = "sim"))]
extern crate std;

mod log;

pub mod crypto;
pub mod gossip;
pub mod http;
pub mod id;
pub mod identity;
pub mod keys;
pub mod link;
pub mod provision;
pub mod route;
pub mod rpc;
#[cfg(feature = "sim")]
pub mod sim;
pub mod time;
pub mod trust;
pub mod wire;
