//! The node's records in flash, and the keyring in use.
//!
//! `store` keeps the records (`install` those that a blob brings), `ledger` says which of them count and which keyring is on trial,
//! `keyring` holds a checked keyring in RAM and signs with it, `held` is the key that is not in it, `wiped` clears buffers that held
//! keys, `wear` counts erases, `aligned` is for flash that takes whole words only.

mod aligned;
mod error;
mod held;
mod keyring;
mod ledger;
mod store;
mod wear;
mod wiped;

pub(crate) use aligned::Aligned;
pub(crate) use held::HeldKey;
pub(crate) use keyring::{Edition, KeySlots, Keys, Presented, Summary};
pub(crate) use store::{BlobRecords, KeyringMemory, Record, Store, Wear};
pub(crate) use wiped::Wiped;

pub use aligned::AlignedFlash;
pub use error::StoreError;
