//! A board on a serial line: it says what it is, asks for a certificate, and takes a blob.

use core::fmt::Write as _;

use embedded_io_async::{Read, Write};
use embedded_storage_async::nor_flash::NorFlash;
use embedded_tls::CryptoRngCore;
use node_core::id::Hex;
use node_core::provision::Blob;
use node_core::provision::frame::{self, About, Answer, MAX_ANSWER, MAX_TEXT, Request};

use super::{Desk, ProvisionError, Provisioner};
use crate::flash::Wiped;
use crate::log::{information, warning};
use crate::sizes::SCRATCH;

/// Bytes that are read at once.
const CHUNK: usize = 32;

impl<G: CryptoRngCore, F: NorFlash> Provisioner<'_, G, F> {
    /// Answers on a serial line until a blob is taken. Returns false when the line ended before.
    ///
    /// A blob takes at most [`SCRATCH`] bytes as a frame.
    ///
    /// # Errors
    /// The line failed. What arrived of a frame is forgotten.
    pub async fn serve<S: Read + Write>(&mut self, line: &mut S) -> Result<bool, S::Error> {
        let Self { desk, buffer } = self;
        let buffer = Wiped(buffer);
        if !desk.store.has_settings() {
            information!(
                "this board is not provisioned, and waits for a blob: kind {}, id {}, public key {}",
                desk.kind,
                desk.id(),
                Hex(&desk.identity.to_sec1())
            );
        }
        let mut filled = Some(0);
        let mut chunk = [0; CHUNK];
        loop {
            let read = line.read(&mut chunk).await?;
            if read == 0 {
                return Ok(false);
            }
            for byte in chunk.iter().take(read) {
                if *byte != frame::END {
                    filled = filled.and_then(|at: usize| keep(buffer.0, at, *byte));
                    continue;
                }
                let outcome = match filled.replace(0) {
                    Some(0) => continue,
                    Some(length) => desk.handle(buffer.0, length).await,
                    None => Some(refuse(buffer.0, &TooLong)),
                };
                let Some(Said { length, taken }) = outcome else { continue };
                line.write_all(buffer.0.get(..length).unwrap_or_default()).await?;
                line.flush().await?;
                if taken {
                    return Ok(true);
                }
            }
        }
    }
}

/// An answer at the start of the buffer.
struct Said {
    length: usize,
    /// A blob was taken.
    taken: bool,
}

impl<G: CryptoRngCore, F: NorFlash> Desk<'_, G, F> {
    /// Does what the first `length` bytes of `buffer` ask for, and puts the answer in their place. `None`: they ask for nothing.
    async fn handle(&mut self, buffer: &mut [u8; SCRATCH], length: usize) -> Option<Said> {
        let blob = match frame::decode(buffer.get_mut(..length)?).ok()? {
            Request::Identify => return Some(say(buffer, &Answer::Identity(self.about()))),
            // As firmware that never heard of it.
            #[cfg(not(feature = "tls-key"))]
            Request::RequestCertificate => return None,
            #[cfg(feature = "tls-key")]
            Request::RequestCertificate => {
                return Some(match self.certificate_request().await {
                    Ok(request) => say(buffer, &Answer::CertificateRequest(&request)),
                    Err(error) => refuse(buffer, &error),
                });
            }
            Request::Provision(blob) => blob,
        };
        let taken = match Blob::read(blob) {
            Ok(blob) => self.take(&blob).await,
            Err(error) => Err(ProvisionError::Blob(error)),
        };
        Some(match taken {
            Ok(()) => Said { taken: true, ..say(buffer, &Answer::Provisioned(self.about())) },
            Err(error) => {
                warning!("the blob is refused: {}", error);
                refuse(buffer, &error)
            }
        })
    }

    fn about(&self) -> About<'_> {
        About { kind: self.kind, id: self.id(), key: self.identity, provisioned: self.store.has_settings() }
    }
}

/// Keeps a byte of a frame. `None` when there is no more room.
fn keep(buffer: &mut [u8; SCRATCH], at: usize, byte: u8) -> Option<usize> {
    *buffer.get_mut(at)? = byte;
    Some(at + 1)
}

/// The frame was longer than the buffer.
struct TooLong;

impl core::fmt::Display for TooLong {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(
            f,
            "the blob is longer than this board takes over serial, some {SCRATCH} bytes: remove old slots of the keyring"
        )
    }
}

fn refuse(buffer: &mut [u8; SCRATCH], why: &dyn core::fmt::Display) -> Said {
    let mut text: heapless::String<MAX_TEXT> = heapless::String::new();
    // A longer text is cut off.
    let _ = write!(text, "{why}");
    say(buffer, &Answer::Refused(&text))
}

/// Puts an answer at the start of the buffer.
fn say(buffer: &mut [u8; SCRATCH], answer: &Answer<'_>) -> Said {
    let (place, scratch) = buffer.split_at_mut(SCRATCH / 2);
    let scratch = scratch.get_mut(..MAX_ANSWER).unwrap_or_default();
    let length = frame::encode(answer, scratch, place).map_or(0, <[u8]>::len);
    Said { length, taken: false }
}
