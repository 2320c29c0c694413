//! Scenarios for the simulator of node-core: data in `scenarios/`, played with clusters of any size, each giving a row of
//! figures. `cargo xtask sim --help` is the way in.

pub mod agenda;
pub mod figures;
pub mod play;
pub mod progress;
pub mod scenario;
pub mod snapshot;
pub mod standard;
pub mod subject;
pub mod table;
