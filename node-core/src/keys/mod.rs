//! The keys of a node: the certificates that it trusts, the pair that signs, and the bundle that carries a keyring to a board.

mod bundle;
mod keyring;
mod roles;
mod sealed;

pub use bundle::{
    Bundle, BundleError, BundleSlot, MAX_BUNDLE, MAX_BUNDLE_CERTIFICATE, MAX_BUNDLE_SLOTS, SlotProblem,
};
pub use keyring::{Keyring, KeyringError, MAX_SLOTS, SlotInfo};
pub use roles::{operator_key, roles_in};
pub use sealed::{MAX_SEALED, Opened, Recipient, SealedError, addressee};
#[cfg(feature = "seal")]
pub use sealed::{SealError, Sealer};
