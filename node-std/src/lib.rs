//! A Maelstrom node on Linux: the daemon `maelstromd` and the tool `maelctl`.
//!
//! | room | what it holds |
//! |---|---|
//! | [`daemon`] | starts, runs and stops everything |
//! | [`port`] | the private and the public listener |
//! | [`api`] | JSON-RPC for tools |
//! | [`peer`] | what peers are answered, and asked |
//! | [`proxy`] | HTTP between clients and components |
//! | [`cluster`] | the members, and the way to each of them |
//! | [`link`] | node-core's links on TCP and TLS |
//! | [`tls`] | the keyring in the TLS directory |
//! | [`config`], [`ctl`] | the command lines of `maelstromd` and `maelctl` |
//!
//! A room uses those below it:
//!
//! ```text
//! daemon -> port -> api -> peer .. -> proxy -> cluster -> link -> tls
//! ```
//!
//! [`clock`], [`log_limit`] and [`data_dir`] stand alone: many rooms use them, and they use none (`data_dir` reads addresses as
//! `config` does).

pub mod api;
pub mod clock;
pub mod cluster;
pub mod config;
pub mod ctl;
pub mod daemon;
pub mod data_dir;
pub mod link;
pub mod log_limit;
pub mod peer;
pub mod port;
pub mod proxy;
#[cfg(test)]
mod testing;
pub mod tls;
