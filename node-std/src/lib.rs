//! A Maelstrom node on Linux.

pub mod cluster;
pub mod exchange;
