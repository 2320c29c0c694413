//! A Maelstrom node on Linux.

pub mod api;
pub mod clock;
pub mod cluster;
pub mod config;
pub mod data_dir;
pub mod exchange;
pub mod gateway;
pub mod link;
pub mod port;
pub mod proxy;
#[cfg(test)]
mod testing;
pub mod tls;
