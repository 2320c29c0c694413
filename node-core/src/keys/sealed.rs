//! A keyring on its way to one board: encrypted to the identity of that board, and signed by an operator.
//!
//! No hub on the way sees a private key, no other board can use it, and an old one cannot come back: its epoch only grows.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::bundle::MAX_BUNDLE;
use crate::crypto::{P256Point, Signature, Unseal};
#[cfg(feature = "seal")]
use crate::crypto::{PublicKey, Sign, SignError, Software, seal};
use crate::id::NodeId;
use crate::identity::Identity;
#[cfg(feature = "seal")]
use crate::identity::{node_id, statement};
use crate::trust::Fingerprint;

/// Longest sealed bundle, in bytes.
pub const MAX_SEALED: usize = MAX_BUNDLE + 256;
/// The purpose of the signature, and the `info` of the encryption.
const PURPOSE: &str = "maelstrom keys";
/// Bytes that the encryption adds.
#[cfg(feature = "seal")]
const TAG: usize = 16;

/// The parts of a sealed bundle but for its signature.
#[derive(Serialize, Deserialize)]
struct Envelope<'b> {
    version: u8,
    board: NodeId,
    epoch: u64,
    signer: [u8; 32],
    encapsulated: &'b [u8],
    sealed: &'b [u8],
}

impl Envelope<'_> {
    const VERSION: u8 = 2;

    /// What the encryption binds beside the bundle: for which board, which epoch, by which operator.
    fn bound(&self) -> [u8; 56] {
        let mut bound = [0; 56];
        let epoch = self.epoch.to_le_bytes();
        let parts = self.board.0.iter().chain(&epoch).chain(&self.signer);
        bound.iter_mut().zip(parts).for_each(|(to, from)| *to = *from);
        bound
    }
}

/// A bundle that a board may use.
#[derive(Debug)]
pub struct Opened<'b> {
    /// Its epoch. The board keeps it, and takes no bundle of this epoch or an earlier one again.
    pub epoch: u64,
    /// The encoded [`Bundle`](super::Bundle), private keys in the clear. To be wiped when it is no longer needed.
    pub bundle: &'b mut [u8],
}

/// The board that opens a sealed bundle.
#[derive(Clone, Copy)]
pub struct Recipient<'r> {
    /// Its identity.
    pub identity: Identity<'r>,
    /// Decrypts with its identity key.
    pub unseal: &'r dyn Unseal,
    /// The epoch of the last bundle that it took; 0 for none.
    pub epoch: u64,
}

impl Recipient<'_> {
    /// Checks a sealed bundle and decrypts it in place. `operator` finds the public key of a certificate that this board
    /// accepts as an operator's.
    ///
    /// # Errors
    /// [`SealedError`]: the bundle MUST NOT be used.
    pub fn open<'b>(
        &self,
        sealed: &'b mut [u8],
        operator: impl FnOnce(Fingerprint) -> Option<P256Point>,
    ) -> Result<Opened<'b>, SealedError> {
        let (signed, signature) =
            sealed.split_last_chunk_mut::<{ Signature::LEN }>().ok_or(SealedError::Malformed)?;
        let signature = Signature::from_bytes(*signature);
        let envelope = read(signed)?;
        let Envelope { epoch, board, signer, .. } = envelope;
        if board != self.identity.id {
            return Err(SealedError::OtherBoard(board));
        }
        let signer = Fingerprint(signer);
        let key = operator(signer).ok_or(SealedError::NoOperator(signer))?;
        let message = self.identity.statement(PURPOSE, [signed, &[], &[], &[], &[]]);
        self.identity
            .verify(key.as_bytes(), &message, &signature)
            .map_err(|_| SealedError::Forged(signer))?;
        if epoch <= self.epoch {
            return Err(SealedError::Old { epoch, last: self.epoch });
        }
        let bound = envelope.bound();
        let mut encapsulated = [0; P256Point::LEN];
        let given = envelope.encapsulated;
        if given.len() != encapsulated.len() {
            return Err(SealedError::Malformed);
        }
        encapsulated.copy_from_slice(given);
        // The ciphertext is the last field.
        let at = signed.len().checked_sub(envelope.sealed.len()).ok_or(SealedError::Malformed)?;
        let ciphertext = signed.get_mut(at..).ok_or(SealedError::Malformed)?;
        let opened = self.unseal.unseal(&encapsulated, PURPOSE.as_bytes(), &bound, ciphertext);
        Ok(Opened { epoch, bundle: opened.map_err(|_| SealedError::Undecipherable)? })
    }
}

/// The board and the epoch that a sealed bundle names. Nothing is checked.
///
/// # Errors
/// [`SealedError::Malformed`], [`SealedError::Version`].
pub fn addressee(sealed: &[u8]) -> Result<(NodeId, u64), SealedError> {
    let (signed, _) = sealed.split_last_chunk::<{ Signature::LEN }>().ok_or(SealedError::Malformed)?;
    read(signed).map(|envelope| (envelope.board, envelope.epoch))
}

