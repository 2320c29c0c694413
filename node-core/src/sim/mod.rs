//! A deterministic simulator: real [`Node`](crate::gossip::Node)s by the thousand, in virtual time.
//!
//! Three layers, each of use without the next:
//!
//! - [`net`]: machines, links and datagrams between them, and everything that can go wrong there. It knows nothing
//!   of nodes, so that another protocol can be put into the very same network.
//! - [`cluster`]: hosts that run nodes over that network, and what they come to believe of each other.
//! - Scenarios, which are data, are played by the package `node-sim` (`cargo xtask sim`).
//!
//! The same seed gives the same history on every machine: whatever is random comes from one generator, what
//! happens at one time happens in the order in which it was scheduled, and nothing reads a clock.
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

pub use cluster::{Belief, Capacity, Cluster, Conviction, Host, Known, News, Spread};
pub use net::{Conditions, Event, Net, Traffic};
