//! Membership and its spreading.
pub use crate::wire::{Kind, State};
