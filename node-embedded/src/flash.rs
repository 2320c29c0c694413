//! The node's records in flash, and the keyring in use.
//!
//! `store` keeps the records, `ledger` says which keyring is confirmed and which is on trial, `keyring` holds a checked keyring in
//! RAM and signs with it, `roles` says what its certificates are good for, `wiped` clears buffers that held keys.

mod keyring;
mod ledger;
mod store;
mod wiped;

pub(crate) use keyring::{Edition, KeySlots, Keys, Presented};
pub(crate) use store::{KeyringMemory, Record, Store};
pub(crate) use wiped::Wiped;

pub use store::StoreError;
