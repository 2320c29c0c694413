//! A deterministic simulator: real [`Node`](crate::gossip::Node)s by the thousand, in virtual time.
//!
//! Three layers; each can be used without the next:
//!
//! - [`net`]: machines, links and datagrams between them, and everything that can go wrong there. It knows nothing
//!   about nodes, so another protocol can run in the same network.
//! - [`cluster`]: hosts that run nodes over that network, and what they come to believe of each other.
//! - Scenarios are data. The package `node-sim` plays them (`cargo xtask sim`).
//!
//! The same seed gives the same history on every machine: every random choice comes from one generator, events of one
//! time happen in the order in which they were scheduled, and nothing reads a clock.
//!
//! ```
//! use core::time::Duration;
//! use node_core::sim::Cluster;
//!
//! let mut cluster = Cluster::with(7, 5, 1);
//! cluster.until(Duration::from_secs(3), "all see all", Cluster::converged);
//! cluster.kill(2);
//! cluster.run(Duration::from_secs(20));
//! assert!(cluster.converged());
//! ```

pub mod cluster;
pub mod net;
mod queue;
pub mod toy;

pub use cluster::{Belief, Capacity, Cluster, DeclaredDown, Host, Known, MemberUpdate, Spread};
pub use net::{Conditions, Event, Net, Path, Traffic};
