//! A whole keyring in a few kilobytes: `maelctl keys push` sends it to a board, and the board keeps it in flash.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::keyring::{Keyring, KeyringError, SlotInfo};
use crate::crypto::{Derive, Digest, P256Secret, PublicKey};
use crate::id::Name;
use crate::trust::{Certificate, KeyAlgorithm};

/// Longest encoding of a bundle, in bytes.
pub const MAX_BUNDLE: usize = 4096;
/// Most slots in a bundle.
pub const MAX_BUNDLE_SLOTS: usize = 8;
/// Longest certificate in a bundle, in bytes of DER.
pub const MAX_BUNDLE_CERTIFICATE: usize = 1024;

/// A keyring for a board, borrowed from its encoding or put together on a host.
///
/// Encoded as one version byte and the postcard form of its slots (PROTOCOL.md).
#[derive(Default)]
pub struct Bundle<'a> {
    slots: heapless::Vec<BundleSlot<'a>, MAX_BUNDLE_SLOTS>,
}

/// A named certificate with or without its private key.
#[derive(Serialize, Deserialize)]
pub struct BundleSlot<'a> {
    /// The slot's name.
    pub name: Name,
    /// The certificate in DER.
    #[serde(borrow)]
    pub certificate: &'a [u8],
    #[serde(borrow)]
    key: Option<&'a [u8]>,
}

impl<'a> Bundle<'a> {
    /// The version that this code writes and reads, first byte of every bundle.
    pub const VERSION: u8 = 1;

    /// Adds a slot.
    ///
    /// # Errors
    /// There are [`MAX_BUNDLE_SLOTS`] already; the bundle is unchanged.
    pub fn push(&mut self, slot: BundleSlot<'a>) -> Result<(), BundleError> {
        self.slots.push(slot).map_err(|_| BundleError::TooManySlots)
    }

    /// Writes the bundle to the start of `buffer` and returns what was written, private keys in the clear: it
    /// may go over an authenticated link, into flash, into a file with mode 0600, and nowhere else.
    ///
    /// # Errors
    /// The slots take more than [`MAX_BUNDLE`] bytes.
    pub fn encode<'b>(&self, buffer: &'b mut [u8; MAX_BUNDLE]) -> Result<&'b [u8], BundleError> {
        let encoded = postcard::to_slice(&(Self::VERSION, &self.slots), buffer);
        encoded.map(|encoded| &*encoded).map_err(|_| BundleError::TooLong)
    }

    /// Reads a bundle. Its certificates and keys are not looked at: [`validate`](Self::validate) does that.
    ///
    /// # Errors
    /// Another version, a limit exceeded, or bytes that are no bundle.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, BundleError> {
        if bytes.len() > MAX_BUNDLE {
            return Err(BundleError::TooLong);
        }
        let (&version, rest) = bytes.split_first().ok_or(BundleError::Malformed)?;
        if version != Self::VERSION {
            return Err(BundleError::Version(version));
        }
        let (slots, rest) = postcard::take_from_bytes(rest).map_err(|_| BundleError::Malformed)?;
        if !rest.is_empty() {
            return Err(BundleError::Malformed);
        }
        Ok(Self { slots })
    }

    /// Checks everything that a board relies on and describes the slots, so that a bad bundle is refused before
    /// it replaces a good one.
    ///
    /// # Errors
    /// The bundle breaks a rule of the [`Keyring`], or one slot cannot be used.
    pub fn validate(
        &self,
        crypto: &(impl Digest + Derive),
    ) -> Result<heapless::Vec<SlotInfo, MAX_BUNDLE_SLOTS>, BundleError> {
        self.validate_with(crypto, None)
    }

    /// As [`validate`](Self::validate), for a board that holds the private key of `held` itself: each certificate of that
    /// key is a pair, and the bundle need not hold another one.
    ///
    /// # Errors
    /// As [`validate`](Self::validate).
    pub fn validate_with(
        &self,
        crypto: &(impl Digest + Derive),
        held: Option<PublicKey>,
    ) -> Result<heapless::Vec<SlotInfo, MAX_BUNDLE_SLOTS>, BundleError> {
        let mut infos = heapless::Vec::new();
        self.describe_into(&mut infos, crypto, held)?;
        Keyring::new(&infos).map_err(BundleError::Keyring)?;
        Ok(infos)
    }

    /// As [`validate`](Self::validate), without the rules for all slots together: for a host that learns later which key the board holds.
    ///
    /// # Errors
    /// One slot cannot be used.
    pub fn describe(
        &self,
        crypto: &(impl Digest + Derive),
    ) -> Result<heapless::Vec<SlotInfo, MAX_BUNDLE_SLOTS>, BundleError> {
        let mut infos = heapless::Vec::new();
        self.describe_into(&mut infos, crypto, None)?;
        Ok(infos)
    }

    fn describe_into(
        &self,
        infos: &mut heapless::Vec<SlotInfo, MAX_BUNDLE_SLOTS>,
        crypto: &(impl Digest + Derive),
        held: Option<PublicKey>,
    ) -> Result<(), BundleError> {
        for slot in &self.slots {
            let info = slot
                .validate(crypto, held)
                .map_err(|problem| BundleError::Slot { name: slot.name.clone(), problem })?;
            infos.push(info).map_err(|_| BundleError::TooManySlots)?;
        }
        Ok(())
    }

    /// The slots in the order in which they were added.
    #[must_use]
    pub fn slots(&self) -> &[BundleSlot<'a>] {
        &self.slots
    }

    /// The slot with this name.
    #[must_use]
    pub fn slot(&self, name: &Name) -> Option<&BundleSlot<'a>> {
        self.slots.iter().find(|slot| slot.name == *name)
    }
}

