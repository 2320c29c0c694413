//! Membership and its spreading (PROTOCOL.md, R-080 to R-099 and R-110 to R-117).
//!
//! [`Node`] composes four machines, each with a room of its own. Arrows go one way:
//!
//! ```text
//! node -> { sync, broadcast } -> overlay -> membership
//!
//! membership   what this node believes of every member, and why
//! overlay      which links there are, and which carry gossip
//! broadcast    what changed here goes to peers that do not know it yet
//! sync         finds and repairs what two hubs know differently
//! ```
//!
//! Its methods:
//!
//! ```text
//! handle_link_up / _down, handle_gossip, handle_go_away, handle_dial_failed, handle_keyring,
//! handle_timeout                                                              (what happened)
//! add_seed, set_metadata, set_keys, secure, redial, remove, sleep, wake, leave (commands)
//! poll_dial, poll_gossip, poll_ping, poll_close, poll_timeout, changes        (what to do next)
//! ```
//!
//! A leaf needs little of this. Without the feature `hub` the rest is left out: reconciliation, eager and lazy push, probes, the
//! upkeep of the overlay.

mod broadcast;
mod config;
mod context;
mod membership;
mod node;
mod overlay;
mod packer;
mod storage;
mod sync;
mod timers;

pub use config::Config;
#[cfg(feature = "sim")]
pub(crate) use membership::mix;
pub use membership::{Failure, IdEntry, Member, MemberSlot, PartFingerprint, PublishError};
pub use node::{Birth, GossipError, Node, NotDown};
pub use overlay::{Dial, Direction, LinkEnd, Peer, Target};
pub use storage::{StaticStorage, Storage};

pub use crate::identity::Certificates;
pub use crate::wire::gossip::Malformed;
pub use crate::wire::{Kind, Metadata, Record, Rival, Start, State};
