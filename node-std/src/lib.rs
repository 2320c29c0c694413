//! A Maelstrom node on Linux: the daemon `maelstromd` and the tool `maelctl`.
//!
//! | room | content |
//! |---|---|
//! | [`daemon`] | starts, runs and stops everything |
//! | [`port`] | the private and the public listener |
//! | [`api`] | JSON-RPC for tools |
//! | [`peer`] | answers and questions to peers, and relayed exchanges |
//! | [`application`] | methods and topics of an application that runs a node in its process |
//! | [`rpc`] | methods between nodes as tasks |
//! | [`proxy`] | HTTP between clients and components |
//! | [`cluster`] | the members, and the way to each of them |
//! | [`link`] | node-core's links on TCP and TLS |
//! | [`access`] | which roles a peer has |
//! | [`tls`] | the keyring in the TLS directory |
//! | [`config`], [`ctl`] | the command lines of `maelstromd` and `maelctl` |
//!
//! A room uses only rooms to the right of it:
//!
//! ```text
//! daemon -> { port, peer } -> api -> { proxy, application -> rpc } -> cluster -> link -> access -> tls
//!                             ctl ->                                                              config
//! ```
//!
//! Five rooms stand alone: [`clock`], [`identity`], [`log`], [`log_limit`] and [`data_dir`]. They belong to no room, because several rooms use them.
//! They use no room, except that `data_dir` reads addresses as `config` does.

pub mod access;
pub mod api;
pub mod application;
mod buffer;
pub mod clock;
pub mod cluster;
pub mod config;
mod connect;
pub mod ctl;
pub mod daemon;
pub mod data_dir;
mod file_watch;
pub mod identity;
pub mod link;
pub mod log;
pub mod log_limit;
pub mod peer;
pub mod port;
pub mod proxy;
pub mod rpc;
mod source;
mod stack;
#[cfg(test)]
mod testing;
pub mod tls;
