//! Scenarios for the simulator of node-core. They are data in `scenarios/`, played with clusters of any size; each play gives
//! a row of figures. Begin with `cargo xtask sim --help`.

pub mod agenda;
pub mod figures;
pub mod play;
pub mod progress;
pub mod scenario;
pub mod snapshot;
pub mod standard;
pub mod subject;
pub mod table;
