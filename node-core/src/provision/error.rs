//! Why a board does not take a blob.

use thiserror::Error;

use super::blob::{Blob, MAX_BLOB};
use super::settings::SettingsError;
use crate::id::NodeId;
use crate::keys::BundleError;
use crate::trust::Fingerprint;

/// Why a board does not take a blob. Nothing changed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum BlobError {
    /// There is no blob: the partition is empty, or holds something else.
    #[error("no provisioning blob here")]
    Missing,
    /// The version is not known here.
    #[error(
        "provisioning blob of version {0}, but version {known} is known here: update the older side",
        known = Blob::VERSION
    )]
    Version(u8),
    /// It has this many bytes, more than any blob.
    #[error("the provisioning blob has {0} bytes, {MAX_BLOB} at most")]
    TooLong(usize),
    /// Its end is missing.
    #[error("the provisioning blob is cut off: {have} of its {need} bytes are here")]
    Truncated {
        /// The bytes that are here.
        have: usize,
        /// The bytes that it has.
        need: usize,
    },
    /// The checksum or the form is wrong.
    #[error("the provisioning blob is damaged: copy or send it again")]
    Damaged,
    /// It is for another kind of board.
    #[error("the provisioning blob is for another kind of board: make one for this kind, or for any")]
    OtherKind,
    /// It is for this board.
    #[error("the provisioning blob is for the board {0}, not for this one")]
    OtherBoard(NodeId),
    /// A board without a keyring needs one.
    #[error("the provisioning blob has no keyring, and this board has none yet: make the blob with keys")]
    NoKeyring,
    /// The signer is not known as an operator.
    #[error(
        "{0} is no operator for this board: sign with a key that is in its keyring as a pair, or as NAME.operator.crt"
    )]
    NoOperator(Fingerprint),
    /// The firmware takes the first blob from its own provisioning key only.
    #[error("this firmware takes its first blob only from its own provisioning key, not from {0}")]
    OtherKey(Fingerprint),
    /// The signer did not sign this.
    #[error("the provisioning blob is forged: it is not signed by the key of {0}")]
    Forged(Fingerprint),
    /// It is not newer than what the board has.
    #[error(
        "the provisioning blob is of epoch {epoch}, and this board had epoch {last} already: make it anew, with the right time"
    )]
    Old {
        /// Its epoch.
        epoch: u64,
        /// The epoch that the board keeps.
        last: u64,
    },
    /// The settings in it.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The keyring in it.
    #[error(transparent)]
    Keyring(#[from] BundleError),
}
