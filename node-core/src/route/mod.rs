//! Where a proxied request goes, how long it may take, and when it has gone in a circle. Pure functions:
//! the adapter brings the headers, the members and the clock.

pub mod deadline;
pub mod gateway;
pub mod relay;
pub mod target;

/// Names the component that is to answer. Honoured on the private port and on links; the public gateway
/// strips it.
pub const COMPONENT: &str = "maelstrom-component";

/// The nodes that the request came through, see [`relay`].
pub const RELAY_PATH: &str = "maelstrom-relay-path";

/// When the answer is worth nothing any more, in Unix nanoseconds, see [`deadline`].
pub const DEADLINE_NANO: &str = "maelstrom-deadline-nano";

/// When the request entered the cluster, in Unix nanoseconds. It informs the application and decides nothing.
pub const START_NANO: &str = "maelstrom-start-nano";
