//! The overlay: which links there are, and which of them carry gossip.
//!
//! The hubs form a random graph: each keeps links to some hubs that it chose with equal chance, its active view, takes links that
//! other hubs chose, and prunes what is too much (HyParView). A link belongs to the overlay while one side grafts it; a link that
//! was dialled for requests alone carries no gossip until then.
//!
//! [`Overlay`] holds one [`Peer`] for each link, the seeds, the dial budget, and the addresses that back off. It reads from the
//! membership whom to dial, and tells it how dials and links ended.

mod active_view;
mod addresses;
mod dial_budget;
mod dialer;
mod lifecycle;
mod links;
mod next_dial;
mod peer;
mod peer_exchange;
mod peers;
mod prune;
mod rekey;
mod seeds;
mod tie_break;

pub use lifecycle::{Direction, LinkEnd};
pub use links::Overlay;
pub use next_dial::{Dial, Target};
pub use peer::Peer;
pub use peers::Peers;
