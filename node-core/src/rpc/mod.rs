//! Remote procedure calls (PROTOCOL.md, R-060 to ): an exchange with a method number; the request is the
//! method's body, the response a postcard `Result` whose `Err` says what went wrong.
//!
//! Numbers below 0x1000 are built in; a board or a server adds its own from [`FIRST_CUSTOM`] on.

mod log;
mod messages;
mod method;
mod response;

pub use log::{LOG_STREAM_S, LogItem, LogLevel, LogLine, LogRequest, LogTime, MAX_LOG_ITEM};
pub use messages::{Counters, Event, KeySlot, MemberItem, Status, Subscribe};
pub use method::{FIRST_CUSTOM, LEASE_S, MAX_BODY, MAX_EVENT, MAX_PING, Method, needs};
pub use response::{Code, Response, RpcError};
