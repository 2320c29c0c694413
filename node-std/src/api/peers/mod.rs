//! What JSON-RPC asks of other nodes: a ping, their keyring, a new keyring for a board.
//!
//! [`Remote`] carries the questions. The daemon implements it over the links of the cluster, the tests with made-up nodes.
//! Questions about this node itself need no [`Remote`].

mod keys;
mod ping;
mod remote;

pub use keys::{KeyList, PushAnswer};
pub use ping::PingAnswer;
pub use remote::{Pong, Remote, RemoteError};
