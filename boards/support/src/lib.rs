//! What the firmware of each board needs, so that a board is a page of pins and drivers.
//!
//! | module | idea |
//! |---|---|
//! | `executor` | runs tasks, and sleeps when none can run; with the feature `runtime` |
//! | `network` | brings the network up |
//! | `node` | starts the node from the board's settings |
//! | `provision` | provides the settings of a board, from flash or over a serial line |
//! | `serial` | a serial line on a UART that is polled |
//! | `program` | the program of a board, whatever its application |
//! | `entropy` | makes a generator from what a chip's source of entropy delivers |
//! | `watchdog` | feeds a watchdog as long as the board works |
//! | `reset` | why a board starts |
//! | `component` | a component that tells the board's state, for boards without an application of their own |
//! | `heap` | memory for the TLS server of a hub, with the feature `hub` |
//! | `hub_rules` | hubs whose certificates a CA signed, with the feature `ca` |
//! | `stack` | measures the stack |
//! | `fault` | says what went wrong when the processor stops |
#![no_std]

pub mod component;
pub mod entropy;
#[cfg(feature = "runtime")]
pub mod executor;
pub mod fault;
#[cfg(feature = "hub")]
pub mod heap;
pub mod hub_rules;
pub mod network;
pub mod node;
pub mod program;
pub mod provision;
pub mod reset;
pub mod serial;
pub mod stack;
pub mod watchdog;
