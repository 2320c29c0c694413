//! Membership: what this node believes of every member, and why.
//!
//! [`Members`] holds the table. A record that arrives goes through [`apply`](Members::apply); what this node sees itself goes
//! through [`suspect`](Members::suspect) and [`probe`](Members::probe); time does the rest in [`expire`](Members::expire).
//! Membership knows no links: it asks [`Links`] who is linked, and says through it what a linked peer should refute. To have a
//! member dialled it sets `link_wanted` in its slot.

mod change_log;
mod deadlines;
mod evidence;
mod failure_detector;
mod fingerprints;
mod id_index;
mod local_health;
mod member;
mod members;
mod merge;
mod metadata_arena;
mod own;
mod refutation;
mod rejections;
mod suspicion;
mod table;
mod version;

pub use evidence::{BuddyNotification, Failure};
pub use fingerprints::{PartFingerprint, digest, id_before, mix};
pub use id_index::IdEntry;
pub use member::{Acquaintance, Member, MemberSlot};
pub use members::{Links, Members, Sender};
pub use merge::Update;
pub use own::PublishError;
pub use table::{Index, TableStorage};

#[cfg(test)]
mod tests;
