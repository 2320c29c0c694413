//! The methods that ask another node: a ping, what it says of itself, its keyring, a new keyring for a board, any call.
//!
//! [`Remote`] carries a question to the other node. The daemon implements it over the links of the cluster, tests with
//! answers of their own.

mod brief;
mod call;
mod counters;
mod inspect;
mod keys;
mod method;
mod ping;
mod remote;

pub use brief::{MemberBrief, NodeBrief};
pub(super) use call::{CallParams, PEER, Way};
pub use counters::BoardCounters;
pub use inspect::{ComponentList, MemberList};
pub use keys::{KeyList, PushAnswer};
pub use method::MethodAnswer;
pub use ping::PingAnswer;
pub use remote::{Pong, Remote, RemoteError};
