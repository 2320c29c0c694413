//! The harness: daemons, boards, certificates and clients for whole-system tests.

pub mod board;
