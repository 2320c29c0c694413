//! The identity of this node: its key, and how signatures of other nodes are checked.
//!
//! Both use the crypto library of TLS.

mod check;
mod key;

pub use check::Checker;
pub(crate) use key::random_pem;
pub use key::{BadKey, NodeKey};
