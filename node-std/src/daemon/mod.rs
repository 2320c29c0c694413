//! The daemon: starts the subsystems, runs them, and stops them in order.
//!
//! ```text
//! run -> { builder -> startup -> { sockets, tls_status, reload }, signals, subsystem } -> error
//! ```

mod builder;
mod error;
mod reload;
mod run;
mod signals;
mod sockets;
mod startup;
mod subsystem;
mod tls_status;

pub use builder::{Builder, Node};
pub use error::DaemonError;
pub use reload::Source;
pub use run::run;
pub use startup::LIMITS;
