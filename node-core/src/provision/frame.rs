//! What a host and a board say to each other over a serial line: messages in postcard, each with a CRC-32 behind it, as one
//! frame of COBS between zeros.
//!
//! Bytes that are no frame are passed over on both sides, so a log may share the line.

use cobs::CobsEncoder;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::blob::{CRC, MAX_BLOB};
use crate::crypto::PublicKey;
use crate::id::NodeId;

/// Ends every frame, and occurs in none.
pub const END: u8 = 0;
/// Longest payload of a frame: a message with its checksum.
pub const MAX_PAYLOAD: usize = MAX_BLOB + 8;
/// Longest frame, its end included.
pub const MAX_FRAME: usize = cobs::max_encoding_length(MAX_PAYLOAD) + 1;
/// Longest text of a refusal, in bytes. A longer one is cut off.
pub const MAX_TEXT: usize = 240;
/// Longest message of a board.
pub const MAX_ANSWER: usize = 320;

/// A message of the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Request<'a> {
    /// What board is this?
    Identify,
    /// Take this [`Blob`](super::Blob).
    Provision(#[serde(borrow)] &'a [u8]),
    /// Hold a TLS key of your own, and ask for a certificate of it.
    RequestCertificate,
}

/// A message of the board.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Answer<'a> {
    /// It is this board.
    Identity(#[serde(borrow)] About<'a>),
    /// The blob is stored, and counts from now on.
    Provisioned(#[serde(borrow)] About<'a>),
    /// Nothing changed, for this reason.
    Refused(&'a str),
    /// This [`CertificateRequest`](super::CertificateRequest), of a key that is stored.
    CertificateRequest(#[serde(borrow)] &'a [u8]),
}

/// A board, to be recorded where boards are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct About<'a> {
    /// The kind of board, as its firmware names it.
    pub kind: &'a str,
    /// The node's id.
    pub id: NodeId,
    /// The public key whose hash the id is.
    pub key: PublicKey,
    /// It has settings and a keyring.
    pub provisioned: bool,
}

/// Writes `message` as a frame between two zeros to the start of `frame`, and returns what was written. `scratch` takes the
/// message on the way.
///
/// # Errors
/// [`FrameError::TooLong`]: one of the buffers is too short.
pub fn encode<'f>(
    message: &impl Serialize,
    scratch: &mut [u8],
    frame: &'f mut [u8],
) -> Result<&'f [u8], FrameError> {
    let message = postcard::to_slice(message, scratch).map_err(|_| FrameError::TooLong)?;
    let (first, rest) = frame.split_first_mut().ok_or(FrameError::TooLong)?;
    *first = END;
    let mut encoder = CobsEncoder::new(rest);
    encoder.push(message).map_err(|_| FrameError::TooLong)?;
    encoder.push(&CRC.checksum(message).to_le_bytes()).map_err(|_| FrameError::TooLong)?;
    let end = 1 + encoder.finalize();
    *frame.get_mut(end).ok_or(FrameError::TooLong)? = END;
    frame.get(..=end).ok_or(FrameError::TooLong)
}

/// Reads the message in what stood between two zeros, in place.
///
/// # Errors
/// [`FrameError::Damaged`]: it was no frame, or it changed on the way.
pub fn decode<'f, M: Deserialize<'f>>(frame: &'f mut [u8]) -> Result<M, FrameError> {
    let length = cobs::decode_in_place(frame).map_err(|_| FrameError::Damaged)?;
    let payload = frame.get(..length).unwrap_or_default();
    let (message, checksum) = payload.split_last_chunk::<4>().ok_or(FrameError::Damaged)?;
    if CRC.checksum(message) != u32::from_le_bytes(*checksum) {
        return Err(FrameError::Damaged);
    }
    match postcard::take_from_bytes(message) {
        Ok((message, [])) => Ok(message),
        _ => Err(FrameError::Damaged),
    }
}

/// Why there is no frame or no message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum FrameError {
    /// The bytes are no message with its checksum.
    #[error("damaged on the way: send it again")]
    Damaged,
    /// The message or its frame does not fit.
    #[error("too long for a frame")]
    TooLong,
}