impl<'a> BundleSlot<'a> {
    /// A certificate in DER that is trusted only.
    #[must_use]
    pub const fn trusted(name: Name, certificate: &'a [u8]) -> Self {
        Self { name, certificate, key: None }
    }

    /// A certificate in DER with its private key.
    #[must_use]
    pub const fn pair(name: Name, certificate: &'a [u8], key: P256Secret<'a>) -> Self {
        Self { name, certificate, key: Some(key.0) }
    }

    /// The private key, if the slot has a whole one.
    #[must_use]
    pub fn key(&self) -> Option<P256Secret<'a>> {
        self.key.and_then(|key| key.try_into().ok()).map(P256Secret)
    }

    fn validate(
        &self,
        crypto: &(impl Digest + Derive),
        held: Option<PublicKey>,
    ) -> Result<SlotInfo, SlotProblem> {
        let certificate = Certificate::parse(self.certificate).map_err(|_| SlotProblem::Malformed)?;
        let Some(public) = certificate.p256_key() else {
            return Err(SlotProblem::NotP256(certificate.algorithm));
        };
        if self.certificate.len() > MAX_BUNDLE_CERTIFICATE {
            return Err(SlotProblem::CertificateTooLong(self.certificate.len()));
        }
        let info = SlotInfo::new(self.name.clone(), self.certificate, &certificate, crypto);
        if self.key.is_none() {
            let is_held = held.is_some_and(|held| held == PublicKey::from(&public));
            return Ok(if is_held { info.with_key() } else { info });
        }
        let secret = self.key().ok_or(SlotProblem::BadKey)?;
        match crypto.public_key(secret) {
            Ok(derived) if derived == public => Ok(info.with_key()),
            Ok(_) => Err(SlotProblem::KeyMismatch),
            Err(_) => Err(SlotProblem::BadKey),
        }
    }
}

/// The reason why a bundle is refused. Nothing changed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum BundleError {
    /// The bytes are no bundle.
    #[error("not a keyring bundle: push the TLS directory again")]
    Malformed,
    /// The bundle has this version, which is not known here.
    #[error(
        "keyring bundle of version {0}, but version {known} is known here: update the older side",
        known = Bundle::VERSION
    )]
    Version(u8),
    /// It is longer than [`MAX_BUNDLE`].
    #[error("the keyring takes more than {MAX_BUNDLE} bytes: remove old slots or shorten the certificates")]
    TooLong,
    /// It has more than [`MAX_BUNDLE_SLOTS`].
    #[error("the keyring has more than {MAX_BUNDLE_SLOTS} slots for a board: remove old ones")]
    TooManySlots,
    /// Its slots break a rule of every keyring.
    #[error("{0}")]
    Keyring(KeyringError),
    /// It has no private key, and no certificate of the key that the board holds itself, if it holds one.
    #[error(
        "the keyring has neither a private key nor a certificate of a key that this board holds: make that certificate from the \
         board's own request (maelctl provision --request, cert board --request)"
    )]
    NoKey,
    /// One slot cannot be used.
    #[error("slot {name}: {problem}")]
    Slot {
        /// Its name.
        name: Name,
        /// The problem.
        problem: SlotProblem,
    },
}

/// A problem with one slot of a bundle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum SlotProblem {
    /// The certificate cannot be read.
    #[error("the certificate cannot be read: make it anew")]
    Malformed,
    /// The certificate has this many bytes, more than [`MAX_BUNDLE_CERTIFICATE`].
    #[error("the certificate has {0} bytes, a board takes {MAX_BUNDLE_CERTIFICATE}: shorten its names")]
    CertificateTooLong(usize),
    /// The key is of this kind, which boards cannot use.
    #[error(
        "the key is {0}, but boards need P-256 keys: make the pair with \
         openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256"
    )]
    NotP256(KeyAlgorithm),
    /// The private key is no P-256 key.
    #[error("the private key is no P-256 key: make the pair anew")]
    BadKey,
    /// The private key does not belong to the certificate.
    #[error("the private key does not belong to the certificate: copy both files of the pair")]
    KeyMismatch,
}
