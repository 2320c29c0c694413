//! Routing of a proxied request: which member answers it, how long it may take, and how a loop is detected. Pure functions: the
//! adapter brings the headers, the members and the clock.

pub mod balance;
pub mod deadline;
pub mod gateway;
pub mod owners;
pub mod path;
pub mod relay;
pub mod rules;
pub mod target;

/// The component that is to answer. The private port and links honour it; the public gateway strips it.
pub const COMPONENT: &str = "maelstrom-component";

/// The nodes that the request came through, see [`relay`].
pub const RELAY_PATH: &str = "maelstrom-relay-path";

/// The time after which the answer is useless, in Unix nanoseconds, see [`deadline`].
pub const DEADLINE_NANO: &str = "maelstrom-deadline-nano";

/// When the request entered the cluster, in Unix nanoseconds. It informs the application and decides nothing.
pub const START_NANO: &str = "maelstrom-start-nano";
