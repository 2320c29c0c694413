//! The node's records in flash, and the keyring in use.
//!
//! `store` keeps the records, `keyring` holds a checked keyring in RAM and signs with it.

mod keyring;
mod store;

pub(crate) use keyring::{KeySlots, Keys, Presented};
pub(crate) use store::{KeyringMemory, Store};

pub use store::StoreError;
