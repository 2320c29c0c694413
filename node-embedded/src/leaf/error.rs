//! Why a node was not started.

use node_core::crypto::SignError;
use node_core::keys::BundleError;
use thiserror::Error;

use crate::entropy::NoEntropy;
use crate::flash::StoreError;
use crate::hub_rules::BadHubRules;
use crate::state::CoreError;

/// Why a node was not started.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StartError<E> {
    /// The random number generator does not work: it said so, or its first 512 bytes are stuck, count, begin again or have too many
    /// zeros or ones. With a good one that is so at less than one start in 2^30.
    #[error("{NoEntropy}")]
    Entropy,
    /// The flash cannot be used.
    #[error("{0}")]
    Flash(StoreError<E>),
    /// The settings make the board a hub and name a device for its TLS key, which a TLS server keeps in memory.
    #[cfg(feature = "accept")]
    #[error(
        "a hub's TLS key cannot be in a device: leave `tls` out of the settings, and give the board a keyring with a private key"
    )]
    HubKeyInDevice,
    /// The rules for hubs cannot be used.
    #[error(transparent)]
    HubRules(BadHubRules),
    /// The keyring in flash, or the one in the settings, is not valid.
    #[error(transparent)]
    Keyring(BundleError),
    /// There is no keyring, neither in flash nor in the settings.
    #[error("the board has no keyring: give it one in its settings")]
    NoKeyring,
    /// The device of the settings signs with another key than the identity key that they name.
    #[error(
        "the device that holds the identity key, or the TLS key, signs with another key: correct the public key in the settings"
    )]
    OtherKey,
    /// A name is not valid, or there are too many hubs, components, uses or pins.
    #[error(
        "the settings are out of range: names are 1 to 63 of the characters A-Z a-z 0-9 - _ . and there are at most 8 \
         hubs, 8 uses, 4 pins and 32 components"
    )]
    Settings,
    /// The identity key cannot be used.
    #[error(transparent)]
    Sign(SignError),
}

impl<E> From<CoreError> for StartError<E> {
    fn from(error: CoreError) -> Self {
        match error {
            CoreError::Settings => Self::Settings,
            CoreError::Sign(error) => Self::Sign(error),
        }
    }
}

impl<E> From<NoEntropy> for StartError<E> {
    fn from(NoEntropy: NoEntropy) -> Self {
        Self::Entropy
    }
}
