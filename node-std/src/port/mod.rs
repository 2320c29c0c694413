//! The private port: one listener, told apart by its first bytes.

pub mod sniff;
