//! A Maelstrom node on Linux.

pub mod api;
pub mod clock;
pub mod cluster;
pub mod config;
pub mod ctl;
pub mod daemon;
pub mod data_dir;
pub mod exchange;
pub mod gateway;
pub mod link;
pub mod log_limit;
mod part;
pub mod port;
pub mod proxy;
mod relay;
pub mod remote;
pub mod services;
#[cfg(test)]
mod testing;
pub mod tls;
