//! A Maelstrom node on Linux.

pub mod clock;
pub mod cluster;
pub mod config;
pub mod data_dir;
pub mod exchange;
pub mod link;
pub mod port;
pub mod tls;
