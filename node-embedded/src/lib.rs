//! A Maelstrom node on a microcontroller.
#![no_std]
#![forbid(unsafe_code)]
