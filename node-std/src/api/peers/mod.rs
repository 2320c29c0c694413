//! The methods that ask another node: a ping, its keyring, a new keyring for a board.
//!
//! [`Remote`] carries a question to the other node. The daemon implements it over the links of the cluster, tests with
//! answers of their own. A question about this node itself needs no [`Remote`].

mod keys;
mod ping;
mod remote;

pub use keys::{KeyList, PushAnswer};
pub use ping::PingAnswer;
pub use remote::{Pong, Remote, RemoteError};
