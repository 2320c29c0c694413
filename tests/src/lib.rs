//! The harness: daemons, boards, certificates and clients for whole-system tests.

pub mod board;
pub mod cluster;
pub mod component;
pub mod ctl;
pub mod daemon;
pub mod fleet;
pub mod http;
pub mod load;
pub mod log;
pub mod memory;
pub mod netns;
pub mod network;
pub mod openssl;
pub mod pki;
pub mod programs;
pub mod upstream;
pub mod wait;
