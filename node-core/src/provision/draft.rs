//! The blob as a host makes it.

use thiserror::Error;

use super::blob::{Blob, Body, CRC, HEADER, MAGIC, MAX_BLOB, fingerprint, statement};
use crate::crypto::{Digest, PublicKey, Sign, SignError, Signature};
use crate::id::NodeId;
use crate::trust::Fingerprint;

/// A blob that is to be signed.
#[derive(Clone, Copy, Debug)]
pub struct Draft<'d> {
    /// Larger than that of every blob and keyring before: Unix time in milliseconds is.
    pub epoch: u64,
    /// The kind of board that it is for; empty for any.
    pub kind: &'d str,
    /// The board that it is for; `None` for any.
    pub board: Option<NodeId>,
    /// The board makes a new identity key.
    pub new_identity: bool,
    /// The encoded [`Settings`](super::Settings).
    pub settings: &'d [u8],
    /// The encoded [`Bundle`](crate::keys::Bundle), private keys in the clear; `None` keeps the keyring that the board has.
    pub keyring: Option<&'d [u8]>,
}

impl Draft<'_> {
    /// Signs with the key of an operator's `certificate` into `buffer`, and returns the part of `buffer` that it fills.
    ///
    /// # Errors
    /// [`DraftError`]; the content of `buffer` is then undefined.
    pub fn sign<'b>(
        &self,
        certificate: Fingerprint,
        signer: &(impl Sign + ?Sized),
        crypto: &impl Digest,
        buffer: &'b mut [u8; MAX_BLOB],
    ) -> Result<&'b [u8], DraftError> {
        let Self { epoch, kind, board, new_identity, settings, keyring } = *self;
        let (header, rest) = buffer.split_first_chunk_mut::<HEADER>().ok_or(DraftError::TooLong)?;
        let fields = Body { epoch, signer: certificate.0, kind, board, new_identity, settings, keyring };
        let length = postcard::to_slice(&fields, rest).map_err(|_| DraftError::TooLong)?.len();
        let (body, place) = rest.split_at_mut_checked(length).ok_or(DraftError::TooLong)?;
        let place = place.first_chunk_mut::<{ Signature::LEN }>().ok_or(DraftError::TooLong)?;
        *place = *signer.sign(&statement(crypto, body))?.as_bytes();
        let length = length + Signature::LEN;
        let whole = rest.get(..length).ok_or(DraftError::TooLong)?;
        let [m0, m1, m2, m3] = MAGIC;
        let [l0, l1] = u16::try_from(length).map_err(|_| DraftError::TooLong)?.to_le_bytes();
        let [c0, c1, c2, c3] = CRC.checksum(whole).to_le_bytes();
        *header = [m0, m1, m2, m3, Blob::VERSION, l0, l1, c0, c1, c2, c3];
        buffer.get(..HEADER + length).ok_or(DraftError::TooLong)
    }

    /// As [`sign`](Self::sign), with a provisioning key that is built into firmware.
    ///
    /// # Errors
    /// As [`sign`](Self::sign).
    pub fn sign_with_key<'b>(
        &self,
        key: PublicKey,
        signer: &(impl Sign + ?Sized),
        crypto: &impl Digest,
        buffer: &'b mut [u8; MAX_BLOB],
    ) -> Result<&'b [u8], DraftError> {
        self.sign(fingerprint(key, crypto), signer, crypto, buffer)
    }
}

/// Why a blob was not made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum DraftError {
    /// The signing key cannot be used.
    #[error(transparent)]
    Sign(#[from] SignError),
    /// It would have more than [`MAX_BLOB`] bytes.
    #[error("the provisioning blob would have more than {MAX_BLOB} bytes: remove old slots of the keyring")]
    TooLong,
}
