//! The cluster as the rest of the daemon sees it: a [`View`] of its members, their [`Events`], and a way to reach each of them.
//!
//! One task owns the core's [`Node`](node_core::gossip::Node) and all state of the cluster. Other tasks hold a [`Cluster`]: they
//! read the latest view and send requests.
//!
//! ```text
//! Cluster -> request -+
//! dialer, link tasks -+-> driver -> { admission, changes, local, known_hubs, links, gossip, snapshot, view_publisher } -> View, Events
//! ```

mod admission;
mod changes;
mod dial_log;
mod dial_ranges;
mod dialer;
mod driver;
mod events;
mod expiring_peers;
mod gossip;
mod guard;
mod handle;
mod known_hubs;
mod links;
mod local;
mod missed_rotation;
mod names;
mod request;
mod security;
mod snapshot;
mod state_store;
mod tables;
mod task;
#[cfg(test)]
mod tests;
mod view;
mod view_channel;
mod view_publisher;

pub use dial_ranges::DialRanges;
pub use dialer::Dialer;
pub use events::{Event, Events};
pub use handle::{Cluster, MAX_HOPS};
pub use local::LocalMetadata;
pub use request::TaskChannels;
pub use security::Security;
pub use task::{Setup, Task};
pub use view::{LinkInfo, Member, View};