fn read(signed: &[u8]) -> Result<Envelope<'_>, SealedError> {
    match signed.first() {
        Some(&Envelope::VERSION) if signed.len() <= MAX_SEALED => {}
        Some(&Envelope::VERSION) => return Err(SealedError::Malformed),
        Some(&version) => return Err(SealedError::Version(version)),
        None => return Err(SealedError::Malformed),
    }
    postcard::from_bytes(signed).map_err(|_| SealedError::Malformed)
}

/// What an operator seals with, and for which board.
#[cfg(feature = "seal")]
#[derive(Clone, Copy)]
pub struct Sealer<'s> {
    /// The cluster of the board.
    pub cluster: &'s str,
    /// The identity of the board.
    pub board: PublicKey,
    /// Larger than that of every bundle before: Unix time in milliseconds is.
    pub epoch: u64,
    /// The operator's certificate, which the board has among its own.
    pub certificate: Fingerprint,
    /// Signs with the key of that certificate, which is P-256.
    pub signer: &'s dyn Sign,
}

#[cfg(feature = "seal")]
impl Sealer<'_> {
    /// Encrypts and signs an encoded [`Bundle`](super::Bundle) into `buffer`. Returns the part of `buffer` that it fills.
    ///
    /// # Errors
    /// [`SealError`]; the content of `buffer` is then undefined.
    pub fn seal<'b>(
        &self,
        bundle: &[u8],
        rng: &mut impl rand_core::CryptoRngCore,
        buffer: &'b mut [u8; MAX_SEALED],
    ) -> Result<&'b [u8], SealError> {
        let mut ciphertext = zeroize::Zeroizing::new([0; MAX_BUNDLE + TAG]);
        let ciphertext = ciphertext.get_mut(..bundle.len() + TAG).ok_or(SealError::TooLong)?;
        let (text, tag) = ciphertext.split_at_mut(bundle.len());
        text.copy_from_slice(bundle);
        let mut envelope = Envelope {
            version: Envelope::VERSION,
            board: node_id(self.board, &Software),
            epoch: self.epoch,
            signer: self.certificate.0,
            encapsulated: &[],
            sealed: &[],
        };
        let (encapsulated, sealed_tag) = seal(self.board, PURPOSE.as_bytes(), &envelope.bound(), text, rng)
            .map_err(|_| SealError::Board)?;
        tag.copy_from_slice(&sealed_tag);
        envelope.encapsulated = &encapsulated;
        envelope.sealed = ciphertext;
        let signed = postcard::to_slice(&envelope, buffer).map_err(|_| SealError::TooLong)?.len();
        let message = statement(
            &Software,
            self.cluster,
            PURPOSE,
            [buffer.get(..signed).ok_or(SealError::TooLong)?, &[], &[], &[], &[]],
        );
        let signature = self.signer.sign(&message)?;
        let whole = buffer.get_mut(..signed + Signature::LEN).ok_or(SealError::TooLong)?;
        whole.get_mut(signed..).ok_or(SealError::TooLong)?.copy_from_slice(signature.as_bytes());
        Ok(whole)
    }
}

/// Why a bundle was not sealed.
#[cfg(feature = "seal")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum SealError {
    /// The identity of the board is no point of the curve.
    #[error("the identity key of the board cannot be used: ask another node for it")]
    Board,
    /// The operator's key cannot be used.
    #[error(transparent)]
    Sign(#[from] SignError),
    /// The bundle has more than [`MAX_BUNDLE`] bytes.
    #[error("the keyring takes more than {MAX_BUNDLE} bytes: remove old slots")]
    TooLong,
}

/// Why a board refuses a sealed bundle. Nothing changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum SealedError {
    /// The bytes are no sealed bundle.
    #[error("not a sealed keyring: push the TLS directory again")]
    Malformed,
    /// The version is not known here.
    #[error("sealed keyring of version {0}, but version 2 is known here: update the older side")]
    Version(u8),
    /// It is for this board.
    #[error("the keyring is sealed for the board {0}, not for this one")]
    OtherBoard(NodeId),
    /// This board does not know the signer as an operator.
    #[error(
        "certificate {0} is no operator of this board: push with a key that is in its keyring as a pair, or as \
         NAME.operator.crt"
    )]
    NoOperator(Fingerprint),
    /// The operator did not sign this.
    #[error("the keyring is forged: it is not signed by the key of certificate {0}")]
    Forged(Fingerprint),
    /// It is not newer than the last one.
    #[error(
        "the keyring is of epoch {epoch}, and this board had epoch {last} already: seal it anew, with the right time"
    )]
    Old {
        /// Its epoch.
        epoch: u64,
        /// The epoch of the last bundle.
        last: u64,
    },
    /// It cannot be decrypted.
    #[error(
        "the keyring cannot be decrypted with the identity key of this board: seal it for the identity that it has now"
    )]
    Undecipherable,
}
