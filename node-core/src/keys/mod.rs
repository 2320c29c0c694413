//! The keys of a node: which are trusted, which one signs, and how a keyring travels to a board.

mod bundle;
mod keyring;

pub use bundle::{
    Bundle, BundleError, BundleSlot, MAX_BUNDLE, MAX_BUNDLE_CERTIFICATE, MAX_BUNDLE_SLOTS, SlotProblem,
};
pub use keyring::{Keyring, KeyringError, MAX_SLOTS, SlotInfo};
