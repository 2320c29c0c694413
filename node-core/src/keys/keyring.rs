//! The rules of a keyring, the same for a directory on a server and a bundle on a board.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::crypto::Digest;
use crate::id::Name;
use crate::time::UnixTime;
use crate::trust::{Anchor, Certificate, Fingerprint, KeyAlgorithm};

/// Most slots in any keyring.
pub const MAX_SLOTS: usize = 64;

/// The public part of a slot: a named certificate, and whether its private key is here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SlotInfo {
    /// Its name: on a server the stem of the file name.
    pub name: Name,
    /// SHA-256 of its certificate.
    pub certificate: Fingerprint,
    /// SHA-256 of the certificate's `SubjectPublicKeyInfo`.
    pub spki: Fingerprint,
    /// Start of the certificate's validity.
    pub not_before: UnixTime,
    /// End of the certificate's validity.
    pub not_after: UnixTime,
    /// True when the private key is here, so that the slot is a pair; else it is trusted only.
    pub has_key: bool,
    /// The kind of key.
    pub algorithm: KeyAlgorithm,
}

impl SlotInfo {
    /// Describes a slot whose certificate has this DER and reads as `certificate`.
    #[must_use]
    pub fn new(name: Name, der: &[u8], certificate: &Certificate<'_>, crypto: &impl Digest) -> Self {
        Self {
            name,
            certificate: Fingerprint(crypto.sha256(&[der])),
            spki: Fingerprint(crypto.sha256(&[certificate.spki])),
            not_before: certificate.not_before,
            not_after: certificate.not_after,
            has_key: false,
            algorithm: certificate.algorithm,
        }
    }

    /// The same slot as a pair.
    #[must_use]
    pub fn with_key(mut self) -> Self {
        self.has_key = true;
        self
    }

    /// The anchor that this slot adds to the trust policy: exactly its certificate.
    #[must_use]
    pub const fn anchor(&self) -> Anchor {
        Anchor::Certificate(self.certificate)
    }
}

/// All slots of a node. Every certificate in it is trusted; one pair is active: it signs.
#[derive(Clone, Copy, Debug)]
pub struct Keyring<'s> {
    slots: &'s [SlotInfo],
    active: &'s SlotInfo,
}

impl<'s> Keyring<'s> {
    /// Checks the rules over `slots`, in any order.
    ///
    /// # Errors
    /// No pair, two slots of one name, or too many.
    pub fn new(slots: &'s [SlotInfo]) -> Result<Self, KeyringError> {
        if slots.len() > MAX_SLOTS {
            return Err(KeyringError::TooManySlots);
        }
        let mut rest = slots;
        while let Some((slot, later)) = rest.split_first() {
            if later.iter().any(|other| other.name == slot.name) {
                return Err(KeyringError::DuplicateName(slot.name.clone()));
            }
            rest = later;
        }
        // A name is ASCII, so the order of `str` is the order of its bytes.
        let pairs = slots.iter().filter(|slot| slot.has_key);
        let active = pairs.min_by(|a, b| a.name.cmp(&b.name)).ok_or(KeyringError::NoPair)?;
        Ok(Self { slots, active })
    }

    /// All slots, in the order in which they were given.
    #[must_use]
    pub const fn slots(&self) -> &'s [SlotInfo] {
        self.slots
    }

    /// The slot that signs: the pair with the smallest name in the order of bytes, whatever its dates.
    #[must_use]
    pub const fn active(&self) -> &'s SlotInfo {
        self.active
    }

    /// Returns true when a certificate with this SHA-256 is in the keyring. Its dates are not judged.
    #[must_use]
    pub fn trusts(&self, certificate: Fingerprint) -> bool {
        self.slots.iter().any(|slot| slot.certificate == certificate)
    }

    /// The digest by which two nodes compare what they trust: SHA-256 over the SHA-256s of all
    /// certificates, sorted as bytes, each one once (PROTOCOL.md). Names, keys and the active slot do not count.
    #[must_use]
    pub fn digest(&self, crypto: &impl Digest) -> Fingerprint {
        let certificates = || self.slots.iter().map(|slot| slot.certificate.0.as_slice());
        let mut sorted: heapless::Vec<&[u8], MAX_SLOTS> = heapless::Vec::new();
        // The next one is the smallest above the last: for so few that is short, and a board needs no sort for it.
        while let Some(next) =
            certificates().filter(|next| sorted.last().is_none_or(|last| next > last)).min()
        {
            // Never full: there are no more than `MAX_SLOTS`.
            let _ = sorted.push(next);
        }
        Fingerprint(crypto.sha256(&sorted))
    }

    /// The slots whose certificates `other` does not trust: seen from a new keyring what was added to the old
    /// one, seen from the old keyring what was removed.
    pub fn not_in(&self, other: &Self) -> impl Iterator<Item = &'s SlotInfo> {
        self.slots.iter().filter(move |slot| !other.trusts(slot.certificate))
    }

    /// Returns true when `other` signs with the same certificate.
    #[must_use]
    pub fn same_active(&self, other: &Self) -> bool {
        self.active.certificate == other.active.certificate
    }
}

/// The reason why slots do not make a keyring.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum KeyringError {
    /// No slot has a private key, so the node could not prove itself.
    #[error(
        "the keyring has no pair of certificate and private key: add one, \
         for example server_a.crt and server_a.key"
    )]
    NoPair,
    /// Two slots have this name.
    #[error("the keyring has two slots named {0}: rename one")]
    DuplicateName(Name),
    /// There are more than [`MAX_SLOTS`].
    #[error("the keyring has more than {MAX_SLOTS} slots: remove old ones")]
    TooManySlots,
}
