//! Membership and its spreading (PROTOCOL.md, R-080 to R-099 and R-110 to R-117).
//!
//! [`Node`] holds the member table and decides which links to keep, what to say on each, and whom to doubt:
//!
//! ```text
//! handle_link_up / _down, handle_gossip, handle_go_away, handle_dial_failed, handle_dialled_itself,
//! handle_keyring, handle_timeout                                              (what happened)
//! set_metadata, set_keys, secure, redial, remove, sleep, wake, leave              (commands)
//! poll_dial, poll_gossip, poll_close, poll_timeout, changes                   (what to do next)
//! ```
//!
//! How a change travels: every record that is new here gets the next number of the table's change order; each
//! link has a cursor into that order, and what lies behind the cursor is sent when the link has room. So a
//! burst of changes to one member costs one record for each link, and nothing queues. What was missed is
//! found by comparing sums over spans of ids (`reconcile.rs`).

mod config;
mod denial;
mod descriptions;
mod dial;
mod due;
mod learn;
mod links;
mod node;
mod order;
mod overlay;
mod peers;
mod reconcile;
mod rekey;
mod spread;
mod storage;
mod sums;
mod suspicion;
mod table;

pub use config::Config;
pub use dial::{Dial, Target};
pub use links::{Direction, LinkEnd};
pub use node::{Member, Node, NotDown};
pub use order::IdEntry;
pub use peers::Peer;
pub use rekey::Certificates;
pub use storage::{StaticStorage, Storage};
pub use sums::PartFingerprint;
pub use suspicion::Failure;
pub use table::MemberSlot;

pub use crate::wire::gossip::Malformed;
pub use crate::wire::{Kind, Metadata, Record, State};
