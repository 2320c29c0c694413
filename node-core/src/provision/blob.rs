//! The blob as a board reads it: its envelope, its parts, and whether this board may take it.

use crc::{CRC_32_ISO_HDLC, Crc, NoTable};
use serde::{Deserialize, Serialize};

use super::error::BlobError;
use super::settings::{MAX_SETTINGS, Settings};
use crate::crypto::{Digest, PublicKey, Signature, Verify};
use crate::id::NodeId;
use crate::keys::{Bundle, MAX_BUNDLE, operator_key};
use crate::trust::Fingerprint;

/// Longest blob, in bytes.
pub const MAX_BLOB: usize = MAX_BUNDLE + MAX_SETTINGS + 256;

/// The purpose of the signature.
pub(super) const PURPOSE: &[u8] = b"maelstrom provision\0";
pub(super) const MAGIC: [u8; 4] = *b"MAEP";
/// Magic, version, length of the rest, checksum of the rest.
pub(super) const HEADER: usize = 4 + 1 + 2 + 4;

/// Without a table, which would take 1 KiB of a board's flash.
pub(super) const CRC: Crc<u32, NoTable> = Crc::<u32, NoTable>::new(&CRC_32_ISO_HDLC);

/// The fields of a blob but for its envelope and its signature.
#[derive(Serialize, Deserialize)]
pub(super) struct Body<'b> {
    pub(super) epoch: u64,
    pub(super) signer: [u8; 32],
    pub(super) kind: &'b str,
    pub(super) board: Option<NodeId>,
    pub(super) new_identity: bool,
    #[serde(borrow)]
    pub(super) settings: &'b [u8],
    #[serde(borrow)]
    pub(super) keyring: Option<&'b [u8]>,
}

/// A blob that is whole and undamaged. Only [`check`](Self::check) says whether a board may take it.
pub struct Blob<'b> {
    /// Grows with each blob and with each keyring for a board: Unix milliseconds.
    pub epoch: u64,
    /// SHA-256 of the signing operator's certificate, or of the compressed point of a provisioning key.
    pub signer: Fingerprint,
    /// The kind of board that it is for; empty for any.
    pub kind: &'b str,
    /// The board that it is for; `None` for any.
    pub board: Option<NodeId>,
    /// The board makes a new identity key.
    pub new_identity: bool,
    /// The encoded [`Settings`].
    pub settings: &'b [u8],
    /// The encoded [`Bundle`]; `None` keeps the keyring that the board has.
    pub keyring: Option<&'b [u8]>,
    body: &'b [u8],
    signature: Signature,
}

/// What a board is and holds when a blob arrives.
#[derive(Clone, Copy, Debug)]
pub struct Recipient<'r> {
    /// The kind of board, as its firmware names it.
    pub kind: &'r str,
    /// Its id.
    pub id: NodeId,
    /// The epoch of the last blob or keyring that it took; 0 for none.
    pub epoch: u64,
    /// The encoded keyring that it uses. A board without one was never provisioned.
    pub keyring: Option<&'r [u8]>,
    /// The key, built into the firmware, that alone signs the first blob.
    pub key: Option<PublicKey>,
}

impl<'b> Blob<'b> {
    /// The version that this code writes and reads.
    pub const VERSION: u8 = 1;

    /// Reads the blob at the start of `bytes`, and ignores the bytes after it: a partition is longer than its blob.
    ///
    /// # Errors
    /// [`BlobError`]: there is none, or it is not whole.
    pub fn read(bytes: &'b [u8]) -> Result<Self, BlobError> {
        let Some((magic, rest)) = bytes.split_first_chunk::<{ MAGIC.len() }>() else {
            return Err(BlobError::Missing);
        };
        if *magic != MAGIC {
            return Err(BlobError::Missing);
        }
        match rest.first() {
            Some(&Self::VERSION) => {}
            Some(&version) => return Err(BlobError::Version(version)),
            None => return Err(BlobError::Truncated { have: bytes.len(), need: HEADER }),
        }
        let Some((&[.., l0, l1, c0, c1, c2, c3], rest)) = bytes.split_first_chunk::<HEADER>() else {
            return Err(BlobError::Truncated { have: bytes.len(), need: HEADER });
        };
        let length = usize::from(u16::from_le_bytes([l0, l1]));
        let need = HEADER + length;
        if need > MAX_BLOB {
            return Err(BlobError::TooLong(need));
        }
        let whole = rest.get(..length).ok_or(BlobError::Truncated { have: bytes.len(), need })?;
        if CRC.checksum(whole) != u32::from_le_bytes([c0, c1, c2, c3]) {
            return Err(BlobError::Damaged);
        }
        let (body, signature) = whole.split_last_chunk::<{ Signature::LEN }>().ok_or(BlobError::Damaged)?;
        let (fields, rest) = postcard::take_from_bytes(body).map_err(|_| BlobError::Damaged)?;
        if !rest.is_empty() {
            return Err(BlobError::Damaged);
        }
        let Body { epoch, signer, kind, board, new_identity, settings, keyring } = fields;
        let signer = Fingerprint(signer);
        let signature = Signature::from_bytes(*signature);
        Ok(Self { epoch, signer, kind, board, new_identity, settings, keyring, body, signature })
    }

    /// Checks that this board may take the blob, and returns its settings. The keyring of the blob is not looked at as a
    /// whole: [`Bundle::validate`] does that.
    ///
    /// # Errors
    /// [`BlobError`]: the board MUST NOT take it.
    pub fn check(
        &self,
        recipient: &Recipient<'_>,
        crypto: &(impl Digest + Verify),
    ) -> Result<Settings<'b>, BlobError> {
        if !self.kind.is_empty() && self.kind != recipient.kind {
            return Err(BlobError::OtherKind);
        }
        if let Some(board) = self.board
            && board != recipient.id
        {
            return Err(BlobError::OtherBoard(board));
        }
        let message = statement(crypto, self.body);
        let forged = |_| BlobError::Forged(self.signer);
        match (recipient.keyring, recipient.key) {
            (None, Some(key)) if self.signer != fingerprint(key, crypto) => {
                return Err(BlobError::OtherKey(self.signer));
            }
            (None, Some(key)) => crypto.verify(&key.to_sec1(), &message, &self.signature).map_err(forged)?,
            (judge, _) => {
                let judge = judge.or(self.keyring).ok_or(BlobError::NoKeyring)?;
                let judge = Bundle::decode(judge)?;
                let key =
                    operator_key(&judge, self.signer, crypto).ok_or(BlobError::NoOperator(self.signer))?;
                crypto.verify(key.as_bytes(), &message, &self.signature).map_err(forged)?;
            }
        }
        if recipient.keyring.is_none() && self.keyring.is_none() {
            return Err(BlobError::NoKeyring);
        }
        if self.epoch <= recipient.epoch {
            return Err(BlobError::Old { epoch: self.epoch, last: recipient.epoch });
        }
        Ok(Settings::decode(self.settings)?)
    }
}

/// What is signed.
pub(super) fn statement(crypto: &impl Digest, body: &[u8]) -> [u8; 32] {
    crypto.sha256(&[PURPOSE, &[Blob::VERSION], body])
}

/// How a blob names a provisioning key as its signer.
pub(super) fn fingerprint(key: PublicKey, crypto: &impl Digest) -> Fingerprint {
    Fingerprint(crypto.sha256(&[&key.to_sec1()]))
}
